//! What an analyst was charged for, newest first.

use noisegate_privacy::budget::Loss;

use super::charge::both;
use super::store::View;
use super::types::{Entry, LedgerError};
use crate::ids::Analyst;

/// The most charges that one look at the history shows.
const ENTRIES_MAX: u32 = 10_000;

/// The latest charges of an analyst.
pub(super) fn of(
    view: &mut dyn View,
    analyst: &Analyst,
    limit: u32,
) -> Result<Vec<Entry>, LedgerError> {
    let charges = view.history(analyst, limit.min(ENTRIES_MAX))?;
    let entry = |(charge, losses): (_, Vec<Loss>)| {
        let super::store::ChargeRow { query, at, state, .. } = charge;
        let Loss { rho, epsilon, delta } =
            losses.into_iter().reduce(|a, b| both(&a, &b)).unwrap_or_default();
        Entry { query, at, state, rho, epsilon, delta }
    };
    Ok(charges.into_iter().map(entry).collect())
}
