//! The contract of a store: what is remembered, who may log in, and what failures leave behind.

use super::super::store::Needs;
use super::super::{Account, Ledger, LedgerError, Window};
use super::{Fixture, On, account, amount, charge, loss, on_both, question, remembered};
use noisegate_privacy::budget::{Amount, Loss};

impl Fixture {
    /// Charges one unit and settles it with a release.
    pub(super) async fn answer(&self, n: u64, payload: &[u8], expires: i64) {
        let shop = account("shop", 1_000_000);
        let reservation = self.ledger.reserve(charge(n, loss(1), &[shop])).await.unwrap();
        let releases = vec![remembered(n, payload, expires)];
        self.ledger.settle(reservation, releases).await.unwrap();
    }

    pub(super) async fn recall(&self, n: u64) -> Option<Vec<u8>> {
        self.ledger.recall(question(n)).await.unwrap()
    }
}

on_both!(a_release_is_recalled_until_it_expires_and_not_changed_before);
async fn a_release_is_recalled_until_it_expires_and_not_changed_before(on: On) {
    let mut fixture = Fixture::on(on);
    assert_eq!(fixture.recall(1).await, None);
    fixture.answer(1, b"first", 1000).await;
    fixture.answer(1, b"second", 2000).await;
    fixture.set_time(999);
    fixture.reopen();
    assert_eq!(fixture.recall(1).await.unwrap(), b"first");
    fixture.set_time(1000);
    assert_eq!(fixture.recall(1).await, None);
    fixture.answer(1, b"third", 2000).await;
    assert_eq!(fixture.recall(1).await.unwrap(), b"third");
    // The ledger's time does not go back, so an expired release stays so.
    fixture.set_time(2000);
    fixture.answer(2, b"other", 5000).await;
    fixture.set_time(500);
    assert_eq!(fixture.recall(1).await, None);
}

on_both!(what_is_remembered_is_bounded_expired_first_then_oldest);
async fn what_is_remembered_is_bounded_expired_first_then_oldest(on: On) {
    let mut fixture = Fixture::on(on);
    fixture.ledger = Ledger::open_sized(&fixture.place, fixture.clock.clone(), 100).unwrap();
    fixture.answer(1, &[1; 40], 9000).await;
    fixture.answer(2, &[2; 40], 1000).await;
    fixture.answer(3, &[3; 101], 9000).await;
    assert_eq!(fixture.recall(3).await, None, "larger than all that may be remembered");
    fixture.set_time(1000);
    fixture.answer(4, &[4; 40], 9000).await;
    assert_eq!(fixture.recall(1).await, Some(vec![1; 40]), "the expired one had to go first");
    fixture.answer(5, &[5; 40], 9000).await;
    assert_eq!(fixture.recall(1).await, None, "the oldest had to go");
    assert_eq!(fixture.recall(4).await, Some(vec![4; 40]));
    assert_eq!(fixture.recall(5).await, Some(vec![5; 40]));
}

on_both!(users_come_and_go);
async fn users_come_and_go(on: On) {
    let fixture = Fixture::on(on);
    let ledger = &fixture.ledger;
    ledger.put_user("bob", "SCRAM-SHA-256$1").await.unwrap();
    ledger.put_user("alice", "SCRAM-SHA-256$2").await.unwrap();
    ledger.put_user("bob", "SCRAM-SHA-256$3").await.unwrap();
    assert_eq!(ledger.users().await.unwrap(), ["alice", "bob"]);
    assert_eq!(ledger.verifier("bob").await.unwrap().unwrap(), "SCRAM-SHA-256$3");
    assert!(ledger.remove_user("bob").await.unwrap());
    assert!(!ledger.remove_user("bob").await.unwrap());
    assert_eq!(ledger.verifier("bob").await.unwrap(), None);
    assert!(ledger.put_user("", "v").await.is_err());
    assert!(ledger.put_user("eve", &"v".repeat(5000)).await.is_err());
}

on_both!(amounts_of_any_size_are_exact);
async fn amounts_of_any_size_are_exact(on: On) {
    let fixture = Fixture::on(on);
    let digits = "9".repeat(300);
    let huge = Amount::parse(&digits).unwrap();
    let mut shop = account("shop", 0);
    shop.rho = huge.clone();
    let most = Loss { rho: huge.minus(&amount(1)), epsilon: None, delta: Amount::ZERO };
    let _spent = fixture.ledger.reserve(charge(1, most, &[shop.clone()])).await.unwrap();
    assert!(fixture.ledger.reserve(charge(2, loss(2), &[shop.clone()])).await.is_err());
    let _spent = fixture.ledger.reserve(charge(3, loss(1), &[shop.clone()])).await.unwrap();
    assert_eq!(fixture.spent_rho(&shop).await, huge);
    let too_long = Loss { rho: Amount::parse(&"9".repeat(400)).unwrap(), ..loss(1) };
    let refused = fixture.ledger.reserve(charge(4, too_long, &[shop])).await;
    assert!(matches!(refused, Err(LedgerError::Malformed(_))), "{refused:?}");
}

