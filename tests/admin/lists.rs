//! Lists in parts, the audit, and what it gives away as a file.

use std::collections::BTreeSet;

use noisegate::admin::shown::Role;
use noisegate::ledger::{Event, Via};
use serde_json::{Value, json};

use crate::client::Client;
use crate::common::run;
use crate::place::{Place, order};

/// All entries of a list, read in parts of so many.
fn all(client: &Client, path: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    for _ in 0..1000 {
        let sign = if path.contains('?') { '&' } else { '?' };
        let part = client.get(&format!("{path}{sign}limit={limit}{cursor}")).expect(200).json();
        let found = part["items"].as_array().unwrap();
        assert!(found.len() <= limit);
        items.extend(found.iter().cloned());
        match part["next"].as_str() {
            Some(next) => {
                assert_eq!(found.len(), limit, "a part that is not the last is full");
                cursor = format!("&cursor={next}");
            }
            None => return items,
        }
    }
    panic!("{path} has no end");
}

#[test]
fn lists_in_parts_are_the_whole_list() {
    let place = Place::new();
    for question in 1..=7 {
        place.spend(if question % 2 == 0 { "alice" } else { "bob" }, "0.1", question);
    }
    for at in 0..5 {
        let id = if at % 2 == 0 { "shop" } else { "data_team/data" };
        run(place.office.grant(id, "0.1", &order("for a list"))).unwrap();
    }
    let client = place.token(Role::Auditor);
    place.token(Role::Admin);
    for (path, count, key) in [
        ("/accounts", 4, "id"),
        ("/accounts?per=analyst", 2, "id"),
        ("/accounts?q=DATA", 1, "id"),
        ("/analysts", 4, "name"),
        ("/teams", 1, "name"),
        ("/charges", 7, "id"),
        ("/charges?analyst=bob", 4, "id"),
        ("/accounts/each_analyst%2Falice/charges", 3, "id"),
        ("/tokens", 2, "id"),
        ("/audit?kind=account.grant", 5, "number"),
        ("/audit?kind=account.grant&object=shop", 3, "number"),
        ("/audit?q=for%20a%20list&who=carol", 5, "number"),
        ("/audit?kind=query", 7, "number"),
        ("/releases", 0, "id"),
    ] {
        let whole = all(&client, path, 500);
        assert_eq!(whole.len(), count, "{path}: {whole:?}");
        for limit in 1..4 {
            assert_eq!(all(&client, path, limit), whole, "{path} by {limit}");
        }
        let keys: BTreeSet<String> = whole.iter().map(|item| item[key].to_string()).collect();
        assert_eq!(keys.len(), count, "{path}");
    }
    let accounts = all(&client, "/accounts", 500);
    assert_eq!(accounts[0]["id"], "shop", "those of datasets come first");
    let charges = all(&client, "/charges", 500);
    assert_eq!(charges[0]["query"], "0707070707070707", "the newest comes first");
    assert_eq!(charges[0]["state"], "spent");
    assert_eq!(charges[0]["accounts"].as_array().unwrap().len(), 3);
}

#[test]
fn limits_and_cursors_have_a_form() {
    let place = Place::new();
    let client = place.token(Role::Auditor);
    for path in ["/accounts", "/analysts", "/teams", "/charges", "/tokens", "/audit", "/releases"] {
        for wrong in
            ["limit=0", "limit=501", "limit=-1", "limit=x", "cursor=!", "cursor=Z29uZQ", "limt=1"]
        {
            let answer = client.get(&format!("{path}?{wrong}"));
            assert_eq!(answer.expect(422).problem(), "invalid", "{path}?{wrong}");
        }
    }
}

