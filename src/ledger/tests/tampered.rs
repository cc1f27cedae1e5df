//! Somebody writes to the store by other means, and it shows.

use super::super::store::Needs;
use super::super::{Account, AuditFilter, Change, LedgerError, TeamChange, Window, charge};
use super::office::event;
use super::{Fixture, On, account, charge, loss, on_both};
use crate::clock::Millis;

impl Fixture {
    /// Writes to the tables past all that keeps them as they are.
    pub(super) async fn tamper(&self, on: On, sql: &str) {
        match on {
            On::Sqlite => {
                let conn = rusqlite::Connection::open(self.path()).unwrap();
                let triggers =
                    "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema
                                WHERE type = 'trigger'";
                let drop: Option<String> = conn.query_row(triggers, [], |row| row.get(0)).unwrap();
                conn.execute_batch(&drop.unwrap_or_default()).unwrap();
                conn.execute_batch(sql).unwrap();
            }
            On::Postgres => {
                let schema = self.schema();
                let all = format!(
                    "BEGIN; SET LOCAL session_replication_role = replica;
                     SET LOCAL search_path = {schema}; {sql}; COMMIT"
                );
                Self::sql(&all).await;
            }
        }
    }

    pub(super) async fn broken(&self) -> Option<String> {
        self.ledger.verify().await.unwrap().broken
    }
}

/// A ledger in which all kinds of things happened.
async fn filled(on: On) -> Fixture {
    let fixture = Fixture::on(on);
    let ledger = &fixture.ledger;
    for n in 1..=3 {
        fixture.set_time(i64::try_from(n).unwrap() * 10);
        fixture.answer(n, b"x", 1000).await;
        ledger.record(vec![event("login", "why")]).await.unwrap();
    }
    let voided = ledger.reserve(charge(4, loss(2), &[account("shop", 100)])).await.unwrap();
    ledger.give_back(voided).await.unwrap();
    let _pending = ledger.reserve(charge(5, loss(2), &[account("shop", 100)])).await.unwrap();
    fixture.decide("shop", Change::Freeze).await;
    fixture.decide("never charged", Change::Cap(Some(super::amount(3)))).await;
    ledger.put_user("bob", "v").await.unwrap();
    fixture.change_team("data", TeamChange::Join("bob".to_owned())).await;
    fixture
}

on_both!(a_ledger_that_nobody_touched_is_sound);
async fn a_ledger_that_nobody_touched_is_sound(on: On) {
    let fixture = filled(on).await;
    let verified = fixture.ledger.verify().await.unwrap();
    assert_eq!(verified.broken, None);
    // Five charges; three logins, what was given back, two decisions, a user and a team.
    assert_eq!(verified.records, 13);
}

on_both!(what_is_given_back_after_its_window_ended_leaves_a_sound_ledger);
async fn what_is_given_back_after_its_window_ended_leaves_a_sound_ledger(on: On) {
    let fixture = Fixture::on(on);
    let daily = Account { window: Window::Every { ms: 10 }, ..account("shop", 9) };
    let shops = std::slice::from_ref(&daily);
    let _spent = fixture.ledger.reserve(charge(1, loss(5), shops)).await.unwrap();
    let voided = fixture.ledger.reserve(charge(2, loss(4), shops)).await.unwrap();
    fixture.set_time(15);
    // In one unit of work with a charge in the next window, which is refused.
    let needs = Needs {
        accounts: [(daily.id.clone(), daily.window)].into(),
        voids: [voided.charge].into(),
        ..Needs::default()
    };
    let given_back = fixture.ledger.write(needs, move |batch| {
        let refused = charge::reserve(batch, &super::charge(3, loss(10), &[daily]));
        assert!(matches!(refused, Err(LedgerError::Overdrawn(_))), "{refused:?}");
        charge::void(batch, voided.charge)
    });
    given_back.await.unwrap();
    assert_eq!(fixture.broken().await, None);
}

on_both!(the_first_record_that_was_changed_is_named);
async fn the_first_record_that_was_changed_is_named(on: On) {
    let changes = [
        ("UPDATE leaf SET rho = '2' WHERE charge = 2", "charge 2 was changed"),
        ("UPDATE debit SET account = 'other' WHERE charge = 1", "charge 1 was changed"),
        ("UPDATE charge SET analyst = 'eve' WHERE id = 3", "charge 3 was changed"),
        ("UPDATE charge SET at_ms = at_ms - 5 WHERE id = 3", "charge 3 was changed"),
        ("UPDATE event SET why = 'other' WHERE id = 2", "event 2 was changed"),
        ("DELETE FROM event WHERE id = 3", "event 3 is missing"),
        ("UPDATE chain SET note = 'other' WHERE generation = 2", "generation 2"),
        ("DELETE FROM chain WHERE generation = 4", "generation 4 is missing"),
        ("UPDATE charge SET state = 'voided' WHERE id = 2", "charge 2: it was given back"),
        ("UPDATE account SET rho = '1' WHERE id = 'shop'", "account shop: its sum"),
        ("UPDATE debit SET at_ms = 0 WHERE charge = 2", "charge 2 was changed"),
        ("UPDATE meta SET mark_ms = mark_ms + 1", "the ledger's own row"),
        ("UPDATE chain SET mark_ms = NULL WHERE generation < 3", "do not say what"),
        ("UPDATE chain SET mark_ms = NULL", "no generation says"),
        (
            "INSERT INTO event (id, at_ms, who, via, kind, object, detail, why, generation)
                 VALUES (1000, 5, '', 'proxy', 'charge.void', '2', '{}', '', 9);
             UPDATE charge SET state = 'voided' WHERE id = 2",
            "charge 2: it was given back",
        ),
        (
            "INSERT INTO event (id, at_ms, who, via, kind, object, detail, why, generation)
                 VALUES (1000, 5, '', 'proxy', 'account.thaw', 'shop', '{}', '', 9)",
            "event 1000: no generation has it",
        ),
    ];
    let decisions = [
        ("UPDATE account SET frozen = '0' WHERE id = 'shop'", "account shop: it is not as"),
        ("UPDATE account SET cap = '9' WHERE id = 'never charged'", "account never charged"),
        (
            "UPDATE account SET version = 0, frozen = '0' WHERE id = 'shop'",
            "account shop: it is not",
        ),
        ("DELETE FROM account WHERE id = 'shop'", "account shop: it is not as"),
    ];
    for (sql, named) in changes.into_iter().chain(decisions) {
        let fixture = filled(on).await;
        fixture.tamper(on, sql).await;
        let broken = fixture.broken().await;
        assert!(broken.as_ref().is_some_and(|what| what.contains(named)), "{sql}: {broken:?}");
    }
}

