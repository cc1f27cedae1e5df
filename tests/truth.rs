//! At a huge epsilon the proxy's answer equals PostgreSQL's, value for value, through both
//! protocols. To add a query, add a line to `tests/truth.sql`.

mod common;

use std::sync::LazyLock;

use common::{TRUTH, connect, open, run};
use noisegate::demo::{Shop, ShopOptions};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Row};

static SHOP: LazyLock<Shop> = LazyLock::new(|| open(ShopOptions::new(0.01, TRUTH, "truth.toml")));

/// A query, and how far binary numbers may be off relative to the truth: nothing is not at all.
struct Query {
    text: String,
    tolerance: Option<f64>,
}

/// The queries: separated by a line that ends in a semicolon; `--` starts a comment. The comment
/// `-- approximately 1e-9` is about the query that follows.
fn queries() -> Vec<Query> {
    let mut queries = Vec::new();
    let mut text = String::new();
    let mut tolerance = None;
    for line in include_str!("truth.sql").lines() {
        if let Some(comment) = line.trim_start().strip_prefix("--") {
            if let Some(number) = comment.trim().strip_prefix("approximately ") {
                tolerance = Some(number.parse().expect("a number"));
            }
            continue;
        }
        text.push_str(line);
        text.push('\n');
        if line.trim_end().ends_with(';') {
            let trimmed = text.trim().trim_end_matches(';').to_owned();
            queries.push(Query { text: trimmed, tolerance: tolerance.take() });
            text.clear();
        }
    }
    queries.retain(|query| !query.text.is_empty());
    queries
}

/// Whether rows are the same, but for numbers that may be off a little.
fn same<T: PartialEq>(
    tolerance: Option<f64>,
    ours: &[Vec<Option<T>>],
    truth: &[Vec<Option<T>>],
    number: impl Fn(&T) -> Option<f64>,
) -> bool {
    let near = |a: &T, b: &T| {
        let (Some(tolerance), Some(a), Some(b)) = (tolerance, number(a), number(b)) else {
            return false;
        };
        (a - b).abs() <= tolerance * b.abs()
    };
    let cell = |(a, b): (&Option<T>, &Option<T>)| match (a, b) {
        (Some(a), Some(b)) => a == b || near(a, b),
        _ => a == b,
    };
    let row = |(a, b): (&Vec<Option<T>>, &Vec<Option<T>>)| {
        a.len() == b.len() && a.iter().zip(b).all(cell)
    };
    ours.len() == truth.len() && ours.iter().zip(truth).all(row)
}

/// Rows in an order of their own where the query asks for none.
fn comparable<T: Ord>(query: &str, mut rows: Vec<T>) -> Vec<T> {
    if !query.to_lowercase().contains("order by") {
        rows.sort();
    }
    rows
}

#[test]
fn simple_protocol() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("alice")).await;
        let (postgres, _) = connect(&shop.source_config()).await;
        let mut wrong = Vec::new();
        for Query { text: query, tolerance } in queries() {
            let ours = common::texts(&proxy, &query).await;
            let truth = common::texts(&postgres, &query).await.expect("PostgreSQL answers");
            let number = |cell: &String| cell.parse().ok();
            match ours {
                Ok(ours)
                    if same(
                        tolerance,
                        &comparable(&query, ours.clone()),
                        &comparable(&query, truth.clone()),
                        number,
                    ) => {}
                Ok(ours) => wrong.push(format!("{query}\n  ours  {ours:?}\n  truth {truth:?}")),
                Err(error) => wrong.push(format!("{query}\n  {}", said(&error))),
            }
        }
        assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    });
}

#[test]
fn extended_protocol_in_binary() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("bob")).await;
        let (postgres, _) = connect(&shop.source_config()).await;
        let mut wrong = Vec::new();
        for Query { text: query, tolerance } in queries() {
            let number =
                |cell: &Vec<u8>| Some(f64::from_be_bytes(cell.as_slice().try_into().ok()?));
            match binary(&proxy, &query).await {
                Ok(ours) => {
                    let truth = binary(&postgres, &query).await.expect("PostgreSQL answers");
                    if ours.0 != truth.0 {
                        wrong.push(format!("{query}\n  columns {:?}, not {:?}", ours.0, truth.0));
                    } else if tolerance.is_some() && numerics(&ours.0) {
                        // Their binary form is not compared approximately; their text was.
                    } else if !same(
                        tolerance,
                        &comparable(&query, ours.1),
                        &comparable(&query, truth.1),
                        number,
                    ) {
                        wrong.push(format!("{query}\n  other rows"));
                    }
                }
                Err(error) => wrong.push(format!("{query}\n  {}", said(&error))),
            }
        }
        assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    });
}

/// The queries whose answers are off by less than the width of a bucket, which EXPLAIN states.
fn within_buckets() -> Vec<String> {
    let lines = include_str!("quantiles.sql").lines().map(str::trim);
    let queries = lines.filter(|line| !line.is_empty() && !line.starts_with("--"));
    queries.map(|line| line.trim_end_matches(';').to_owned()).collect()
}

