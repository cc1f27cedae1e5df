//! The shadow's promises, kept by a real server.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use tokio_postgres::{Client, Config, NoTls};

use super::*;
use crate::demo::{Cluster, Options, fill};

mod clone;
mod powers;

/// A source and a place for its shadow, with passwords set.
struct Pair {
    cluster: Cluster,
    source: Client,
    server: Client,
    options: InitOptions,
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Pair {
    async fn new(tables: &[(&str, &str, bool)]) -> Self {
        let cluster = Cluster::temporary(Options::default()).unwrap();
        let server = connect(&cluster.config("postgres", "postgres")).await;
        server.batch_execute("CREATE DATABASE shop").await.unwrap();
        let source = connect(&cluster.config("shop", "postgres")).await;
        let mut options = InitOptions { harden_source: true, ..InitOptions::default() };
        options.list(tables);
        options.logins.reader = Login::with_password("noisegate_reader", "r");
        options.logins.analyst = Login::with_password("noisegate_analyst", "it's \\ a");
        options.logins.owner = Login::with_password("noisegate_shadow", "o");
        Self { cluster, source, server, options }
    }

    async fn tpch() -> Self {
        let tables = ["customer", "orders", "lineitem"].map(|name| ("public", name, true));
        let public = ["region", "nation", "part", "supplier", "partsupp"];
        let mut all = tables.to_vec();
        all.extend(public.map(|name| ("public", name, false)));
        let mut pair = Self::new(&all).await;
        fill(&mut pair.source, 0.001, |_| ()).await.unwrap();
        pair.source.batch_execute("CREATE TABLE salaries (name text)").await.unwrap();
        pair
    }

    async fn admin(&self) -> Client {
        connect(&self.cluster.config("shadow", "postgres")).await
    }

    async fn login(&self, database: &str, login: &Login) -> Client {
        let mut config = self.cluster.config(database, &login.role);
        connect(config.password(login.password.as_deref().unwrap())).await
    }

    async fn analyst(&self) -> Client {
        self.login("shadow", &self.options.logins.analyst).await
    }

    async fn init(&mut self) -> Result<InitReport, ShadowError> {
        let logins = &self.options.logins;
        create_database(&self.source, &self.server, "shadow", logins).await.unwrap();
        let mut shadow = self.admin().await;
        init(&mut self.source, &mut shadow, &self.options).await
    }
}

impl InitOptions {
    fn list(&mut self, tables: &[(&str, &str, bool)]) {
        self.tables = tables
            .iter()
            .map(|(schema, name, private)| ListedTable {
                schema: (*schema).to_owned(),
                name: (*name).to_owned(),
                private: *private,
            })
            .collect();
    }
}

/// All rows of a query, one text each.
async fn rows(client: &Client, sql: &str) -> Vec<String> {
    let sql = format!("SELECT r::text FROM ({sql}) r");
    client.query(&sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn one(client: &Client, sql: &str) -> String {
    rows(client, sql).await.join("\n")
}

async fn refused(client: &Client, sql: &str, code: &str) {
    let error = client.batch_execute(sql).await.expect_err(sql);
    assert_eq!(error.code().unwrap().code(), code, "{sql}: {error:?}");
}

/// Everything in the catalog that says what the tables are, with OIDs to see what was remade.
const IMAGE: &str = "SELECT c.oid, c.relname, c.reltuples, c.relacl, a.attname, a.atttypid,
    a.attnotnull, (SELECT array_agg(pg_get_constraintdef(k.oid) ORDER BY conname)
    FROM pg_constraint k WHERE k.conrelid = c.oid) FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE relnamespace::regnamespace::text IN ('public', 'noisegate', 'hr', 'odd \"name')
    ORDER BY c.oid, a.attnum";

#[tokio::test(flavor = "multi_thread")]
async fn private_tables_are_empty_and_public_ones_are_copies() {
    let mut pair = Pair::tpch().await;
    let report = pair.init().await.unwrap();
    assert_eq!(report.created.len(), 8);
    assert!(report.dropped.is_empty() && report.omitted.is_empty() && report.same_server);

    let analyst = pair.analyst().await;
    for table in &pair.options.tables {
        let count = format!("SELECT count(*) FROM {}", table.name);
        let (here, there) = (one(&analyst, &count).await, one(&pair.source, &count).await);
        let seen = format!(
            "SELECT reltuples, relpages, pg_relation_size(oid) FROM pg_class
             WHERE oid = '{}'::regclass",
            table.name
        );
        if table.private {
            assert_eq!(here, "(0)");
            assert_ne!(there, "(0)");
            assert_eq!(one(&analyst, &seen).await, "(-1,0,0)", "{}", table.name);
        } else {
            assert_eq!(here, there, "{}", table.name);
        }
    }
    let all = "SELECT * FROM partsupp ORDER BY 1, 2";
    assert_eq!(rows(&analyst, all).await, rows(&pair.source, all).await);
    let statistics = "SELECT count(*) FROM pg_stats
        WHERE tablename IN ('customer', 'orders', 'lineitem')";
    assert_eq!(one(&analyst, statistics).await, "(0)");
    verify_empty(&analyst, &pair.options.tables).await.unwrap();

    // What psql's \d and the pickers of BI tools ask.
    let keys = "SELECT conname, contype FROM pg_constraint
        WHERE conrelid = 'lineitem'::regclass ORDER BY 1";
    assert_eq!(rows(&analyst, keys).await, rows(&pair.source, keys).await);
    let columns = "SELECT column_name, data_type, is_nullable, character_maximum_length,
        numeric_precision, numeric_scale FROM information_schema.columns
        WHERE table_name = 'orders' ORDER BY ordinal_position";
    assert_eq!(rows(&analyst, columns).await, rows(&pair.source, columns).await);
    let selectable = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relkind = 'r' AND has_any_column_privilege(oid, 'select')";
    assert_eq!(one(&analyst, selectable).await, "(8)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_init_changes_nothing_and_a_refresh_copies_anew() {
    let mut pair = Pair::tpch().await;
    pair.init().await.unwrap();
    let admin = pair.admin().await;
    let before = rows(&admin, IMAGE).await;
    let report = pair.init().await.unwrap();
    assert!(report.created.is_empty() && report.dropped.is_empty(), "{report:?}");
    assert_eq!(rows(&admin, IMAGE).await, before);

    // The refresh runs as the owner and the reader, and an open transaction does not stop it.
    let analyst = pair.analyst().await;
    analyst.batch_execute("BEGIN; SELECT * FROM region").await.unwrap();
    let change = "UPDATE region SET r_regionkey = 7, r_name = 'ATLANTIS' WHERE r_regionkey = 4";
    let move_nations = "UPDATE nation SET n_regionkey = 0 WHERE n_regionkey = 4";
    pair.source.batch_execute(&format!("{move_nations}; {change}")).await.unwrap();
    let mut reader = pair.login("shop", &pair.options.logins.reader).await;
    let mut owner = pair.login("shadow", &pair.options.logins.owner).await;
    let counts = refresh_public(&mut reader, &mut owner, &pair.options.tables).await.unwrap();
    assert_eq!((counts.len(), counts[&Name::new("public", "nation")]), (5, 25));
    analyst.batch_execute("COMMIT").await.unwrap();
    let all = "SELECT * FROM region ORDER BY 1";
    assert_eq!(rows(&analyst, all).await, rows(&pair.source, all).await);
    assert!(one(&analyst, all).await.contains("ATLANTIS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_no_shadow_is_left_alone() {
    let mut pair = Pair::tpch().await;
    let mut same = connect(&pair.cluster.config("shop", "postgres")).await;
    let error = init(&mut pair.source, &mut same, &pair.options).await.unwrap_err();
    assert!(matches!(error, ShadowError::SameDatabase(_)), "{error}");

    pair.server.batch_execute("CREATE DATABASE shadow").await.unwrap();
    pair.admin().await.batch_execute("CREATE TABLE precious AS SELECT 1 AS a").await.unwrap();
    let error = pair.init().await.unwrap_err();
    assert!(matches!(error, ShadowError::NotAShadow { .. }), "{error}");
    assert_eq!(one(&pair.admin().await, "SELECT a FROM precious").await, "(1)");

    pair.options.list(&[("public", "nowhere", true), ("public", "region", false)]);
    let error = pair.init().await.unwrap_err();
    assert!(matches!(&error, ShadowError::MissingTables(t) if t == &["public.nowhere"]), "{error}");
    pair.options.list(&[("pg_catalog", "pg_class", false)]);
    assert!(matches!(pair.init().await.unwrap_err(), ShadowError::ReservedSchema(_)));
}