#[test]
fn an_export_has_every_record_of_a_time_oldest_first() {
    let place = Place::new();
    let client = place.token(Role::Auditor);
    // More than the ledger gives at once.
    let grants = 1200;
    run(async {
        let office = &place.office;
        let order = order("=HYPERLINK(\"x\")");
        let asked = (0..grants).map(|_| office.thaw("shop", &order));
        for asked in futures_util::future::join_all(asked).await {
            asked.unwrap();
        }
    });
    place.spend("alice", "0.1", 1);
    let answer = client.get("/audit/export?from=2020-01-01&format=jsonl").expect(200);
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"audit.jsonl\"");
    let records: Vec<Value> =
        answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut listed = all(&client, "/audit", 500);
    listed.reverse();
    assert_eq!(records, listed);
    let grants_found = records.iter().filter(|record| record["kind"] == "account.thaw").count();
    assert_eq!(grants_found, grants);
    assert_eq!(records.last().unwrap()["kind"], "query");

    let answer = client.get("/audit/export?from=2020-01-01&format=csv").expect(200);
    assert!(answer.text.starts_with("number,at,who,via,kind,object,detail,why\r\n"));
    assert_eq!(answer.text.lines().count(), records.len() + 1);
    assert!(answer.text.contains(",\"'=HYPERLINK(\"\"x\"\")\""), "a formula is text");
    let before = client.get("/audit/export?to=2020-01-01&format=csv").expect(200);
    assert_eq!(before.text.lines().count(), 1);
    assert_eq!(client.get("/audit/export?format=xml").expect(422).problem(), "invalid");
}

#[test]
fn the_overview_has_datasets_first_and_who_spends() {
    let place = Place::new();
    place.spend("alice", "0.5", 1);
    let overview = place.token(Role::Auditor).get("/overview").expect(200).json();
    assert_eq!(overview["accounts"][0]["id"], "shop");
    assert_eq!(overview["ledger"]["store"], "sqlite");
    assert!(overview["ledger"]["generation"].as_i64().unwrap() > 0);
    assert_eq!(overview["top_spenders_7d"][0]["analyst"], "alice");
}

#[test]
fn the_overview_has_the_accounts_that_are_closest_to_their_end() {
    let place = Place::new();
    let ledger = place.office.ledger();
    for number in 0..60 {
        let name = format!("a{number:02}");
        run(ledger.put_user(&name, "v")).unwrap();
        run(place.office.join_team("data", &name, &order("a large house"))).unwrap();
    }
    run(ledger.put_user("zoe", "v")).unwrap();
    run(place.office.join_team("data", "zoe", &order("a large house"))).unwrap();
    place.spend("zoe", "1", 1);
    for times in [2, 3] {
        let refused = Event {
            who: "alice".to_owned(),
            via: Via::Proxy,
            kind: "refused",
            object: "rows".to_owned(),
            detail: json!({ "count": times }).to_string(),
            why: String::new(),
        };
        run(ledger.record(vec![refused])).unwrap();
    }
    let overview = place.token(Role::Auditor).get("/overview").expect(200).json();
    let accounts = overview["accounts"].as_array().unwrap();
    let ids: Vec<&str> = accounts.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), ids[0]), (50, "shop"));
    assert!(ids.contains(&"each_analyst/zoe") && ids.contains(&"data_team/data"), "{ids:?}");
    assert_eq!(overview["refusals_24h"], json!([{"code": "rows", "count": 5}]));
}

#[test]
fn equal_questions_have_one_fingerprint_and_who_was_there_is_shown() {
    let place = Place::new();
    for (analyst, question) in [("alice", 1), ("bob", 1), ("bob", 2)] {
        place.spend(analyst, "0.1", question);
    }
    let client = place.token(Role::Auditor);
    let charges = client.get("/charges").expect(200).json();
    let prints: Vec<_> = (0..3).map(|at| &charges["items"][at]["fingerprint"]).collect();
    assert!(prints[1] == prints[2] && prints[0] != prints[1], "{charges}");
    assert_eq!(prints[0], "0202020202020202", "as the release of one question is known");
    let seen = || {
        let all = client.get("/analysts").expect(200).json();
        let all = all["items"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["name"] == "alice").unwrap()["last_seen_at"].clone()
    };
    assert_eq!(seen(), Value::Null);
    run(place.office.ledger().saw(["alice".to_owned()].into())).unwrap();
    let day = seen().as_str().unwrap().chars().take(10).collect::<String>();
    assert_eq!(day, noisegate::admin::shown::date(place.office.now()));
}

