//! Statements around a query about people: cursors, COPY out, tables made from it, plans.

use bytes::Bytes;
use futures_util::TryStreamExt;
use tokio_postgres::Client;

use crate::common::{cell, connect, error, texts};
use crate::{SHOP, charges, run};

/// Keys of several types and of awkward text, from a condition that is a question of its own.
fn awkward(above: u32) -> String {
    format!(
        "select case when o_shippriority = 0 then 'a''b\\c\"{{}},NULL $1 é' end as label, \
         date_trunc('year', o_orderdate::timestamp) as year, o_orderstatus, \
         o_totalprice > 100000 as dear, count(*), avg(o_totalprice) from orders \
         where o_totalprice > {above} group by 1, 2, 3, 4 order by 1, 2, 3, 4"
    )
}

async fn copied(client: &Client, sql: &str) -> Result<Vec<u8>, tokio_postgres::Error> {
    let parts: Vec<Bytes> = client.copy_out(sql).await?.try_collect().await?;
    Ok(parts.concat())
}

fn lines(bytes: &[u8]) -> Vec<&str> {
    std::str::from_utf8(bytes).expect("UTF-8").lines().collect()
}

#[test]
fn copy_gives_what_the_query_gives() {
    run(async {
        let (client, _) = connect(&SHOP.client_config("copies")).await;
        let before = charges(&client).await;
        for (at, settings) in [
            "select 1",
            "set DateStyle = 'SQL, DMY'; set standard_conforming_strings = off; \
             set extra_float_digits = 0; set TimeZone = 'Asia/Kolkata'",
        ]
        .into_iter()
        .enumerate()
        {
            client.batch_execute(settings).await.expect("set");
            // In a session that reads backslashes in strings they are written otherwise.
            let sql = awkward(7000).replace('\\', if at == 0 { "\\" } else { "\\\\" });
            let csv = format!("copy ({sql}) to stdout (format csv, null 'none', header)");
            let copy = copied(&client, &csv).await.expect("a copy");
            let rows = texts(&client, &sql).await.expect("rows");
            assert!(rows.len() > 10, "{rows:?}");
            assert_eq!(lines(&copy).len(), rows.len() + 1, "with a header");
            for (line, row) in lines(&copy).iter().skip(1).zip(&rows) {
                let mut cells: Vec<String> =
                    row.iter().map(|cell| cell.clone().unwrap_or("none".to_owned())).collect();
                cells[0] = format!("\"{}\"", cells[0].replace('"', "\"\""));
                assert_eq!(*line, cells.join(","));
            }
        }
        assert!(charges(&client).await <= before + 2, "the same question in every form");
        client.batch_execute("reset all").await.expect("reset");

        // Without groups, with virtual tables, in binary.
        let n = cell(&client, "select count(*) from orders").await;
        let copy = copied(&client, "copy (select count(*) from orders) to stdout").await;
        assert_eq!(copy.expect("a copy"), format!("{n}\n").into_bytes());
        let sql = "copy (select count(*) from orders) to stdout (format binary)";
        let copy = copied(&client, sql).await.expect("a copy");
        let number: i64 = n.parse().expect("a number");
        assert_eq!(copy.get(25..33), Some(number.to_be_bytes().as_slice()), "{copy:?}");
        let copy = copied(&client, "copy (select account from noisegate.budget) to stdout").await;
        assert_eq!(lines(&copy.expect("a copy")).len(), 3);
        let copy = copied(&client, "copy (select * from orders limit 0) to stdout").await;
        assert_eq!(copy.expect("an empty copy"), b"");
    });
}

#[test]
fn copy_is_refused_where_it_must_be() {
    run(async {
        let (client, _) = connect(&SHOP.client_config("copying")).await;
        let before = charges(&client).await;
        let query = "select count(*) from orders where o_totalprice > 7001";
        for (sql, state) in [
            ("copy (select * from orders) to stdout".to_owned(), "42501"),
            ("copy orders to stdout".to_owned(), "0A000"),
            (format!("copy ({query}) to '/tmp/x'"), "42501"),
            (format!("copy ({query}) to program 'true'"), "42501"),
            (format!("copy ({query} and o_custkey = $1) to stdout"), "42P02"),
            (format!("copy ({query} nonsense) to stdout"), "42601"),
            (format!("{query} and o_shippriority = $1"), "08P01"),
        ] {
            assert_eq!(error(&client, &sql).await.0, state, "{sql}");
            if sql.starts_with("copy") {
                let gone = copied(&client, &sql).await.expect_err("an error");
                assert_eq!(gone.code().expect("a code").code(), state, "{sql}");
            }
        }
        assert_eq!(charges(&client).await, before);
        // A refusal ends the transaction as an error of PostgreSQL's own does.
        client.batch_execute("begin").await.expect("begun");
        copied(&client, "copy (select * from orders) to stdout").await.expect_err("rows");
        assert_eq!(error(&client, "select 1").await.0, "25P02");
        client.batch_execute("rollback").await.expect("rolled back");
        assert_eq!(cell(&client, "select 1").await, "1");
    });
}

