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

#[test]
fn there_are_enough() {
    assert!(queries().len() >= 60, "{}", queries().len());
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
