//! What the logins can do, tried.

use super::*;

/// What an analyst may not do, whatever the proxy lets through.
const BEYOND: [&str; 26] = [
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
];

#[tokio::test(flavor = "multi_thread")]
async fn the_analysts_login_is_powerless() {
    let mut pair = Pair::tpch().await;
    pair.init().await.unwrap();
    let analyst = pair.analyst().await;
    verify_powerless(&analyst).await.unwrap();
    for sql in BEYOND {
        refused(&analyst, sql, "42501").await;
    }
    let usual = "CREATE TEMP VIEW q AS SELECT noisegate.param(1, NULL::integer) AS p;
        CREATE TEMP TABLE t AS SELECT * FROM nation; SELECT * FROM noisegate.budget;
        SELECT * FROM noisegate.my_queries; SELECT * FROM pg_stat_activity";
    analyst.batch_execute(usual).await.unwrap();
    analyst.batch_execute("DISCARD ALL").await.unwrap();
    // SQL in a string argument hides from the proxy what it must refuse, or must answer with noise.
    let hidden =
        "SELECT query_to_xml('ALTER ROLE noisegate_analyst SET work_mem = 64', true, true, '')";
    refused(&analyst, hidden, "42501").await;
    refused(&analyst, "SELECT * FROM ts_stat('SELECT 1')", "42501").await;
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

/// What somebody may give, how it is taken back, and what it is called.
const EXCESSES: [(&str, &str, &str); 7] = [
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
];

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
    for (give, take, named) in EXCESSES {
        admin.batch_execute(give).await.unwrap();
        let found = powers(&analyst).await;
        assert!(found.contains(named), "{give}: {found}");
        admin.batch_execute(take).await.unwrap();
        verify_powerless(&analyst).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_of_rows_are_noticed_and_go() {
    let mut pair = Pair::tpch().await;
    pair.init().await.unwrap();
    let (admin, analyst) = (pair.admin().await, pair.analyst().await);
    let trace = "INSERT INTO customer
        SELECT 1, 'Alice', 'x', n_nationkey, 'x', 0, 'x', 'x' FROM nation LIMIT 1;
        ANALYZE customer; DELETE FROM customer";
    admin.batch_execute(trace).await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_may_do_to_itself_is_noticed() {
    let mut pair = Pair::tpch().await;
    pair.init().await.unwrap();
    // PostgreSQL lets every role do this; the proxy refuses the statement, this finds it if not.
    let analyst = pair.analyst().await;
    analyst.batch_execute("ALTER ROLE noisegate_analyst SET search_path = evil").await.unwrap();
    let found = verify_powerless(&analyst).await.unwrap_err().to_string();
    assert!(found.contains("starts with search_path=evil"), "{found}");
    // It cannot take its own rights away: others gave them.
    analyst.batch_execute("DROP OWNED BY noisegate_analyst").await.unwrap();
    assert_eq!(rows(&analyst, "SELECT * FROM region").await.len(), 5);

    pair.init().await.unwrap();
    verify_powerless(&pair.analyst().await).await.unwrap();
}
