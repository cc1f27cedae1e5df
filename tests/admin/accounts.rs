//! Decisions about accounts, and what is shown of them afterwards.

use noisegate::admin::shown::Role;
use serde_json::{Value, json};

use crate::client::Client;
use crate::place::Place;

const TEAM: &str = "/accounts/data_team%2Fdata";
const BOB: &str = "/accounts/each_analyst%2Fbob";

fn why() -> Value {
    json!({"why": "a test"})
}

#[test]
fn an_account_says_what_is_left_and_what_it_buys() {
    let place = Place::new();
    place.spend("alice", "0.5", 1);
    place.spend("bob", "0.1", 2);
    let client = place.token(Role::Auditor);
    let account = client.get("/accounts/each_analyst%2Falice").expect(200).json();
    assert_eq!(account["budget"], "each_analyst");
    assert_eq!(
        (account["per"].as_str(), account["holder"].as_str()),
        (Some("analyst"), Some("alice"))
    );
    assert_eq!((account["window"].as_str(), account["role"].clone()), (Some("30d"), Value::Null));
    assert_eq!(
        (account["policy_epsilon"].as_f64(), account["limit_epsilon"].as_f64()),
        (Some(10.0), Some(10.0))
    );
    assert_eq!(account["charges_7d"], 1);
    let spent = account["spent_fraction"].as_f64().unwrap();
    // 0.125 of the ρ that epsilon 10 at delta 1e-7 allows, which is between 1 and 1.5.
    assert!(0.08 < spent && spent < 0.125, "{spent}");
    let burn = &account["burn"];
    let per_day = burn["fraction_per_day"].as_f64().unwrap();
    // It is new, so it is not said to last for seven times as long.
    assert!((per_day - spent).abs() < 1e-9, "{account}");
    assert!((burn["ratio"].as_f64().unwrap() - per_day * 30.0).abs() < 1e-9, "{account}");
    let buys = account["buys"].as_array().unwrap();
    let of = |each: f64| {
        let found = buys.iter().find(|buys| buys["epsilon_each"] == each).unwrap();
        found["queries"].as_u64().unwrap()
    };
    // The price is ε²/2, and the first such query is paid.
    let all = (1.0 / spent).floor();
    #[expect(clippy::cast_precision_loss, reason = "a few queries")]
    let left = of(0.5) as f64;
    assert!((left - (all - 1.0)).abs() < f64::EPSILON, "{account}");
    assert!(of(0.01) > 2000 && of(1.0) < of(0.5));

    let shop = client.get("/accounts/shop").expect(200).json();
    assert_eq!((shop["charges_7d"].as_i64(), shop["renews_at"].clone()), (Some(2), Value::Null));
    let day = shop["exhausted_on"].as_str().unwrap();
    assert_eq!(day.len(), 10, "{day}");
    // At this rate the window of an analyst ends first.
    assert_eq!(client.get(BOB).expect(200).json()["exhausted_on"], Value::Null);
}

#[test]
fn decisions_change_what_may_be_spent_and_are_on_record() {
    let place = Place::new();
    let client = place.browser("carol");
    let body = json!({"epsilon": "0.5", "why": "the report of this quarter"});
    let granted = client.post(&format!("{TEAM}/grant"), &body).expect(200);
    assert_eq!(granted.header("etag"), "\"1\"");
    let granted = granted.json();
    assert_eq!(
        (granted["granted_epsilon"].as_f64(), granted["limit_epsilon"].as_f64()),
        (Some(0.5), Some(15.5))
    );
    let capped = client.post(&format!("{TEAM}/cap"), &json!({"epsilon": "3", "why": "why"}));
    let capped = capped.expect(200).json();
    assert_eq!(
        (capped["cap_epsilon"].as_f64(), capped["limit_epsilon"].as_f64()),
        (Some(3.0), Some(3.0))
    );
    let free = client.post(&format!("{TEAM}/cap"), &json!({"epsilon": null, "why": "why"}));
    assert_eq!(free.expect(200).json()["limit_epsilon"], 15.5);
    let none = client.post(&format!("{TEAM}/cap"), &json!({"epsilon": "0", "why": "why"}));
    let none = none.expect(200).json();
    assert_eq!(
        (none["limit_epsilon"].as_f64(), none["left_epsilon"].as_f64()),
        (Some(0.0), Some(0.0))
    );
    assert!(none["buys"].as_array().unwrap().iter().all(|buys| buys["queries"] == 0));
    assert_eq!(client.post(&format!("{BOB}/freeze"), &why()).expect(200).json()["frozen"], true);
    assert_eq!(client.post(&format!("{BOB}/thaw"), &why()).expect(200).json()["frozen"], false);

    let audit = client.get("/audit?kind=account").expect(200).json();
    let records = audit["items"].as_array().unwrap();
    let kinds: Vec<&str> = records.iter().map(|record| record["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "account.thaw",
            "account.freeze",
            "account.cap",
            "account.cap",
            "account.cap",
            "account.grant"
        ]
    );
    let grant = records.last().unwrap();
    assert_eq!((grant["who"].as_str(), grant["via"].as_str()), (Some("carol"), Some("http")));
    assert_eq!(grant["object"], "data_team/data");
    assert_eq!(grant["detail"]["epsilon"], "0.5");
    assert_eq!(grant["why"], "the report of this quarter");
    assert_eq!(client.get("/audit/verify").expect(200).json()["sound"], true);
}

