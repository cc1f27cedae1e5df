//! A ledger is moved from one store to the other and back.

use super::super::{AuditFilter, Change, Charge, LedgerError, Place, Token, copy};
use super::office::event;
use super::{Fixture, On, account, amount, charge, fresh_url, loss, remembered};
use crate::clock::Millis;
use crate::ids::{Analyst, ChargeKey};

impl Fixture {
    pub(super) fn new_place(&self, on: On) -> Place {
        let dir = self.dir.path();
        match on {
            On::Sqlite => Place::sqlite(&dir.join(format!("{}.db", fresh_number()))),
            On::Postgres => Place::postgres(&fresh_url(), None, Some(dir)).unwrap(),
        }
    }

    /// Everything that can be seen of a ledger.
    async fn seen(&self) -> String {
        let accounts = vec![account("shop", 0), account("each_analyst/bob", 0)];
        let balances = self.ledger.balances(accounts).await.unwrap();
        let history = self.ledger.history(&Analyst("alice".to_owned()), 100_000).await.unwrap();
        let releases = (self.recall(1).await, self.recall(2).await, self.recall(3).await);
        let verifier = self.ledger.verifier("bob").await.unwrap();
        let (controls, tokens) = (self.ledger.controls().await, self.ledger.tokens().await);
        let (people, audit) =
            (self.ledger.people().await, self.ledger.audit(AuditFilter::default(), None, 9).await);
        let verified = self.ledger.verify().await.unwrap();
        assert_eq!(verified.broken, None);
        format!(
            "{balances:?} {history:?} {releases:?} {verifier:?} {controls:?} {tokens:?} {people:?} \
             {audit:?}"
        )
    }
}

fn fresh_number() -> String {
    fresh_url().rsplit('_').next().unwrap().to_owned()
}

async fn filled(on: On) -> (Fixture, Charge) {
    let fixture = Fixture::on(on);
    let (shop, bob) = (account("shop", 100_000), account("each_analyst/bob", 100_000));
    let charged = charge(7, loss(5), &[shop.clone(), bob]);
    fixture.ledger.put_user("bob", "verifier").await.unwrap();
    fixture.answer(1, b"one", 9000).await;
    fixture.answer(2, &vec![2; 100_000], 9000).await;
    let reservation = fixture.ledger.reserve(charged.clone()).await.unwrap();
    fixture.ledger.give_back(reservation).await.unwrap();
    fixture.decide("capped", Change::Cap(Some(amount(7)))).await;
    fixture.decide("never charged", Change::Freeze).await;
    fixture.decide("never charged", Change::Thaw).await;
    let (hash, role) = ([3; 32], "admin".to_owned());
    let (created_at, expires_at) = (Millis(1), Millis(9000));
    let (id, name, created_by) = ("t".to_owned(), "ci".to_owned(), "carol".to_owned());
    let token = Token { id, hash, name, role, created_by, created_at, expires_at };
    fixture.ledger.put_token(token, event("token.create", "w")).await.unwrap();
    fixture.ledger.saw(["bob".to_owned()].into()).await.unwrap();
    // More than one page.
    let many =
        (0..1100).map(|n| fixture.ledger.reserve(charge(n, loss(2), std::slice::from_ref(&shop))));
    for reserved in futures_util::future::join_all(many).await {
        let _spent = reserved.unwrap();
    }
    (fixture, charged)
}

