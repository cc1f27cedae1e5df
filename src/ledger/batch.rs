//! A unit of work: the time it happens at, what its jobs may know, and what they change.
//!
//! All changes are kept here until the end, so a job that is refused leaves no trace as long as
//! it changes nothing before it has checked everything. Nothing is kept from one unit of work to
//! the next, so any number of processes can write to one ledger.

use std::collections::{BTreeMap, BTreeSet};

use super::accounts::{self, Spent};
use super::chain::Link;
use super::failpoint;
use super::store::{
    Changes, Kept, Known, Loaded, Meta, Needs, Store, Sum, WholeCharge, WholeRelease,
};
use super::types::{Account, LedgerError, Remembered, State, Window};
use crate::clock::Millis;
use crate::ids::{ChargeKey, Question};

/// How far the clock may run ahead of the last mark before an operator has to confirm it.
const JUMP_MS_MAX: i64 = 32 * 24 * 60 * 60 * 1000;
/// How many old releases are looked at in one step.
const OLDEST_MAX: i64 = 64;

/// A unit of work, under the store's write lock.
pub(super) struct Batch<'s> {
    store: &'s mut dyn Store,
    /// The most bytes of releases to remember.
    release_bytes_max: i64,
    wall: Millis,
    now: Millis,
    meta: Meta,
    accounts: BTreeMap<String, Spent>,
    stored: BTreeMap<i64, Known>,
    keys: BTreeSet<ChargeKey>,
    kept: BTreeMap<Question, Kept>,
    /// The questions that this batch answers.
    answered: BTreeSet<Question>,
    /// What of the expired releases has been replaced, and so counted as forgotten.
    replaced_bytes: i64,
    users: BTreeSet<String>,
    changes: Changes,
    /// The accounts that differ from what is stored.
    changed: BTreeSet<String>,
    note: Option<String>,
    /// Whether a counter changed that counts nothing new.
    counted: bool,
    /// What the batch does; names the failpoint.
    reserves: bool,
    settles: bool,
}

impl<'s> Batch<'s> {
    /// Goes on from what the store said, which has taken the lock.
    pub(super) fn new(
        store: &'s mut dyn Store,
        loaded: Loaded,
        needs: &Needs,
        wall: Millis,
        release_bytes_max: i64,
    ) -> Result<Self, LedgerError> {
        let wall = Millis(wall.0.max(0));
        let mark = loaded.meta.mark;
        let now = if jumped(mark, wall) { mark } else { wall.max(mark) };
        let mut batch = Self {
            store,
            release_bytes_max,
            wall,
            now,
            meta: loaded.meta,
            accounts: loaded.accounts,
            stored: loaded.charges,
            keys: loaded.keys,
            kept: loaded.releases,
            answered: BTreeSet::new(),
            replaced_bytes: 0,
            users: loaded.users,
            changes: Changes::default(),
            changed: BTreeSet::new(),
            note: None,
            counted: false,
            reserves: false,
            settles: false,
        };
        batch.sum_what_rolled_over(needs)?;
        Ok(batch)
    }

