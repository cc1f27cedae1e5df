//! The process ends at each failpoint; another one looks at what is left.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::Ledger;
use super::{account, amount, charge, loss, question, remembered};
use crate::clock::Clock;

const CHILD: &str = "NOISEGATE_TEST_CRASH_LEDGER";

/// Not a test by itself: what the other process runs. It does nothing unless told where.
#[tokio::test]
async fn child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let ledger = Ledger::open(&PathBuf::from(path), Clock::System).unwrap();
    let shop = account("shop", 100);
    let reservation = ledger.reserve(charge(1, loss(10), &[shop])).await.unwrap();
    let releases = vec![remembered(1, b"answer", i64::MAX)];
    ledger.settle(reservation, releases).await.unwrap();
}

/// Runs the child to its end at a failpoint; ρ spent and whether the release is remembered.
async fn crash_at(failpoint: &str) -> (noisegate_privacy::budget::Amount, bool) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let ended_well = run_child(&path, failpoint);
    assert_eq!(ended_well, failpoint == "none", "{failpoint}");
    let ledger = Ledger::open(&path, Clock::System).unwrap();
    let balance = ledger.balances(vec![account("shop", 100)]).await.unwrap().pop().unwrap();
    let release = ledger.recall(question(1)).await.unwrap();
    (balance.spent_rho, release.is_some_and(|payload| payload == b"answer"))
}

fn run_child(path: &Path, failpoint: &str) -> bool {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ledger::tests::crash::child", "--quiet"])
        .env(CHILD, path)
        .env("NOISEGATE_FAILPOINT", failpoint)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

#[tokio::test]
async fn what_was_committed_survives_and_nothing_else_does() {
    assert_eq!(crash_at("none").await, (amount(10), true));
    assert_eq!(crash_at("before_reserve_commit").await, (amount(0), false));
    assert_eq!(crash_at("after_reserve_commit").await, (amount(10), false));
    assert_eq!(crash_at("before_settle_commit").await, (amount(10), false));
    assert_eq!(crash_at("after_settle_commit").await, (amount(10), true));
}
