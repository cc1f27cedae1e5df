//! What an account has spent: the sum of its debits in a window.

use noisegate_privacy::budget::{Accountant, Loss};

use super::control::Control;
use super::store::Sum;
use super::types::{Account, Balance, Effect, LedgerError, Overdrawn, Throttled, Window};
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

/// The row of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stored {
    /// What was spent.
    pub(super) spent: Spent,
    /// What administrators decided.
    pub(super) control: Control,
}

impl Spent {
    /// A sum as what was spent in a window since its start.
    pub(super) fn of(sum: Sum, window: Window, start: Millis) -> Self {
        Self { window_ms: window.ms(), start_ms: start.0, sum }
    }

    /// Whether this is about a window with this start.
    pub(super) fn is_for(&self, window: Window, start: Millis) -> bool {
        self.window_ms == window.ms() && self.start_ms == start.0
    }

    /// The steps of a throttle that are in force: how many charges in how many milliseconds.
    pub(super) fn in_force(&self, account: &Account) -> impl Iterator<Item = Effect> {
        let reached = |step: &&super::types::Step| match account.accountant {
            Accountant::Zcdp => self.sum.rho >= step.rho,
            Accountant::Pure => self.sum.epsilon >= step.epsilon,
        };
        account.throttle.iter().filter(reached).map(|step| step.effect)
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

/// Whether the steps in force hold an account back. `latest` says when the latest debit but so many
/// was made, if it was after a time.
pub(super) fn throttled(
    spent: &Spent,
    account: &Account,
    now: Millis,
    mut latest: impl FnMut(u32, Millis) -> Result<Option<Millis>, LedgerError>,
) -> Result<Option<Throttled>, LedgerError> {
    let mut held: Option<Throttled> = None;
    for effect in spent.in_force(account) {
        let until = match effect {
            Effect::RememberedOnly => account.window.refills_at(now),
            Effect::AtMost { charges, in_ms } => {
                let since = Millis(now.0.saturating_sub(in_ms));
                let Some(at) = latest(charges.max(1).saturating_sub(1), since)? else { continue };
                Some(Millis(at.0.saturating_add(in_ms)))
            }
        };
        // The one that holds longest; one that time does not end, before all others.
        let longer = held.as_ref().is_none_or(|held| match (held.until, until) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(known), Some(new)) => new > known,
        });
        if longer {
            held = Some(Throttled { account: account.id.clone(), effect, now, until });
        }
    }
    Ok(held)
}
