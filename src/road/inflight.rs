//! Equal questions in flight are asked once: the second waits, then finds the first's release.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::ids::Question;
use crate::ledger::Flight;

/// The questions being answered.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    questions: Arc<DashMap<Question, Arc<Mutex<()>>>>,
}

/// Nobody else answers these questions while this lives.
#[derive(Debug)]
pub(crate) struct Alone {
    /// What keeps other proxies from it, given back first.
    elsewhere: Option<Flight>,
    held: Vec<(Question, Option<OwnedMutexGuard<()>>)>,
    questions: Arc<DashMap<Question, Arc<Mutex<()>>>>,
}

impl InFlight {
    /// Waits until nobody else answers any of them. In sorted order, so that two statements with
    /// the same leaves do not wait for each other.
    pub(crate) async fn hold(&self, questions: &[Question]) -> Alone {
        let mut sorted = questions.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let questions = Arc::clone(&self.questions);
        let mut alone = Alone { elsewhere: None, held: Vec::new(), questions };
        for question in sorted {
            let lock = Arc::clone(self.questions.entry(question).or_default().value());
            // Noted before the wait, so that a wait that is given up is forgotten too.
            alone.held.push((question, None));
            let guard = lock.lock_owned().await;
            if let Some((_, held)) = alone.held.last_mut() {
                *held = Some(guard);
            }
        }
        alone
    }
}

impl Alone {
    /// Nor does any other proxy, while this lives.
    pub(crate) fn with(&mut self, flight: Option<Flight>) {
        self.elsewhere = flight;
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // Before those who wait here: they are to find it free.
        drop(self.elsewhere.take());
        for (question, guard) in &mut self.held {
            drop(guard.take());
            // Only the map and this clone left means that nobody waits.
            self.questions.remove_if(question, |_, lock| Arc::strong_count(lock) == 1);
        }
    }
}
