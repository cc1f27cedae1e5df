//! One transaction of the writer: the time it happens at, and the accounts that it touches.

use std::collections::BTreeMap;

use noisegate_privacy::budget::Loss;
use rusqlite::Connection;

use super::accounts::Spent;
use super::failpoint;
use super::types::{Account, LedgerError};
use crate::clock::Millis;

/// How far the clock may run ahead of the last mark before an operator has to confirm it.
const JUMP_MS_MAX: i64 = 32 * 24 * 60 * 60 * 1000;

/// An open transaction, which holds the write lock. Nothing about balances is kept from one
/// transaction to the next, so any number of processes can write to one ledger.
pub(super) struct Batch<'c> {
    /// The connection, for the statements of a job.
    pub(super) conn: &'c Connection,
    /// The most bytes of releases to remember.
    pub(super) release_bytes_max: i64,
    /// Whether the batch makes a reservation; names the failpoint.
    pub(super) reserves: bool,
    /// Whether the batch settles one; names the failpoint.
    pub(super) settles: bool,
    wall: Millis,
    mark: Millis,
    now: Millis,
    accounts: BTreeMap<String, Held>,
}

struct Held {
    spent: Spent,
    changed: bool,
}

impl<'c> Batch<'c> {
    /// Takes the write lock and reads the ledger's time.
    pub(super) fn begin(
        conn: &'c Connection,
        wall: Millis,
        release_bytes_max: i64,
    ) -> Result<Self, LedgerError> {
        conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mark = mark(conn)?;
        let wall = Millis(wall.0.max(0));
        let now = if jumped(mark, wall) { mark } else { wall.max(mark) };
        Ok(Self {
            conn,
            release_bytes_max,
            reserves: false,
            settles: false,
            wall,
            mark,
            now,
            accounts: BTreeMap::new(),
        })
    }

    /// The ledger's time, which never goes back: a clock that does cannot reopen a window.
    pub(super) fn now(&self) -> Millis {
        self.now
    }

    /// The time, for what may refill an account: not while the clock is implausible.
    pub(super) fn plausible_now(&self) -> Result<Millis, LedgerError> {
        if jumped(self.now, self.wall) {
            return Err(LedgerError::Clock { mark: self.now, now: self.wall });
        }
        Ok(self.now)
    }

    /// Takes the machine's clock as it is, on an operator's word. Set back, it reopens nothing:
    /// a window counts all debits since its start, also those in what is now the future.
    pub(super) fn accept_clock(&mut self) -> Millis {
        self.now = self.wall;
        self.now
    }

    /// What an account has spent in its window.
    pub(super) fn spent(&mut self, account: &Account) -> Result<&Spent, LedgerError> {
        let (id, window, now) = (&account.id, account.window, self.now);
        let spent = match self.accounts.get(id) {
            Some(held) if held.spent.is_for(window, now) => held.spent.clone(),
            // Under another window in this very batch: the stored row may be out of date.
            Some(_) => Spent::summed(self.conn, id, window, now)?,
            None => Spent::load(self.conn, account, now)?,
        };
        let held = self
            .accounts
            .entry(id.clone())
            .or_insert(Held { spent: Spent::default(), changed: false });
        held.spent = spent;
        Ok(&held.spent)
    }

    /// Takes a loss from an account whose spending was read in this batch. The last step of a
    /// job, since a job that fails is undone in the database only.
    pub(super) fn debit(&mut self, id: &str, loss: &Loss) {
        if let Some(held) = self.accounts.get_mut(id) {
            held.spent.add(loss);
            held.changed = true;
        }
    }

    /// Gives back what was taken at `at`, if the account's sum counts it. Like [`Self::debit`],
    /// the last step of a job.
    pub(super) fn credit(&mut self, id: &str, at: Millis, loss: &Loss) {
        if let Some(held) = self.accounts.get_mut(id).filter(|held| held.spent.counts(at)) {
            held.spent.subtract(loss);
            held.changed = true;
        }
    }

    /// Makes sure that an account's sum is at hand, for whichever window it was last used with.
    pub(super) fn touch(&mut self, id: &str) -> Result<(), LedgerError> {
        if !self.accounts.contains_key(id)
            && let Some(spent) = Spent::stored(self.conn, id)?
        {
            self.accounts.insert(id.to_owned(), Held { spent, changed: false });
        }
        Ok(())
    }

    /// Runs one step so that its failure leaves the rest of the batch as it is.
    pub(super) fn isolated<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, LedgerError>,
    ) -> Result<Result<T, LedgerError>, LedgerError> {
        self.conn.prepare_cached("SAVEPOINT job")?.execute([])?;
        let outcome = step(self);
        if outcome.is_err() {
            self.conn.prepare_cached("ROLLBACK TO job")?.execute([])?;
        }
        self.conn.prepare_cached("RELEASE job")?.execute([])?;
        Ok(outcome)
    }

    /// Writes the sums and the time, and commits: one fsync for all that waited.
    pub(super) fn commit(self) -> Result<(), LedgerError> {
        for (id, held) in &self.accounts {
            if held.changed {
                held.spent.save(self.conn, id)?;
            }
        }
        if self.now != self.mark {
            self.conn.prepare_cached("UPDATE meta SET mark_ms = ?1")?.execute([self.now.0])?;
        }
        self.failpoint("before_reserve_commit", "before_settle_commit");
        self.conn.prepare_cached("COMMIT")?.execute([])?;
        self.failpoint("after_reserve_commit", "after_settle_commit");
        Ok(())
    }

    fn failpoint(&self, reserve: &str, settle: &str) {
        if self.reserves {
            failpoint::hit(reserve);
        }
        if self.settles {
            failpoint::hit(settle);
        }
    }
}

/// The latest time that the ledger knows.
pub(super) fn mark(conn: &Connection) -> Result<Millis, LedgerError> {
    let mut statement = conn.prepare_cached("SELECT mark_ms FROM meta")?;
    Ok(Millis(statement.query_row([], |row| row.get(0))?))
}

fn jumped(mark: Millis, wall: Millis) -> bool {
    wall.0.saturating_sub(mark.0) > JUMP_MS_MAX
}