#[test]
fn a_window_starts_anew_and_a_lifetime_does_not() {
    let place = Place::new();
    place.spend("alice", "1", 1);
    let client = place.token(Role::Admin);
    let alice = "/accounts/each_analyst%2Falice";
    assert!(client.get(alice).json()["spent_epsilon"].as_f64().unwrap() > 0.9);
    std::thread::sleep(std::time::Duration::from_millis(5));
    let reset = client.post(&format!("{alice}/reset"), &why()).expect(200).json();
    assert_eq!(reset["spent_epsilon"], 0.0, "{reset}");
    let before = client.get("/accounts/shop").json();
    let refused = client.post("/accounts/shop/reset", &why()).expect(409);
    assert_eq!(refused.problem(), "conflict");
    assert_eq!(client.get("/accounts/shop").json()["spent_epsilon"], before["spent_epsilon"]);
}

#[test]
fn a_change_for_another_version_is_not_made() {
    let place = Place::new();
    let client = place.token(Role::Admin);
    let tag = client.get(BOB).expect(200).header("etag").to_owned();
    assert_eq!(tag, "\"0\"");
    let with = |tag: &str| client.with("If-Match", tag);
    with(&tag).post(&format!("{BOB}/freeze"), &why()).expect(200);
    for stale in [tag.as_str(), "\"7\"", "\"x\"", "1"] {
        let answer = with(stale).post(&format!("{BOB}/thaw"), &why()).expect(412);
        assert_eq!(answer.problem(), "precondition_failed");
    }
    assert_eq!(client.get(BOB).json()["frozen"], true);
    with("*").post(&format!("{BOB}/thaw"), &why()).expect(200);
}

#[test]
fn a_request_that_comes_again_is_done_once() {
    let place = Place::new();
    let client = place.token(Role::Admin).with("Idempotency-Key", "k-1");
    let body = json!({"epsilon": "0.5", "why": "once"});
    let first = client.post(&format!("{TEAM}/grant"), &body).expect(200);
    let again = client.post(&format!("{TEAM}/grant"), &body).expect(200);
    assert_eq!(first.text, again.text);
    assert_eq!(first.header("etag"), again.header("etag"));
    let other = json!({"epsilon": "0.6", "why": "once"});
    assert_eq!(client.post(&format!("{TEAM}/grant"), &other).expect(409).problem(), "conflict");
    // Another one's key is another key.
    let auditor = place.browser("carol").with("Idempotency-Key", "k-1");
    auditor.post(&format!("{TEAM}/grant"), &body).expect(200);
    assert_eq!(client.get(TEAM).json()["granted_epsilon"], 1.0);
    // A token is made once, and shown again to whoever asked for it.
    let create = json!({"name": "once", "role": "auditor", "days": 1, "why": "once"});
    let client = client.without("Idempotency-Key").with("Idempotency-Key", "k-2");
    let made = client.post("/tokens", &create).expect(201).json();
    assert_eq!(client.post("/tokens", &create).expect(201).json(), made);
    let wrong = client.without("Idempotency-Key").with("Idempotency-Key", "ä b");
    assert_eq!(wrong.post(&format!("{TEAM}/grant"), &body).expect(422).problem(), "invalid");
}

