//! Fills a database with TPC-H: a shop's customers, orders and items, made up but lifelike.

use std::fmt::{self, Display, Write};
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use tokio_postgres::{Client, Transaction};
use tpchgen::distribution::Distributions;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};
use tpchgen::text::TextPool;

/// Below the first there are too few suppliers for TPC-H's formulas; above the second,
/// keys that are `integer` in the tables run over.
const SCALES: std::ops::RangeInclusive<f64> = 0.001..=1000.0;

/// Comments are cut out of one long text. The official one has 300 MiB and takes seconds to
/// make, so small databases, which nobody compares with published answers, use less of it.
const SMALL_TEXT_BYTES: i32 = 4 << 20;

/// What is sent in one piece, and so about what is held in memory.
const CHUNK_BYTES: usize = 64 << 10;

/// Why the tables could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// A scale out of range, or not a number.
    #[error("scale {0}: must be from 0.001 to 1000")]
    Scale(f64),
    /// The database refused.
    #[error("filling the demo's tables: {0}")]
    Database(#[from] tokio_postgres::Error),
    /// A row could not be written as text.
    #[error("writing a row: {0}")]
    Row(#[from] fmt::Error),
}

/// How far [`fill`] has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is being done: a table's name, or `keys`.
    pub step: &'static str,
    /// Rows sent, of all tables.
    pub rows: u64,
    /// Rows to expect, of all tables; close, not exact.
    pub expected: u64,
}

/// Creates the eight tables in the schema `public` and fills them, in one transaction.
/// Scale 1 is about 8.7 million rows, 1 GB; 0.01 takes seconds.
pub async fn fill(
    client: &mut Client,
    scale: f64,
    progress: impl FnMut(Progress),
) -> Result<(), FillError> {
    // Written so that NaN is refused too.
    if !SCALES.contains(&scale) {
        return Err(FillError::Scale(scale));
    }
    let small_text;
    let words = Distributions::static_default();
    let text = if scale < 1.0 {
        small_text = TextPool::new(SMALL_TEXT_BYTES, words);
        &small_text
    } else {
        TextPool::get_or_init_default()
    };
    let transaction = client.transaction().await?;
    transaction.batch_execute("SET LOCAL search_path = public").await?;
    transaction.batch_execute(include_str!("tpch_tables.sql")).await?;
    let expected = expected_rows(scale);
    let mut loader = Loader { transaction: &transaction, progress, rows: 0, expected };
    load(&mut loader, scale, words, text).await?;
    loader.report("keys");
    transaction.batch_execute(include_str!("tpch_keys.sql")).await?;
    Ok(transaction.commit().await?)
}

async fn load<F: FnMut(Progress)>(
    to: &mut Loader<'_, F>,
    scale: f64,
    words: &Distributions,
    text: &TextPool,
) -> Result<(), FillError> {
    let rows = RegionGenerator::new_with_distributions_and_text_pool(words, text);
    to.copy("region", rows.iter()).await?;
    let rows = NationGenerator::new_with_distributions_and_text_pool(words, text);
    to.copy("nation", rows.iter()).await?;
    let rows = PartGenerator::new_with_distributions_and_text_pool(scale, 1, 1, words, text);
    to.copy("part", rows.iter()).await?;
    let rows = SupplierGenerator::new_with_distributions_and_text_pool(scale, 1, 1, words, text);
    to.copy("supplier", rows.iter()).await?;
    let rows = PartSuppGenerator::new_with_text_pool(scale, 1, 1, text);
    // At some small scales the official formula gives a part the same supplier twice.
    let mut suppliers = Vec::with_capacity(4);
    let mut part = None;
    let rows = rows.iter().filter(|row| {
        if part.replace(row.ps_partkey) != Some(row.ps_partkey) {
            suppliers.clear();
        }
        let new = !suppliers.contains(&row.ps_suppkey);
        suppliers.push(row.ps_suppkey);
        new
    });
    to.copy("partsupp", rows).await?;
    let rows = CustomerGenerator::new_with_distributions_and_text_pool(scale, 1, 1, words, text);
    to.copy("customer", rows.iter()).await?;
    let rows = OrderGenerator::new_with_distributions_and_text_pool(scale, 1, 1, words, text);
    to.copy("orders", rows.iter()).await?;
    let rows = LineItemGenerator::new_with_distributions_and_text_pool(scale, 1, 1, words, text);
    to.copy("lineitem", rows.iter()).await
}

