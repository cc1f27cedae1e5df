//! A proxy, from its parts to its end: what `serve` and `demo` have in common.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::databases::Databases;
use super::error::CliError;
use crate::admin::{self, Health};
use crate::clock::Clock;
use crate::ledger::{Ledger, LedgerError};
use crate::policy::{LedgerStore, Policy};
use crate::road::Gate;
use crate::wire::tls::TlsAcceptor;
use crate::wire::{Server, Target, serve};

/// How long the operator's page may take to end after the last analyst has left.
const ADMIN_GRACE: Duration = Duration::from_secs(2);

/// The two addresses, taken before anything else is done, so that one that is in use is told
/// at once.
pub(super) struct Listeners {
    clients: TcpListener,
    admin: TcpListener,
}

impl Listeners {
    pub(super) async fn bind(clients: SocketAddr, admin: SocketAddr) -> Result<Self, CliError> {
        Ok(Self { clients: bind(clients).await?, admin: bind(admin).await? })
    }

    /// Where analysts connect, with the port that a 0 became.
    pub(super) fn clients(&self) -> Result<SocketAddr, CliError> {
        Ok(self.clients.local_addr()?)
    }

    /// Where the operator connects.
    pub(super) fn admin(&self) -> Result<SocketAddr, CliError> {
        Ok(self.admin.local_addr()?)
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| CliError::Listen { address, error })
}

/// Opens the ledger of a policy. The second part puts its name before its errors.
pub(super) fn open_ledger(
    policy: &Policy,
) -> Result<(Ledger, impl Fn(LedgerError) -> CliError + use<>), CliError> {
    let LedgerStore::Sqlite(path) = &policy.server.ledger;
    let path: PathBuf = path.clone();
    let at = move |error| CliError::Ledger { path: path.clone(), error };
    let LedgerStore::Sqlite(path) = &policy.server.ledger;
    Ok((Ledger::open(path, Clock::System).map_err(&at)?, at))
}

/// Everything that answers, ready to be let go.
pub(super) struct Proxy {
    listeners: Listeners,
    server: Server,
    health: Health,
}

impl Proxy {
    /// Opens the gate between these databases.
    pub(super) async fn open(
        policy: Policy,
        databases: &Databases,
        ledger: Ledger,
        listeners: Listeners,
    ) -> Result<Self, CliError> {
        let (shadow, login) = Target::from_config(&databases.shadow, None)?;
        let tls = policy.server.tls.as_ref();
        let tls_required = tls.is_some_and(|tls| tls.required);
        let tls = tls.map(|tls| TlsAcceptor::from_files(&tls.cert, &tls.key)).transpose()?;
        let health = Health {
            source: databases.source.clone(),
            shadow: databases.shadow.clone(),
            ledger: ledger.clone(),
        };
        let (from, to) = (databases.source.clone(), databases.shadow.clone());
        let gate = Gate::open(policy, from, to, ledger, Clock::System).await?;
        let server = Server { gate: Arc::new(gate), shadow, login, tls, tls_required };
        Ok(Self { listeners, server, health })
    }

    /// Answers until `stop` fires, and until those who were being answered have their answers.
    pub(super) async fn run(self, stop: CancellationToken) -> Result<(), CliError> {
        let Self { listeners, server, health } = self;
        let mut admin = tokio::spawn(admin::serve(listeners.admin, health, stop.clone()));
        let served = serve(listeners.clients, server, stop.clone()).await;
        stop.cancel();
        if tokio::time::timeout(ADMIN_GRACE, &mut admin).await.is_err() {
            admin.abort();
        }
        Ok(served?)
    }
}
