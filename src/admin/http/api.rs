//! What all requests share.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::cookie::Signer;
use super::lockout::Lockout;
use super::once::Once;
use super::sessions::Sessions;
use crate::admin::health::Health;
use crate::admin::metrics::Scraped;
use crate::admin::office::Office;

/// Passwords that are checked at once; each costs some milliseconds of a processor.
const CHECKS_MAX: usize = 2;

/// What all requests share.
pub(super) struct Api {
    pub(super) office: Office,
    pub(super) health: Health,
    /// What the metrics are read from; nothing where no proxy runs.
    pub(super) scraped: Option<Scraped>,
    pub(super) sessions: Sessions,
    pub(super) signer: Signer,
    pub(super) lockout: Lockout,
    pub(super) once: Once,
    /// Who may check a password now.
    pub(super) checks: Semaphore,
    /// Who may read the whole ledger now.
    pub(super) verifying: Arc<Semaphore>,
    /// Who may hold a draft of a policy against the databases now.
    pub(super) drafts: Arc<Semaphore>,
    /// The policy's address.
    pub(super) address: SocketAddr,
    /// Whether connections are encrypted.
    pub(super) secure: bool,
}

/// The state of the handlers.
pub(super) type Shared = Arc<Api>;

impl Api {
    pub(super) fn new(office: Office, health: Health, signer: Signer, secure: bool) -> Self {
        Self {
            address: office.policy().server.admin,
            scraped: office.policies().map(Scraped::new),
            office,
            health,
            sessions: Sessions::default(),
            signer,
            lockout: Lockout::default(),
            once: Once::default(),
            checks: Semaphore::new(CHECKS_MAX),
            verifying: Arc::new(Semaphore::new(1)),
            drafts: Arc::new(Semaphore::new(1)),
            secure,
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);
