//! The listener: clients in, sessions out.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept::{Accepted, Verifiers, accept};
use super::backend;
use super::cancel::Cancels;
use super::error::WireError;
use super::session;
use super::target::{Credentials, Target};
use super::tls::TlsAcceptor;
use crate::ledger::Ledger;
use crate::road::Gate;

/// Clients that may be connected at once.
const CLIENTS_MAX: usize = 1000;
/// How long sessions may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// What sessions need.
#[derive(Debug)]
pub struct Server {
    /// Policy, schema, source, ledger.
    pub gate: Arc<Gate>,
    /// Where the shadow is.
    pub shadow: Target,
    /// The powerless login that analysts' sessions have there.
    pub login: Credentials,
    /// The certificate, if the policy has one.
    pub tls: Option<TlsAcceptor>,
    /// Whether clients must use it.
    pub tls_required: bool,
}

/// What all sessions of a listener share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) server: Server,
    pub(super) cancels: Cancels,
    /// The shadow's cancel key of each session, by the session's number.
    pub(super) shadow_keys: DashMap<i32, (i32, Vec<u8>)>,
    pub(super) stop: CancellationToken,
}

/// Serves clients until `stop` fires, then gives sessions a few seconds to end.
pub async fn serve(
    listener: TcpListener,
    server: Server,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let shared = Arc::new(Shared {
        server,
        cancels: Cancels::new(),
        shadow_keys: DashMap::new(),
        stop: stop.clone(),
    });
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    let sessions = TaskTracker::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of descriptors, or a client that left: the next one may fare better.
                Err(error) => {
                    tracing::warn!(%error, "a client could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let shared = Arc::clone(&shared);
        sessions.spawn(async move {
            if let Err(error) = client(stream, &shared).await {
                tracing::debug!(%error, "a session ended with an error");
            }
            drop(place);
        });
    }
    sessions.close();
    let _timed_out = tokio::time::timeout(GRACE, sessions.wait()).await;
    Ok(())
}

async fn client(stream: TcpStream, shared: &Shared) -> Result<(), WireError> {
    let server = &shared.server;
    let users = Users(&server.gate.ledger);
    match accept(stream, server.tls.as_ref(), server.tls_required, &users).await? {
        Accepted::Closed => Ok(()),
        Accepted::Session(client) => session::run(*client, shared).await,
        Accepted::Cancel { pid, secret } => {
            if shared.cancels.cancel(pid, &secret) {
                let key = shared.shadow_keys.get(&pid).map(|key| key.value().clone());
                if let Some((pid, secret)) = key {
                    backend::cancel(&server.shadow, pid, &secret).await?;
                }
            }
            Ok(())
        }
    }
}

/// The ledger's users, as the login needs them.
struct Users<'a>(&'a Ledger);

impl Verifiers for Users<'_> {
    async fn verifier(&self, user: &str) -> Result<Option<String>, WireError> {
        self.0.verifier(user).await.map_err(|error| {
            tracing::error!(%error, "users cannot be read");
            WireError::Io(std::io::Error::other("users cannot be read"))
        })
    }
}
