//! What was charged, and what is remembered of it.

use super::accounts::declared;
use super::page::list;
use super::request::{Span, filter};
use super::{Office, OfficeError, Page};
use crate::admin::shown::{self, Charge, ChargeState, List, Release};
use crate::ids;
use crate::ledger::{ChargeFilter, ChargeShown, ReleaseShown, State};
use crate::road::measure;

/// Which charges to show.
#[derive(Clone, Debug, Default)]
pub struct ChargeQuery {
    /// Those of one analyst.
    pub analyst: Option<String>,
    /// Those that an account paid.
    pub account: Option<String>,
    /// Those of a time.
    pub span: Span,
}

impl Office {
    /// Charges, newest first.
    pub async fn charges(
        &self,
        query: ChargeQuery,
        page: &Page,
    ) -> Result<List<Charge>, OfficeError> {
        let (from, to) = query.span.read()?;
        let wanted = ChargeFilter {
            analyst: filter("analyst", query.analyst)?,
            account: filter("account", query.account)?,
            from,
            to,
        };
        let (count, before) = (page.count()?, page.after(|text| text.parse().ok())?);
        let found = self.ledger.charges(wanted, before, count.saturating_add(1)).await?;
        Ok(list(found, count, |charge| charge.id.to_string(), charge))
    }

    /// The charges that one account paid, newest first.
    pub async fn charges_of(&self, id: &str, page: &Page) -> Result<List<Charge>, OfficeError> {
        declared(&self.policy(), id)?;
        let query = ChargeQuery { account: Some(id.to_owned()), ..ChargeQuery::default() };
        self.charges(query, page).await
    }

    /// What is remembered, newest first.
    pub async fn releases(
        &self,
        analyst: Option<String>,
        page: &Page,
    ) -> Result<List<Release>, OfficeError> {
        let analyst = filter("analyst", analyst)?.map(ids::Analyst);
        let (count, before) = (page.count()?, page.after(|text| text.parse().ok())?);
        let found = self.ledger.releases(analyst.as_ref(), before, count.saturating_add(1)).await?;
        Ok(list(found, count, |release| release.id.to_string(), release))
    }
}

fn charge(charge: ChargeShown) -> Charge {
    Charge {
        id: charge.id,
        query: charge.query.to_string(),
        analyst: charge.analyst,
        at: shown::time(charge.at),
        state: match charge.state {
            State::Pending => ChargeState::Pending,
            State::Posted => ChargeState::Spent,
            State::Voided => ChargeState::GivenBack,
        },
        fingerprint: ids::Fingerprint::of(&charge.questions)
            .map_or_else(String::new, |fingerprint| fingerprint.to_string()),
        leaves: i64::try_from(charge.questions.len()).unwrap_or(i64::MAX),
        epsilon: measure::one_answer(&charge.rho),
        accounts: charge.accounts,
    }
}

fn release(release: ReleaseShown) -> Release {
    Release {
        id: release.id,
        question: hex::encode(release.question.0),
        analyst: release.analyst.0,
        made_at: shown::time(release.made_at),
        expires_at: shown::time(release.expires_at),
        bytes: release.bytes,
    }
}
