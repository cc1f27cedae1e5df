//! EXECUTE of a prepared statement: what it stands for is asked of the shadow session itself,
//! which keeps the text and types of everything that was prepared, by SQL or by the protocol.

use std::sync::Arc;

use bytes::Bytes;

use super::error::WireError;
use super::private::{self, Internal, Private, Shape};
use super::relay::Relay;
use crate::query::tokens::{self, Kind, Statement};

const QUERY: &str = "SELECT (SELECT statement FROM pg_catalog.pg_prepared_statements \
     WHERE name = $1::text), \
    (SELECT pg_catalog.array_to_string(parameter_types::text[], pg_catalog.chr(31)) \
     FROM pg_catalog.pg_prepared_statements WHERE name = $1::text)";

/// What an EXECUTE turns out to be.
#[derive(Debug)]
pub(super) enum Executed {
    /// An error has come; the client has been told.
    Failed,
    /// Nothing of it is private.
    Untouched,
    /// This private query, with the arguments in their places.
    Private(Private),
}

/// The prepared statement that a statement executes; nothing if it does not.
pub(super) fn name(private: &Private) -> &str {
    match &private.statement.kind {
        Kind::Execute { name, .. } => name,
        _ => "",
    }
}

/// Looks up what a statement of this kind executes. `meant` is what the client prepared under the
/// name, where another statement stands for it on the shadow.
pub(super) async fn look_up(
    relay: &mut Relay,
    private: &Private,
    names: &std::collections::BTreeSet<String>,
    simple: bool,
    meant: Option<(&Arc<str>, &String)>,
) -> Result<Executed, WireError> {
    let Kind::Execute { name, arguments, place } = &private.statement.kind else {
        return Ok(Executed::Private(private.clone()));
    };
    let parameters = vec![Some(Bytes::from(name.clone()))];
    let internal = Internal { query: QUERY, parameters, portal: None };
    let Some(row) = private::internal(relay, internal, simple).await? else {
        return Ok(Executed::Failed);
    };
    let [Some(text), types] = row.as_slice() else { return Ok(Executed::Untouched) };
    // What stands for it on the shadow names no private table.
    let meant = meant.filter(|(stands, _)| ***stands == **text);
    let text = meant.map_or(text, |(_, meant)| meant);
    let query = tokens::prepared_query(text).unwrap_or(text);
    let prepared = tokens::split(query, names);
    if matches!(prepared.as_slice(), [one] if one.kind == Kind::Untouched) {
        return Ok(Executed::Untouched);
    }
    let types: Vec<&str> = match types.as_deref() {
        None | Some("") => Vec::new(),
        Some(types) => types.split('\u{1f}').collect(),
    };
    // A wrong number of arguments is PostgreSQL's to report.
    if types.len() != arguments.len() {
        return Ok(Executed::Untouched);
    }
    let in_place = |number: usize| {
        let at = number.checked_sub(1)?;
        Some(format!("CAST(({}) AS {})", arguments.get(at)?, types.get(at)?))
    };
    let query = tokens::replace_parameters(query, &in_place)
        .ok_or_else(|| WireError::protocol("a prepared statement that cannot be read"))?;
    // EXECUTE may stand inside another statement: EXPLAIN EXECUTE, CREATE TABLE … AS EXECUTE.
    let written = private.statement.text.as_str();
    let before = written.get(..place.start).unwrap_or_default();
    let after = written.get(place.end..).unwrap_or_default();
    // The query may end in a comment.
    let text = format!("{before}{query}\n{after}");
    let mut statements = tokens::split(&text, names);
    let statement = match (statements.pop(), statements.is_empty()) {
        (Some(one), true) => Statement { offset_chars: 0, ..one },
        _ => Statement { text, offset_chars: 0, kind: Kind::Unread },
    };
    if statement.kind == Kind::Untouched {
        return Ok(Executed::Untouched);
    }
    // Only a query is described before it is executed.
    let shape = match (&statement.kind, meant) {
        (Kind::Query, Some((stands, _))) => Shape::Wide(Arc::clone(stands)),
        (Kind::Query, None) => private.shape.clone(),
        _ => Shape::Open,
    };
    Ok(Executed::Private(Private { statement, types: Vec::new(), located: false, shape }))
}
