//! How many statements of one analyst are answered at once.

use std::sync::Arc;

use dashmap::DashMap;

use crate::error::{Code, Refusal};
use crate::ids::Analyst;

/// The statements that are being answered, by analyst.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    taken: Arc<DashMap<String, u32>>,
}

/// One of an analyst's turns, given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    analyst: String,
    taken: Arc<DashMap<String, u32>>,
}

impl Turns {
    /// Takes a turn, of at most so many.
    pub(super) fn take(&self, analyst: &Analyst, most: u32) -> Result<Turn, Refusal> {
        let mut taken = self.taken.entry(analyst.0.clone()).or_default();
        if *taken >= most {
            return Err(Refusal::new(
                Code::Concurrent,
                format!("You have {most} statements in flight, the most for you at once."),
                "Retry after 1 second, when one of them may have ended.",
            ));
        }
        *taken = taken.saturating_add(1);
        Ok(Turn { analyst: analyst.0.clone(), taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(mut taken) = self.taken.get_mut(&self.analyst) {
            *taken = taken.saturating_sub(1);
        }
        // Names of those who ask nothing are not kept.
        self.taken.remove_if(&self.analyst, |_, taken| *taken == 0);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_ends_is_there_again() {
        let turns = Turns::default();
        let (alice, bob) = (Analyst("alice".to_owned()), Analyst("bob".to_owned()));
        let first = turns.take(&alice, 2).unwrap();
        let second = turns.take(&alice, 2).unwrap();
        let refused = turns.take(&alice, 2).unwrap_err();
        assert_eq!((refused.code.sqlstate(), refused.code.name()), ("53400", "concurrent"));
        assert!(refused.hint.starts_with("Retry after 1 second"));
        let _of_bob = turns.take(&bob, 2).unwrap();
        drop(first);
        let third = turns.take(&alice, 2).unwrap();
        drop((second, third));
        assert_eq!(turns.taken.len(), 1, "only bob's");
    }
}
