//! Which bounds and values fit which types.

use crate::catalog::Column;
use crate::policy::text::{Bound, Decimal};

/// What a column can be clipped as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A whole number, with the limits of its type.
    Whole(i64, i64),
    /// Any other number.
    Number,
    /// A day.
    Day,
    /// A moment.
    Moment,
    /// Nothing that can be clipped.
    Other,
}

const TEXTS: [u32; 4] = [18, 25, 1042, 1043];
const BOOL: u32 = 16;

pub(super) fn shape(column: &Column) -> Shape {
    match column.base_oid {
        21 => Shape::Whole(i64::from(i16::MIN), i64::from(i16::MAX)),
        23 => Shape::Whole(i64::from(i32::MIN), i64::from(i32::MAX)),
        20 => Shape::Whole(i64::MIN, i64::MAX),
        700 | 701 | 1700 => Shape::Number,
        1082 => Shape::Day,
        1114 | 1184 => Shape::Moment,
        _ => Shape::Other,
    }
}

/// What is wrong with one bound of a column, and what to write.
pub(super) fn bound_problem(column: &Column, text: &str) -> Option<(&'static str, String)> {
    let wrong = |what, fix: &str| Some((what, fix.to_owned()));
    match (shape(column), Bound::parse(text)?) {
        (Shape::Other, _) => wrong("is of a type that is not clipped", "remove bounds"),
        (Shape::Whole(least, most), Bound::Number(number)) => {
            if !number.is_whole() {
                return wrong("is a whole number and its bound is not", "write whole numbers");
            }
            let limit = |limit: i64| Decimal::parse(&limit.to_string());
            let fits = limit(least) <= Some(number.clone()) && Some(number) <= limit(most);
            if fits {
                None
            } else {
                Some(("cannot hold its bound", format!("stay within {least} and {most}")))
            }
        }
        (Shape::Number, Bound::Number(_))
        | (Shape::Moment, Bound::Moment(_))
        | (Shape::Day, Bound::Moment([_, _, _, 0, 0, 0, 0])) => None,
        (Shape::Day, Bound::Moment(_)) => {
            wrong("is a date and its bound has a time", "write days alone")
        }
        (Shape::Whole(..) | Shape::Number, Bound::Moment(_)) => {
            wrong("is a number and its bound a date", "write numbers")
        }
        (Shape::Day | Shape::Moment, Bound::Number(_)) => wrong(
            "is a date and its bound a number",
            "write dates, as in [\"2020-01-01\", \"2030-01-01\"]",
        ),
    }
}

/// Whether a column of this type could hold this key; what cannot be told is taken to fit.
pub(super) fn key_fits(column: &Column, labels: Option<&[String]>, key: &str) -> bool {
    if let Some(labels) = labels {
        return labels.iter().any(|label| label == key);
    }
    match shape(column) {
        Shape::Whole(least, most) => {
            key.parse().is_ok_and(|number| (least..=most).contains(&number))
        }
        Shape::Number => Decimal::parse(key).is_some(),
        Shape::Day | Shape::Moment => matches!(Bound::parse(key), Some(Bound::Moment(_))),
        Shape::Other if column.base_oid == BOOL => matches!(key, "true" | "false" | "t" | "f"),
        Shape::Other => longest(column).is_none_or(|longest| key.chars().count() <= longest),
    }
}

/// Characters that fit into `char(n)` and `varchar(n)`; their modifier counts four bytes more.
fn longest(column: &Column) -> Option<usize> {
    let text = matches!(column.type_oid, 1042 | 1043) && column.typmod > 4;
    if text { usize::try_from(column.typmod - 4).ok() } else { None }
}

/// Whether values of one column can be compared with those of another.
pub(super) fn comparable(one: &Column, other: &Column) -> bool {
    let number = |column| matches!(shape(column), Shape::Whole(..) | Shape::Number);
    let day = |column| matches!(shape(column), Shape::Day | Shape::Moment);
    let text = |column: &Column| TEXTS.contains(&column.base_oid);
    one.base_oid == other.base_oid
        || (number(one) && number(other))
        || (day(one) && day(other))
        || (text(one) && text(other))
}
