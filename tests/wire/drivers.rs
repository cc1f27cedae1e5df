//! tokio-postgres: prepared statements, portals, pipelines and cancels.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio_postgres::NoTls;
use tokio_postgres::types::Type;

use crate::common::{cell, connect, error};
use crate::{SHOP, charges, run};

#[test]
fn parameters_and_types() {
    run(async {
        let (client, notices) = connect(&SHOP.client_config("typed")).await;
        let typed = "select o_orderstatus, count(*), avg(o_totalprice) from orders \
            where o_shippriority <= $1 and o_orderdate >= $2::text::date and o_orderstatus <> $3 \
            and o_totalprice > $4::text::numeric group by 1 having count(*) > $5 order by 1 limit $6";
        let types = [Type::INT4, Type::TEXT, Type::TEXT, Type::TEXT, Type::INT8, Type::INT8];
        // A cast of text to a date could fail for a row, so it is not made below a leaf.
        let statement = client.prepare_typed(typed, &types).await.expect("prepared");
        let names: Vec<&str> =
            statement.columns().iter().map(|column| column.type_().name()).collect();
        assert_eq!(names, ["bpchar", "int8", "numeric"]);

        let before = charges(&client).await;
        let statement = client
            .prepare(
                "select o_orderstatus, count(*) from orders where o_shippriority <= $1 \
                and o_orderstatus <> $2 group by 1 having count(*) > $3 order by 1 limit $4",
            )
            .await
            .expect("prepared");
        let parameters: Vec<&str> = statement.params().iter().map(Type::name).collect();
        assert_eq!(parameters, ["int4", "bpchar", "int8", "int8"]);
        let ask = async |status: &str, limit: i64| {
            let rows = client.query(&statement, &[&5_i32, &status, &3000_i64, &limit]).await;
            let rows = rows.expect("rows");
            rows.iter().map(|row| (row.get(0), row.get(1))).collect::<Vec<(String, i64)>>()
        };
        let first = ask("P", 5).await;
        assert_eq!(first.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ["F", "O"]);
        assert_eq!(charges(&client).await, before + 1);
        assert_eq!(ask("P", 5).await, first, "the same question has the same answer");
        assert_eq!(ask("P", 1).await, first[..1], "LIMIT is above the leaf");
        assert_eq!(charges(&client).await, before + 1, "and costs nothing");
        assert_ne!(ask("F", 5).await, first, "another parameter is another question");
        assert_eq!(charges(&client).await, before + 2);
        let heard = notices.lock().expect("no poison").clone();
        assert_eq!(
            heard.iter().filter(|text| text.contains("cost nothing (remembered)")).count(),
            2
        );

        let none = client
            .query("select count(*) from orders where o_orderstatus = $1", &[&None::<String>]);
        let none: i64 = none.await.expect("a row")[0].get(0);
        assert!(none.abs() < 1000, "nothing equals NULL, so this is noise: {none}");
        client.batch_execute("deallocate all").await.expect("deallocated");
        let gone = client.query(&statement, &[&5_i32, &"P", &100_i64, &5_i64]).await;
        let gone = gone.expect_err("an error");
        assert_eq!(gone.code().expect("a code").code(), "26000");
        assert_eq!(cell(&client, "select 1").await, "1");
    });
}

#[test]
fn a_suspended_portal_goes_on_at_no_charge() {
    run(async {
        let (mut client, _) = connect(&SHOP.client_config("driver")).await;
        let sql = "select c_nationkey, count(*) from customer where c_acctbal > -999 group by 1 order by 1";
        let whole = client.query(sql, &[]).await.expect("rows");
        let fresh = sql.replace("-999", "-998");
        let transaction = client.transaction().await.expect("a transaction");
        let portal = transaction.bind(&fresh, &[]).await.expect("a portal");
        let mut seen: Vec<(i32, i64)> = Vec::new();
        for expected in [10, 10, 5, 0] {
            let rows = transaction.query_portal(&portal, 10).await.expect("rows");
            assert_eq!(rows.len(), expected);
            seen.extend(rows.iter().map(|row| (row.get(0), row.get(1))));
        }
        transaction.commit().await.expect("committed");
        assert_eq!(whole.len(), 25);
        assert_eq!(seen.iter().map(|row| row.0).collect::<Vec<_>>(), (0..25).collect::<Vec<_>>());
        let again = client.query(&fresh, &[]).await.expect("rows");
        let again: Vec<(i32, i64)> = again.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(again, seen, "one draw for all parts");
    });
}

