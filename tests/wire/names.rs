//! PREPARE and EXECUTE in SQL: what stands for a private query is one, however it is named.

use crate::common::{cell, connect, error, texts};
use crate::{SHOP, charges, run};

#[test]
fn prepare_and_execute() {
    run(async {
        let (client, _) = connect(&SHOP.client_config("names")).await;
        let count = cell(&client, "select count(*) from orders").await;
        let charged = charges(&client).await;
        // The shadow keeps the whole text of a message, so each statement goes by itself.
        client
            .batch_execute("prepare p as select count(*) from orders; select 1")
            .await
            .expect("prepared");
        assert_eq!(cell(&client, "execute p").await, count);
        assert_eq!(cell(&client, "select 1; execute P;").await, "1");
        let q = "prepare q (text, int) as select o_orderstatus, count(*) from orders \
            where o_orderstatus <> $1 and o_shippriority < $2 group by 1 order by 1";
        client.batch_execute(q).await.expect("prepared");
        let rows = texts(&client, "execute q('P', 1 + 1)").await.expect("rows");
        assert!(rows.len() >= 2 && rows[0][0].as_deref() == Some("F"), "{rows:?}");
        assert_eq!(charges(&client).await, charged + 1);
        assert_eq!(texts(&client, "execute q('P', 2 * 1)").await.expect("rows").len(), rows.len());

        assert_eq!(error(&client, "execute q('P')").await.0, "42601");
        assert_eq!(error(&client, "execute q('P', nope)").await.0, "42703");
        for text in ["explain analyze execute p", "create table t as execute p"] {
            let (state, message) = error(&client, text).await;
            assert_eq!(state, "0A000", "{text}: {message}");
        }
        client.batch_execute("prepare r as select * from orders").await.expect("prepared");
        assert_eq!(error(&client, "execute r").await.0, "42501");

        client.batch_execute("deallocate p").await.expect("deallocated");
        assert_eq!(error(&client, "execute p").await.0, "26000");
        client.batch_execute("prepare p as select 5").await.expect("prepared");
        assert_eq!(cell(&client, "execute p").await, "5");
        client.batch_execute("discard all").await.expect("discarded");
        assert_eq!(error(&client, "execute q('P', 2)").await.0, "26000");
    });
}

#[test]
fn a_statement_of_the_protocol_is_private_to_execute_too() {
    run(async {
        let (client, _) = connect(&SHOP.client_config("bob")).await;
        let _kept = client.prepare("select count(*) from orders").await.expect("prepared");
        let sql =
            "select name from pg_prepared_statements where statement like '%count(*) from orders'";
        let name = cell(&client, sql).await;
        let count: i64 = cell(&client, &format!("execute {name}")).await.parse().expect("a number");
        assert!(count > 10_000, "{count} is no answer over empty tables");
        // And EXECUTE as a statement of the protocol.
        let row = client.query_one(&format!("execute {name}"), &[]).await.expect("a row");
        assert_eq!(row.get::<_, i64>(0), count);
    });
}
