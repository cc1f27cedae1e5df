//! Where a ledger is kept.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_postgres::Config;

use super::postgres;
use super::sqlite;
use super::store::Backend;
use super::types::LedgerError;
use crate::quote;

/// The schema of a ledger in PostgreSQL, unless its address says otherwise.
const SCHEMA: &str = "noisegate_ledger";
/// The longest name of a schema, as PostgreSQL keeps it.
const SCHEMA_BYTES_MAX: usize = 63;

/// Where a ledger is kept, and where the state of it that was last seen is noted.
#[derive(Clone)]
pub struct Place {
    kind: Kind,
    seen: Option<PathBuf>,
}

#[derive(Clone)]
enum Kind {
    Sqlite(PathBuf),
    Postgres { config: Box<Config>, schema: String },
}

impl Place {
    /// A file. What was last seen of it is noted beside it.
    pub fn sqlite(path: &Path) -> Self {
        let mut seen = path.as_os_str().to_owned();
        seen.push(".seen");
        Self { kind: Kind::Sqlite(path.to_owned()), seen: Some(seen.into()) }
    }

    /// A schema of a PostgreSQL. What was last seen of it is noted in `ledger.seen` of a folder;
    /// without one it can be copied, and not opened.
    pub fn postgres(
        url: &str,
        password: Option<&str>,
        folder: Option<&Path>,
    ) -> Result<Self, LedgerError> {
        let (url, schema) = without_schema(url)?;
        // Neither the URL nor what is wrong with it is repeated: it may hold a password.
        let mut config: Config = url.parse().map_err(|_| LedgerError::Address)?;
        if let Some(password) = password {
            config.password(password);
        }
        let kind = Kind::Postgres { config: Box::new(config), schema };
        Ok(Self { kind, seen: folder.map(|folder| folder.join("ledger.seen")) })
    }

    /// What makes the schema of a ledger in PostgreSQL for its login, for an administrator to run.
    pub fn schema_sql(&self) -> Option<String> {
        let Kind::Postgres { config, schema } = &self.kind else { return None };
        let (schema, user) = (quote::ident(schema), quote::ident(config.get_user()?));
        Some(format!("CREATE SCHEMA {schema} AUTHORIZATION {user}"))
    }

    /// The same place, from where something else of it was seen.
    #[cfg(test)]
    pub(in crate::ledger) fn seen_at(&self, folder: &Path) -> Self {
        Self { kind: self.kind.clone(), seen: Some(folder.join("seen")) }
    }

    pub(in crate::ledger) fn backend(&self) -> Arc<dyn Backend> {
        match &self.kind {
            Kind::Sqlite(path) => Arc::new(sqlite::File::new(path)),
            Kind::Postgres { config, schema } => Arc::new(postgres::Remote::new(config, schema)),
        }
    }

    pub(in crate::ledger) fn seen(&self) -> Option<&Path> {
        self.seen.as_deref()
    }
}

/// Without the password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Sqlite(path) => write!(f, "{}", path.display()),
            Kind::Postgres { config, schema } => {
                let host = config.get_hosts().first().map_or(String::new(), |host| match host {
                    tokio_postgres::config::Host::Tcp(name) => name.clone(),
                    tokio_postgres::config::Host::Unix(folder) => folder.display().to_string(),
                });
                let port = config.get_ports().first().copied().unwrap_or(5432);
                let database = config.get_dbname().or(config.get_user()).unwrap_or("");
                write!(f, "postgres://{host}:{port}/{database}, schema {schema}")
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

/// Takes `schema=` out of an address, since no driver knows it.
fn without_schema(url: &str) -> Result<(String, String), LedgerError> {
    let Some((before, query)) = url.split_once('?') else {
        return Ok((url.to_owned(), SCHEMA.to_owned()));
    };
    let (ours, others): (Vec<&str>, Vec<&str>) =
        query.split('&').partition(|pair| pair.starts_with("schema="));
    let schema = ours.last().and_then(|pair| pair.strip_prefix("schema=")).unwrap_or(SCHEMA);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if schema.is_empty() || schema.len() > SCHEMA_BYTES_MAX || !schema.chars().all(plain) {
        return Err(LedgerError::Malformed("the schema of a ledger is of a-z, 0-9 and _"));
    }
    let query = others.join("&");
    let url = if query.is_empty() { before.to_owned() } else { format!("{before}?{query}") };
    Ok((url, schema.to_owned()))
}
