//! The logins: what each may do on which side, as SQL that can be run again and again.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::schema::ListedTable;
use crate::quote::{ident, literal};

/// A login and how it is let in.
#[derive(Clone)]
pub struct Login {
    /// The role's name.
    pub role: String,
    /// The password to set; `None` leaves what there is.
    pub password: Option<String>,
}

impl Login {
    /// A login without a password of ours.
    pub fn new(role: &str) -> Self {
        Self { role: role.to_owned(), password: None }
    }

    /// A login with this password.
    pub fn with_password(role: &str, password: &str) -> Self {
        Self { role: role.to_owned(), password: Some(password.to_owned()) }
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The password stays out of logs.
        f.debug_struct("Login").field("role", &self.role).finish_non_exhaustive()
    }
}

/// Who connects where.
#[derive(Clone, Debug)]
pub struct Logins {
    /// Reads the listed tables on the source.
    pub reader: Login,
    /// What analysts' sessions on the shadow run as.
    pub analyst: Login,
    /// Owns the shadow's tables; used by `init` and by the refresh.
    pub owner: Login,
    /// How many connections the reader may hold.
    pub reader_connections: u32,
}

impl Default for Logins {
    fn default() -> Self {
        Self {
            reader: Login::new("noisegate_reader"),
            analyst: Login::new("noisegate_analyst"),
            owner: Login::new("noisegate_shadow"),
            reader_connections: 64,
        }
    }
}

/// Settings that the analyst's role starts with. `verify` expects exactly these.
/// `track_activities` keeps one analyst's statements out of another's pg_stat_activity; the limit
/// bounds what a sort may spill. Only a superuser can set or change the two.
pub(super) const ANALYST_SETTINGS: [(&str, &str); 2] =
    [("track_activities", "off"), ("temp_file_limit", "4GB")];

const READER_SETTINGS: [(&str, &str); 3] = [
    ("default_transaction_read_only", "on"),
    ("search_path", "pg_catalog"),
    ("idle_in_transaction_session_timeout", "5min"),
];

/// What no analyst may call, as a pattern of names: it writes, signals other sessions, ends them,
/// or reads the server's files.
pub(super) const DENIED_FUNCTIONS: &str = "^(lo_.*|loread|lowrite|pg_(try_)?advisory_.*|pg_notify\
    |pg_(terminate|cancel)_backend|pg_export_snapshot|pg_logical_.*|pg_replication_.*\
    |pg_log_backend_memory_contexts|pg_read_.*|pg_ls_.*|pg_stat_file|pg_reload_conf\
    |pg_rotate_logfile|.*_to_xml.*|ts_stat|pg_promote|pg_switch_wal|pg_create_.*|pg_drop_.*|pg_stat_reset.*)$";

/// What tells of the whole server, and so of the source if both are on one.
const SHARED_FUNCTIONS: &str = "^(pg_stat_get_(db|wal|bgwriter|checkpointer|slru|io|archiver|buf).*\
    |pg_(database|tablespace)_size|pg_current_(wal|xact|snapshot).*|txid_current.*|pg_control_.*\
    |pg_last_committed_xact|pg_lock_status)$";

fn do_block(body: &str) -> String {
    // Not in dollar quotes: a name could hold their tag.
    format!("DO {};\n", literal(body))
}

/// Creates the login if it is new. What CREATE ROLE gives nobody by itself is checked, not taken
/// away: naming SUPERUSER at all takes a superuser, which a cloud's admin is not.
fn login(login: &Login, connections: i64, settings: &[(&str, &str)]) -> String {
    let role = ident(&login.role);
    let name = literal(&login.role);
    let mut sql = do_block(&format!(
        "BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name}) THEN
        CREATE ROLE {role};
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name}
               AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls))
       OR EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r
                  ON r.oid = m.member WHERE r.rolname = {name}) THEN
        RAISE EXCEPTION 'the role % has attributes or memberships that it must not have', {name};
    END IF;
END"
    ));
    let _ = writeln!(sql, "ALTER ROLE {role} LOGIN NOINHERIT CONNECTION LIMIT {connections};");
    let _ = writeln!(sql, "ALTER ROLE {role} RESET ALL;");
    if let Some(password) = &login.password {
        // The verifier, so that the password itself reaches no log of the server.
        let verifier = postgres_protocol::password::scram_sha_256(password.as_bytes());
        let _ = writeln!(sql, "ALTER ROLE {role} PASSWORD {};", literal(&verifier));
    }
    for (setting, value) in settings {
        let _ = writeln!(sql, "ALTER ROLE {role} SET {setting} = {};", literal(value));
    }
    sql
}

