//! Session start-up, and settings that change what a query means.

use crate::common::{cell, connect, error, texts};
use crate::{SHOP, run};
use noisegate::demo::Shop;
use tokio_postgres::{Config, NoTls};

fn config(shop: &Shop, options: &str) -> Config {
    let mut config = shop.client_config("start");
    config.options(options);
    config
}

async fn refused(config: &Config) -> String {
    let error = config.connect(NoTls).await.err().expect("an error");
    error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned())
}

#[test]
fn what_a_client_asks_for_at_the_start() {
    let shop = &*SHOP;
    run(async {
        let (client, _) =
            connect(&config(shop, "-c search_path=pg_catalog -c datestyle=german")).await;
        assert_eq!(cell(&client, "show search_path").await, "pg_catalog");
        assert_eq!(cell(&client, "select date '2020-02-01'").await, "01.02.2020");
        assert_eq!(error(&client, "select count(*) from orders").await.0, "42P01");
        client.batch_execute("set search_path = public").await.expect("set");
        let count = cell(&client, "select count(*) from orders").await;
        assert_eq!(cell(&client, "select count(*) from public.orders").await, count);
        client.batch_execute("set search_path = noisegate").await.expect("set");
        assert_eq!(cell(&client, "select count(*) from budget").await, "3", "not an empty table");

        let role = config(shop, "-c role=postgres -c session_authorization=postgres");
        let (client, _) = connect(&role).await;
        assert_eq!(cell(&client, "select current_user").await, "noisegate_analyst");
        assert_eq!(error(&client, "set role postgres").await.0, "42501");
        assert_eq!(error(&client, "set session_authorization = postgres").await.0, "42501");

        assert_eq!(refused(shop.client_config("start").dbname("postgres")).await, "3D000");
        assert_eq!(refused(shop.client_config("start").password("wrong")).await, "28P01");
        assert_eq!(refused(shop.client_config("nobody").password("wrong")).await, "28P01");
        assert_eq!(refused(&config(shop, "-c client_encoding=latin1")).await, "22023");
        assert_eq!(refused(&config(shop, "-c datestyle=nonsense")).await, "22023");
    });
}

#[test]
fn settings_travel_to_the_source() {
    let shop = &*SHOP;
    run(async {
        let (client, _) = connect(&shop.client_config("start")).await;
        client
            .batch_execute("set noisegate.epsilon = 2; set noisegate.notices = off")
            .await
            .expect("set");
        // Midnight of a date is an instant of the session's zone, and so is the month it is in.
        let sql = "select extract(hour from (o_orderdate::timestamptz at time zone 'UTC')) as h, \
            count(*) from orders group by 1 order by 1";
        let zones = ["UTC", "America/New_York", "Asia/Tokyo"];
        let (postgres, _) = connect(&shop.source_config()).await;
        let mut answered = 0;
        for zone in zones {
            let set = format!("set timezone = '{zone}'");
            client.batch_execute(&set).await.expect("set");
            postgres.batch_execute(&set).await.expect("set");
            let truth = texts(&postgres, sql).await.expect("rows");
            match texts(&client, sql).await {
                Ok(ours) => {
                    let keys = |rows: &[Vec<Option<String>>]| -> Vec<Option<String>> {
                        rows.iter().map(|row| row[0].clone()).collect()
                    };
                    assert_eq!(keys(&ours), keys(&truth), "{zone}");
                    answered += 1;
                }
                Err(error) => {
                    let refusal = error.as_db_error().expect("an error of the database");
                    assert_eq!(refusal.code().code(), "0A000", "{refusal}");
                }
            }
        }
        assert!(answered == 0 || answered == zones.len());
        let month = "select date_trunc('month', o_orderdate) as m, count(*) from orders group by 1 order by 1";
        for style in [
            "set datestyle = 'SQL, DMY'; set timezone = 'Asia/Tokyo'",
            "set datestyle = 'ISO'; set timezone = 'UTC'",
        ] {
            client.batch_execute(style).await.expect("set");
            postgres.batch_execute(style).await.expect("set");
            let ours = texts(&client, month).await.expect("rows");
            let truth = texts(&postgres, month).await.expect("rows");
            let known = |row: &Vec<Option<String>>| truth.iter().any(|one| one[0] == row[0]);
            assert!(ours.iter().all(known), "{style}: other keys than PostgreSQL's: {ours:?}");
            assert!(ours.len() > 40, "{}", ours.len());
        }
        // The same literal is another day.
        client.batch_execute("set datestyle = 'ISO, MDY'").await.expect("set");
        let literal = "select count(*) from orders where o_orderdate < '02/12/1992'";
        let february: i64 = cell(&client, literal).await.parse().expect("a number");
        client.batch_execute("set datestyle = 'ISO, DMY'").await.expect("set");
        let december: i64 = cell(&client, literal).await.parse().expect("a number");
        assert!(december > february + 1000, "{december} {february}");
    });
}
