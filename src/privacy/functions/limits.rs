//! What a constant has to be, so that no function fails over it when the first row comes.

use dashu::integer::IBig;
use dashu::rational::RBig;

use crate::range::parse_decimal;

/// The longest constant text, in bytes.
const TEXT_BYTES: usize = 1_000;
/// The longest pattern or format.
const PATTERN_BYTES: usize = 200;
/// How many single characters a pattern may come to, with its repetitions written out.
const PATTERN_SIZE: u32 = 500;
/// The most elements of an array.
const ELEMENTS: usize = 1_000;

/// What a constant has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Anything of its type.
    Any,
    /// A whole number between these.
    Whole(i64, i64),
    /// A decimal number between these with at most ten places.
    Number(i64, i64),
    /// A text of at most a thousand bytes.
    Short,
    /// The same, and not empty.
    Filled,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A pattern that any engine of regular expressions compiles and runs in one pass.
    Pattern,
    /// A format of dates that depends on no language.
    DateFormat,
    /// A format of numbers of digits and separators.
    NumberFormat,
    /// What can be the name of a time zone; whether it is one is asked once, before any row.
    Zone,
    /// A positive interval of weeks, days, hours, minutes and seconds.
    Stride,
    /// An array of at most a thousand elements, none of them NULL.
    Elements,
}

impl Limit {
    /// Whether a constant is that.
    pub fn holds(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Whole(low, high) => {
                text.parse::<i64>().is_ok_and(|value| (*low..=*high).contains(&value))
            }
            Self::Number(low, high) => is_between(text, *low, *high),
            Self::Short => text.len() <= TEXT_BYTES,
            Self::Filled => !text.is_empty() && text.len() <= TEXT_BYTES,
            Self::OneOf(words) => words.contains(&text.to_ascii_lowercase().as_str()),
            Self::Pattern => text.len() <= PATTERN_BYTES && is_pattern(text),
            Self::DateFormat => is_date_format(text),
            Self::NumberFormat => is_number_format(text),
            Self::Zone => is_zone(text),
            Self::Stride => is_stride(text),
            Self::Elements => elements(text).is_some_and(|count| count <= ELEMENTS),
        }
    }

    /// In words, after "has to be".
    pub fn shown(&self) -> String {
        match self {
            Self::Any => "a constant".to_owned(),
            Self::Whole(low, high) => format!("a constant whole number from {low} to {high}"),
            Self::Number(low, high) => {
                format!("a constant number from {low} to {high} with at most ten places")
            }
            Self::Short => format!("a constant of at most {TEXT_BYTES} bytes"),
            Self::Filled => format!("a constant of 1 to {TEXT_BYTES} bytes"),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::Pattern => "a constant pattern of characters, classes such as [a-z], \\d and \
                              \\w, groups, |, ^, $, and repetitions"
                .to_owned(),
            Self::DateFormat => "a constant format of parts such as YYYY, MM, DD, Mon, HH24, MI, \
                                 SS, Q and IW, with blanks and - / . : , between them"
                .to_owned(),
            Self::NumberFormat => "a constant format such as 'FM999,990.00'".to_owned(),
            Self::Zone => "the constant name of a time zone, such as 'Europe/Berlin'".to_owned(),
            Self::Stride => {
                "a constant positive interval of weeks, days, hours, minutes and seconds".to_owned()
            }
            Self::Elements => format!("a constant array of at most {ELEMENTS} elements"),
        }
    }
}

fn is_between(text: &str, low: i64, high: i64) -> bool {
    let places = text.split_once('.').map_or(0, |(_, places)| places.len());
    let plain = !text.contains(['e', 'E']) && text.len() <= 40 && places <= 10;
    plain
        && parse_decimal(text).is_some_and(|value| {
            RBig::from(IBig::from(low)) <= value && value <= RBig::from(IBig::from(high))
        })
}

fn is_zone(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_/+-".contains(&byte))
}

fn is_number_format(text: &str) -> bool {
    let digits = text.strip_prefix("FM").unwrap_or(text);
    let (whole, places) = digits.split_once('.').unwrap_or((digits, "0"));
    let of = |part: &str, also: &str| {
        !part.is_empty() && part.chars().all(|one| "09".contains(one) || also.contains(one))
    };
    text.len() <= 30 && whole.starts_with(['0', '9']) && of(whole, ",") && of(places, "")
}

/// The parts of a format, longer ones before those that they begin with.
const DATE_PARTS: &[&str] = &[
    "YYYY", "IYYY", "YY", "IW", "WW", "MONTH", "MON", "MM", "MI", "MS", "DDD", "DD", "DAY", "DY",
    "IDDD", "ID", "HH24", "HH12", "HH", "SS", "US", "AM", "PM", "CC", "FM", "Q", "J", "D", "W",
    "-", "/", ".", ":", ",", " ", "_",
];

fn is_date_format(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    let mut rest = upper.as_str();
    while !rest.is_empty() {
        let Some(part) = DATE_PARTS.iter().find_map(|part| rest.strip_prefix(part)) else {
            return false;
        };
        rest = part;
    }
    !text.is_empty() && text.len() <= 60
}

fn is_stride(text: &str) -> bool {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let number = |word: &str| {
        (1..=4).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
    };
    let unit = |word: &str| {
        matches!(word.trim_end_matches('s'), "week" | "day" | "hour" | "minute" | "min" | "second")
    };
    let clock = |word: &str| {
        let parts: Vec<&str> = word.split(':').collect();
        parts.len() == 3 && parts.into_iter().all(number)
    };
    let (clocks, pairs): (&[&str], &[&str]) = match words.split_last() {
        Some((last, rest)) if words.len() % 2 == 1 => (std::slice::from_ref(last), rest),
        _ => (&[], &words),
    };
    let positive = text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    positive
        && words.len() <= 5
        && clocks.iter().all(|word| clock(word))
        && pairs.chunks(2).all(|pair| match pair {
            [count, name] => number(count) && unit(name),
            _ => false,
        })
}

