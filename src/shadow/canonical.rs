//! The canonical form: the shadow's PostgreSQL reads the analyst's text and writes it out again
//! with every name resolved, every cast explicit and every expression in parentheses.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use dashmap::DashMap;
use futures_util::{TryStreamExt, future};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::error::DbError;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, SimpleQueryMessage};

use super::settings::Settings;
use crate::database;
use crate::error::Fault;
use crate::query::tokens;
use crate::quote::literal;
use crate::source::{RawParameter, describe};

/// Canonical forms that are remembered.
const FORMS_MAX: usize = 4096;
/// Connections at once; more texts wait for their turn. Idle ones are kept: a login costs more
/// than reading a text does.
const CONNECTIONS_MAX: usize = 8;

/// A text as PostgreSQL understood it.
#[derive(Clone, Debug)]
pub struct Canonical {
    /// The query, with `noisegate.param(n, NULL::type)` for `$n`.
    pub text: String,
    /// The types of the parameters.
    pub parameters: Vec<Type>,
    /// The names of the result's columns.
    pub columns: Vec<String>,
}

/// Why there is no canonical form.
#[derive(Debug)]
pub enum CanonicalError {
    /// PostgreSQL's own error, for the client to read: it was made from the text and an empty
    /// database.
    Database(Box<DbError>),
    /// The shadow failed.
    Fault(Fault),
}

/// Makes canonical forms on connections of its own, so that a client's transaction is not disturbed.
#[derive(Debug)]
pub struct Canonicalizer {
    pub(super) config: Config,
    idle: Mutex<Vec<Client>>,
    places: Semaphore,
    known: DashMap<Key, Arc<Canonical>>,
    types: DashMap<String, u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    text: String,
    types: Vec<u32>,
    settings: Vec<(&'static str, String)>,
}

impl Canonicalizer {
    /// `config` logs in as the powerless analyst.
    pub fn new(mut config: Config) -> Self {
        config.application_name("noisegate canonical");
        config.connect_timeout(std::time::Duration::from_secs(10));
        Self {
            config,
            idle: Mutex::new(Vec::new()),
            places: Semaphore::new(CONNECTIONS_MAX),
            known: DashMap::new(),
            types: DashMap::new(),
        }
    }

    /// The canonical form of one query. `types` are what the client declared, 0 for unknown.
    pub async fn read(
        &self,
        text: &str,
        types: &[u32],
        settings: &Settings,
    ) -> Result<Arc<Canonical>, CanonicalError> {
        let key =
            Key { text: text.to_owned(), types: types.to_vec(), settings: settings.meaning() };
        if let Some(known) = self.known.get(&key) {
            return Ok(Arc::clone(&known));
        }
        let _place = self.places.acquire().await;
        let mut outcome = Err(CanonicalError::Fault(Fault::Unreachable("no connection")));
        let mut pooled = self.idle();
        // Idle connections may have died with the shadow; then a fresh one is tried.
        while matches!(outcome, Err(CanonicalError::Fault(_))) {
            let last = pooled.is_none();
            let client = match pooled.take() {
                Some(client) => client,
                None => self.connect().await.map_err(CanonicalError::Fault)?,
            };
            outcome = read(&client, text, types, settings).await;
            // After an error the connection is made clean again, or it is not used again.
            if outcome.is_ok() || client.batch_execute("ROLLBACK").await.is_ok() {
                self.keep(client);
            }
            if last {
                break;
            }
        }
        let canonical = Arc::new(outcome?);
        if may_hold_the_day(text) {
            return Ok(canonical);
        }
        if self.known.len() >= FORMS_MAX {
            self.known.clear();
        }
        self.known.insert(key, Arc::clone(&canonical));
        Ok(canonical)
    }

