//! Findings against a real schema: none for the demo, and each of them for a schema full of mistakes.

use super::*;
use crate::catalog::tests::Postgres;
use crate::catalog::{Login, ShadowState, holds};
use crate::policy::TableName;
use crate::policy::tests::{demo, overrides};

const TPCH: &str = "
CREATE TABLE region (r_regionkey int PRIMARY KEY, r_name char(25), r_comment varchar(152));
CREATE TABLE nation (n_nationkey int PRIMARY KEY, n_name char(25), n_regionkey int REFERENCES region, n_comment varchar(152));
CREATE TABLE part (p_partkey bigint PRIMARY KEY, p_name varchar(55));
CREATE TABLE supplier (s_suppkey bigint PRIMARY KEY, s_name char(25));
CREATE TABLE partsupp (ps_partkey bigint REFERENCES part, ps_suppkey bigint REFERENCES supplier, PRIMARY KEY (ps_partkey, ps_suppkey));
CREATE TABLE customer (c_custkey bigint PRIMARY KEY, c_name varchar(25), c_address varchar(40), c_nationkey int REFERENCES nation,
    c_phone char(15), c_acctbal numeric(15,2), c_mktsegment char(10), c_comment varchar(117));
CREATE TABLE orders (o_orderkey bigint PRIMARY KEY, o_custkey bigint NOT NULL REFERENCES customer, o_orderstatus char(1),
    o_totalprice numeric(15,2), o_orderdate date, o_orderpriority char(15), o_clerk char(15), o_shippriority int, o_comment varchar(79));
CREATE TABLE lineitem (l_orderkey bigint NOT NULL REFERENCES orders, l_partkey bigint, l_suppkey bigint, l_linenumber int,
    l_quantity numeric(15,2), l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2), l_returnflag char(1),
    l_linestatus char(1), l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct char(25), l_shipmode char(10),
    l_comment varchar(44), PRIMARY KEY (l_orderkey, l_linenumber));
CREATE ROLE reader LOGIN;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
";

