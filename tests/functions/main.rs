//! Every row of the table of functions, on PostgreSQL: nothing raises over the extreme values of
//! its types, and over ordinary ones it is what PostgreSQL's own function is, or NULL where its
//! guard says so. `docs/functions.md` is written from the same table.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod page;
mod values;

use noisegate::demo::{Cluster, Options};
use noisegate::source::{plain, printed};
use noisegate_privacy::expr::{Column, Expr, Function, Node, Type};
use noisegate_privacy::functions::{Arg, HELD, Kind, Null, Signature, TEXT, all, text_bytes};
use noisegate_privacy::range::range;
use tokio_postgres::{Client, NoTls};
use values::{constants, extremes, ordinary};

/// What an array is tried with.
const ARRAYS: [Kind; 4] = [Kind::Int4s, Kind::Numerics, Kind::Texts, Kind::Float8s];
/// The bounds of numbers: as far as a constant reaches, and what is ordinary.
const EXTREME_MOST: &str = "1e399";
const ORDINARY_MOST: &str = "1000000000";
/// How often the last argument of a row that repeats it is given.
const REPEATED: usize = 3;

/// Arguments of a row: columns, numbered by place, and constants.
fn cases(row: &'static Signature, most: &str) -> Vec<Vec<Expr>> {
    let count = if row.repeats { row.args.len() + REPEATED - 1 } else { row.args.len() };
    let about_arrays = row.args.iter().any(|arg| arg.kind() == Kind::Array);
    let arrays: &[Kind] = if about_arrays { &ARRAYS } else { &[Kind::Array] };
    let mut all = Vec::new();
    for array in arrays {
        let ty = array.ty();
        let each: Vec<Vec<Expr>> = (0..count)
            .map(|at| match row.arg(at).unwrap() {
                Arg::Constant(Kind::Array, _) => ["{}", "{1}", "{NULL}", "{1,2,NULL}"]
                    .map(|text| Expr::constant(text, ty.clone()))
                    .to_vec(),
                Arg::Constant(kind, limit) => constants(*kind, *limit)
                    .into_iter()
                    .map(|text| Expr::constant(text, kind.ty()))
                    .collect(),
                Arg::Value(Kind::Array) => vec![column(at, ty.clone(), most)],
                Arg::Value(Kind::Element) => vec![column(at, element(*array).ty(), most)],
                other => vec![column(at, other.kind().ty(), most)],
            })
            .collect();
        // Each constant of one argument with a few of the others.
        let longest = each.iter().map(Vec::len).max().unwrap_or(1);
        for turn in 0..longest {
            for other in 0..longest.min(4) {
                let args = each.iter().enumerate().map(|(at, values)| {
                    let shift = if at % 2 == 0 { turn } else { turn + other };
                    values[shift % values.len()].clone()
                });
                let args: Vec<Expr> = args.collect();
                if !all.contains(&args) {
                    all.push(args);
                }
            }
        }
    }
    all.retain(|args| row.accepts(args));
    assert!(!all.is_empty(), "{row:?} has no test values");
    all
}

fn element(array: Kind) -> Kind {
    match array {
        Kind::Int4s => Kind::Int4,
        Kind::Numerics => Kind::Numeric,
        Kind::Float8s => Kind::Float8,
        _ => Kind::Text,
    }
}

fn column(scan: usize, ty: Type, most: &str) -> Expr {
    // What is not limited by its type has to have bounds, so that it can be computed with.
    let bounds = matches!(ty, Type::Numeric(_) | Type::Float(_))
        .then(|| (format!("-{most}"), most.to_owned()));
    let name = format!("a{scan}");
    Expr { node: Node::Column(Column { scan, name, bounds, nullable: true }), ty }
}

