//! The audit as it is read: events, and charges as records among them.

use std::cmp::Reverse;

use serde_json::json;

use super::event::{AuditCursor, AuditFilter, AuditRecord, Via};
use super::shown::ChargeShown;
use super::store::{EventRow, View};
use super::types::{LedgerError, State};
use crate::clock::Millis;

/// The kind of the record that a charge is.
const QUERY: &str = "query";

/// After all records.
pub(super) const END: AuditCursor =
    AuditCursor { at: Millis(i64::MAX), is_event: true, id: i64::MAX };

/// The latest records before a place.
pub(super) fn records(
    view: &mut dyn View,
    filter: &AuditFilter,
    before: Option<AuditCursor>,
    count_max: u32,
) -> Result<Vec<AuditRecord>, LedgerError> {
    let before = before.unwrap_or(END);
    let with_charges = filter.kind.as_deref().is_none_or(|kind| kind == QUERY);
    let mut records = Vec::new();
    if with_charges {
        let charges = view.charges_by_time(filter, None, before, count_max)?;
        records.extend(charges.into_iter().map(of_charge));
    }
    let events = view.events_by_time(filter, before, count_max)?;
    records.extend(events.into_iter().map(of_event));
    records.sort_by_key(|record| Reverse(record.cursor));
    records.truncate(usize::try_from(count_max).unwrap_or(usize::MAX));
    Ok(records)
}

fn of_event(event: EventRow) -> AuditRecord {
    let EventRow { id, at, who, via, kind, object, detail, why, .. } = event;
    let cursor = AuditCursor { at, is_event: true, id };
    AuditRecord { cursor, at, who, via, kind, object, detail, why }
}

fn of_charge(charge: ChargeShown) -> AuditRecord {
    let state = match charge.state {
        State::Pending => "pending",
        State::Posted => "spent",
        State::Voided => "given_back",
    };
    let detail = json!({
        "charge": charge.id,
        "state": state,
        "leaves": charge.questions.len(),
        "rho": charge.rho.to_string(),
        "epsilon": charge.epsilon.as_ref().map(ToString::to_string),
        "delta": charge.delta.to_string(),
        "accounts": charge.accounts,
    });
    AuditRecord {
        cursor: AuditCursor { at: charge.at, is_event: false, id: charge.id },
        at: charge.at,
        who: charge.analyst,
        via: Via::Proxy.name().to_owned(),
        kind: QUERY.to_owned(),
        object: charge.query.to_string(),
        detail: detail.to_string(),
        why: String::new(),
    }
}
