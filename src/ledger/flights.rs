//! What is being answered, by any proxy of a ledger: questions, so that equal ones are asked once,
//! and the turns of each analyst, so that nobody has more of them by asking several proxies.
//!
//! These are locks and no part of the ledger: without them a question is only paid for twice, and
//! each proxy counts turns for itself; and the locks of a proxy that is gone go with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::handle::Ledger;
use super::store::Backend;
use super::types::LedgerError;
use crate::ids::{Analyst, Question};

/// How long to wait before looking again whether others are done: first, and at most.
const LOOKS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// Questions beyond which a statement flies without locks, whose number a server limits.
const KEYS_MAX: usize = 32;
/// Orders that are looked at in one step, after the first.
const ORDERS_AT_ONCE: usize = 255;
/// Turns that are looked at in one step: an analyst seldom has more in flight.
const TURNS_AT_ONCE: u32 = 64;
/// How long nothing is tried after the locks failed: charging may work all the same.
const REST: Duration = Duration::from_secs(30);

/// What keeps others from the same questions, and from the same turns.
///
/// No lock is asked for that was taken and not given back.
pub(super) trait Locks: Send {
    /// Takes all of these locks or none; whether it took them.
    fn take(&mut self, keys: &[i64]) -> Result<bool, LedgerError>;
    /// Takes the first of these locks that is free.
    fn take_one(&mut self, keys: &[i64]) -> Result<Option<i64>, LedgerError>;
    /// Gives locks back.
    fn give(&mut self, keys: &[i64]) -> Result<(), LedgerError>;
}

/// While this lives, no other proxy that asks for a flight answers these questions, or has this turn.
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

/// Which locks a flight wants.
pub(super) enum Wanted {
    /// All of these. Flights of one proxy may have the same ones.
    All(Vec<i64>),
    /// One of these, which no other flight has.
    OneOf(Vec<i64>),
}

/// What the thread is asked for.
pub(super) enum Order {
    Take(Take),
    Give { keys: Vec<i64>, connection: u64 },
}

/// A flight that is wanted. One that nobody takes out of the answer gives itself back, by way of
/// `orders`.
pub(super) struct Take {
    pub(super) wanted: Wanted,
    pub(super) orders: Sender<Order>,
    pub(super) reply: oneshot::Sender<Result<Option<Flight>, LedgerError>>,
}

/// A connection that has locks, and how many flights there are for each: a connection has a lock or
/// has it not.
struct Held {
    locks: Box<dyn Locks>,
    flights: BTreeMap<i64, u32>,
}

impl Held {
    /// The locks that were taken, or nothing.
    fn take(&mut self, wanted: &Wanted) -> Result<Option<Vec<i64>>, LedgerError> {
        let (Wanted::All(keys) | Wanted::OneOf(keys)) = wanted;
        let new = keys.iter().copied().filter(|key| !self.flights.contains_key(key));
        let new: Vec<i64> = new.collect();
        let taken = match wanted {
            Wanted::All(keys) => self.locks.take(&new)?.then(|| keys.clone()),
            Wanted::OneOf(_) => self.locks.take_one(&new)?.map(|key| vec![key]),
        };
        for key in taken.iter().flatten() {
            let flights = self.flights.entry(*key).or_default();
            *flights = flights.saturating_add(1);
        }
        Ok(taken)
    }

    fn give(&mut self, keys: &[i64]) -> Result<(), LedgerError> {
        let mut last = Vec::new();
        for key in keys {
            match self.flights.get_mut(key) {
                Some(flights) if *flights > 1 => *flights = flights.saturating_sub(1),
                _ => {
                    self.flights.remove(key);
                    last.push(*key);
                }
            }
        }
        self.locks.give(&last)
    }
}

/// The thread that holds the locks, on a connection of its own from the first one on.
pub(super) struct Flights {
    backend: Arc<dyn Backend>,
    held: Option<Held>,
    /// How many connections there were.
    connection: u64,
    /// When the last one could not be made, or not be used at once.
    failed: Option<Instant>,
}

