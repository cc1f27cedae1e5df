//! Random queries over random small schemas: at a huge epsilon the proxy's answer equals
//! PostgreSQL's, and what is not answered is refused, with a code.
//!
//! `NOISEGATE_SEED` takes another seed than the usual one, `NOISEGATE_QUERIES` another number of
//! queries. A failure prints both texts; with the seed they come again.
#![expect(clippy::indexing_slicing, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;
mod expressions;
mod queries;
mod schema;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::{connect, open, run, texts};
use noisegate::clock::{Clock, Millis};
use noisegate::demo::{Shop, ShopOptions};
use queries::Query;
use schema::Schema;
use tokio_postgres::Client;

/// Draws that are the same for the same seed.
struct Rng(u64);

impl Rng {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        usize::try_from(self.next() >> 16).expect("64 bits") % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        of.get(self.roll(of.len())).expect("something to pick from")
    }
}

const SCHEMAS: u64 = 10;
const SEED: u64 = 20_260_701;
const QUERIES: u64 = 5_000;
/// A month and more, in milliseconds: by then budgets are full again.
const MONTH: i64 = 32 * 24 * 3_600 * 1_000;
/// Queries that are asked at a time.
const CLIENTS: u64 = 4;

fn from_environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What came of the queries.
#[derive(Default)]
struct Summary {
    answered: u64,
    /// Answers that hold something else than zeros, NULL and no rows.
    told: u64,
    refused: BTreeMap<String, u64>,
    /// An example of each refusal.
    examples: BTreeMap<String, String>,
    invalid: Vec<String>,
    wrong: Vec<String>,
    kinds: BTreeMap<&'static str, (u64, u64)>,
}

impl Summary {
    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.told += other.told;
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
        for (code, example) in other.examples {
            shorter(&mut self.examples, code, example);
        }
        self.invalid.extend(other.invalid);
        self.wrong.extend(other.wrong);
        for (kind, (answered, asked)) in other.kinds {
            let sum = self.kinds.entry(kind).or_default();
            *sum = (sum.0 + answered, sum.1 + asked);
        }
    }
}

/// Keeps the shortest example of each refusal.
fn shorter(examples: &mut BTreeMap<String, String>, code: String, example: String) {
    let kept = examples.entry(code).or_insert_with(|| example.clone());
    if example.len() < kept.len() {
        *kept = example;
    }
}

#[test]
fn answers_equal_postgresql() {
    let (seed, count) =
        (from_environment("NOISEGATE_SEED", SEED), from_environment("NOISEGATE_QUERIES", QUERIES));
    let schemas: Vec<Schema> = (0..SCHEMAS).map(|at| Schema::new(seed, at)).collect();
    let mut options = ShopOptions::new(0.01, &schema::policy(&schemas), "generated.toml");
    options.seed = Some(schemas.iter().map(Schema::sql).collect());
    let (clock, time) = Clock::fixed(Millis(1_767_225_600_000));
    options.clock = clock;
    let shop = Arc::new(open(options));
    let schemas = Arc::new(schemas);
    let mut summary = Summary::default();
    run(async {
        schema::truth(&shop, &schemas).await;
        let tasks: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (shop, schemas) = (Arc::clone(&shop), Arc::clone(&schemas));
                let time = Arc::clone(&time);
                tokio::spawn(
                    async move { ask(&shop, &schemas, &time, (seed, client, count)).await },
                )
            })
            .collect();
        for task in tasks {
            summary.add(task.await.expect("a client ends"));
        }
    });
    let (answered, told) = (summary.answered, summary.told);
    let mut report =
        format!("seed {seed}: {answered} of {count} answered, {told} with something\n");
    for (kind, (answered, asked)) in &summary.kinds {
        let _ = writeln!(report, "  {kind}: {answered} of {asked}");
    }
    for (code, count) in &summary.refused {
        let example = summary.examples.get(code).map_or("", String::as_str);
        let _ = writeln!(report, "  refused {code}: {count}, such as {example}");
    }
    let shown = |all: &[String]| all.iter().take(10).cloned().collect::<Vec<_>>().join("\n\n");
    std::io::Write::write_all(&mut std::io::stderr(), report.as_bytes()).expect("stderr");
    assert!(
        summary.wrong.is_empty(),
        "{report}{} differ:\n{}",
        summary.wrong.len(),
        shown(&summary.wrong)
    );
    let invalid = u64::try_from(summary.invalid.len()).expect("a count");
    assert!(invalid * 100 <= count, "{invalid} are no SQL:\n{}", shown(&summary.invalid));
    assert!(answered * 4 >= count * 3 && told * 2 >= count, "{report}");
    let all_kinds = summary.kinds.values().all(|(answered, _)| *answered > 0);
    assert!(all_kinds || count < QUERIES, "{report}");
}