/// The reader on the source: SELECT on the listed tables and nothing else.
///
/// PUBLIC may make temporary tables in a database, and before release 15 tables in the schema
/// public. Taking that away would change the source for others, so it is done only if `harden`
/// is set; the reader's transactions start read-only in any case.
pub(super) fn on_source(
    logins: &Logins,
    database: &str,
    tables: &[ListedTable],
    harden: bool,
) -> String {
    let mut sql = login(&logins.reader, i64::from(logins.reader_connections), &READER_SETTINGS);
    let (role, database) = (ident(&logins.reader.role), ident(database));
    sql.push_str(&revoke_all(&logins.reader.role));
    let _ = writeln!(sql, "GRANT CONNECT ON DATABASE {database} TO {role};");
    for schema in tables.iter().map(|table| &table.schema).collect::<BTreeSet<_>>() {
        let _ = writeln!(sql, "GRANT USAGE ON SCHEMA {} TO {role};", ident(schema));
    }
    for table in tables {
        let _ = writeln!(sql, "GRANT SELECT ON TABLE {} TO {role};", table.key().sql());
    }
    if harden {
        let _ = writeln!(sql, "REVOKE TEMP ON DATABASE {database} FROM PUBLIC;");
        sql.push_str(&do_block(
            "BEGIN
    IF pg_catalog.to_regnamespace('public') IS NOT NULL THEN
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    END IF;
END",
        ));
    }
    sql
}

/// Takes back what an earlier list of tables granted.
fn revoke_all(role: &str) -> String {
    let (name, role) = (literal(role), literal(&ident(role)));
    do_block(&format!(
        "DECLARE held record;
BEGIN
    FOR held IN SELECT DISTINCT c.oid::regclass AS name FROM pg_catalog.pg_class c,
        LATERAL pg_catalog.aclexplode(c.relacl) a WHERE a.grantee = {role}::regrole LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM %I', held.name, {name});
    END LOOP;
    FOR held IN SELECT DISTINCT n.nspname AS name FROM pg_catalog.pg_namespace n,
        LATERAL pg_catalog.aclexplode(n.nspacl) a WHERE a.grantee = {role}::regrole LOOP
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', held.name, {name});
    END LOOP;
END"
    ))
}

/// The two logins of the shadow's server; to be run before the database exists.
pub(super) fn on_shadow_server(logins: &Logins) -> String {
    const OWNER_CONNECTIONS: i64 = 8;
    let analyst = login(&logins.analyst, -1, &ANALYST_SETTINGS);
    analyst + &login(&logins.owner, OWNER_CONNECTIONS, &[])
}

/// The shadow database, its schemas and what is taken from PUBLIC in it.
/// `shared` says that the source may be on the same server.
pub(super) fn on_shadow(
    logins: &Logins,
    database: &str,
    schemas: &BTreeSet<String>,
    shared: bool,
) -> String {
    let (owner, analyst) = (ident(&logins.owner.role), ident(&logins.analyst.role));
    let database = ident(database);
    let mut sql = format!(
        "ALTER DATABASE {database} OWNER TO {owner};
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT, TEMP ON DATABASE {database} TO {analyst};
"
    );
    for schema in schemas.iter().map(String::as_str).chain(["public", "noisegate"]) {
        let schema = ident(schema);
        let _ = write!(
            sql,
            "CREATE SCHEMA IF NOT EXISTS {schema};
ALTER SCHEMA {schema} OWNER TO {owner};
REVOKE ALL ON SCHEMA {schema} FROM PUBLIC;
GRANT USAGE ON SCHEMA {schema} TO {analyst};
"
        );
    }
    sql.push_str(&revoke_languages());
    let _ = writeln!(sql, "GRANT USAGE ON LANGUAGE plpgsql TO {owner};");
    sql.push_str(&revoke_functions(DENIED_FUNCTIONS));
    if shared {
        sql.push_str(&revoke_functions(SHARED_FUNCTIONS));
    }
    sql
}

/// Without a language there is no DO block and no function in pg_temp: so a statement that must
/// be refused (such as ALTER ROLE on oneself) cannot be hidden inside one that is relayed.
fn revoke_languages() -> String {
    do_block(
        "DECLARE language record;
BEGIN
    FOR language IN SELECT lanname AS name FROM pg_catalog.pg_language WHERE lanpltrusted LOOP
        EXECUTE format('REVOKE ALL ON LANGUAGE %I FROM PUBLIC', language.name);
    END LOOP;
END",
    )
}

fn revoke_functions(pattern: &str) -> String {
    do_block(&format!(
        "DECLARE routine record;
BEGIN
    FOR routine IN SELECT p.oid::regprocedure AS name FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ {} LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', routine.name);
    END LOOP;
END",
        literal(pattern)
    ))
}

/// Lets analysts read all tables of the shadow; only listed ones exist.
pub(super) fn readable(logins: &Logins, schemas: &BTreeSet<String>) -> String {
    let mut sql = String::new();
    for schema in schemas.iter().map(String::as_str).chain(["noisegate"]) {
        let (schema, analyst) = (ident(schema), ident(&logins.analyst.role));
        let _ = writeln!(sql, "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {analyst};");
    }
    sql
}