    /// In one step, the sums of all accounts whose stored row is for another window.
    fn sum_what_rolled_over(&mut self, needs: &Needs) -> Result<(), LedgerError> {
        let now = self.now;
        let fits =
            |id, window| self.accounts.get(id).is_some_and(|spent| spent.is_for(window, now));
        let missing = needs.accounts.iter().filter(|(id, window)| !fits(*id, **window));
        let missing: Vec<(String, Window)> = missing.map(|(id, w)| (id.clone(), *w)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let of: Vec<_> =
            missing.iter().map(|(id, window)| (id.clone(), window.start(now).0)).collect();
        let sums = accounts::sums(self.store.sums(&of)?, of.len())?;
        for ((id, window), sum) in missing.into_iter().zip(sums) {
            self.accounts.insert(id, Spent::of(sum, window, now));
        }
        Ok(())
    }

    /// The ledger's time, for what may refill an account: not while the clock is implausible. It
    /// never goes back: a clock that does cannot reopen a window.
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

    /// See [`Store::raw`].
    #[cfg(test)]
    pub(super) fn raw(&mut self, sql: &str) -> Result<Option<i64>, LedgerError> {
        self.store.raw(sql)
    }

    /// Puts a note for operators beside the generation that this makes.
    pub(super) fn note(&mut self, text: String) {
        self.note = Some(text);
    }

    /// What an account has spent in its window.
    pub(super) fn spent(&mut self, account: &Account) -> Result<&Spent, LedgerError> {
        let (id, window, now) = (&account.id, account.window, self.now);
        let held = self.accounts.get(id).is_some_and(|spent| spent.is_for(window, now));
        if !held {
            // Under another window than the one foreseen.
            let summed = Spent::of(self.summed(id, window.start(now))?, window, now);
            self.accounts.insert(id.clone(), summed);
        }
        self.accounts.get(id).ok_or(LedgerError::Malformed("an account without a name"))
    }

    /// The debits of an account from a time on: what is stored, and what this batch changed.
    fn summed(&mut self, id: &str, start: Millis) -> Result<Sum, LedgerError> {
        let sums = accounts::sums(self.store.sums(&[(id.to_owned(), start.0)])?, 1)?;
        let mut sum = sums.into_iter().next().unwrap_or_default();
        let own = self.changes.charges.iter().filter(|charge| charge.row.at >= start);
        for (_, loss) in own.flat_map(|charge| &charge.debits).filter(|(payer, _)| payer == id) {
            sum.add(loss);
        }
        let voided = self.changes.states.iter().filter(|(_, state)| **state == State::Voided);
        let voided = voided.filter_map(|(charge, _)| self.stored.get(charge));
        let voided = voided.filter(|charge| charge.at >= start);
        for (_, loss) in voided.flat_map(|charge| &charge.debits).filter(|(payer, _)| payer == id) {
            sum.subtract(loss);
        }
        Ok(sum)
    }

    /// Whether a key was charged already.
    pub(super) fn is_charged(&self, key: &ChargeKey) -> bool {
        self.keys.contains(key)
    }

    /// Adds a charge whose accounts were checked in this batch. It cannot fail.
    pub(super) fn charge(&mut self, mut charge: WholeCharge) -> i64 {
        self.reserves = true;
        self.meta.last_charge = self.meta.last_charge.saturating_add(1);
        charge.row.id = self.meta.last_charge;
        for (id, loss) in &charge.debits {
            if let Some(spent) = self.accounts.get_mut(id) {
                spent.sum.add(loss);
                self.changed.insert(id.clone());
            }
        }
        self.keys.extend(charge.row.key);
        self.changes.charges.push(charge);
        self.meta.last_charge
    }

    /// What became of a charge so far, if there is one.
    pub(super) fn state(&self, charge: i64) -> Option<State> {
        let changed = self.changes.states.get(&charge).copied();
        changed.or_else(|| self.stored.get(&charge).map(|known| known.state))
    }

    /// Makes a charge final.
    pub(super) fn post(&mut self, charge: i64) {
        self.settles = true;
        if self.state(charge) == Some(State::Pending) {
            self.changes.states.insert(charge, State::Posted);
        }
    }

    /// Gives a charge back to the accounts that paid it, as far as their sums count it.
    pub(super) fn void(&mut self, charge: i64) {
        let Some(known) = self.stored.get(&charge) else { return };
        for (id, loss) in &known.debits {
            if let Some(spent) = self.accounts.get_mut(id).filter(|spent| spent.counts(known.at)) {
                spent.sum.subtract(loss);
                self.changed.insert(id.clone());
            }
        }
        self.changes.states.insert(charge, State::Voided);
    }

    /// Posts what an earlier run left behind, because nothing tells whether the source was asked;
    /// whether there may be more of it.
    pub(super) fn post_pending(&mut self, count_max: i64) -> Result<bool, LedgerError> {
        let pending = self.store.pending(self.meta.final_charge, count_max)?;
        self.changes.states.extend(pending.iter().map(|charge| (*charge, State::Posted)));
        let last = pending.last().copied().filter(|_| bounded(pending.len(), count_max));
        let final_charge = last.unwrap_or(self.meta.last_charge);
        self.counted = final_charge != self.meta.final_charge;
        self.meta.final_charge = final_charge;
        Ok(last.is_some())
    }

    /// Stores a release, unless its question has an unexpired one, which is kept then, or unless
    /// it is larger than all that may be remembered.
    pub(super) fn remember(&mut self, charge: i64, release: &Remembered) {
        let question = release.question;
        let kept = self.kept.get(&question).copied();
        if bytes(&release.payload) > self.release_bytes_max
            || self.answered.contains(&question)
            || kept.is_some_and(|kept| kept.expires > self.now)
        {
            return;
        }
        if let Some(expired) = self.kept.remove(&question) {
            self.changes.forgotten.push(expired.id);
            self.replaced_bytes += expired.bytes;
            self.meta.release_bytes -= expired.bytes;
        }
        self.answered.insert(question);
        self.meta.last_release = self.meta.last_release.saturating_add(1);
        self.changes.releases.push(WholeRelease {
            id: self.meta.last_release,
            question,
            charge,
            expires: release.expires_at,
            payload: release.payload.clone(),
        });
    }

    /// Adds a user, or gives a known one another verifier.
    pub(super) fn put_user(&mut self, name: &str, verifier: &str) {
        self.users.insert(name.to_owned());
        self.changes.users.insert(name.to_owned(), Some(verifier.to_owned()));
    }

    /// Removes a user; whether there was one.
    pub(super) fn remove_user(&mut self, name: &str) -> bool {
        let known = self.users.remove(name);
        if known {
            self.changes.users.insert(name.to_owned(), None);
        }
        known
    }

    /// Writes everything, and makes it durable: one commit for all that waited. The generation
    /// that this makes is told before, so that it can be looked for if the commit is not
    /// acknowledged.
    pub(super) fn finish(mut self, made: &mut Option<Link>) -> Result<(), LedgerError> {
        self.forget()?;
        for id in std::mem::take(&mut self.changed) {
            if let Some(spent) = self.accounts.remove(&id) {
                self.changes.accounts.insert(id, spent);
            }
        }
        let timeless = self.changes.is_empty() && self.note.is_none() && !self.counted;
        if timeless && self.now == self.meta.mark {
            return self.store.rollback();
        }
        let link = self.meta.link.next(&self.changes, self.now, self.note.take());
        *made = Some(link.clone());
        self.meta.mark = self.now;
        self.meta.link = link.clone();
        self.changes.links.push(link);
        self.changes.meta = Some(self.meta.clone());
        self.failpoint("before_reserve_commit", "before_settle_commit");
        self.store.commit(&self.changes)?;
        self.failpoint("after_reserve_commit", "after_settle_commit");
        Ok(())
    }

    /// What is remembered is bounded: past the limit, all expired releases go first, then the
    /// oldest. Forgetting is never wrong for privacy: a question asked again is charged again.
    fn forget(&mut self) -> Result<(), LedgerError> {
        let new: i64 = self.changes.releases.iter().map(|release| bytes(&release.payload)).sum();
        self.meta.release_bytes += new;
        if new == 0 || self.meta.release_bytes <= self.release_bytes_max {
            return Ok(());
        }
        self.meta.release_bytes -= self.expired_bytes()?;
        self.changes.forget_expired = Some(self.now);
        let mut after = 0;
        while self.meta.release_bytes > self.release_bytes_max {
            let oldest = self.store.oldest(after, self.now, OLDEST_MAX)?;
            let Some((last, _)) = oldest.last() else {
                self.forget_new();
                return Ok(());
            };
            after = *last;
            for (id, bytes) in oldest {
                // No more goes than has to.
                if self.meta.release_bytes > self.release_bytes_max {
                    self.changes.forgotten.push(id);
                    self.meta.release_bytes -= bytes;
                }
            }
        }
        Ok(())
    }

    /// The size of all that has expired, but for what was counted as forgotten already.
    fn expired_bytes(&mut self) -> Result<i64, LedgerError> {
        let now = self.now;
        let stored = self.store.expired_bytes(now)?;
        Ok(stored - self.replaced_bytes)
    }

    /// When the new ones alone are too many, the first of them go.
    fn forget_new(&mut self) {
        while self.meta.release_bytes > self.release_bytes_max && !self.changes.releases.is_empty()
        {
            let first = self.changes.releases.remove(0);
            self.meta.release_bytes -= bytes(&first.payload);
        }
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

/// Whether a list may have ended because no more was asked for.
fn bounded(length: usize, count_max: i64) -> bool {
    i64::try_from(length).is_ok_and(|length| length >= count_max)
}

fn bytes(payload: &[u8]) -> i64 {
    i64::try_from(payload.len()).unwrap_or(i64::MAX)
}

fn jumped(mark: Millis, wall: Millis) -> bool {
    wall.0.saturating_sub(mark.0) > JUMP_MS_MAX
}