on_both!(a_job_that_fails_does_not_poison_its_batch);
async fn a_job_that_fails_does_not_poison_its_batch(on: On) {
    let fixture = Fixture::on(on);
    let shop = account("shop", 60);
    let poor = account("poor", 0);
    let mut tasks = Vec::new();
    for n in 0..90 {
        let (ledger, shop, poor) = (fixture.ledger.clone(), shop.clone(), poor.clone());
        tasks.push(tokio::spawn(async move {
            if n % 3 == 0 {
                // Its first account could pay.
                let refused = ledger.reserve(charge(n, loss(1), &[shop, poor])).await;
                assert!(matches!(refused, Err(LedgerError::Overdrawn(_))), "{refused:?}");
            } else {
                let _spent = ledger.reserve(charge(n, loss(1), &[shop])).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(fixture.spent_rho(&shop).await, amount(60));
    assert_eq!(fixture.spent_rho(&poor).await, amount(0));
}

on_both!(a_store_that_fails_undoes_the_batch_and_goes_on);
async fn a_store_that_fails_undoes_the_batch_and_goes_on(on: On) {
    let fixture = Fixture::on(on);
    let shop = account("shop", 1_000_000);
    let broken = fixture.ledger.write(Needs::default(), |batch| {
        batch.put_user("mallory", "v");
        batch.raw("UPDATE meta SET mark_ms = -1")
    });
    assert!(matches!(broken.await, Err(LedgerError::Store(_))));
    assert!(fixture.ledger.users().await.unwrap().is_empty());
    let _spent = fixture.ledger.reserve(charge(1, loss(1), &[shop])).await.unwrap();
}

on_both!(a_key_is_charged_once);
async fn a_key_is_charged_once(on: On) {
    let mut fixture = Fixture::on(on);
    let shop = account("shop", 10);
    let once = charge(1, loss(4), std::slice::from_ref(&shop));
    let mut first = fixture.ledger.reserve(once.clone()).await.unwrap();
    assert_eq!(first.receipts().len(), 1);
    fixture.reopen();
    for ledger in [fixture.ledger.clone(), fixture.other()] {
        let again = ledger.reserve(once.clone()).await;
        assert!(matches!(again, Err(LedgerError::Repeated)), "{again:?}");
    }
    assert_eq!(fixture.spent_rho(&shop).await, amount(4));
    // Given back, it is still the same charge.
    fixture.ledger.give_back(first).await.unwrap();
    assert!(matches!(fixture.ledger.reserve(once.clone()).await, Err(LedgerError::Repeated)));
    // At once, in one unit of work or in two.
    let twice = charge(2, loss(4), std::slice::from_ref(&shop));
    let (one, other) =
        tokio::join!(fixture.ledger.reserve(twice.clone()), fixture.ledger.reserve(twice.clone()));
    assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
    assert_eq!(fixture.spent_rho(&shop).await, amount(4));
}

on_both!(two_windows_in_one_batch_count_the_same_debits);
async fn two_windows_in_one_batch_count_the_same_debits(on: On) {
    let fixture = Fixture::on(on);
    fixture.set_time(1500);
    let lifetime = account("shop", 10);
    let window = Account { window: Window::Every { ms: 1000 }, ..lifetime.clone() };
    let mut tasks = Vec::new();
    for n in 0..20 {
        let ledger = fixture.ledger.clone();
        let payer = if n % 2 == 0 { lifetime.clone() } else { window.clone() };
        tasks.push(tokio::spawn(async move {
            ledger.reserve(charge(n, loss(1), &[payer])).await.is_ok()
        }));
    }
    let mut accepted = 0;
    for task in tasks {
        accepted += usize::from(task.await.unwrap());
    }
    assert_eq!(accepted, 10);
    assert_eq!(fixture.spent_rho(&lifetime).await, amount(10));
    assert_eq!(fixture.spent_rho(&window).await, amount(10));
}

on_both!(a_new_handle_posts_what_another_left_pending_and_that_one_can_still_settle);
async fn a_new_handle_posts_what_another_left_pending_and_that_one_can_still_settle(on: On) {
    let fixture = Fixture::on(on);
    let shop = account("shop", 10);
    let shops = std::slice::from_ref(&shop);
    let settled = fixture.ledger.reserve(charge(1, loss(4), shops)).await.unwrap();
    let voided = fixture.ledger.reserve(charge(2, loss(4), shops)).await.unwrap();
    let _other = fixture.other();
    fixture.ledger.settle(settled, vec![remembered(1, b"x", 1000)]).await.unwrap();
    fixture.ledger.give_back(voided).await.unwrap();
    assert_eq!(fixture.recall(1).await.unwrap(), b"x");
    assert_eq!(fixture.spent_rho(&shop).await, amount(4));
}