fn kind_of(expr: &Expr) -> Kind {
    let kinds = [
        Kind::Int2,
        Kind::Int4,
        Kind::Int8,
        Kind::Numeric,
        Kind::Float4,
        Kind::Float8,
        Kind::Text,
        Kind::Bpchar,
        Kind::Bool,
        Kind::Date,
        Kind::Timestamp,
        Kind::TimestampTz,
        Kind::Interval,
        Kind::Uuid,
        Kind::Jsonb,
        Kind::Bytea,
        Kind::Texts,
        Kind::Varchars,
        Kind::Int4s,
        Kind::Numerics,
        Kind::Float8s,
    ];
    kinds.into_iter().find(|kind| kind.ty() == expr.ty).unwrap_or_else(|| panic!("{:?}", expr.ty))
}

/// The values of the columns, all with all.
fn rows(args: &[Expr], values: fn(Kind) -> Vec<String>, null: bool) -> String {
    let mut from = Vec::new();
    for (at, arg) in args.iter().enumerate().filter(|(_, arg)| arg.as_column().is_some()) {
        let mut all = values(kind_of(arg));
        if null {
            all.push(format!("NULL::{}", arg.ty.name()));
        }
        let all: Vec<String> = all.into_iter().map(|value| format!("({value})")).collect();
        from.push(format!("(VALUES {}) AS t{at}(a{at})", all.join(", ")));
    }
    if from.is_empty() { "(VALUES (1)) AS t(a)".to_owned() } else { from.join(" CROSS JOIN ") }
}

fn call(row: &'static Signature, args: &[Expr]) -> Expr {
    Expr::call(Function::Listed(row), args.to_vec(), row.result(args))
}

fn sql(expr: &Expr) -> String {
    printed(expr, &|scan| format!("t{scan}.a{scan}"))
}

/// PostgreSQL's own, over the same columns and constants.
fn own(row: &'static Signature, args: &[Expr]) -> String {
    let texts: Vec<String> = args
        .iter()
        .enumerate()
        .map(|(at, arg)| match &arg.node {
            Node::Constant(Some(text)) => {
                format!("'{}'::{}", text.replace('\'', "''"), arg.ty.name())
            }
            _ => format!("t{at}.a{at}"),
        })
        .collect();
    let raw: Vec<&str> = args
        .iter()
        .map(|arg| if let Node::Constant(Some(text)) = &arg.node { text.as_str() } else { "" })
        .collect();
    plain(row, &texts, &raw)
}

/// The bounds that the columns have, as the emitted SQL holds `numeric` to them.
fn in_bounds(args: &[Expr]) -> String {
    let held = args
        .iter()
        .enumerate()
        .filter(|(_, arg)| arg.as_column().is_some_and(|column| column.bounds.is_some()));
    let conditions: Vec<String> =
        held.map(|(at, _)| format!("t{at}.a{at} BETWEEN -1000000000 AND 1000000000")).collect();
    if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") }
}

async fn ask(client: &Client, sql: &str) -> Result<Vec<tokio_postgres::SimpleQueryRow>, String> {
    let messages = client.simple_query(sql).await.map_err(|error| {
        let said = error.as_db_error().map(|error| error.message().to_owned());
        format!("{}\n  {}", said.unwrap_or(error.to_string()), short(sql))
    })?;
    let rows = messages.into_iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    Ok(rows.collect())
}

fn short(sql: &str) -> String {
    sql.chars().take(1_500).collect()
}

fn on_cluster<F: Future<Output = ()>>(test: impl FnOnce(Client) -> F) {
    let options = Options::default().with("jit", "off").with("timezone", "America/New_York");
    let cluster = Cluster::temporary(options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = tokio_postgres::Config::new();
        config.host_path(cluster.socket_dir()).port(cluster.port()).user("postgres");
        let (client, connection) = config.dbname("postgres").connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        test(client).await;
    });
}

fn fail(wrong: &[String]) {
    let some = wrong[..wrong.len().min(12)].join("\n\n");
    assert!(wrong.is_empty(), "{} are wrong, such as\n{some}", wrong.len());
}

