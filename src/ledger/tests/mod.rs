//! Tests of the ledger.

mod apart;
mod copy;
mod crash;
mod exhaustive;
mod flights;
mod memory;
mod model;
mod office;
mod postgres;
mod races;
mod restored;
mod sqlite;
mod store;
mod table;
mod tampered;
mod teams;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use noisegate_privacy::budget::{Accountant, Amount, Loss};
use tempfile::TempDir;

use super::{Account, Charge, LeafCharge, Ledger, Place, Remembered, Window};
use crate::clock::{Clock, Millis};
use crate::demo::{Cluster, Options};
use crate::ids::{Analyst, ChargeKey, QueryId, Question};

/// Each test of the contract runs on each store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Sqlite,
    Postgres,
}

/// Makes two tests of a function that takes a store.
macro_rules! on_both {
    ($name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn sqlite() {
                super::$name(super::super::On::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn postgres() {
                super::$name(super::super::On::Postgres).await;
            }
        }
    };
}
use on_both;

/// One server for all tests; each has a schema of its own. It writes through to the disk, since a
/// ledger accepts no other.
static SERVER: LazyLock<Cluster> = LazyLock::new(|| {
    let options = Options { durable: true, ..Options::default() };
    Cluster::temporary(options.with("max_connections", "300")).unwrap()
});

/// The address of a schema that nobody uses yet.
fn fresh_url() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{}?schema=ledger_{number}", SERVER.url("postgres", "postgres"))
}

/// A ledger in a folder of its own, with a clock that stands still.
struct Fixture {
    dir: TempDir,
    place: Place,
    time: Arc<AtomicI64>,
    clock: Clock,
    ledger: Ledger,
}

impl Fixture {
    fn on(on: On) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = match on {
            On::Sqlite => Place::sqlite(&dir.path().join("ledger.db")),
            On::Postgres => Place::postgres(&fresh_url(), None, Some(dir.path())).unwrap(),
        };
        Self::at(dir, place)
    }

    fn at(dir: TempDir, place: Place) -> Self {
        let (clock, time) = Clock::fixed(Millis(0));
        let ledger = Ledger::open_at(&place, clock.clone()).unwrap();
        Self { dir, place, time, clock, ledger }
    }

    /// Another handle, as another process has one.
    fn other(&self) -> Ledger {
        Ledger::open_at(&self.place, self.clock.clone()).unwrap()
    }

    fn reopen(&mut self) {
        self.ledger = self.other();
    }

    fn set_time(&self, ms: i64) {
        self.time.store(ms, Ordering::SeqCst);
    }

    async fn spent_rho(&self, account: &Account) -> Amount {
        let mut balances = self.ledger.balances(vec![account.clone()]).await.unwrap();
        balances.pop().unwrap().spent_rho
    }
}

fn amount(units: u128) -> Amount {
    Amount::parse(&units.to_string()).unwrap()
}

fn loss(rho: u128) -> Loss {
    Loss { rho: amount(rho), epsilon: None, delta: Amount::ZERO }
}

fn account(id: &str, rho: u128) -> Account {
    Account {
        id: id.to_owned(),
        accountant: Accountant::Zcdp,
        rho: amount(rho),
        epsilon: Amount::ZERO,
        delta: Amount::ZERO,
        window: Window::Lifetime,
        throttle: Vec::new(),
        control: 0,
    }
}

fn question(n: u64) -> Question {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    Question(bytes)
}

fn charge(n: u64, loss: Loss, accounts: &[Account]) -> Charge {
    let leaf = LeafCharge { question: question(n), loss, accounts: accounts.to_vec() };
    Charge {
        key: ChargeKey::fresh(0),
        query: QueryId(n.to_le_bytes()),
        analyst: Analyst("alice".to_owned()),
        leaves: vec![leaf],
    }
}

fn remembered(n: u64, payload: &[u8], expires: i64) -> Remembered {
    Remembered { question: question(n), payload: payload.to_vec(), expires_at: Millis(expires) }
}
