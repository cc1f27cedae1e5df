//! Conversions between ways of counting losses. Each is a search over many logarithms, and the
//! same few come with every statement.

use dashmap::DashMap;
use noisegate_privacy::budget::{Amount, Delta};
use noisegate_privacy::convert::epsilon_of;

use crate::ledger::Account;

/// Conversions to ε that are kept.
const SHOWN_MAX: usize = 1024;

/// What has been converted before.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// The policy's accounts, by name; a policy has no two of one name.
    accounts: DashMap<String, Account>,
    shown: DashMap<(Amount, Amount), f64>,
}

impl Limits {
    /// The account of this name, made when it is first asked for.
    pub(super) fn account<E>(
        &self,
        id: &str,
        make: impl FnOnce() -> Result<Account, E>,
    ) -> Result<Account, E> {
        if let Some(known) = self.accounts.get(id) {
            return Ok(known.clone());
        }
        let account = make()?;
        self.accounts.insert(id.to_owned(), account.clone());
        Ok(account)
    }

    /// The ε that ρ means beside an account's δ, to be shown.
    pub(super) fn shown(&self, account: &Account, rho: &Amount) -> f64 {
        let key = (rho.clone(), account.delta.clone());
        if let Some(known) = self.shown.get(&key) {
            return *known;
        }
        // The conversion's share of δ is nine times the thresholds' share.
        let nine = Amount::from_units(account.delta.units() * 9_u8);
        let shown = match Delta::from_cost(&nine) {
            Some(delta) if !rho.is_zero() => epsilon_of(rho, &delta),
            _ => 0.0,
        };
        if self.shown.len() >= SHOWN_MAX {
            self.shown.clear();
        }
        self.shown.insert(key, shown);
        shown
    }
}
