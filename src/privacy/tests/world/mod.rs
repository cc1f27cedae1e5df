//! Random small databases and random leaves over them, drawn from bytes so that they shrink.
//!
//! people ← visits ← items are private, by paths of no, one and two hops; places (with a key) and
//! rates (without one) are public. `person` points to people.id, the unit; `guide` to people.code,
//! another unique column, so that paths that have to be walked are tried as well.

use noisegate_privacy::IBig;
use noisegate_privacy::expr::{Column, Expr, Function, Node, TextType, Type};
use noisegate_privacy::interpret::{Database, Table, Value};
use noisegate_privacy::plan::{
    Bounds, Domain, Exposure, Hop, JoinKind, Joins, Key, Leaf, Relation, Scan, Statistic,
};
use noisegate_privacy::quantiles::Bins;

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

fn exposure(table: &str, by_code: bool, rows_max: u32) -> Exposure {
    let hop = |column: &str, to: &str, to_column: &str| Hop {
        column: column.to_owned(),
        to_schema: "public".to_owned(),
        to_table: to.to_owned(),
        to_column: to_column.to_owned(),
    };
    let person = hop("person", "people", if by_code { "code" } else { "id" });
    let path = match table {
        "people" => Vec::new(),
        "visits" => vec![person],
        "items" => vec![hop("visit", "visits", "id"), person],
        _ => return Exposure::Public,
    };
    Exposure::Private { path, unit: "id".to_owned(), rows_max }
}

fn scan(dice: &mut Dice<'_>, by_code: bool) -> Scan {
    // People and what points to them come together most often.
    let likely = ["people", "visits", "people", "visits", "items", "places", "rates"];
    let table = *dice.pick(&likely);
    let rows_max = [1, 2, 5][dice.roll(3)];
    let unique: &[&str] = match table {
        "people" => &["id", "code"],
        "rates" => &[],
        _ => &["id"],
    };
    Scan {
        relation: Relation::Table { schema: "public".to_owned(), table: table.to_owned() },
        exposure: exposure(table, by_code, rows_max),
        unique: unique.iter().map(|&column| column.to_owned()).collect(),
    }
}

/// Whether paths lead to people.code instead of the unit itself.
pub(crate) fn by_code(dice: &mut Dice<'_>) -> bool {
    dice.one_in(3)
}

/// A random leaf. Many are to be refused.
pub(crate) fn leaf(dice: &mut Dice<'_>, by_code: bool) -> Leaf {
    let count = 1 + dice.roll(4);
    let scans: Vec<Scan> = (0..count).map(|_| scan(dice, by_code)).collect();
    let mut tree = Joins::Scan(0);
    for next in 1..count {
        let right = Joins::Scan(next);
        let kind = if dice.one_in(3) { JoinKind::Left } else { JoinKind::Inner };
        let swapped = dice.one_in(4);
        let (left, right) = if swapped { (right, tree) } else { (tree, right) };
        let on = on(dice, &scans, &left.scans(), &right.scans());
        tree = Joins::Join { kind, left: Box::new(left), right: Box::new(right), on };
    }
    let mut made =
        Leaf { joins: tree, filter: Vec::new(), keys: Vec::new(), statistics: Vec::new(), scans };
    made.filter = (0..dice.roll(3)).map(|_| condition(dice, &made.scans, 2)).collect();
    made.keys = (0..dice.roll(3)).map(|_| key(dice, &made.scans)).collect();
    if made.keys.iter().any(|key| key.domain == Domain::Found) {
        made.keys.iter_mut().for_each(|key| key.domain = Domain::Found);
    }
    made.statistics = (0..=dice.roll(3)).map(|_| statistic(dice, &made.scans)).collect();
    made
}

/// Mostly the equality that declared keys suggest; sometimes another, or none.
fn on(dice: &mut Dice<'_>, scans: &[Scan], left: &[usize], right: &[usize]) -> Vec<Expr> {
    let (one, other) = (*dice.pick(left), *dice.pick(right));
    let both: Vec<usize> = left.iter().chain(right).copied().collect();
    let suggested = suggested(scans, one, other);
    let mut on = match (dice.roll(9), suggested) {
        (0..6, Some((a, b))) => vec![equal(column(scans, one, a), column(scans, other, b))],
        (6, _) => Vec::new(),
        (7, _) => {
            // Keys, but maybe of one side alone.
            let (one, other) = (*dice.pick(&both), *dice.pick(&both));
            let (a, b) = (ints(scans, one), ints(scans, other));
            vec![equal(column(scans, one, a[0]), column(scans, other, b[0]))]
        }
        _ => {
            let a = ints(scans, one);
            let b = ints(scans, other);
            let (a, b) = (*dice.pick(&a), *dice.pick(&b));
            vec![equal(column(scans, one, a), column(scans, other, b))]
        }
    };
    if dice.one_in(3) {
        on.push(condition_over(dice, scans, &both, 1));
    }
    on
}

