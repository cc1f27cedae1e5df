//! The process ends at each failpoint; another one looks at what is left.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::super::{Ledger, Place};
use super::{On, account, amount, charge, fresh_url, loss, on_both, question, remembered};
use crate::clock::Clock;

const CHILD: &str = "NOISEGATE_TEST_CRASH_LEDGER";
const ROUND: &str = "NOISEGATE_TEST_CRASH_ROUND";

/// Not a test by itself: what the other process runs. It does nothing unless told where.
#[tokio::test]
async fn child() {
    let Ok(place) = std::env::var(CHILD) else { return };
    let ledger = Ledger::open_at(&here(&place), Clock::System).unwrap();
    let round = std::env::var(ROUND).ok().and_then(|round| round.parse().ok()).unwrap_or(1);
    let limit = if std::env::var_os(ROUND).is_some() { LIMIT } else { 100 };
    let shop = account("shop", limit);
    let reservation = ledger.reserve(charge(round, loss(10), &[shop])).await.unwrap();
    let releases = vec![remembered(round, b"answer", i64::MAX)];
    ledger.settle(reservation, releases).await.unwrap();
}

/// A place as the other process is told of it: a folder, or a folder and an address.
fn here(place: &str) -> Place {
    match place.split_once(' ') {
        None => Place::sqlite(&Path::new(place).join("ledger.db")),
        Some((folder, url)) => Place::postgres(url, None, Some(Path::new(folder))).unwrap(),
    }
}

fn place_in(dir: &TempDir, on: On) -> String {
    let folder = dir.path().display().to_string();
    match on {
        On::Sqlite => folder,
        On::Postgres => format!("{folder} {}", fresh_url()),
    }
}

/// Runs the child to its end at a failpoint; ρ spent and whether the release is remembered.
async fn crash_at(on: On, failpoint: &str) -> (noisegate_privacy::budget::Amount, bool) {
    let dir = tempfile::tempdir().unwrap();
    let place = place_in(&dir, on);
    let ended_well = command(&place, failpoint).status().unwrap().success();
    assert_eq!(ended_well, failpoint == "none", "{failpoint}");
    let ledger = Ledger::open_at(&here(&place), Clock::System).unwrap();
    let balance = ledger.balances(vec![account("shop", 100)]).await.unwrap().pop().unwrap();
    let release = ledger.recall(question(1)).await.unwrap();
    (balance.spent_rho, release.is_some_and(|payload| payload == b"answer"))
}

fn command(place: &str, failpoint: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "ledger::tests::crash::child", "--quiet"])
        .env(CHILD, place)
        .env("NOISEGATE_FAILPOINT", failpoint)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// What the rounds may spend together: fewer than there are.
const LIMIT: u128 = 1200;

/// Two hundred processes, one after the other on one ledger, each killed at a failpoint before or
/// after a durable step: what is spent is what was committed, to the unit, and never over the limit;
/// a release is there if and only if its settling was committed.
#[tokio::test]
async fn two_hundred_kills_overspend_nothing() {
    const POINTS: [&str; 4] = [
        "before_reserve_commit",
        "after_reserve_commit",
        "before_settle_commit",
        "after_settle_commit",
    ];
    let dir = tempfile::tempdir().unwrap();
    let place = place_in(&dir, On::Sqlite);
    let mut spent = 0;
    for (round, point) in (1_u64..=200).zip(POINTS.iter().cycle()) {
        let fits = spent + 10 <= LIMIT;
        assert!(!command(&place, point).env(ROUND, round.to_string()).status().unwrap().success());
        let committed = fits && *point != "before_reserve_commit";
        spent += if committed { 10 } else { 0 };
        let ledger = Ledger::open_at(&here(&place), Clock::System).unwrap();
        let balance = ledger.balances(vec![account("shop", LIMIT)]).await.unwrap().pop().unwrap();
        assert_eq!(balance.spent_rho, amount(spent), "round {round}, {point}");
        let answered = ledger.recall(question(round)).await.unwrap().is_some();
        assert_eq!(answered, fits && *point == "after_settle_commit", "round {round}, {point}");
    }
    assert_eq!(spent, LIMIT);
}

on_both!(what_was_committed_survives_and_nothing_else_does);
async fn what_was_committed_survives_and_nothing_else_does(on: On) {
    assert_eq!(crash_at(on, "none").await, (amount(10), true));
    assert_eq!(crash_at(on, "before_reserve_commit").await, (amount(0), false));
    assert_eq!(crash_at(on, "after_reserve_commit").await, (amount(10), false));
    assert_eq!(crash_at(on, "before_settle_commit").await, (amount(10), false));
    assert_eq!(crash_at(on, "after_settle_commit").await, (amount(10), true));
}
