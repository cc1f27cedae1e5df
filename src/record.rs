//! What goes on record of sessions and refusals: gathered in memory, and written to the ledger a few
//! times a minute, so that nobody can fill it by asking often.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::Code;
use crate::ledger::{Event, Ledger, LedgerError, Via};

/// How often what was gathered is written.
const EVERY: Duration = Duration::from_secs(10);
/// How often old events are looked for.
const FORGET_EVERY: Duration = Duration::from_hours(1);
/// The most different things that are gathered; more are counted without their names.
const THINGS_MAX: usize = 512;
/// Who it was if it is nobody's name. No name has a colon.
const UNKNOWN: &str = "proxy:unknown";
/// Who it was if too many did too much to tell them apart.
const OTHERS: &str = "proxy:others";

/// What is gathered until it is written.
#[derive(Debug, Default)]
pub struct Records {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// How often each thing happened: its kind, who it was, and what it was about.
    things: BTreeMap<(&'static str, String, &'static str), u64>,
    /// Who logged in.
    seen: BTreeSet<String>,
}

impl Records {
    /// Somebody logged in.
    pub fn logged_in(&self, user: &str) {
        let mut counts = self.counts();
        counts.count("login", user, "");
        if counts.seen.len() < THINGS_MAX {
            counts.seen.insert(user.to_owned());
        }
    }

    /// Somebody did not get in. The name of a user that there is not is nobody's, and is not kept:
    /// it may be a password.
    pub fn login_failed(&self, user: Option<&str>) {
        self.counts().count("login.failed", user.unwrap_or(UNKNOWN), "");
    }

    /// A statement was refused.
    pub fn refused(&self, analyst: &str, code: Code) {
        self.counts().count("refused", analyst, code.name());
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Numbers that a panic elsewhere left behind are numbers all the same.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was gathered. What cannot be written is gathered on.
    pub async fn write(&self, ledger: &Ledger) -> Result<(), LedgerError> {
        let Counts { things, seen } = std::mem::take(&mut *self.counts());
        if !things.is_empty()
            && let Err(error) = ledger.record(things.iter().map(event).collect()).await
        {
            let mut counts = self.counts();
            for ((kind, who, about), times) in things {
                counts.add(kind, &who, about, times);
            }
            counts.seen.extend(seen);
            return Err(error);
        }
        if seen.is_empty() { Ok(()) } else { ledger.saw(seen).await }
    }
}

impl Counts {
    fn count(&mut self, kind: &'static str, who: &str, about: &'static str) {
        self.add(kind, who, about, 1);
    }

    fn add(&mut self, kind: &'static str, who: &str, about: &'static str, times: u64) {
        let mut key = (kind, who.to_owned(), about);
        if self.things.len() >= THINGS_MAX && !self.things.contains_key(&key) {
            key = (kind, OTHERS.to_owned(), "");
        }
        let count = self.things.entry(key).or_default();
        *count = count.saturating_add(times);
    }
}

fn event(((kind, who, about), times): (&(&'static str, String, &'static str), &u64)) -> Event {
    Event {
        who: who.clone(),
        via: Via::Proxy,
        kind,
        object: (*about).to_owned(),
        detail: format!("{{\"count\":{times}}}"),
        why: String::new(),
    }
}

/// Writes what is gathered until `stop` fires, and once more then; and forgets events that are older
/// than they are kept, as `keep_ms` says at that time.
pub async fn keep(
    records: &Records,
    ledger: &Ledger,
    keep_ms: impl Fn() -> u64,
    stop: &CancellationToken,
) {
    let mut forget_in = Duration::ZERO;
    loop {
        let stopped = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(EVERY) => false,
        };
        if let Err(error) = records.write(ledger).await {
            tracing::warn!(%error, "logins and refusals are not on record yet");
        }
        if stopped {
            return;
        }
        forget_in = forget_in.saturating_sub(EVERY);
        if forget_in.is_zero() {
            forget_in = FORGET_EVERY;
            match ledger.forget_events_after(keep_ms()).await {
                Ok(0) => {}
                Ok(events) => tracing::info!(events, "old events of the audit are forgotten"),
                Err(error) => tracing::warn!(%error, "old events of the audit are kept"),
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::clock::{Clock, Millis};
    use crate::ledger::AuditFilter;

    #[tokio::test]
    async fn what_happens_often_is_one_record_with_a_count() {
        let dir = tempfile::tempdir().unwrap();
        let (clock, _) = Clock::fixed(Millis(5));
        let ledger = Ledger::open(&dir.path().join("ledger.db"), clock).unwrap();
        ledger.put_user("alice", "v").await.unwrap();
        let records = Records::default();
        records.logged_in("alice");
        for _ in 0..3 {
            records.refused("alice", Code::Budget);
        }
        records.login_failed(None);
        for number in 0..2 * THINGS_MAX {
            records.refused(&format!("analyst {number}"), Code::Rows);
        }
        records.write(&ledger).await.unwrap();
        records.write(&ledger).await.unwrap();
        let all = ledger.audit(AuditFilter::default(), None, 1000).await.unwrap();
        let shown = |kind: &str, who: &str| {
            let found = all.iter().filter(|record| record.kind == kind && record.who == who);
            found.map(|record| format!("{} {}", record.object, record.detail)).collect::<Vec<_>>()
        };
        assert_eq!(shown("refused", "alice"), ["budget {\"count\":3}"]);
        assert_eq!(shown("login", "alice"), [" {\"count\":1}"]);
        assert_eq!(shown("login.failed", "proxy:unknown"), [" {\"count\":1}"]);
        assert!(all.len() <= THINGS_MAX + 4, "{}", all.len());
        let others = shown("refused", "proxy:others");
        assert_eq!(others, [format!(" {{\"count\":{}}}", THINGS_MAX + 3)]);
        let people = ledger.people().await.unwrap();
        assert_eq!(people.first().unwrap().seen_at, Some(Millis(5)));
    }
}
