//! The shadow's promises, kept by a real server.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use tokio_postgres::{Client, Config, NoTls};

use super::*;
use crate::demo::{Cluster, Options, fill};

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
async fn the_analysts_login_is_powerless() {
    let mut pair = Pair::tpch().await;
    pair.init().await.unwrap();
    let analyst = pair.analyst().await;
    verify_powerless(&analyst).await.unwrap();
    for sql in [
        "CREATE TABLE public.t (a int)",
        "CREATE SCHEMA s",
        "CREATE ROLE r",
        "INSERT INTO region VALUES (9, 'x', 'x')",
        "DELETE FROM customer",
        "TRUNCATE orders",
        "SELECT * FROM region FOR UPDATE",
        "COPY region TO PROGRAM 'true'",
        "COPY region TO '/tmp/noisegate-never'",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_notify('a', 'b')",
        "SELECT pg_terminate_backend(1)",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_database_size('shop')",
        "SELECT * FROM pg_stat_database",
        "SELECT * FROM pg_authid",
        "SET ROLE noisegate_shadow",
        "SET SESSION AUTHORIZATION postgres",
        "SET track_activities = on",
        "DO $$ BEGIN EXECUTE 'ALTER ROLE noisegate_analyst SET search_path = evil'; END $$",
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE region ADD COLUMN x int",
        "COMMENT ON TABLE region IS 'x'",
        "CREATE EXTENSION pg_trgm",
    ] {
        refused(&analyst, sql, "42501").await;
    }
    let usual = "CREATE TEMP VIEW q AS SELECT noisegate.param(1, NULL::integer) AS p;
        CREATE TEMP TABLE t AS SELECT * FROM nation; SELECT * FROM noisegate.budget;
        SELECT * FROM noisegate.my_queries; SELECT * FROM pg_stat_activity; DISCARD ALL";
    analyst.batch_execute(usual).await.unwrap();
    refused(&analyst, "SELECT noisegate.refuse('0A000', 'no', 'bounds', 'add')", "0A000").await;

    let mut elsewhere = pair.cluster.config("shadow", "stranger");
    pair.server.batch_execute("CREATE ROLE stranger LOGIN PASSWORD 'x'").await.unwrap();
    assert!(elsewhere.password("x").connect(NoTls).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_stands_in_a_canonical_form() {
    let mut pair = Pair::tpch().await;
    pair.init().await.unwrap();
    let analyst = pair.analyst().await;
    let make = "CREATE TEMP VIEW q AS SELECT count(*) FROM customer
        WHERE c_acctbal > noisegate.param(1, NULL::numeric)";
    analyst.batch_execute(make).await.unwrap();
    let form = one(&analyst, "SELECT pg_get_viewdef('pg_temp.q'::regclass)").await;
    assert!(form.contains("noisegate.param(1, NULL::numeric)"), "{form}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_power_is_noticed() {
    let mut pair = Pair::tpch().await;
    pair.init().await.unwrap();
    let powers = async |client: &Client| match verify_powerless(client).await.unwrap_err() {
        ShadowError::TooPowerful { powers, .. } => powers.join("\n"),
        other => format!("{other}"),
    };
    let admin = pair.admin().await;
    assert!(powers(&admin).await.contains("is a superuser"));
    let owner = pair.login("shadow", &pair.options.logins.owner).await;
    assert!(powers(&owner).await.contains("may create in the schema public"));

    let analyst = pair.analyst().await;
    for (give, take, named) in [
        (
            "GRANT noisegate_shadow TO noisegate_analyst",
            "REVOKE noisegate_shadow FROM noisegate_analyst",
            "is a member of noisegate_shadow",
        ),
        (
            "GRANT INSERT ON region TO PUBLIC",
            "REVOKE INSERT ON region FROM PUBLIC",
            "may write public.region",
        ),
        (
            "GRANT UPDATE (r_name) ON region TO PUBLIC",
            "REVOKE UPDATE (r_name) ON region FROM PUBLIC",
            "may write public.region",
        ),
        (
            "GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC",
            "REVOKE EXECUTE ON FUNCTION lo_create(oid) FROM PUBLIC",
            "may call lo_create",
        ),
        (
            "GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC",
            "REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC",
            "may write functions in plpgsql",
        ),
        (
            "ALTER ROLE noisegate_analyst SET search_path = evil",
            "ALTER ROLE noisegate_analyst RESET search_path",
            "starts with search_path=evil",
        ),
        (
            "ALTER ROLE noisegate_analyst RESET track_activities",
            "ALTER ROLE noisegate_analyst SET track_activities = off",
            "does not start with track_activities=off",
        ),
    ] {
        admin.batch_execute(give).await.unwrap();
        let found = powers(&analyst).await;
        assert!(found.contains(named), "{give}: {found}");
        admin.batch_execute(take).await.unwrap();
        verify_powerless(&analyst).await.unwrap();
    }

    admin
        .batch_execute(
            "INSERT INTO customer SELECT 1, 'Alice', 'x', n_nationkey, 'x', 0, 'x', 'x'
        FROM nation LIMIT 1; ANALYZE customer; DELETE FROM customer",
        )
        .await
        .unwrap();
    let seen = verify_empty(&analyst, &pair.options.tables).await.unwrap_err();
    assert!(seen.to_string().contains("public.customer"), "{seen}");
    let report = pair.init().await.unwrap();
    assert_eq!(report.created.len(), 1);
    verify_empty(&pair.analyst().await, &pair.options.tables).await.unwrap();
    let keys = "SELECT count(*) FROM pg_constraint WHERE confrelid = 'customer'::regclass";
    assert_eq!(one(&admin, keys).await, "(1)");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reader_reads_listed_tables_and_no_more() {
    let mut pair = Pair::tpch().await;
    pair.init().await.unwrap();
    let reader = pair.login("shop", &pair.options.logins.reader).await;
    assert_ne!(one(&reader, "SELECT count(*) FROM public.customer").await, "(0)");
    refused(&reader, "SELECT * FROM public.salaries", "42501").await;
    refused(&reader, "DELETE FROM public.customer", "25006").await;
    reader.batch_execute("SET default_transaction_read_only = off").await.unwrap();
    refused(&reader, "DELETE FROM public.customer", "42501").await;
    refused(&reader, "CREATE TEMP TABLE t (a int)", "42501").await;
    refused(&reader, "CREATE TABLE public.t (a int)", "42501").await;

    // What is no longer listed is no longer readable, and no longer in the shadow.
    pair.options.tables.retain(|table| table.name != "lineitem");
    let report = pair.init().await.unwrap();
    assert_eq!((report.created.len(), report.dropped.len()), (0, 1));
    refused(&reader, "SELECT * FROM public.lineitem", "42501").await;
    refused(&pair.analyst().await, "SELECT * FROM lineitem", "42P01").await;
}

/// A schema that tells about its rows wherever a schema can.
const TALKATIVE: &str = r#"
CREATE SCHEMA hr; CREATE SCHEMA "odd ""name";
CREATE TYPE hr.mood AS ENUM ('fine', 'it''s \ bad');
CREATE TYPE hr.unused AS ENUM ('canary enum');
CREATE DOMAIN hr.email AS varchar(80) CHECK (VALUE <> 'canary domain');
CREATE TYPE hr.address AS (street text);
CREATE TABLE hr.people (
    id serial PRIMARY KEY, name text NOT NULL DEFAULT 'canary default' CHECK (name <> 'canary check'),
    mail hr.email UNIQUE, mood hr.mood, moods hr.mood[], home hr.address,
    twice int GENERATED ALWAYS AS (id * 2) STORED, code text COLLATE "C", born date,
    CONSTRAINT mood_once UNIQUE NULLS NOT DISTINCT (mood, born));
COMMENT ON TABLE hr.people IS 'canary comment';
COMMENT ON COLUMN hr.people.name IS 'canary comment';
CREATE INDEX people_canary ON hr.people (name) WHERE name = 'canary predicate';
CREATE STATISTICS hr.canary_statistics ON name, mail FROM hr.people;
INSERT INTO hr.people (name, mail, mood) VALUES ('canary row', 'canary mail', 'fine');
CREATE TABLE "odd ""name"."select" (id int PRIMARY KEY, "Héllo; --" text, boss int REFERENCES hr.people);
INSERT INTO "odd ""name"."select" VALUES (1, E'tab\t"''\\ newline\n', 1), (2, NULL, NULL);
CREATE TABLE hr.visits (id int, person int REFERENCES hr.people, place int, at date)
    PARTITION BY RANGE (at);
CREATE TABLE hr.visits_1 PARTITION OF hr.visits FOR VALUES FROM ('1999-09-09') TO ('2030-01-01');
ALTER TABLE hr.people ADD CONSTRAINT doubtful FOREIGN KEY (id) REFERENCES "odd ""name"."select" NOT VALID;
CREATE VIEW hr.codes AS SELECT 1 AS code, 'one'::text AS word WHERE 'canary view' <> '';
ANALYZE;
"#;

const TALKATIVE_TABLES: [(&str, &str, bool); 4] = [
    ("hr", "people", true),
    ("hr", "visits", true),
    ("hr", "codes", false),
    ("odd \"name", "select", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_schema_that_can_hold_facts_is_cloned() {
    let mut pair = Pair::new(&TALKATIVE_TABLES).await;
    pair.source.batch_execute(TALKATIVE).await.unwrap();
    let report = pair.init().await.unwrap();
    assert_eq!(report.created.len(), 4);
    assert_eq!(report.omitted.len(), 1);
    assert_eq!(
        (report.omitted[0].column.as_str(), report.omitted[0].data_type.as_str()),
        ("home", "hr.address")
    );

    let admin = pair.admin().await;
    let catalogs = [
        "class",
        "attribute",
        "attrdef",
        "constraint",
        "description",
        "enum",
        "type",
        "statistic",
        "statistic_ext",
        "sequence",
        "index",
        "rewrite",
        "proc",
    ];
    for catalog in catalogs {
        let like = format!("SELECT * FROM pg_{catalog} x WHERE x::text ~ 'canary|1999-09-09'");
        assert_eq!(rows(&admin, &like).await, Vec::<String>::new(), "{catalog}");
    }
    let people = "SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef,
        attidentity, attgenerated FROM pg_attribute
        WHERE attrelid = 'hr.people'::regclass AND attnum > 0 ORDER BY attnum";
    let expected = [
        "(id,integer,t,f,\"\",\"\")",
        "(name,text,t,f,\"\",\"\")",
        "(mail,\"character varying(80)\",f,f,\"\",\"\")",
        "(mood,hr.mood,f,f,\"\",\"\")",
        "(moods,hr.mood[],f,f,\"\",\"\")",
        "(twice,integer,f,f,\"\",\"\")",
        "(code,text,f,f,\"\",\"\")",
        "(born,date,f,f,\"\",\"\")",
    ];
    assert_eq!(rows(&admin, people).await, expected);
    let keys = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace::regnamespace::text ~ 'hr|odd' ORDER BY 1";
    assert_eq!(
        rows(&admin, keys).await,
        [
            "(mood_once,\"UNIQUE NULLS NOT DISTINCT (mood, born)\")",
            "(people_mail_key,\"UNIQUE (mail)\")",
            "(people_pkey,\"PRIMARY KEY (id)\")",
            "(select_pkey,\"PRIMARY KEY (id)\")",
            "(visits_person_fkey,\"FOREIGN KEY (person) REFERENCES hr.people(id) DEFERRABLE\")",
        ]
    );
    let labels = "SELECT enum_range(NULL::hr.mood)";
    assert_eq!(one(&admin, labels).await, one(&pair.source, labels).await);
    for public in ["SELECT * FROM hr.codes", r#"SELECT * FROM "odd ""name"."select" ORDER BY 1"#] {
        let copied = rows(&pair.analyst().await, public).await;
        assert!(!copied.is_empty());
        assert_eq!(copied, rows(&pair.source, public).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_made_again() {
    let mut pair = Pair::new(&TALKATIVE_TABLES).await;
    pair.source.batch_execute(TALKATIVE).await.unwrap();
    pair.init().await.unwrap();
    let admin = pair.admin().await;
    let names = |tables: &std::collections::BTreeSet<Name>| {
        tables.iter().map(|name| name.name.clone()).collect::<Vec<_>>().join(" ")
    };

    pair.source.batch_execute("ALTER TABLE hr.visits ADD COLUMN note text").await.unwrap();
    assert_eq!(names(&pair.init().await.unwrap().created), "visits");

    // A label changes the tables that use it, and the keys to them are made again.
    let before = one(&admin, "SELECT 'hr.visits'::regclass::oid").await;
    pair.source.batch_execute("ALTER TYPE hr.mood ADD VALUE 'late'").await.unwrap();
    assert_eq!(names(&pair.init().await.unwrap().created), "people");
    assert_eq!(one(&admin, "SELECT 'hr.visits'::regclass::oid").await, before);
    let keys = "SELECT count(*) FROM pg_constraint WHERE conrelid = 'hr.visits'::regclass";
    assert_eq!(one(&admin, keys).await, "(1)");
    assert!(one(&admin, "SELECT enum_range(NULL::hr.mood)").await.contains("late"));

    // A dropped key goes; a public table that becomes private is emptied, with its statistics.
    pair.source
        .batch_execute("ALTER TABLE hr.visits DROP CONSTRAINT visits_person_fkey")
        .await
        .unwrap();
    pair.options.tables[3].private = true;
    let report = pair.init().await.unwrap();
    assert_eq!(names(&report.created), "select");
    assert_eq!(one(&admin, keys).await, "(0)");
    verify_empty(&admin, &pair.options.tables).await.unwrap();

    // A schema without a table left goes too.
    pair.options.tables.pop();
    pair.init().await.unwrap();
    assert_eq!(one(&admin, "SELECT nspname FROM pg_namespace WHERE nspname ~ 'odd'").await, "");
    assert!(pair.init().await.unwrap().created.is_empty());
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

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_sql_makes_the_same_shadow() {
    let mut pair = Pair::new(&TALKATIVE_TABLES).await;
    pair.source.batch_execute(TALKATIVE).await.unwrap();
    let sql = init_sql(&mut pair.source, "shadow", &pair.options).await.unwrap();
    pair.source.batch_execute(&sql.source).await.unwrap();
    let (roles, database) = sql.server.split_once("CREATE DATABASE").unwrap();
    pair.server.batch_execute(roles).await.unwrap();
    pair.server.batch_execute(&format!("CREATE DATABASE{database}")).await.unwrap();
    pair.admin().await.batch_execute(&sql.shadow).await.unwrap();

    let analyst = pair.analyst().await;
    verify_powerless(&analyst).await.unwrap();
    verify_empty(&analyst, &pair.options.tables).await.unwrap();
    let report = pair.init().await.unwrap();
    assert!(report.created.is_empty() && report.dropped.is_empty(), "{report:?}");
    // No password in clear.
    assert!(!sql.server.contains("it''s"), "{}", sql.server);
}
