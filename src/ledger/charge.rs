//! The life of a charge: reserved, then settled or voided.

use noisegate_privacy::budget::{Amount, Loss};
use noisegate_privacy::receipt::Receipt;
use rusqlite::params;

use super::accounts;
use super::batch::Batch;
use super::releases;
use super::types::{Account, Charge, LedgerError, Remembered, Reservation, Window};
use crate::clock::Millis;

/// The most leaves of one statement, with the estimates that they wait for.
const LEAVES_MAX: usize = 512;
/// The most accounts that one leaf is paid from.
const ACCOUNTS_MAX: usize = 32;
/// The longest name of an account or an analyst.
const NAME_BYTES_MAX: usize = 512;
/// The most digits of one loss. Sums of any number of losses then stay below what
/// [`Amount::parse`] reads.
const DIGITS_MAX: usize = 370;

/// Charges all accounts of all leaves, or none.
pub(super) fn reserve(batch: &mut Batch<'_>, charge: &Charge) -> Result<Reservation, LedgerError> {
    validate(charge)?;
    let now = batch.plausible_now()?;
    let debits = debits(charge)?;
    for (account, loss) in &debits {
        batch.spent(account)?.check(account, loss, now)?;
    }
    batch.reserves = true;
    let id = insert_charge(batch, charge, now)?;
    for (account, loss) in &debits {
        insert_debit(batch, id, &account.id, now, loss)?;
    }
    for (account, loss) in &debits {
        batch.debit(&account.id, loss);
    }
    let receipts = charge.leaves.iter().map(|leaf| Receipt::assertion(leaf.loss.clone())).collect();
    Ok(Reservation { charge: id, receipts })
}

/// Posts a charge and remembers what came of it.
pub(super) fn settle(
    batch: &mut Batch<'_>,
    charge: i64,
    releases: &[Remembered],
) -> Result<(), LedgerError> {
    batch.settles = true;
    // Another process that opened the ledger may have posted it already.
    let changed = batch
        .conn
        .prepare_cached("UPDATE charge SET state = 'posted' WHERE id = ?1 AND state <> 'voided'")?
        .execute([charge])?;
    if changed != 1 {
        return Err(LedgerError::Malformed("no such reservation to settle"));
    }
    releases::remember(batch, charge, releases)
}

/// Gives a charge back to the accounts that paid it.
pub(super) fn void(batch: &mut Batch<'_>, charge: i64) -> Result<(), LedgerError> {
    let debits = {
        let mut statement = batch.conn.prepare_cached(
            "SELECT account, at_ms, rho, epsilon, delta FROM debit WHERE charge = ?1",
        )?;
        let rows = statement.query_map([charge], |row| {
            Ok((row.get::<_, String>(0)?, Millis(row.get(1)?), accounts::loss(row, 2)?))
        })?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    for (account, _, _) in &debits {
        batch.touch(account)?;
    }
    let changed = batch
        .conn
        .prepare_cached("UPDATE charge SET state = 'voided' WHERE id = ?1 AND state <> 'voided'")?
        .execute([charge])?;
    if changed != 1 {
        return Err(LedgerError::Malformed("no such reservation to void"));
    }
    for (account, at, loss) in &debits {
        batch.credit(account, *at, loss);
    }
    Ok(())
}

fn validate(charge: &Charge) -> Result<(), LedgerError> {
    let malformed = |what| Err(LedgerError::Malformed(what));
    if charge.leaves.is_empty() || charge.leaves.len() > LEAVES_MAX {
        return malformed("no leaves, or too many");
    }
    if charge.analyst.0.is_empty() || charge.analyst.0.len() > NAME_BYTES_MAX {
        return malformed("analyst without a name, or with too long a one");
    }
    for leaf in &charge.leaves {
        if leaf.accounts.is_empty() || leaf.accounts.len() > ACCOUNTS_MAX {
            return malformed("a leaf that no account pays for, or too many");
        }
        validate_loss(&leaf.loss)?;
        for account in &leaf.accounts {
            if account.id.is_empty() || account.id.len() > NAME_BYTES_MAX {
                return malformed("account without a name, or with too long a one");
            }
            if matches!(account.window, Window::Every { ms } if ms <= 0) {
                return malformed("a window without a length");
            }
        }
    }
    Ok(())
}

/// A loss is at least one unit in every measure that it has a price in: else there could be any
/// number of them.
fn validate_loss(loss: &Loss) -> Result<(), LedgerError> {
    if loss.rho.is_zero() || loss.epsilon.as_ref().is_some_and(Amount::is_zero) {
        return Err(LedgerError::Malformed("a leaf that costs nothing"));
    }
    let long = |amount: &Amount| amount.to_string().len() > DIGITS_MAX;
    if long(&loss.rho) || long(&loss.delta) || loss.epsilon.as_ref().is_some_and(long) {
        return Err(LedgerError::Malformed("a loss too large to count"));
    }
    Ok(())
}

/// Adds up what each account has to pay, in the order in which the leaves name them.
fn debits(charge: &Charge) -> Result<Vec<(&Account, Loss)>, LedgerError> {
    let mut debits: Vec<(&Account, Loss)> = Vec::new();
    for leaf in &charge.leaves {
        for account in &leaf.accounts {
            match debits.iter_mut().find(|(known, _)| known.id == account.id) {
                None => debits.push((account, leaf.loss.clone())),
                Some((known, _)) if *known != account => {
                    return Err(LedgerError::Malformed("one account with two meanings"));
                }
                Some((_, total)) => *total = both(total, &leaf.loss),
            }
        }
    }
    Ok(debits)
}

/// The loss of two leaves together. It has a price in ε only if both have.
pub(super) fn both(a: &Loss, b: &Loss) -> Loss {
    Loss {
        rho: &a.rho + &b.rho,
        epsilon: a.epsilon.as_ref().zip(b.epsilon.as_ref()).map(|(a, b)| a + b),
        delta: &a.delta + &b.delta,
    }
}

fn insert_charge(batch: &Batch<'_>, charge: &Charge, now: Millis) -> Result<i64, LedgerError> {
    batch
        .conn
        .prepare_cached(
            "INSERT INTO charge (query, analyst, at_ms, state) VALUES (?1, ?2, ?3, 'pending')",
        )?
        .execute(params![charge.query.0, charge.analyst.0, now.0])?;
    let id = batch.conn.last_insert_rowid();
    let mut statement =
        batch.conn.prepare_cached("INSERT INTO leaf VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for (position, leaf) in (0_i64..).zip(&charge.leaves) {
        statement.execute(params![
            id,
            position,
            leaf.question.0,
            leaf.loss.rho.to_string(),
            leaf.loss.epsilon.as_ref().map(Amount::to_string),
            leaf.loss.delta.to_string(),
        ])?;
    }
    Ok(id)
}

fn insert_debit(
    batch: &Batch<'_>,
    charge: i64,
    account: &str,
    at: Millis,
    loss: &Loss,
) -> Result<(), LedgerError> {
    batch.conn.prepare_cached("INSERT INTO debit VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(
        params![
            account,
            at.0,
            charge,
            loss.rho.to_string(),
            loss.epsilon.as_ref().map(Amount::to_string),
            loss.delta.to_string(),
        ],
    )?;
    Ok(())
}
