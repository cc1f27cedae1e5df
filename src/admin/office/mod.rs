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
mod overview;
mod page;
mod request;
mod show;
mod tokens;

use std::fmt;
use std::sync::Arc;

pub use accounts::AccountFilter;
pub use audit::{AuditQuery, ExportFormat};
pub use charges::ChargeQuery;
pub use error::OfficeError;
pub use page::Page;
pub use request::{Actor, Order, Span};
pub use tokens::{NewToken, token_digest};

use crate::clock::{Clock, Millis};
use crate::ledger::Ledger;
use crate::policy::Policy;

/// Where administrators' questions are answered and their decisions made.
#[derive(Clone)]
pub struct Office {
    policy: Arc<dyn Fn() -> Arc<Policy> + Send + Sync>,
    ledger: Ledger,
    clock: Clock,
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").finish_non_exhaustive()
    }
}

impl Office {
    /// An office over a ledger; `policy` gives the policy that is in force when it is called.
    pub fn new(
        policy: impl Fn() -> Arc<Policy> + Send + Sync + 'static,
        ledger: Ledger,
        clock: Clock,
    ) -> Self {
        Self { policy: Arc::new(policy), ledger, clock }
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        (self.policy)()
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
