//! Copies the public tables from the source.

use std::collections::BTreeMap;
use std::pin::pin;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use super::error::{ShadowError, during};
use super::schema::{ListedTable, Name};
use crate::quote::ident;

/// Replaces the rows of all public tables by those of one snapshot of the source, in one
/// transaction: analysts see the old rows or the new ones. Gives the number of rows of each.
///
/// Rows are deleted, not truncated: TRUNCATE would wait for, and hold up, every analyst who has a
/// transaction open, and cannot be used on a table that another refers to. The shadow's foreign
/// keys are deferrable, so they are checked when all tables are complete.
pub async fn refresh_public(
    source: &mut Client,
    shadow: &mut Client,
    tables: &[ListedTable],
) -> Result<BTreeMap<Name, u64>, ShadowError> {
    let public: Vec<Name> =
        tables.iter().filter(|table| !table.private).map(ListedTable::key).collect();
    let (reading, writing) = (during("reading public tables"), during("copying public tables"));
    let from = source.build_transaction().read_only(true);
    let from = from.isolation_level(IsolationLevel::RepeatableRead).start();
    let from = from.await.map_err(&reading)?;
    let to = shadow.transaction().await.map_err(&writing)?;
    to.batch_execute("SET CONSTRAINTS ALL DEFERRED").await.map_err(&writing)?;
    let mut counts = BTreeMap::new();
    for table in &public {
        let rows = copy(&from, &to, table).await?;
        counts.insert(table.clone(), rows);
    }
    to.commit().await.map_err(&writing)?;
    from.commit().await.map_err(&reading)?;
    for table in &public {
        let vacuum = format!("VACUUM (ANALYZE) {}", table.sql());
        shadow.batch_execute(&vacuum).await.map_err(&writing)?;
    }
    Ok(counts)
}

async fn copy(
    from: &Transaction<'_>,
    to: &Transaction<'_>,
    table: &Name,
) -> Result<u64, ShadowError> {
    let (reading, writing) = (during("reading a public table"), during("copying a public table"));
    let columns = "SELECT attname::text FROM pg_catalog.pg_attribute
        WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    let name = table.sql();
    let columns = to.query(columns, &[&name]).await.map_err(&writing)?;
    let columns: Vec<String> = columns.iter().map(|row| ident(row.get(0))).collect();
    let columns = columns.join(", ");
    to.batch_execute(&format!("DELETE FROM {name}")).await.map_err(&writing)?;
    if columns.is_empty() {
        return Ok(0);
    }
    // A query, because COPY cannot read a view or a partitioned table by name.
    let out = format!("COPY (SELECT {columns} FROM {name}) TO STDOUT (FORMAT binary)");
    let into = format!("COPY {name} ({columns}) FROM STDIN (FORMAT binary)");
    let mut rows = pin!(from.copy_out(&out).await.map_err(&reading)?);
    let mut sink = pin!(to.copy_in::<_, Bytes>(&into).await.map_err(&writing)?);
    while let Some(chunk) = rows.next().await {
        sink.send(chunk.map_err(&reading)?).await.map_err(&writing)?;
    }
    sink.finish().await.map_err(&writing)
}
