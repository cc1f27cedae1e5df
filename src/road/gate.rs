//! What all sessions share.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use noisegate_privacy::range::parse_decimal;

use super::Asked;
use super::inflight::InFlight;
use super::limits::Limits;
use super::turns::{Turn, Turns};
use crate::catalog::snapshot::{Relation, Snapshot, SnapshotError};
use crate::catalog::{Catalog, CatalogError};
use crate::clock::{Clock, Millis};
use crate::database;
use crate::error::{Error, Fault};
use crate::ledger::{Ledger, LedgerError, Teams};
use crate::live::Live;
use crate::metrics::{Metrics, Stage};
use crate::policy::{Policy, TableName, TableRule};
use crate::record::Records;
use crate::shadow::canonical::Canonicalizer;
use crate::shadow::public_ranges;
use crate::source::Source;

/// How far the ledger's time may be behind this machine's. A charge has moved it to its own time.
const CLOCKS_DIFFER_MS: i64 = 60 * 1000;

/// The gate: policy, schema, source, shadow and ledger, ready to answer.
#[derive(Debug)]
pub struct Gate {
    /// The policy in force.
    pub policy: Policy,
    /// The schema under the policy.
    pub snapshot: Arc<Snapshot>,
    /// The bare names of private tables.
    pub private_names: Arc<BTreeSet<String>>,
    /// Reads texts on the shadow.
    pub canonical: Arc<Canonicalizer>,
    /// Runs leaves.
    pub source: Arc<Source>,
    /// Budgets and releases.
    pub ledger: Ledger,
    /// The time.
    pub clock: Clock,
    /// What it shares with the gates before and after it.
    pub shared: Arc<Shared>,
    /// Columns of private tables that the policy does not classify.
    pub unclassified: usize,
    pub(super) limits: Limits,
}

/// What outlives a policy: a reload opens another gate with the same of these.
#[derive(Debug)]
pub struct Shared {
    /// The statements in flight, and the sessions.
    pub live: Live,
    /// What happened so far.
    pub metrics: Metrics,
    /// What is to go on record.
    pub records: Records,
    pub(super) in_flight: InFlight,
    pub(super) turns: Turns,
}

impl Shared {
    fn new(ledger: &Ledger) -> Self {
        Self {
            live: Live::default(),
            metrics: Metrics::new(ledger.meters()),
            records: Records::default(),
            in_flight: InFlight::default(),
            turns: Turns::default(),
        }
    }
}

