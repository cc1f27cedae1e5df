//! The demo's shop: leaves from its gate, and exact numbers from its source.

use std::collections::BTreeMap;

use noisegate::demo::{Shop, ShopOptions};
use noisegate::error::Error;
use noisegate::ids::{Analyst, QueryId};
use noisegate::query::leaves::BoundLeaf;
use noisegate::road::{self, Asked};
use noisegate::shadow::settings::Settings;
use noisegate::source::shown;
use noisegate_privacy::IBig;
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Plan;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use tokio_util::sync::CancellationToken;

use super::Failure;

/// Numbers by the text of their key.
pub(crate) type Groups<T> = BTreeMap<Vec<Option<String>>, T>;

pub(crate) struct Sides {
    shop: Shop,
    source: Client,
}

impl Sides {
    pub(crate) async fn open(scale: f64) -> Result<Self, Failure> {
        let options = ShopOptions::new(scale, include_str!("../../budgets/demo.toml"), "demo.toml");
        let shop = Shop::open(options, |_| {}).await?;
        let (source, connection) = shop.source_config().connect(NoTls).await?;
        tokio::spawn(connection);
        source.batch_execute("SET jit = off; SET work_mem = '256MB'").await?;
        Ok(Self { shop, source })
    }

    pub(crate) async fn close(&mut self) {
        self.shop.close().await;
    }

    /// The leaf of a query, or why it is refused.
    pub(crate) async fn leaf(&self, text: &str) -> Result<Result<BoundLeaf, String>, Failure> {
        let settings = Settings {
            search_path: "public".to_owned(),
            time_zone: "UTC".to_owned(),
            date_style: "ISO, MDY".to_owned(),
            interval_style: "postgres".to_owned(),
            epsilon: None,
            notices: false,
            intervals: false,
            accuracy: None,
        };
        let asked = Asked {
            id: QueryId::fresh(),
            analyst: &Analyst("alice".to_owned()),
            text,
            types: &[],
            parameters: &[],
            settings: &settings,
            at: self.shop.gate.clock.now(),
            canceled: &CancellationToken::new(),
        };
        match road::inspect(&self.shop.gate, &asked).await {
            Ok(Some(inspected)) => {
                let leaf = inspected.leaves.into_iter().next();
                Ok(leaf.map(|leaf| leaf.bound).ok_or("no leaf".to_owned()))
            }
            Ok(None) => Ok(Err("no leaf".to_owned())),
            Err(Error::Refusal(refusal)) => Ok(Err(refusal.sentence.clone())),
            Err(error) => Err(format!("{error}").into()),
        }
    }

    /// The true answer, of so many numbers after the keys, by its [`sorted`] keys.
    pub(crate) async fn truth(
        &self,
        text: &str,
        numbers: usize,
    ) -> Result<Groups<Vec<f64>>, Failure> {
        let mut groups = Groups::new();
        for row in self.rows(text).await? {
            let keys = row.len().checked_sub(numbers).ok_or("a row without columns")?;
            let (key, values) = row.split_at(keys);
            let values =
                values.iter().map(|value| Ok(value.as_deref().ok_or("a NULL")?.parse()?));
            groups.insert(sorted(key), values.collect::<Result<_, Failure>>()?);
        }
        Ok(groups)
    }

    /// What the source answers a plan, in grains.
    pub(crate) async fn exact(&self, plan: &Plan<Analyzed>) -> Result<Groups<Vec<IBig>>, Failure> {
        let keys = plan.analysis().keys(plan.leaf().keys.len());
        let mut groups = Groups::new();
        for row in self.rows(&shown(plan)).await? {
            let (key, values) = row.split_at(keys);
            let values = values.iter().map(|value| value.as_deref().unwrap_or_default().parse());
            groups.insert(key.to_vec(), values.collect::<Result<_, _>>().map_err(|_| "a sum")?);
        }
        Ok(groups)
    }

    async fn rows(&self, text: &str) -> Result<Vec<Vec<Option<String>>>, Failure> {
        let messages = self.source.simple_query(text).await?;
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        };
        Ok(messages.into_iter().filter_map(row).collect())
    }
}

/// A key by which groups are found again: a leaf has its keys in an order of its own.
pub(crate) fn sorted(key: &[Option<String>]) -> Vec<Option<String>> {
    let mut sorted = key.to_vec();
    sorted.sort();
    sorted
}
