//! The noise of answers, end to end: over the wire, through the proxy, against what PostgreSQL
//! says of the same rows. The exact answer is subtracted, and what remains must be the noise that
//! EXPLAIN announced: no more, no less, independent from cell to cell.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/fit.rs"]
#[expect(dead_code, reason = "each test binary uses a part of this")]
mod fit;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use common::{DEMO, cell, connect, declared, error, open, run, texts};
use fit::{Law, SIGMAS, correlation, variance};
use noisegate::demo::{Shop, ShopOptions};
use tokio_postgres::Client;

/// Alice and carol pay under zCDP, bob pays pure epsilon. Budgets are beyond reason, so that there
/// are enough draws; the noise of one query is that of a small epsilon.
const PEOPLE: &str = r#"
[roles.gauss]
members = ["alice", "carol"]
answers = "noisy"
pays    = ["gauss"]
epsilon = { default = 0.5, max = 1e6 }

[roles.laplace]
members = ["bob"]
answers = "noisy"
pays    = ["laplace"]
epsilon = { default = 0.5, max = 1e6 }

[budgets.gauss]
per     = "dataset"
epsilon = 1e15
delta   = 0.99
window  = "lifetime"

[budgets.laplace]
per        = "dataset"
epsilon    = 1e15
window     = "lifetime"
accountant = "pure"

[answers]
remember = "7d"
preview  = "empty"
release  = "at once"
timeout  = "60s"
"#;

/// Groups of one customer that count; more than any has, so that nothing is cut off.
const GROUPS_MAX: i64 = 300;
/// Lines of one customer that count in one group of `PARTS`; more than any has.
const ROWS_MAX: i64 = 6;

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let (tables, _) = DEMO.split_once("# ---- People and budgets.").expect("the demo's people");
    let tables = declared(tables)
        .replace("max_groups = 5 ", &format!("max_groups = {GROUPS_MAX} "))
        .replace("max_rows = 120", &format!("max_rows = {ROWS_MAX}"));
    assert!(tables.contains(&format!("max_groups = {GROUPS_MAX}")));
    assert!(tables.contains(&format!("max_rows = {ROWS_MAX}")));
    open(ShopOptions::new(0.01, &format!("{tables}{PEOPLE}"), "noise.toml"))
});

type Cells = BTreeMap<Vec<String>, Vec<i64>>;

