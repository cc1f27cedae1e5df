//! Private statements on the shadow session: asked on the road, then bound in their own place.
//!
//! A refusal is raised by the shadow itself (`noisegate.refuse`), so that transactions are aborted
//! and pipelines skip to Sync exactly as after PostgreSQL's own errors.

use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::counted::Counted;
use super::error::WireError;
use super::message::from_client::{Bind, Execute, Kind, Parse};
use super::message::to_shadow;
use super::outcome::{Outcome, Raised, outcome, raised};
use super::relay::{ErrorChange, Expected, Relay, Reply, Request};
use super::serve::caught;
use super::session::formats_with_arrays;
use super::stream::Reader;
use crate::error::Fault;
use crate::ids::{Analyst, QueryId};
use crate::query::tokens::{Kind as StatementKind, Statement};
use crate::road::{self, Asked, Gate};
use crate::shadow::settings::Settings;
use crate::source::RawParameter;

/// Names of the proxy's own prepared statements on the shadow.
pub(super) const TEXT_NAME: &str = "noisegate_text";
const INTERNAL_NAME: &str = "noisegate_internal";
const SPLICED_NAME: &str = "noisegate_spliced";

/// A private prepared statement.
#[derive(Clone, Debug)]
pub(super) struct Private {
    pub(super) statement: Statement,
    /// The parameter types that the client declared.
    pub(super) types: Vec<u32>,
    /// Whether it stands as it is in the client's text, so that positions in it mean something.
    pub(super) located: bool,
    /// Which columns its answer has.
    pub(super) shape: Shape,
}

/// Which columns the answer to a private statement has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Those that the session's settings say when it is answered: nothing was described before.
    Open,
    /// Its own, as the shadow describes them.
    Plain,
    /// Its own and intervals. This statement stands for it on the shadow: it has the same columns.
    Wide(Arc<str>),
}

impl Private {
    /// Whether its answer has columns for intervals.
    fn wide(&self, settings: &Settings) -> bool {
        let fixed = match &self.statement.kind {
            StatementKind::Wrapped(wrapped) => wrapped.fixes_columns(),
            _ => false,
        };
        match self.shape {
            Shape::Open => settings.intervals && !fixed,
            Shape::Plain => false,
            Shape::Wide(_) => true,
        }
    }
}

/// A query of the proxy's own in the client's session, with one row of text.
#[derive(Debug)]
pub(super) struct Internal<'a> {
    pub(super) query: &'a str,
    pub(super) parameters: Vec<Option<Bytes>>,
    /// A portal that must exist, or PostgreSQL tells the client that it does not.
    pub(super) portal: Option<&'a str>,
}

/// Reads the session's settings from the shadow session itself, so that SET LOCAL, RESET and
/// ROLLBACK mean what they mean there. Nothing if the session is in error, or if the portal does
/// not exist any more; the client has been told by PostgreSQL. A simple query has no portal.
pub(super) async fn settings(
    relay: &mut Relay,
    portal: Option<&str>,
) -> Result<Option<Settings>, WireError> {
    let query = Internal { query: Settings::QUERY, parameters: Vec::new(), portal };
    let Some(row) = internal(relay, query, portal.is_none()).await? else { return Ok(None) };
    let settings = Settings::from_row(&row);
    settings.map(Some).ok_or_else(|| WireError::protocol("settings that cannot be read"))
}

/// The same in the middle of a pipeline, before a statement is prepared.
pub(super) async fn settings_so_far(relay: &mut Relay) -> Result<Option<Settings>, WireError> {
    let query = Internal { query: Settings::QUERY, parameters: Vec::new(), portal: None };
    let Some(row) = internal(relay, query, false).await? else { return Ok(None) };
    let settings = Settings::from_row(&row);
    settings.map(Some).ok_or_else(|| WireError::protocol("settings that cannot be read"))
}

/// A statement with the columns that the answer will have, and the types of its parameters; nothing
/// if those are the statement's own, or if it cannot be answered, which is said when it is executed.
pub(super) async fn described(
    gate: &Gate,
    analyst: &Analyst,
    private: &Private,
    settings: &Settings,
    canceled: &CancellationToken,
) -> Option<Parse> {
    let asked = Asked {
        id: QueryId::fresh(),
        analyst,
        text: &private.statement.text,
        types: &private.types,
        parameters: &[],
        settings,
        at: gate.clock.now(),
        canceled,
    };
    let described = caught(Box::pin(road::described(gate, &asked))).await?;
    let (query, type_oids) = described.ok().flatten()?;
    Some(Parse { name: String::new(), query, type_oids })
}