#[test]
fn what_has_no_version_is_not_changed_for_one() {
    let place = Place::new();
    let admin = place.token(Role::Admin);
    let named = admin.with("If-Match", "\"0\"");
    let body = json!({"password": "open sesame", "why": "joins"}).to_string();
    let refused = named.call("PUT", "/analysts/dora", Some(&body)).expect(412);
    assert_eq!(refused.problem(), "precondition_failed");
    assert!(run(place.office.ledger().verifier("dora")).unwrap().is_none());
    admin.with("If-Match", "*").call("PUT", "/analysts/dora", Some(&body)).expect(200);
}

#[test]
fn people_come_and_go_with_their_passwords() {
    let place = Place::new();
    let client = place.token(Role::Admin);
    let put = json!({"password": "open sesame", "why": "joins"});
    let dora = client.call("PUT", "/analysts/dora", Some(&put.to_string())).expect(200).json();
    assert_eq!((dora["can_log_in"].as_bool(), dora["roles"].clone()), (Some(false), json!([])));
    let verifier = run(place.office.ledger().verifier("dora")).unwrap().unwrap();
    assert!(noisegate::wire::scram::verify("dora", "open sesame", Some(&verifier)).unwrap());
    let unseen = ["alice%E2%80%8B", "%E2%80%AEecila", "al%C2%ADice", "a%E2%81%A6b", "a%E2%80%A8b"];
    for name in ["a%20b", "a%2Fb", "a%3Ab", &"x".repeat(64)].into_iter().chain(unseen) {
        let path = format!("/analysts/{name}");
        assert_eq!(
            client.call("PUT", &path, Some(&put.to_string())).expect(422).problem(),
            "invalid"
        );
    }
    for why in ["no\u{202E}reason", "no\u{200B}reason", "no\u{2028}reason", "no\u{FEFF}reason"] {
        let put = json!({"password": "open sesame", "why": why}).to_string();
        let refused = client.call("PUT", "/analysts/dora", Some(&put)).expect(422);
        assert_eq!(refused.json()["errors"][0]["field"], "why", "{why:?}");
    }
    let named = client.call("PUT", "/analysts/d%C3%B6ra%E2%82%AC", Some(&put.to_string()));
    named.expect(200);
    let empty = json!({"password": "", "why": "joins"}).to_string();
    let refused = client.call("PUT", "/analysts/dora", Some(&empty)).expect(422);
    assert_eq!(refused.json()["errors"][0]["field"], "password");
    let why = json!({"why": "leaves"}).to_string();
    client.call("DELETE", "/analysts/dora", Some(&why)).expect(204);
    assert_eq!(run(place.office.ledger().verifier("dora")).unwrap(), None);
    assert_eq!(
        client.call("DELETE", "/analysts/dora", Some(&why)).expect(404).problem(),
        "not_found"
    );
    let audit = client.get("/audit?object=dora").expect(200).text;
    assert!(audit.contains("analyst.put") && audit.contains("analyst.remove"));
    assert!(!audit.contains("sesame"));
}

#[test]
fn a_token_is_good_until_it_is_revoked_and_makes_none_that_outlives_it() {
    let place = Place::new();
    let carol = place.browser("carol");
    let body = json!({"name": "job", "role": "admin", "days": 2, "why": "a job"});
    let made = carol.post("/tokens", &body).expect(201).json();
    assert_eq!(made["created_by"], "carol");
    let job = place.nobody().bearer(made["token"].as_str().unwrap());
    assert_eq!(job.get("/session").expect(200).json()["user"], "token:job");
    let listed = job.get("/tokens").expect(200).text;
    assert!(!listed.contains("ng_") && listed.contains("\"job\""));
    let longer = json!({"name": "more", "role": "admin", "days": 3, "why": "a job"});
    let refused = job.post("/tokens", &longer).expect(422);
    assert_eq!(refused.json()["errors"][0]["field"], "days");
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("a b")),
        ("days", json!(0)),
        ("days", json!(367)),
        ("role", json!("root")),
    ] {
        let mut wrong = body.clone();
        wrong[field] = value;
        let refused = carol.post("/tokens", &wrong).expect(422);
        assert_eq!(refused.json()["errors"][0]["field"], field);
    }
    let id = made["id"].as_str().unwrap();
    let why = json!({"why": "done"}).to_string();
    carol.call("DELETE", &format!("/tokens/{id}"), Some(&why)).expect(204);
    assert_eq!(job.get("/session").expect(401).problem(), "unauthenticated");
}
