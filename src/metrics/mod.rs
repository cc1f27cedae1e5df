//! What a monitoring system reads: how much is left, how busy the proxy is, and what goes wrong.
//!
//! Nothing here is about one query, and no label is a name of a person. How long the source takes
//! depends on its rows, so that is told in whole steps only; see [`Stage::Source`].

mod ledger;
mod series;
mod text;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use ledger::LedgerMeters;
pub use series::{BudgetFigures, Outcome, Stage, Upstream};
pub(crate) use text::CONTENT_TYPE;

use crate::clock::Millis;
use crate::error::Code;
use series::{ByBudget, ByCode, ByOutcome, ByResult, ByStage, ByUpstream, FAILED, OK};

/// Bounds of the stages' histogram, in seconds.
const STAGE_SECONDS: [f64; 6] = [0.001, 0.01, 0.1, 1.0, 10.0, 60.0];
/// How long the source took is told as the first of these that is not less, in seconds. The sum of
/// a histogram would otherwise tell what its buckets do not.
const SOURCE_SECONDS: [f64; 4] = [0.1, 1.0, 10.0, 60.0];
/// And as this, beyond them.
const SOURCE_SECONDS_MAX: f64 = 600.0;

/// The metrics of one proxy.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    statements: Family<ByOutcome, Counter>,
    refusals: Family<ByCode, Counter>,
    stages: Family<ByStage, Histogram, fn() -> Histogram>,
    sessions: Gauge,
    sessions_total: Counter,
    logins: Family<ByResult, Counter>,
    upstream_errors: Family<ByUpstream, Counter>,
    reloads: Family<ByResult, Counter>,
    last_reload: Gauge,
    loaded_at: Gauge,
    unclassified: Gauge,
    spent: Family<ByBudget, Gauge<f64, AtomicU64>>,
    remaining: Family<ByBudget, Gauge<f64, AtomicU64>>,
    accounts: Family<ByBudget, Gauge>,
    exhausted: Family<ByBudget, Gauge>,
    burn: Family<ByBudget, Gauge<f64, AtomicU64>>,
}

fn stage_histogram() -> Histogram {
    Histogram::new(STAGE_SECONDS)
}

