//! What was spent from an account over time, and by whom.

use std::collections::BTreeMap;

use super::accounts::declared;
use super::request::{DAY_MS, HOUR_MS, Span};
use super::{Office, OfficeError, Page, figures};
use crate::admin::shown::{self, History, HistoryItem, List, Spender, Spenders};
use crate::clock::Millis;
use crate::ledger::{Account, Bucket};
use crate::road::measure;

/// Two months by the hour, and four years by the day.
const PARTS_MAX: i64 = 1500;

impl Office {
    /// What was spent from an account in each hour or day; by the day for the last thirty days if
    /// nothing is said.
    pub async fn history(
        &self,
        id: &str,
        span: &Span,
        bucket: Option<&str>,
    ) -> Result<History, OfficeError> {
        let (bucket, length) = match bucket.unwrap_or("day") {
            "day" => ("day", DAY_MS),
            "hour" => ("hour", HOUR_MS),
            _ => return Err(OfficeError::invalid("bucket", "is hour or day")),
        };
        let (from, to) = span.last(self.now(), 30)?;
        let first = from.0.div_euclid(length);
        let last = to.0.saturating_sub(1).div_euclid(length);
        if last.saturating_sub(first) >= PARTS_MAX {
            let message = format!("lies more than {PARTS_MAX} parts of an {bucket} before to");
            return Err(OfficeError::invalid("from", message.replace("an day", "a day")));
        }
        let policy = self.policy();
        let account = declared(&policy, id)?;
        let controls = self.ledger.controls().await?;
        let limits = self.limits(std::slice::from_ref(&account), &controls)?;
        let found = self.ledger.spent_by_time(id, from, to, length).await?;
        let found: BTreeMap<i64, &Bucket> =
            found.iter().map(|bucket| (bucket.start.0.div_euclid(length), bucket)).collect();
        let parts = first..=last;
        let items = parts.map(|part| {
            let start = Millis(part.saturating_mul(length));
            item(limits.first(), start, found.get(&part).copied())
        });
        Ok(History { bucket: bucket.to_owned(), items: items.collect() })
    }

    /// A part of who spent how much in a time, from one account or in all; in the last seven days
    /// if nothing is said.
    pub async fn spenders(
        &self,
        span: &Span,
        account: Option<&str>,
        page: &Page,
    ) -> Result<Spenders, OfficeError> {
        let (from, to) = span.last(self.now(), 7)?;
        if let Some(id) = account {
            declared(&self.policy(), id)?;
        }
        let found = self.ledger.spenders(account, from, to).await?;
        let all: f64 = found.iter().map(|spender| measure::number(&spender.rho)).sum();
        let charges = found.iter().map(|spender| spender.charges).fold(0, i64::saturating_add);
        let mut items: Vec<Spender> = found
            .into_iter()
            .map(|spender| Spender {
                share: if all > 0.0 { measure::number(&spender.rho) / all } else { 0.0 },
                epsilon: measure::one_answer(&spender.rho),
                analyst: spender.analyst,
                charges: spender.charges,
            })
            .collect();
        items.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.analyst.cmp(&b.analyst)));
        let (from, to, analysts) = (shown::time(from), shown::time(to), items.len());
        let List { items, next } = page.of_named(items, |spender| spender.analyst.clone())?;
        Ok(Spenders { from, to, analysts, charges, items, next })
    }
}

fn item(account: Option<&Account>, start: Millis, bucket: Option<&Bucket>) -> HistoryItem {
    let (charges, spent_fraction, epsilon) = match (account, bucket) {
        (Some(account), Some(Bucket { charges, rho, epsilon, delta, .. })) => (
            *charges,
            measure::share(account, rho, epsilon, delta),
            figures::price(account.accountant, rho, epsilon),
        ),
        _ => (0, 0.0, 0.0),
    };
    HistoryItem { start: shown::time(start), charges, spent_fraction, epsilon }
}
