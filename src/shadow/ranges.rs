//! The ranges of numbers in public tables, so that what is computed with them has bounds.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use crate::quote::{ident, qualified};

/// Least and greatest value, as text.
type Ranges = BTreeMap<String, (String, String)>;

/// The ranges of these columns of a public table, as the shadow's copy has them. A column without
/// values, or with values that are no finite numbers, has none.
pub async fn public_ranges(
    client: &Client,
    schema: &str,
    table: &str,
    columns: &[&str],
) -> Result<Ranges, tokio_postgres::Error> {
    if columns.is_empty() {
        return Ok(Ranges::new());
    }
    let asked: Vec<String> = columns
        .iter()
        .map(|column| format!("min({0})::text, max({0})::text", ident(column)))
        .collect();
    let sql = format!("SELECT {} FROM {}", asked.join(", "), qualified(schema, table));
    let row = client.query_one(&sql, &[]).await?;
    let mut ranges = Ranges::new();
    for (at, column) in columns.iter().enumerate() {
        let text = |offset: usize| {
            let value =
                row.try_get::<_, Option<String>>(at.saturating_mul(2).saturating_add(offset));
            value.ok().flatten()
        };
        if let (Some(low), Some(high)) = (text(0), text(1)) {
            ranges.insert((*column).to_owned(), (low, high));
        }
    }
    Ok(ranges)
}