/// Rows by their key: the first `keys` columns. The others are whole numbers.
async fn cells(client: &Client, sql: &str, keys: usize) -> Cells {
    let rows = texts(client, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let cell = |cell: &Option<String>| cell.clone().expect("no NULL here");
    // The blanks of a char(n) are not part of its value.
    let trimmed = |key: &Option<String>| cell(key).trim_end().to_owned();
    rows.iter()
        .map(|row| {
            let key = row[..keys].iter().map(trimmed).collect();
            (key, row[keys..].iter().map(|n| cell(n).parse().expect("a whole number")).collect())
        })
        .collect()
}

/// Adds the noise of each cell of a query to `noises`, one list for each column. A group that the
/// source does not have holds zeros.
async fn collect(
    proxy: &Client,
    postgres: &Client,
    sql: &str,
    keys: usize,
    noises: &mut [Vec<i64>],
) -> usize {
    let (noisy, exact) = (cells(proxy, sql, keys).await, cells(postgres, sql, keys).await);
    let absent: Vec<_> = exact.keys().filter(|key| !noisy.contains_key(*key)).collect();
    assert!(absent.is_empty(), "{sql}: public keys are all shown, but {absent:?}");
    for (key, values) in &noisy {
        for (at, noise) in noises.iter_mut().enumerate() {
            let exact = exact.get(key).map_or(0, |values| values[at]);
            noise.push(values[at] - exact);
        }
    }
    noisy.len()
}

/// The laws that the plan of a query of one leaf states, one for each column.
async fn laws(shop: &Shop, user: &str, sql: &str) -> Vec<Law> {
    let inspected = common::inspect(shop, user, sql).await.expect("a plan");
    let [leaf] = inspected.leaves.as_slice() else { panic!("one leaf") };
    let statistics = &leaf.plan.analysis().statistics;
    let columns = &leaf.bound.columns.values;
    columns.iter().map(|column| Law::of(&statistics[column.statistic].noise)).collect()
}

/// One of many questions about the same groups, some of them empty.
fn question(at: usize) -> String {
    format!(
        "SELECT c_nationkey, c_mktsegment, count(*), sum(c_nationkey) FROM customer \
         WHERE c_acctbal < {}.25 GROUP BY 1, 2",
        at * 45
    )
}

const QUESTIONS: usize = 240;

async fn counts_and_sums(user: &str) {
    let shop = &*SHOP;
    let (proxy, _) = connect(&shop.client_config(user)).await;
    let (postgres, _) = connect(&shop.source_config()).await;
    let mut noises = [Vec::new(), Vec::new()];
    for at in 0..QUESTIONS {
        let groups = collect(&proxy, &postgres, &question(at), 2, &mut noises).await;
        assert_eq!(groups, 125, "5 segments in each of 25 nations");
    }
    let laws = laws(shop, user, &question(0)).await;
    let [counts, sums] = &noises;
    assert!(counts.len() >= 20_000);
    laws[0].check("count", counts);
    laws[1].check("sum", sums);
    #[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
    let limit = SIGMAS / (counts.len() as f64).sqrt();
    let r = correlation(counts, sums);
    assert!(r.abs() < limit, "the columns' noises are correlated: {r}");
    // Cells of one answer, one after the other.
    let r = correlation(&counts[1..], &counts[..counts.len() - 1]);
    assert!(r.abs() < limit, "the cells' noises are correlated: {r}");
}

#[test]
fn counts_and_sums_carry_the_stated_gaussian() {
    run(counts_and_sums("alice"));
}

#[test]
fn counts_and_sums_carry_the_stated_laplace() {
    run(counts_and_sums("bob"));
}

/// Different values carry the noise of counts: a person has one row there, so one value.
#[test]
fn counts_of_distinct_values_carry_the_stated_noise() {
    let shop = &*SHOP;
    run(async {
        let (postgres, _) = connect(&shop.source_config()).await;
        let question = |at: usize| {
            format!(
                "SELECT c_nationkey, count(DISTINCT c_acctbal), count(DISTINCT c_mktsegment) \
                 FROM customer WHERE c_acctbal < {}.75 GROUP BY 1",
                at * 9
            )
        };
        for user in ["alice", "bob"] {
            let (proxy, _) = connect(&shop.client_config(user)).await;
            let mut noises = [Vec::new(), Vec::new()];
            for at in 0..450 {
                collect(&proxy, &postgres, &question(at), 1, &mut noises).await;
            }
            let laws = laws(shop, user, &question(0)).await;
            laws[0].check(user, &noises[0]);
            laws[1].check(user, &noises[1]);
        }
    });
}

const PARTS: &str = "SELECT p_partkey, l_shipmode, l_returnflag, count(*) FROM lineitem \
                     JOIN part ON l_partkey = p_partkey GROUP BY 1, 2, 3";

/// Many rows and groups of one person: the noise covers them all.
#[test]
fn a_join_with_many_groups_of_one_person() {
    let shop = &*SHOP;
    run(async {
        let (postgres, _) = connect(&shop.source_config()).await;
        let held = "SELECT max(groups), max(most) FROM (SELECT o_custkey, count(*) AS groups, \
                    max(n) AS most FROM (SELECT o_custkey, l_partkey, l_shipmode, l_returnflag, \
                    count(*) AS n FROM lineitem JOIN orders ON l_orderkey = o_orderkey \
                    GROUP BY 1, 2, 3, 4) g GROUP BY 1) t";
        let most = cells(&postgres, held, 0).await;
        let most = &most[&Vec::new()];
        assert!(most[0] <= GROUPS_MAX && most[1] <= ROWS_MAX, "nothing is cut off: {most:?}");
        for user in ["alice", "bob"] {
            let (proxy, _) = connect(&shop.client_config(user)).await;
            let mut noises = [Vec::new()];
            let groups = collect(&proxy, &postgres, PARTS, 3, &mut noises).await;
            assert_eq!(groups, 2000 * 7 * 3, "each part, each mode, each flag");
            laws(shop, user, PARTS).await[0].check(user, &noises[0]);
        }
    });
}

/// Public rows may multiply a person's row to any number; one still counts once.
#[test]
fn public_rows_do_not_multiply_a_person() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("alice")).await;
        let (postgres, _) = connect(&shop.source_config()).await;
        proxy.batch_execute("SET noisegate.epsilon = '1e5'").await.expect("a setting");
        let people = cell(&postgres, "SELECT count(*) FROM customer").await;
        for from in ["customer CROSS JOIN region", "customer JOIN part ON p_size > c_nationkey - 1"]
        {
            let counted = cell(&proxy, &format!("SELECT count(*) FROM {from}")).await;
            assert_eq!(counted, people, "{from}");
            let sql = format!("SELECT c_mktsegment, count(*) FROM {from} GROUP BY 1");
            let once = "SELECT c_mktsegment, count(*) FROM customer GROUP BY 1";
            assert_eq!(cells(&proxy, &sql, 1).await, cells(&postgres, once, 1).await, "{from}");
        }
    });
}

