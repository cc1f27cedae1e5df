//! `noisegate init`: makes the shadow and the two logins, as an administrator or for one.

use tokio_postgres::{Client, Config};

use super::args;
use super::databases::{OWNER, READER, connect, listed, parse};
use super::error::CliError;
use super::output::say;
use super::proxy::{open_beside, place};
use crate::policy::{LedgerStore, Password, Policy};
use crate::shadow::{
    InitOptions, InitReport, InitSql, Login, Logins, create_database, init, init_sql,
};

const SOURCE_ADMIN: &str = "the administrator of the source";
const SHADOW_ADMIN: &str = "the administrator of the shadow";

pub(super) async fn run(args: &args::Init) -> Result<(), CliError> {
    let policy = Policy::load(&args.of.policy)?;
    let reader = parse(READER, &policy.server.source)?;
    let owner = parse(OWNER, &policy.server.shadow)?;
    let database = name_of(&owner);
    let options = InitOptions {
        tables: listed(&policy),
        logins: logins(&policy, &reader, &owner)?,
        harden_source: args.harden_source,
    };
    let source = admin(SOURCE_ADMIN, args.source_admin.as_deref(), &reader)?;
    let mut source = connect(SOURCE_ADMIN, &source).await?;
    if args.print {
        let sql = init_sql(&mut source, &database, &options).await?;
        show(&sql, &name_of(&reader), &database);
        if let Some(sql) = place(&policy)?.schema_sql() {
            say(format_args!("-- 5. For the ledger, in its database.\n{sql};"));
        }
        return Ok(());
    }
    let mut server = admin(SHADOW_ADMIN, args.shadow_admin.as_deref(), &owner)?;
    if args.shadow_admin.is_none() {
        // The shadow's own database may not be there yet.
        server.dbname("postgres");
    }
    let report = build(&mut source, server, &database, &options).await?;
    tell(&database, &options, &report);
    if let LedgerStore::Postgres(_) = policy.server.ledger {
        // By its own login, which may need an administrator to make the schema for it.
        let _made = open_beside(&policy)?;
        say(format_args!("The ledger is at {}.", place(&policy)?));
    }
    Ok(())
}

async fn build(
    source: &mut Client,
    mut server: Config,
    database: &str,
    options: &InitOptions,
) -> Result<InitReport, CliError> {
    let client = connect(SHADOW_ADMIN, &server).await?;
    create_database(source, &client, database, &options.logins).await?;
    server.dbname(database);
    let mut shadow = connect(SHADOW_ADMIN, &server).await?;
    Ok(init(source, &mut shadow, options).await?)
}

/// The logins by the names that the policy's addresses give them. A password that the policy does
/// not lead to stays as it is.
fn logins(policy: &Policy, reader: &Config, owner: &Config) -> Result<Logins, CliError> {
    let server = &policy.server;
    let login = |role: &str, password: Option<Password>| Login {
        role: role.to_owned(),
        password: password.map(|password| password.expose().to_owned()),
    };
    let usual = Logins::default();
    Ok(Logins {
        reader: login(reader.get_user().unwrap_or(&usual.reader.role), server.source_password()?),
        analyst: login(&server.shadow_analyst, server.shadow_analyst_password()?),
        owner: login(owner.get_user().unwrap_or(&usual.owner.role), server.shadow_password()?),
        ..usual
    })
}

/// The connection that was given, or the login's own address by another user.
fn admin(name: &'static str, given: Option<&str>, login: &Config) -> Result<Config, CliError> {
    if let Some(url) = given {
        return parse(name, url);
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut config = login.clone();
    config.user(variable("PGUSER").unwrap_or_else(|| "postgres".to_owned()));
    if let Some(password) = variable("PGPASSWORD") {
        config.password(password);
    }
    Ok(config)
}

/// The database; without a name it is called as the user is.
fn name_of(config: &Config) -> String {
    config.get_dbname().or(config.get_user()).unwrap_or("postgres").to_owned()
}

fn show(sql: &InitSql, source: &str, shadow: &str) {
    let InitSql { source: on_source, server, shadow: on_shadow } = sql;
    say(format_args!(
        "-- 1. On the source, in the database {source}, as an administrator.\n{on_source}\n\
         -- 2. On the shadow's server, in any database, outside a transaction.\n{server}\n\
         -- 3. On the shadow's server, in the database {shadow}.\n{on_shadow}\n\
         -- 4. A login without a password yet gets one by `\\password` in psql.\n\
         --    Public tables are copied when `noisegate serve` starts with the owner's password."
    ));
}

fn tell(database: &str, options: &InitOptions, report: &InitReport) {
    for omitted in &report.omitted {
        let (table, column, data_type) = (&omitted.table, &omitted.column, &omitted.data_type);
        say(format_args!("left out: {table}.{column}, whose type {data_type} is not known there"));
    }
    let public = options.tables.iter().filter(|table| !table.private).count();
    say(format_args!(
        "The shadow {database} has {} tables: {} made, {public} public and filled anew.",
        options.tables.len(),
        report.created.len(),
    ));
    if report.same_server {
        say("Source and shadow may be on one server; a server of its own tells analysts less.");
    }
}
