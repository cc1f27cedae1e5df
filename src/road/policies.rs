//! The policy in force, and how another one comes into force while sessions go on: another file, or
//! other teams, which administrators keep in the ledger.
//!
//! A statement takes the gate once, at its beginning, and keeps it: one that is in flight during a
//! reload ends under the policy that it began under.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;

use super::gate::Gate;
use crate::clock::Millis;
use crate::ledger::{LedgerError, Teams};
use crate::policy::{Finding, Level, Policy, PolicyChange, diff, fixed_keys};

/// How a policy is read, checked and opened. Errors are sentences for whoever wrote the policy.
pub trait Opener: Send + Sync + std::fmt::Debug {
    /// What the policy is read from.
    fn name(&self) -> String;
    /// Its text, as it is now.
    fn read(&self) -> Result<String, String>;
    /// The policy that a text means.
    fn parse(&self, text: &str) -> Result<Policy, String>;
    /// Holds a policy against the databases, as before a proxy starts.
    fn check<'a>(&'a self, policy: &'a Policy) -> BoxFuture<'a, Result<Vec<Finding>, String>>;
    /// Opens a gate under a policy, beside the one that is open.
    fn open<'a>(&'a self, policy: Policy, beside: &'a Gate) -> BoxFuture<'a, Result<Gate, String>>;
}

/// A gate and the text of its policy.
#[derive(Clone, Debug)]
pub struct Running {
    /// The gate.
    pub gate: Arc<Gate>,
    /// The policy as written.
    pub text: String,
    /// When it came into force.
    pub loaded_at: Millis,
    /// What was found when it was checked: warnings.
    pub findings: Vec<Finding>,
    /// The teams that are in the gate's policy and not in its text.
    teams: Teams,
}

impl Running {
    /// Under the policy with the teams as they are in the ledger.
    fn with(self, teams: Teams) -> Self {
        let gate = Arc::new(self.gate.with_teams(&teams));
        for doubled in gate.policy.doubled() {
            tracing::warn!(%doubled, "teams");
        }
        Self { gate, teams, ..self }
    }
}

/// What is found of a text that is not in force.
#[derive(Debug)]
pub struct Draft {
    /// Why it cannot come into force, if it cannot.
    pub error: Option<String>,
    /// What was found when it was checked.
    pub findings: Vec<Finding>,
}

/// The policy in force.
#[derive(Debug)]
pub struct Policies {
    running: ArcSwap<Running>,
    opener: Option<Box<dyn Opener>>,
    /// Why the last reload failed, if it did, and of which text, so that it is told once.
    failed: Mutex<Option<Failed>>,
    /// Reloads one after the other.
    turn: tokio::sync::Mutex<()>,
    /// Held while what runs is replaced. A reload may take long, and teams do not wait for it.
    replacing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Failed {
    error: String,
    /// Nothing if not even the text could be read.
    text: Option<String>,
}

impl Policies {
    /// A gate whose policy stays.
    pub fn fixed(gate: Arc<Gate>, text: &str) -> Self {
        Self::new(gate, text, Vec::new(), None)
    }

    /// A gate whose policy may be replaced by what `opener` reads.
    pub fn reloadable(
        gate: Arc<Gate>,
        text: &str,
        findings: Vec<Finding>,
        opener: Box<dyn Opener>,
    ) -> Self {
        Self::new(gate, text, findings, Some(opener))
    }

    fn new(
        gate: Arc<Gate>,
        text: &str,
        findings: Vec<Finding>,
        opener: Option<Box<dyn Opener>>,
    ) -> Self {
        let running = running(gate, text.to_owned(), findings);
        let (failed, turn, replacing) = Default::default();
        Self { running: ArcSwap::from_pointee(running), opener, failed, turn, replacing }
    }

