//! Times as people and programs read them: RFC 3339, in UTC, to the millisecond.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat};

use crate::clock::Millis;

/// A time as text; one that no calendar has is the first of 1970.
pub fn time(at: Millis) -> String {
    let at = DateTime::from_timestamp_millis(at.0).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The day of a time.
pub fn date(at: Millis) -> String {
    DateTime::from_timestamp_millis(at.0).unwrap_or_default().date_naive().to_string()
}

/// Reads a time, or a day, which is its first moment in UTC.
pub fn instant(text: &str) -> Option<Millis> {
    if text.len() > 40 {
        return None;
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Some(Millis(day.and_time(NaiveTime::MIN).and_utc().timestamp_millis()));
    }
    DateTime::parse_from_rfc3339(text).ok().map(|at| Millis(at.timestamp_millis()))
}
