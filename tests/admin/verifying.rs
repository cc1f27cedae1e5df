//! The look at the whole ledger, which takes long.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use noisegate::admin::shown::Role;
use noisegate::ledger::{Event, Via};

use crate::common::run;
use crate::place::{Place, token};

/// Records that take a while to read.
fn fill(place: &Place) {
    let event = Event {
        who: "carol".to_owned(),
        via: Via::Cli,
        kind: "test.filled",
        object: "shop".to_owned(),
        detail: format!("{{\"text\":\"{}\"}}", "x".repeat(4000)),
        why: "a test".to_owned(),
    };
    for _ in 0..30 {
        run(place.office.ledger().record(vec![event.clone(); 1000])).unwrap();
    }
}

#[test]
fn one_verifies_at_a_time_also_when_nobody_waits_for_it() {
    let place = Place::new();
    fill(&place);
    let client = place.token(Role::Auditor);
    let secret = token(&place.office, Role::Admin);
    let head = format!(
        "GET /api/v1/audit/verify HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {secret}\r\n\r\n",
        place.address
    );
    let mut first = TcpStream::connect(place.address).unwrap();
    first.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(client.get("/audit/verify").expect(429).problem(), "too_many");
    drop(first);
    std::thread::sleep(Duration::from_millis(100));
    let refused = client.get("/audit/verify").expect(429);
    assert_eq!((refused.problem().as_str(), refused.header("retry-after")), ("too_many", "1"));
    // Lists do not wait for it.
    client.get("/audit?limit=1").expect(200);
    assert_eq!(client.get("/audit/verify").status, 429, "it ended too soon to see anything");

    let began = Instant::now();
    let verified = loop {
        let answer = client.get("/audit/verify");
        if answer.status == 200 {
            break answer.json();
        }
        assert!(began.elapsed() < Duration::from_mins(2), "{answer:?}");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert_eq!(verified["sound"], true, "{verified}");
}