fn lines(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

/// Asserts that exactly these findings are there: level, a part of what, a part of fix.
fn assert_findings(findings: &[Finding], expected: &[(Level, &str, &str)]) {
    for (level, what, fix) in expected {
        let found = findings
            .iter()
            .any(|f| f.level == *level && f.what.contains(what) && f.fix.contains(fix));
        assert!(found, "{level:?} {what} | {fix} is not in\n{}", lines(findings).join("\n"));
    }
    assert_eq!(findings.len(), expected.len(), "{}", lines(findings).join("\n"));
}

#[tokio::test]
async fn the_demo_has_no_findings_until_something_changes() {
    let postgres = Postgres::start();
    let owner = postgres.connect("postgres").await;
    owner.batch_execute(TPCH).await.unwrap();
    let policy = demo();
    let source = Catalog::load(&owner).await.unwrap();
    assert_eq!(lines(&check(&policy, &source)), [""; 0]);
    source_login(&postgres, &policy).await;
    shadow(&postgres, &policy).await;
    extremes(&postgres, &policy, &source).await;

    let truth =
        Policy::parse_with(include_str!("../../../budgets/truth.toml"), "t", overrides()).unwrap();
    let errors: Vec<Finding> =
        check(&truth, &source).into_iter().filter(|f| f.level == Level::Error).collect();
    assert_findings(&errors, &[(Level::Error, "groups of 1 people", "min_group = 3")]);
}

async fn source_login(postgres: &Postgres, policy: &Policy) {
    let (owner, reader) = (postgres.connect("postgres").await, postgres.connect("reader").await);
    let found = async || check_login(policy, &Login::load(&reader).await.unwrap());
    assert_eq!(lines(&found().await), [""; 0]);
    owner
        .batch_execute(
            "CREATE TABLE secret (a int, b int); GRANT SELECT (a) ON secret TO reader;
             GRANT UPDATE (c_phone) ON customer TO reader; GRANT CREATE ON SCHEMA public TO reader;
             GRANT pg_read_server_files TO reader; REVOKE SELECT ON part FROM reader;
             CREATE SCHEMA shut CREATE TABLE inside (x int); GRANT SELECT ON shut.inside TO reader;
             CREATE SEQUENCE counter; GRANT USAGE ON counter TO reader",
        )
        .await
        .unwrap();
    let expected = [
        (Level::Error, "power pg_read_server_files", "take it away"),
        (Level::Error, "create things in schema public", "REVOKE CREATE"),
        (Level::Error, "write to public.customer", "REVOKE"),
        (Level::Error, "write to public.counter", "REVOKE"),
        (Level::Error, "read public.secret", "list the table"),
        (Level::Error, "cannot read public.part", "GRANT SELECT"),
    ];
    assert_findings(&found().await, &expected);
    let all = check_login(policy, &Login::load(&owner).await.unwrap());
    assert_findings(&all, &[(Level::Error, "superuser", "only SELECT")]);
    owner
        .batch_execute("DROP TABLE secret; DROP SCHEMA shut CASCADE; DROP SEQUENCE counter")
        .await
        .unwrap();
}

async fn shadow(postgres: &Postgres, policy: &Policy) {
    let owner = postgres.connect("postgres").await;
    let mut private: Vec<TableName> =
        vec!["public.customer".parse().unwrap(), "public.none".parse().unwrap()];
    private.push("public.orders".parse().unwrap());
    owner
        .batch_execute(
            "CREATE ROLE noisegate_analyst LOGIN; REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
             GRANT CONNECT ON DATABASE postgres TO noisegate_analyst",
        )
        .await
        .unwrap();
    let state = ShadowState::load(&owner, &private).await.unwrap();
    assert_eq!(lines(&check_shadow(policy, &state)), [""; 0]);
    owner
        .batch_execute("GRANT CONNECT ON DATABASE postgres TO reader; INSERT INTO customer (c_custkey) VALUES (1)")
        .await
        .unwrap();
    let state = ShadowState::load(&owner, &private).await.unwrap();
    let expected = [
        (Level::Error, "the login reader can connect", "REVOKE CONNECT"),
        (Level::Error, "rows of public.customer", "empty it"),
    ];
    assert_findings(&check_shadow(policy, &state), &expected);
}

async fn extremes(postgres: &Postgres, policy: &Policy, source: &Catalog) {
    let owner = postgres.connect("postgres").await;
    owner
        .batch_execute(
            "INSERT INTO customer (c_custkey, c_acctbal) VALUES (2, -1000), (3, 10000);
             INSERT INTO orders (o_orderkey, o_custkey, o_orderdate, o_orderstatus, o_totalprice)
             VALUES (1, 1, '1992-01-01', 'F', 0), (2, 1, '1998-12-31', 'O', 5), (3, 1, NULL, 'P', 600000.01),
                    (4, 1, NULL, 'P', NULL)",
        )
        .await
        .unwrap();
    let mut found = Vec::new();
    let questions = data_questions(policy, source);
    assert!(questions.len() > 15, "{}", questions.len());
    for question in questions {
        if holds(&owner, &question.sql).await.unwrap() {
            found.push(question.finding);
        }
    }
    let expected = [
        (Level::Warning, "bounds of public.customer.c_acctbal", "possible"),
        (Level::Warning, "bounds of public.orders.o_orderdate", "possible"),
        (Level::Warning, "values of public.orders.o_orderstatus", "possible"),
    ];
    assert_findings(&found, &expected);
}

const SLOPPY_SCHEMA: &str = "
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, born date, height real, mood mood, code varchar(3), age int2,
    added text);
CREATE TABLE visits (person int, day date, cost numeric);
CREATE TABLE bills (visit int REFERENCES people, v int);
CREATE TABLE logins (who text, n int);
CREATE TABLE codes (n int);
CREATE VIEW names AS SELECT email FROM people;
CREATE VIEW more_names AS SELECT * FROM names;
CREATE TABLE old_visits () INHERITS (visits);
CREATE TABLE everybody (id int);
CREATE TABLE staff () INHERITS (everybody);
CREATE TABLE unseen (x int);
";

const SLOPPY: &str = r#"version = 1
[defaults]
min_group = 2
[tables."public.people"]
unit = "id"
people = 10_000_000
columns.email  = { class = "quasi" }
columns.born   = { class = "quasi", bounds = [0, 100] }
columns.height = { class = "sensitive" }
columns.mood   = { class = "quasi", values = ["low", "middle"] }
columns.code   = { class = "quasi", values = ["abcd"] }
columns.age    = { class = "quasi", bounds = [0, 40_000], values = "public.codes.n" }
columns.gone   = { class = "quasi" }
[tables."public.visits"]
unit = "person -> public.people.id"
max_rows = 9
columns.day  = { class = "quasi", bounds = ["2020-01-01", "2020-01-01 10:00:00"] }
columns.cost = { class = "sensitive", bounds = [0, 0.5] }
[tables."public.bills"]
unit = "visit -> public.visits.person"
max_rows = 9
columns.v = { class = "quasi", bounds = [0, 0.5], values = "public.codes.m" }
[tables."public.logins"]
unit = "who"
columns.n = { class = "quasi", bounds = [0, 5] }
[tables."public.staff"]
unit = "id"
max_rows = 2
[tables."public.codes"]
public = "made up"
[tables."public.People"]
public = "misspelt"
[tables."public.more_names"]
public = "nobody looked"
[teams.t]
members = ["a"]
[roles.r]
members = ["team:t"]
answers = "noisy"
pays = ["b"]
epsilon = { default = 1, max = 3.01 }
[budgets.b]
per = "dataset"
epsilon = 3.0
delta = 1.1e-8
window = "1d"
stretch = 20
throttle = [{ at = 0.9, queries_per_hour = 1 }, { at = 0.90, answer = "remembered only" }]
"#;

