//! Moving a ledger to another place, in whichever store: everything, exactly, with its chain.
//!
//! There must never be two ledgers that both can be charged. So the old one is marked as moved
//! before anything is copied, and loses the mark again only if the copy is known to have failed.

use std::thread;

use super::chain::Link;
use super::place::Place;
use super::seen::{self, Mark, Seen};
use super::store::{Changes, Counts, Loaded, Meta, Needs, Page, Store};
use super::types::LedgerError;
use crate::clock::Millis;

/// How many rows are read and written in one step.
pub(in crate::ledger) const PAGE_ROWS: i64 = 1000;
/// How many releases, which are larger.
pub(in crate::ledger) const PAGE_RELEASES: i64 = 32;

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Charges, each with its leaves and debits.
    pub charges: i64,
    /// Remembered releases.
    pub releases: i64,
    /// Users.
    pub users: i64,
    /// The generation that the ledger is at.
    pub generation: i64,
}

/// Copies a ledger to a place where there is none, or one in which nothing has happened yet. The
/// one that it is copied from cannot be opened any more.
pub fn copy(from: &Place, to: &Place, now: Millis) -> Result<Copied, LedgerError> {
    let (from, to) = (from.clone(), to.clone());
    // A store may need a runtime of its own, which cannot be inside another one.
    let copying = thread::Builder::new().name("ledger-copy".to_owned());
    let copying = copying.spawn(move || moved(&from, &to, now))?;
    copying.join().map_err(|_| LedgerError::Store("the copy ended early".to_owned()))?
}

fn moved(from: &Place, to: &Place, now: Millis) -> Result<Copied, LedgerError> {
    let label = to.to_string();
    if from.to_string() == label {
        return Err(LedgerError::Malformed("a ledger cannot be copied to where it is"));
    }
    let mut source = source(from, &label)?;
    let mut target = to.backend().open(now)?;
    let before = target.begin(&Needs::default(), None)?;
    let meta = &source.1.meta;
    if before.meta.ledger == meta.ledger && before.meta.link.head == meta.link.head {
        // An earlier copy got so far, and was not heard of again.
        let counts = target.counts()?;
        target.rollback()?;
        note(to, meta)?;
        left(from, meta)?;
        return Ok(copied(counts, meta));
    }
    if !is_new(&target.counts()?) || before.meta.moved.is_some() {
        return Err(LedgerError::NotEmpty(label));
    }
    source.0.mark_moved(Some(&label))?;
    let counts = match fill(source.0.as_mut(), target.as_mut(), meta) {
        Ok(counts) => counts,
        Err(error) => {
            // Nothing was committed there, so here it goes on. The target's lock is kept until then:
            // another copy could fill it while this one is charged again.
            source.0.begin(&Needs::default(), None)?;
            source.0.mark_moved(None)?;
            drop(target);
            return Err(error);
        }
    };
    // Acknowledged or not: from here on only the target may be charged. Run again, the copy finds
    // out which it was.
    target.commit(&Changes::default())?;
    note(to, meta)?;
    left(from, meta)?;
    Ok(copied(counts, meta))
}

/// The ledger to copy, locked: not an older one than was last seen, and not moved elsewhere.
fn source(from: &Place, label: &str) -> Result<(Box<dyn Store>, Loaded), LedgerError> {
    let backend = from.backend();
    if !backend.exists()? {
        return Err(LedgerError::Store(format!("there is no ledger at {from}")));
    }
    let seen = from.seen().map(seen::read).transpose()?.flatten();
    // Opened like any other, so that one of an older version is brought up to date.
    let mut store = backend.open(Millis(0))?;
    let loaded = store.begin(&Needs::default(), seen.map(|mark| mark.generation))?;
    if let Some(to) = loaded.meta.moved.as_ref().filter(|to| *to != label) {
        return Err(LedgerError::Moved(to.clone()));
    }
    // One that a copy has left is the one that was seen, and nothing of it comes after.
    if let Some(seen) = seen.filter(|_| loaded.meta.moved.is_none()) {
        seen.check(&loaded).map_err(LedgerError::Restored)?;
    }
    Ok((store, loaded))
}

/// Whether nothing has happened in a ledger yet.
fn is_new(counts: &Counts) -> bool {
    *counts == Counts { links: counts.links.min(1), ..Counts::default() }
}

/// Writes everything into the target, and compares; the caller commits. The source was marked, so
/// it does not change.
fn fill(
    source: &mut dyn Store,
    target: &mut dyn Store,
    meta: &Meta,
) -> Result<Counts, LedgerError> {
    target.take_identity(meta)?;
    let mut next = Page::Charges(0);
    loop {
        let page = source.page(next.clone())?;
        if !page.is_empty() {
            target.write(&page)?;
        }
        match after(&next, &page) {
            Some(page) => next = page,
            None => break,
        }
    }
    let (there, here) = (target.counts()?, source.counts()?);
    let last = target.page(Page::Links(meta.link.generation.saturating_sub(1)))?;
    let same = |link: &Link| (link.generation, link.head) == (meta.link.generation, meta.link.head);
    if there != here || !last.links.last().is_some_and(same) {
        return Err(LedgerError::Store("the copy is not like the original".to_owned()));
    }
    Ok(there)
}

/// The page to read after one.
fn after(page: &Page, read: &Changes) -> Option<Page> {
    Some(match page {
        Page::Charges(_) => match read.charges.last() {
            Some(last) => Page::Charges(last.row.id),
            None => Page::Accounts(String::new()),
        },
        Page::Accounts(_) => match read.accounts.last_key_value() {
            Some((last, _)) => Page::Accounts(last.clone()),
            None => Page::Releases(0),
        },
        Page::Releases(_) => match read.releases.last() {
            Some(last) => Page::Releases(last.id),
            None => Page::Users(String::new()),
        },
        Page::Users(_) => match read.users.last_key_value() {
            Some((last, _)) => Page::Users(last.clone()),
            None => Page::Tokens(String::new()),
        },
        Page::Tokens(_) => match read.tokens.last_key_value() {
            Some((last, _)) => Page::Tokens(last.clone()),
            None => Page::Events(0),
        },
        Page::Events(_) => match read.events.last() {
            Some(last) => Page::Events(last.id),
            None => Page::Links(-1),
        },
        Page::Links(_) => Page::Links(read.links.last()?.generation),
    })
}

/// Whatever was seen at the target before, this is what is there now.
fn note(to: &Place, meta: &Meta) -> Result<(), LedgerError> {
    let Some(path) = to.seen() else { return Ok(()) };
    Seen::begin(path, &Mark::new(meta.ledger, &meta.link)).map(drop)
}

/// Notes at the source that it went on elsewhere: a copy of it from before, put back in its place,
/// is not marked as moved, and would be charged as if nothing had been spent since.
fn left(from: &Place, meta: &Meta) -> Result<(), LedgerError> {
    let Some(path) = from.seen() else { return Ok(()) };
    let generation = meta.link.generation.saturating_add(1);
    let mark = Mark { ledger: meta.ledger, generation, head: [0; 32] };
    Seen::begin(path, &mark).map(drop)
}

fn copied(counts: Counts, meta: &Meta) -> Copied {
    let Counts { charges, releases, users, .. } = counts;
    Copied { charges, releases, users, generation: meta.link.generation }
}