#[test]
fn cursors_move_over_one_answer() {
    run(async {
        let (mut client, _) = connect(&SHOP.client_config("cursors")).await;
        let sql = "select o_orderpriority, count(*) from orders where o_totalprice > 7002 \
            group by 1 order by 1";
        let whole = texts(&client, sql).await.expect("rows");
        assert_eq!(whole.len(), 5);
        let before = charges(&client).await;
        client.batch_execute("begin").await.expect("begun");
        client.batch_execute(&format!("declare c scroll cursor for {sql}")).await.expect("open");
        assert_eq!(texts(&client, "fetch 2 from c").await.expect("rows"), whole[..2]);
        client.batch_execute("move forward 1 in c").await.expect("moved");
        assert_eq!(texts(&client, "fetch all in c").await.expect("rows"), whole[3..]);
        assert_eq!(texts(&client, "fetch absolute 1 c").await.expect("rows"), whole[..1]);
        client.batch_execute("close c; commit").await.expect("closed");

        // With a parameter, through the extended protocol, and FETCH with a description.
        let with = format!("declare c cursor for {}", sql.replace("7002", "$1::numeric"));
        let transaction = client.transaction().await.expect("begun");
        transaction
            .execute(with.as_str(), &[&"7002".parse::<i64>().ok().map(Number)])
            .await
            .expect("open");
        let rows = transaction.query("fetch 3 from c", &[]).await.expect("rows");
        let names: Vec<&str> = rows[0].columns().iter().map(tokio_postgres::Column::name).collect();
        assert_eq!((rows.len(), names), (3, vec!["o_orderpriority", "count"]));
        let near: i64 = rows[0].get(1);
        assert!((1000..5000).contains(&near), "{near}");
        transaction.commit().await.expect("committed");

        // Outside of a transaction as in PostgreSQL.
        assert_eq!(error(&client, &format!("declare c cursor for {sql}")).await.0, "25P01");
        let hold = format!("declare kept cursor with hold for {sql}");
        client.batch_execute(&hold).await.expect("open");
        assert_eq!(texts(&client, "fetch all kept").await.expect("rows"), whole);
        client.batch_execute("close kept").await.expect("closed");
        assert_eq!(charges(&client).await, before + 1, "one more for the parameter");
        client.batch_execute("begin").await.expect("begun");
        let refused = error(&client, "declare c cursor for select * from orders").await;
        assert_eq!(refused.0, "42501");
        assert_eq!(error(&client, "fetch c").await.0, "25P02");
        client.batch_execute("rollback").await.expect("rolled back");
    });
}

/// A numeric parameter.
#[derive(Debug)]
struct Number(i64);

impl tokio_postgres::types::ToSql for Number {
    fn to_sql(
        &self,
        _: &tokio_postgres::types::Type,
        out: &mut bytes::BytesMut,
    ) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        use bytes::BufMut;
        // Of one digit to the base of ten thousand.
        for part in [1, 0, 0, 0] {
            out.put_i16(part);
        }
        out.put_i16(i16::try_from(self.0)?);
        Ok(tokio_postgres::types::IsNull::No)
    }

    fn accepts(ty: &tokio_postgres::types::Type) -> bool {
        *ty == tokio_postgres::types::Type::NUMERIC
    }

    tokio_postgres::types::to_sql_checked!();
}

