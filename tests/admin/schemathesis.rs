//! Requests that Schemathesis makes up from the API's document, sent to the real program: none ends
//! in an error of the server, and each answer is one that the document has.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use noisegate::demo::ShopOptions;
use serde_json::Value;

use crate::client::Client;
use crate::common::place::Place;
use crate::common::served::Served;
use crate::common::{DEMO, open, run, texts, tools};
use crate::document::endpoints;
use crate::place::policy_text;

/// What is asked of every answer. That a request which fits the document is accepted is not, since
/// the document cannot say which cursors there are.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,\
                      negative_data_rejection,missing_required_header,unsupported_method,\
                      allow_header_conformance,ignored_auth";

/// As many requests of each kind of an operation, made up from the same seed each time.
const OPTIONS: [&str; 14] = [
    "--phases=examples,coverage,fuzzing",
    "--max-examples=10",
    "--seed=1",
    "--generation-database=none",
    "--workers=1",
    "--request-timeout=60",
    "--continue-on-failure",
    "--no-shrink",
    "--no-color",
    "--warnings=off",
    "--report=ndjson",
    "--report-ndjson-path=requests.ndjson",
    "--checks",
    CHECKS,
];

/// A token of an administrator, from the command.
fn token(place: &Place) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_noisegate"))
        .args(["token", "create", "--json", "--role", "admin", "--name", "made-up"])
        .args(["--expires", "366d", "--policy"])
        .arg(place.file("policy.toml"))
        .output()
        .unwrap();
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    made["token"].as_str().unwrap().to_owned()
}

/// How often each operation answered with each status, from the report of the run.
fn statuses(report: &str) -> BTreeMap<String, BTreeMap<u64, usize>> {
    let mut all: BTreeMap<String, BTreeMap<u64, usize>> = BTreeMap::new();
    for line in report.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let recorder = &event["ScenarioFinished"]["recorder"];
        let Some(interactions) = recorder["interactions"].as_object() else { continue };
        let by = all.entry(recorder["label"].as_str().unwrap().to_owned()).or_default();
        for status in
            interactions.values().filter_map(|one| one["response"]["status_code"].as_u64())
        {
            *by.entry(status).or_default() += 1;
        }
    }
    all
}

#[test]
fn no_request_that_is_made_up_breaks_it() {
    let programs = tools::python("schemathesis", include_str!("requirements.txt"));
    let options = ShopOptions::new(0.001, DEMO, "demo.toml");
    let mut shop = open(ShopOptions { separate_shadow: true, ..options });
    let place = Place::with(&shop, &policy_text(), &["alice", "bob", "carol", "erin"]);
    let token = token(&place);
    let proxy = Served::new(&place);
    run(async {
        let alice = proxy.client("alice").await;
        texts(&alice, "SELECT count(*) FROM customer").await.unwrap();
    });
    let address = ([127, 0, 0, 1], proxy.admin).into();
    let output = Command::new(programs.join("schemathesis"))
        .args(["run", &format!("http://{address}/api/v1/openapi.json")])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(OPTIONS)
        .current_dir(place.file(""))
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/admin"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NOISEGATE_POLICY", place.file("policy.toml"))
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let client = Client::new(address).bearer(&token);
    // It has not taken away from itself what it asks with.
    client.get("/accounts").expect(200);
    let document = client.get("/openapi.json").expect(200).json();
    let log = proxy.end();
    assert!(output.status.success(), "{said}\nThe log of the proxy:\n{log}");
    assert!(!log.contains("panicked"), "{log}");

    let report = std::fs::read_to_string(place.file("requests.ndjson")).unwrap();
    let statuses = statuses(&report);
    let asked: usize = statuses.values().flat_map(BTreeMap::values).sum();
    assert!(asked > 1000, "{asked}: {said}");
    let done = |operation: &String| {
        statuses.get(operation).is_some_and(|by| by.keys().any(|status| status / 100 == 2))
    };
    let all = endpoints(&document).into_iter().map(|one| format!("{} {}", one.method, one.path));
    let undone: BTreeSet<String> = all.filter(|operation| !done(operation)).collect();
    // Nothing is in flight that could be stopped, and the analyst who could be taken out of a team
    // was removed before.
    let expected = [
        "DELETE /api/v1/queries/{query}".to_owned(),
        "DELETE /api/v1/teams/{name}/members/{analyst}".to_owned(),
    ];
    let expected = BTreeSet::from(expected);
    assert_eq!(undone, expected, "{statuses:#?}");
    run(shop.close());
}
