//! Makes a shadow, or brings an existing one up to date.

use std::collections::BTreeSet;

use tokio_postgres::Client;

use super::build::{self, Plan, plan};
use super::error::{ShadowError, during};
use super::refresh::refresh_public;
use super::roles::{self, Logins};
use super::schema::{ListedTable, Name, Omitted, Schema, read};
use crate::quote::{ident, literal};

/// What `init` makes.
#[derive(Clone, Debug, Default)]
pub struct InitOptions {
    /// The tables that analysts may name.
    pub tables: Vec<ListedTable>,
    /// The logins.
    pub logins: Logins,
    /// Take from everybody on the source the right to make temporary tables, and tables in the
    /// schema public. Best, but it changes the source for others.
    pub harden_source: bool,
}

/// What `init` did.
#[derive(Clone, Debug)]
pub struct InitReport {
    /// Tables that were made, or made again because they changed.
    pub created: BTreeSet<Name>,
    /// Tables that were dropped, some of them to be made again.
    pub dropped: BTreeSet<Name>,
    /// Columns that the shadow cannot have.
    pub omitted: Vec<Omitted>,
    /// Source and shadow are, or may be, on one server: a server of its own tells analysts less.
    pub same_server: bool,
}

/// The same as SQL for an administrator to run; the shadow is taken to be empty.
#[derive(Clone, Debug)]
pub struct InitSql {
    /// On the source's database.
    pub source: String,
    /// On the shadow's server, in any database, outside a transaction.
    pub server: String,
    /// In the shadow's database.
    pub shadow: String,
}

/// Makes the shadow's logins and its database, with the source's encoding and sort order.
/// `server` is an administrator's connection to any database of the shadow's server.
pub async fn create_database(
    source: &Client,
    server: &Client,
    database: &str,
    logins: &Logins,
) -> Result<(), ShadowError> {
    let step = during("creating the shadow's database");
    server.batch_execute(&roles::on_shadow_server(logins)).await.map_err(&step)?;
    let there = "SELECT FROM pg_catalog.pg_database WHERE datname = $1";
    if server.query_opt(there, &[&database]).await.map_err(&step)?.is_none() {
        let sql = create_database_sql(source, database, logins).await?;
        server.batch_execute(&sql).await.map_err(&step)?;
    }
    Ok(())
}

async fn create_database_sql(
    source: &Client,
    database: &str,
    logins: &Logins,
) -> Result<String, ShadowError> {
    // Columns for other providers than libc came with later releases, under two names.
    let like = "SELECT pg_catalog.pg_encoding_to_char(encoding)::text, datcollate::text,
        datctype::text, coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
        coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
        FROM pg_catalog.pg_database d WHERE datname = pg_catalog.current_database()";
    let row = source.query_one(like, &[]).await.map_err(during("reading the source's locale"))?;
    let text = |column: usize| literal(row.get::<_, &str>(column));
    let provider = match (row.get::<_, &str>(3), row.get::<_, Option<&str>>(4)) {
        ("i", Some(locale)) => format!(" LOCALE_PROVIDER icu ICU_LOCALE {}", literal(locale)),
        ("b", Some(locale)) => {
            format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}", literal(locale))
        }
        _ => String::new(),
    };
    Ok(format!(
        "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}{provider};\n",
        ident(database),
        ident(&logins.owner.role),
        text(0),
        text(1),
        text(2),
    ))
}

/// Builds the shadow and its logins, or changes what has changed, and copies the public tables.
/// Both connections are an administrator's; the shadow's is to its own database.
pub async fn init(
    source: &mut Client,
    shadow: &mut Client,
    options: &InitOptions,
) -> Result<InitReport, ShadowError> {
    let wanted = read_source(source, &options.tables).await?;
    let (source_name, source_system) = identity(source).await?;
    let (shadow_name, shadow_system) = identity(shadow).await?;
    // Where the server does not say who it is, expect the worse.
    let same_server = source_system.is_none() || source_system == shadow_system;
    if source_system.is_some() && source_system == shadow_system && source_name == shadow_name {
        return Err(ShadowError::SameDatabase(source_name));
    }
    let existing = read_shadow(shadow, &shadow_name, &options.logins).await?;
    let dirty = touched(shadow, &options.tables, &existing).await?;
    let omitted = wanted.omitted.clone();
    let schemas = build::schemas(&options.tables, &wanted.clone().into_twin(&options.tables));
    let plan = plan(wanted, &options.tables, &existing, &dirty);

    let sql =
        roles::on_source(&options.logins, &source_name, &options.tables, options.harden_source);
    in_transaction(source, &sql, "giving the reader its rights").await?;
    let sql = roles::on_shadow_server(&options.logins)
        + &shadow_sql(&options.logins, &shadow_name, &schemas, &plan, same_server);
    in_transaction(shadow, &sql, "building the shadow").await?;
    refresh_public(source, shadow, &options.tables).await?;
    let Plan { created, dropped, .. } = plan;
    Ok(InitReport { created, dropped, omitted, same_server })
}