fn expected_rows(scale: f64) -> u64 {
    let rows = 30
        + PartGenerator::calculate_row_count(scale, 1, 1) * 5
        + SupplierGenerator::calculate_row_count(scale, 1, 1)
        + CustomerGenerator::calculate_row_count(scale, 1, 1)
        // An order has one to seven items.
        + OrderGenerator::calculate_row_count(scale, 1, 1) * 5;
    u64::try_from(rows).unwrap_or(0)
}

struct Loader<'a, F> {
    transaction: &'a Transaction<'a>,
    progress: F,
    rows: u64,
    expected: u64,
}

impl<F: FnMut(Progress)> Loader<'_, F> {
    fn report(&mut self, step: &'static str) {
        (self.progress)(Progress { step, rows: self.rows, expected: self.expected });
    }

    /// Sends rows in TPC-H's own format, which is COPY's but for a `|` at the end of a line.
    /// No value of TPC-H holds a `|`, a backslash or a line's end.
    async fn copy<T: Display>(
        &mut self,
        table: &'static str,
        rows: impl Iterator<Item = T>,
    ) -> Result<(), FillError> {
        self.report(table);
        let copy = format!("COPY {table} FROM STDIN (DELIMITER '|')");
        let mut sink = pin!(self.transaction.copy_in::<_, Bytes>(&copy).await?);
        let mut chunk = BytesMut::with_capacity(2 * CHUNK_BYTES);
        for row in rows {
            write!(chunk, "{row}")?;
            chunk.truncate(chunk.len() - 1);
            chunk.write_char('\n')?;
            self.rows += 1;
            if chunk.len() >= CHUNK_BYTES {
                sink.send(chunk.split().freeze()).await?;
                chunk.reserve(2 * CHUNK_BYTES);
                self.report(table);
            }
        }
        sink.send(chunk.freeze()).await?;
        sink.finish().await?;
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::demo::{Cluster, Options};

    async fn count(client: &Client, sql: &str) -> i64 {
        client.query_one(sql, &[]).await.unwrap().get(0)
    }

    async fn database(cluster: &Cluster) -> Client {
        let config = cluster.config("postgres", "postgres");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_tables_hold_what_tpc_h_says_and_all_keys_are_checked() {
        let cluster = Cluster::temporary(Options::default()).unwrap();
        let mut client = database(&cluster).await;
        let mut seen = Vec::new();
        fill(&mut client, 0.01, |progress| seen.push(progress)).await.unwrap();

        let small = [("region", 5), ("nation", 25), ("part", 2000), ("supplier", 100)];
        let large =
            [("partsupp", 8000), ("customer", 1500), ("orders", 15000), ("lineitem", 60175)];
        for (table, rows) in small.into_iter().chain(large) {
            assert_eq!(count(&client, &format!("SELECT count(*) FROM {table}")).await, rows);
        }
        let keys = "SELECT count(*) FROM pg_constraint WHERE convalidated \
                    AND connamespace = 'public'::regnamespace AND contype = ";
        assert_eq!(count(&client, &format!("{keys} 'p'")).await, 8);
        assert_eq!(count(&client, &format!("{keys} 'f'")).await, 8);
        let first: String = client
            .query_one("SELECT lineitem::text FROM lineitem LIMIT 1", &[])
            .await
            .map(|row| row.get(0))
            .unwrap();
        assert!(
            first.starts_with("(1,1552,93,1,17.00,24710.35,0.04,0.02,N,O,1996-03-13"),
            "{first}"
        );

        let last = seen.last().unwrap();
        assert_eq!((last.step, last.rows), ("keys", 86805));
        assert!(last.rows.abs_diff(last.expected) < 1000, "{last:?}");
        assert!(seen.windows(2).all(|pair| matches!(pair, [a, b] if a.rows <= b.rows)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn awkward_scales_keep_their_keys() {
        let cluster = Cluster::temporary(Options::default()).unwrap();
        // Ten suppliers, and a number for which the formula repeats a supplier.
        for scale in [0.001, 0.012] {
            let mut client = database(&cluster).await;
            fill(&mut client, scale, |_| ()).await.unwrap();
            assert!(count(&client, "SELECT count(*) FROM lineitem").await > 5000);
            client.batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
        }
        let mut client = database(&cluster).await;
        for scale in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e9] {
            assert!(matches!(fill(&mut client, scale, |_| ()).await, Err(FillError::Scale(_))));
        }
    }
}
