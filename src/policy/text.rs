//! The small languages inside the file's strings: decimals, dates, durations, names.

use std::cmp::Ordering;

/// The longest number the file may hold, in characters.
const LONGEST_NUMBER: usize = 64;
/// The largest power of ten that a number may name.
const LARGEST_POWER: i32 = 100;

/// A decimal number, exact: `0.<digits> × 10^power`.
/// Budgets and bounds are compared in this form and handed on as text, so no float ever holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// Without leading and trailing zeros; empty for zero.
    digits: String,
    power: i32,
}

impl Decimal {
    /// Reads `-12.5e-3` and the like; nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST_NUMBER {
            return None;
        }
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        if exponent.abs() > LARGEST_POWER {
            return None;
        }
        let power = i32::try_from(whole.len()).ok()? + exponent;
        Some(Self::normal(negative, &format!("{whole}{fraction}"), power))
    }

    fn normal(negative: bool, digits: &str, power: i32) -> Self {
        let significant = digits.trim_start_matches('0');
        let leading = i32::try_from(digits.len() - significant.len()).unwrap_or(i32::MAX);
        let digits = significant.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Self { negative: false, digits, power: 0 };
        }
        Self { negative, digits, power: power.saturating_sub(leading) }
    }

    pub(super) fn is_positive(&self) -> bool {
        !self.negative && !self.digits.is_empty()
    }

    /// Whether the number has no fraction.
    pub(super) fn is_whole(&self) -> bool {
        i64::from(self.power) >= i64::try_from(self.digits.len()).unwrap_or(i64::MAX)
    }

    /// The number times a count, by the method of school.
    pub(super) fn times(&self, count: u64) -> Self {
        let mut carry: u128 = 0;
        let mut reversed = Vec::new();
        for digit in self.digits.bytes().rev() {
            carry += u128::from(digit - b'0') * u128::from(count);
            reversed.push(last_digit(carry));
            carry /= 10;
        }
        let mut power = self.power;
        while carry > 0 {
            reversed.push(last_digit(carry));
            carry /= 10;
            power += 1;
        }
        let digits: String = reversed.into_iter().rev().collect();
        Self::normal(self.negative, &digits, power)
    }
}

fn last_digit(number: u128) -> char {
    u32::try_from(number % 10).ok().and_then(|digit| char::from_digit(digit, 10)).unwrap_or('0')
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |d: &Self| match (d.negative, d.digits.is_empty()) {
            (_, true) => 0,
            (true, false) => -1,
            (false, false) => 1,
        };
        let magnitude =
            || self.power.cmp(&other.power).then_with(|| self.digits.cmp(&other.digits));
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => magnitude(),
            _ => magnitude().reverse(),
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What a bound can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Number(Decimal),
    /// A day, or a day and a time of it: fields from year down to microsecond.
    Moment([u32; 7]),
}

impl Bound {
    pub(super) fn parse(text: &str) -> Option<Self> {
        moment(text).map(Self::Moment).or_else(|| Decimal::parse(text).map(Self::Number))
    }

    /// How two bounds lie to each other; nothing if one is a number and one a day.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => Some(a.cmp(b)),
            (Self::Moment(a), Self::Moment(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// `2020-01-31`, `2020-01-31 23:59:59` or with `T` between, up to microseconds, without a zone.
fn moment(text: &str) -> Option<[u32; 7]> {
    let (day, time) = match text.split_once([' ', 'T']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let [year, month, of_month] = fields(day, '-', [4, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    };
    if year == 0 || !(1..=12).contains(&month) || !(1..=longest).contains(&of_month) {
        return None;
    }
    let Some(time) = time else { return Some([year, month, of_month, 0, 0, 0, 0]) };
    let (clock, fraction) = match time.split_once('.') {
        Some((clock, fraction)) if (1..=6).contains(&fraction.len()) => (clock, fraction),
        Some(_) => return None,
        None => (time, "0"),
    };
    let [hour, minute, second] = fields(clock, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let micros = format!("{fraction:0<6}").parse().ok()?;
    Some([year, month, of_month, hour, minute, second, micros])
}

fn fields(text: &str, separator: char, widths: [usize; 3]) -> Option<[u32; 3]> {
    let mut parts = text.split(separator);
    let mut read = [0; 3];
    for (slot, width) in read.iter_mut().zip(widths) {
        let part =
            parts.next().filter(|p| p.len() == width && p.bytes().all(|b| b.is_ascii_digit()))?;
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(read)
}

/// Milliseconds of `100ms`, `60s`, `5m`, `1h`, `30d`, `2w`; more than zero and less than 100 years.
pub(super) fn duration_ms(text: &str) -> Option<u64> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at_checked(at)?;
    let each: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    let total = count.parse::<u64>().ok()?.checked_mul(each)?;
    (1..=36_525 * 86_400_000).contains(&total).then_some(total)
}

/// Names of roles, teams and budgets: they become parts of account names, so they hold no `/`.
pub fn is_short_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Names of analysts, as they log in: an address is one too.
pub(super) fn is_analyst_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':'))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn decimals_compare_exactly() {
        let rising = [
            "-1e24",
            "-2",
            "-0.5",
            "-1e-7",
            "0",
            "1e-100",
            "1e-7",
            "0.00000011",
            "0.1",
            "0.10000000000000000001",
            "3.0",
            "20",
            "1e24",
        ];
        for pair in rising.windows(2) {
            let [a, b] = pair else { continue };
            assert!(decimal(a) < decimal(b), "{a} < {b}");
        }
        assert_eq!(decimal("3.0"), decimal("3"));
        assert_eq!(decimal("1e-7"), decimal("0.0000001"));
        assert_eq!(decimal("-0.0"), decimal("0"));
    }

    #[test]
    fn what_is_no_decimal() {
        for text in
            ["", "-", ".5", "5.", "1e", "1e1e1", "nan", "inf", "0x10", "1_000", "+1", "1e101", " 1"]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::parse(&"1".repeat(65)), None);
    }

    #[test]
    fn decimals_multiply() {
        assert_eq!(decimal("1e-7").times(10_000_000), decimal("1"));
        assert_eq!(decimal("0.125").times(u64::MAX), decimal("2305843009213693951.875"));
        assert_eq!(decimal("0").times(7), decimal("0"));
        assert_eq!(decimal("5").times(0), decimal("0"));
    }

    #[test]
    fn bounds_are_numbers_or_days() {
        let compare =
            |a: &str, b: &str| Bound::parse(a).unwrap().compare(&Bound::parse(b).unwrap());
        assert_eq!(compare("1992-01-01", "1998-12-31"), Some(Ordering::Less));
        assert_eq!(compare("2020-01-01", "2020-01-01 00:00:00.5"), Some(Ordering::Less));
        assert_eq!(compare("1", "1998-12-31"), None);
        for text in
            ["2021-02-29", "2020-13-01", "2020-1-1", "0000-01-01", "2020-01-01 24:00:00", "x"]
        {
            assert_eq!(Bound::parse(text), None, "{text}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration_ms("100ms"), Some(100));
        assert_eq!(duration_ms("30d"), Some(2_592_000_000));
        for text in ["", "d", "0s", "-1s", "1 s", "1y", "99999999999999999999d", "60"] {
            assert_eq!(duration_ms(text), None, "{text}");
        }
    }
}
