//! What follows from the policy and from decisions, and is asked for with every statement.
//! Conversions between ways of counting losses are searches over many logarithms.

use std::sync::Arc;

use dashmap::DashMap;
use noisegate_privacy::budget::Amount;
use tokio::sync::RwLock;

use super::account::{self, Controls};
use super::gate::Gate;
use super::measure;
use crate::ledger::{Account, LedgerError};

/// Conversions to ε that are kept.
const SHOWN_MAX: usize = 1024;

/// What has been converted before.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// The policy's accounts, by name, with the limits that are named so; a policy has no two of one
    /// name.
    accounts: DashMap<String, Account>,
    shown: DashMap<(Amount, Amount), f64>,
    /// What administrators decided, as it was last read.
    controls: RwLock<Option<Arc<Controls>>>,
}

impl Limits {
    /// The account of this name, made when it is first asked for with limits of that name, as
    /// [`Account::control`] is.
    pub(super) fn account<E>(
        &self,
        id: &str,
        control: i64,
        make: impl FnOnce() -> Result<Account, E>,
    ) -> Result<Account, E> {
        if let Some(known) = self.accounts.get(id)
            && known.control == control
        {
            return Ok(known.clone());
        }
        let account = make()?;
        self.accounts.insert(id.to_owned(), account.clone());
        Ok(account)
    }

    /// What administrators decided, read anew or as it was last read.
    pub(super) async fn controls(
        &self,
        gate: &Gate,
        anew: bool,
    ) -> Result<Arc<Controls>, LedgerError> {
        if !anew && let Some(known) = self.controls.read().await.clone() {
            return Ok(known);
        }
        let read = account::read(gate).await?;
        *self.controls.write().await = Some(Arc::clone(&read));
        Ok(read)
    }

    /// The ε that ρ means beside an account's δ, to be shown.
    pub(super) fn shown(&self, account: &Account, rho: &Amount) -> f64 {
        let key = (rho.clone(), account.delta.clone());
        if let Some(known) = self.shown.get(&key) {
            return *known;
        }
        let shown = measure::epsilon_of(account, rho);
        if self.shown.len() >= SHOWN_MAX {
            self.shown.clear();
        }
        self.shown.insert(key, shown);
        shown
    }
}
