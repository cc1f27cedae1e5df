//! What this proxy does right now: the statements about people that are in flight, and how many
//! sessions there are. Shared by those who answer and those who administer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use tokio_util::sync::CancellationToken;

use crate::clock::Millis;
use crate::ids::{Analyst, Fingerprint, QueryId};

/// How far a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It is read and priced.
    Reading,
    /// It is being paid for, or waits for others that ask the same.
    Charging,
    /// The source is asked.
    Asking,
    /// Its releases are remembered and put into the query.
    Finishing,
}

impl Stage {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Charging => "charging",
            Self::Asking => "asking",
            Self::Finishing => "finishing",
        }
    }
}

/// A statement in flight. Its text is not kept.
#[derive(Clone, Debug, PartialEq)]
pub struct InFlight {
    /// Its id, which the logs have too.
    pub query: QueryId,
    /// Who asks.
    pub analyst: Analyst,
    /// Since when.
    pub started_at: Millis,
    /// How far it is.
    pub stage: Stage,
    /// The ε that each of its leaves is asked at, once that is known.
    pub epsilon: Option<f64>,
    /// What it is about to pay for, once that is known.
    pub fingerprint: Option<Fingerprint>,
}

/// How far a statement is, and what is known of it.
#[derive(Clone, Copy, Debug)]
struct Progress {
    stage: Stage,
    epsilon: Option<f64>,
    fingerprint: Option<Fingerprint>,
}

/// The statements and sessions of one proxy. A clone is another handle to the same ones.
#[derive(Clone, Debug, Default)]
pub struct Live {
    statements: Arc<DashMap<QueryId, Arc<Statement>>>,
    sessions: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Statement {
    analyst: Analyst,
    started_at: Millis,
    progress: Mutex<Progress>,
    canceled: CancellationToken,
}

impl Statement {
    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        // Nothing can panic while it is held, and a pair is whole at any time.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// Enters a statement, until what is returned is dropped. Its `canceled` is what
    /// [`Self::cancel`] fires.
    pub fn enter(
        &self,
        query: QueryId,
        analyst: &Analyst,
        started_at: Millis,
        canceled: &CancellationToken,
    ) -> Entered {
        let statement = Arc::new(Statement {
            analyst: analyst.clone(),
            started_at,
            progress: Mutex::new(Progress {
                stage: Stage::Reading,
                epsilon: None,
                fingerprint: None,
            }),
            canceled: canceled.clone(),
        });
        self.statements.insert(query, Arc::clone(&statement));
        Entered { query, statement, statements: Arc::clone(&self.statements) }
    }

    /// Notes how far a statement is. One that was not entered is not noted.
    pub fn reached(&self, query: QueryId, stage: Stage) {
        if let Some(statement) = self.statements.get(&query) {
            statement.progress().stage = stage;
        }
    }

    /// Notes the ε of a statement, and what it pays for.
    pub fn priced(&self, query: QueryId, epsilon: f64, fingerprint: Option<Fingerprint>) {
        if let Some(statement) = self.statements.get(&query) {
            let mut progress = statement.progress();
            progress.epsilon = Some(epsilon);
            progress.fingerprint = fingerprint;
        }
    }

    /// The statements in flight, oldest first.
    pub fn list(&self) -> Vec<InFlight> {
        let shown = |query: QueryId, statement: &Statement| {
            let Progress { stage, epsilon, fingerprint } = *statement.progress();
            let (analyst, started_at) = (statement.analyst.clone(), statement.started_at);
            InFlight { query, analyst, started_at, stage, epsilon, fingerprint }
        };
        let mut all: Vec<InFlight> =
            self.statements.iter().map(|entry| shown(*entry.key(), entry.value())).collect();
        all.sort_by_key(|statement| (statement.started_at, statement.query.0));
        all
    }

    /// How many statements are in flight.
    pub fn in_flight(&self) -> usize {
        self.statements.len()
    }

    /// Stops a statement, as its client could: what was charged for it stays charged. Whether
    /// there is one of this id.
    pub fn cancel(&self, query: QueryId) -> bool {
        let Some(statement) = self.statements.get(&query) else { return false };
        statement.canceled.cancel();
        true
    }

    /// Counts a session, until what is returned is dropped.
    pub fn session(&self) -> Session {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        Session(Arc::clone(&self.sessions))
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }
}

/// A statement's place in the list.
#[derive(Debug)]
#[must_use = "what is dropped is not in flight any more"]
pub struct Entered {
    query: QueryId,
    statement: Arc<Statement>,
    statements: Arc<DashMap<QueryId, Arc<Statement>>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Another statement could have the same id, if the system has no random numbers.
        self.statements.remove_if(&self.query, |_, other| Arc::ptr_eq(other, &self.statement));
    }
}

/// A session's place in their number.
#[derive(Debug)]
#[must_use = "what is dropped is not a session any more"]
pub struct Session(Arc<AtomicUsize>);

impl Drop for Session {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ids::Question;

    #[test]
    fn a_statement_is_listed_while_it_lasts() {
        let (live, canceled) = (Live::default(), CancellationToken::new());
        let alice = Analyst("alice".to_owned());
        let (first, second) = (QueryId([1; 8]), QueryId([2; 8]));
        let later = live.enter(second, &alice, Millis(20), &CancellationToken::new());
        let earlier = live.enter(first, &alice, Millis(10), &canceled);
        live.reached(first, Stage::Charging);
        let fingerprint = Fingerprint::of(&[Question([7; 32])]);
        live.priced(first, 0.5, fingerprint);
        let listed = live.list();
        let expected = InFlight {
            query: first,
            analyst: alice.clone(),
            started_at: Millis(10),
            stage: Stage::Charging,
            epsilon: Some(0.5),
            fingerprint,
        };
        assert_eq!(listed.first().unwrap(), &expected);
        assert_eq!((listed.len(), live.in_flight()), (2, 2));
        drop(later);
        assert!(!live.cancel(second));
        assert!(!canceled.is_cancelled());
        assert!(live.cancel(first));
        assert!(canceled.is_cancelled());
        drop(earlier);
        assert_eq!(live.list(), []);
    }

    #[test]
    fn one_that_ends_leaves_another_of_the_same_id() {
        let (live, canceled) = (Live::default(), CancellationToken::new());
        let alice = Analyst("alice".to_owned());
        let first = live.enter(QueryId([0; 8]), &alice, Millis(1), &CancellationToken::new());
        let _second = live.enter(QueryId([0; 8]), &alice, Millis(2), &canceled);
        drop(first);
        assert!(live.cancel(QueryId([0; 8])) && canceled.is_cancelled());
    }

    #[test]
    fn sessions_are_counted() {
        let live = Live::default();
        let (one, two) = (live.session(), live.clone().session());
        assert_eq!(live.sessions(), 2);
        drop((one, two));
        assert_eq!(live.sessions(), 0);
    }
}
