//! What administrators do with a ledger, and look at. Each change goes on record in the same durable
//! step, so there is none without its record.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::batch::Batch;
use super::event::{self, AuditCursor, AuditFilter, AuditRecord, Event, RequestKey, Verified};
use super::handle::Ledger;
use super::shown::{
    Bucket, ChargeFilter, ChargeShown, Person, Recalled, ReleaseShown, Spender, Token,
};
use super::store::Needs;
use super::types::{LedgerError, State};
use super::{Change, Control, Teams, audit, teams, users, verify};
use crate::clock::Millis;
use crate::ids::{Analyst, Question};

/// The most rows of one look.
const ROWS_MAX: u32 = 1000;
/// The most parts of a time in one look.
const BUCKETS_MAX: i64 = 10_000;
/// The most events in one step.
const EVENTS_MAX: usize = 1000;
const TOKEN_BYTES_MAX: usize = 512;
/// The most digits of an amount in a decision.
const DIGITS_MAX: usize = 60;

impl Ledger {
    /// The decisions of administrators about accounts, by account.
    pub async fn controls(&self) -> Result<BTreeMap<String, Control>, LedgerError> {
        self.read(|sight| sight.view.controls()).await
    }

    /// Decides something about an account, and puts it on record in the same step; the control that
    /// holds now. Given a version, only if that is the one that holds. A key that was used for
    /// the same request changes nothing.
    pub async fn change(
        &self,
        account: &str,
        change: Change,
        expected: Option<i64>,
        key: Option<RequestKey>,
        event: Event,
    ) -> Result<Control, LedgerError> {
        super::charge::validate_name(account)?;
        validate_change(&change)?;
        event::validate(&event)?;
        if !event::decides(event.kind) {
            return Err(LedgerError::Malformed("a decision of another kind than account.…"));
        }
        let account = account.to_owned();
        let needs = Needs {
            controls: [account.clone()].into(),
            requests: key.iter().map(|key| key.key).collect(),
            ..Needs::default()
        };
        self.write(needs, move |batch| decide(batch, &account, &change, expected, key, &event))
            .await
    }

    /// The unexpired release that answers a question, and whether the analyst has paid for the
    /// question since. It does not wait for writes.
    pub async fn recall_for(
        &self,
        question: Question,
        analyst: &Analyst,
    ) -> Result<Option<Recalled>, LedgerError> {
        let analyst = analyst.clone();
        self.read(move |sight| sight.view.recall_for(&question, &analyst, sight.wall)).await
    }

    /// What was spent from an account in each part of a time, without the parts in which nothing was.
    pub async fn spent_by_time(
        &self,
        account: &str,
        from: Millis,
        to: Millis,
        bucket_ms: i64,
    ) -> Result<Vec<Bucket>, LedgerError> {
        if bucket_ms <= 0 || to.0.saturating_sub(from.0) / bucket_ms > BUCKETS_MAX {
            return Err(LedgerError::Malformed("parts of no length, or too many"));
        }
        let account = account.to_owned();
        self.read_apart(move |sight| sight.view.buckets(&account, (from, to), bucket_ms)).await
    }

