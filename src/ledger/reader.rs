//! The thread that reads, so that a question answered before does not wait for a disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::accounts::{self, Spent, Stored};
use super::store::{Backend, View};
use super::types::{Account, Balance, LedgerError};
use crate::clock::{Clock, Millis};

/// What a look at the ledger is given: the store, and the time by the machine's clock.
pub(super) struct Sight<'v> {
    /// The store.
    pub(super) view: &'v mut dyn View,
    /// The machine's time. The ledger's is not before it, and not before its last mark.
    pub(super) wall: Millis,
}

impl Sight<'_> {
    /// What accounts have spent in their windows.
    pub(super) fn balances(&mut self, accounts: &[Account]) -> Result<Vec<Balance>, LedgerError> {
        let ids: Vec<String> = accounts.iter().map(|account| account.id.clone()).collect();
        let (mark, stored) = self.view.stored(&ids)?;
        let now = self.wall.max(mark);
        let spent = self.spent(accounts, &stored, now)?;
        let mut balances = Vec::with_capacity(spent.len());
        for (account, spent) in accounts.iter().zip(spent) {
            let latest = |but, after| self.view.latest(&account.id, but, after);
            let throttled = accounts::throttled(&spent, account, now, latest)?;
            balances.push(Balance { throttled, ..spent.balance(account.clone(), now) });
        }
        self.view.end()?;
        Ok(balances)
    }

    fn spent(
        &mut self,
        accounts: &[Account],
        stored: &BTreeMap<String, Stored>,
        now: Millis,
    ) -> Result<Vec<Spent>, LedgerError> {
        let start = |account: &Account| {
            let control = stored.get(&account.id).map(|row| &row.control);
            control.map_or_else(
                || account.window.start(now),
                |control| control.start(account.window, now),
            )
        };
        let current = |account: &Account| {
            let spent = stored.get(&account.id).map(|row| &row.spent);
            spent.filter(|spent| spent.is_for(account.window, start(account)))
        };
        let others = accounts.iter().filter(|account| current(account).is_none());
        let of: Vec<_> = others.map(|a| (a.id.clone(), start(a).0)).collect();
        let sums = if of.is_empty() { Vec::new() } else { self.view.sums(&of)? };
        let mut sums = accounts::sums(sums, of.len())?.into_iter();
        let spent = |account: &Account| match current(account) {
            Some(spent) => spent.clone(),
            None => Spent::of(sums.next().unwrap_or_default(), account.window, start(account)),
        };
        Ok(accounts.iter().map(spent).collect())
    }
}

/// Something to read.
pub(super) trait Look: Send {
    /// Reads; whether the store is sound.
    fn see(&mut self, sight: Sight<'_>) -> bool;
    /// Is told why there is nothing to see.
    fn fail(&mut self, error: LedgerError);
    /// Answers what was seen last.
    fn answer(self: Box<Self>);
}

/// A [`Look`] made of a function.
pub(super) struct Glance<T, F> {
    work: F,
    outcome: Option<Result<T, LedgerError>>,
    reply: oneshot::Sender<Result<T, LedgerError>>,
    /// Its place in the queue, given up with the answer.
    _permit: OwnedSemaphorePermit,
}

impl<T, F> Glance<T, F> {
    /// A look that runs `work`.
    pub(super) fn new(
        work: F,
        reply: oneshot::Sender<Result<T, LedgerError>>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self { work, outcome: None, reply, _permit: permit }
    }
}

impl<T, F> Look for Glance<T, F>
where
    T: Send,
    F: Fn(&mut Sight<'_>) -> Result<T, LedgerError> + Send,
{
    fn see(&mut self, mut sight: Sight<'_>) -> bool {
        let outcome = (self.work)(&mut sight);
        let sound = !matches!(outcome, Err(LedgerError::Store(_)));
        self.outcome = Some(outcome);
        sound
    }

    fn fail(&mut self, error: LedgerError) {
        self.outcome = Some(Err(error));
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            let _gone = self.reply.send(outcome);
        }
    }
}

/// The state of the reading thread.
pub(super) struct Reader {
    /// Where the ledger is.
    pub(super) backend: Arc<dyn Backend>,
    /// Where the time comes from.
    pub(super) clock: Clock,
}

impl Reader {
    /// Serves until the last handle of the ledger is dropped. A look begins after the request
    /// arrived, so it shows everything that was acknowledged before.
    pub(super) fn run(self, inbox: &Receiver<Box<dyn Look>>) {
        let mut kept: Option<Box<dyn View>> = None;
        for mut look in inbox {
            let again = kept.is_some();
            kept = self.show(kept, look.as_mut());
            // A connection that was lost while it was idle: nothing was seen yet.
            if again && kept.as_ref().is_some_and(|view| view.lost()) {
                kept = self.show(None, look.as_mut());
            }
            kept = kept.filter(|view| !view.lost());
            look.answer();
        }
    }

    fn show(&self, kept: Option<Box<dyn View>>, look: &mut dyn Look) -> Option<Box<dyn View>> {
        let mut view = match kept.map_or_else(|| self.backend.view(), Ok) {
            Ok(view) => view,
            Err(error) => {
                look.fail(error);
                return None;
            }
        };
        let sound = look.see(Sight { view: view.as_mut(), wall: self.clock.now() });
        // One that was lost is handed back, to be told from one that failed otherwise.
        (sound || view.lost()).then_some(view)
    }
}
