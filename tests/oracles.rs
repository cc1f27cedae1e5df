//! Two things that must be so whatever analysts ask. The source's log has only statements that
//! noisegate made, with none of the analysts' text in them; and the shadow, which analysts' text
//! reaches, knows nothing about anybody.

mod common;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::LazyLock;

use common::{TRUTH, connect, open, run, texts};
use noisegate::demo::{Binaries, DATABASE, Shop, ShopOptions};

/// Written into names, aliases and comments by the analysts of this test.
const ANALYST: &str = "nightingale";
/// The tables of people.
const PRIVATE: [&str; 3] = ["customer", "orders", "lineitem"];

/// The shop, and how long the source's log was when it opened.
static SHOP: LazyLock<(Shop, usize)> = LazyLock::new(|| {
    let options = ShopOptions::new(0.001, TRUTH, "truth.toml");
    let shop = open(ShopOptions { separate_shadow: true, log_statements: true, ..options });
    let start = log(&shop).len();
    (shop, start)
});

fn log(shop: &Shop) -> String {
    std::fs::read_to_string(shop.source.log_path()).expect("the source's log")
}

/// Queries that are answered: those of the truth test and some full of the analyst's own words.
fn queries() -> Vec<String> {
    let lines = include_str!("truth.sql").lines();
    let text: Vec<&str> = lines.filter(|line| !line.trim_start().starts_with("--")).collect();
    let truth = text.join("\n");
    let truth = truth.split(";\n").map(str::trim).filter(|query| !query.is_empty());
    let commented =
        truth.map(|q| format!("/* {ANALYST} */ {} -- {ANALYST}", q.trim_end_matches(';')));
    let own = [
        "SELECT count(*) AS \"nightingale one\", sum(o_totalprice) nightingale FROM orders AS \
         nightingale_table WHERE nightingale_table.o_orderstatus = 'F'",
        "WITH nightingale AS (SELECT o_custkey AS nightingale_key, o_orderstatus \
         FROM orders) SELECT o_orderstatus AS nightingale_status, count(*) FROM nightingale \
         GROUP BY 1 HAVING count(*) > 0 ORDER BY 2",
        "SELECT 'nightingale' || o_orderstatus, count(*) FROM orders GROUP BY o_orderstatus",
        "SELECT CASE WHEN count(*) > 0 THEN 'nightingale' END FROM customer",
    ];
    commented.chain(own.map(str::to_owned)).collect()
}

/// Statements that are refused or wrong. Nothing of them may reach the source.
const REFUSED: [&str; 8] = [
    "SELECT c_name FROM customer WHERE c_name = 'nightingale'",
    "SELECT max(c_name) AS nightingale FROM customer",
    "SELECT count(*) FROM customer WHERE c_address = 'nightingale'",
    "SELECT count(*) FROM customer WHERE pg_sleep(0) IS NULL OR c_mktsegment = 'nightingale'",
    "SELECT count(*) FROM customer WHERE nightingale = 1",
    "SELECT count(*) FROM customer, (SELECT 1 / 0 AS nightingale) AS n",
    "DELETE FROM customer WHERE c_mktsegment = 'nightingale'",
    "EXPLAIN ANALYZE SELECT count(*) FROM customer WHERE c_mktsegment = 'nightingale'",
];

/// Asks everything, through both protocols. Counts what was answered.
async fn ask_everything(shop: &Shop) -> usize {
    let (alice, _) = connect(&shop.client_config("alice")).await;
    let (bob, _) = connect(&shop.client_config("bob")).await;
    let mut answered = 0;
    for query in queries() {
        answered += usize::from(texts(&alice, &query).await.is_ok());
        answered += usize::from(bob.query(&query, &[]).await.is_ok());
    }
    for text in REFUSED {
        let refused = alice.simple_query(text).await;
        assert!(refused.is_err(), "{text}");
        assert!(bob.query(text, &[]).await.is_err(), "{text}");
    }
    answered
}

/// The statements of the reader in the source's log, from a place in it on.
fn statements(log: &str) -> Vec<String> {
    // A line of a statement after its first begins with a tab.
    let whole = log.replace("\n\t", " ");
    let ours = whole.lines().filter_map(|line| line.split_once("noisegate_reader LOG:  "));
    ours.filter_map(|(_, said)| {
        let text = match said.strip_prefix("statement: ") {
            Some(text) => Some(text),
            None => said.strip_prefix("execute ").and_then(|rest| Some(rest.split_once(": ")?.1)),
        };
        text.map(str::to_owned)
    })
    .collect()
}