    /// The OID of a type on the shadow, by its qualified name.
    pub async fn type_oid(&self, name: &str) -> Result<u32, Fault> {
        if let Some(known) = self.types.get(name) {
            return Ok(*known);
        }
        let _place = self.places.acquire().await;
        let pooled = match self.idle() {
            Some(client) => type_oid(&client, name).await.ok().map(|oid| (client, oid)),
            None => None,
        };
        let (client, oid) = if let Some(found) = pooled {
            found
        } else {
            let client = self.connect().await?;
            let oid = type_oid(&client, name).await.map_err(|error| fault(&error))?;
            (client, oid)
        };
        self.keep(client);
        let oid = oid.ok_or_else(|| Fault::Shadow("a type of the source is missing".to_owned()))?;
        self.types.insert(name.to_owned(), oid);
        Ok(oid)
    }

    /// Waits for a place among the connections.
    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.places.acquire().await.ok()
    }

    /// A connection that answers.
    pub(super) async fn client(&self) -> Result<Client, Fault> {
        if let Some(client) = self.idle()
            && client.batch_execute("").await.is_ok()
        {
            return Ok(client);
        }
        self.connect().await
    }

    /// Arrays, each with its elements' type, as string constants that read the same under any
    /// settings.
    pub async fn literals(&self, arrays: &[(String, Bytes)]) -> Result<Vec<String>, Fault> {
        let _place = self.places.acquire().await;
        let pooled = match self.idle() {
            Some(client) => literals(&client, arrays).await.ok().map(|texts| (client, texts)),
            None => None,
        };
        let (client, texts) = if let Some(found) = pooled {
            found
        } else {
            let client = self.connect().await?;
            let texts = literals(&client, arrays).await.map_err(|error| fault(&error))?;
            (client, texts)
        };
        self.keep(client);
        Ok(texts)
    }

    fn idle(&self) -> Option<Client> {
        let mut idle = self.idle.lock().ok()?;
        while let Some(client) = idle.pop() {
            if !client.is_closed() {
                return Some(client);
            }
        }
        None
    }

    pub(super) async fn connect(&self) -> Result<Client, Fault> {
        let client = database::connect(&self.config).await.map_err(|error| fault(&error))?;
        // So that the connection has its schema of temporary objects: made in the transactions
        // that are rolled back, it would be made for each text again.
        client
            .batch_execute(
                "CREATE TEMP VIEW noisegate_reading AS SELECT 1; \
                 DROP VIEW pg_temp.noisegate_reading",
            )
            .await
            .map_err(|error| fault(&error))?;
        Ok(client)
    }

    pub(super) fn keep(&self, client: Client) {
        if let Ok(mut idle) = self.idle.lock()
            && idle.len() < CONNECTIONS_MAX
        {
            idle.push(client);
        }
    }
}

/// Whether a constant in the text may be the time at which it was read, as `'today'` is.
fn may_hold_the_day(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let now = text.match_indices("now").any(|(at, word)| {
        let after = text.get(at.saturating_add(word.len())..).unwrap_or_default();
        !after.trim_start().starts_with('(')
    });
    now || ["today", "tomorrow", "yesterday", "\\"].iter().any(|word| text.contains(word))
}

async fn literals(
    client: &Client,
    arrays: &[(String, Bytes)],
) -> Result<Vec<String>, tokio_postgres::Error> {
    client
        .batch_execute(
            "BEGIN; SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = postgres; \
             SET LOCAL TimeZone = 'UTC'; SET LOCAL extra_float_digits = 3; \
             SET LOCAL bytea_output = hex; SET LOCAL lc_monetary = 'C'",
        )
        .await?;
    let mut texts = Vec::with_capacity(arrays.len());
    for (element, bytes) in arrays {
        let statement = client.prepare(&format!("SELECT ($1::{element}[])::text")).await?;
        let parameter = RawParameter { value: Some(bytes.clone()), binary: true };
        let rows = client.query_raw(&statement, [parameter]).await?;
        let rows: Vec<tokio_postgres::Row> = rows.try_collect().await?;
        let text = rows.first().map(|row| row.try_get::<_, String>(0)).transpose()?;
        texts.push(literal(&text.unwrap_or_default()));
    }
    client.batch_execute("ROLLBACK").await?;
    Ok(texts)
}

async fn type_oid(client: &Client, name: &str) -> Result<Option<u32>, tokio_postgres::Error> {
    let row = client.query_one("SELECT pg_catalog.to_regtype($1)::oid", &[&name]).await?;
    row.try_get(0)
}

