//! What an account has spent: the sum of its debits in a window.

use noisegate_privacy::budget::{Accountant, Amount, Loss};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::types::{Account, Balance, LedgerError, Overdrawn, Window};
use crate::clock::Millis;

/// What was spent from an account since the start of a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    window_ms: i64,
    start_ms: i64,
    rho: Amount,
    epsilon: Amount,
    delta: Amount,
    /// How many debits have no price in ε.
    gaussian: i64,
}

impl Spent {
    /// Reads the stored row of an account, whichever window it is for.
    pub(super) fn stored(conn: &Connection, id: &str) -> Result<Option<Self>, LedgerError> {
        let mut statement = conn.prepare_cached(
            "SELECT window_ms, start_ms, rho, epsilon, delta, gaussian FROM account WHERE id = ?1",
        )?;
        let row = statement.query_row([id], |row| {
            Ok(Self {
                window_ms: row.get(0)?,
                start_ms: row.get(1)?,
                rho: amount(row, 2)?,
                epsilon: amount(row, 3)?,
                delta: amount(row, 4)?,
                gaussian: row.get(5)?,
            })
        });
        Ok(row.optional()?)
    }

    /// Adds up the debits since the start of the window that `now` lies in. Debits that lie in
    /// the future, after an operator set the clock back, count too.
    pub(super) fn summed(
        conn: &Connection,
        id: &str,
        window: Window,
        now: Millis,
    ) -> Result<Self, LedgerError> {
        let start_ms = window.start(now).0;
        let mut sum = Self { window_ms: window.ms(), start_ms, ..Self::default() };
        let mut statement = conn.prepare_cached(
            "SELECT debit.rho, debit.epsilon, debit.delta
             FROM debit JOIN charge ON charge.id = debit.charge
             WHERE debit.account = ?1 AND debit.at_ms >= ?2 AND charge.state <> 'voided'",
        )?;
        let mut rows = statement.query(params![id, start_ms])?;
        while let Some(row) = rows.next()? {
            sum.add(&loss(row, 0)?);
        }
        Ok(sum)
    }

    /// What the account has spent in the window that `now` lies in.
    pub(super) fn load(
        conn: &Connection,
        account: &Account,
        now: Millis,
    ) -> Result<Self, LedgerError> {
        match Self::stored(conn, &account.id)? {
            Some(spent) if spent.is_for(account.window, now) => Ok(spent),
            _ => Self::summed(conn, &account.id, account.window, now),
        }
    }

    /// Stores the row.
    pub(super) fn save(&self, conn: &Connection, id: &str) -> Result<(), LedgerError> {
        conn.prepare_cached("INSERT OR REPLACE INTO account VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute(params![
                id,
                self.window_ms,
                self.start_ms,
                self.rho.to_string(),
                self.epsilon.to_string(),
                self.delta.to_string(),
                self.gaussian,
            ])?;
        Ok(())
    }

    /// Whether this is about the window that `now` lies in.
    pub(super) fn is_for(&self, window: Window, now: Millis) -> bool {
        self.window_ms == window.ms() && self.start_ms == window.start(now).0
    }

    /// Whether a debit of that time is part of this sum.
    pub(super) fn counts(&self, at: Millis) -> bool {
        at.0 >= self.start_ms
    }

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

    /// Refuses a loss that the account cannot pay. This is the filter of the guarantee: adding
    /// up ρ and δ (approximate zCDP), or ε and δ (basic composition), holds for losses that are
    /// chosen adaptively.
    pub(super) fn check(
        &self,
        account: &Account,
        loss: &Loss,
        now: Millis,
    ) -> Result<(), LedgerError> {
        let mut after = self.clone();
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
        let balance = self.balance(account.clone(), now);
        Err(LedgerError::Overdrawn(Box::new(Overdrawn { balance, needs: loss.clone() })))
    }

    /// The balance to show.
    pub(super) fn balance(&self, account: Account, now: Millis) -> Balance {
        Balance {
            refills_at: account.window.refills_at(now),
            account,
            spent_rho: self.rho.clone(),
            spent_epsilon: self.epsilon.clone(),
            spent_delta: self.delta.clone(),
        }
    }
}

/// Reads ρ, ε and δ from three columns.
pub(super) fn loss(row: &Row<'_>, first: usize) -> rusqlite::Result<Loss> {
    let epsilon: Option<String> = row.get(first + 1)?;
    Ok(Loss {
        rho: amount(row, first)?,
        epsilon: epsilon.map(|text| parse(&text, first + 1)).transpose()?,
        delta: amount(row, first + 2)?,
    })
}

fn amount(row: &Row<'_>, column: usize) -> rusqlite::Result<Amount> {
    let text: String = row.get(column)?;
    parse(&text, column)
}

fn parse(text: &str, column: usize) -> rusqlite::Result<Amount> {
    Amount::parse(text).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, "not an amount".into())
    })
}
