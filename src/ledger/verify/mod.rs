//! Whether a ledger is as it was written: every generation is made again from the rows that there
//! are, and what was spent and decided is held against them.
//!
//! It shows what was changed, added or taken away by other hands than noisegate's. Whoever can write
//! all of the store could also make all digests anew; the note of the last generation that is kept
//! outside, and copies of the export, are for that.

mod said;
mod walk;

use std::collections::BTreeSet;

use super::Verified;
use super::chain::Link;
use super::store::{Meta, Page, View};
use super::types::LedgerError;
use crate::clock::Millis;
use said::Said;
use walk::Walk;

/// How often something that differs is looked at again: somebody may have written in between.
const LOOKS: usize = 5;
/// How many ids are read in one step.
const IDS_MAX: i64 = 1000;

/// Holds everything against the chain.
pub(super) fn all(view: &mut dyn View) -> Result<Verified, LedgerError> {
    // Before the events: one that is given back after they were read is not missed in them.
    let voided = voided(view)?;
    let meta = view.meta()?;
    let said = Said::read(view, meta.last_event)?;
    let mut verified = Verified { generations: 0, records: 0, broken: None };
    let walked = walk(view, &meta, said.forgotten.unwrap_or(Millis(0)), &mut verified)?;
    let (first, last) = match walked {
        Ok(ends) => ends,
        Err(what) => {
            verified.broken = Some(what);
            return Ok(verified);
        }
    };
    let since = |charge: &&i64| **charge > first && !said.voids.contains(charge);
    let given_back = voided.iter().find(since);
    let given_back = given_back
        .map(|charge| format!("charge {charge}: it was given back, and nothing says by whom"));
    verified.broken = match given_back.or_else(|| meta_differs(&meta, &last)) {
        None => match beyond(view)? {
            None => said.accounts(view)?,
            what => what,
        },
        what => what,
    };
    Ok(verified)
}

/// The last charge that is taken as it is, and the last generation; or what is wrong.
fn walk(
    view: &mut dyn View,
    meta: &Meta,
    forgotten: Millis,
    verified: &mut Verified,
) -> Result<Result<(i64, Link), String>, LedgerError> {
    let mut walk = Walk::new(meta.ledger, forgotten);
    let (mut first, mut last): (Option<i64>, Option<Link>) = (None, None);
    let end = meta.link.generation;
    while last.as_ref().is_none_or(|last| last.generation < end) {
        let after = last.as_ref().map_or(-1, |last| last.generation);
        let links = view.page(Page::Links(after))?.links;
        if links.is_empty() {
            return Ok(Err(format!("generation {}: it is missing", after + 1)));
        }
        for link in links.into_iter().take_while(|link| link.generation <= end) {
            match walk.step(view, link.clone())? {
                Ok(records) => {
                    verified.generations += 1;
                    verified.records += records;
                }
                Err(what) => return Ok(Err(format!("generation {}: {what}", link.generation))),
            }
            first = first.or(link.made_of.map(|of| of.last_charge));
            last = Some(link);
        }
    }
    Ok(match (first, last) {
        (Some(first), Some(last)) => Ok((first, last)),
        _ => Err("no generation says what it is made of".to_owned()),
    })
}

/// The ledger's own row, against the last generation.
fn meta_differs(meta: &Meta, last: &Link) -> Option<String> {
    let holds = last.made_of.is_some_and(|of| {
        // The first generation is of no time.
        let mark = last.generation == 0 || of.mark == meta.mark;
        mark && of.last_charge == meta.last_charge && of.last_event == meta.last_event
    });
    let fits = holds && last.head == meta.link.head;
    (!fits).then(|| "the ledger's own row is not as the last generation left it".to_owned())
}

/// A charge or an event that no generation has.
fn beyond(view: &mut dyn View) -> Result<Option<String>, LedgerError> {
    let before = view.page(Page::Charges(i64::MIN))?.charges;
    if let Some(charge) = before.first().filter(|charge| charge.row.id < 1) {
        return Ok(Some(format!("charge {}: no generation has it", charge.row.id)));
    }
    let before = view.page(Page::Events(i64::MIN))?.events;
    if let Some(event) = before.first().filter(|event| event.id < 1) {
        return Ok(Some(format!("event {}: no generation has it", event.id)));
    }
    let mut found = None;
    for _ in 0..LOOKS {
        let Meta { last_charge, last_event, .. } = view.meta()?;
        let charges = view.page(Page::Charges(last_charge))?.charges;
        let events = view.page(Page::Events(last_event))?.events;
        found = match (charges.first(), events.first()) {
            (None, None) => return Ok(None),
            (Some(charge), _) => Some(format!("charge {}: no generation has it", charge.row.id)),
            (_, Some(event)) => Some(format!("event {}: no generation has it", event.id)),
        };
    }
    Ok(found)
}

/// All charges that were given back.
fn voided(view: &mut dyn View) -> Result<BTreeSet<i64>, LedgerError> {
    let mut all = BTreeSet::new();
    let mut after = i64::MIN;
    loop {
        let voided = view.voided(after, IDS_MAX)?;
        let Some(last) = voided.last() else { return Ok(all) };
        after = *last;
        all.extend(voided);
    }
}