/// Runs a query of the proxy's own. Nothing if an error came; the client has been told.
pub(super) async fn internal(
    relay: &mut Relay,
    internal: Internal<'_>,
    simple: bool,
) -> Result<Option<Vec<Option<String>>>, WireError> {
    let swallow = |request| Expected::new(request, Reply::Swallow);
    let name = INTERNAL_NAME;
    let query = internal.query.to_owned();
    let parse = Parse { name: name.to_owned(), query, type_oids: Vec::new() };
    let bind = plain_bind(name, name, internal.parameters);
    if let Some(portal) = internal.portal {
        relay.send(&to_shadow::describe(Kind::Portal, portal)?, swallow(Request::Describe));
    }
    relay.send(&to_shadow::close(Kind::Statement, name)?, swallow(Request::Close));
    relay.send(&to_shadow::parse(&parse)?, swallow(Request::Parse));
    relay.send(&to_shadow::bind(&bind)?, swallow(Request::Bind));
    let capture = Expected::new(Request::Execute, Reply::Capture);
    relay.send(&to_shadow::execute(name, 0)?, capture);
    relay.send(&to_shadow::close(Kind::Portal, name)?, swallow(Request::Close));
    if simple {
        relay.send(&to_shadow::sync(), swallow(Request::Sync));
    } else {
        relay.send_silent(&to_shadow::flush());
    }
    let row = relay.capture().await?;
    if simple {
        relay.drain().await?;
    }
    let Some(row) = row else { return Ok(None) };
    let text = |cell: Option<Bytes>| match cell {
        Some(bytes) => String::from_utf8(bytes.to_vec()).ok().map(Some),
        None => Some(None),
    };
    let texts: Option<Vec<Option<String>>> = row.into_iter().map(text).collect();
    texts.map(Some).ok_or_else(|| WireError::protocol("a row that cannot be read"))
}

/// Lets the shadow parse the text of a simple query, so that mistakes are PostgreSQL's to report,
/// in the client's own session, and reads the session's settings on the same way. Nothing if an
/// error was reported.
pub(super) async fn check_text(
    relay: &mut Relay,
    private: &Private,
) -> Result<Option<Settings>, WireError> {
    if !matches!(private.statement.kind, StatementKind::Login | StatementKind::Other(_)) {
        send_text(relay, private)?;
    }
    settings(relay, None).await
}

fn send_text(relay: &mut Relay, private: &Private) -> Result<(), WireError> {
    let parse = Parse {
        name: TEXT_NAME.to_owned(),
        query: private.statement.text.clone(),
        type_oids: Vec::new(),
    };
    let close = Expected::new(Request::Close, Reply::Swallow);
    relay.send(&to_shadow::close(Kind::Statement, TEXT_NAME)?, close);
    let mut parsed = Expected::new(Request::Parse, Reply::Swallow);
    parsed.error = if private.located {
        ErrorChange::Shift(private.statement.offset_chars)
    } else {
        ErrorChange::Refusal(None)
    };
    relay.send(&to_shadow::parse(&parse)?, parsed);
    Ok(())
}

/// Finds out what to do about a private statement.
pub(super) async fn answer(
    gate: &Gate,
    analyst: &Analyst,
    private: &Private,
    bind: &Bind,
    settings: &Settings,
    canceled: &CancellationToken,
) -> Outcome {
    let statement = &private.statement;
    let (skipped, text) = match &statement.kind {
        StatementKind::Explain { query_at, .. } => {
            (*query_at, statement.text.get(*query_at..).unwrap_or_default())
        }
        StatementKind::Wrapped(wrapped) => (wrapped.query_at, wrapped.query.as_str()),
        _ => (0, statement.text.as_str()),
    };
    let parameters: Vec<RawParameter> = bind
        .parameters
        .iter()
        .enumerate()
        .map(|(at, value)| RawParameter {
            value: value.clone(),
            binary: super::session::format_of(&bind.parameter_formats, at) == 1,
        })
        .collect();
    let settings = &Settings { intervals: private.wide(settings), ..settings.clone() };
    let asked = Asked {
        id: QueryId::fresh(),
        analyst,
        text,
        types: &private.types,
        parameters: &parameters,
        settings,
        at: gate.clock.now(),
        canceled,
    };
    let _listed = gate.shared.live.enter(asked.id, analyst, asked.at, canceled);
    let counted = Counted::begin(&gate.shared, &analyst.0);
    // The road's state is large: on the heap it leaves the stack to the parser's recursion.
    let outcome = caught(Box::pin(outcome(gate, statement, &asked))).await;
    let outcome = outcome.unwrap_or(Err(Fault::Unreachable("a panic").into()));
    counted.end(&outcome);
    let before = statement
        .offset_chars
        .saturating_add(statement.text.get(..skipped).map_or(0, |text| text.chars().count()));
    outcome.unwrap_or_else(|error| {
        let mut raised = raised(error, &asked, before);
        raised.position = raised.position.filter(|_| private.located);
        Outcome::Raise(raised)
    })
}

