//! Decisions about accounts.

use noisegate_privacy::budget::Amount;
use serde_json::json;

use super::accounts::{declared, ordered};
use super::request::epsilon;
use super::{Office, OfficeError, Order, show};
use crate::admin::shown::{self, Per};
use crate::ledger::{Change, Control, RequestKey, Window};
use crate::policy::Policy;
use crate::road;

impl Office {
    /// Gives an account more ε until its window ends.
    pub async fn grant(
        &self,
        id: &str,
        typed: &str,
        order: &Order,
    ) -> Result<shown::Account, OfficeError> {
        let (amount, text) = epsilon(typed)?;
        let window = self.window(id)?;
        let change = Change::Grant { epsilon: amount, window };
        self.decide(id, change, "account.grant", &json!({"epsilon": text}), order).await
    }

    /// Lowers what an account may spend below what the policy says; with nothing, not any more.
    pub async fn cap(
        &self,
        id: &str,
        typed: Option<&str>,
        order: &Order,
    ) -> Result<shown::Account, OfficeError> {
        // A cap of nothing stops an account as freezing does, and says why in a number.
        let read = |text: &str| match text {
            "0" => Ok((Amount::ZERO, "0".to_owned())),
            text => epsilon(text),
        };
        let (amount, text) = typed.map(read).transpose()?.unzip();
        self.decide(id, Change::Cap(amount), "account.cap", &json!({"epsilon": text}), order).await
    }

    /// Stops an account.
    pub async fn freeze(&self, id: &str, order: &Order) -> Result<shown::Account, OfficeError> {
        self.decide(id, Change::Freeze, "account.freeze", &json!({}), order).await
    }

    /// Lets an account go on.
    pub async fn thaw(&self, id: &str, order: &Order) -> Result<shown::Account, OfficeError> {
        self.decide(id, Change::Thaw, "account.thaw", &json!({}), order).await
    }

    /// Starts the window of an account anew.
    pub async fn reset(&self, id: &str, order: &Order) -> Result<shown::Account, OfficeError> {
        let window = self.window(id)?;
        if window == Window::Lifetime {
            return Err(OfficeError::Conflict(
                "A lifetime does not start anew, since its promise would be doubled in silence; \
                 grant more openly instead."
                    .to_owned(),
            ));
        }
        self.decide(id, Change::Reset { window }, "account.reset", &json!({}), order).await
    }

    /// Stops every account of an analyst's own, or lets them go on.
    pub async fn freeze_analyst(
        &self,
        name: &str,
        frozen: bool,
        order: &Order,
    ) -> Result<shown::Analyst, OfficeError> {
        let policy = self.policy();
        let own = own_accounts(&policy, name);
        if own.is_empty() {
            // Tells first whether there is such a person at all.
            self.analyst(name).await?;
            return Err(OfficeError::Conflict(
                "This analyst has no account of their own that could be frozen.".to_owned(),
            ));
        }
        let (change, kind) = if frozen {
            (Change::Freeze, "account.freeze")
        } else {
            (Change::Thaw, "account.thaw")
        };
        for (at, id) in own.iter().enumerate() {
            // Each account is a change of its own, under a key of its own.
            let key = order.key.map(|key| numbered(key, at));
            let order = Order { expected: None, key, ..order.clone() };
            self.change(id, change.clone(), kind, &json!({"analyst": name}), &order).await?;
        }
        self.analyst(name).await
    }

    async fn decide(
        &self,
        id: &str,
        change: Change,
        kind: &'static str,
        detail: &serde_json::Value,
        order: &Order,
    ) -> Result<shown::Account, OfficeError> {
        declared(&self.policy(), id)?;
        self.change(id, change, kind, detail, order).await?;
        self.account(id).await
    }

    async fn change(
        &self,
        id: &str,
        change: Change,
        kind: &'static str,
        detail: &serde_json::Value,
        order: &Order,
    ) -> Result<Control, OfficeError> {
        let event = order.event(kind, id, detail)?;
        Ok(self.ledger.change(id, change, order.expected, order.key, event).await?)
    }

    fn window(&self, id: &str) -> Result<Window, OfficeError> {
        let policy = self.policy();
        Ok(road::window(declared(&policy, id)?.budget))
    }
}

/// The accounts that are one analyst's alone.
pub(super) fn own_accounts(policy: &Policy, name: &str) -> Vec<String> {
    let own = ordered(policy).into_iter().filter(|account| {
        show::per(account.budget) == Per::Analyst && account.holder == Some(name)
    });
    own.map(|account| account.id).collect()
}

fn numbered(key: RequestKey, at: usize) -> RequestKey {
    let mut key = key;
    for (byte, part) in key.key.iter_mut().zip(at.to_be_bytes()) {
        *byte ^= part;
    }
    key
}
