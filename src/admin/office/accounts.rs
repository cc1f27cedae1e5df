//! Accounts: what each may spend and has spent.

use std::collections::BTreeMap;

use super::figures::{BURN_DAYS, Lately};
use super::request::{DAY_MS, HOUR_MS, filter};
use super::{Office, OfficeError, Page, show};
use crate::admin::shown::{self, List, Per};
use crate::clock::Millis;
use crate::ledger::{Account, Control};
use crate::policy::{DeclaredAccount, Policy};
use crate::road;

/// Which accounts to show.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Those that are shared in this way.
    pub per: Option<Per>,
    /// Those with this in their name, in any case.
    pub text: Option<String>,
}

impl Office {
    /// The accounts of the policy, those of datasets before those of teams and analysts.
    pub async fn accounts(
        &self,
        wanted: AccountFilter,
        page: &Page,
    ) -> Result<List<shown::Account>, OfficeError> {
        let policy = self.policy();
        let text = filter("q", wanted.text)?.map(|text| text.to_lowercase());
        let fits = |account: &DeclaredAccount<'_>| {
            wanted.per.is_none_or(|per| per == show::per(account.budget))
                && text.as_ref().is_none_or(|text| account.id.to_lowercase().contains(text))
        };
        let all: Vec<_> = ordered(&policy).into_iter().filter(fits).collect();
        let part = page.of_named(all, |account| account.id.clone())?;
        Ok(List { items: self.show(&part.items).await?, next: part.next })
    }

    /// One account.
    pub async fn account(&self, id: &str) -> Result<shown::Account, OfficeError> {
        let policy = self.policy();
        let declared = declared(&policy, id)?;
        let shown = self.show(std::slice::from_ref(&declared)).await?;
        shown.into_iter().next().ok_or_else(|| not_found(id))
    }

    /// Accounts with everything that is known of them, in the same order.
    pub(super) async fn show(
        &self,
        declared: &[DeclaredAccount<'_>],
    ) -> Result<Vec<shown::Account>, OfficeError> {
        let controls = self.ledger.controls().await?;
        let none = Control::default();
        let control = |id: &str| controls.get(id).unwrap_or(&none);
        let accounts = self.limits(declared, &controls)?;
        let balances = self.ledger.balances(accounts).await?;
        let mut shown = Vec::with_capacity(declared.len());
        for (declared, balance) in declared.iter().zip(&balances) {
            let lately = self.lately(&balance.account, balance.now).await?;
            shown.push(show::account(declared, control(&declared.id), balance, &lately));
        }
        Ok(shown)
    }

    /// The same accounts as the ledger knows them.
    pub(super) fn limits(
        &self,
        declared: &[DeclaredAccount<'_>],
        controls: &BTreeMap<String, Control>,
    ) -> Result<Vec<Account>, OfficeError> {
        let now = self.now();
        let limits = declared.iter().map(|declared| {
            let control = controls.get(&declared.id);
            road::account(&declared.id, declared.budget, control, now).map_err(|_| {
                OfficeError::Conflict("The policy has a number that cannot be read.".to_owned())
            })
        });
        limits.collect()
    }

    async fn lately(&self, account: &Account, now: Millis) -> Result<Lately, OfficeError> {
        let days = i64::from(BURN_DAYS).saturating_mul(DAY_MS);
        let since = Millis(now.0.saturating_sub(days));
        let (from, to) = (Millis(since.0.saturating_sub(days)), Millis(now.0.saturating_add(1)));
        let buckets = self.ledger.spent_by_time(&account.id, from, to, HOUR_MS).await?;
        Ok(Lately::of(account, &buckets, since))
    }
}

/// All accounts of a policy, those of datasets first.
pub(super) fn ordered(policy: &Policy) -> Vec<DeclaredAccount<'_>> {
    let mut all = policy.every_account();
    all.sort_by(|a, b| (show::per(a.budget), &a.id).cmp(&(show::per(b.budget), &b.id)));
    all
}

/// An account of the policy.
pub(super) fn declared<'p>(
    policy: &'p Policy,
    id: &str,
) -> Result<DeclaredAccount<'p>, OfficeError> {
    let found = policy.every_account().into_iter().find(|account| account.id == id);
    found.ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> OfficeError {
    OfficeError::NotFound { what: "account", name: short(id) }
}

/// A name as it is told back, not longer than names are.
pub(super) fn short(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}
