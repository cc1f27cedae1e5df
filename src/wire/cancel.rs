//! Cancel keys: which statement a cancel request stops.

use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio_util::sync::CancellationToken;

use super::error::WireError;

/// The sessions of this process that can be canceled.
#[derive(Clone, Debug, Default)]
pub struct Cancels {
    sessions: Arc<DashMap<i32, Arc<Session>>>,
}

struct Session {
    secret: Vec<u8>,
    running: Mutex<Option<CancellationToken>>,
}

impl Cancels {
    /// No sessions yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a key for a session, with a random secret of `key_length` bytes (4 to 256).
    pub fn register(&self, key_length: usize) -> Result<Canceler, WireError> {
        let mut secret = vec![0; key_length.clamp(4, 256)];
        fill(&mut secret)?;
        let session = Arc::new(Session { secret, running: Mutex::default() });
        loop {
            let mut number = [0; 4];
            fill(&mut number)?;
            // Positive, as process numbers are.
            let pid = i32::from_be_bytes(number) & i32::MAX;
            if pid == 0 {
                continue;
            }
            if let Entry::Vacant(vacant) = self.sessions.entry(pid) {
                vacant.insert(Arc::clone(&session));
                return Ok(Canceler { pid, session, sessions: Arc::clone(&self.sessions) });
            }
        }
    }

    /// Stops what the session runs, if the secret is right and it runs anything.
    ///
    /// Tells whether something was stopped; the client must not be told.
    pub fn cancel(&self, pid: i32, secret: &[u8]) -> bool {
        let Some(session) = self.sessions.get(&pid).map(|entry| Arc::clone(&entry)) else {
            return false;
        };
        if !equal(&session.secret, secret) {
            return false;
        }
        let running = session.running().clone();
        running.inspect(CancellationToken::cancel).is_some()
    }
}

impl Session {
    fn running(&self) -> std::sync::MutexGuard<'_, Option<CancellationToken>> {
        // Nothing can panic while it is held, and a token is whole at any time.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

/// A session's place among those that can be canceled; dropping it gives the key up.
#[derive(Debug)]
pub struct Canceler {
    pid: i32,
    session: Arc<Session>,
    sessions: Arc<DashMap<i32, Arc<Session>>>,
}

impl Canceler {
    /// The number for BackendKeyData.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The secret for BackendKeyData.
    pub fn secret(&self) -> &[u8] {
        &self.session.secret
    }

    /// From now until the guard is dropped, a cancel request stops this statement.
    ///
    /// A session runs one at a time. Between two of them, a cancel request does nothing.
    pub fn begin_statement(&self) -> Running {
        let token = CancellationToken::new();
        *self.session.running() = Some(token.clone());
        Running { token, session: Arc::clone(&self.session) }
    }
}

impl Drop for Canceler {
    fn drop(&mut self) {
        self.sessions.remove(&self.pid);
    }
}

/// A statement that can be canceled.
#[derive(Debug)]
pub struct Running {
    token: CancellationToken,
    session: Arc<Session>,
}

impl Running {
    /// Fires when a cancel request has come.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *self.session.running() = None;
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), WireError> {
    getrandom::fill(bytes).map_err(|error| WireError::Io(error.into()))
}

/// Compares in a time that does not depend on how much is right.
fn equal(left: &[u8], right: &[u8]) -> bool {
    let pairs = left.iter().zip(right);
    let difference = pairs.fold(0, |difference, (a, b)| black_box(difference | (a ^ b)));
    left.len() == right.len() && difference == 0
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_key_stops_a_statement() {
        let cancels = Cancels::new();
        let (session, other) = (cancels.register(4).unwrap(), cancels.register(32).unwrap());
        let statement = session.begin_statement();
        let bystander = other.begin_statement();
        assert_eq!((session.secret().len(), other.secret().len()), (4, 32));

        let mut wrong = session.secret().to_vec();
        *wrong.last_mut().unwrap() ^= 1;
        assert!(!cancels.cancel(session.pid(), &wrong));
        assert!(!cancels.cancel(session.pid(), &[]));
        assert!(!cancels.cancel(session.pid(), session.secret().split_last().unwrap().1));
        assert!(!cancels.cancel(session.pid(), other.secret()));
        assert!(!cancels.cancel(other.pid(), session.secret()));
        assert!(!statement.token().is_cancelled());

        assert!(cancels.cancel(session.pid(), session.secret()));
        assert!(statement.token().is_cancelled());
        assert!(!bystander.token().is_cancelled());
    }

    #[test]
    fn a_cancel_between_statements_does_nothing() {
        let cancels = Cancels::new();
        let session = cancels.register(4).unwrap();
        assert!(!cancels.cancel(session.pid(), session.secret()));
        let first = session.begin_statement();
        assert!(cancels.cancel(session.pid(), session.secret()));
        drop(first);
        assert!(!cancels.cancel(session.pid(), session.secret()));
        assert!(!session.begin_statement().token().is_cancelled());
    }

    #[test]
    fn a_session_that_left_has_no_key() {
        let cancels = Cancels::new();
        let session = cancels.register(4).unwrap();
        let (pid, secret) = (session.pid(), session.secret().to_vec());
        let statement = session.begin_statement();
        drop(session);
        assert!(!cancels.cancel(pid, &secret));
        assert!(!statement.token().is_cancelled() && cancels.sessions.is_empty());
    }
}