/// EXPLAIN over the wire says the standard deviation that the plan has.
#[test]
fn explain_states_the_noise() {
    let shop = &*SHOP;
    run(async {
        for (user, name) in [("alice", "discrete Gaussian"), ("bob", "discrete Laplace")] {
            let (proxy, _) = connect(&shop.client_config(user)).await;
            let rows = texts(&proxy, &format!("EXPLAIN {}", question(0))).await.expect("a plan");
            let lines: Vec<String> = rows.into_iter().filter_map(|row| row[0].clone()).collect();
            let plan = lines.join("\n");
            let stated: Vec<f64> = lines
                .iter()
                .filter_map(|line| line.split_once("standard deviation "))
                .map(|(_, number)| number.parse().expect("a number"))
                .collect();
            assert_eq!(stated.len(), 2, "{plan}");
            assert!(plan.contains(name), "{plan}");
            for (stated, law) in stated.iter().zip(laws(shop, user, &question(0)).await) {
                let deviation = match law {
                    Law::Gaussian(sigma) => sigma,
                    Law::Laplace(scale) => {
                        let q = (-1.0 / scale).exp();
                        (2.0 * q).sqrt() / (1.0 - q)
                    }
                };
                assert!((stated - deviation).abs() < 1e-3, "{stated} {deviation}");
            }
        }
    });
}

/// Aggregates that tempt a proxy to leave the noise out: of nothing, of constants, of zeros.
const TEMPTING: &[&str] = &[
    "count(*) FILTER (WHERE false)",
    "count(*) FILTER (WHERE c_acctbal > 1e9)",
    "count(NULL::int)",
    "count(1)",
    "count(c_name)",
    "count(DISTINCT c_custkey)",
    "sum(0)",
    "sum(1)",
    "sum(c_nationkey - c_nationkey)",
    "sum(c_nationkey * 0)",
    "sum(c_nationkey) FILTER (WHERE false)",
    "sum(least(greatest(c_nationkey, 7), 7))",
    "sum(CASE WHEN c_acctbal > 0 THEN 0 ELSE 0 END)",
    "coalesce(var_pop(c_acctbal), 0)::bigint",
    "coalesce(100 * stddev(c_acctbal), 0)::bigint",
    "coalesce(covar_pop(c_acctbal, c_nationkey), 0)::bigint",
    "coalesce(regr_sxx(c_acctbal, c_nationkey), 0)::bigint",
    "regr_count(c_acctbal, c_nationkey)",
];

#[test]
fn every_aggregate_carries_noise() {
    let shop = &*SHOP;
    run(async {
        for user in ["alice", "bob"] {
            let (proxy, _) = connect(&shop.client_config(user)).await;
            for condition in ["true", "c_acctbal < -1e9"] {
                for aggregate in TEMPTING {
                    let sql = format!(
                        "SELECT c_nationkey, c_mktsegment, {aggregate} FROM customer \
                         WHERE {condition} GROUP BY 1, 2"
                    );
                    // The exact values of each of these vary by less than their noise must.
                    let draws: Vec<i64> =
                        cells(&proxy, &sql, 2).await.values().map(|values| values[0]).collect();
                    assert_eq!(draws.len(), 125, "{sql}");
                    assert!(variance(&draws) > 1.0, "{user}: {sql}: {draws:?}");
                }
            }
        }
    });
}

/// A group that holds nobody is a cell as any other.
#[test]
fn empty_groups_are_shown_and_noisy() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("bob")).await;
        let sql = "SELECT o_orderpriority, o_orderstatus, count(*) FROM orders \
                   WHERE o_totalprice < 0 GROUP BY 1, 2";
        let draws: Vec<i64> = cells(&proxy, sql, 2).await.values().map(|v| v[0]).collect();
        assert_eq!(draws.len(), 15);
        assert!(variance(&draws) > 1.0, "{draws:?}");
        assert!(draws.iter().any(|n| *n < 0), "noise has both signs: {draws:?}");
    });
}

/// What is computed from several noisy sums lies within the half-widths that the notice states.
#[test]
fn stated_widths_hold_for_moments() {
    const AGGREGATES: [&str; 6] =
        ["avg(", "stddev(", "var_pop(", "covar_samp(", "corr(", "regr_sxx("];
    let shop = &*SHOP;
    run(async {
        let (proxy, notices) = connect(&shop.client_config("alice")).await;
        let (postgres, _) = connect(&shop.source_config()).await;
        let sql = "SELECT avg(c_acctbal), stddev(c_acctbal), var_pop(c_acctbal), \
                   covar_samp(c_acctbal, c_nationkey), corr(c_acctbal, c_nationkey), \
                   regr_sxx(c_nationkey, c_acctbal) FROM customer";
        let numbers = async |client: &Client| -> Vec<f64> {
            let rows = texts(client, sql).await.expect("an answer");
            rows[0]
                .iter()
                .map(|cell| cell.as_ref().expect("a number").parse().expect("one"))
                .collect()
        };
        let truth = numbers(&postgres).await;
        let mut misses = [0; AGGREGATES.len()];
        for draw in 0..40 {
            proxy
                .batch_execute(&format!("SET noisegate.epsilon = '1.{draw:02}'"))
                .await
                .expect("set");
            notices.lock().expect("no poison").clear();
            let found = numbers(&proxy).await;
            let heard = notices.lock().expect("no poison").join("\n");
            for (at, aggregate) in AGGREGATES.iter().enumerate() {
                let stated = heard.split(&format!(" on {aggregate}")).next().expect("a part");
                let stated = stated.rsplit("± ").next().expect("a number");
                let width: f64 = stated.parse().unwrap_or_else(|_| panic!("{aggregate} {heard}"));
                assert!(width > 0.0 && width < 3.0 * truth[at].abs().max(1.0) + 1e6, "{heard}");
                misses[at] += usize::from((found[at] - truth[at]).abs() > width);
            }
        }
        proxy.batch_execute("RESET noisegate.epsilon").await.expect("reset");
        // At most one of twenty on average; six of forty would be one chance in a hundred.
        assert!(misses.iter().all(|misses| *misses <= 6), "{misses:?}");
    });
}