impl Flights {
    pub(super) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend, held: None, connection: 0, failed: None }
    }

    /// Serves until the last handle of the ledger and the last flight are dropped.
    pub(super) fn run(mut self, inbox: &Receiver<Order>) {
        while let Ok(order) = inbox.recv() {
            let (mut given, mut wanted) = (Vec::new(), Vec::new());
            for order in std::iter::once(order).chain(inbox.try_iter().take(ORDERS_AT_ONCE)) {
                match order {
                    // What is of another connection went with that.
                    Order::Give { keys, connection } if connection == self.connection => {
                        given.extend(keys);
                    }
                    Order::Give { .. } => {}
                    Order::Take(order) => wanted.push(order),
                }
            }
            // All in one step, and before others are told that there is nothing.
            if !given.is_empty() {
                self.kept(|held| held.give(&given));
            }
            for Take { wanted, orders, reply } in wanted {
                // Nobody waits for it any more.
                if reply.is_closed() {
                    continue;
                }
                let taken = self.take(&wanted);
                let connection = self.connection;
                let flight = |keys| Flight { keys, connection, orders };
                let _gone = reply.send(taken.map(|keys| keys.map(flight)));
            }
        }
    }

    fn take(&mut self, wanted: &Wanted) -> Result<Option<Vec<i64>>, LedgerError> {
        // A connection that was lost while it was idle is noticed when it is used.
        if let Some(taken) = self.kept(|held| held.take(wanted)) {
            return Ok(taken);
        }
        if self.failed.is_some_and(|failed| failed.elapsed() < REST) {
            return Err(LedgerError::Store("its locks failed a moment ago".to_owned()));
        }
        self.connection = self.connection.wrapping_add(1);
        let made = self.backend.locks().and_then(|locks| {
            let mut held = Held { locks, flights: BTreeMap::new() };
            let taken = held.take(wanted)?;
            Ok((held, taken))
        });
        self.failed = made.is_err().then(Instant::now);
        if let Err(error) = &made {
            tracing::warn!(%error, "what other proxies answer just now is not known");
        }
        let (held, taken) = made?;
        self.held = Some(held);
        Ok(taken)
    }

    /// Does something on the connection that there is; one that fails is closed, with all its locks.
    fn kept<T>(&mut self, work: impl FnOnce(&mut Held) -> Result<T, LedgerError>) -> Option<T> {
        let mut held = self.held.take()?;
        match work(&mut held) {
            Ok(done) => {
                self.held = Some(held);
                Some(done)
            }
            Err(error) => {
                tracing::warn!(%error, "what is in flight is no longer known to other proxies");
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
            match self.try_flight(Wanted::All(keys.clone())).await {
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

    /// One of the turns that an analyst has at all proxies together, of at most so many; nothing if
    /// all are taken. An error if the store cannot tell, or not soon enough.
    pub async fn turn(
        &self,
        analyst: &Analyst,
        most: u32,
        patience: Duration,
    ) -> Result<Option<Flight>, LedgerError> {
        let looking = async {
            for first in (0..most).step_by(TURNS_AT_ONCE as usize) {
                let last = most.min(first.saturating_add(TURNS_AT_ONCE));
                let keys = (first..last).map(|number| turn_key(analyst, number)).collect();
                if let Some(flight) = self.try_flight(Wanted::OneOf(keys)).await? {
                    return Ok(Some(flight));
                }
            }
            Ok(None)
        };
        let late = |_| LedgerError::Store("its locks did not answer in time".to_owned());
        tokio::time::timeout(patience, looking).await.map_err(late)?
    }
}

/// Of each of an analyst's turns.
fn turn_key(analyst: &Analyst, number: u32) -> i64 {
    let mut digest = Sha256::new();
    digest.update(b"turn");
    digest.update(number.to_be_bytes());
    digest.update(analyst.0.as_bytes());
    first(&digest.finalize())
}

/// Its first bytes. Two questions of one key only wait for each other.
fn key(question: &Question) -> i64 {
    first(&question.0)
}

fn first(digest: &[u8]) -> i64 {
    digest.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}