    /// The gate for a statement that begins now. It is kept until the statement ends.
    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.running.load().gate)
    }

    /// The gate with the text of its policy.
    pub fn running(&self) -> Arc<Running> {
        self.running.load_full()
    }

    /// What the policy is read from; nothing if it stays.
    pub fn name(&self) -> Option<String> {
        self.opener.as_ref().map(|opener| opener.name())
    }

    /// Why the last reload failed, if it did.
    pub fn last_error(&self) -> Option<String> {
        self.failed().as_ref().map(|failed| failed.error.clone())
    }

    /// Whether a reload would find another text than the one in force, and than the one that it
    /// has failed of. What cannot be read is other once.
    pub fn is_other(&self) -> bool {
        let Some(opener) = &self.opener else { return false };
        let text = opener.read().ok();
        let running = self.running.load();
        if text.as_ref() == Some(&running.text) {
            let mut failed = self.failed();
            if failed.as_ref().is_some_and(|failed| failed.text != text) {
                // Somebody put back what is in force: there is nothing left to tell.
                *failed = None;
                running.gate.shared.metrics.policy_stands();
            }
            return false;
        }
        self.failed().as_ref().is_none_or(|failed| failed.text != text)
    }

    /// Reads the policy anew and lets it come into force, for the statements that begin afterwards.
    /// If anything is wrong with it, the one before stays in force.
    pub async fn reload(&self) -> Result<Arc<Running>, String> {
        let _turn = self.turn.lock().await;
        let Some(opener) = &self.opener else {
            return Err("the policy of this proxy is not read from a file".to_owned());
        };
        let before = self.running.load_full();
        let text = opener.read();
        let opened = match &text {
            Ok(text) => opened(opener.as_ref(), &before.gate, text).await,
            Err(error) => Err(error.clone()),
        };
        let metrics = &before.gate.shared.metrics;
        metrics.reloaded(opened.is_ok());
        match opened {
            Ok((gate, findings)) => {
                let next = running(Arc::new(gate), text.unwrap_or_default(), findings);
                let _replacing = self.replacing.lock().await;
                self.running.store(Arc::new(next.with(self.teams())));
                *self.failed() = None;
                tracing::info!("another policy is in force");
                Ok(self.running.load_full())
            }
            Err(error) => {
                tracing::error!(%error, "the policy was not reloaded; the one before stays");
                *self.failed() = Some(Failed { error: error.clone(), text: text.ok() });
                Err(error)
            }
        }
    }

    /// Takes in what administrators made of the teams since, for the statements that begin
    /// afterwards. What is taken in here has been read after this was called.
    pub async fn follow_teams(&self) -> Result<(), LedgerError> {
        let _replacing = self.replacing.lock().await;
        let before = self.running.load_full();
        let teams = before.gate.ledger.teams(&before.teams).await?;
        if teams != before.teams {
            let next = Running::clone(&before).with(teams);
            self.running.store(Arc::new(next));
        }
        Ok(())
    }

    /// The teams as the policy in force has them.
    pub fn teams(&self) -> Teams {
        self.running.load().teams.clone()
    }

    /// What a reload would say of a text. Databases are only asked where the running policy says
    /// they are.
    pub async fn validate(&self, text: &str) -> Draft {
        let wrong = |error| Draft { error: Some(error), findings: Vec::new() };
        let Some(opener) = &self.opener else {
            return wrong("the policy of this proxy cannot be replaced".to_owned());
        };
        match checked(opener.as_ref(), &self.gate().policy, text).await {
            Ok((_, findings)) => Draft { error: errors(&findings), findings },
            Err(error) => wrong(error),
        }
    }

    /// Who could see or spend what under a text, other than now.
    pub fn diff(&self, text: &str) -> Result<Vec<PolicyChange>, String> {
        let gate = self.gate();
        let new = match &self.opener {
            Some(opener) => opener.parse(text)?,
            None => Policy::parse(text, "policy").map_err(|error| error.to_string())?,
        };
        // The teams stay, whatever the text.
        let teams = self.teams();
        Ok(diff(&gate.policy, &new.with_teams(&teams.made, &teams.members)))
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, Option<Failed>> {
        // Nothing can panic while it is held.
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn running(gate: Arc<Gate>, text: String, findings: Vec<Finding>) -> Running {
    let loaded_at = gate.clock.now();
    gate.shared.metrics.policy(loaded_at, gate.unclassified);
    Running { gate, text, loaded_at, findings, teams: Teams::default() }
}

async fn opened(
    opener: &dyn Opener,
    beside: &Gate,
    text: &str,
) -> Result<(Gate, Vec<Finding>), String> {
    let (policy, findings) = checked(opener, &beside.policy, text).await?;
    if let Some(error) = errors(&findings) {
        return Err(error);
    }
    Ok((opener.open(policy, beside).await?, findings))
}

/// Reads a text and holds it against the databases, unless it says that they are elsewhere: then
/// the passwords of the running ones would be sent there.
async fn checked(
    opener: &dyn Opener,
    running: &Policy,
    text: &str,
) -> Result<(Policy, Vec<Finding>), String> {
    let policy = opener.parse(text)?;
    let fixed = fixed_keys(running, &policy);
    if !fixed.is_empty() {
        return Err(format!(
            "{} cannot change while the proxy runs; restart it, or leave that as it was",
            fixed.join(", ")
        ));
    }
    let findings = opener.check(&policy).await?;
    Ok((policy, findings))
}

/// What is wrong with a policy, in one sentence for each thing.
fn errors(findings: &[Finding]) -> Option<String> {
    let errors = findings.iter().filter(|finding| finding.level == Level::Error);
    // The same can be wrong of many columns.
    let told: BTreeSet<String> = errors.map(ToString::to_string).collect();
    (!told.is_empty()).then(|| told.into_iter().collect::<Vec<_>>().join("; "))
}
