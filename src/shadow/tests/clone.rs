//! What of a schema reaches the shadow, and what happens when it changes.

use super::*;

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

fn rows_of_release(rows: &[&str], major: u32) -> Vec<String> {
    let cut = |row: &&str| {
        if major < 15 { row.replace("NULLS NOT DISTINCT ", "") } else { (*row).to_owned() }
    };
    rows.iter().map(cut).collect()
}

async fn talkative() -> Pair {
    let pair = Pair::new(&TALKATIVE_TABLES).await;
    let mut sql = TALKATIVE.to_owned();
    if pair.cluster.major() < 15 {
        sql = sql.replace("NULLS NOT DISTINCT ", "");
    }
    pair.source.batch_execute(&sql).await.unwrap();
    pair
}

/// The parts of the catalog where something could have been cloned to.
const CATALOGS: [&str; 13] = [
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

/// The columns of one table, without defaults, identity, generation and domains.
const PEOPLE: [&str; 8] = [
    "(id,integer,t,f,\"\",\"\")",
    "(name,text,t,f,\"\",\"\")",
    "(mail,\"character varying(80)\",f,f,\"\",\"\")",
    "(mood,hr.mood,f,f,\"\",\"\")",
    "(moods,hr.mood[],f,f,\"\",\"\")",
    "(twice,integer,f,f,\"\",\"\")",
    "(code,text,f,f,\"\",\"\")",
    "(born,date,f,f,\"\",\"\")",
];

/// Checked keys and foreign keys; none that could not hold while private tables are empty.
const KEYS: [&str; 5] = [
    "(mood_once,\"UNIQUE NULLS NOT DISTINCT (mood, born)\")",
    "(people_mail_key,\"UNIQUE (mail)\")",
    "(people_pkey,\"PRIMARY KEY (id)\")",
    "(select_pkey,\"PRIMARY KEY (id)\")",
    "(visits_person_fkey,\"FOREIGN KEY (person) REFERENCES hr.people(id) DEFERRABLE\")",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_schema_that_can_hold_facts_is_cloned() {
    let mut pair = talkative().await;
    let report = pair.init().await.unwrap();
    assert_eq!(report.created.len(), 4);
    assert_eq!(report.omitted.len(), 1);
    assert_eq!(
        (report.omitted[0].column.as_str(), report.omitted[0].data_type.as_str()),
        ("home", "hr.address")
    );

    let admin = pair.admin().await;
    for catalog in CATALOGS {
        let like = format!("SELECT * FROM pg_{catalog} x WHERE x::text ~ 'canary|1999-09-09'");
        assert_eq!(rows(&admin, &like).await, Vec::<String>::new(), "{catalog}");
    }
    let people = "SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef,
        attidentity, attgenerated FROM pg_attribute
        WHERE attrelid = 'hr.people'::regclass AND attnum > 0 ORDER BY attnum";
    assert_eq!(rows(&admin, people).await, PEOPLE);
    let keys = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace::regnamespace::text ~ 'hr|odd' ORDER BY 1";
    assert_eq!(rows(&admin, keys).await, rows_of_release(&KEYS, pair.cluster.major()));
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
    let mut pair = talkative().await;
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
async fn the_printed_sql_makes_the_same_shadow() {
    let mut pair = talkative().await;
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