/// Why a gate could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The source could not be reached.
    #[error("the source cannot be reached: {0}")]
    Source(#[from] tokio_postgres::Error),
    /// The shadow could not be reached.
    #[error("the shadow cannot be reached: {0}")]
    Shadow(#[source] tokio_postgres::Error),
    /// Its schema could not be read.
    #[error("the source's schema cannot be read: {0}")]
    Catalog(#[from] CatalogError),
    /// Policy and schema do not fit.
    #[error("policy and schema do not fit: {0}; run `noisegate check`")]
    Snapshot(#[from] SnapshotError),
}

impl Gate {
    /// Reads the source's schema and opens the gate. `shadow` logs in as the powerless analyst.
    pub async fn open(
        policy: Policy,
        source: tokio_postgres::Config,
        shadow: tokio_postgres::Config,
        ledger: Ledger,
        clock: Clock,
    ) -> Result<Self, GateError> {
        let shared = Arc::new(Shared::new(&ledger));
        Self::open_sharing(policy, source, shadow, ledger, clock, shared).await
    }

    /// Opens a gate under another policy, beside this one, with the same ledger. Statements in
    /// flight, questions and turns are those of both.
    pub async fn open_beside(
        &self,
        policy: Policy,
        source: tokio_postgres::Config,
        shadow: tokio_postgres::Config,
    ) -> Result<Self, GateError> {
        let (ledger, clock) = (self.ledger.clone(), self.clock.clone());
        Self::open_sharing(policy, source, shadow, ledger, clock, Arc::clone(&self.shared)).await
    }

    async fn open_sharing(
        policy: Policy,
        source: tokio_postgres::Config,
        shadow: tokio_postgres::Config,
        ledger: Ledger,
        clock: Clock,
        shared: Arc<Shared>,
    ) -> Result<Self, GateError> {
        let catalog = Catalog::load(&database::connect(&source).await?).await;
        let mut snapshot = Snapshot::new(&policy, &catalog?)?;
        bound_public(&mut snapshot, &shadow).await?;
        Ok(Self {
            private_names: Arc::new(snapshot.private_names()),
            unclassified: unclassified(&policy, &snapshot),
            snapshot: Arc::new(snapshot),
            canonical: Arc::new(Canonicalizer::new(shadow)),
            source: Arc::new(Source::new(source, policy.answers.timeout_ms)),
            policy,
            ledger,
            clock,
            shared,
            limits: Limits::default(),
        })
    }

    /// The same gate under the policy with other teams, which say who asks and who pays and nothing of
    /// what is asked about.
    pub(super) fn with_teams(&self, teams: &Teams) -> Self {
        Self {
            policy: self.policy.clone().with_teams(&teams.made, &teams.members),
            snapshot: Arc::clone(&self.snapshot),
            private_names: Arc::clone(&self.private_names),
            canonical: Arc::clone(&self.canonical),
            source: Arc::clone(&self.source),
            ledger: self.ledger.clone(),
            clock: self.clock.clone(),
            shared: Arc::clone(&self.shared),
            unclassified: self.unclassified,
            limits: Limits::default(),
        }
    }

    /// The settings of noisegate's own that an analyst's session starts with.
    pub fn session_settings(&self, analyst: &str) -> Vec<(&'static str, String)> {
        let epsilon = self.policy.terms(analyst).map(|terms| terms.epsilon_default);
        let epsilon = epsilon.map(|epsilon| ("epsilon", epsilon));
        let others = [("notices", "on"), ("intervals", "off"), ("accuracy", "")];
        epsilon.into_iter().chain(others.map(|(name, value)| (name, value.to_owned()))).collect()
    }

    /// Runs a stage and notes how long it took, whatever came of it.
    pub(super) async fn timed<T>(&self, stage: Stage, work: impl Future<Output = T>) -> T {
        let start = Instant::now();
        let done = work.await;
        self.shared.metrics.took(stage, start.elapsed());
        done
    }

    /// One of an analyst's turns, if there is one left.
    pub(super) async fn turn(&self, asked: &Asked<'_>) -> Result<Turn, Error> {
        let most = self.policy.concurrent(&asked.analyst.0);
        let turns = &self.shared.turns;
        let taken = async { Ok(turns.take(&self.ledger, asked.analyst, most).await?) };
        asked.unless_canceled(taken).await
    }

    /// Stops the statements in flight here that were canceled at other proxies.
    pub async fn stop_canceled(&self) -> Result<(), LedgerError> {
        let running = self.shared.live.list();
        let Some(oldest) = running.first() else { return Ok(()) };
        let since = Millis(oldest.started_at.0.saturating_sub(CLOCKS_DIFFER_MS));
        let canceled = self.ledger.canceled(since).await?;
        for statement in running.iter().filter(|one| canceled.contains(&one.query.to_string())) {
            self.shared.live.cancel(statement.query);
        }
        Ok(())
    }

    /// How long the source may take.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.policy.answers.timeout_ms)
    }

    /// Waits for the next public tick, so that when an answer leaves says less about the rows.
    pub(super) async fn tick(&self) {
        let Some(tick) = self.policy.answers.release_tick_ms.filter(|tick| *tick > 0) else {
            return;
        };
        let now = u64::try_from(self.clock.now().0).unwrap_or(0);
        let wait = tick.saturating_sub(now % tick);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}

/// How many columns of private tables are hidden because nobody said what they are.
fn unclassified(policy: &Policy, snapshot: &Snapshot) -> usize {
    let of_table = |relation: &Relation| {
        let name = TableName { schema: relation.schema.clone(), name: relation.name.clone() };
        let Some(TableRule::Private(private)) = policy.tables.get(&name) else { return 0 };
        let columns = relation.columns.iter();
        columns.filter(|column| !private.columns.contains_key(&column.name)).count()
    };
    snapshot.relations.values().map(of_table).sum()
}

/// Gives numbers in public tables the bounds that their values have, so that sums over what is
/// computed with them have some too. Later values beyond them are clipped.
async fn bound_public(
    snapshot: &mut Snapshot,
    shadow: &tokio_postgres::Config,
) -> Result<(), GateError> {
    let client = database::connect(shadow).await.map_err(GateError::Shadow)?;
    for ((schema, table), relation) in &mut snapshot.relations {
        if relation.is_private() {
            continue;
        }
        let numbers = relation.columns.iter().filter(|column| column.ty.is_number());
        let names: Vec<&str> = numbers.map(|column| column.name.as_str()).collect();
        // A table too large to be copied is not in the shadow.
        let Ok(mut ranges) = public_ranges(&client, schema, table, &names).await else { continue };
        for column in &mut relation.columns {
            let range = ranges.remove(&column.name).filter(|(low, high)| {
                parse_decimal(low).is_some() && parse_decimal(high).is_some()
            });
            column.bounds = range.or(column.bounds.take());
        }
    }
    Ok(())
}

/// What an operator reads when the ledger fails.
pub(super) fn ledger_fault(error: LedgerError) -> Fault {
    Fault::Ledger(error.to_string())
}
