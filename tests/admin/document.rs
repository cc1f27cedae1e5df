//! The API's document: each of its endpoints is called with the document's own example.

use std::collections::BTreeSet;

use noisegate::admin::office::Office;
use noisegate::admin::shown::Role;
use noisegate::admin::{Admin, Health};
use noisegate::clock::Clock;
use noisegate::demo::{DATABASE, Shop, ShopOptions};
use noisegate::wire::scram;
use serde_json::Value;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, Client};
use crate::common::{connect, open, run, texts};
use crate::place::{Place, order, policy_text, start, token};

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
    statuses: BTreeSet<String>,
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

/// A proxy with real databases, an API, and some questions that were paid for.
struct Proxy {
    shop: Shop,
    office: Office,
    address: std::net::SocketAddr,
    stop: CancellationToken,
}

impl Proxy {
    fn new() -> Self {
        let shop = open(ShopOptions::new(0.001, &policy_text(), "policy.toml"));
        let ledger = shop.gate.ledger.clone();
        run(ledger.put_user("erin", &scram::verifier("erin").unwrap())).unwrap();
        let policy = Arc::new(shop.gate.policy.clone());
        let office = Office::new(move || Arc::clone(&policy), ledger.clone(), Clock::System);
        let shadow = shop.source.config(DATABASE, "postgres");
        let health = Health::new(shop.source_config(), shadow, ledger);
        let stop = CancellationToken::new();
        let address = run(start(Admin { health, office: office.clone(), tls: None }, &stop));
        for user in ["alice", "bob"] {
            run(async {
                let (client, _) = connect(&shop.client_config(user)).await;
                texts(&client, "SELECT count(*) FROM customer").await.unwrap();
                texts(&client, "SELECT count(*) FROM orders").await.unwrap();
            });
        }
        Self { shop, office, address, stop }
    }
}

#[test]
fn every_endpoint_answers_its_own_example() {
    let mut proxy = Proxy::new();
    let client = Client::new(proxy.address).bearer(&token(&proxy.office, Role::Admin));
    let document = client.get("/openapi.json").expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut all = endpoints(&document);
    // What an example ends has to be there first, and what it makes must not be.
    all.sort_by_key(|endpoint| (endpoint.method == "DELETE", endpoint.path.ends_with("/freeze")));
    for endpoint in &all {
        let endpoint = prepared(&proxy, endpoint);
        let answer = endpoint.call(&client);
        let status = answer.status.to_string();
        assert!(endpoint.statuses.contains(&status), "{endpoint:?}: {answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        if answer.status != 204 && !endpoint.path.ends_with("/export") {
            let shape = answer.json();
            assert!(shape.is_object(), "{endpoint:?}: {answer:?}");
        }
    }
    let ready = client.at("GET", "/readyz", None).expect(200).json();
    assert_eq!(ready["ledger"], "ok");
    proxy.stop.cancel();
    run(proxy.shop.close());
}

/// The same with what its path names, where that cannot be known beforehand.
fn prepared(proxy: &Proxy, endpoint: &Endpoint) -> Endpoint {
    let mut endpoint = endpoint.clone();
    if endpoint.path == "/api/v1/tokens/{id}" {
        token(&proxy.office, Role::Auditor);
        let tokens = run(proxy.office.ledger().tokens()).unwrap();
        let id = &tokens.iter().find(|token| token.role == "auditor").unwrap().id;
        endpoint.example = endpoint.path.replace("{id}", id);
    }
    if endpoint.path == "/api/v1/analysts/{name}" && endpoint.method == "DELETE" {
        let order = order("so that there is somebody to remove");
        run(proxy.office.put_analyst("dora", "secret".to_owned(), &order)).unwrap();
    }
    endpoint
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
