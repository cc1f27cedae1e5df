//! What administrators decided about one account, on top of the policy.

use noisegate_privacy::budget::Amount;
use serde_json::{Value, json};

use super::types::{LedgerError, Window};
use crate::clock::Millis;

/// The decisions about one account that hold. Amounts are ε in the ledger's units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// How many decisions there were; limits are computed with one of them.
    pub version: i64,
    /// Whether nothing may be charged.
    pub frozen: bool,
    /// The most ε in a window, whatever the policy allows.
    pub cap: Option<Amount>,
    /// ε on top of the policy's. See [`Self::granted_at`].
    pub granted: Amount,
    /// When the grant ends: with the window that it was given in.
    pub granted_until: Option<Millis>,
    /// What was spent before no longer counts.
    pub reset_at: Option<Millis>,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing may be charged any more.
    Freeze,
    /// It may again.
    Thaw,
    /// The most ε in a window; or as much as the policy allows.
    Cap(Option<Amount>),
    /// More ε for the rest of a window.
    Grant {
        /// How much more.
        epsilon: Amount,
        /// The account's window.
        window: Window,
    },
    /// What was spent in this window no longer counts. Not for a lifetime, which is a promise that
    /// nothing starts anew; a grant says openly that more is spent.
    Reset {
        /// The account's window.
        window: Window,
    },
}

impl Control {
    /// The ε that is granted at a time.
    pub fn granted_at(&self, now: Millis) -> Amount {
        if self.granted_until.is_some_and(|until| until <= now) {
            return Amount::ZERO;
        }
        self.granted.clone()
    }

    /// Names the limits that hold at a time: they change with each decision, and when a grant ends.
    pub fn in_force(&self, now: Millis) -> i64 {
        let ended = self.granted_at(now) != self.granted;
        self.version.saturating_mul(2).saturating_add(i64::from(ended))
    }

    /// As a record has it.
    pub(in crate::ledger) fn as_json(&self) -> Value {
        json!({
            "version": self.version,
            "frozen": self.frozen,
            "cap": self.cap.as_ref().map(Amount::to_string),
            "granted": self.granted.to_string(),
            "granted_until": self.granted_until.map(|until| until.0),
            "reset_at": self.reset_at.map(|at| at.0),
        })
    }

    /// From when on debits count.
    pub(in crate::ledger) fn start(&self, window: Window, now: Millis) -> Millis {
        let start = window.start(now);
        match window {
            Window::Lifetime => start,
            Window::Every { .. } | Window::Month => self.reset_at.map_or(start, |at| at.max(start)),
        }
    }

    /// The same after a decision.
    pub(in crate::ledger) fn after(
        &self,
        change: &Change,
        now: Millis,
    ) -> Result<Self, LedgerError> {
        let mut after = self.clone();
        after.version = self.version.saturating_add(1);
        match change {
            Change::Freeze => after.frozen = true,
            Change::Thaw => after.frozen = false,
            Change::Cap(cap) => after.cap.clone_from(cap),
            Change::Grant { epsilon, window } => {
                let earlier = self.granted_at(now);
                after.granted_until = window.refills_at(now);
                // Under another window than before: what was granted does not last longer for it.
                if let Some(until) = self.granted_until.filter(|_| !earlier.is_zero()) {
                    after.granted_until =
                        after.granted_until.map_or(Some(until), |new| Some(new.min(until)));
                }
                after.granted = &earlier + epsilon;
            }
            Change::Reset { window: Window::Lifetime } => {
                return Err(LedgerError::Malformed("a lifetime does not start anew"));
            }
            Change::Reset { .. } => after.reset_at = Some(now),
        }
        Ok(after)
    }
}