/// The widths of the buckets of a query, in the order of their columns in its plan.
async fn widths(proxy: &Client, query: &str) -> Vec<f64> {
    let lines = common::texts(proxy, &format!("explain {query}")).await.expect("a plan");
    let lines = lines.into_iter().flatten().flatten();
    lines
        .filter(|line| line.contains(" buckets"))
        .map(|line| match line.split_once(" buckets of width ") {
            Some((_, rest)) => {
                rest.split([',', ' ']).next().and_then(|n| n.parse().ok()).expect("a width")
            }
            None => 0.0,
        })
        .collect()
}

/// A cell as numbers: one, days, minutes, or several of an array.
fn numbers(cell: &str) -> Option<Vec<f64>> {
    let inner = cell.trim_start_matches('{').trim_end_matches('}');
    inner.split(',').map(|one| one.trim_matches('"')).map(number).collect()
}

fn number(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (day, time) = text.split_once(' ').unwrap_or((text, ""));
    let day: Vec<f64> = day.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [year, month, day] = day.try_into().ok()?;
    // Near enough: the bucket is given a day for months of different length.
    let days = f64::floor(year * 365.2425) + f64::floor((month - 1.0) * 30.436_875) + day;
    if time.is_empty() {
        return Some(days);
    }
    let clock: Vec<f64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    Some(days * 1440.0 + clock.first()? * 60.0 + clock.get(1)?)
}

fn near(ours: &str, truth: &str, width: f64) -> bool {
    if ours == truth {
        return true;
    }
    let (Some(a), Some(b)) = (numbers(ours), numbers(truth)) else { return false };
    let calendar = if width == 0.0 {
        0.0
    } else if truth.contains('-') && truth.contains(':') {
        3.0 * 1440.0
    } else if truth.get(4..5) == Some("-") {
        3.0
    } else {
        0.0
    };
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= width + calendar)
}

#[test]
fn quantiles_are_within_their_buckets() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("alice")).await;
        let (postgres, _) = connect(&shop.source_config()).await;
        let mut wrong = Vec::new();
        let mut coarse = 0;
        for query in within_buckets() {
            let widths = widths(&proxy, &query).await;
            let width = widths.iter().copied().fold(0.0, f64::max);
            coarse += u32::from(width > 0.0);
            let truth = common::texts(&postgres, &query).await.expect("PostgreSQL answers");
            let ours = match common::texts(&proxy, &query).await {
                Ok(ours) => ours,
                Err(error) => {
                    wrong.push(format!("{query}\n  {}", said(&error)));
                    continue;
                }
            };
            let columns = (binary(&proxy, &query).await, binary(&postgres, &query).await);
            let same_columns = matches!(&columns, (Ok(a), Ok(b)) if a.0 == b.0);
            let (ours, truth) = (comparable(&query, ours), comparable(&query, truth));
            let cells = |a: &[Option<String>], b: &[Option<String>]| {
                a.iter().zip(b).all(|pair| match pair {
                    (Some(a), Some(b)) => near(a, b, width),
                    (a, b) => a == b,
                })
            };
            let same =
                ours.len() == truth.len() && ours.iter().zip(&truth).all(|(a, b)| cells(a, b));
            if !same || !same_columns || widths.is_empty() {
                wrong.push(format!(
                    "{query}\n  ours  {ours:?}\n  truth {truth:?}\n  widths {widths:?}, columns {same_columns}"
                ));
            }
        }
        assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
        assert!(coarse >= 5, "{coarse} with buckets of more than one value");
    });
}

#[test]
fn there_are_enough() {
    assert!(queries().len() >= 300, "{}", queries().len());
}

/// Both are given a column that is called the same, read from one histogram.
#[test]
fn what_a_leaf_is_given_is_part_of_its_question() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("alice")).await;
        let above = async |share: &str| -> i64 {
            let query = format!(
                "select count(*) from orders where o_totalprice > \
                 (select percentile_cont({share}) within group (order by o_totalprice) from orders)"
            );
            proxy.query_one(&query, &[]).await.expect("a count").get(0)
        };
        let (quarter, three) = (above("0.75").await, above("0.25").await);
        assert!(three > 2 * quarter, "{quarter} and {three}");
    });
}

fn said(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(
        || error.to_string(),
        |db| format!("{}: {} ({})", db.code().code(), db.message(), db.hint().unwrap_or("")),
    )
}

type Columns = Vec<(String, u32)>;

fn numerics(columns: &Columns) -> bool {
    columns.iter().any(|(_, oid)| *oid == Type::NUMERIC.oid())
}

/// The columns and the binary cells of a prepared query.
async fn binary(
    client: &Client,
    query: &str,
) -> Result<(Columns, Vec<Vec<Option<Vec<u8>>>>), tokio_postgres::Error> {
    let statement = client.prepare(query).await?;
    let columns =
        statement.columns().iter().map(|c| (c.name().to_owned(), c.type_().oid())).collect();
    let rows = client.query(&statement, &[]).await?;
    Ok((columns, rows.iter().map(cells).collect()))
}

struct Cell(Option<Vec<u8>>);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Some(raw.to_vec())))
    }
    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(None))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

fn cells(row: &Row) -> Vec<Option<Vec<u8>>> {
    (0..row.len()).map(|at| row.get::<_, Cell>(at).0).collect()
}