/// What the operator reads of a failure: PostgreSQL's words could quote the analyst's text.
fn fault(error: &tokio_postgres::Error) -> Fault {
    Fault::Shadow(describe(error))
}

const READ_VIEW: &str = "SET LOCAL search_path = pg_catalog; SET LOCAL DateStyle = 'ISO'; \
    SET LOCAL IntervalStyle = postgres; \
    SELECT pg_get_viewdef('pg_temp.noisegate_reading'::regclass, false); ROLLBACK";

/// The start of a transaction under the session's settings.
pub(super) fn begin(settings: &Settings) -> String {
    let mut begin = "BEGIN".to_owned();
    for (name, value) in settings.meaning() {
        let value = literal(&value);
        begin.push_str(&format!("; SELECT pg_catalog.set_config('{name}', {value}, true)"));
    }
    begin
}

async fn read(
    client: &Client,
    text: &str,
    types: &[u32],
    settings: &Settings,
) -> Result<Canonical, CanonicalError> {
    let begin = begin(settings);
    let declared: Vec<Type> = types.iter().map(|oid| declared_type(*oid)).collect();
    // Sent together, in this order: where the settings fail, what follows fails too.
    let (begun, statement) =
        future::join(client.batch_execute(&begin), client.prepare_typed(text, &declared)).await;
    begun.map_err(classify)?;
    let statement = statement.map_err(classify)?;
    let parameters = statement.params().to_vec();
    // The name of a temporary type is the client's own choice, and would become a part of the text.
    if parameters.iter().any(|ty| ty.schema().starts_with("pg_temp")) {
        let fault = Fault::Shadow("a parameter of a temporary type".to_owned());
        return Err(CanonicalError::Fault(fault));
    }
    let columns: Vec<String> =
        statement.columns().iter().map(|column| column.name().to_owned()).collect();
    let with_parameters = tokens::replace_parameters(text, &|number| {
        let ty = parameters.get(number.checked_sub(1)?)?;
        Some(format!("noisegate.param({number}, NULL::{})", type_name(ty)))
    })
    .ok_or_else(|| CanonicalError::Fault(Fault::Shadow("parameters not found".to_owned())))?;
    let names: Vec<String> = (1..=columns.len()).map(|at| format!("c{at}")).collect();
    // By itself and prepared, so that PostgreSQL takes it for one statement whatever is in it. It
    // ends with its line, since the text may end in a comment.
    let view =
        format!("CREATE TEMP VIEW noisegate_reading ({}) AS {with_parameters}\n", names.join(", "));
    client.execute(&view, &[]).await.map_err(classify)?;
    // Names come qualified, dates and intervals in the form that reads the same under any setting.
    let messages = client.simple_query(READ_VIEW).await.map_err(classify)?;
    let text = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    let text = text.ok_or_else(|| CanonicalError::Fault(Fault::Shadow("no view".to_owned())))?;
    let text = text.trim().trim_end_matches(';').to_owned();
    Ok(Canonical { text, parameters, columns })
}

pub(super) fn classify(error: tokio_postgres::Error) -> CanonicalError {
    match error.as_db_error() {
        Some(db) if !of_the_server(db) => CanonicalError::Database(Box::new(db.clone())),
        _ => CanonicalError::Fault(fault(&error)),
    }
}

/// Whether an error is about the server and not about the text: lost connections, want of
/// resources, an operator's intervention, failures of the system, internal errors.
fn of_the_server(error: &DbError) -> bool {
    let code = error.code().code();
    ["08", "53", "57", "58", "XX"].iter().any(|class| code.starts_with(class))
        || matches!(error.severity(), "FATAL" | "PANIC")
}

fn declared_type(oid: u32) -> Type {
    if oid == 0 {
        return Type::UNKNOWN;
    }
    Type::from_oid(oid).unwrap_or_else(|| {
        Type::new(String::new(), oid, postgres_types::Kind::Simple, String::new())
    })
}

fn type_name(ty: &Type) -> String {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    format!("{}.{}", quote(ty.schema()), quote(ty.name()))
}
