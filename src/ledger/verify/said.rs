//! What the events say: what was given back, what was decided, what was forgotten.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::event::{FORGET, VOID, decides};
use super::super::store::{Changes, EventRow, Page, Sum, View};
use super::super::types::LedgerError;
use super::super::{AuditCursor, AuditFilter, Control};
use crate::clock::Millis;

/// How often something that differs is looked at again: somebody may have written in between.
const LOOKS: usize = 5;

/// What the events up to one of them say.
#[derive(Default)]
pub(super) struct Said {
    /// The charges that were given back.
    pub(super) voids: BTreeSet<i64>,
    /// Events from before then may be forgotten.
    pub(super) forgotten: Option<Millis>,
    /// What was decided last, by account.
    decisions: BTreeMap<String, Value>,
}

impl Said {
    pub(super) fn read(view: &mut dyn View, last: i64) -> Result<Self, LedgerError> {
        let mut said = Self::default();
        let mut after = 0;
        loop {
            let events = view.page(Page::Events(after))?.events;
            let Some(end) = events.last().map(|event| event.id) else { return Ok(said) };
            for event in events.into_iter().filter(|event| event.id <= last) {
                said.hear(event);
            }
            if end >= last {
                return Ok(said);
            }
            after = end;
        }
    }

    fn hear(&mut self, event: EventRow) {
        let detail = || serde_json::from_str::<Value>(&event.detail).unwrap_or(Value::Null);
        if event.kind == VOID {
            self.voids.extend(event.object.parse::<i64>());
        } else if event.kind == FORGET {
            let before = detail().get("before").and_then(Value::as_i64).map(Millis);
            self.forgotten = self.forgotten.max(before);
        } else if decides(&event.kind)
            && let Some(control) = detail().get("control")
        {
            self.decisions.insert(event.object.clone(), control.clone());
        }
    }

    /// An account whose row is not what its debits and the decisions say.
    pub(super) fn accounts(&self, view: &mut dyn View) -> Result<Option<String>, LedgerError> {
        let mut after = String::new();
        loop {
            let Changes { accounts, .. } = view.page(Page::Accounts(after))?;
            let Some(last) = accounts.keys().next_back().cloned() else { break };
            for id in accounts.keys() {
                if !sum_holds(view, id)? {
                    return Ok(Some(format!("account {id}: its sum is not that of its debits")));
                }
            }
            after = last;
        }
        let controls = view.controls()?;
        let accounts: BTreeSet<&String> = controls.keys().chain(self.decisions.keys()).collect();
        for id in accounts {
            let control = controls.get(id).cloned().unwrap_or_default();
            let undecided = Control::default().as_json();
            let said = self.decisions.get(id).unwrap_or(&undecided);
            if *said != control.as_json() && !decided_since(view, id)? {
                return Ok(Some(format!("account {id}: it is not as the last decision left it")));
            }
        }
        Ok(None)
    }
}

/// Whether the row of an account has the sum of its debits.
fn sum_holds(view: &mut dyn View, id: &str) -> Result<bool, LedgerError> {
    for _ in 0..LOOKS {
        let (_, mut stored) = view.stored(&[id.to_owned()])?;
        let Some(spent) = stored.remove(id).map(|row| row.spent) else {
            view.end()?;
            return Ok(false);
        };
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

/// Whether an account is as the very last decision left it, which may have been made in between.
fn decided_since(view: &mut dyn View, id: &str) -> Result<bool, LedgerError> {
    for _ in 0..LOOKS {
        let control = view.controls()?.remove(id).unwrap_or_default();
        let filter = AuditFilter {
            kind: Some("account".to_owned()),
            object: Some(id.to_owned()),
            ..AuditFilter::default()
        };
        let end = AuditCursor { at: Millis(i64::MAX), is_event: true, id: i64::MAX };
        let last = view.meta()?.last_event;
        let events = view.events_by_time(&filter, end, 1000)?;
        let latest = events.into_iter().filter(|event| event.id <= last).max_by_key(|e| e.id);
        let said = latest.and_then(|event| serde_json::from_str::<Value>(&event.detail).ok());
        if said.is_some_and(|said| said.get("control") == Some(&control.as_json())) {
            return Ok(true);
        }
    }
    Ok(false)
}
