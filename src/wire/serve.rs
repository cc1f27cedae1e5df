//! The listener: clients in, sessions out.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
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
use crate::road::{Gate, Policies};

/// Clients that may be connected at once.
const CLIENTS_MAX: usize = 1000;
/// How long sessions may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// What sessions need.
#[derive(Debug)]
pub struct Server {
    /// The policy in force: each statement takes its gate from here, once.
    pub policies: Arc<Policies>,
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
            match caught(client(stream, &shared)).await {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::debug!(%error, "a session ended with an error"),
                None => tracing::error!("a session ended by a panic"),
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
    let gate = server.policies.gate();
    let (users, metrics) = (Users::new(&gate), &gate.shared.metrics);
    let accepted = accept(stream, server.tls.as_ref(), server.tls_required, &users).await;
    match &accepted {
        Ok(Accepted::Session(client)) => {
            metrics.logged_in(true);
            gate.shared.records.logged_in(&client.user);
        }
        Err(WireError::Refused { .. }) => {
            metrics.logged_in(false);
            gate.shared.records.login_failed(users.known.get().map(String::as_str));
        }
        Ok(Accepted::Closed | Accepted::Cancel { .. }) | Err(_) => {}
    }
    match accepted? {
        Accepted::Closed => Ok(()),
        Accepted::Session(client) => {
            metrics.session();
            let _counted = gate.shared.live.session();
            // The session outlives this policy.
            drop(gate);
            Box::pin(session::run(*client, shared)).await
        }
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

/// The outcome of `work`, or nothing if it panicked: a bug that one statement meets must not end
/// the others. What was charged by then stays charged.
pub(super) async fn caught<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| {
        // After a panic the future is dropped and never looked at again.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.map_or(Poll::Ready(None), |poll| poll.map(Some))
    })
    .await
}

/// The ledger's users, as the login needs them.
struct Users<'a> {
    gate: &'a Gate,
    /// The one that was asked for, if there is such a user.
    known: OnceLock<String>,
}

impl<'a> Users<'a> {
    fn new(gate: &'a Gate) -> Self {
        Self { gate, known: OnceLock::new() }
    }
}

impl Verifiers for Users<'_> {
    async fn verifier(&self, user: &str) -> Result<Option<String>, WireError> {
        let verifier = self.gate.ledger.verifier(user).await.map_err(|error| {
            tracing::error!(%error, "users cannot be read");
            WireError::Io(std::io::Error::other("users cannot be read"))
        })?;
        if verifier.is_some() {
            let _first = self.known.set(user.to_owned());
        }
        // A password that opens the administrators' address, where guesses are counted, is not to be
        // guessed at this one.
        Ok(verifier.filter(|_| !self.gate.policy.only_administers(user)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_caught_and_nothing_else_is_changed() {
        assert_eq!(caught(async { 7 }).await, Some(7));
        let panics = caught(async {
            tokio::task::yield_now().await;
            let none: Option<u8> = std::hint::black_box(None);
            none.expect("a panic on purpose")
        });
        assert_eq!(panics.await, None);
    }
}