impl Metrics {
    /// Metrics of a proxy with this ledger; nothing has happened yet.
    pub fn new(ledger: &LedgerMeters) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("noisegate"),
            statements: Family::default(),
            refusals: Family::default(),
            stages: Family::new_with_constructor(stage_histogram),
            sessions: Gauge::default(),
            sessions_total: Counter::default(),
            logins: Family::default(),
            upstream_errors: Family::default(),
            reloads: Family::default(),
            last_reload: Gauge::default(),
            loaded_at: Gauge::default(),
            unclassified: Gauge::default(),
            spent: Family::default(),
            remaining: Family::default(),
            accounts: Family::default(),
            exhausted: Family::default(),
            burn: Family::default(),
        };
        metrics.last_reload.set(1);
        metrics.begin_at_zero();
        metrics.register_work();
        metrics.register_budgets();
        ledger.register(&mut metrics.registry);
        metrics
    }

    /// A series that is there from the beginning shows its first event as an increase.
    fn begin_at_zero(&self) {
        for outcome in Outcome::ALL {
            let _series = self.statements.get_or_create(&ByOutcome { outcome: outcome.name() });
        }
        for code in Code::ALL {
            let _series = self.refusals.get_or_create(&ByCode { code: code.name() });
        }
        for stage in Stage::ALL {
            let _series = self.stages.get_or_create(&ByStage { stage: stage.name() });
        }
        for upstream in Upstream::ALL {
            let by = ByUpstream { upstream: upstream.name() };
            let _series = self.upstream_errors.get_or_create(&by);
        }
        for result in [OK, FAILED] {
            let _series = self.logins.get_or_create(&ByResult { result });
            let _series = self.reloads.get_or_create(&ByResult { result });
        }
    }

    fn register_work(&mut self) {
        let to = &mut self.registry;
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        to.register("build", "The program", build);
        let help = "Statements about people, by what became of them";
        to.register("statements", help, self.statements.clone());
        to.register("refusals", "Refusals, by code", self.refusals.clone());
        let help = "Time in each stage of a statement; that of the source in whole steps";
        to.register("stage_seconds", help, self.stages.clone());
        to.register("sessions", "Sessions of analysts", self.sessions.clone());
        to.register("sessions", "Sessions of analysts so far", self.sessions_total.clone());
        to.register("logins", "Logins of analysts, by result", self.logins.clone());
        let help = "Failures of what the proxy stands on";
        to.register("upstream_errors", help, self.upstream_errors.clone());
        let help = "Reloads of the policy, by result";
        to.register("policy_reloads", help, self.reloads.clone());
        let help = "Whether the last reload of the policy succeeded";
        to.register("policy_last_reload_successful", help, self.last_reload.clone());
        let help = "When the policy in force was loaded";
        to.register("policy_loaded_timestamp_seconds", help, self.loaded_at.clone());
        let help = "Columns of private tables that the policy does not classify";
        to.register("unclassified_columns", help, self.unclassified.clone());
    }

    fn register_budgets(&mut self) {
        let to = &mut self.registry;
        let help = "The share that is spent of the account of a budget of which most is spent";
        to.register("budget_spent_ratio", help, self.spent.clone());
        let help = "What is left of the account of a budget of which least is left, as epsilon";
        to.register("budget_remaining_epsilon", help, self.remaining.clone());
        to.register("budget_accounts", "The accounts of a budget", self.accounts.clone());
        let help = "The accounts of a budget with nothing left";
        to.register("budget_exhausted_accounts", help, self.exhausted.clone());
        let help = "How many times faster than its window allows an account of a budget was spent \
                    in the time that the policy's alert looks at; the largest";
        to.register("budget_burn_ratio", help, self.burn.clone());
    }

    /// Counts a statement that was answered, or not.
    pub fn statement(&self, outcome: Outcome) {
        self.statements.get_or_create(&ByOutcome { outcome: outcome.name() }).inc();
    }

    /// Counts a refusal.
    pub fn refused(&self, code: Code) {
        self.statement(Outcome::Refused);
        self.refusals.get_or_create(&ByCode { code: code.name() }).inc();
    }

    /// Counts a failure of what the proxy stands on.
    pub fn upstream_failed(&self, upstream: Upstream) {
        self.upstream_errors.get_or_create(&ByUpstream { upstream: upstream.name() }).inc();
    }

    /// Notes how long a stage took.
    pub fn took(&self, stage: Stage, time: Duration) {
        let seconds = time.as_secs_f64();
        let told = match stage {
            Stage::Source => in_steps(seconds),
            _ => seconds,
        };
        self.stages.get_or_create(&ByStage { stage: stage.name() }).observe(told);
    }

    /// Counts a login of an analyst.
    pub fn logged_in(&self, ok: bool) {
        self.logins.get_or_create(&ByResult::of(ok)).inc();
    }

    /// Counts a session that begins.
    pub fn session(&self) {
        self.sessions_total.inc();
    }

    /// Notes a policy that came into force.
    pub fn policy(&self, at: Millis, unclassified: usize) {
        self.loaded_at.set(at.0.div_euclid(1000));
        self.unclassified.set(i64::try_from(unclassified).unwrap_or(i64::MAX));
    }

    /// Counts a reload of the policy.
    pub fn reloaded(&self, ok: bool) {
        self.reloads.get_or_create(&ByResult::of(ok)).inc();
        self.last_reload.set(i64::from(ok));
    }

    /// The policy that could not be reloaded is not there any more.
    pub fn policy_stands(&self) {
        self.last_reload.set(1);
    }

    /// What is left of budgets now. What they were before is forgotten, with budgets that are no
    /// more.
    pub fn budgets(&self, figures: &[BudgetFigures]) {
        self.spent.clear();
        self.remaining.clear();
        self.burn.clear();
        self.accounts.clear();
        self.exhausted.clear();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for figure in figures {
            let by = ByBudget { budget: figure.budget.clone(), per: figure.per };
            self.accounts.get_or_create(&by).set(count(figure.accounts));
            self.exhausted.get_or_create(&by).set(count(figure.exhausted));
            self.spent.get_or_create(&by).set(figure.spent);
            self.remaining.get_or_create(&by).set(figure.remaining);
            if let Some(burn) = figure.burn {
                self.burn.get_or_create(&by).set(burn);
            }
        }
    }

    /// Everything in Prometheus' text format, with so many sessions open.
    pub fn render(&self, sessions: usize) -> String {
        self.sessions.set(i64::try_from(sessions).unwrap_or(i64::MAX));
        text::of(&self.registry)
    }
}

/// What is told of a time that depends on rows.
fn in_steps(seconds: f64) -> f64 {
    let step = SOURCE_SECONDS.into_iter().find(|step| seconds <= *step);
    step.unwrap_or(SOURCE_SECONDS_MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