#[test]
fn nothing_raises_over_extreme_values() {
    on_cluster(|client| async move {
        let mut wrong = Vec::new();
        for row in all() {
            for args in cases(row, EXTREME_MOST) {
                let value = sql(&call(row, &args));
                let from = rows(&args, extremes, true);
                let present: Vec<String> = args
                    .iter()
                    .enumerate()
                    .filter(|(_, arg)| arg.as_column().is_some())
                    .map(|(at, _)| format!("t{at}.a{at} IS NOT NULL"))
                    .collect();
                let present =
                    if present.is_empty() { "true".to_owned() } else { present.join(" AND ") };
                let sql = format!(
                    "SELECT count(x::text), count(*) FILTER (WHERE x IS NULL AND p), \
                     count(*) FILTER (WHERE x IS NULL) FROM \
                     (SELECT {value} AS x, {present} AS p FROM {from} OFFSET 0) AS t"
                );
                match ask(&client, &sql).await {
                    Err(error) => wrong.push(format!("{row:?}: {error}")),
                    Ok(found) => {
                        let count = |at| found[0].get(at).unwrap().parse::<i64>().unwrap();
                        // A wide whole number can be more than its type holds, which a key is not.
                        let wide = row.wide && matches!(row.result.ty(), Type::Int(_));
                        let strict = row.null == Null::Strict && !wide;
                        if strict && count(1) > 0 || row.null == Null::Never && count(2) > 0 {
                            wrong.push(format!("{row:?} is NULL of what is not: {}", short(&sql)));
                        }
                    }
                }
            }
        }
        fail(&wrong);
    });
}

#[test]
fn ordinary_values_are_postgresql_s_own() {
    on_cluster(|client| async move {
        let mut wrong = Vec::new();
        for row in all() {
            let mut compared = 0;
            for args in cases(row, ORDINARY_MOST) {
                let call = call(row, &args);
                let (value, own) = (sql(&call), own(row, &args));
                let from = rows(&args, ordinary, true);
                let sql = side_by_side(&value, &own, &from, &args);
                match ask(&client, &sql).await {
                    Err(error) => wrong.push(format!("{row:?}: {error}")),
                    Ok(found) => {
                        compared += found[0].get(0).unwrap().parse::<i64>().unwrap();
                        if let Some(args) = found[0].get(1) {
                            let (own, ours) = (found[0].get(2), found[0].get(3));
                            wrong.push(format!(
                                "{row:?} of {args} is {own:?}, not {ours:?}\n  {}",
                                short(&sql)
                            ));
                        }
                    }
                }
                if let Some(range) = range(&call) {
                    let sql = format!(
                        "SELECT min(x::text) FROM (SELECT {value} AS x FROM {from} WHERE {} OFFSET 0) AS t \
                         WHERE x::numeric <> 'NaN' AND x::numeric NOT BETWEEN {}::numeric / {} AND {}::numeric / {}",
                        in_bounds(&args),
                        range.low.numerator(),
                        range.low.denominator(),
                        range.high.numerator(),
                        range.high.denominator(),
                    );
                    match ask(&client, &sql).await {
                        Err(error) => wrong.push(format!("{row:?}: {error}")),
                        Ok(found) => {
                            if let Some(found) = found[0].get(0) {
                                wrong.push(format!(
                                    "{row:?} is {found}, not in {range:?}\n  {}",
                                    short(&sql)
                                ));
                            }
                        }
                    }
                }
            }
            if compared < 1 {
                wrong.push(format!("{row:?} is NULL for all values"));
            }
        }
        fail(&wrong);
    });
}

