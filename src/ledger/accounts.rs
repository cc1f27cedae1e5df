//! What an account has spent: the sum of its debits in a window.

use noisegate_privacy::budget::{Accountant, Loss};

use super::store::Sum;
use super::types::{Account, Balance, LedgerError, Overdrawn, Window};
use crate::clock::Millis;

/// What was spent from an account since the start of a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    /// The length of the window; a lifetime is 0.
    pub(super) window_ms: i64,
    /// Its start. Debits that lie in the future, after an operator set the clock back, count too.
    pub(super) start_ms: i64,
    /// What was debited since.
    pub(super) sum: Sum,
}

impl Spent {
    /// A sum as what was spent in the window that `now` lies in.
    pub(super) fn of(sum: Sum, window: Window, now: Millis) -> Self {
        Self { window_ms: window.ms(), start_ms: window.start(now).0, sum }
    }

    /// Whether this is about the window that `now` lies in.
    pub(super) fn is_for(&self, window: Window, now: Millis) -> bool {
        self.window_ms == window.ms() && self.start_ms == window.start(now).0
    }

    /// Whether a debit of that time is part of this sum.
    pub(super) fn counts(&self, at: Millis) -> bool {
        at.0 >= self.start_ms
    }

    /// Refuses a loss that the account cannot pay. This is the filter of the guarantee: adding
    /// up ρ and δ (approximate zCDP), or ε and δ (basic composition), holds for losses that are
    /// chosen adaptively.
    pub(super) fn check(
        &self,
        account: &Account,
        loss: &Loss,
        now: Millis,
    ) -> Result<(), LedgerError> {
        let mut after = self.sum.clone();
        after.add(loss);
        let fits = match account.accountant {
            Accountant::Zcdp => after.rho <= account.rho,
            Accountant::Pure if after.gaussian > 0 => {
                return Err(LedgerError::NotPayable(account.id.clone()));
            }
            Accountant::Pure => after.epsilon <= account.epsilon,
        };
        if fits && after.delta <= account.delta {
            return Ok(());
        }
        let balance = self.clone().balance(account.clone(), now);
        Err(LedgerError::Overdrawn(Box::new(Overdrawn { balance, needs: loss.clone() })))
    }

    /// The balance to show.
    pub(super) fn balance(self, account: Account, now: Millis) -> Balance {
        Balance {
            now,
            window_start: Millis(self.start_ms),
            refills_at: account.window.refills_at(now),
            throttled: None,
            account,
            spent_rho: self.sum.rho,
            spent_epsilon: self.sum.epsilon,
            spent_delta: self.sum.delta,
        }
    }
}

/// As many sums as were asked for: none of them may be missing, and read as nothing spent.
pub(super) fn sums(sums: Vec<Sum>, count: usize) -> Result<Vec<Sum>, LedgerError> {
    if sums.len() == count {
        return Ok(sums);
    }
    Err(LedgerError::Store("not all sums were made".to_owned()))
}

impl Sum {
    /// Takes a loss.
    pub(super) fn add(&mut self, loss: &Loss) {
        self.rho = &self.rho + &loss.rho;
        self.delta = &self.delta + &loss.delta;
        match &loss.epsilon {
            Some(epsilon) => self.epsilon = &self.epsilon + epsilon,
            None => self.gaussian = self.gaussian.saturating_add(1),
        }
    }

    /// Gives a loss back.
    pub(super) fn subtract(&mut self, loss: &Loss) {
        self.rho = self.rho.minus(&loss.rho);
        self.delta = self.delta.minus(&loss.delta);
        match &loss.epsilon {
            Some(epsilon) => self.epsilon = self.epsilon.minus(epsilon),
            None => self.gaussian = self.gaussian.saturating_sub(1),
        }
    }
}
