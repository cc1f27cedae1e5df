//! What administrators do with a ledger, and look at.

use std::collections::BTreeMap;

use super::event::{AuditCursor, AuditFilter, AuditRecord, Event, RequestKey, Verified};
use super::handle::Ledger;
use super::shown::{
    Bucket, ChargeFilter, ChargeShown, Person, Recalled, ReleaseShown, Spender, Token,
};
use super::types::LedgerError;
use super::{Change, Control};
use crate::clock::Millis;
use crate::ids::{Analyst, Question};

impl Ledger {
    /// The decisions of administrators about accounts, by account.
    pub async fn controls(&self) -> Result<BTreeMap<String, Control>, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// Decides something about an account, and puts it on record in the same step; the control that
    /// holds now. Given a version, only if that is the one that holds. A key that was used for
    /// the same request changes nothing.
    pub async fn change(
        &self,
        _account: &str,
        _change: Change,
        _expected: Option<i64>,
        _key: Option<RequestKey>,
        _event: Event,
    ) -> Result<Control, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// As [`Self::recall`], and whether the analyst has paid for the question since.
    pub async fn recall_for(
        &self,
        _question: Question,
        _analyst: &Analyst,
    ) -> Result<Option<Recalled>, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// What was spent from an account in each part of a time, without the parts in which nothing was.
    pub async fn spent_by_time(
        &self,
        _account: &str,
        _from: Millis,
        _to: Millis,
        _bucket_ms: i64,
    ) -> Result<Vec<Bucket>, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// What each analyst spent, of one account or of all that was asked; the largest ρ first.
    pub async fn spenders(
        &self,
        _account: Option<&str>,
        _from: Millis,
        _to: Millis,
    ) -> Result<Vec<Spender>, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// Charges, newest first; those before an id.
    pub async fn charges(
        &self,
        _filter: ChargeFilter,
        _before: Option<i64>,
        _count: u32,
    ) -> Result<Vec<ChargeShown>, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// Unexpired releases, newest first; those before an id, and those that one analyst paid first.
    pub async fn releases(
        &self,
        _analyst: Option<&Analyst>,
        _before: Option<i64>,
        _count: u32,
    ) -> Result<Vec<ReleaseShown>, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// Who may log in, by name.
    pub async fn people(&self) -> Result<Vec<Person>, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// Notes a login.
    pub async fn saw(&self, _name: &str) -> Result<(), LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// As [`Self::put_user`], on record.
    pub async fn put_user_as(
        &self,
        _name: &str,
        _verifier: &str,
        _key: Option<RequestKey>,
        _event: Event,
    ) -> Result<(), LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// As [`Self::remove_user`], on record.
    pub async fn remove_user_as(&self, _name: &str, _event: Event) -> Result<bool, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// Keeps a token, on record.
    pub async fn put_token(&self, _token: Token, _event: Event) -> Result<(), LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// Removes a token, on record; whether there was one.
    pub async fn remove_token(&self, _id: &str, _event: Event) -> Result<bool, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// All tokens, expired or not, by the time when they were made.
    pub async fn tokens(&self) -> Result<Vec<Token>, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// The token with this digest.
    pub async fn token(&self, _hash: &[u8; 32]) -> Result<Option<Token>, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// Puts something on record that changes nothing in the ledger.
    pub async fn record(&self, _events: Vec<Event>) -> Result<(), LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// Records, newest first; those before a place.
    pub async fn audit(
        &self,
        _filter: AuditFilter,
        _before: Option<AuditCursor>,
        _count: u32,
    ) -> Result<Vec<AuditRecord>, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// Holds everything against the chain of generations. Events older than they are kept may be
    /// missing.
    pub async fn verify(&self, _keep_ms: u64) -> Result<Verified, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// Forgets events from before a time; how many.
    pub async fn forget_events(&self, _before: Millis) -> Result<i64, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }

    /// The generation that the ledger is at.
    pub async fn generation(&self) -> Result<i64, LedgerError> {
        Err(LedgerError::Malformed("not yet"))
    }
}