/// Ours and PostgreSQL's own side by side, the latter only where ours has a value.
fn side_by_side(value: &str, own: &str, from: &str, args: &[Expr]) -> String {
    let columns: Vec<String> = args
        .iter()
        .enumerate()
        .filter(|(_, arg)| arg.as_column().is_some())
        .map(|(at, _)| format!("t{at}.a{at}"))
        .collect();
    let seen = if columns.is_empty() {
        "''".to_owned()
    } else {
        format!("ROW({})::text", columns.join(", "))
    };
    format!(
        "SELECT count(x), min(a) FILTER (WHERE y IS DISTINCT FROM x), \
         min(y::text) FILTER (WHERE y IS DISTINCT FROM x), min(x::text) FILTER (WHERE y IS DISTINCT FROM x) \
         FROM (SELECT {value} AS x, CASE WHEN {value} IS NOT NULL THEN {own} END AS y, {seen} AS a \
         FROM {from} OFFSET 0) AS t"
    )
}

#[test]
fn long_texts_are_no_trouble() {
    on_cluster(|client| async move {
        client
            .batch_execute(
                "CREATE TABLE long (x text); ALTER TABLE long ALTER x SET STORAGE EXTERNAL;
                 INSERT INTO long VALUES (repeat('aB 😀', 1428571)), (repeat('İ', 5000000)),
                 (repeat('x', 12000000));",
            )
            .await
            .unwrap();
        let mut wrong = Vec::new();
        for row in all().filter(|row| {
            row.arg(0).is_some_and(|arg| matches!(arg, Arg::Held | Arg::Value(Kind::Text)))
        }) {
            // Of the constants the first case is enough, and the last one that makes it longest.
            let cases = cases(row, ORDINARY_MOST);
            for args in [cases.first(), cases.last()].into_iter().flatten() {
                let expr = call(row, args);
                let value = printed(&expr, &|_| "x".to_owned());
                let sql = format!(
                    "SELECT max(octet_length(v::text)) FROM (SELECT {value} AS v FROM long OFFSET 0) AS t"
                );
                match ask(&client, &sql).await {
                    Err(error) => wrong.push(format!("{row:?}: {error}")),
                    Ok(found) => {
                        let bytes =
                            found[0].get(0).map_or(0, |bytes| bytes.parse::<u64>().unwrap());
                        if text_bytes(&expr).is_some_and(|most| expr.ty.is_text() && bytes > most) {
                            wrong.push(format!("{row:?} is longer than it says: {bytes}"));
                        }
                    }
                }
            }
        }
        fail(&wrong);
        let over = all().find(|row| row.name == "lower").unwrap();
        let over = call(over, &[column(0, TEXT, ORDINARY_MOST)]);
        let value = printed(&over, &|_| "x".to_owned());
        let sql = format!("SELECT max(octet_length({value})) FROM long WHERE x LIKE 'x%'");
        let found = ask(&client, &sql).await.unwrap();
        assert_eq!(found[0].get(0).unwrap().parse::<u64>().unwrap(), HELD / 4);
    });
}

/// What is guarded against something that no value here can show.
const UNSEEN: &[&str] = &[
    // It raises in encodings other than UTF-8.
    "ascii(text)",
    // It raises for arrays of ten thousand numbers of the largest size, which take a gigabyte.
    "jsonb ->> constant text",
    "jsonb ->> constant integer",
    "jsonb #>> constant text[]",
    // Memory is short for a text of a quarter of a gigabyte.
    "character ~ constant text",
    "character ~* constant text",
    "character !~ constant text",
    "character !~* constant text",
];

#[test]
fn without_its_guard_each_would_raise() {
    on_cluster(|client| async move {
        let mut wrong = Vec::new();
        for row in all().filter(|row| row.guard.is_some() || row.form.is_some()) {
            let mut raises = false;
            for args in cases(row, EXTREME_MOST) {
                let own = own(row, &args);
                let from = rows(&args, extremes, true);
                let sql = format!(
                    "SELECT count(x::text) FROM (SELECT {own} AS x FROM {from} OFFSET 0) AS t"
                );
                raises = raises || ask(&client, &sql).await.is_err();
            }
            if !raises && !UNSEEN.contains(&row.shown().as_str()) {
                wrong.push(format!("{row:?} needs no guard"));
            }
        }
        fail(&wrong);
    });
}