/// The quoted names in a statement, with its string literals left out.
fn names(statement: &str) -> BTreeSet<String> {
    let without_literals: String = statement.split('\'').step_by(2).collect();
    // The one collation that is ever written, whatever the analyst's text says.
    without_literals
        .replace("COLLATE pg_catalog.\"C\"", "")
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Whether it is a column of rows that are computed for each person: `k1`, `a1`, `c1`, `w1`, `u`.
fn is_ours(name: &str) -> bool {
    let number = name.strip_prefix(['k', 'a', 'c', 'w']);
    name == "u" || number.is_some_and(|number| number.parse::<u32>().is_ok())
}

#[test]
fn the_source_sees_only_what_noisegate_wrote() {
    let (shop, start) = &*SHOP;
    run(async {
        let answered = ask_everything(shop).await;
        assert!(answered > queries().len(), "only {answered} were answered");
        let (admin, _) = connect(&shop.source_config()).await;
        let known = "SELECT table_name FROM information_schema.tables \
                     WHERE table_schema = 'public' UNION SELECT column_name \
                     FROM information_schema.columns WHERE table_schema = 'public' \
                     UNION SELECT 'public' UNION SELECT 'C'";
        let known: BTreeSet<String> =
            texts(&admin, known).await.expect("names").into_iter().flatten().flatten().collect();
        let log = log(shop);
        let log = log.get(*start..).expect("the log only grows");
        assert!(!log.contains(ANALYST), "{:?}", log.lines().find(|line| line.contains(ANALYST)));
        let statements = statements(log);
        // The second form has branches, which share their rows.
        let reads =
            |text: &str| text.starts_with("SELECT ") || text.starts_with("WITH r AS (SELECT ");
        let leaves = statements.iter().filter(|text| reads(text)).count();
        assert!(leaves > queries().len() / 2, "{leaves} leaves in the log");
        for text in statements {
            let begins = text.starts_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET ");
            let leaf = reads(&text) && text.contains("FROM (SELECT ");
            assert!(begins || leaf || text == "ROLLBACK", "{text}");
            if leaf {
                let bare: String = text.split('\'').step_by(2).collect();
                assert!(!["--", "/*", ";", "$$"].iter().any(|mark| bare.contains(mark)), "{text}");
                let names = names(&text).into_iter();
                let strange: Vec<String> =
                    names.filter(|name| !known.contains(name) && !is_ours(name)).collect();
                assert!(strange.is_empty(), "{strange:?} in {text}");
            }
        }
    });
}

#[test]
fn the_shadow_knows_nothing_about_anybody() {
    let (shop, _) = &*SHOP;
    run(async {
        ask_everything(shop).await;
        let (source, _) = connect(&shop.source_config()).await;
        // Not comments: those of TPC-H repeat each other, across tables too.
        let facts = "SELECT c_name FROM customer UNION SELECT c_address FROM customer \
                     UNION SELECT c_phone FROM customer UNION SELECT o_clerk FROM orders";
        let facts: Vec<String> =
            texts(&source, facts).await.expect("facts").into_iter().flatten().flatten().collect();
        assert!(facts.len() > 400, "{}", facts.len());

        let cluster = shop.shadow.as_ref().expect("a shadow of its own");
        let (shadow, _) = connect(&cluster.config(DATABASE, "postgres")).await;
        shadow.batch_execute("ANALYZE").await.expect("statistics of what is there");
        let mut everything = dump(shop);
        let statistics = texts(&shadow, "SELECT s::text FROM pg_catalog.pg_statistic AS s").await;
        let statistics: Vec<String> =
            statistics.expect("statistics").into_iter().flatten().flatten().collect();
        everything.push_str(&statistics.join("\n"));
        // The dump has what is there: the public tables do not hide in another form.
        assert!(everything.contains("MOZAMBIQUE") && everything.contains("c_mktsegment"));
        let found: Vec<&String> =
            facts.iter().filter(|fact| everything.contains(fact.as_str())).collect();
        assert!(found.is_empty(), "{found:?}");

        for table in PRIVATE {
            let state = format!(
                "SELECT (SELECT count(*) FROM public.{table})::text, \
                 (SELECT (reltuples <= 0 AND pg_relation_size(oid) = 0)::text FROM pg_class \
                  WHERE oid = 'public.{table}'::regclass), \
                 (SELECT count(*)::text FROM pg_statistic \
                  WHERE starelid = 'public.{table}'::regclass)"
            );
            let state: Vec<_> =
                texts(&shadow, &state).await.expect("a state").into_iter().flatten().collect();
            let (zero, yes) = (Some("0".to_owned()), Some("true".to_owned()));
            assert_eq!(state, [zero.clone(), yes, zero], "{table}");
        }
    });
}

/// Everything in the shadow, as its superuser may dump it.
fn dump(shop: &Shop) -> String {
    let cluster = shop.shadow.as_ref().expect("a shadow of its own");
    let program = Binaries::find().expect("PostgreSQL").program("pg_dump");
    let output = Command::new(program)
        .args(["--username", "postgres", "--no-password", "--port"])
        .arg(cluster.port().to_string())
        .arg("--host")
        .arg(cluster.socket_dir())
        .arg(DATABASE)
        .output()
        .expect("pg_dump");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