#[tokio::test]
async fn each_mistake_is_found() {
    use Level::{Error, Warning};
    let postgres = Postgres::start();
    let owner = postgres.connect("postgres").await;
    owner.batch_execute(SLOPPY_SCHEMA).await.unwrap();
    let source = Catalog::load(&owner).await.unwrap();
    let policy = Policy::parse_with(SLOPPY, "sloppy.toml", overrides()).unwrap();
    let findings = check(&policy, &source);
    let expected = [
        (Error, "groups of 2 people", "min_group = 3"),
        (
            Warning,
            "public.people has columns that are not classified, so nobody can use them: added",
            "columns",
        ),
        (Warning, "public.people.email is unique", "direct"),
        (Error, "public.people.born is a date and its bound a number", "write dates"),
        (Warning, "public.people.height has no bounds", "bounds"),
        (
            Error,
            "public.people.mood is of type public.mood and cannot be `middle`",
            "as PostgreSQL",
        ),
        (
            Error,
            "public.people.code is of type character varying(3) and cannot be `abcd`",
            "as PostgreSQL",
        ),
        (Error, "public.people.age cannot hold its bound", "32767"),
        (Error, "public.people has no column gone", "remove the line"),
        (
            Error,
            "public.visits.person is not a validated foreign key",
            "FOREIGN KEY (person) REFERENCES public.people (id)",
        ),
        (Error, "public.visits.day is a date and its bound has a time", "days"),
        (Error, "person is not unique in public.visits", "primary key"),
        (
            Error,
            "public.bills.visit is not a validated foreign key",
            "FOREIGN KEY (visit) REFERENCES public.visits",
        ),
        (Error, "public.bills.v is a whole number", "whole"),
        (
            Error,
            "public.bills.v takes its values from public.codes, which has no column m",
            "name a column",
        ),
        (Warning, "who is not unique in public.logins", "max_rows"),
        (Error, "no table public.People", "there is public.people"),
        (
            Error,
            "public.more_names is listed as public and selects from a private table",
            "remove it",
        ),
        (Warning, "public.names selects from a private table", "nothing needs"),
        (Warning, "public.old_visits holds rows of a private table", "nothing needs"),
        (Warning, "public.everybody shows rows of a private table", "nothing needs"),
        (Warning, "public.unseen is not listed", "leave it denied"),
        (Warning, "no lifetime budget", "lifetime"),
        (Error, "one query of r may cost 3.01, and all of b is 3.0", "max = 3.0"),
        (Error, "throttle of b are out of order", "rise"),
        (Warning, "stretch of b lowers the first query of r already", "lower stretch"),
        (Error, "delta = 1.1e-8 of b is too much for 10000000 people", "10 × 10000000"),
    ];
    assert_findings(&findings, &expected);

    let born = findings.iter().find(|f| f.what.contains("born")).unwrap();
    assert_eq!((born.line, born.column), (8, 9), "where its name stands");
}

#[test]
fn a_promise_of_each_role_is_not_one() {
    let found = |lines: &str| {
        let demo = include_str!("../../../budgets/demo.toml");
        let text = demo.replace("[budgets.shop]", &format!("[budgets.shop]\n{lines}"));
        let policy = Policy::parse_with(&text, "demo.toml", overrides()).unwrap();
        super::budgets::check(&policy)
    };
    assert_eq!(lines(&found("")), [""; 0]);
    let expected = [(Level::Warning, "no lifetime budget of the dataset", "without by_role")];
    assert_findings(&found("by_role = true"), &expected);
    // Forty ε at δ = 1e-6 are a ρ of 14.6 and more: enough for a hundred queries of ε = 0.5.
    assert_eq!(lines(&found("stretch = 100")), [""; 0]);
    let expected = [(Level::Warning, "stretch of shop lowers", "raise the budget")];
    assert_findings(&found("stretch = 1000"), &expected);
}
