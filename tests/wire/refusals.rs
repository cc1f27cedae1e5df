//! What is refused, with which code; that it costs nothing and that the source hears nothing of it.

use noisegate::demo::ShopOptions;

use crate::common::{cell, connect, open, texts};
use crate::{charges, policy, run};

/// Queries with the code that refuses them, and the word that the error points at, if it does.
const REFUSED: &[(&str, &str, Option<&str>)] = &[
    ("select * from orders", "rows", None),
    ("select o_orderkey from orders", "rows", None),
    ("select * from orders limit 10001", "rows", None),
    ("select * from orders where 1 = 1", "rows", None),
    ("table orders", "rows", None),
    ("select c.* from customer c join orders o on c_custkey = o_custkey", "rows", None),
    ("select 1 from orders for update", "rows", None),
    ("select * from (select * from orders) t", "rows", None),
    ("with o as (select * from orders) select * from o", "rows", None),
    ("select * from orders union all select * from orders", "rows", None),
    ("select exists (select * from orders)", "rows", None),
    ("select (select o_clerk from orders limit 1)", "rows", None),
    ("select array(select o_orderkey from orders)", "rows", None),
    (
        "select n_name from nation where n_nationkey in (select c_nationkey from customer)",
        "rows",
        None,
    ),
    ("values ((select o_comment from orders limit 1))", "rows", None),
    ("select o_custkey, count(*) from orders group by 1", "direct_column|rows", None),
    ("select c_custkey, count(*) from customer group by c_custkey", "direct_column|rows", None),
    ("select c_name, count(*) from customer group by 1", "direct_column", Some("c_name")),
    ("select count(*) from customer where c_name = 'x'", "direct_column", Some("c_name")),
    ("select count(*) from customer where c_custkey = 7", "direct_column", Some("c_custkey")),
    ("select count(*) from customer where c_address like '1%'", "direct_column", Some("c_address")),
    ("select sum(c_custkey) from customer", "direct_column|bounds", None),
    (
        "select count(*) from orders where length(o_orderkey::text) > 3",
        "direct_column",
        Some("o_orderkey"),
    ),
    ("select max(o_clerk) from orders", "aggregate", Some("max")),
    ("select 'é', min(o_clerk) from orders", "aggregate", Some("min")),
    ("select array_agg(o_orderstatus) from orders", "aggregate", Some("array_agg")),
    ("select string_agg(o_clerk, ',') from orders", "aggregate", Some("string_agg")),
    ("select sum(distinct o_totalprice) from orders", "unsupported", None),
    ("select percentile_disc(0.5) within group (order by o_clerk) from orders", "aggregate", None),
    ("select o_clerk, max(o_clerk) from orders group by 1", "aggregate", Some("max")),
    ("select bool_or(o_totalprice > 1) from orders", "aggregate", Some("bool_or")),
    ("select json_agg(o_orderstatus) from orders", "aggregate", Some("json_agg")),
    ("select count(*) from orders where md5(o_clerk) = 'x'", "function", Some("md5")),
    ("select count(*) from orders where random() < 0.5", "function", Some("random")),
    ("select count(*) from orders where pg_sleep(1) is null", "function|unsupported", None),
    ("select sum(log(o_shippriority, o_totalprice)) from orders", "function", Some("log")),
    ("select count(*) from orders where o_clerk::interval > now() - now()", "function", None),
    (
        "select count(*) from orders where regexp_replace(o_clerk, '(a+)+$', '') = ''",
        "function",
        None,
    ),
    (
        "select count(*) from orders a join orders b on a.o_totalprice = b.o_totalprice",
        "join",
        None,
    ),
    ("select count(*) from orders, customer", "join", None),
    ("select count(*) from nation left join customer on c_nationkey = n_nationkey", "join", None),
    ("select count(*) from (select * from orders limit 10) t", "limit_below", None),
    ("select count(*) from (select * from orders offset 10) t", "limit_below", None),
    ("select count(*) from orders tablesample system (10)", "limit_below|unsupported", None),
    ("select count(*) over () from orders", "rows|window", None),
    (
        "select count(*) from (select row_number() over () r from orders) t where r < 5",
        "unsupported",
        None,
    ),
    (
        "select o_orderstatus, count(distinct o_custkey) from orders group by rollup (1)",
        "aggregate",
        Some("distinct"),
    ),
    (
        "select corr(o_totalprice, o_custkey) from orders group by grouping sets ((o_orderstatus), ())",
        "bounds",
        Some("o_custkey"),
    ),
    (
        "with recursive r as (select 1 as n union all select n + 1 from r, orders) select count(*) from r",
        "unsupported|rows",
        None,
    ),
    ("copy (select * from orders) to stdout", "rows", None),
    ("copy (select max(o_clerk) from orders) to stdout", "aggregate", Some("max")),
    ("copy orders to stdout", "statement", None),
    ("copy orders from stdin", "statement", None),
    ("declare c cursor with hold for select * from orders", "rows", None),
    ("declare c cursor with hold for select max(o_clerk) from orders", "aggregate", Some("max")),
    ("create temp table t as select * from orders", "rows", None),
    ("create temp table t as select max(o_clerk) from orders", "aggregate", Some("max")),
    ("create table t as select count(*) from orders", "statement", None),
    ("create temp view v as select * from orders", "statement", None),
    ("create temp table t (like orders)", "statement", None),
    ("select count(*) into t from orders", "statement", None),
    ("select 1, max(o_clerk) into temp t from orders", "aggregate", Some("max")),
    ("select * into temp t from orders", "rows", None),
    ("explain (format xml) select count(*) from orders", "statement", None),
    ("explain analyze select count(*) from orders", "statement", None),
    ("explain (analyze on, format json) select * from orders", "statement", None),
    ("explain select * from orders", "rows", None),
    ("insert into orders select * from orders", "statement", None),
    ("update orders set o_comment = ''", "statement", None),
    ("delete from orders", "statement", None),
    ("truncate orders", "statement", None),
    ("lock table orders", "statement", None),
    ("analyze orders", "statement", None),
    ("drop table orders", "statement", None),
    ("set noisegate.epsilon = '-1'", "setting", None),
    ("set noisegate.nothing = 1", "setting", None),
];

