//! A proxy, from its parts to its end.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_postgres::config::SslMode;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::database;

use super::databases::Databases;
use super::error::CliError;
use super::reload::PolicyFile;
use crate::admin::office::Office;
use crate::admin::{self, Admin, Health};
use crate::clock::Clock;
use crate::ledger::{Ledger, LedgerError, Place};
use crate::policy::{Finding, LedgerStore, Password, Policy};
use crate::record;
use crate::road::{Gate, Policies};
use crate::wire::tls::TlsAcceptor;
use crate::wire::{Server, Target, serve};

/// How long the operator's page may take to end after the last analyst has left.
const ADMIN_GRACE: Duration = Duration::from_secs(2);

/// Takes an address.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| CliError::Listen { address, error })
}

/// Opens the ledger of a policy for a proxy.
pub(super) fn open_ledger(policy: &Policy) -> Result<Ledger, CliError> {
    let place = place(policy)?;
    Ledger::open_at(&place, Clock::System).map_err(of_ledger(&place))
}

/// Opens the ledger of a policy for a command.
pub(super) fn open_beside(policy: &Policy) -> Result<Ledger, CliError> {
    let place = place(policy)?;
    Ledger::open_beside(&place, Clock::System).map_err(of_ledger(&place))
}

/// Where the ledger of a policy is.
pub(super) fn place(policy: &Policy) -> Result<Place, CliError> {
    let server = &policy.server;
    match &server.ledger {
        LedgerStore::Sqlite(path) => Ok(Place::sqlite(path)),
        LedgerStore::Postgres(url) => {
            let password = server.ledger_password()?;
            let password = password.as_ref().map(Password::expose);
            let place = Place::postgres(url, password, Some(&server.state));
            place.map_err(|error| CliError::Ledger { place: "of the policy".to_owned(), error })
        }
    }
}

/// Puts the ledger's name before its errors.
pub(super) fn of_ledger(place: &Place) -> impl Fn(LedgerError) -> CliError + use<> {
    let place = place.to_string();
    move |error| CliError::Ledger { place: place.clone(), error }
}

/// A policy as it stands in its file, and what was found of it.
pub(super) struct Written<'a> {
    pub(super) file: &'a Path,
    pub(super) text: &'a str,
    pub(super) findings: Vec<Finding>,
}

/// Everything that answers, ready to be let go.
pub(super) struct Proxy {
    server: Server,
    admin: Admin,
}

impl Proxy {
    /// Opens the gate between these databases.
    pub(super) async fn open(
        policy: Policy,
        databases: &Databases,
        ledger: Ledger,
        written: Written<'_>,
    ) -> Result<Self, CliError> {
        // As for the other connections: in the clear unless the address asks for TLS.
        let required = databases.shadow.get_ssl_mode() == SslMode::Require;
        let trusted = required.then(|| TlsConnector::from(database::client_config()));
        let (shadow, login) = Target::from_config(&databases.shadow, trusted.as_ref())?;
        let tls = policy.server.tls.as_ref();
        let tls_required = tls.is_some_and(|tls| tls.required);
        let tls = tls.map(|tls| TlsAcceptor::from_files(&tls.cert, &tls.key)).transpose()?;
        let admin_tls = policy.server.admin_tls.as_ref();
        let admin_tls =
            admin_tls.map(|tls| TlsAcceptor::from_files(&tls.cert, &tls.key)).transpose()?;
        let place = place(&policy)?.to_string();
        let health =
            Health::new(databases.source.clone(), databases.shadow.clone(), ledger.clone());
        let (from, to) = (databases.source.clone(), databases.shadow.clone());
        let gate = Gate::open(policy, from, to, ledger, Clock::System).await?;
        let Written { file, text, findings } = written;
        let opener = Box::new(PolicyFile(file.to_owned()));
        let policies = Policies::reloadable(Arc::new(gate), text, findings, opener);
        // Before anybody is let in: who asks may be in the ledger.
        policies.follow_teams().await.map_err(|error| CliError::Ledger { place, error })?;
        let policies = Arc::new(policies);
        let office = Office::of_proxy(Arc::clone(&policies));
        let admin = Admin { health, office, tls: admin_tls };
        let server = Server { policies, shadow, login, tls, tls_required };
        Ok(Self { server, admin })
    }

    /// The policy in force.
    pub(super) fn policies(&self) -> Arc<Policies> {
        Arc::clone(&self.server.policies)
    }

    /// Answers until `stop` fires, and until those who were being answered have their answers.
    pub(super) async fn run(
        self,
        clients: TcpListener,
        admin: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), CliError> {
        let policies = self.policies();
        let served = serve(clients, self.server, stop.clone());
        Ok(with_admin(admin, self.admin, &policies, &stop, served).await?)
    }
}

/// Answers the operator as long as `work` lasts, and keeps the records of what analysts do.
pub(super) async fn with_admin<T>(
    listener: TcpListener,
    admin: Admin,
    policies: &Policies,
    stop: &CancellationToken,
    work: impl Future<Output = T>,
) -> T {
    let mut admin = tokio::spawn(admin::serve(listener, admin, stop.clone()));
    let work = async {
        let done = work.await;
        stop.cancel();
        done
    };
    let gate = policies.gate();
    let keep_ms = || policies.gate().policy.audit.keep_ms;
    let recorded = record::keep(&gate.shared.records, &gate.ledger, keep_ms, stop);
    let (done, ()) = tokio::join!(work, recorded);
    if tokio::time::timeout(ADMIN_GRACE, &mut admin).await.is_err() {
        admin.abort();
    }
    done
}
