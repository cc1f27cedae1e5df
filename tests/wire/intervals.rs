//! `noisegate.intervals`: columns beside noisy ones, as they are described and as they come.

use tokio_postgres::{Client, Row};

use crate::common::{cell, connect, error, texts};
use crate::{SHOP, charges, run};

/// The names and types of a prepared statement's columns.
async fn described(client: &Client, sql: &str) -> Vec<String> {
    let statement = client.prepare(sql).await.expect(sql);
    let columns = statement.columns().iter();
    columns.map(|column| format!("{} {}", column.name(), column.type_().name())).collect()
}

const GROUPED: &str = "select o_orderstatus as s, count(*) as n, sum(o_shippriority), \
    avg(o_shippriority + 1) from orders where o_shippriority >= $1 group by 1 order by 2 desc";

#[test]
fn what_is_described_is_what_comes() {
    run(async {
        let (client, notices) = connect(&SHOP.client_config("widths")).await;
        let narrow = ["s bpchar", "n int8", "sum int8", "avg numeric"];
        let wide = [
            "s bpchar",
            "n int8",
            "n_low int8",
            "n_high int8",
            "sum int8",
            "sum_low int8",
            "sum_high int8",
            "avg numeric",
            "avg_low numeric",
            "avg_high numeric",
        ];
        assert_eq!(cell(&client, "show noisegate.intervals").await, "off");
        assert_eq!(described(&client, GROUPED).await, narrow);
        let before = client.prepare(GROUPED).await.expect("prepared");
        let plain = client.query(&before, &[&0_i32]).await.expect("rows");
        let charged = charges(&client).await;

        client.batch_execute("set noisegate.intervals = on").await.expect("set");
        assert_eq!(cell(&client, "show noisegate.intervals").await, "on");
        assert_eq!(described(&client, GROUPED).await, wide);
        let after = client.prepare(GROUPED).await.expect("prepared");
        let rows = client.query(&after, &[&0_i32]).await.expect("rows");
        assert_eq!(rows.len(), plain.len());
        let numbers = |row: &Row, from: usize| [0, 1, 2].map(|at| row.get::<_, i64>(from + at));
        for (row, plain) in rows.iter().zip(&plain) {
            let [n, low, high] = numbers(row, 1);
            assert_eq!(n, plain.get::<_, i64>(1), "remembered");
            assert!(low < n && n < high && n - low == high - n, "{low} {n} {high}");
            let [n, low, high] = numbers(row, 4);
            assert!(low < n && n < high, "{low} {n} {high}");
        }
        let said = notices.lock().expect("no poison").join("\n");
        let width = numbers(&rows[0], 1);
        assert!(said.contains(&format!("± {} on count(*)", width[0] - width[1])), "{said}");
        // A statement keeps the columns that it was prepared with.
        let rows = client.query(&before, &[&0_i32]).await.expect("rows");
        assert_eq!((rows[0].len(), rows[0].get::<_, i64>(1)), (4, width[0]));
        client.batch_execute("set noisegate.intervals = off").await.expect("set");
        let rows = client.query(&after, &[&0_i32]).await.expect("rows");
        assert_eq!((rows[0].len(), rows[0].get::<_, i64>(1)), (10, width[0]));
        assert_eq!(described(&client, GROUPED).await, narrow);
        assert_eq!(charges(&client).await, charged, "intervals cost nothing");
        assert_eq!(error(&client, "set noisegate.intervals = maybe").await.0, "22023");
    });
}

