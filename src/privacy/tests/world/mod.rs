//! Random small databases and random leaves over them, drawn from bytes so that they shrink.
//!
//! people ← visits ← items are private, by paths of no, one and two hops; places (with a key) and
//! rates (without one) are public. `person` points to people.id, the unit; `guide` to people.code,
//! another unique column, so that paths that have to be walked are tried as well. A leaf reads
//! tables, rows that are computed for each unit (`derived`) and, by EXISTS, rows beside its own.

mod data;
mod derived;
mod expressions;
mod leaf;
mod neighbour;
mod scans;

pub(crate) use data::database;
pub(crate) use leaf::leaf;
pub(crate) use neighbour::{violation, without};
pub(crate) use scans::{all_exists, all_scans, is_forged};

use noisegate_privacy::UBig;
use noisegate_privacy::analyze::Contribution;
use noisegate_privacy::expr::{TextType, Type};

/// Draws from bytes; zeros when they are used up.
pub(crate) struct Dice<'a>(pub(crate) &'a [u8]);

impl Dice<'_> {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == sides - 1
    }

    fn pick<'b, T>(&mut self, of: &'b [T]) -> &'b T {
        &of[self.roll(of.len())]
    }
}

/// The tables' names.
pub(crate) const TABLES: [&str; 5] = ["people", "visits", "items", "places", "rates"];

/// Name, type, declared bounds, and whether it can be NULL.
pub(crate) type ColumnOf = (&'static str, Type, Option<(&'static str, &'static str)>, bool);

/// The columns of a table.
pub(crate) fn columns(table: &str) -> Vec<ColumnOf> {
    let text = Type::Text(TextType::Text);
    match table {
        "people" => vec![
            ("id", Type::Int(4), None, false),
            ("code", Type::Int(4), None, false),
            ("a", Type::Int(4), Some(("0", "10")), true),
            ("n", Type::Numeric(None), Some(("-5", "5")), true),
            ("town", Type::Int(4), None, true),
            ("name", text, None, true),
            ("b", Type::Bool, None, true),
            ("born", Type::Date, None, true),
        ],
        "visits" => vec![
            ("id", Type::Int(4), None, false),
            ("person", Type::Int(4), None, true),
            ("place", Type::Int(4), None, true),
            ("v", Type::Numeric(Some((10, 2))), Some(("-20", "20")), true),
            ("k", Type::Int(4), Some(("0", "3")), true),
        ],
        "items" => vec![
            ("id", Type::Int(4), None, false),
            ("visit", Type::Int(4), None, true),
            ("v", Type::Int(8), Some(("0", "7")), true),
            ("kind", text, None, true),
            ("day", Type::Date, None, true),
        ],
        "places" => vec![
            ("id", Type::Int(4), None, false),
            ("region", Type::Int(4), None, false),
            ("w", Type::Int(4), Some(("0", "9")), true),
        ],
        _ => {
            vec![("place", Type::Int(4), None, false), ("r", Type::Int(4), Some(("1", "4")), false)]
        }
    }
}

/// Whether paths lead to people.code instead of the unit itself.
pub(crate) fn by_code(dice: &mut Dice<'_>) -> bool {
    dice.one_in(3)
}

/// As declared, by a bound that often clips, or estimated.
pub(crate) fn contribution(dice: &mut Dice<'_>) -> Contribution {
    match dice.roll(4) {
        0 => Contribution::Declared,
        1 => Contribution::Automatic,
        _ => {
            let mut bound = || UBig::from(1_u32 << dice.roll(16)) + UBig::from(dice.roll(200));
            Contribution::Known((0..5).map(|_| bound()).collect())
        }
    }
}