on_both!(one_record_among_many_of_one_step_is_named);
async fn one_record_among_many_of_one_step_is_named(on: On) {
    let changes = [
        ("UPDATE leaf SET rho = '2' WHERE charge = 3", "charge 3 was changed"),
        ("UPDATE debit SET account = 'other' WHERE charge = 5", "charge 5 was changed"),
        ("UPDATE event SET why = 'other' WHERE id = 4", "event 4 was changed"),
        ("UPDATE charge SET analyst = 'eve' WHERE id > 2", "charge 3 was changed"),
        ("DELETE FROM event WHERE id = 3", "event 3 is missing"),
        // Without its mark, it is one of the step's.
        (
            "UPDATE leaf SET rho = '2' WHERE charge = 3; UPDATE chain SET marks = NULL",
            "charges 1 to 5",
        ),
        (
            "UPDATE event SET why = 'other' WHERE id = 4; UPDATE chain SET marks = NULL",
            "event 1, or one up to 5, was changed",
        ),
    ];
    for (sql, named) in changes {
        let fixture = Fixture::on(on);
        let shops = [account("shop", 1_000_000)];
        let needs =
            Needs { accounts: [("shop".to_owned(), shops[0].window)].into(), ..Needs::default() };
        let many = fixture.ledger.write(needs, move |batch| {
            for n in 1..=5 {
                let _pending = charge::reserve(batch, &super::charge(n, loss(1), &shops))?;
                batch.record(&event("login", "why"), None);
            }
            Ok(())
        });
        many.await.unwrap();
        assert_eq!(fixture.broken().await, None);
        fixture.tamper(on, sql).await;
        let broken = fixture.broken().await.unwrap();
        assert!(broken.starts_with("generation 1: ") && broken.contains(named), "{sql}: {broken}");
    }
}

on_both!(old_events_may_be_forgotten_and_no_others);
async fn old_events_may_be_forgotten_and_no_others(on: On) {
    let fixture = filled(on).await;
    fixture.set_time(40);
    let all = fixture.ledger.verify().await.unwrap().records;
    assert_eq!(fixture.ledger.forget_events(Millis(25)).await.unwrap(), 2);
    assert_eq!(fixture.ledger.forget_events(Millis(25)).await.unwrap(), 0);
    let verified = fixture.ledger.verify().await.unwrap();
    // Two are gone, and one says so.
    assert_eq!((verified.broken, verified.records), (None, all - 1));
    // What was given back and what was decided is known for ever.
    fixture.set_time(1000);
    fixture.ledger.forget_events(Millis(999)).await.unwrap();
    assert_eq!(fixture.broken().await, None);
    let left = fixture.ledger.audit(AuditFilter::default(), None, 100).await.unwrap();
    let mut kinds: Vec<_> = left.iter().map(|record| record.kind.as_str()).collect();
    kinds.retain(|kind| *kind != "query");
    assert_eq!(kinds, ["audit.forget", "team.join", "account.test", "account.test", "charge.void"]);
    for kind in ["team.join", "account.test", "charge.void"] {
        let fixture = filled(on).await;
        fixture.set_time(1000);
        fixture.ledger.forget_events(Millis(999)).await.unwrap();
        fixture.tamper(on, &format!("DELETE FROM event WHERE kind = '{kind}'")).await;
        assert!(fixture.broken().await.is_some_and(|what| what.contains("is missing")), "{kind}");
    }
    // One that is gone by other hands is not old enough for that.
    fixture.ledger.record(vec![event("login", "why")]).await.unwrap();
    fixture.tamper(on, "DELETE FROM event WHERE kind = 'login'").await;
    assert!(fixture.broken().await.unwrap().contains("is missing"));
}

on_both!(a_reset_does_not_come_again_when_the_clock_was_set_back);
async fn a_reset_does_not_come_again_when_the_clock_was_set_back(on: On) {
    let fixture = Fixture::on(on);
    let window = Window::Every { ms: 1000 };
    let of = |control| Account { window, control, ..account("a", 10) };
    fixture.set_time(900);
    let reset = fixture.decide("a", Change::Reset { window }).await;
    fixture.set_time(100);
    fixture.ledger.accept_clock().await.unwrap();
    let pay =
        async |control| fixture.ledger.reserve(charge(9, loss(10), &[of(control)])).await.map(drop);
    assert!(matches!(pay(reset).await, Err(LedgerError::Terms { .. })));
    let controls = fixture.ledger.controls().await.unwrap();
    let now = controls["a"].in_force(Millis(100));
    pay(now).await.unwrap();
    fixture.set_time(950);
    assert!(matches!(pay(now).await, Err(LedgerError::Overdrawn(_))));
    assert_eq!(fixture.broken().await, None);
}