/// Asks every so-manieth query.
async fn ask(
    shop: &Shop,
    schemas: &[Schema],
    time: &AtomicI64,
    (seed, first, count): (u64, u64, u64),
) -> Summary {
    let (proxy, _) = connect(&shop.client_config("alice")).await;
    let (postgres, _) = connect(&shop.source.config(schema::TRUTH, "postgres")).await;
    let mut summary = Summary::default();
    let mut at = String::new();
    for number in (first..count).step_by(usize::try_from(CLIENTS).expect("a few")) {
        let mut rng = Rng::new(seed ^ number.wrapping_mul(0x0100_0001));
        let schema = rng.pick(schemas);
        // A thousand selections of groups take all of a budget's delta, however large it is.
        if number % 400 == 0 {
            time.fetch_add(MONTH, Ordering::SeqCst);
        }
        if at != schema.name {
            at.clone_from(&schema.name);
            let path = format!("SET search_path = {at}");
            for client in [&proxy, &postgres] {
                client.batch_execute(&path).await.expect("a search path");
            }
        }
        let query = queries::query(&mut rng, schema);
        let binary = number % 10 == 0;
        one(&proxy, &postgres, &query, binary, number, &mut summary).await;
    }
    summary
}

async fn one(
    proxy: &Client,
    postgres: &Client,
    query: &Query,
    binary: bool,
    number: u64,
    summary: &mut Summary,
) {
    let kind = summary.kinds.entry(query.kind).or_default();
    kind.1 += 1;
    let truth = match texts(postgres, &query.truth).await {
        Ok(truth) => truth,
        Err(error) => {
            let said = error.as_db_error().map_or("", |db| db.message());
            summary.invalid.push(format!("{number}: {}\n  {said}", query.truth));
            return;
        }
    };
    let ours =
        if binary { as_texts(proxy, &query.ours).await } else { texts(proxy, &query.ours).await };
    match ours {
        Ok(ours) if comparable(query, &ours) == comparable(query, &truth) => {
            kind.0 += 1;
            summary.answered += 1;
            let mut cells = ours.iter().flatten().flatten();
            summary.told += u64::from(cells.any(|cell| cell != "0"));
        }
        Ok(ours) => summary.wrong.push(format!(
            "{number}: {}\n  ours  {:?}\n  truth {:?}",
            query.ours,
            comparable(query, &ours),
            comparable(query, &truth)
        )),
        Err(error) => {
            let db = error.as_db_error();
            let detail = db.and_then(|db| db.detail()).unwrap_or_default();
            match detail.strip_prefix("noisegate: ") {
                Some(code) => {
                    let message = db.map_or("", |db| db.message());
                    let code = format!(
                        "{} ({message})",
                        code.split_whitespace().next().unwrap_or_default()
                    );
                    *summary.refused.entry(code.clone()).or_default() += 1;
                    shorter(&mut summary.examples, code, format!("{number}: {}", query.ours));
                }
                None => summary.wrong.push(format!("{number}: {}\n  {error} {db:?}", query.ours)),
            }
        }
    }
}

/// The rows as text, after a driver has had them in binary: the second answer is the remembered one.
async fn as_texts(
    client: &Client,
    sql: &str,
) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    let statement = client.prepare(sql).await?;
    let rows = client.query(&statement, &[]).await?;
    let said = texts(client, sql).await?;
    assert_eq!(rows.len(), said.len(), "as many rows in both protocols: {sql}");
    Ok(said)
}

/// Rows with numbers in one spelling, in an order of their own where the query asks for none.
fn comparable(query: &Query, rows: &[Vec<Option<String>>]) -> Vec<Vec<Option<String>>> {
    let mut rows: Vec<Vec<Option<String>>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| cell.as_deref().map(spelled)).collect())
        .collect();
    if !query.ordered {
        rows.sort();
    }
    rows
}

/// A number without zeros at its end.
fn spelled(cell: &str) -> String {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let is_decimal = digits.contains('.')
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        && digits.matches('.').count() == 1;
    let plain = if is_decimal { cell.trim_end_matches('0').trim_end_matches('.') } else { cell };
    if plain == "-0" { "0".to_owned() } else { plain.to_owned() }
}
