//! What administrators and analysts are shown of the ledger.

use noisegate_privacy::budget::Amount;

use super::types::State;
use crate::clock::Millis;
use crate::ids::{Analyst, QueryId, Question};

/// What was spent from an account in a part of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// When it begins.
    pub start: Millis,
    /// Charges in it.
    pub charges: i64,
    /// Σρ.
    pub rho: Amount,
    /// Σε, as far as it has a price in ε.
    pub epsilon: Amount,
    /// Σδ.
    pub delta: Amount,
}

/// What one analyst spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spender {
    /// Who.
    pub analyst: String,
    /// In how many charges.
    pub charges: i64,
    /// Σρ.
    pub rho: Amount,
    /// Σε, as far as it has a price in ε.
    pub epsilon: Amount,
    /// Σδ.
    pub delta: Amount,
}

/// Which charges to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChargeFilter {
    /// Those of one analyst.
    pub analyst: Option<String>,
    /// Those that an account paid.
    pub account: Option<String>,
    /// From this time on.
    pub from: Option<Millis>,
    /// Before this time.
    pub to: Option<Millis>,
}

/// A charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeShown {
    /// Its number, in the order of charging.
    pub id: i64,
    /// The statement.
    pub query: QueryId,
    /// Who asked.
    pub analyst: String,
    /// When.
    pub at: Millis,
    /// What became of it.
    pub state: State,
    /// What it paid for: the question of each leaf.
    pub questions: Vec<Question>,
    /// Σρ over its leaves.
    pub rho: Amount,
    /// Σε over its leaves, unless one has no price in ε.
    pub epsilon: Option<Amount>,
    /// Σδ over its leaves.
    pub delta: Amount,
    /// The accounts that paid.
    pub accounts: Vec<String>,
}

/// A remembered release, without what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseShown {
    /// Its number, in the order of storing.
    pub id: i64,
    /// What it answers.
    pub question: Question,
    /// The charge that paid for it.
    pub charge: i64,
    /// Who asked first.
    pub analyst: Analyst,
    /// When it was paid for.
    pub made_at: Millis,
    /// From when on it does not answer any more.
    pub expires_at: Millis,
    /// Its size.
    pub bytes: i64,
}

/// Somebody who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// When the name was added; not known of older ledgers.
    pub added_at: Option<Millis>,
    /// The last login.
    pub seen_at: Option<Millis>,
}

/// A bearer token, of which only a digest is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is called in lists.
    pub id: String,
    /// The digest of the secret.
    pub hash: [u8; 32],
    /// The name that it was given.
    pub name: String,
    /// What it may do.
    pub role: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Millis,
    /// From when on it is of no use.
    pub expires_at: Millis,
}

/// A remembered release, for one analyst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recalled {
    /// The release.
    pub payload: Vec<u8>,
    /// Whether this analyst has paid for it, or for the same question since it was made.
    pub paid: bool,
}