    /// What each analyst spent, of one account or of all that was asked; the largest ρ first.
    pub async fn spenders(
        &self,
        account: Option<&str>,
        from: Millis,
        to: Millis,
    ) -> Result<Vec<Spender>, LedgerError> {
        let account = account.map(str::to_owned);
        let look = move |sight: &mut super::reader::Sight<'_>| {
            sight.view.spenders(account.as_deref(), (from, to))
        };
        let mut spenders = self.read_apart(look).await?;
        spenders.sort_by(|a, b| b.rho.cmp(&a.rho).then_with(|| a.analyst.cmp(&b.analyst)));
        Ok(spenders)
    }

    /// Charges, newest first; those before an id.
    pub async fn charges(
        &self,
        filter: ChargeFilter,
        before: Option<i64>,
        count: u32,
    ) -> Result<Vec<ChargeShown>, LedgerError> {
        let (before, count) = (before.unwrap_or(i64::MAX), count.min(ROWS_MAX));
        self.read_apart(move |sight| sight.view.charges(&filter, before, count)).await
    }

    /// Charges since a time of which nobody has said what became of them: their statements are in
    /// flight at some proxy, or it is gone. Of very many the latest.
    pub async fn unsettled(&self, since: Millis) -> Result<Vec<ChargeShown>, LedgerError> {
        let filter = AuditFilter { from: Some(since), ..AuditFilter::default() };
        let pending = Some(State::Pending);
        self.read_apart(move |sight| {
            sight.view.charges_by_time(&filter, pending, audit::END, ROWS_MAX)
        })
        .await
    }

    /// The queries that administrators canceled since a time, as the record names them; of very many
    /// the latest.
    pub async fn canceled(&self, since: Millis) -> Result<BTreeSet<String>, LedgerError> {
        let kind = Some(event::QUERY_CANCEL.to_owned());
        let filter = AuditFilter { from: Some(since), kind, ..AuditFilter::default() };
        let events =
            self.read(move |sight| sight.view.events_by_time(&filter, audit::END, ROWS_MAX));
        Ok(events.await?.into_iter().map(|event| event.object).collect())
    }

    /// Unexpired releases, newest first; those before an id, and those that one analyst paid first.
    pub async fn releases(
        &self,
        analyst: Option<&Analyst>,
        before: Option<i64>,
        count: u32,
    ) -> Result<Vec<ReleaseShown>, LedgerError> {
        let (before, count) = (before.unwrap_or(i64::MAX), count.min(ROWS_MAX));
        let analyst = analyst.cloned();
        self.read_apart(move |sight| {
            sight.view.releases(analyst.as_ref(), before, count, sight.wall)
        })
        .await
    }

    /// The unexpired releases of questions.
    pub async fn releases_of(
        &self,
        questions: Vec<Question>,
    ) -> Result<Vec<ReleaseShown>, LedgerError> {
        self.read_apart(move |sight| sight.view.releases_of(&questions, sight.wall)).await
    }

    /// Who may log in, by name.
    pub async fn people(&self) -> Result<Vec<Person>, LedgerError> {
        self.read(|sight| sight.view.people()).await
    }

    /// Notes that these logged in.
    pub async fn saw(&self, names: BTreeSet<String>) -> Result<(), LedgerError> {
        let needs = Needs { users: names.clone(), ..Needs::default() };
        self.write(needs, move |batch| {
            for name in &names {
                batch.saw(name);
            }
            Ok(())
        })
        .await
    }

    /// As [`Self::put_user`], on record.
    pub async fn put_user_as(
        &self,
        name: &str,
        verifier: &str,
        key: Option<RequestKey>,
        event: Event,
    ) -> Result<(), LedgerError> {
        users::validate(name, verifier)?;
        event::validate(&event)?;
        let mut needs = users::needs(name);
        needs.requests = key.iter().map(|key| key.key).collect();
        let (name, verifier) = (name.to_owned(), verifier.to_owned());
        self.write(needs, move |batch| {
            if !is_done(batch, key)? {
                batch.put_user(&name, &verifier);
                batch.record(&event, key);
            }
            Ok(())
        })
        .await
    }

    /// As [`Self::remove_user`], on record, and out of teams in the same step; whether there was
    /// such a user, or a team to leave. Nothing is done and nothing returned if somebody has changed a
    /// team since these were read.
    pub async fn remove_user_as(
        &self,
        name: &str,
        event: Event,
        (known, leaves): (&Teams, Vec<Event>),
    ) -> Result<Option<bool>, LedgerError> {
        event::validate(&event)?;
        leaves.iter().try_for_each(teams::validate)?;
        // No user has a name that cannot be stored.
        if users::validate(name, "any").is_err() {
            return Ok(Some(false));
        }
        let (needs, name, last) = (users::needs(name), name.to_owned(), known.last());
        self.write(needs, move |batch| {
            if batch.last_team_event()? > last {
                return Ok(None);
            }
            let known = batch.remove_user(&name) || !leaves.is_empty();
            if known {
                for leave in &leaves {
                    batch.record(leave, None);
                }
                batch.record(&event, None);
            }
            Ok(Some(known))
        })
        .await
    }

    /// Keeps a token, on record.
    pub async fn put_token(&self, token: Token, event: Event) -> Result<(), LedgerError> {
        event::validate(&event)?;
        let texts = [&token.id, &token.name, &token.role, &token.created_by];
        let unusable = |text: &&String| text.len() > TOKEN_BYTES_MAX || text.contains('\0');
        if token.id.is_empty() || texts.iter().any(unusable) {
            return Err(LedgerError::Malformed("a token without a name, or with too long a one"));
        }
        let needs = Needs { tokens: [token.id.clone()].into(), ..Needs::default() };
        self.write(needs, move |batch| {
            if !batch.put_token(token) {
                return Err(LedgerError::Malformed("there is a token of this name"));
            }
            batch.record(&event, None);
            Ok(())
        })
        .await
    }

    /// Removes a token, on record; whether there was one.
    pub async fn remove_token(&self, id: &str, event: Event) -> Result<bool, LedgerError> {
        event::validate(&event)?;
        if id.is_empty() || id.len() > TOKEN_BYTES_MAX || id.contains('\0') {
            return Ok(false);
        }
        let id = id.to_owned();
        let needs = Needs { tokens: [id.clone()].into(), ..Needs::default() };
        self.write(needs, move |batch| {
            let known = batch.remove_token(&id);
            if known {
                batch.record(&event, None);
            }
            Ok(known)
        })
        .await
    }

    /// All tokens, expired or not, by the time when they were made.
    pub async fn tokens(&self) -> Result<Vec<Token>, LedgerError> {
        self.read(|sight| sight.view.tokens()).await
    }

    /// The token with this digest.
    pub async fn token(&self, hash: &[u8; 32]) -> Result<Option<Token>, LedgerError> {
        let hash = *hash;
        self.read(move |sight| sight.view.token(&hash)).await
    }

    /// Puts something on record that changes nothing in the ledger.
    pub async fn record(&self, events: Vec<Event>) -> Result<(), LedgerError> {
        if events.len() > EVENTS_MAX {
            return Err(LedgerError::Malformed("too many events at once"));
        }
        events.iter().try_for_each(event::validate)?;
        self.write(Needs::default(), move |batch| {
            for event in &events {
                batch.record(event, None);
            }
            Ok(())
        })
        .await
    }

    /// Records, newest first; those before a place.
    pub async fn audit(
        &self,
        filter: AuditFilter,
        before: Option<AuditCursor>,
        count: u32,
    ) -> Result<Vec<AuditRecord>, LedgerError> {
        let count = count.min(ROWS_MAX);
        self.read_apart(move |sight| audit::records(sight.view, &filter, before, count)).await
    }

    /// Holds everything against the chain of generations.
    pub async fn verify(&self) -> Result<Verified, LedgerError> {
        self.read_whole(|sight| verify::all(sight.view)).await
    }

    /// Forgets events from before a time, but for decisions and what was given back; how many.
    pub async fn forget_events(&self, before: Millis) -> Result<i64, LedgerError> {
        let mut all = 0;
        // Step by step: others have to write, too.
        loop {
            let count = self.write(Needs::default(), move |batch| forget(batch, before)).await?;
            if count == 0 {
                return Ok(all);
            }
            all += count;
        }
    }

    /// Forgets events that are older than this.
    pub async fn forget_events_after(&self, keep_ms: u64) -> Result<i64, LedgerError> {
        let keep_ms = i64::try_from(keep_ms).unwrap_or(i64::MAX);
        let now = self.read(|sight| Ok(sight.view.meta()?.mark.min(sight.wall))).await?;
        self.forget_events(Millis(now.0.saturating_sub(keep_ms))).await
    }

    /// The generation that the ledger is at.
    pub async fn generation(&self) -> Result<i64, LedgerError> {
        self.read(|sight| Ok(sight.view.meta()?.link.generation)).await
    }
}