#[test]
fn pipelines_keep_their_order() {
    run(async {
        let (client, _) = connect(&SHOP.client_config("driver")).await;
        let texts: Vec<String> = (0..40)
            .map(|n| match n % 4 {
                0 => format!("select {n}::int8"),
                1 => format!("select {n}::int8 + 0 * count(*) from orders"),
                2 => format!("select o_orderkey from orders where o_orderkey = {n}"),
                _ => format!("select {n}::int8 from nation limit 1"),
            })
            .collect();
        let answers = join_all(texts.iter().map(|text| client.query(text.as_str(), &[]))).await;
        for (n, answer) in answers.into_iter().enumerate() {
            match answer {
                Ok(rows) => assert_eq!(rows[0].get::<_, i64>(0), i64::try_from(n).expect("small")),
                Err(error) => {
                    assert_eq!((n % 4, error.code().expect("a code").code()), (2, "42501"));
                }
            }
        }
    });
}

#[test]
fn cancels_stop_the_shadow_and_the_source() {
    run(async {
        let (client, _) = connect(&SHOP.client_config("driver")).await;
        let cancel = client.cancel_token();
        let canceler = tokio::spawn(async move {
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_millis(700)).await;
                cancel.cancel_query(NoTls).await.expect("canceled");
            }
        });
        let began = Instant::now();
        assert_eq!(error(&client, "select pg_sleep(20)").await.0, "57014");
        assert_eq!(cell(&client, "select 5").await, "5");

        // The source waits for a lock, and so does the leaf. No other test reads this table.
        let (owner, _) = connect(&SHOP.source_config()).await;
        owner.batch_execute("begin; lock table region").await.expect("locked");
        let sql = "select r_name, count(*) from customer join nation on c_nationkey = n_nationkey \
            join region on n_regionkey = r_regionkey group by 1";
        assert_eq!(error(&client, sql).await.0, "57014");
        canceler.await.expect("no panic");
        assert!(began.elapsed() < Duration::from_secs(15));
        let waiting = "select count(*) from pg_stat_activity where usename = 'noisegate_reader' \
            and wait_event_type = 'Lock' and query like '%\"region\"%'";
        for _ in 0..50 {
            if cell(&owner, waiting).await == "0" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(cell(&owner, waiting).await, "0", "the source was stopped too");
        owner.batch_execute("commit").await.expect("unlocked");
        assert_eq!(client.query(sql, &[]).await.expect("rows").len(), 5);
    });
}

#[test]
fn copy_into_a_temporary_table_leaves_the_session_in_step() {
    run(async {
        use bytes::Bytes;
        use futures_util::SinkExt;

        let (client, _) = connect(&SHOP.client_config("again")).await;
        client.batch_execute("create temp table mine (a int, b text)").await.expect("a table");
        let load = async |rows: &'static str| -> Result<u64, tokio_postgres::Error> {
            let sink = client.copy_in("copy mine from stdin").await?;
            let mut sink = std::pin::pin!(sink);
            sink.send(Bytes::from_static(rows.as_bytes())).await?;
            sink.finish().await
        };
        assert_eq!(load("1\tx\n2\ty\n").await.expect("copied"), 2);
        // The driver sends Sync in the middle of the copy, where PostgreSQL ignores it.
        let private =
            "select count(*) from orders where o_orderstatus = 'F' and o_shippriority < 7";
        let first = client.query_one(private, &[]).await.expect("an answer").get::<_, i64>(0);
        assert_eq!(
            client.query_one(private, &[]).await.expect("an answer").get::<_, i64>(0),
            first
        );
        let refused = load("three\tz\n").await.expect_err("no number");
        assert_eq!(refused.code().map(tokio_postgres::error::SqlState::code), Some("22P02"));
        assert_eq!(cell(&client, "select sum(a) from mine").await, "3");
        assert_eq!(
            client.query_one(private, &[]).await.expect("an answer").get::<_, i64>(0),
            first
        );
        // What would change the login that everybody shares is refused.
        for sql in [
            "alter role current_user set work_mem = '1MB'",
            "ALTER USER noisegate_analyst PASSWORD 'x'",
        ] {
            let (sqlstate, message) = error(&client, sql).await;
            assert_eq!(sqlstate, "0A000", "{message}");
        }
        let (sqlstate, _) =
            error(&client, "select query_to_xml('select * from orders', true, true, '')").await;
        assert_eq!(sqlstate, "42501");
    });
}

#[test]
fn equal_leaves_of_one_statement_are_one_question() {
    run(async {
        let (client, _) = connect(&SHOP.client_config("again")).await;
        for status in ["F", "O"] {
            let leaf = format!(
                "(select count(*) from orders where o_orderstatus = '{status}' and o_shippriority < 9)"
            );
            // Two draws of this noise agree once in a hundred times or less, and here both times.
            assert_eq!(cell(&client, &format!("select {leaf} - {leaf}")).await, "0");
            // One leaf at the policy's epsilon; two would have cost √2 times that.
            let paid = "select epsilon from noisegate.my_queries order by asked_at desc limit 1";
            assert_eq!(cell(&client, paid).await, "0.5000");
            let alone = cell(&client, &format!("select {leaf}")).await;
            assert_eq!(cell(&client, &format!("select {leaf} + 0 where {leaf} > 1")).await, alone);
        }
    });
}