fn suggested(scans: &[Scan], one: usize, other: usize) -> Option<(&'static str, &'static str)> {
    let names = (scans[one].name(), scans[other].name());
    let target = |scan: &Scan| match &scan.exposure {
        Exposure::Private { path, .. } => {
            path.last().map(|hop| if hop.to_column == "code" { "code" } else { "id" })
        }
        Exposure::Public => None,
    };
    let person = target(&scans[one]).or(target(&scans[other])).unwrap_or("id");
    Some(match names {
        ("people", "visits") => (person, "person"),
        ("visits", "people") => ("person", person),
        ("visits", "visits") => ("person", "person"),
        ("visits", "items") => ("id", "visit"),
        ("items", "visits") => ("visit", "id"),
        ("items", "items") => ("visit", "visit"),
        ("visits" | "rates", "places") => ("place", "id"),
        ("places", "visits" | "rates") => ("id", "place"),
        ("people", "places") => ("town", "id"),
        ("places", "people") => ("id", "town"),
        ("visits", "rates") => ("place", "place"),
        ("people", "people") => ("id", "id"),
        _ => return None,
    })
}

fn ints(scans: &[Scan], scan: usize) -> Vec<&'static str> {
    named(scans, scan, |ty| matches!(ty, Type::Int(_)))
}

fn named(scans: &[Scan], scan: usize, wanted: impl Fn(&Type) -> bool) -> Vec<&'static str> {
    let all = columns(scans[scan].name()).into_iter();
    all.filter(|(_, ty, ..)| wanted(ty)).map(|(name, ..)| name).collect()
}

/// A column of a scan.
pub(crate) fn column(scans: &[Scan], scan: usize, name: &str) -> Expr {
    let all = columns(scans[scan].name());
    let (name, ty, bounds, nullable) = all.iter().find(|(one, ..)| *one == name).unwrap();
    let node = Node::Column(Column {
        scan,
        name: (*name).to_owned(),
        bounds: bounds.map(|(low, high)| (low.to_owned(), high.to_owned())),
        nullable: *nullable,
    });
    Expr { node, ty: ty.clone() }
}

fn equal(a: Expr, b: Expr) -> Expr {
    Expr::call(Function::Eq, vec![a, b], Type::Bool)
}

fn int(dice: &mut Dice<'_>) -> Expr {
    Expr::constant((dice.roll(12).to_string()).as_str(), Type::Int(4))
}

/// A random number over the columns of these scans.
fn number(dice: &mut Dice<'_>, scans: &[Scan], over: &[usize], depth: u32) -> Expr {
    let scan = *dice.pick(over);
    let names = named(scans, scan, Type::is_number);
    if depth == 0 || dice.roll(3) == 0 {
        return column(scans, scan, names[dice.roll(names.len())]);
    }
    let mut more = || number(dice, scans, over, depth - 1);
    let (a, b) = (more(), more());
    let ty = if a.ty == b.ty { a.ty.clone() } else { Type::Numeric(None) };
    let function = match dice.roll(13) {
        0 => Function::Add,
        1 => Function::Sub,
        2 => Function::Mul,
        3 if matches!(ty, Type::Int(_)) => Function::Div,
        4 => Function::Mod,
        5 => return Expr::call(Function::Neg, vec![a], ty),
        6 => return Expr::call(Function::Abs, vec![a], ty),
        7 => Function::Coalesce,
        8 => Function::NullIf,
        9 => Function::Least,
        10 => Function::Greatest,
        11 => {
            let when = condition_over(dice, scans, over, depth - 1);
            return Expr::call(Function::Case, vec![when, a, b], ty);
        }
        _ => {
            let step = [Function::Round(1), Function::Trunc(-1), Function::Floor, Function::Ceil];
            return Expr::call(dice.pick(&step).clone(), vec![a], Type::Numeric(None));
        }
    };
    Expr::call(function, vec![a, b], ty)
}

fn condition(dice: &mut Dice<'_>, scans: &[Scan], depth: u32) -> Expr {
    let over: Vec<usize> = (0..scans.len()).collect();
    condition_over(dice, scans, &over, depth)
}