/// What has columns and no rows, at no charge; with the warning that tells of a preview.
const EMPTY: &[(&str, bool)] = &[
    ("select * from orders limit 0", false),
    ("select * from orders where false", false),
    ("select * from orders where 1 <> 1", false),
    ("select * from (select * from orders) t limit 0", false),
    ("select * from orders limit 1", true),
    ("select * from orders limit 10000", true),
    ("select o_orderkey, o_comment from orders order by 1 limit 5 offset 2", true),
    ("table orders limit 5", true),
];

fn sqlstate(code: &str) -> &'static str {
    let known = noisegate::error::Code::ALL.iter().find(|known| known.name() == code);
    known.expect("a code of the program's").sqlstate()
}

/// What is wrong with the error that a query gave, if anything.
async fn wrong(
    client: &tokio_postgres::Client,
    row: &(&str, &str, Option<&str>),
) -> Option<String> {
    let (sql, codes, word) = row;
    let Err(error) = client.simple_query(sql).await else {
        return Some("was answered".to_owned());
    };
    let Some(db) = error.as_db_error() else { return Some(error.to_string()) };
    let code =
        db.detail().and_then(|detail| detail.strip_prefix("noisegate: ")).unwrap_or_default();
    if !codes.split('|').any(|expected| expected == code) {
        return Some(format!("{code}: {db} ({:?})", db.detail()));
    }
    if sqlstate(code) != db.code().code() {
        return Some(format!("SQLSTATE {}", db.code().code()));
    }
    if db.hint().unwrap_or_default().is_empty() {
        return Some("no hint".to_owned());
    }
    let at = match db.position() {
        Some(tokio_postgres::error::ErrorPosition::Original(at)) => Some(*at as usize),
        _ => None,
    };
    let points = |word: &str| {
        at.is_some_and(|at| sql.chars().skip(at - 1).collect::<String>().starts_with(word))
    };
    word.filter(|word| !points(word)).map(|word| format!("points at {at:?}, not at {word}"))
}

#[test]
fn refusals_cost_nothing_and_reach_nothing() {
    let mut options = ShopOptions::new(0.001, &policy(), "wire.toml");
    options.log_statements = true;
    let shop = open(options);
    run(async {
        let (client, notices) = connect(&shop.client_config("alice")).await;
        let (owner, _) = connect(&shop.source_config()).await;
        let first = cell(&client, "select count(*) from orders").await;
        let balances = texts(&client, "table noisegate.budget").await.expect("rows");
        assert_eq!((charges(&client).await, balances.len()), (1, 3));
        owner.batch_execute("select 'the first mark'").await.expect("marked");

        let mut failures = Vec::new();
        for row in REFUSED {
            if let Some(why) = wrong(&client, row).await {
                failures.push(format!("{}\n    {why}", row.0));
            }
            // The same through the extended protocol; what is no query is not described there.
            let prepared = client.query(row.0, &[]).await;
            let state =
                prepared.err().and_then(|error| error.code().map(|code| code.code().to_owned()));
            if !state
                .as_deref()
                .is_some_and(|state| row.1.split('|').any(|code| sqlstate(code) == state))
            {
                failures.push(format!("{}\n    prepared: {state:?}", row.0));
            }
        }
        assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));

        for (sql, warned) in EMPTY {
            notices.lock().expect("no poison").clear();
            let rows = client.query(*sql, &[]).await.expect(sql);
            assert!(rows.is_empty() && texts(&client, sql).await.expect(sql).is_empty(), "{sql}");
            let described = client.prepare(sql).await.expect(sql);
            assert!(described.columns().len() >= 2, "{sql}");
            let heard = notices.lock().expect("no poison").len();
            assert_eq!(heard, if *warned { 2 } else { 0 }, "{sql}");
        }
        let described =
            client.prepare("select o_orderstatus, count(*) from orders group by 1").await;
        assert_eq!(described.expect("prepared").columns().len(), 2);

        owner.batch_execute("select 'the second mark'").await.expect("marked");
        assert_eq!(texts(&client, "table noisegate.budget").await.expect("rows"), balances);
        assert_eq!(charges(&client).await, 1);
        assert_eq!(cell(&client, "select count(*) from orders").await, first);
        let log = std::fs::read_to_string(shop.source.log_path()).expect("a log");
        let between = log
            .split("the first mark")
            .nth(1)
            .and_then(|rest| rest.split("the second mark").next());
        let between = between.expect("two marks");
        let heard: Vec<&str> =
            between.lines().filter(|line| line.contains("noisegate_reader")).collect();
        assert!(heard.is_empty(), "{heard:#?}");
        assert!(log.contains("noisegate_reader"), "the reader's statements would have been logged");
    });
}
