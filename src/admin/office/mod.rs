//! What administrators do and look at, without any HTTP: the API and the commands call this.
//!
//! Every change is put on record in the step that makes it. What comes from outside is text of a
//! bounded length until it is read here.

mod accounts;
mod analysts;
mod audit;
mod charges;
mod decide;
mod error;
mod figures;
mod history;
mod live;
mod overview;
mod page;
mod policy;
mod request;
mod show;
mod teams;
mod tokens;

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

pub use accounts::AccountFilter;
pub use audit::{AuditQuery, ExportFormat};
pub use charges::ChargeQuery;
pub use error::OfficeError;
pub use live::Canceled;
pub use page::Page;
pub use request::{Actor, Order, Span};
pub use tokens::{NewToken, token_digest};

use crate::clock::{Clock, Millis};
use crate::ledger::{Ledger, Teams};
use crate::policy::Policy;
use crate::road::{Gate, Policies};

/// Where administrators' questions are answered and their decisions made.
#[derive(Clone)]
pub struct Office {
    rules: Rules,
    ledger: Ledger,
    clock: Clock,
}

/// Where the policy comes from.
#[derive(Clone)]
enum Rules {
    /// A command read it, and the teams with it.
    Read(Arc<RwLock<Arc<Policy>>>),
    /// A proxy runs under it, and may run under another one later.
    Running(Arc<Policies>),
}

/// A policy, for as long as a question about it takes.
pub struct InForce(Held);

enum Held {
    Read(Arc<Policy>),
    Running(Arc<Gate>),
}

impl Deref for InForce {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        match &self.0 {
            Held::Read(policy) => policy,
            Held::Running(gate) => &gate.policy,
        }
    }
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").finish_non_exhaustive()
    }
}

impl Office {
    /// The office of a command, over a ledger and under a policy.
    pub fn new(policy: Arc<Policy>, ledger: Ledger, clock: Clock) -> Self {
        let rules = Rules::Read(Arc::new(RwLock::new(policy)));
        Self { rules, ledger, clock }
    }

    /// The office of a proxy that runs.
    pub fn of_proxy(policies: Arc<Policies>) -> Self {
        let gate = policies.gate();
        let (ledger, clock) = (gate.ledger.clone(), gate.clock.clone());
        Self { rules: Rules::Running(policies), ledger, clock }
    }

    /// The policy in force.
    pub fn policy(&self) -> InForce {
        match &self.rules {
            Rules::Read(policy) => InForce(Held::Read(read(policy))),
            Rules::Running(policies) => InForce(Held::Running(policies.gate())),
        }
    }

    /// Takes in what administrators made of the teams since; what is shown and decided afterwards is
    /// about those.
    pub async fn follow_teams(&self) -> Result<(), OfficeError> {
        match &self.rules {
            Rules::Running(policies) => policies.follow_teams().await?,
            Rules::Read(policy) => {
                let teams = self.ledger.teams(&Teams::default()).await?;
                let with = Policy::clone(&read(policy)).with_teams(&teams.made, &teams.members);
                *policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(with);
            }
        }
        Ok(())
    }

    /// What only a proxy that runs has.
    fn running(&self) -> Result<&Arc<Policies>, OfficeError> {
        match &self.rules {
            Rules::Running(policies) => Ok(policies),
            Rules::Read(_) => {
                Err(OfficeError::Conflict("This is known to a running proxy only.".to_owned()))
            }
        }
    }

    /// The policies of the proxy that runs.
    pub(in crate::admin) fn policies(&self) -> Option<Arc<Policies>> {
        self.running().ok().cloned()
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }
}

/// A policy that a command read. Nothing can panic while it is held.
fn read(policy: &RwLock<Arc<Policy>>) -> Arc<Policy> {
    Arc::clone(&policy.read().unwrap_or_else(PoisonError::into_inner))
}
