//! Many tasks, and two processes' worth of handles, for the last places.

use super::super::{Ledger, LedgerError};
use super::{Fixture, On, account, amount, charge, loss, on_both};

/// Charges 7 units in each of `tasks` tasks; how many were accepted.
async fn race(handles: &[Ledger], tasks: u64, limit: u128) -> usize {
    let shop = account("shop", limit);
    let spawned: Vec<_> = (0..tasks)
        .map(|n| {
            let ledger = handles[usize::try_from(n).unwrap() % handles.len()].clone();
            let own = account(&format!("each_analyst/{}", n % 10), 1_000_000);
            let charge = charge(n, loss(7), &[own, shop.clone()]);
            tokio::spawn(async move { ledger.reserve(charge).await })
        })
        .collect();
    let mut accepted = 0;
    for task in spawned {
        match task.await.unwrap() {
            Ok(_) => accepted += 1,
            Err(LedgerError::Overdrawn(o)) => assert_eq!(o.balance.account.id, "shop"),
            Err(other) => unreachable!("{other}"),
        }
    }
    accepted
}

on_both!(a_hundred_racers_for_n_places_fill_exactly_n);
async fn a_hundred_racers_for_n_places_fill_exactly_n(on: On) {
    for places in [0, 1, 37, 99] {
        let fixture = Fixture::on(on);
        let accepted = race(std::slice::from_ref(&fixture.ledger), 100, places * 7 + 6).await;
        assert_eq!(accepted as u128, places);
        assert_eq!(fixture.spent_rho(&account("shop", 0)).await, amount(places * 7));
    }
}

on_both!(two_writers_on_one_ledger_fill_exactly_n_too);
async fn two_writers_on_one_ledger_fill_exactly_n_too(on: On) {
    let fixture = Fixture::on(on);
    let other = fixture.other();
    let accepted = race(&[fixture.ledger.clone(), other.clone()], 100, 50 * 7).await;
    assert_eq!(accepted, 50);
    assert_eq!(fixture.spent_rho(&account("shop", 0)).await, amount(350));
    other.put_user("alice", "v").await.unwrap();
    assert_eq!(fixture.ledger.verifier("alice").await.unwrap(), Some("v".to_owned()));
}
