//! Queries over releases and public tables that the shadow computes for a leaf.

use futures_util::future;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::canonical::{CanonicalError, Canonicalizer, begin, classify};
use super::settings::Settings;
use crate::error::Fault;
use crate::source::RawParameter;

/// Rows that a leaf may be given.
const ROWS_MAX: usize = 100_000;

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
    pub async fn rows(
        &self,
        query: &ShadowQuery<'_>,
        parameters: &[RawParameter],
        settings: &Settings,
    ) -> Result<Vec<Vec<Option<String>>>, CanonicalError> {
        let _place = self.place().await;
        let client = self.client().await.map_err(CanonicalError::Fault)?;
        let rows = rows(&client, query, parameters, &begin(settings)).await;
        self.ended(client).await;
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
    client: &Client,
    query: &ShadowQuery<'_>,
    parameters: &[RawParameter],
    begin: &str,
) -> Result<Vec<Vec<Option<String>>>, CanonicalError> {
    client.batch_execute(begin).await.map_err(classify)?;
    let statement = client.prepare_typed(query.text, query.types).await.map_err(classify)?;
    let parameters = parameters.iter().map(|one| one as &(dyn postgres_types::ToSql + Sync));
    let parameters: Vec<_> = parameters.collect();
    let found = client.query(&statement, &parameters).await.map_err(classify)?;
    if found.len() > ROWS_MAX {
        let fault = Fault::Shadow("a subquery gives more rows than are handled".to_owned());
        return Err(CanonicalError::Fault(fault));
    }
    found
        .iter()
        .map(|row| (0..row.len()).map(|at| row.try_get(at).map_err(classify)).collect())
        .collect()
}
