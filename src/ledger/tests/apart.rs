//! Looks on connections of their own.

use std::sync::mpsc;
use std::time::Duration;

use super::super::{AuditFilter, LedgerError};
use super::{Fixture, On};

/// Long enough for anything that does not wait for another.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_look_at_everything_takes_no_place_of_others() {
    let fixture = Fixture::on(On::Sqlite);
    let ledger = &fixture.ledger;
    let lists = async || ledger.audit(AuditFilter::default(), None, 1).await;
    let mut bars = Vec::new();
    let mut bar = || {
        let (lift, bar) = mpsc::channel::<()>();
        bars.push(lift);
        move || {
            let _lifted = bar.recv();
            Ok::<(), LedgerError>(())
        }
    };
    let (whole, first, second) = (bar(), bar(), bar());
    let other = ledger.clone();
    let whole = tokio::spawn(async move { other.read_whole(move |_| whole()).await });
    let other = ledger.clone();
    let first = tokio::spawn(async move { other.read_apart(move |_| first()).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    tokio::time::timeout(SOON, lists()).await.unwrap().unwrap();

    let other = ledger.clone();
    let second = tokio::spawn(async move { other.read_apart(move |_| second()).await });
    drop(bars.remove(0));
    whole.await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let verified = tokio::time::timeout(SOON, ledger.verify()).await.unwrap().unwrap();
    assert_eq!(verified.broken, None);
    drop(bars);
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_nobody_s_name() {
    let fixture = Fixture::on(On::Sqlite);
    fixture.ledger.accept_clock().await.unwrap();
    let found = fixture.ledger.audit(AuditFilter::default(), None, 1).await.unwrap();
    assert_eq!(found.first().unwrap().who, "os:operator");
}
