//! How many statements of one analyst are answered at once.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;

use crate::error::{Code, Refusal};
use crate::ids::Analyst;
use crate::ledger::{Flight, Ledger};

/// How long the ledger may take to say whether there is a turn left.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is asked, and the time in between.
const LOOKS: u32 = 2;
const PAUSE: Duration = Duration::from_millis(50);

/// The statements that this proxy answers, by analyst.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    taken: Arc<DashMap<String, u32>>,
}

/// One of an analyst's turns, given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    /// Among those of all proxies, unless the ledger could not tell. Given up first: who gets the
    /// other one is to find this one free.
    _everywhere: Option<Flight>,
    _here: Here,
}

/// One of the turns at this proxy.
#[derive(Debug)]
struct Here {
    analyst: String,
    taken: Arc<DashMap<String, u32>>,
}

impl Turns {
    /// Takes a turn, of at most so many at all proxies of a ledger together. Where the ledger cannot
    /// tell, this proxy counts its own: then more is asked at once, and no more spent.
    pub(super) async fn take(
        &self,
        ledger: &Ledger,
        analyst: &Analyst,
        most: u32,
    ) -> Result<Turn, Refusal> {
        let here = self.take_here(analyst, most).ok_or_else(|| none_left(most))?;
        for look in 0..LOOKS {
            if look > 0 {
                // What has just ended at another proxy is given back after its client knows.
                tokio::time::sleep(PAUSE).await;
            }
            match ledger.turn(analyst, most, PATIENCE).await {
                Ok(Some(flight)) => return Ok(Turn { _everywhere: Some(flight), _here: here }),
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(%error, "turns at other proxies are not known");
                    return Ok(Turn { _everywhere: None, _here: here });
                }
            }
        }
        Err(none_left(most))
    }

    fn take_here(&self, analyst: &Analyst, most: u32) -> Option<Here> {
        let mut taken = self.taken.entry(analyst.0.clone()).or_default();
        if *taken >= most {
            return None;
        }
        *taken = taken.saturating_add(1);
        Some(Here { analyst: analyst.0.clone(), taken: Arc::clone(&self.taken) })
    }
}

fn none_left(most: u32) -> Refusal {
    let are = if most == 1 { "is" } else { "are" };
    Refusal::new(
        Code::Concurrent,
        format!("At most {most} of your statements {are} answered at once."),
        "Retry after 1 second, when one of them may have ended.",
    )
}

impl Drop for Here {
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
        let first = turns.take_here(&alice, 2).unwrap();
        let second = turns.take_here(&alice, 2).unwrap();
        assert!(turns.take_here(&alice, 2).is_none());
        let refused = none_left(2);
        assert_eq!((refused.code.sqlstate(), refused.code.name()), ("53400", "concurrent"));
        assert!(refused.hint.starts_with("Retry after 1 second"));
        let _of_bob = turns.take_here(&bob, 2).unwrap();
        drop(first);
        let third = turns.take_here(&alice, 2).unwrap();
        drop((second, third));
        assert_eq!(turns.taken.len(), 1, "only bob's");
    }
}