async fn there_and_back(on: On, via: On) {
    let (mut fixture, charged) = filled(on).await;
    // Open and idle, so that what is pending is final.
    fixture.reopen();
    let before = fixture.seen().await;
    let old = fixture.place.clone();
    let new = fixture.new_place(via);
    let copied = copy(&old, &new, Millis(0)).unwrap();
    assert_eq!((copied.charges, copied.releases, copied.users), (1103, 2, 1));
    // The old one is no ledger any more, for a proxy that runs and for one that starts.
    let shop = account("shop", 100_000);
    let late = fixture.ledger.reserve(charge(1, loss(1), std::slice::from_ref(&shop))).await;
    assert!(matches!(late, Err(LedgerError::Moved(_))), "{late:?}");
    let late = super::super::Ledger::open_at(&old, fixture.clock.clone());
    assert!(matches!(&late, Err(LedgerError::Moved(to)) if *to == new.to_string()), "{late:?}");
    // Again, it says the same; to elsewhere, it refuses.
    assert_eq!(copy(&old, &new, Millis(0)).unwrap(), copied);
    let third = fixture.new_place(on);
    assert!(matches!(copy(&old, &third, Millis(0)), Err(LedgerError::Moved(_))));
    fixture.place = new.clone();
    fixture.reopen();
    assert_eq!(fixture.seen().await, before);
    let again = fixture.ledger.reserve(charged).await;
    assert!(matches!(again, Err(LedgerError::Repeated)), "{again:?}");
    fixture.answer(3, b"three", 9000).await;
    let before = fixture.seen().await;
    let back = fixture.new_place(on);
    copy(&new, &back, Millis(0)).unwrap();
    fixture.place = back;
    fixture.reopen();
    assert_eq!(fixture.seen().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_sqlite_to_postgresql_and_back() {
    there_and_back(On::Sqlite, On::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_postgresql_to_sqlite_and_back() {
    there_and_back(On::Postgres, On::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_in_which_something_happened_is_refused_and_the_source_goes_on() {
    for (on, to) in [(On::Sqlite, On::Postgres), (On::Postgres, On::Sqlite)] {
        let (fixture, other) = (Fixture::on(on), Fixture::on(to));
        fixture.answer(1, b"one", 9000).await;
        other.ledger.put_user("bob", "v").await.unwrap();
        let refused = copy(&fixture.place, &other.place, Millis(0));
        assert!(matches!(refused, Err(LedgerError::NotEmpty(_))), "{refused:?}");
        fixture.answer(2, b"two", 9000).await;
        assert_eq!(other.ledger.users().await.unwrap(), ["bob"]);
        let itself = copy(&fixture.place, &fixture.place, Millis(0));
        assert!(matches!(itself, Err(LedgerError::Malformed(_))), "{itself:?}");
        let nowhere = Place::sqlite(&fixture.dir.path().join("none.db"));
        assert!(copy(&nowhere, &fixture.new_place(On::Sqlite), Millis(0)).is_err());
    }
}

/// Ends in the middle of filling the target: the source is the ledger again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_fails_leaves_the_source_as_it_was() {
    let fixture = Fixture::on(On::Postgres);
    let shop = account("shop", 100);
    let odd = Charge { key: ChargeKey([7; 16]), ..charge(1, loss(5), std::slice::from_ref(&shop)) };
    let _spent = fixture.ledger.reserve(odd).await.unwrap();
    // What the target does not take: no release is larger than a file of SQLite can hold, but a
    // charge of another size is no charge there.
    let schema = fixture.place.to_string().rsplit(' ').next().unwrap().to_owned();
    let config = super::SERVER.config("postgres", "postgres");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = format!(
        "ALTER TABLE {schema}.leaf DROP CONSTRAINT leaf_question_check;
         SET session_replication_role = replica; UPDATE {schema}.leaf SET question = '\\x00'"
    );
    client.batch_execute(&sql).await.unwrap();
    let to = fixture.new_place(On::Sqlite);
    let failed = copy(&fixture.place, &to, Millis(0));
    assert!(matches!(failed, Err(LedgerError::Store(_))), "{failed:?}");
    let _spent =
        fixture.ledger.reserve(charge(2, loss(5), std::slice::from_ref(&shop))).await.unwrap();
    assert_eq!(fixture.spent_rho(&shop).await, amount(10));
    let _ = remembered(1, b"", 0);
}