/// An answer that is kept is for whoever could ask for it now, and for nobody else of that name.
#[test]
fn an_answer_is_not_given_again_to_who_may_not_ask() {
    let place = Place::new();
    let carol = place.browser("carol");
    let make = |who: &Client, role: &str, name: &str| {
        let body = json!({"name": name, "role": role, "days": 2, "why": "a test"});
        who.post("/tokens", &body).expect(201).json()
    };
    let admin = make(&carol, "admin", "ci");
    let taken = json!({"name": "ci", "role": "auditor", "days": 2, "why": "a test"});
    assert_eq!(carol.post("/tokens", &taken).expect(409).problem(), "conflict");
    let with_key = |token: &Value| {
        place.nobody().bearer(token["token"].as_str().unwrap()).with("Idempotency-Key", "rotate")
    };
    let asked = json!({"name": "new", "role": "admin", "days": 1, "why": "rotated"});
    let secret = with_key(&admin).post("/tokens", &asked).expect(201).json();
    assert_eq!(with_key(&admin).post("/tokens", &asked).expect(201).json(), secret);
    let revoke = format!("/tokens/{}", admin["id"].as_str().unwrap());
    carol.call("DELETE", &revoke, Some(&why().to_string())).expect(204);
    for role in ["auditor", "admin"] {
        let other = make(&carol, role, "ci");
        let answer = with_key(&other).post("/tokens", &asked);
        assert_ne!(answer.status, 201, "{role}: {answer:?}");
        let revoke = format!("/tokens/{}", other["id"].as_str().unwrap());
        carol.call("DELETE", &revoke, Some(&why().to_string())).expect(204);
    }
    let of_carol = carol.with("Idempotency-Key", "mine");
    let mine = json!({"name": "mine", "role": "auditor", "days": 1, "why": "a test"});
    of_carol.post("/tokens", &mine).expect(201);
    let forged = of_carol.without("X-CSRF-Token").post("/tokens", &mine);
    assert_eq!(forged.expect(403).problem(), "csrf");
}

/// Else a token could outlive itself, and what it does would be on record as somebody else's.
#[test]
fn a_token_sets_no_password_of_an_administrator() {
    let place = Place::new();
    let token = place.token(Role::Admin);
    let body = json!({"password": "another one", "why": "a test"}).to_string();
    for name in ["carol", "erin"] {
        let refused = token.call("PUT", &format!("/analysts/{name}"), Some(&body));
        assert_eq!(refused.expect(403).problem(), "forbidden");
    }
    token.call("PUT", "/analysts/dora", Some(&body)).expect(200);
    place.browser("carol").call("PUT", "/analysts/erin", Some(&body)).expect(200);
}

#[test]
fn requests_at_once_under_one_key_are_done_once() {
    let place = Place::new();
    let client = place.token(Role::Admin).with("Idempotency-Key", "at-once");
    let body = json!({"epsilon": "0.25", "why": "at once"});
    let ask = || client.post(&format!("{TEAM}/grant"), &body).expect(200).text;
    let answers: Vec<String> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(client.get(TEAM).json()["granted_epsilon"], 0.25);
}

#[test]
fn freezing_an_analyst_freezes_what_is_theirs_alone() {
    let place = Place::new();
    let client = place.token(Role::Admin);
    assert_eq!(client.post("/analysts/bob/freeze", &why()).expect(200).json()["frozen"], true);
    assert_eq!(client.get(BOB).json()["frozen"], true);
    assert_eq!(client.get(TEAM).json()["frozen"], false);
    assert_eq!(client.post("/analysts/bob/thaw", &why()).expect(200).json()["frozen"], false);
    assert_eq!(client.post("/analysts/carol/freeze", &why()).expect(409).problem(), "conflict");
    assert_eq!(client.post("/analysts/zoe/freeze", &why()).expect(404).problem(), "not_found");
}