fn condition_over(dice: &mut Dice<'_>, scans: &[Scan], over: &[usize], depth: u32) -> Expr {
    let call = |function: Function, args: Vec<Expr>| Expr::call(function, args, Type::Bool);
    if depth > 0 && dice.roll(3) == 0 {
        let mut more = || condition_over(dice, scans, over, depth - 1);
        let (a, b) = (more(), more());
        return match dice.roll(7) {
            0 => call(Function::And, vec![a, b]),
            1 => call(Function::Or, vec![a, b]),
            2 => call(Function::Not, vec![a]),
            3 => call(Function::IsTrue, vec![a]),
            4 => call(Function::IsNotTrue, vec![a]),
            5 => call(Function::IsFalse, vec![a]),
            _ => call(Function::IsNotFalse, vec![a]),
        };
    }
    let a = number(dice, scans, over, depth.min(1));
    let functions = [
        Function::Eq,
        Function::Ne,
        Function::Lt,
        Function::Le,
        Function::Gt,
        Function::Ge,
        Function::Distinct,
        Function::NotDistinct,
        Function::In,
        Function::NotIn,
    ];
    let function = dice.pick(&functions).clone();
    match dice.roll(5) {
        0 => call(Function::IsNull, vec![a]),
        1 => call(Function::IsNotNull, vec![a]),
        2 => {
            let scan = *dice.pick(over);
            let names = named(scans, scan, |ty| !ty.is_number());
            if names.is_empty() {
                return call(Function::IsNotNull, vec![a]);
            }
            let value = column(scans, scan, names[dice.roll(names.len())]);
            let text = match value.ty {
                Type::Bool => "true",
                Type::Date => "2001-02-03",
                _ => "b",
            };
            let constant = Expr::constant(text, value.ty.clone());
            call(function, vec![value, constant])
        }
        _ => {
            let b = if dice.roll(2) == 0 { int(dice) } else { number(dice, scans, over, 0) };
            let mut args = vec![a, b];
            if matches!(function, Function::In | Function::NotIn) {
                args.push(int(dice));
            }
            call(function, args)
        }
    }
}

fn key(dice: &mut Dice<'_>, scans: &[Scan]) -> Key {
    let over: Vec<usize> = (0..scans.len()).collect();
    let scan = *dice.pick(&over);
    let all = columns(scans[scan].name());
    let column = column(scans, scan, all[dice.roll(all.len())].0);
    match dice.roll(5) {
        0 if column.ty == Type::Int(4) => {
            let some = |value: &str| Some(value.to_owned());
            let values = [vec![some("1"), some("2"), some("01")], vec![some("0"), None, some("3")]];
            Key { expr: column, domain: Domain::Declared(dice.pick(&values).clone()) }
        }
        1 if column.ty == Type::Int(4) => {
            let domain =
                Domain::PublicColumn("public".to_owned(), "places".to_owned(), "region".to_owned());
            Key { expr: column, domain }
        }
        2 if scans[scan].exposure == Exposure::Public => {
            Key { expr: column, domain: Domain::PublicRows }
        }
        3 => Key { expr: condition(dice, scans, 1), domain: Domain::Found },
        _ => Key { expr: column, domain: Domain::Found },
    }
}

fn statistic(dice: &mut Dice<'_>, scans: &[Scan]) -> Statistic {
    let filter = if dice.one_in(3) { Some(condition(dice, scans, 1)) } else { None };
    let over: Vec<usize> = (0..scans.len()).collect();
    match dice.roll(6) {
        5 => {
            let value = number(dice, scans, &over, 2);
            let (low, high) = *dice.pick(&[(0, 10), (-7, 4), (3, 9), (0, 0), (-600, 600)]);
            let most = [4, 40, 8192][dice.roll(3)];
            let scale = u32::try_from(dice.roll(3)).unwrap();
            let bins = Bins::over(scale, IBig::from(low), IBig::from(high), most);
            Statistic::Histogram { filter, value, bins }
        }
        4 => {
            let scan = *dice.pick(&over);
            let all = columns(scans[scan].name());
            let value = match dice.roll(3) {
                0 => number(dice, scans, &over, 1),
                _ => column(scans, scan, all[dice.roll(all.len())].0),
            };
            let most = [None, None, Some(1), Some(2)][dice.roll(4)];
            Statistic::Distinct { filter, value, most }
        }
        0 => Statistic::Rows { filter, present: None },
        1 => Statistic::Rows { filter, present: Some(number(dice, scans, &over, 1)) },
        2 => Statistic::Units { filter },
        _ => {
            let value = number(dice, scans, &over, 2);
            let (low, high) = *dice.pick(&[(0, 10), (-7, 4), (3, 9), (-9, -2), (0, 0)]);
            let centre = [0, 3, -4][dice.roll(3)];
            let [low, high, centre] = [low, high, centre].map(IBig::from);
            let scale = u32::try_from(dice.roll(3)).unwrap();
            Statistic::Sum { filter, value, bounds: Bounds { scale, low, high, centre } }
        }
    }
}

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
    let cents = |value: i64| Value::Number(dashu_rational(value));
    match ty {
        Type::Bool => Value::Bool(dice.roll(2) == 1),
        Type::Int(_) => Value::int(*dice.pick(&[0, 1, 2, 3, 4, -5, 9, 2_000_000_000])),
        Type::Numeric(None) if dice.one_in(8) => Value::NaN,
        Type::Numeric(_) => cents(*dice.pick(&[0, 150, -250, 333, 1_000, 99_999_999, -99_999_999])),
        Type::Date => Value::Date(*dice.pick(&[0, 398, 399, 400, -90_000])),
        _ => Value::text(["a", "b", "", "B", "ab"][dice.roll(5)]),
    }
}

fn dashu_rational(cents: i64) -> noisegate_privacy::interpret::Rational {
    noisegate_privacy::interpret::Rational::from(cents)
        / noisegate_privacy::interpret::Rational::from(100)
}