/// How many elements an array of one dimension has, in the form that PostgreSQL writes; `None` if
/// one of them is NULL or it is none.
pub(crate) fn elements(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('{')?.strip_suffix('}')?;
    if inside.is_empty() {
        return Some(0);
    }
    let (mut count, mut quoted, mut escaped, mut bare) = (1_usize, false, false, String::new());
    for one in inside.chars() {
        match one {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                quoted = !quoted;
                bare.push('"');
            }
            _ if quoted => {}
            '{' | '}' => return None,
            ',' => {
                if is_missing(&bare) {
                    return None;
                }
                bare.clear();
                count = count.checked_add(1)?;
            }
            other => bare.push(other),
        }
    }
    (!quoted && !escaped && !is_missing(&bare)).then_some(count)
}

fn is_missing(element: &str) -> bool {
    let element = element.trim();
    element.is_empty() || element.eq_ignore_ascii_case("null")
}

/// Whether the text is a regular expression of the part that is listed: no look-around, no
/// reference to what a group found, no options; and small when its repetitions are written out.
fn is_pattern(text: &str) -> bool {
    let mut reader = Reader { rest: text.chars().collect(), depth: 0 };
    reader.rest.reverse();
    reader.choice().is_some_and(|size| size <= PATTERN_SIZE) && reader.rest.is_empty()
}

struct Reader {
    /// What is not read yet, the next last.
    rest: Vec<char>,
    depth: u32,
}

impl Reader {
    fn next_is(&self, wanted: char) -> bool {
        self.rest.last() == Some(&wanted)
    }

    /// Branches between `|`; the size of what they match.
    fn choice(&mut self) -> Option<u32> {
        let mut size = self.branch()?;
        while self.next_is('|') {
            self.rest.pop();
            size = size.checked_add(self.branch()?)?;
        }
        Some(size)
    }

    fn branch(&mut self) -> Option<u32> {
        let mut size = 0_u32;
        while let Some(next) = self.rest.last() {
            if matches!(next, '|' | ')') {
                break;
            }
            size = size.checked_add(self.piece()?)?;
        }
        Some(size)
    }

    fn piece(&mut self) -> Option<u32> {
        let first = self.rest.pop()?;
        let size = match first {
            '^' | '$' => {
                let repeated = self.rest.last().is_some_and(|next| "*+?{".contains(*next));
                return (!repeated).then_some(1);
            }
            '(' => self.group()?,
            '[' => self.class()?,
            '\\' => {
                let escaped = self.rest.pop()?;
                let listed = "dwsDWS".contains(escaped) || escaped.is_ascii_punctuation();
                listed.then_some(1)?
            }
            '*' | '+' | '?' | '{' | '}' | ']' => return None,
            _ => 1,
        };
        self.repeated(size)
    }

    fn group(&mut self) -> Option<u32> {
        self.depth = self.depth.checked_add(1).filter(|depth| *depth <= 5)?;
        // `(?` and `(*` would mean something else; a repetition of nothing is no piece.
        let size = self.choice()?;
        self.depth = self.depth.checked_sub(1)?;
        (self.rest.pop()? == ')').then_some(size)
    }

    /// `[abc0-9]`: letters, digits, blanks and a few marks, none of which means something there.
    fn class(&mut self) -> Option<u32> {
        if self.next_is('^') {
            self.rest.pop();
        }
        let plain = |one: char| one.is_alphanumeric() || " _.,;@#%&/+*!?()=<>$'\"".contains(one);
        let mut count = 0_u32;
        loop {
            let one = self.rest.pop()?;
            match one {
                ']' if count > 0 => return Some(1),
                // A hyphen is one itself only before the end.
                '-' => {
                    if !self.next_is(']') {
                        return None;
                    }
                }
                '\\' => {
                    self.rest.pop().filter(|escaped| "dws".contains(*escaped))?;
                    if self.next_is('-') {
                        return None;
                    }
                }
                one if plain(one) => {
                    if self.next_is('-') {
                        self.rest.pop();
                        if self.next_is(']') {
                            self.rest.push('-');
                        } else {
                            let last = self.rest.pop()?;
                            let ends = one.is_ascii_alphanumeric() && last.is_ascii_alphanumeric();
                            (ends && one <= last).then_some(())?;
                        }
                    }
                }
                _ => return None,
            }
            count = count.checked_add(1)?;
        }
    }

    fn repeated(&mut self, size: u32) -> Option<u32> {
        let times = match self.rest.last() {
            Some('*' | '+' | '?') => {
                self.rest.pop();
                1
            }
            Some('{') => {
                self.rest.pop();
                self.bound()?
            }
            _ => return Some(size),
        };
        // A second one would change what the first means, or be an error.
        let again = self.rest.last().is_some_and(|next| "*+?{".contains(*next));
        if again { None } else { size.checked_mul(times) }
    }

    /// `{2}`, `{2,}` and `{2,5}`, after the brace; the greatest number.
    fn bound(&mut self) -> Option<u32> {
        let mut text = String::new();
        loop {
            match self.rest.pop()? {
                '}' => break,
                one if (one.is_ascii_digit() || one == ',') && text.len() < 7 => text.push(one),
                _ => return None,
            }
        }
        let (low, high) = text.split_once(',').unwrap_or((&text, &text));
        let low = low.parse::<u32>().ok()?;
        let high = if high.is_empty() { low.checked_add(1)? } else { high.parse().ok()? };
        (low <= high && (1..=100).contains(&high)).then_some(high)
    }
}
