//! Questions in flight at several proxies, on each store.

use std::time::{Duration, Instant};

use super::super::Flight;
use super::{Fixture, On, on_both, question};
use crate::ids::Analyst;

/// Long enough for a look, and too short to be waited for.
const NOT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(20);

on_both!(equal_questions_wait_for_each_other_and_others_do_not);
async fn equal_questions_wait_for_each_other_and_others_do_not(on: On) {
    let fixture = Fixture::on(on);
    let other = fixture.other();
    let [one, two, three] = [question(1), question(2), question(3)];
    let first = fixture.ledger.flight(&[one, two], NOT).await;
    assert!(first.is_some());
    // All or none: the third is free again after each try.
    assert!(other.flight(&[three, two], NOT).await.is_none());
    let third = fixture.ledger.flight(&[three], NOT).await;
    assert!(third.is_some());
    drop(third);
    let start = Instant::now();
    let waits = tokio::spawn(async move { other.flight(&[three, two], LONG).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waits.is_finished());
    drop(first);
    let waited: Option<Flight> = waits.await.unwrap();
    assert!(waited.is_some() && start.elapsed() < LONG / 2);
    assert!(fixture.ledger.flight(&[one], NOT).await.is_some());
    let many: Vec<_> = (100..133).map(question).collect();
    assert!(fixture.ledger.flight(&many[1..], NOT).await.is_some());
    assert!(fixture.ledger.flight(&many, NOT).await.is_none(), "they would fill the server");
    assert!(fixture.ledger.flight(&[two], NOT).await.is_none());
}

on_both!(an_analyst_has_as_many_turns_as_there_are_at_all_proxies_together);
async fn an_analyst_has_as_many_turns_as_there_are_at_all_proxies_together(on: On) {
    let fixture = Fixture::on(on);
    let (one, other) = (&fixture.ledger, fixture.other());
    let [alice, bob] = ["alice", "bob"].map(|name| Analyst(name.to_owned()));
    // More than are looked at in one step.
    for most in [1, 2, 70] {
        let mut turns = Vec::new();
        for number in 0..most {
            let ledger = if number % 2 == 0 { one } else { &other };
            turns.push(ledger.turn(&alice, most, LONG).await.unwrap());
        }
        assert!(turns.iter().all(Option::is_some), "{most}");
        for ledger in [one, &other] {
            assert!(ledger.turn(&alice, most, LONG).await.unwrap().is_none(), "{most}");
        }
        let of_bob = other.turn(&bob, 1, LONG).await.unwrap();
        assert!(of_bob.is_some() && one.turn(&bob, 1, LONG).await.unwrap().is_none());
        // In the order of what was asked for at the same proxy.
        drop(turns.pop());
        let last = if most % 2 == 0 { &other } else { one };
        assert!(last.turn(&alice, most, LONG).await.unwrap().is_some(), "{most}");
        drop(turns);
        let ended = async {
            while one.turn(&alice, 1, LONG).await.unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LONG, ended).await.unwrap();
    }
}

on_both!(a_flight_that_nobody_waits_for_any_more_is_given_back);
async fn a_flight_that_nobody_waits_for_any_more_is_given_back(on: On) {
    let fixture = Fixture::on(on);
    let other = fixture.other();
    for _ in 0..20 {
        let asked = [question(1)];
        let flight = fixture.ledger.flight(&asked, LONG);
        drop(tokio::time::timeout(Duration::from_micros(200), flight).await);
        assert!(other.flight(&[question(1)], LONG).await.is_some());
    }
}

on_both!(the_flights_of_a_handle_that_is_gone_are_over);
async fn the_flights_of_a_handle_that_is_gone_are_over(on: On) {
    let fixture = Fixture::on(on);
    let gone = fixture.other();
    let flight = gone.flight(&[question(1)], NOT).await;
    drop(gone);
    assert!(fixture.ledger.flight(&[question(1)], NOT).await.is_none(), "not while it lives");
    drop(flight);
    assert!(fixture.ledger.flight(&[question(1)], LONG).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_gives_back_its_flights_and_another_one_is_made() {
    let fixture = Fixture::on(On::Postgres);
    let other = fixture.other();
    let flight = fixture.ledger.flight(&[question(91)], NOT).await;
    let key = i64::from_be_bytes(*question(91).0.first_chunk().unwrap());
    let schema = fixture.schema();
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM {schema}.meta, pg_locks
         WHERE locktype = 'advisory' AND (classid::bigint << 32 | objid::bigint)
             = (('x' || encode(substr(ledger, 1, 8), 'hex'))::bit(64)::bigint # {key})"
    );
    Fixture::sql(&end).await;
    let theirs = other.flight(&[question(91)], LONG).await;
    assert!(theirs.is_some());
    // What is given back on another session is nobody's.
    assert!(fixture.ledger.flight(&[question(92)], NOT).await.is_some());
    drop(flight);
    assert!(fixture.ledger.flight(&[question(91)], NOT).await.is_none());
    drop(theirs);
    assert!(fixture.ledger.flight(&[question(91)], LONG).await.is_some());
}
