//! What administrators decide in the middle of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use noisegate::clock::{Clock, Millis};
use noisegate::ledger::{Change, Event, Ledger, LedgerError, RequestKey, Via};
use tokio::runtime::Runtime;

use crate::asks::Ask;
use crate::between::Between;
use crate::child::place;
use crate::process::url;
use crate::told::{Told, micros};

pub(crate) struct Office {
    pub(crate) ledger: Ledger,
    pub(crate) between: Between,
    /// Whether the time may have gone back since the last audit.
    pub(crate) accepted: bool,
    /// The clock of the operator: long ago, so that it moves nothing, until it is to be accepted.
    time: Arc<AtomicI64>,
    /// How many decisions there were about each account.
    versions: BTreeMap<String, i64>,
    decisions: u64,
    /// Accounts that were frozen, from when the freeze was acknowledged to when the thaw was asked.
    frozen: Vec<(String, u64, u64)>,
}

impl Office {
    pub(crate) fn open(between: Between, folder: &Path) -> Self {
        let own = folder.join("office");
        std::fs::create_dir(&own).unwrap();
        let (clock, time) = Clock::fixed(Clock::System.now());
        let ledger = Ledger::open_at(&place(&url("office", &between), &own), clock).unwrap();
        time.store(0, Ordering::SeqCst);
        let (versions, frozen) = Default::default();
        Self { ledger, between, accepted: false, time, versions, decisions: 0, frozen }
    }

    /// Decides, as often as it takes under one key, and once more: it is decided once.
    pub(crate) fn decide(&mut self, runtime: &Runtime, account: &str, change: &Change) {
        self.decisions += 1;
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.decisions.to_le_bytes());
        let key = RequestKey { key, request: key };
        let version = self.versions.entry(account.to_owned()).or_default();
        *version += 1;
        for _ in 0..2 {
            let decided = runtime.block_on(insist(async || {
                self.ledger.change(account, change.clone(), None, Some(key), event(change)).await
            }));
            assert_eq!(decided.version, *version, "decided once: {account} {change:?}");
        }
    }

    pub(crate) fn freeze(&mut self, runtime: &Runtime, account: &str, time: Duration) {
        self.decide(runtime, account, &Change::Freeze);
        let acknowledged = micros();
        std::thread::sleep(time);
        self.frozen.push((account.to_owned(), acknowledged, micros()));
        self.decide(runtime, account, &Change::Thaw);
    }

    /// An operator says that it is so late.
    pub(crate) fn accept_clock(&mut self, runtime: &Runtime, now: i64) {
        self.accepted = true;
        self.time.store(now, Ordering::SeqCst);
        let accepted = runtime.block_on(insist(async || self.ledger.accept_clock().await));
        self.time.store(0, Ordering::SeqCst);
        assert_eq!(accepted, Millis(now));
    }

    /// Nothing was charged to an account from when it was known to be frozen until it was to be so
    /// no more.
    pub(crate) fn hold(&self, told: &Told) {
        for (number, (asked, charged)) in &told.charged {
            let debits = Ask::of(told.seed, *number).debits();
            for (account, from, to) in &self.frozen {
                let within = asked > from && charged < to;
                assert!(!within || !debits.contains_key(account), "{number}: {account} was frozen");
            }
        }
    }
}

/// What succeeds in the end, when only the store fails.
async fn insist<T>(work: impl AsyncFn() -> Result<T, LedgerError>) -> T {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        match work().await {
            Ok(done) => return done,
            Err(LedgerError::Store(_)) if Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(other) => unreachable!("{other}"),
        }
    }
}

fn event(change: &Change) -> Event {
    let kind = match change {
        Change::Freeze => "account.freeze",
        Change::Thaw => "account.thaw",
        Change::Cap(_) => "account.cap",
        Change::Grant { .. } => "account.grant",
        Change::Reset { .. } => "account.reset",
    };
    Event {
        who: "carol".to_owned(),
        via: Via::Http,
        kind,
        object: String::new(),
        detail: "{}".to_owned(),
        why: "to see what comes of it".to_owned(),
    }
}
