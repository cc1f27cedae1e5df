//! The life of a charge: reserved, then settled or voided.

use noisegate_privacy::budget::{Amount, Loss};
use noisegate_privacy::receipt::Receipt;

use super::batch::Batch;
use super::store::{ChargeRow, Needs, WholeCharge};
use super::types::{Account, Charge, LedgerError, Remembered, Reservation, State, Window};

/// The most leaves of one statement, with the estimates that they wait for.
const LEAVES_MAX: usize = 512;
/// The most accounts that one leaf is paid from.
const ACCOUNTS_MAX: usize = 32;
/// The longest name of an account or an analyst.
const NAME_BYTES_MAX: usize = 512;
/// The most digits of one loss. Sums of any number of losses then stay below what
/// [`Amount::parse`] reads.
const DIGITS_MAX: usize = 370;

/// The most steps of an account's throttle.
const STEPS_MAX: usize = 64;

/// What charging needs to know.
pub(super) fn needs(charge: &Charge) -> Needs {
    let accounts = charge.leaves.iter().flat_map(|leaf| &leaf.accounts);
    Needs {
        accounts: accounts.map(|account| (account.id.clone(), account.window)).collect(),
        keys: [charge.key].into(),
        ..Needs::default()
    }
}

/// Charges all accounts of all leaves, or none.
pub(super) fn reserve(batch: &mut Batch<'_>, charge: &Charge) -> Result<Reservation, LedgerError> {
    let now = batch.plausible_now()?;
    if batch.is_charged(&charge.key) {
        // Without receipts: those of the first time may be in use.
        return Err(LedgerError::Repeated);
    }
    let debits = debits(charge)?;
    for (account, loss) in &debits {
        batch.allow(account)?;
        batch.spent(account)?.check(account, loss, now)?;
        batch.slow_down(account)?;
    }
    let id = batch.charge(WholeCharge {
        row: ChargeRow {
            id: 0,
            key: Some(charge.key),
            query: charge.query,
            analyst: charge.analyst.0.clone(),
            at: now,
            state: State::Pending,
        },
        leaves: charge.leaves.iter().map(|leaf| (leaf.question, leaf.loss.clone())).collect(),
        debits: debits.into_iter().map(|(account, loss)| (account.id.clone(), loss)).collect(),
    });
    let receipts = charge.leaves.iter().map(|leaf| Receipt::assertion(leaf.loss.clone())).collect();
    Ok(Reservation { charge: id, receipts })
}

/// Posts a charge and remembers what came of it.
pub(super) fn settle(
    batch: &mut Batch<'_>,
    charge: i64,
    releases: &[Remembered],
) -> Result<(), LedgerError> {
    // Another process that opened the ledger may have posted it already.
    if !matches!(batch.state(charge), Some(State::Pending | State::Posted)) {
        return Err(LedgerError::Malformed("no such reservation to settle"));
    }
    batch.post(charge);
    for release in releases {
        batch.remember(charge, release);
    }
    Ok(())
}

/// Gives a charge back to the accounts that paid it.
pub(super) fn void(batch: &mut Batch<'_>, charge: i64) -> Result<(), LedgerError> {
    if !matches!(batch.state(charge), Some(State::Pending | State::Posted)) {
        return Err(LedgerError::Malformed("no such reservation to void"));
    }
    batch.void(charge);
    Ok(())
}

/// Refuses what makes no sense, before anything waits for it.
pub(super) fn validate(charge: &Charge) -> Result<(), LedgerError> {
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
            validate_name(&account.id)?;
            if matches!(account.window, Window::Every { ms } if ms <= 0) {
                return malformed("a window without a length");
            }
            if account.throttle.len() > STEPS_MAX {
                return malformed("too many steps of a throttle");
            }
        }
    }
    Ok(())
}

/// Refuses the name of an account that cannot be stored.
pub(super) fn validate_name(account: &str) -> Result<(), LedgerError> {
    if account.is_empty() || account.len() > NAME_BYTES_MAX || account.contains('\0') {
        return Err(LedgerError::Malformed("account without a name, or with too long a one"));
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