/// What [`create_database`] and [`init`] would run, for `database` as the shadow's name.
pub async fn init_sql(
    source: &mut Client,
    database: &str,
    options: &InitOptions,
) -> Result<InitSql, ShadowError> {
    let wanted = read_source(source, &options.tables).await?;
    let (source_name, _) = identity(source).await?;
    let logins = &options.logins;
    let schemas = build::schemas(&options.tables, &wanted.clone().into_twin(&options.tables));
    let plan = plan(wanted, &options.tables, &Schema::default(), &BTreeSet::new());
    let transaction = |sql: String| format!("BEGIN;\n{sql}COMMIT;\n");
    let on_source = roles::on_source(logins, &source_name, &options.tables, options.harden_source);
    Ok(InitSql {
        source: transaction(on_source),
        server: roles::on_shadow_server(logins)
            + &create_database_sql(source, database, logins).await?,
        shadow: transaction(shadow_sql(logins, database, &schemas, &plan, true)),
    })
}

fn shadow_sql(
    logins: &Logins,
    database: &str,
    schemas: &BTreeSet<String>,
    plan: &Plan,
    shared: bool,
) -> String {
    let mut sql = roles::on_shadow(logins, database, schemas, shared);
    sql.push_str("SET LOCAL ROLE ");
    sql.push_str(&ident(&logins.owner.role));
    sql.push_str(";\nSET LOCAL search_path = pg_catalog;\n");
    sql.push_str(&plan.sql);
    sql.push_str(include_str!("noisegate.sql"));
    sql.push_str(&roles::readable(logins, schemas));
    sql.push_str("RESET ROLE;\n");
    sql
}

async fn in_transaction(
    client: &mut Client,
    sql: &str,
    name: &'static str,
) -> Result<(), ShadowError> {
    let step = during(name);
    let transaction = client.transaction().await.map_err(&step)?;
    transaction.batch_execute(sql).await.map_err(&step)?;
    transaction.commit().await.map_err(&step)
}

async fn read_source(source: &mut Client, tables: &[ListedTable]) -> Result<Schema, ShadowError> {
    let reserved = |schema: &str| {
        matches!(schema, "noisegate" | "information_schema") || schema.starts_with("pg_")
    };
    if let Some(table) = tables.iter().find(|table| reserved(&table.schema)) {
        return Err(ShadowError::ReservedSchema(table.schema.clone()));
    }
    let names: BTreeSet<Name> = tables.iter().map(ListedTable::key).collect();
    let schema = read(source, &names).await?;
    let missing: Vec<String> = names
        .iter()
        .filter(|name| !schema.tables.contains_key(*name))
        .map(ToString::to_string)
        .collect();
    if missing.is_empty() { Ok(schema) } else { Err(ShadowError::MissingTables(missing)) }
}

/// The database's name, and the number of its server if it tells.
async fn identity(client: &Client) -> Result<(String, Option<i64>), ShadowError> {
    let step = during("asking for the database's name");
    let row = client.query_one("SELECT pg_catalog.current_database()::text", &[]).await;
    let name = row.map_err(&step)?.get(0);
    let system = "SELECT system_identifier FROM pg_catalog.pg_control_system()";
    Ok((name, client.query_one(system, &[]).await.ok().map(|row| row.get(0))))
}

/// Reads what the shadow has, after making sure that noisegate made all of it.
async fn read_shadow(
    shadow: &mut Client,
    database: &str,
    logins: &Logins,
) -> Result<Schema, ShadowError> {
    let all = "SELECT n.nspname::text, c.relname::text,
        c.relkind = 'r' AND pg_catalog.pg_get_userbyid(c.relowner) = $1
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        AND n.nspname NOT IN ('noisegate', 'information_schema') AND n.nspname !~ '^pg_'";
    let step = during("reading what the shadow has");
    let rows = shadow.query(all, &[&logins.owner.role]).await.map_err(step)?;
    let mut names = BTreeSet::new();
    for row in rows {
        let name = Name { schema: row.get(0), name: row.get(1) };
        if !row.get::<_, bool>(2) {
            let (database, table) = (database.to_owned(), name.to_string());
            return Err(ShadowError::NotAShadow { database, table });
        }
        names.insert(name);
    }
    read(shadow, &names).await
}

/// Existing tables that are private and yet hold rows, or whose statistics tell of some.
async fn touched(
    shadow: &Client,
    tables: &[ListedTable],
    existing: &Schema,
) -> Result<BTreeSet<Name>, ShadowError> {
    let there = |table: &&ListedTable| existing.tables.contains_key(&table.key());
    let there: Vec<ListedTable> = tables.iter().filter(there).cloned().collect();
    super::verify::touched(shadow, &there).await
}
