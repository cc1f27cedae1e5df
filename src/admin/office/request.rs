//! Who asks for a change and why, and which time a question is about.

use noisegate_privacy::budget::{Amount, Epsilon};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::OfficeError;
use crate::admin::shown;
use crate::clock::Millis;
use crate::ledger::{Event, RequestKey, Via};

const WHY_CHARS_MAX: usize = 500;
const NUMBER_BYTES_MAX: usize = 50;
/// More than any budget that says anything.
const EPSILON_MAX: &str = "1000000000";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// A name as it logs in, or `token:` and the name of a token.
    pub who: String,
    /// By which way.
    pub via: Via,
}

/// A change that is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who asks.
    pub actor: Actor,
    /// Why; not empty.
    pub why: String,
    /// Only if this is the version that holds.
    pub expected: Option<i64>,
    /// What makes the request known when it comes again.
    pub key: Option<RequestKey>,
}

impl Order {
    /// The record of it.
    pub(super) fn event(
        &self,
        kind: &'static str,
        object: &str,
        detail: &serde_json::Value,
    ) -> Result<Event, OfficeError> {
        Ok(Event {
            who: self.actor.who.clone(),
            via: self.actor.via,
            kind,
            object: object.to_owned(),
            detail: detail.to_string(),
            why: why(&self.why)?,
        })
    }
}

/// A reason has to be there, and be one line.
fn why(text: &str) -> Result<String, OfficeError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(OfficeError::invalid("why", "is not there; say why in a sentence"));
    }
    if text.chars().count() > WHY_CHARS_MAX {
        return Err(OfficeError::invalid("why", format!("is at most {WHY_CHARS_MAX} characters")));
    }
    if text.contains(unseen) {
        let message = "is one line of text, without characters that cannot be seen";
        return Err(OfficeError::invalid("why", message));
    }
    Ok(text.to_owned())
}

/// Whether a character breaks a line, or changes how others look without being seen itself: with
/// these, one text on record looks like another.
pub(super) fn unseen(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    matches!(c.general_category(), Control | Format | LineSeparator | ParagraphSeparator)
}

/// An ε that somebody typed, in the ledger's units, and as it is put on record.
pub(super) fn epsilon(text: &str) -> Result<(Amount, String), OfficeError> {
    let wrong = |message: &str| OfficeError::invalid("epsilon", message);
    if text.len() > NUMBER_BYTES_MAX {
        return Err(wrong("is too long"));
    }
    let epsilon =
        Epsilon::parse(text).map_err(|_| wrong("is a decimal number above 0, as in 0.5"))?;
    let most = Epsilon::parse(EPSILON_MAX).map_err(|_| wrong("cannot be compared"))?;
    if epsilon > most {
        return Err(OfficeError::invalid("epsilon", format!("is at most {EPSILON_MAX}")));
    }
    Ok((epsilon.cost(), epsilon.to_string()))
}

/// A part of time, as it was written.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// From then on.
    pub from: Option<String>,
    /// Before then.
    pub to: Option<String>,
}

impl Span {
    /// Both ends, as far as they are given.
    pub(super) fn read(&self) -> Result<(Option<Millis>, Option<Millis>), OfficeError> {
        let read = |field: &'static str, text: &Option<String>| {
            let Some(text) = text else { return Ok(None) };
            let wrong = "is a time as in 2026-11-29T09:30:00Z, or a day as in 2026-11-29";
            let at = shown::instant(text).filter(|at| at.0 >= 0);
            at.map(Some).ok_or_else(|| OfficeError::invalid(field, wrong))
        };
        let (from, to) = (read("from", &self.from)?, read("to", &self.to)?);
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            return Err(OfficeError::invalid("from", "is not before to"));
        }
        Ok((from, to))
    }

    /// Both ends; the last `days` days if nothing is said.
    pub(super) fn last(&self, now: Millis, days: i64) -> Result<(Millis, Millis), OfficeError> {
        let (from, to) = self.read()?;
        // What happened in this very millisecond is in.
        let to = to.unwrap_or(Millis(now.0.saturating_add(1)));
        let from = from.unwrap_or(Millis(to.0.saturating_sub(days.saturating_mul(DAY_MS)).max(0)));
        if from >= to {
            return Err(OfficeError::invalid("from", "is not before to"));
        }
        Ok((from, to))
    }
}

/// The length of a day.
pub(super) const DAY_MS: i64 = 86_400_000;
/// The length of an hour.
pub(super) const HOUR_MS: i64 = 3_600_000;

/// Refuses a filter that nothing can match, for its length or for what the store cannot hold.
pub(super) fn filter(
    field: &'static str,
    text: Option<String>,
) -> Result<Option<String>, OfficeError> {
    match text {
        Some(text) if text.len() > 200 => Err(OfficeError::invalid(field, "is too long")),
        Some(text) if text.contains('\0') => Err(OfficeError::invalid(field, "holds a zero byte")),
        other => Ok(other.filter(|text| !text.is_empty())),
    }
}
