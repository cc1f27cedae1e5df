//! A client that charges the ledger, one charge after the other.

use std::sync::atomic::{AtomicU64, Ordering};

use noisegate::clock::Clock;
use noisegate::ids::{Analyst, ChargeKey, QueryId, Question};
use noisegate::ledger::{Account, Charge, LeafCharge, Ledger, Window};
use noisegate_privacy::budget::{Accountant, Amount, Loss};

use super::Running;

pub(crate) async fn run(ledger: Ledger, number: usize, accounts: usize, running: Running) {
    let accounts: Vec<Account> = (0..accounts).map(account).collect();
    while !running.stopped() {
        let _spent = ledger.reserve(charge(number, &accounts)).await.unwrap();
        running.did();
    }
}

fn account(number: usize) -> Account {
    Account {
        id: format!("shop/{number}"),
        accountant: Accountant::Zcdp,
        rho: Amount::parse(&"9".repeat(30)).unwrap(),
        epsilon: Amount::ZERO,
        delta: Amount::ZERO,
        window: Window::Lifetime,
        throttle: Vec::new(),
        control: 0,
    }
}

fn charge(number: usize, accounts: &[Account]) -> Charge {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut question = [0; 32];
    question[..8].copy_from_slice(&COUNTER.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    let rho = Amount::parse("5000000000").unwrap();
    Charge {
        key: ChargeKey::fresh(Clock::System.now().0),
        query: QueryId::fresh(),
        analyst: Analyst(format!("analyst {number}")),
        leaves: vec![LeafCharge {
            question: Question(question),
            loss: Loss { rho, epsilon: None, delta: Amount::ZERO },
            accounts: accounts.to_vec(),
        }],
    }
}
