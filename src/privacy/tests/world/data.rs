//! Random rows.

use noisegate_privacy::expr::Type;
use noisegate_privacy::interpret::{Database, Rational, Table, Value};

use super::{Dice, TABLES, columns};

/// A random database.
pub(crate) fn database(dice: &mut Dice<'_>, by_code: bool) -> Database {
    let mut database = Database::default();
    let people = 1 + dice.roll(6);
    // One person may have most of the rows.
    let busy = dice.roll(people);
    let person = |dice: &mut Dice<'_>| if dice.roll(2) == 0 { busy } else { dice.roll(people) };
    let visits = dice.roll(12);
    let counts = [people, visits, dice.roll(14), dice.roll(5), dice.roll(5)];
    for (table, count) in TABLES.iter().zip(counts) {
        let columns = columns(table);
        let mut rows = Vec::new();
        for at in 0..count {
            let row = columns.iter().map(|(name, ty, _, nullable)| {
                if *nullable && dice.one_in(6) {
                    return Value::Null;
                }
                let reference = match *name {
                    "id" => Some(at),
                    "code" => Some(100 - at),
                    "person" if by_code => Some(100 - person(dice)),
                    "person" => Some(person(dice)),
                    "visit" if visits == 0 => return Value::Null,
                    "visit" => Some(dice.roll(visits)),
                    _ => None,
                };
                match reference {
                    Some(id) => Value::int(i64::try_from(id).unwrap()),
                    None => value(dice, ty),
                }
            });
            rows.push(row.collect());
        }
        let columns = columns.iter().map(|(name, ..)| (*name).to_owned()).collect();
        let name = ("public".to_owned(), (*table).to_owned());
        database.tables.insert(name, Table { columns, rows });
    }
    database
}

fn value(dice: &mut Dice<'_>, ty: &Type) -> Value {
    let cents = |value: i64| Value::Number(Rational::from(value) / Rational::from(100));
    match ty {
        Type::Bool => Value::Bool(dice.roll(2) == 1),
        Type::Int(_) => Value::int(*dice.pick(&[0, 1, 2, 3, 4, -5, 9, 2_000_000_000])),
        Type::Numeric(None) if dice.one_in(8) => Value::NaN,
        Type::Numeric(_) => cents(*dice.pick(&[0, 150, -250, 333, 1_000, 99_999_999, -99_999_999])),
        Type::Date => Value::Date(*dice.pick(&[0, 398, 399, 400, -90_000])),
        _ => Value::text(["a", "b", "", "B", "ab"][dice.roll(5)]),
    }
}
