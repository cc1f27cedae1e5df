//! Whether a ledger is as it was written: every generation is made again from the rows that there
//! are, and what was spent and decided is held against them.
//!
//! It shows what was changed, added or taken away by other hands than noisegate's. Whoever can write
//! all of the store could also make all digests anew; the note of the last generation that is kept
//! outside, and copies of the export, are for that.

use std::collections::BTreeSet;

use serde_json::Value;

use super::accounts::Stored;
use super::chain::{self, Head, Link, MadeOf};
use super::event::VOID;
use super::office::as_json;
use super::reader::Sight;
use super::store::{Changes, EventRow, Page, Sum, View, WholeCharge};
use super::types::LedgerError;
use super::{AuditCursor, AuditFilter, Verified};
use crate::clock::Millis;

/// How often a sum that differs is looked at again: somebody may have charged in between.
const LOOKS: usize = 5;
/// How many ids are read in one step.
const IDS_MAX: i64 = 1000;

/// Holds everything against the chain.
pub(super) fn all(sight: &mut Sight<'_>, keep_ms: u64) -> Result<Verified, LedgerError> {
    let keep_ms = i64::try_from(keep_ms).unwrap_or(i64::MAX);
    let forgotten = Millis(sight.wall.0.saturating_sub(keep_ms));
    let view = &mut *sight.view;
    let meta = view.meta()?;
    let (ledger, last) = (meta.ledger, meta.link.generation);
    let mut verified = Verified { generations: 0, records: 0, broken: None };
    let mut walk =
        Walk { charges: Rows::new(), events: Rows::new(), ledger, before: None, forgotten };
    let mut after = -1;
    'chain: while after < last {
        let links = view.page(Page::Links(after))?.links;
        let Some(end) = links.last().map(|link| link.generation) else { break };
        for link in links.into_iter().take_while(|link| link.generation <= last) {
            let generation = link.generation;
            match walk.step(view, link)? {
                Ok(records) => {
                    verified.generations += 1;
                    verified.records += records;
                }
                Err(what) => {
                    verified.broken = Some(format!("generation {generation}: {what}"));
                    break 'chain;
                }
            }
        }
        after = end;
    }
    if verified.broken.is_none() && after < last {
        verified.broken = Some(format!("generation {}: it is missing", after + 1));
    }
    if verified.broken.is_none() {
        verified.broken = voided(view)?;
    }
    if verified.broken.is_none() {
        verified.broken = accounts(view)?;
    }
    Ok(verified)
}

/// Rows that are read page by page, and handed out up to an id.
struct Rows<T> {
    page: std::collections::VecDeque<T>,
    after: i64,
}

impl<T> Rows<T> {
    fn new() -> Self {
        Self { page: std::collections::VecDeque::new(), after: 0 }
    }

    /// The next row if its id is at most `last`.
    fn next(
        &mut self,
        last: i64,
        id: fn(&T) -> i64,
        mut read: impl FnMut(i64) -> Result<Vec<T>, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        if self.page.is_empty() && self.after < last {
            self.page = read(self.after)?.into();
            if let Some(end) = self.page.back() {
                self.after = id(end);
            }
        }
        Ok(if self.page.front().is_some_and(|row| id(row) <= last) {
            self.page.pop_front()
        } else {
            None
        })
    }
}

/// The way along the chain.
struct Walk {
    charges: Rows<WholeCharge>,
    events: Rows<EventRow>,
    ledger: [u8; 16],
    before: Option<(Head, Option<MadeOf>, i64)>,
    forgotten: Millis,
}