#[test]
fn what_cannot_be_meant_is_refused_by_the_name_of_the_field() {
    let place = Place::new();
    let client = place.token(Role::Admin);
    let long = "x".repeat(501);
    for (path, body, field) in [
        ("grant", json!({"epsilon": "0", "why": "w"}), "epsilon"),
        ("grant", json!({"epsilon": "-1", "why": "w"}), "epsilon"),
        ("grant", json!({"epsilon": "1e10", "why": "w"}), "epsilon"),
        ("grant", json!({"epsilon": "1".repeat(51), "why": "w"}), "epsilon"),
        ("grant", json!({"epsilon": 0.5, "why": "w"}), "epsilon"),
        ("grant", json!({"epsilon": "0.5"}), "why"),
        ("grant", json!({"epsilon": "0.5", "why": " "}), "why"),
        ("grant", json!({"epsilon": "0.5", "why": long}), "why"),
        ("grant", json!({"epsilon": "0.5", "why": "a\nb"}), "why"),
        ("cap", json!({"why": "w"}), "epsilon"),
        ("freeze", json!({"why": "w", "whyy": "w"}), "whyy"),
        ("freeze", json!(["w"]), "body"),
    ] {
        let answer = client.post(&format!("{TEAM}/{path}"), &body);
        let answer = answer.expect(422);
        assert_eq!(answer.problem(), "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{body}: {answer:?}");
    }
    assert_eq!(client.get(TEAM).json()["version"], 0);
    assert_eq!(client.post("/accounts/shop2/freeze", &why()).expect(404).problem(), "not_found");
}

#[test]
fn what_was_spent_is_shown_over_time_and_by_whom() {
    let place = Place::new();
    place.spend("alice", "0.4", 1);
    place.spend("alice", "0.3", 2);
    place.spend("bob", "0.5", 3);
    let client = place.token(Role::Auditor);
    let history = client.get("/accounts/shop/history").expect(200).json();
    assert_eq!(history["bucket"], "day");
    let items = history["items"].as_array().unwrap();
    assert!((30..=31).contains(&items.len()), "{}", items.len());
    let last = items.last().unwrap();
    // At midnight what was spent a moment ago is of the day before.
    let both: i64 = items.iter().map(|item| item["charges"].as_i64().unwrap()).sum();
    assert_eq!(both, 3);
    if last["charges"] == 3 {
        // √(0.4² + 0.3² + 0.5²).
        assert!((last["epsilon"].as_f64().unwrap() - 0.5_f64.sqrt()).abs() < 1e-6, "{last}");
    }
    for wrong in [
        "bucket=week",
        "from=yesterday",
        "from=2026-01-02&to=2026-01-01",
        "bucket=hour&from=2000-01-01",
        "bukket=day",
    ] {
        let answer = client.get(&format!("/accounts/shop/history?{wrong}")).expect(422);
        assert_eq!(answer.problem(), "invalid", "{wrong}");
    }
    let spenders = client.get("/spenders").expect(200).json();
    let items = spenders["items"].as_array().unwrap();
    let names: Vec<&str> = items.iter().map(|item| item["analyst"].as_str().unwrap()).collect();
    assert_eq!(items.len(), 2);
    assert!(names.contains(&"alice") && names.contains(&"bob"));
    let share: f64 = items.iter().map(|item| item["share"].as_f64().unwrap()).sum();
    assert!((share - 1.0).abs() < 1e-9);
    for item in items {
        assert!((item["epsilon"].as_f64().unwrap() - 0.5).abs() < 1e-6, "{item}");
    }
    assert_eq!((&spenders["analysts"], &spenders["charges"]), (&2.into(), &3.into()));
    let charges: i64 = items.iter().map(|item| item["charges"].as_i64().unwrap()).sum();
    assert_eq!(charges, 3);
    let to = spenders["to"].as_str().unwrap();
    let one = client.get(&format!("/spenders?limit=1&to={to}")).expect(200).json();
    assert_eq!((&one["items"][0], &one["analysts"]), (&items[0], &2.into()));
    let next = one["next"].as_str().unwrap();
    let two = client.get(&format!("/spenders?limit=1&to={to}&cursor={next}")).expect(200).json();
    assert_eq!((&two["items"][0], &two["next"]), (&items[1], &Value::Null));
    let of_bob = client.get("/spenders?account=each_analyst/bob").expect(200).json();
    assert_eq!(of_bob["items"].as_array().unwrap().len(), 1);
    assert_eq!(of_bob["items"][0]["share"], 1.0);
}