#[test]
fn a_question_is_answered_once_for_each_epsilon() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("carol")).await;
        let (postgres, _) = connect(&shop.source_config()).await;
        let sql =
            "SELECT c_mktsegment, count(*), avg(c_acctbal) FROM customer GROUP BY 1 ORDER BY 1";
        let charges = async || cell(&proxy, "SELECT count(*) FROM noisegate.my_queries").await;
        let small = texts(&proxy, sql).await.expect("an answer");
        assert_eq!(texts(&proxy, sql).await.expect("an answer"), small);
        // The same question in other words, and in the other protocol.
        let again = "select c.c_mktsegment, count(*), avg(c.c_acctbal) from public.customer as c \
                     group by c.c_mktsegment order by c_mktsegment";
        assert_eq!(texts(&proxy, again).await.expect("an answer"), small);
        let prepared = proxy.query(sql, &[]).await.expect("an answer");
        let count = |at: usize| prepared[at].get::<_, i64>(1).to_string();
        assert!((0..5).all(|at| small[at][1] == Some(count(at))));
        assert_eq!(charges().await, "1");
        let counts = "SELECT c_mktsegment, count(*) FROM customer GROUP BY 1";
        proxy.batch_execute("SET noisegate.epsilon = '1e5'").await.expect("a setting");
        let large = texts(&proxy, sql).await.expect("an answer");
        assert_ne!(large, small);
        let close = cells(&proxy, counts, 1).await;
        assert_eq!(close, cells(&postgres, counts, 1).await, "at a huge epsilon noise rounds away");
        assert_eq!(charges().await, "3");
        proxy.batch_execute("RESET noisegate.epsilon").await.expect("a setting");
        assert_eq!(texts(&proxy, sql).await.expect("an answer"), small);
        assert_eq!(charges().await, "3");
    });
}

/// Keys that are found in the data: none below the minimum, whatever the noise.
#[test]
fn a_group_below_the_minimum_is_never_shown() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("alice")).await;
        let (postgres, _) = connect(&shop.source_config()).await;
        let sql = |year: usize| {
            format!(
                "SELECT o_orderdate::text, count(DISTINCT o_custkey) FROM orders \
                 WHERE extract(year FROM o_orderdate) <> {year} GROUP BY 1"
            )
        };
        let (mut shown, mut withheld) = (0, 0);
        for (epsilon, year) in (0..10).map(|at| (20 << at, 1900 + at)) {
            let set = format!("SET noisegate.epsilon = '{epsilon}'");
            proxy.batch_execute(&set).await.expect("a setting");
            let noisy = cells(&proxy, &sql(year), 1).await;
            for (key, exact) in cells(&postgres, &sql(year), 1).await {
                if noisy.contains_key(&key) {
                    assert!(exact[0] >= 10, "{key:?} has {exact:?}");
                } else {
                    withheld += 1;
                }
            }
            shown += noisy.len();
        }
        assert!(shown > 50 && withheld > 5000, "{shown} {withheld}");
    });
}

/// A pure budget cannot pay for a threshold, so groups must be public.
#[test]
fn pure_budgets_refuse_keys_that_are_not_public() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("bob")).await;
        for key in ["o_clerk", "o_orderdate", "o_totalprice", "o_orderstatus || o_clerk"] {
            let sql = format!("SELECT {key}, count(*) FROM orders GROUP BY 1");
            let refused = proxy.simple_query(&sql).await.expect_err("a refusal");
            let refused = refused.as_db_error().expect("an error of the database");
            assert_eq!(refused.detail(), Some("noisegate: keys"), "{sql}");
        }
        let (code, _) = error(&proxy, "SELECT DISTINCT o_clerk FROM orders").await;
        assert_eq!(code, "0A000");
    });
}
