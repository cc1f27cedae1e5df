//! Along the chain: each generation is made again from its rows.

use std::collections::VecDeque;

use super::super::chain::{self, Head, Link, MadeOf};
use super::super::store::{EventRow, Page, View, WholeCharge};
use super::super::types::LedgerError;
use crate::clock::Millis;

/// Rows that are read page by page, and handed out up to an id.
struct Rows<T> {
    page: VecDeque<T>,
    after: i64,
}

impl<T> Rows<T> {
    fn new() -> Self {
        Self { page: VecDeque::new(), after: 0 }
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
pub(super) struct Walk {
    charges: Rows<WholeCharge>,
    events: Rows<EventRow>,
    ledger: [u8; 16],
    before: Option<(Head, Option<MadeOf>, i64)>,
    forgotten: Millis,
}

impl Walk {
    /// At the beginning of a ledger whose events from before a time may be forgotten.
    pub(super) fn new(ledger: [u8; 16], forgotten: Millis) -> Self {
        Self { charges: Rows::new(), events: Rows::new(), ledger, before: None, forgotten }
    }

    /// One generation: how many records are in it, or what is wrong with it.
    pub(super) fn step(
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
            // Made by an older version, as the first one that says it will have to tell.
            if earlier.is_some() {
                return Ok(Err("it does not say what it is made of".to_owned()));
            }
            self.before = Some((link.head, None, link.generation));
            return Ok(Ok(0));
        };
        let note = link.note.as_deref();
        if earlier.is_none() && !note.is_some_and(|note| note.starts_with(chain::BROUGHT)) {
            return Ok(Err("those before it do not say what they are made of".to_owned()));
        }
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
        let before_events = earlier.map_or(0, |earlier| earlier.last_event);
        if let Some(what) = self.events_differ(&events, before_events, &link, charges.len()) {
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
            let which = chain::unmarked(&link.marks, 0, &charges, chain::charge_mark);
            let named = which.and_then(|which| charges.get(which));
            let what = match (named, charges.first(), charges.last()) {
                (Some(charge), _, _) => format!("charge {} was changed", charge.row.id),
                (None, Some(first), Some(last)) => {
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

    /// Events that are all there must have their digest; those that are forgotten are forgotten with
    /// all of their generation.
    fn events_differ(
        &self,
        events: &[EventRow],
        before: i64,
        link: &Link,
        charges: usize,
    ) -> Option<String> {
        let made_of = link.made_of.as_ref()?;
        let last = made_of.last_event;
        let kept = link.note.as_ref().is_some_and(|note| note.ends_with(chain::KEPT));
        if events.is_empty() && last > before && made_of.mark < self.forgotten && !kept {
            return None;
        }
        // The marks of events come after those of charges.
        let unmarked = || chain::unmarked(&link.marks, charges, events, chain::event_mark);
        match contiguous(events.iter().map(|event| event.id), before + 1, last) {
            None if chain::events(events) == made_of.events => None,
            None => Some(match unmarked().and_then(|which| events.get(which)) {
                Some(event) => format!("event {} was changed", event.id),
                None => {
                    let first = events.first().map_or(last, |event| event.id);
                    format!("event {first}, or one up to {last}, was changed")
                }
            }),
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
