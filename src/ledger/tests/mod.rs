//! Tests of the ledger.

mod crash;
mod model;
mod races;
mod store;
mod table;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use noisegate_privacy::budget::{Accountant, Amount, Loss};
use tempfile::TempDir;

use super::{Account, Charge, LeafCharge, Ledger, Remembered, Window};
use crate::clock::{Clock, Millis};
use crate::ids::{Analyst, QueryId, Question};

/// A ledger in a folder of its own, with a clock that stands still.
struct Fixture {
    dir: TempDir,
    time: Arc<AtomicI64>,
    clock: Clock,
    ledger: Ledger,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (clock, time) = Clock::fixed(Millis(0));
        let ledger = Ledger::open(&dir.path().join("ledger.db"), clock.clone()).unwrap();
        Self { dir, time, clock, ledger }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("ledger.db")
    }

    fn reopen(&mut self) {
        self.ledger = Ledger::open(&self.path(), self.clock.clone()).unwrap();
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
        query: QueryId(n.to_le_bytes()),
        analyst: Analyst("alice".to_owned()),
        leaves: vec![leaf],
    }
}

fn remembered(n: u64, payload: &[u8], expires: i64) -> Remembered {
    Remembered { question: question(n), payload: payload.to_vec(), expires_at: Millis(expires) }
}
