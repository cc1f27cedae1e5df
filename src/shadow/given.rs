//! Queries over releases and public tables that the shadow computes for a leaf.

use std::time::Duration;

use futures_util::{StreamExt, future, pin_mut};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::canonical::{CanonicalError, Canonicalizer, begin, classify};
use super::settings::Settings;
use crate::database::Busy;
use crate::error::Fault;
use crate::source::RawParameter;

/// Rows that a leaf may be given.
const ROWS_MAX: usize = 100_000;
/// Bytes that a leaf may be given.
const BYTES_MAX: usize = 64 << 20;

/// A query with its parameters.
#[derive(Debug)]
pub struct ShadowQuery<'a> {
    /// The text.
    pub text: &'a str,
    /// The types of its parameters; unknown where the text casts them itself.
    pub types: &'a [Type],
}

impl Canonicalizer {
    /// The names and types of a query's columns.
    pub async fn describe(
        &self,
        query: &ShadowQuery<'_>,
        settings: &Settings,
    ) -> Result<Vec<(String, Type)>, CanonicalError> {
        let _place = self.place().await;
        let client = self.client().await.map_err(CanonicalError::Fault)?;
        let begin = begin(settings);
        let (begun, statement) = future::join(
            client.batch_execute(&begin),
            client.prepare_typed(query.text, query.types),
        )
        .await;
        let described = begun.and(statement).map_err(classify).map(|statement| {
            let columns = statement.columns().iter();
            columns.map(|column| (column.name().to_owned(), column.type_().clone())).collect()
        });
        self.ended(client).await;
        described
    }

    /// The cells of a query whose columns are all text.
    ///
    /// It runs what an analyst wrote, so no longer than `limit`, and on a connection of its own that
    /// nobody else gets after it: a seed of random numbers outlives a transaction.
    pub async fn rows(
        &self,
        query: &ShadowQuery<'_>,
        parameters: &[RawParameter],
        settings: &Settings,
        limit: Duration,
    ) -> Result<Vec<Vec<Option<String>>>, CanonicalError> {
        let _place = self.place().await;
        let begin =
            format!("{}; SET LOCAL statement_timeout = {}", begin(settings), limit.as_millis());
        let client = self.connect().await.map_err(CanonicalError::Fault)?;
        let busy = Busy::new(self.config.clone(), client);
        let rows = rows(&busy, query, parameters, &begin).await;
        if rows.is_ok() {
            drop(busy.ended());
        }
        rows
    }

    /// Ends what was begun; a connection on which that fails is not used again.
    async fn ended(&self, client: Client) {
        if client.batch_execute("ROLLBACK").await.is_ok() {
            self.keep(client);
        }
    }
}

async fn rows(
    busy: &Busy,
    query: &ShadowQuery<'_>,
    parameters: &[RawParameter],
    begin: &str,
) -> Result<Vec<Vec<Option<String>>>, CanonicalError> {
    let ended = || CanonicalError::Fault(Fault::Unreachable("an ended connection"));
    let client = busy.client().ok_or_else(ended)?;
    client.batch_execute(begin).await.map_err(classify)?;
    let statement = client.prepare_typed(query.text, query.types).await.map_err(classify)?;
    let found = client.query_raw(&statement, parameters).await.map_err(classify)?;
    pin_mut!(found);
    let (mut rows, mut bytes) = (Vec::new(), 0_usize);
    while let Some(row) = found.next().await {
        let row = row.map_err(classify)?;
        let cells: Result<Vec<Option<String>>, _> =
            (0..row.len()).map(|at| row.try_get(at).map_err(classify)).collect();
        let cells = cells?;
        let sizes = cells.iter().flatten().map(String::len);
        bytes = sizes.fold(bytes, usize::saturating_add);
        rows.push(cells);
        if rows.len() > ROWS_MAX || bytes > BYTES_MAX {
            let fault = Fault::Shadow("a subquery gives more than is handled".to_owned());
            return Err(CanonicalError::Fault(fault));
        }
    }
    Ok(rows)
}