impl Walk {
    /// One generation: how many records are in it, or what is wrong with it.
    fn step(
        &mut self,
        view: &mut dyn View,
        link: Link,
    ) -> Result<Result<i64, String>, LedgerError> {
        let Some((before, earlier, generation)) = self.before else {
            if link.generation != 0 || link.head != chain::first_head(self.ledger) {
                return Ok(Err("it is not the first one of this ledger".to_owned()));
            }
            self.before = Some((link.head, link.made_of, link.generation));
            return Ok(Ok(0));
        };
        if link.generation != generation + 1 {
            return Ok(Err(format!("generation {} is missing", generation + 1)));
        }
        let Some(made_of) = link.made_of else {
            // Made by an older version: it is taken as it is, as long as nothing newer came before.
            if earlier.is_some() {
                return Ok(Err("it does not say what it is made of".to_owned()));
            }
            self.before = Some((link.head, None, link.generation));
            return Ok(Ok(0));
        };
        let mut charges = Vec::new();
        let first_charge = match earlier {
            Some(earlier) => earlier.last_charge + 1,
            None => made_of.last_charge + 1,
        };
        // Charges of older versions are taken as they are.
        let mut take = |charge| charges.extend(earlier.map(|_| charge));
        self.charges_to(view, made_of.last_charge, &mut take)?;
        if let Some(what) =
            contiguous(charges.iter().map(|c| c.row.id), first_charge, made_of.last_charge)
        {
            return Ok(Err(format!("charge {what} is missing")));
        }
        let events = self.events_to(view, made_of.last_event)?;
        let count = charges.len().saturating_add(events.len());
        if let Some(what) =
            self.events_differ(&events, earlier.map_or(0, |e| e.last_event), &made_of)
        {
            return Ok(Err(what));
        }
        let head = chain::head(
            &before,
            link.generation,
            &made_of,
            &chain::charges(&charges),
            link.note.as_deref(),
        );
        if head != link.head {
            let what = match (charges.first(), charges.last()) {
                (Some(first), Some(last)) => {
                    format!("its digest does not fit charges {} to {}", first.row.id, last.row.id)
                }
                _ => "its digest does not fit what it says".to_owned(),
            };
            return Ok(Err(what));
        }
        self.before = Some((link.head, link.made_of, link.generation));
        Ok(Ok(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    fn charges_to(
        &mut self,
        view: &mut dyn View,
        last: i64,
        take: &mut dyn FnMut(WholeCharge),
    ) -> Result<(), LedgerError> {
        let id = |charge: &WholeCharge| charge.row.id;
        while let Some(charge) = self.charges.next(last, id, |after| page_charges(view, after))? {
            take(charge);
        }
        Ok(())
    }

    fn events_to(&mut self, view: &mut dyn View, last: i64) -> Result<Vec<EventRow>, LedgerError> {
        let mut events = Vec::new();
        let read = |view: &mut dyn View, after| Ok(view.page(Page::Events(after))?.events);
        while let Some(event) =
            self.events.next(last, |event| event.id, |after| read(view, after))?
        {
            events.push(event);
        }
        Ok(events)
    }

    /// Events that are all there must have their digest; of those that are older than they are kept,
    /// some may be gone.
    fn events_differ(&self, events: &[EventRow], before: i64, made_of: &MadeOf) -> Option<String> {
        let ids = events.iter().map(|event| event.id);
        let missing = contiguous(ids, before + 1, made_of.last_event);
        match missing {
            None if chain::events(events) == made_of.events => None,
            None => {
                let first = events.first().map_or(made_of.last_event, |event| event.id);
                Some(format!("event {first}, or one up to {}, was changed", made_of.last_event))
            }
            Some(_) if made_of.mark < self.forgotten => None,
            Some(id) => Some(format!("event {id} is missing")),
        }
    }
}

fn page_charges(view: &mut dyn View, after: i64) -> Result<Vec<WholeCharge>, LedgerError> {
    Ok(view.page(Page::Charges(after))?.charges)
}

/// The first number that is missing.
fn contiguous(ids: impl Iterator<Item = i64>, first: i64, last: i64) -> Option<i64> {
    let mut expected = first;
    for id in ids {
        if id != expected {
            return Some(expected);
        }
        expected += 1;
    }
    (expected <= last).then_some(expected)
}

/// A charge that was given back without a record.
fn voided(view: &mut dyn View) -> Result<Option<String>, LedgerError> {
    let mut recorded: BTreeSet<i64> = BTreeSet::new();
    let mut page = Page::Events(0);
    loop {
        let events = view.page(page)?.events;
        let Some(last) = events.last().map(|event| event.id) else { break };
        let voids = events.iter().filter(|event| event.kind == VOID);
        recorded.extend(voids.filter_map(|event| event.object.parse::<i64>().ok()));
        page = Page::Events(last);
    }
    // Those of older versions have no record.
    let first = first_recorded(view)?;
    let mut after = first;
    loop {
        let voided = view.voided(after, IDS_MAX)?;
        let Some(last) = voided.last() else { return Ok(None) };
        if let Some(charge) = voided.iter().find(|charge| !recorded.contains(charge)) {
            return Ok(Some(format!(
                "charge {charge}: it was given back, and nothing says by whom"
            )));
        }
        after = *last;
    }
}

/// The last charge that was made before there were records.
fn first_recorded(view: &mut dyn View) -> Result<i64, LedgerError> {
    let mut after = -1;
    loop {
        let links = view.page(Page::Links(after))?.links;
        let Some(last) = links.last().map(|link| link.generation) else { return Ok(i64::MAX) };
        if let Some(first) = links.iter().find_map(|link| link.made_of) {
            return Ok(first.last_charge);
        }
        after = last;
    }
}

/// An account whose row is not what its debits and records say.
fn accounts(view: &mut dyn View) -> Result<Option<String>, LedgerError> {
    let mut after = String::new();
    loop {
        let Changes { accounts, controls, .. } = view.page(Page::Accounts(after))?;
        let Some(last) = accounts.keys().next_back().cloned() else { return Ok(None) };
        for id in accounts.keys() {
            if !sums_hold(view, id)? {
                return Ok(Some(format!("account {id}: its sum is not that of its debits")));
            }
            if controls.contains_key(id) && !control_holds(view, id)? {
                return Ok(Some(format!("account {id}: it is not as the last decision left it")));
            }
        }
        after = last;
    }
}

fn row(view: &mut dyn View, id: &str) -> Result<Option<Stored>, LedgerError> {
    let (_, mut stored) = view.stored(&[id.to_owned()])?;
    Ok(stored.remove(id))
}

fn sums_hold(view: &mut dyn View, id: &str) -> Result<bool, LedgerError> {
    for _ in 0..LOOKS {
        let Some(Stored { spent, .. }) = row(view, id)? else { return Ok(false) };
        let sums = view.sums(&[(id.to_owned(), spent.start_ms)])?;
        view.end()?;
        // A row that no charge has touched has a window that is nobody's.
        let untouched = spent.sum == Sum::default() && spent.start_ms == 1;
        if untouched || sums.first() == Some(&spent.sum) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn control_holds(view: &mut dyn View, id: &str) -> Result<bool, LedgerError> {
    for _ in 0..LOOKS {
        let stored = row(view, id)?;
        view.end()?;
        let filter = AuditFilter {
            kind: Some("account".to_owned()),
            object: Some(id.to_owned()),
            ..AuditFilter::default()
        };
        let end = AuditCursor { at: Millis(i64::MAX), is_event: true, id: i64::MAX };
        // The latest by number: the clock may have been set back in between.
        let events = view.events_by_time(&filter, end, 1000)?;
        let Some(latest) = events.into_iter().max_by_key(|event| event.id) else {
            // Forgotten with its time.
            return Ok(true);
        };
        let said: Value = serde_json::from_str(&latest.detail).unwrap_or(Value::Null);
        if stored.is_some_and(|row| said.get("control") == Some(&as_json(&row.control))) {
            return Ok(true);
        }
    }
    Ok(false)
}