fn forget(batch: &mut Batch<'_>, before: Millis) -> Result<i64, LedgerError> {
    let count = batch.forget_events(before)?;
    if count > 0 {
        let forgotten = Event {
            who: String::new(),
            via: event::Via::Proxy,
            detail: json!({ "events": count, "before": before.0 }).to_string(),
            ..event::of_operator(event::FORGET)
        };
        batch.record(&forgotten, None);
    }
    Ok(count)
}

fn is_done(batch: &Batch<'_>, key: Option<RequestKey>) -> Result<bool, LedgerError> {
    key.map_or(Ok(false), |key| batch.is_done(&key))
}

/// An amount that could not be read back would be in the way of all that come after it.
fn validate_change(change: &Change) -> Result<(), LedgerError> {
    let amount = match change {
        Change::Cap(amount) => amount.as_ref(),
        Change::Grant { epsilon, .. } => Some(epsilon),
        Change::Freeze | Change::Thaw | Change::Reset { .. } => None,
    };
    if amount.is_some_and(|amount| amount.to_string().len() > DIGITS_MAX) {
        return Err(LedgerError::Malformed("an amount too large to count"));
    }
    Ok(())
}

fn decide(
    batch: &mut Batch<'_>,
    account: &str,
    change: &Change,
    expected: Option<i64>,
    key: Option<RequestKey>,
    event: &Event,
) -> Result<Control, LedgerError> {
    let before = batch.control(account);
    if is_done(batch, key)? {
        return Ok(before);
    }
    if expected.is_some_and(|version| version != before.version) {
        return Err(LedgerError::Stale { version: before.version });
    }
    let after = before.after(change, batch.plausible_now()?)?;
    let event = event.of_control(account, &after)?;
    batch.decide(account, after.clone());
    batch.record(&event, key);
    Ok(after)
}