/// Runs `work` as long as the client is there. Nothing if it left: then what is under way is
/// dropped, and so stopped on the source.
pub(super) async fn while_there<T>(
    client: &mut Reader,
    work: impl Future<Output = T>,
) -> Result<T, WireError> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = client.gone() => Err(WireError::Closed),
    }
}

/// Binds the outcome in the place of the client's portal and executes it. One Execute, one
/// charge, one draw: later Executes of the portal only go on with its rows.
pub(super) fn execute(
    relay: &mut Relay,
    _private: &Private,
    bind: &Bind,
    execute: &Execute,
    outcome: Outcome,
) -> Result<(), WireError> {
    let mut done = Expected::new(Request::Execute, Reply::Forward);
    match outcome {
        Outcome::Forward(notices) => done.notices = notices,
        Outcome::Spliced { text, types, arrays, notices } => {
            done.notices = notices;
            send_spliced(relay, &bind.portal, text, types, arrays, bind)?;
        }
        Outcome::Raise(raised) => {
            done.error = ErrorChange::Refusal(raised.position);
            send_raise(relay, &bind.portal, raised)?;
        }
    }
    relay.send(&to_shadow::execute(&execute.portal, execute.max_rows)?, done);
    Ok(())
}

/// The same for a statement of a simple query: with a row description, in text format.
pub(super) fn execute_simple(
    relay: &mut Relay,
    private: &Private,
    bind: &Bind,
    outcome: Outcome,
) -> Result<(), WireError> {
    let mut done = Expected::new(Request::Execute, Reply::Forward);
    match outcome {
        Outcome::Forward(notices) => {
            done.notices = notices;
            send_text(relay, private)?;
            let bound = plain_bind("", TEXT_NAME, Vec::new());
            relay.send(&to_shadow::bind(&bound)?, Expected::new(Request::Bind, Reply::Swallow));
        }
        Outcome::Spliced { text, types, arrays, notices } => {
            done.notices = notices;
            send_spliced(relay, "", text, types, arrays, bind)?;
        }
        Outcome::Raise(raised) => {
            done.error = ErrorChange::Refusal(raised.position);
            send_raise(relay, "", raised)?;
            relay.send(&to_shadow::execute("", 0)?, done);
            relay.send(&to_shadow::sync(), Expected::new(Request::Sync, Reply::Swallow));
            return Ok(());
        }
    }
    relay.send(
        &to_shadow::describe(Kind::Portal, "")?,
        Expected::new(Request::Describe, Reply::Rows),
    );
    relay.send(&to_shadow::execute("", 0)?, done);
    relay.send(&to_shadow::sync(), Expected::new(Request::Sync, Reply::Swallow));
    Ok(())
}

fn send_spliced(
    relay: &mut Relay,
    portal: &str,
    text: String,
    types: Vec<u32>,
    arrays: Vec<Bytes>,
    bind: &Bind,
) -> Result<(), WireError> {
    let (parameter_formats, mut parameters) = formats_with_arrays(bind, arrays.len());
    parameters.extend(arrays.into_iter().map(Some));
    let parse = Parse { name: SPLICED_NAME.to_owned(), query: text, type_oids: types };
    let bind = Bind {
        portal: portal.to_owned(),
        statement: SPLICED_NAME.to_owned(),
        parameter_formats,
        parameters,
        result_formats: bind.result_formats.clone(),
    };
    send_bound(relay, portal, &parse, &bind)
}

fn send_raise(relay: &mut Relay, portal: &str, raised: Raised) -> Result<(), WireError> {
    let parse = Parse {
        name: SPLICED_NAME.to_owned(),
        query: "SELECT noisegate.refuse($1::text, $2::text, $3::text, $4::text)".to_owned(),
        type_oids: Vec::new(),
    };
    let texts = [raised.sqlstate, raised.message, raised.detail, raised.hint];
    let parameters = texts.into_iter().map(|text| Some(Bytes::from(text))).collect();
    let bind = plain_bind(portal, SPLICED_NAME, parameters);
    send_bound(relay, portal, &parse, &bind)
}

fn send_bound(
    relay: &mut Relay,
    portal: &str,
    parse: &Parse,
    bind: &Bind,
) -> Result<(), WireError> {
    let swallow = |request| Expected::new(request, Reply::Swallow);
    relay.send(&to_shadow::close(Kind::Portal, portal)?, swallow(Request::Close));
    relay.send(&to_shadow::close(Kind::Statement, SPLICED_NAME)?, swallow(Request::Close));
    relay.send(&to_shadow::parse(parse)?, swallow(Request::Parse));
    relay.send(&to_shadow::bind(bind)?, swallow(Request::Bind));
    Ok(())
}

fn plain_bind(portal: &str, statement: &str, parameters: Vec<Option<Bytes>>) -> Bind {
    Bind {
        portal: portal.to_owned(),
        statement: statement.to_owned(),
        parameter_formats: Vec::new(),
        parameters,
        result_formats: Vec::new(),
    }
}
