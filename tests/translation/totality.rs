//! Every function over the extreme values of every type: nothing raises, and what is summed is a
//! whole number within the bounds.

use noisegate::source::shown;
use noisegate_privacy::IBig;
use noisegate_privacy::analyze::analyze;
use noisegate_privacy::expr::{Column, Expr, Function, Node, ShiftBy, TextType, Type};
use noisegate_privacy::functions::{self, Arg, Kind, Limit, Signature};
use noisegate_privacy::plan::{
    Bounds, Domain, Exposure, Joins, Key, Leaf, Relation, Scan, Statistic,
};
use noisegate_privacy::quantiles::Bins;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::world::Dice;
use super::{bytes, on_database, terms};

/// How many values each column has; a prime, so that every two values of two columns meet.
const VALUES: usize = 13;

struct Extremes {
    name: &'static str,
    ty: Type,
    sql: &'static str,
    bounds: Option<(&'static str, &'static str)>,
    values: [&'static str; VALUES],
}

#[rustfmt::skip]
fn extremes() -> Vec<Extremes> {
    let numeric = [
        "NaN", "Infinity", "-Infinity", "1e131071", "-1e131071", "1e-16383", "0", "0.1", "-2.5",
        "123456789012345678901234567890.5", "1e308", "-1e-400", "7",
    ];
    let float = [
        "NaN", "Infinity", "-Infinity", "1e308", "-1e308", "5e-324", "-5e-324", "0", "-0", "0.1",
        "-2.5", "9007199254740993", "1e38",
    ];
    let real = [
        "NaN", "Infinity", "-Infinity", "3e38", "-3e38", "1e-45", "-1e-45", "0", "-0", "0.1",
        "-2.5", "16777217", "7",
    ];
    let text = [
        "", "a", " b ", "\\", "\\\\", "%", "_\\", "😀", "ß", "İ", "$LONG", "\n", "a'\"b",
    ];
    let date = [
        "infinity", "-infinity", "4714-11-24 BC", "5874897-12-31", "2024-02-29", "0001-01-01",
        "0001-12-31 BC", "4000-01-01 BC", "290000-01-01", "294276-12-31", "294277-01-01",
        "1970-01-01", "3999-12-31 BC",
    ];
    let timestamp = [
        "infinity", "-infinity", "4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999",
        "2024-03-31 02:30:00", "0001-01-01", "0001-12-31 BC", "4000-01-01 BC", "290000-01-01",
        "294276-01-01", "2024-10-27 02:30:00", "1970-01-01", "3999-12-31 BC",
    ];
    let timestamptz = [
        "infinity", "-infinity", "4714-11-25 00:00:00+00 BC", "294276-12-30 23:59:59.999999+00",
        "2024-03-31 02:30:00+00", "0001-01-01+00", "0001-12-31 00:00:00+00 BC",
        "4000-01-01 00:00:00+00 BC", "290000-01-01+00", "294276-01-01+00",
        "2024-10-27 00:30:00+00", "1970-01-01+00", "3999-12-31 00:00:00+00 BC",
    ];
    let interval = [
        "0", "178000000 years", "-178000000 years", "1 mon", "30 days", "24:00:00", "1 day",
        "-1 day", "1 year", "0.000001", "-0.000001", "9999 days", "1 mon -30 days",
    ];
    let any = |sql: &str| Type::Other(sql.to_owned());
    let make = |name, ty, sql, values| Extremes { name, ty, sql, bounds: None, values };
    let mut all = vec![
        make("s", Type::Int(2), "smallint", ["-32768", "32767", "0", "1", "-1", "2", "3", "-2", "5", "7", "100", "-100", "12"]),
        make("i", Type::Int(4), "integer", ["-2147483648", "2147483647", "0", "1", "-1", "2", "3", "-2", "5", "7", "100", "-100", "12"]),
        make("l", Type::Int(8), "bigint", ["-9223372036854775808", "9223372036854775807", "0", "1", "-1", "9007199254740993", "3", "-2", "5", "7", "100", "-100", "12"]),
        make("m", Type::Numeric(Some((20, 4))), "numeric(20,4)", ["NaN", "9999999999999999.9999", "-9999999999999999.9999", "0.0001", "-0.0001", "0", "1", "-1", "0.5", "-2.5", "7", "100", "12"]),
        make("n", Type::Numeric(None), "numeric", numeric),
        make("nb", Type::Numeric(None), "numeric", numeric),
        make("f", Type::Float(8), "double precision", float),
        make("fb", Type::Float(8), "double precision", float),
        make("r", Type::Float(4), "real", real),
        make("t", Type::Text(TextType::Text), "text", text),
        make("vc", Type::Text(TextType::Varchar), "character varying", text),
        make("bp", Type::Text(TextType::Bpchar), "bpchar", text),
        make("d", Type::Date, "date", date),
        make("ts", Type::Timestamp, "timestamp", timestamp),
        make("tz", Type::TimestampTz, "timestamptz", timestamptz),
        make("iv", Type::Interval, "interval", interval),
        make("bo", Type::Bool, "boolean", ["t", "f", "t", "f", "t", "f", "t", "f", "t", "f", "t", "f", "t"]),
        make("by", any("bytea"), "bytea", ["", "\\x00", "\\xff", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]),
        make("js", any("jsonb"), "jsonb", ["{}", "[]", "1.0", "1.00", "null", "true", "\"a\"", "[1]", "{\"a\":1}", "0", "-1", "1e400", "2"]),
    ];
    for one in &mut all {
        if matches!(one.name, "nb" | "fb") {
            one.bounds = Some(("-1000.5", "1e6"));
        }
    }
    all
}

fn create(all: &[Extremes]) -> String {
    let columns: Vec<String> = all.iter().map(|one| format!("{} {}", one.name, one.sql)).collect();
    let mut sql = format!("CREATE TABLE public.extremes (id integer, {});", columns.join(", "));
    let mut insert = |id: usize, cells: Vec<String>| {
        sql.push_str(&format!("INSERT INTO extremes VALUES ({id}, {});", cells.join(", ")));
    };
    for row in 0..VALUES * VALUES {
        let cells = all.iter().enumerate().map(|(at, one)| {
            let value = one.values[(row / VALUES + row % VALUES * at) % VALUES];
            match value {
                "$LONG" => "repeat('x😀', 20000)".to_owned(),
                value => {
                    format!("E'{}'::{}", value.replace('\\', "\\\\").replace('\'', "''"), one.sql)
                }
            }
        });
        insert(row, cells.collect());
    }
    insert(VALUES * VALUES, all.iter().map(|_| "NULL".to_owned()).collect());
    sql
}

fn columns(all: &[Extremes]) -> Vec<Expr> {
    let columns = all.iter().map(|one| {
        let bounds = one.bounds.map(|(low, high)| (low.to_owned(), high.to_owned()));
        let column = Column { scan: 0, name: one.name.to_owned(), bounds, nullable: true };
        Expr { node: Node::Column(column), ty: one.ty.clone() }
    });
    columns.collect()
}

/// A constant of the type.
fn constant(ty: &Type) -> Expr {
    let text = match ty {
        Type::Bool => "true",
        Type::Int(_) | Type::Interval => "3",
        Type::Numeric(_) => "1e400",
        Type::Float(_) => "2.5",
        Type::Text(_) => "a\\",
        Type::Date => "5874897-12-31",
        Type::Timestamp => "294276-12-31",
        Type::TimestampTz => "294276-12-30 00:00:00+00",
        Type::Other(_) => return Expr { node: Node::Constant(None), ty: ty.clone() },
    };
    Expr::constant(text, ty.clone())
}

/// Functions of one argument, with their type if it is not the argument's.
fn unary() -> Vec<(Function, Option<Type>)> {
    let bool_ = Some(Type::Bool);
    let mut all = vec![
        (Function::Not, None),
        (Function::IsNull, bool_.clone()),
        (Function::IsNotNull, bool_.clone()),
        (Function::IsTrue, None),
        (Function::IsNotTrue, None),
        (Function::IsFalse, None),
        (Function::IsNotFalse, None),
        (Function::Neg, None),
    ];
    for forward in [true, false] {
        all.extend(
            [1, -1_000_000, 1_000_000, i32::MIN].map(|days| {
                (Function::Shift { forward, by: ShiftBy::Days(days) }, Some(Type::Date))
            }),
        );
        for text in
            ["1 day", "9999 years 9999 mons", "-3000 years", "4000 years 99:99", "1 mon -02:03"]
        {
            let by = ShiftBy::Interval(text.to_owned());
            for ty in [Type::Timestamp, Type::TimestampTz] {
                all.push((Function::Shift { forward, by: by.clone() }, Some(ty)));
            }
        }
    }
    let types = [
        Type::Int(2),
        Type::Int(4),
        Type::Int(8),
        Type::Numeric(None),
        Type::Float(4),
        Type::Float(8),
        Type::Date,
        Type::Timestamp,
        Type::TimestampTz,
        Type::Text(TextType::Text),
        Type::Text(TextType::Varchar),
        Type::Text(TextType::Bpchar),
    ];
    all.extend(types.map(|ty| (Function::Cast, Some(ty))));
    all
}

/// Functions of two arguments.
fn binary() -> Vec<(Function, Option<Type>)> {
    use Function as F;
    let conditions = [
        F::Eq,
        F::Ne,
        F::Lt,
        F::Le,
        F::Gt,
        F::Ge,
        F::Distinct,
        F::NotDistinct,
        F::And,
        F::Or,
        F::In,
        F::NotIn,
        F::Like,
        F::NotLike,
        F::ILike,
        F::NotILike,
    ];
    let mut all: Vec<_> =
        conditions.into_iter().map(|function| (function, Some(Type::Bool))).collect();
    let others =
        [F::Add, F::Sub, F::Mul, F::Div, F::Mod, F::Coalesce, F::NullIf, F::Least, F::Greatest];
    all.extend(others.into_iter().map(|function| (function, None)));
    all
}

/// A call of a row of the table whose first argument that is not constant is this, if it takes it;
/// others are of the same type or NULL.
fn listed(row: &'static Signature, arg: &Expr, dice: &mut Dice<'_>) -> Option<Expr> {
    let mut first = true;
    let args = row.args.iter().map(|rule| match rule {
        Arg::Constant(kind, limit) => {
            let texts: &[&str] = match limit {
                Limit::OneOf(words) => words,
                Limit::Pattern => &["^a", "[a-z]{2,5}|\\d+"],
                Limit::DateFormat => &["YYYY-MM-DD", "Mon IYYY IW"],
                Limit::NumberFormat => &["999,990.00"],
                Limit::Zone => &["Europe/Berlin", "UTC"],
                Limit::Stride => &["00:15:00", "7 days"],
                Limit::Elements if matches!(kind, Kind::Dates | Kind::Timestamps) => {
                    &["{2001-01-01,infinity}", "{}"]
                }
                Limit::Elements => &["{1,2}", "{}"],
                Limit::Any if *kind == Kind::Jsonb => &["{}", "[1]"],
                Limit::Any => &["2001-01-01", "infinity"],
                Limit::Filled => &[",", "a"],
                _ => &["1", "0", "3", "2"],
            };
            Expr::constant(texts[dice.roll(texts.len())], kind.ty())
        }
        _ if std::mem::take(&mut first) => arg.clone(),
        other if other.kind().ty() == arg.ty => arg.clone(),
        other => Expr { node: Node::Constant(None), ty: other.kind().ty() },
    });
    let args: Vec<Expr> = args.collect();
    let ty = row.result(&args);
    row.accepts(&args).then(|| Expr::call(Function::Listed(row), args, ty))
}

/// A leaf that evaluates the expressions in every place where one can stand.
fn leaf(exprs: &[Expr]) -> Leaf {
    let mut statistics = Vec::new();
    for expr in exprs {
        statistics.push(Statistic::Rows { filter: None, present: Some(expr.clone()) });
        statistics.push(Statistic::Distinct { filter: None, value: expr.clone(), most: None });
        if expr.ty == Type::Bool {
            statistics.push(Statistic::Units { filter: Some(expr.clone()) });
        }
        if expr.ty.is_number() {
            let [low, high, centre] = [-1000, 1000, 7].map(IBig::from);
            let bounds = Bounds { scale: 3, low, high, centre };
            statistics.push(Statistic::Sum { filter: None, value: expr.clone(), bounds });
            let bins = Bins::over(3, IBig::from(-1000), IBig::from(1000), 40);
            statistics.push(Statistic::Histogram { filter: None, value: expr.clone(), bins });
        }
    }
    let exposure = Exposure::Private { path: Vec::new(), unit: "id".to_owned(), rows_max: 1 };
    let scan = Scan {
        relation: Relation::Table { schema: "public".to_owned(), table: "extremes".to_owned() },
        exposure,
        unique: vec!["id".to_owned()],
    };
    let keys = exprs.iter().map(|expr| Key { expr: expr.clone(), domain: Domain::Found });
    Leaf {
        scans: vec![scan],
        joins: Joins::Scan(0),
        filter: Vec::new(),
        keys: keys.collect(),
        statistics,
    }
}

/// Runs a leaf; the error with the SQL, if there is one.
async fn raised(client: &Client, leaf: Leaf) -> Option<Result<(), String>> {
    let plan = analyze(leaf, &terms(5)).ok()?;
    let sql = shown(&plan);
    let rows = match client.simple_query(&sql).await {
        Ok(rows) => rows,
        Err(error) => {
            let said = error.as_db_error().map(|error| error.message().to_owned());
            return Some(Err(format!("{said:?}\n{sql}")));
        }
    };
    for row in rows {
        let SimpleQueryMessage::Row(row) = row else { continue };
        for at in plan.leaf().keys.len()..row.len() {
            let counts = |text: &str| {
                text.split(',').all(|pair| {
                    let pair = pair.split_once(':');
                    pair.is_some_and(|(a, b)| {
                        a.parse::<u16>().is_ok_and(|bin| bin < 40) && b.parse::<u64>().is_ok()
                    })
                })
            };
            let whole = |text: &str| text.parse::<IBig>().is_ok();
            if !row.get(at).is_some_and(|text| whole(text) || text.is_empty() || counts(text)) {
                return Some(Err(format!("not a whole number: {:?}\n{sql}", row.get(at))));
            }
        }
    }
    Some(Ok(()))
}

/// Runs leaves of several expressions; where one raises, each by itself.
async fn run_all(client: &Client, exprs: &[Expr], wrong: &mut Vec<String>) -> usize {
    let mut total = Vec::new();
    for expr in exprs {
        if analyze(leaf(std::slice::from_ref(expr)), &terms(5)).is_ok() {
            total.push(expr.clone());
        }
    }
    for some in total.chunks(8) {
        if matches!(raised(client, leaf(some)).await, Some(Ok(()))) {
            continue;
        }
        for one in some {
            if let Some(Err(error)) = raised(client, leaf(std::slice::from_ref(one))).await {
                wrong.push(error);
            }
        }
    }
    total.len()
}

const ZONES: [&str; 4] = ["UTC", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago"];

#[test]
fn every_function_has_a_value_for_every_value() {
    on_database("totality", |client| async move {
        let all = extremes();
        client.batch_execute(&create(&all)).await.unwrap();
        let columns = columns(&all);
        let mut exprs = Vec::new();
        let with_constants: Vec<Expr> = columns
            .iter()
            .cloned()
            .chain(columns.iter().map(|column| constant(&column.ty)))
            .collect();
        for (function, ty) in unary() {
            for arg in &with_constants {
                let ty = ty.clone().unwrap_or(arg.ty.clone());
                exprs.push(Expr::call(function.clone(), vec![arg.clone()], ty));
            }
        }
        let data = bytes(7, 4_000);
        let dice = &mut Dice(&data);
        for row in functions::all() {
            exprs.extend(with_constants.iter().filter_map(|arg| listed(row, arg, dice)));
        }
        for (function, ty) in binary() {
            for a in &columns {
                for b in &with_constants {
                    let ty = ty.clone().unwrap_or(a.ty.clone());
                    exprs.push(Expr::call(function.clone(), vec![a.clone(), b.clone()], ty));
                }
            }
        }
        for (a, b) in columns.iter().zip(columns.iter().skip(1)) {
            let condition = Expr::call(Function::IsNull, vec![a.clone()], Type::Bool);
            let args = vec![condition, a.clone(), b.clone()];
            exprs.push(Expr::call(Function::Case, args, a.ty.clone()));
        }
        exprs.extend(columns.iter().cloned());
        let mut wrong = Vec::new();
        let mut tried = 0;
        for (at, some) in exprs.chunks(500).enumerate() {
            let zone = ZONES[at % ZONES.len()];
            client.batch_execute(&format!("SET TimeZone = '{zone}'")).await.unwrap();
            tried += run_all(&client, some, &mut wrong).await;
        }
        assert!(
            wrong.is_empty(),
            "{} raise, such as\n{}",
            wrong.len(),
            wrong[..wrong.len().min(4)].join("\n\n")
        );
        assert!(tried > 1_500, "{tried}");
    });
}

/// A function over functions: what one gives is what the next must take.
fn nested(dice: &mut Dice<'_>, columns: &[Expr], depth: u32) -> Expr {
    let arg = |dice: &mut Dice<'_>| {
        if depth == 0 || dice.roll(4) == 0 {
            columns[dice.roll(columns.len())].clone()
        } else {
            nested(dice, columns, depth - 1)
        }
    };
    let a = arg(dice);
    if dice.roll(2) == 0 {
        let rows: Vec<_> = functions::all().collect();
        let start = dice.roll(256);
        let tried = (0..rows.len()).map(|at| rows[(start + at * 7) % rows.len()]);
        if let Some(found) = tried.take(40).find_map(|row| listed(row, &a, dice)) {
            return found;
        }
    }
    if dice.roll(3) == 0 {
        let all = unary();
        let (function, ty) = all[(dice.roll(256) * 7 + dice.roll(7)) % all.len()].clone();
        let ty = ty.unwrap_or(a.ty.clone());
        return Expr::call(function, vec![a], ty);
    }
    let all = binary();
    let (function, ty) = all[dice.roll(all.len())].clone();
    let ty = ty.unwrap_or(a.ty.clone());
    let b = if dice.roll(4) == 0 { constant(&a.ty) } else { arg(dice) };
    Expr::call(function, vec![a, b], ty)
}

#[test]
fn functions_of_functions_have_values_too() {
    on_database("nested", |client| async move {
        let all = extremes();
        client.batch_execute(&create(&all)).await.unwrap();
        let columns = columns(&all);
        let mut wrong = Vec::new();
        let mut tried = 0;
        for seed in 0..24_u64 {
            let mut exprs = Vec::new();
            for one in 0..3_000 {
                let data = bytes(seed * 3_000 + one, 60);
                exprs.push(nested(&mut Dice(&data), &columns, 3));
            }
            let zone = ZONES[usize::try_from(seed).unwrap() % ZONES.len()];
            client.batch_execute(&format!("SET TimeZone = '{zone}'")).await.unwrap();
            tried += run_all(&client, &exprs, &mut wrong).await;
        }
        assert!(
            wrong.is_empty(),
            "{} raise, such as\n{}",
            wrong.len(),
            wrong[..wrong.len().min(4)].join("\n\n")
        );
        assert!(tried > 500, "{tried}");
    });
}
