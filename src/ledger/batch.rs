//! A unit of work: the time it happens at, what its jobs may know, and what they change.
//!
//! All changes are kept here until the end, so a job that is refused leaves no trace as long as
//! it changes nothing before it has checked everything. Nothing is kept from one unit of work to
//! the next, so any number of processes can write to one ledger.

use std::collections::{BTreeMap, BTreeSet};

use super::accounts::{self, Spent};
use super::chain::Link;
use super::control::Control;
use super::event::{self, Event, RequestKey, Via};
use super::failpoint;
use super::shown::Token;
use super::store::{
    Changes, EventRow, Kept, Known, Loaded, Meta, Needs, Store, Sum, UserRow, WholeCharge,
    WholeRelease,
};
use super::types::{Account, LedgerError, Remembered, State, Window};
use crate::clock::Millis;
use crate::ids::{ChargeKey, Question};

/// How far the clock may run ahead of the last mark before an operator has to confirm it.
const JUMP_MS_MAX: i64 = 32 * 24 * 60 * 60 * 1000;
/// How many old releases are looked at in one step.
const OLDEST_MAX: i64 = 64;
/// The most charges that one step looks at for those that are pending.
const LOOKED_AT_MAX: i64 = 100_000;

/// A unit of work, under the store's write lock.
pub(super) struct Batch<'s> {
    store: &'s mut dyn Store,
    /// The most bytes of releases to remember.
    release_bytes_max: i64,
    wall: Millis,
    now: Millis,
    meta: Meta,
    accounts: BTreeMap<String, Spent>,
    controls: BTreeMap<String, Control>,
    stored: BTreeMap<i64, Known>,
    keys: BTreeSet<ChargeKey>,
    kept: BTreeMap<Question, Kept>,
    /// The questions that this batch answers.
    answered: BTreeSet<Question>,
    /// What of the expired releases has been replaced, and so counted as forgotten.
    replaced_bytes: i64,
    users: BTreeSet<String>,
    requests: BTreeMap<[u8; 32], [u8; 32]>,
    tokens: BTreeSet<String>,
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
        let (mut accounts, mut controls) = (BTreeMap::new(), BTreeMap::new());
        for (id, stored) in loaded.accounts {
            controls.insert(id.clone(), stored.control);
            accounts.insert(id, stored.spent);
        }
        let mut batch = Self {
            store,
            release_bytes_max,
            wall,
            now,
            meta: loaded.meta,
            accounts,
            controls,
            stored: loaded.charges,
            keys: loaded.keys,
            kept: loaded.releases,
            answered: BTreeSet::new(),
            replaced_bytes: 0,
            users: loaded.users,
            requests: loaded.requests,
            tokens: loaded.tokens,
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
        let asked =
            needs.accounts.iter().map(|(id, window)| (id, *window, self.start(id, *window)));
        let missing: Vec<(String, Window, Millis)> = asked
            .filter(|(id, window, start)| {
                !self.accounts.get(*id).is_some_and(|spent| spent.is_for(*window, *start))
            })
            .map(|(id, window, start)| (id.clone(), window, start))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let of: Vec<_> = missing.iter().map(|(id, _, start)| (id.clone(), start.0)).collect();
        let sums = accounts::sums(self.store.sums(&of)?, of.len())?;
        for ((id, window, start), sum) in missing.into_iter().zip(sums) {
            // So that it is summed once, also if nothing is charged.
            if sum != Sum::default() {
                self.changed.insert(id.clone());
            }
            self.accounts.insert(id, Spent::of(sum, window, start));
        }
        Ok(())
    }

    /// From when on the debits of an account count now.
    fn start(&self, id: &str, window: Window) -> Millis {
        self.controls
            .get(id)
            .map_or_else(|| window.start(self.now), |control| control.start(window, self.now))
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
    ///
    /// A reset that lies in the future now is one of this moment: else what is spent until then
    /// would no longer count once it comes.
    pub(super) fn accept_clock(&mut self) -> Result<Millis, LedgerError> {
        self.now = self.wall;
        for (account, control) in self.store.resets_after(self.now)? {
            let control = Control {
                version: control.version.saturating_add(1),
                reset_at: Some(self.now),
                ..control
            };
            let event = event::of_operator("account.clock");
            self.record(&event.of_control(&account, &control)?, None);
            self.decide(&account, control);
        }
        Ok(self.now)
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
        let (id, window) = (&account.id, account.window);
        let start = self.start(id, window);
        let held = self.accounts.get(id).is_some_and(|spent| spent.is_for(window, start));
        if !held {
            // Under another window than the one foreseen, or after a reset.
            let summed = Spent::of(self.summed(id, start)?, window, start);
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

    /// Refuses a charge to an account that is frozen, or whose limits are not those that hold.
    pub(super) fn allow(&self, account: &Account) -> Result<(), LedgerError> {
        let control = self.controls.get(&account.id);
        if control.is_some_and(|control| control.frozen) {
            return Err(LedgerError::Frozen(account.id.clone()));
        }
        if control.map_or(0, |control| control.in_force(self.now)) != account.control {
            return Err(LedgerError::Terms { account: account.id.clone() });
        }
        Ok(())
    }

    /// Refuses a charge to an account that a step of its throttle holds back.
    pub(super) fn slow_down(&mut self, account: &Account) -> Result<(), LedgerError> {
        if account.throttle.is_empty() {
            return Ok(());
        }
        let spent = self.spent(account)?.clone();
        let new = self.changes.charges.iter().flat_map(|charge| &charge.debits);
        let new = new.filter(|(payer, _)| *payer == account.id).count();
        let new = u32::try_from(new).unwrap_or(u32::MAX);
        let (now, store) = (self.now, &mut *self.store);
        let latest = |but: u32, after| match but.checked_sub(new) {
            Some(but) => store.latest(&account.id, but, after),
            None => Ok(Some(now)),
        };
        match accounts::throttled(&spent, account, now, latest)? {
            Some(held) => Err(LedgerError::Throttled(Box::new(held))),
            None => Ok(()),
        }
    }

    /// What administrators decided about an account.
    pub(super) fn control(&self, account: &str) -> Control {
        self.controls.get(account).cloned().unwrap_or_default()
    }

    /// Decides about an account.
    pub(super) fn decide(&mut self, account: &str, control: Control) {
        self.controls.insert(account.to_owned(), control.clone());
        self.changes.controls.insert(account.to_owned(), control);
    }

    /// Whether a request was done already. Its key may not be that of another one.
    pub(super) fn is_done(&self, request: &RequestKey) -> Result<bool, LedgerError> {
        match self.requests.get(&request.key) {
            None => Ok(false),
            Some(done) if *done == request.request => Ok(true),
            Some(_) => Err(LedgerError::KeyReused),
        }
    }

    /// Whether there is a user, of those that were asked for.
    pub(super) fn has_user(&self, name: &str) -> bool {
        self.users.contains(name)
    }

    /// The last change of a team; also one of this unit of work.
    pub(super) fn last_team_event(&mut self) -> Result<i64, LedgerError> {
        let new = self.changes.events.iter().rev().find(|event| event.kind.starts_with("team."));
        new.map_or_else(|| self.store.last_team_event(), |event| Ok(event.id))
    }

    /// Puts something on record.
    pub(super) fn record(&mut self, event: &Event, request: Option<RequestKey>) {
        self.meta.last_event = self.meta.last_event.saturating_add(1);
        if let Some(request) = request {
            self.requests.insert(request.key, request.request);
        }
        self.changes.events.push(EventRow {
            id: self.meta.last_event,
            generation: self.meta.link.generation.saturating_add(1),
            at: self.now,
            who: event.who.clone(),
            via: event.via.name().to_owned(),
            kind: event.kind.to_owned(),
            object: event.object.clone(),
            detail: event.detail.clone(),
            why: event.why.clone(),
            request,
        });
    }

    /// Forgets events from before a time, but for those that are kept for ever; how many.
    pub(super) fn forget_events(&mut self, before: Millis) -> Result<i64, LedgerError> {
        let count = self.store.old_events(before)?;
        if count > 0 {
            self.changes.forget_events = Some(before);
        }
        Ok(count)
    }

    /// Notes when a user was seen.
    pub(super) fn saw(&mut self, name: &str) {
        if self.users.contains(name) {
            self.changes.seen.insert(name.to_owned(), self.now);
        }
    }

    /// Keeps a token; whether its id is new.
    pub(super) fn put_token(&mut self, token: Token) -> bool {
        let is_new = self.tokens.insert(token.id.clone());
        if is_new {
            self.changes.tokens.insert(token.id.clone(), Some(token));
        }
        is_new
    }

    /// Removes a token; whether there was one.
    pub(super) fn remove_token(&mut self, id: &str) -> bool {
        let known = self.tokens.remove(id);
        if known {
            self.changes.tokens.insert(id.to_owned(), None);
        }
        known
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
            let Some(spent) = self.accounts.get_mut(id) else { continue };
            if spent.counts(known.at) {
                spent.sum.subtract(loss);
            }
            // Where it does not count, the row that is stored may be of an earlier window, whose
            // sum it is part of.
            self.changed.insert(id.clone());
        }
        self.changes.states.insert(charge, State::Voided);
        let event = Event {
            who: String::new(),
            via: Via::Proxy,
            kind: event::VOID,
            object: charge.to_string(),
            detail: "{}".to_owned(),
            why: "the source was never asked".to_owned(),
        };
        self.record(&event, None);
    }

    /// Posts what an earlier run left behind, because nothing tells whether the source was asked;
    /// whether there may be more of it.
    pub(super) fn post_pending(&mut self, count_max: i64) -> Result<bool, LedgerError> {
        let first = self.meta.final_charge;
        // Proxies seldom start: there may be more charges since than one step may look at.
        let end = self.meta.last_charge.min(first.saturating_add(LOOKED_AT_MAX));
        let pending = self.store.pending((first, end), count_max)?;
        self.changes.states.extend(pending.iter().map(|charge| (*charge, State::Posted)));
        let last = pending.last().copied().filter(|_| bounded(pending.len(), count_max));
        let final_charge = last.unwrap_or(end);
        self.counted = final_charge != first;
        self.meta.final_charge = final_charge;
        Ok(final_charge < self.meta.last_charge)
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
        let row = UserRow { verifier: verifier.to_owned(), added: Some(self.now), seen: None };
        self.changes.users.insert(name.to_owned(), Some(row));
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
        let counters = (self.meta.last_charge, self.meta.last_event);
        let link = self.meta.link.next(&self.changes, self.now, counters, self.note.take());
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
