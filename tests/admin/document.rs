//! The API's document, read for its endpoints and their examples.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::client::{Answer, Client};
use crate::place::Place;

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// An endpoint of the document.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) method: String,
    /// As the document has it, with names in braces.
    pub(crate) path: String,
    /// With the examples of what has to be there, and of a query.
    pub(crate) example: String,
    /// The example of the body.
    pub(crate) body: Option<Value>,
    /// The statuses that are no problems.
    pub(crate) statuses: BTreeSet<String>,
}

/// All endpoints of a document. One without an example where it needs one is an error.
pub(crate) fn endpoints(document: &Value) -> Vec<Endpoint> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
            all.push(endpoint(document, path, method, &item[*method]));
        }
    }
    assert!(all.len() > 20, "{}", all.len());
    all
}

fn endpoint(document: &Value, path: &str, method: &str, operation: &Value) -> Endpoint {
    let place = format!("{method} {path}");
    let (mut example, mut query) = (path.to_owned(), Vec::new());
    for parameter in operation["parameters"].as_array().unwrap_or(&Vec::new()) {
        let name = parameter["name"].as_str().unwrap();
        let given = match parameter.get("example").or_else(|| parameter["schema"].get("example")) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
            None => None,
        };
        match (parameter["in"].as_str().unwrap(), given) {
            ("path", Some(given)) => {
                example = example.replace(&format!("{{{name}}}"), &given.replace('/', "%2F"));
            }
            ("path", None) => panic!("{place}: {name} has no example"),
            ("query", Some(given)) => query.push(format!("{name}={}", given.replace('/', "%2F"))),
            _ => assert_ne!(parameter["required"], true, "{place}: {name} has no example"),
        }
    }
    if !query.is_empty() {
        example = format!("{example}?{}", query.join("&"));
    }
    let body = operation.get("requestBody").map(|body| {
        let content = &body["content"]["application/json"];
        let schema = &content["schema"];
        let schema = match schema["$ref"].as_str() {
            Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
            None => schema,
        };
        let given = content.get("example").or_else(|| schema.get("example"));
        given.unwrap_or_else(|| panic!("{place}: the body has no example")).clone()
    });
    let statuses = operation["responses"].as_object().unwrap().keys().cloned();
    Endpoint {
        method: method.to_uppercase(),
        path: path.to_owned(),
        example,
        body,
        statuses: statuses.filter(|status| status.starts_with('2')).collect(),
    }
}

impl Endpoint {
    /// Calls it with its example.
    pub(crate) fn call(&self, client: &Client) -> Answer {
        let body = self.body.as_ref().map(Value::to_string);
        client.at(&self.method, &self.example, body.as_deref())
    }
}

#[test]
fn examples_of_answers_have_the_answers_fields() {
    let place = Place::new();
    let document = place.nobody().get("/openapi.json").expect(200).json();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas.iter().filter(|(_, schema)| schema.get("properties").is_some()) {
        // A part of a list is as good as what is in it.
        if name.starts_with("List_") {
            continue;
        }
        let example = schema.get("example").unwrap_or_else(|| panic!("{name} has no example"));
        let example = example.as_object().unwrap_or_else(|| panic!("{name}: {example}"));
        let properties = schema["properties"].as_object().unwrap();
        for required in schema["required"].as_array().unwrap_or(&Vec::new()) {
            let optional = name == "Problem" && required == "errors";
            assert!(
                optional || example.contains_key(required.as_str().unwrap()),
                "{name}: {required}"
            );
        }
        let unknown: Vec<_> = example.keys().filter(|key| !properties.contains_key(*key)).collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
    }
}