#[test]
fn transactions_texts_and_what_stands_around() {
    run(async {
        let (client, notices) = connect(&SHOP.client_config("ends")).await;
        // The simple protocol; a transaction's own setting.
        let sql = GROUPED.replace("$1", "0");
        client.batch_execute("begin; set local noisegate.intervals = on").await.expect("set");
        let row = texts(&client, &sql).await.expect("rows").remove(0);
        let whole: Vec<Option<String>> = row.clone();
        assert_eq!(row.len(), 10);
        let number =
            |at: usize| whole[at].as_deref().expect("a number").parse::<f64>().expect("a number");
        assert!(number(8) <= number(7) && number(7) <= number(9), "{whole:?}");
        // Cursors, copies, tables, and what stands by a name.
        client.batch_execute(&format!("declare c cursor for {sql}")).await.expect("open");
        let fetched = client.query("fetch 1 from c", &[]).await.expect("a row");
        assert_eq!(fetched[0].columns()[3].name(), "n_high");
        client.batch_execute(&format!("create temp table made as {sql}")).await.expect("made");
        assert_eq!(
            texts(&client, "select n, n_low from made order by n desc").await.expect("rows")[0],
            [row[1].clone(), row[2].clone()]
        );
        client
            .batch_execute(&format!("create temp table fixed (a, b) as {sql}"))
            .await
            .expect("made");
        client.batch_execute(&format!("insert into fixed {sql}")).await.expect("inserted");
        assert_eq!(texts(&client, "table fixed").await.expect("rows")[0].len(), 4);
        client.batch_execute(&format!("prepare p as {sql}")).await.expect("prepared");
        assert_eq!(texts(&client, "execute p").await.expect("rows")[0], row);
        let rows = client.query("execute p", &[]).await.expect("rows");
        assert_eq!(rows[0].len(), 4, "as PostgreSQL described it");
        client.batch_execute("rollback").await.expect("rolled back");
        assert_eq!(texts(&client, &sql).await.expect("rows")[0].len(), 4);

        // What the protocol prepared, executed by its name.
        client.batch_execute("set noisegate.intervals = on").await.expect("set");
        let statement = client.prepare(GROUPED).await.expect("prepared");
        let name = cell(
            &client,
            "select name from pg_prepared_statements where statement like '%n_low%' \
             and statement not like '%pg_prepared%' limit 1",
        );
        let executed = format!("execute {} (0)", name.await);
        assert_eq!(texts(&client, &executed).await.expect("rows")[0].len(), 10);
        assert_eq!(client.query(&executed, &[]).await.expect("rows")[0].len(), 10);
        drop(statement);

        // Errors are PostgreSQL's, at their place, and refusals are made when it is executed.
        assert_eq!(error(&client, "select count(nope) from orders").await.0, "42703");
        let error = client.prepare("select count(nope) from orders").await.expect_err("an error");
        assert_eq!(error.code().expect("a code").code(), "42703");
        client.prepare("select * from orders").await.expect("prepared");
        client.prepare("select max(o_clerk) from orders").await.expect("prepared");
        assert_eq!(client.query("select * from orders limit 0", &[]).await.expect("none").len(), 0);
        client.batch_execute("begin").await.expect("begun");
        client.batch_execute("nonsense").await.expect_err("an error");
        let error = client.prepare(GROUPED).await.expect_err("an error");
        assert_eq!(error.code().expect("a code").code(), "25P02");
        client.batch_execute("rollback").await.expect("rolled back");

        // What is no plain number has none, and a notice says so.
        notices.lock().expect("no poison").clear();
        let rows = client
            .query("select count(*), sum(o_shippriority) / count(*) as ratio from orders", &[])
            .await
            .expect("rows");
        let names: Vec<&str> = rows[0].columns().iter().map(tokio_postgres::Column::name).collect();
        assert_eq!(names, ["count", "count_low", "count_high", "ratio"]);
        let said = notices.lock().expect("no poison").join("\n");
        assert!(said.contains("no interval for ratio:"), "{said}");
    });
}

#[test]
fn options_and_roles_may_ask_for_them() {
    run(async {
        let mut config = SHOP.client_config("ends");
        config.options("-c noisegate.intervals=on -c noisegate.epsilon=0.125");
        let (client, _) = connect(&config).await;
        assert_eq!(cell(&client, "show noisegate.intervals").await, "on");
        assert_eq!(cell(&client, "show noisegate.epsilon").await, "0.125");
        let rows = client.query("select count(*) from nation, customer", &[]).await;
        assert_eq!(rows.expect("rows")[0].len(), 3);
    });
}
