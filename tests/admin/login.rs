//! Logging in with a browser, and being locked out.

use noisegate::ledger::AuditFilter;
use noisegate::wire::scram;
use serde_json::json;

use crate::client::Client;
use crate::common::run;
use crate::place::Place;

fn attempt(client: &Client, user: &str, password: &str) -> crate::client::Answer {
    client.post("/session", &json!({"user": user, "password": password}))
}

#[test]
fn a_session_has_a_cookie_that_scripts_and_other_sites_do_not_get() {
    let place = Place::new();
    let answer = attempt(&place.nobody(), "carol", "carol").expect(200);
    let cookie = answer.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(answer.header("cache-control"), "no-store");
    let session = answer.json();
    assert_eq!(
        (session["user"].as_str(), session["role"].as_str()),
        (Some("carol"), Some("admin"))
    );
    let browser = place.nobody().with("Cookie", cookie.split(';').next().unwrap());
    assert_eq!(browser.get("/session").expect(200).json()["csrf"], session["csrf"]);
    let flipped = cookie.split(';').next().unwrap().replace("session=", "session=A");
    place.nobody().with("Cookie", &flipped).get("/session").expect(401);
    let erin = attempt(&place.nobody(), "erin", "erin").expect(200).json();
    assert_eq!(erin["role"], "auditor");
    // Another one's token does not fit.
    let other = browser.with("X-CSRF-Token", erin["csrf"].as_str().unwrap());
    assert_eq!(
        other.post("/accounts/shop/freeze", &json!({"why": "w"})).expect(403).problem(),
        "csrf"
    );
}

#[test]
fn a_session_ends_by_logging_out_and_with_its_password() {
    let place = Place::new();
    let carol = place.browser("carol");
    carol.get("/session").expect(200);
    let out = carol.call("DELETE", "/session", None).expect(204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    carol.get("/session").expect(401);
    let carol = place.browser("carol");
    let changed = scram::verifier("another").unwrap();
    run(place.office.ledger().put_user("carol", &changed)).unwrap();
    assert_eq!(carol.get("/session").expect(401).problem(), "unauthenticated");
}

#[test]
fn whoever_has_no_role_here_is_told_what_a_guesser_is_told() {
    let place = Place::new();
    let texts: Vec<String> = [("alice", "alice"), ("carol", "wrong"), ("nobody", "x"), ("", "")]
        .map(|(user, password)| attempt(&place.nobody(), user, password).expect(401).text)
        .to_vec();
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    let logins = AuditFilter { kind: Some("login".to_owned()), ..AuditFilter::default() };
    let audit = run(place.office.ledger().audit(logins, None, 10));
    let objects: Vec<String> = audit.unwrap().into_iter().map(|record| record.object).collect();
    // A name that nobody has may be a password.
    assert_eq!(objects, ["", "", "carol", "alice"]);
}

#[test]
fn five_failures_lock_out_until_a_quarter_of_an_hour_has_passed() {
    let place = Place::new();
    for _ in 0..5 {
        assert_eq!(
            attempt(&place.nobody(), "carol", "wrong").expect(401).problem(),
            "unauthenticated"
        );
    }
    let locked = attempt(&place.nobody(), "carol", "carol").expect(429);
    assert_eq!(locked.problem(), "locked_out");
    let seconds: u64 = locked.header("retry-after").parse().unwrap();
    assert!((880..=901).contains(&seconds), "{seconds}");
    // The address is, whatever the name.
    assert_eq!(attempt(&place.nobody(), "erin", "erin").expect(429).problem(), "locked_out");
}

#[test]
fn guesses_at_once_do_not_get_past_the_lock() {
    let place = Place::new();
    let client = place.nobody();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guess = || attempt(&client, "carol", "wrong").status;
        let guesses: Vec<_> = (0..20).map(|_| scope.spawn(guess)).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 15, "{statuses:?}");
}

#[test]
fn good_logins_do_not_count() {
    let place = Place::new();
    for _ in 0..12 {
        attempt(&place.nobody(), "carol", "carol").expect(200);
    }
    let people = run(place.office.ledger().people()).unwrap();
    let carol = people.iter().find(|person| person.name == "carol").unwrap();
    assert!(carol.seen_at.is_some());
}
