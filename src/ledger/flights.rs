//! Questions that are being answered, by any proxy of a ledger, so that equal ones are asked once.
//!
//! These are locks and no part of the ledger: without one a question is only paid for twice, and
//! the locks of a proxy that is gone go with it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::handle::Ledger;
use super::store::Backend;
use super::types::LedgerError;
use crate::ids::Question;

/// How long to wait before looking again whether others are done: first, and at most.
const LOOKS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// Questions beyond which a statement flies without locks, whose number a server limits.
const KEYS_MAX: usize = 32;
/// How long nothing is tried after the locks failed: charging may work all the same.
const REST: Duration = Duration::from_secs(30);

/// What keeps others from the same questions.
pub(super) trait Locks: Send {
    /// Takes all of these locks or none; whether it took them.
    fn take(&mut self, keys: &[i64]) -> Result<bool, LedgerError>;
    /// Gives locks back.
    fn give(&mut self, keys: &[i64]) -> Result<(), LedgerError>;
}

/// While this lives, no proxy that asks for a flight answers these questions.
#[derive(Debug)]
pub struct Flight {
    keys: Vec<i64>,
    /// Which connection has the locks.
    connection: u64,
    orders: Sender<Order>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        let keys = std::mem::take(&mut self.keys);
        // Without the thread the locks are gone as well.
        let _ended = self.orders.send(Order::Give { keys, connection: self.connection });
    }
}

/// What the thread is asked for.
pub(super) enum Order {
    /// A flight that nobody takes out of the answer gives itself back, by way of `orders`.
    Take {
        keys: Vec<i64>,
        orders: Sender<Order>,
        reply: oneshot::Sender<Result<Option<Flight>, LedgerError>>,
    },
    Give {
        keys: Vec<i64>,
        connection: u64,
    },
}

/// The thread that holds the locks, on a connection of its own from the first one on.
pub(super) struct Flights {
    backend: Arc<dyn Backend>,
    locks: Option<Box<dyn Locks>>,
    /// How many connections there were.
    connection: u64,
    /// When the last one could not be made, or not be used at once.
    failed: Option<Instant>,
}

impl Flights {
    pub(super) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend, locks: None, connection: 0, failed: None }
    }

    /// Serves until the last handle of the ledger and the last flight are dropped.
    pub(super) fn run(mut self, inbox: &Receiver<Order>) {
        for order in inbox {
            match order {
                Order::Give { keys, connection } => self.give(&keys, connection),
                // Nobody waits for it any more.
                Order::Take { reply, .. } if reply.is_closed() => {}
                Order::Take { keys, orders, reply } => {
                    let taken = self.take(&keys).map(|taken| {
                        taken.then(|| Flight { keys, connection: self.connection, orders })
                    });
                    let _gone = reply.send(taken);
                }
            }
        }
    }

    fn take(&mut self, keys: &[i64]) -> Result<bool, LedgerError> {
        // A connection that was lost while it was idle is noticed when it is used.
        if let Some(taken) = self.kept(|locks| locks.take(keys)) {
            return Ok(taken);
        }
        if self.failed.is_some_and(|failed| failed.elapsed() < REST) {
            return Err(LedgerError::Store("its locks failed a moment ago".to_owned()));
        }
        self.connection = self.connection.wrapping_add(1);
        let made = self.backend.locks().and_then(|mut locks| {
            let taken = locks.take(keys)?;
            Ok((locks, taken))
        });
        self.failed = made.is_err().then(Instant::now);
        if let Err(error) = &made {
            tracing::warn!(%error, "equal questions at other proxies are not waited for");
        }
        let (locks, taken) = made?;
        self.locks = Some(locks);
        Ok(taken)
    }

    fn give(&mut self, keys: &[i64], connection: u64) {
        if connection == self.connection {
            self.kept(|locks| locks.give(keys));
        }
    }

    /// Does something on the connection that there is; one that fails is closed, with all its locks.
    fn kept<T>(
        &mut self,
        work: impl FnOnce(&mut dyn Locks) -> Result<T, LedgerError>,
    ) -> Option<T> {
        let mut locks = self.locks.take()?;
        match work(locks.as_mut()) {
            Ok(done) => {
                self.locks = Some(locks);
                Some(done)
            }
            Err(error) => {
                tracing::warn!(%error, "questions in flight are no longer known to other proxies");
                None
            }
        }
    }
}

impl Ledger {
    /// Waits until no other proxy answers any of these questions, and keeps them from it for as long
    /// as the flight lives. Nothing once patience ends, if there are too many, or if the store
    /// cannot tell: then equal questions may be asked twice.
    pub async fn flight(&self, questions: &[Question], patience: Duration) -> Option<Flight> {
        if questions.len() > KEYS_MAX {
            return None;
        }
        let waiting = self.wait_for_flight(questions);
        tokio::time::timeout(patience, waiting).await.ok().flatten()
    }

    async fn wait_for_flight(&self, questions: &[Question]) -> Option<Flight> {
        let mut keys: Vec<i64> = questions.iter().map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        let (mut pause, longest) = LOOKS;
        loop {
            match self.try_flight(keys.clone()).await {
                Ok(Some(flight)) => return Some(flight),
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(%error, "whether other proxies ask the same is not known");
                    return None;
                }
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(longest);
        }
    }
}

/// Its first bytes. Two questions of one key only wait for each other.
fn key(question: &Question) -> i64 {
    question.0.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}