#[test]
fn tables_are_made_of_answers() {
    run(async {
        let (client, _) = connect(&SHOP.client_config("tables")).await;
        let sql = "select o_orderpriority as p, count(*) as n from orders \
            where o_totalprice > 7003 group by 1";
        let whole = texts(&client, &format!("{sql} order by 1")).await.expect("rows");
        let before = charges(&client).await;
        let making = [
            format!("create temp table made as {sql}"),
            format!("create temporary table made (p, n) as ({sql}) with data"),
            sql.replace(" from", " into temp made from"),
            format!("with w as ({sql}) select * into temporary table pg_temp.made from w"),
            format!("create temp table made as {sql} with no data; insert into made {sql}"),
            format!(
                "create temp table made (p char(15), n numeric); insert into made (p, n) {sql}"
            ),
            format!(
                "prepare q (int) as {}; create temp table made as execute q (1) with data",
                sql.replace("group", "and 1 = $1 group")
            ),
            format!("prepare q as {sql}; create temp table made as execute q"),
        ];
        for making in &making {
            client.batch_execute(making).await.expect(making);
            let rows = texts(&client, "select p, n from made order by 1").await.expect("rows");
            if !making.contains("$1") {
                assert_eq!(rows, whole, "{making}");
            }
            assert_eq!(rows.len(), 5, "{making}");
            client.batch_execute("drop table made; deallocate all").await.expect("dropped");
        }
        assert!(charges(&client).await <= before + 1, "all ask the same");
        // Through the extended protocol, with the command's tag.
        let count = client.execute(format!("create temp table made as {sql}").as_str(), &[]).await;
        assert_eq!(count.expect("made"), 5);
        let more = format!("insert into made {sql} returning n");
        assert_eq!(client.query(more.as_str(), &[]).await.expect("rows").len(), 5);
        let joined = "select count(*) from made join nation on n_nationkey = n % 25";
        assert_eq!(cell(&client, joined).await, "10");

        let before = charges(&client).await;
        let fresh = sql.replace("7003", "7004");
        for refused in [
            format!("create table made2 as {fresh}"),
            format!("create temp view made2 as {fresh}"),
            format!("create materialized view made2 as {fresh}"),
            fresh.replace(" from", " into made2 from"),
            format!("insert into orders {fresh}"),
            "create temp table made2 as select * from orders".to_owned(),
            "insert into made select o_orderpriority, 1 from orders".to_owned(),
        ] {
            let (state, _) = error(&client, &refused).await;
            assert!(["0A000", "42501"].contains(&state.as_str()), "{refused}: {state}");
        }
        let sql = format!("insert into made {}", fresh.replace("7004", "$1::int"));
        let refused = client.execute(sql.as_str(), &[&1_i32]).await.expect_err("refused");
        assert_eq!(refused.code().expect("a code").code(), "0A000");
        assert_eq!(charges(&client).await, before);
    });
}

#[test]
fn plans_in_json() {
    run(async {
        let (client, _) = connect(&SHOP.client_config("plans")).await;
        let before = charges(&client).await;
        let sql = "select count(*), sum(o_totalprice) from orders where o_shippriority >= $1";
        let explain = format!("explain (costs off, format json) {sql}");
        let statement = client.prepare(&explain).await.expect("prepared");
        let column = &statement.columns()[0];
        assert_eq!((column.name(), column.type_().name()), ("QUERY PLAN", "json"));
        client.query(&statement, &[&0_i32]).await.expect("a plan");
        let text = cell(&client, &explain.replace("$1", "0")).await;
        let path = "select x #>> '{0,Plan,Plans,0,Price,Epsilon}', \
            x #>> '{0,Plan,Plans,0,Columns,1,Sensitivity}', x #>> '{0,Plan,Plans,0,Unit}', \
            x #>> '{0,Plan,Plans,0,Groups per Person}' from (select $$";
        let facts = texts(&client, &format!("{path}{text}$$::json x) t")).await.expect("facts");
        let facts: Vec<&str> = facts[0].iter().flatten().map(String::as_str).collect();
        assert_eq!(facts[0], "0.5");
        assert_eq!(facts[2..], ["public.orders.o_custkey -> public.customer.c_custkey", "1"]);
        // Every line of the text form has its place in the document.
        let lines = texts(&client, &format!("explain {}", sql.replace("$1", "0"))).await;
        for line in lines.expect("a plan").iter().flatten().flatten() {
            let sql_line = line.trim();
            let value = sql_line.rsplit(&[':', ';', ','][..]).next().unwrap_or_default().trim();
            let last = value.rsplit(' ').next().unwrap_or_default();
            let last = last.trim_end_matches(')').replace('"', "\\\"");
            let elsewhere = ["Leaf", "Bounds"].iter().any(|word| sql_line.starts_with(word));
            assert!(text.contains(&last) || elsewhere, "{line}: {last}");
        }
        client.batch_execute(&format!("prepare e (int) as {sql}")).await.expect("prepared");
        let plan = texts(&client, "explain execute e (1 - 1)").await.expect("a plan");
        assert!(plan.iter().any(|row| row[0].as_deref() == Some("Leaf 1")), "{plan:?}");
        let plan = client.query("explain (format json) execute e (0)", &[]).await.expect("a plan");
        assert_eq!(plan.len(), 1);
        for other in ["yaml", "xml"] {
            let sql = format!("explain (format {other}) select count(*) from orders");
            assert_eq!(error(&client, &sql).await.0, "0A000");
        }
        assert_eq!(error(&client, "explain (analyze) execute e (0)").await.0, "0A000");
        assert_eq!(charges(&client).await, before, "none of this costs anything");
    });
}
