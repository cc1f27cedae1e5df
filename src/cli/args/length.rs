//! Lengths of time, as they are typed.

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// More than a century says nothing.
const HOURS_MAX: i64 = 1_000_000;

/// Hours, days or weeks, in milliseconds.
pub(in crate::cli) fn length(text: &str) -> Result<i64, String> {
    let wrong = || "a length of time is written as in 12h, 7d or 2w".to_owned();
    let (unit, hours) = match text.chars().last() {
        Some('h') => ('h', 1),
        Some('d') => ('d', 24),
        Some('w') => ('w', 24 * 7),
        _ => return Err(wrong()),
    };
    let number = text.strip_suffix(unit).filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    let number: i64 = number.and_then(|rest| rest.parse().ok()).ok_or_else(wrong)?;
    let hours = number.checked_mul(hours).filter(|hours| (1..=HOURS_MAX).contains(hours));
    Ok(hours.ok_or_else(|| format!("a length of time is from 1h to {HOURS_MAX}h"))? * HOUR_MS)
}

/// Whole days.
pub(in crate::cli) fn days(text: &str) -> Result<u32, String> {
    let ms = length(text)?;
    let days = u32::try_from(ms / DAY_MS).ok().filter(|_| ms % DAY_MS == 0);
    days.ok_or_else(|| "whole days are needed, as in 30d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read() {
        for (text, ms) in [("1h", HOUR_MS), ("7d", 7 * DAY_MS), ("2w", 14 * DAY_MS)] {
            assert_eq!(length(text), Ok(ms), "{text}");
        }
        for wrong in ["", "d", "7", "-1d", "+1d", "0d", "1m", "1.5d", "7 d", "1000001h", "é"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
        assert!(length("99999999999999999999d").is_err());
        assert_eq!((days("30d"), days("48h")), (Ok(30), Ok(2)));
        assert!(days("12h").is_err());
    }
}
