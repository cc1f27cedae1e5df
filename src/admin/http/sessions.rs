//! Who is logged in with a browser. A session ends with the process, by logging out, after an hour
//! without use and after twelve in any case; and with the password that it began with.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::cookie::SessionId;

/// How long a session lasts.
pub(super) const LIFE: Duration = Duration::from_hours(12);
/// How long it lasts without being used.
const IDLE: Duration = Duration::from_hours(1);
/// The most sessions of one name; the one that was used last longest ago goes first.
const PER_USER_MAX: usize = 8;
/// The most sessions in all.
const ALL_MAX: usize = 1000;

/// A session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Who logged in.
    pub(super) user: String,
    /// The digest of the verifier that the password was checked against.
    pub(super) verifier: [u8; 32],
    /// When it ends, used or not.
    pub(super) ends: Instant,
    used: Instant,
}

/// The sessions, by the digests of their ids.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

impl Sessions {
    /// Begins a session; whether there was room for it.
    pub(super) fn begin(
        &self,
        id: &SessionId,
        user: &str,
        verifier: [u8; 32],
        now: Instant,
    ) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, session| session.lasts(now));
        let own = all.iter().filter(|(_, session)| session.user == user);
        if own.clone().count() >= PER_USER_MAX {
            let oldest = own.min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
            oldest.map(|key| all.remove(&key));
        }
        if all.len() >= ALL_MAX {
            return false;
        }
        let session = Session { user: user.to_owned(), verifier, ends: now + LIFE, used: now };
        all.insert(key(id), session);
        true
    }

    /// The session of an id, which is used by this.
    pub(super) fn find(&self, id: &SessionId, now: Instant) -> Option<Session> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(id);
        let session = all.get_mut(&key)?;
        if !session.lasts(now) {
            all.remove(&key);
            return None;
        }
        session.used = now;
        Some(session.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, id: &SessionId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(id));
    }
}

impl Session {
    fn lasts(&self, now: Instant) -> bool {
        now < self.ends && now.saturating_duration_since(self.used) < IDLE
    }
}

/// So that what is found in memory is no cookie.
fn key(id: &SessionId) -> [u8; 32] {
    Sha256::digest(id).into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_session_ends_unused_after_an_hour_and_used_after_twelve() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        for id in [[1; 32], [2; 32]] {
            assert!(sessions.begin(&id, "carol", [0; 32], start));
        }
        assert!(sessions.find(&[1; 32], start + HOUR).is_none());
        for halves in 1..24 {
            assert!(sessions.find(&[2; 32], start + 30 * MINUTE * halves).is_some());
        }
        assert!(sessions.find(&[2; 32], start + 12 * HOUR).is_none());
        sessions.begin(&[3; 32], "carol", [0; 32], start);
        sessions.end(&[3; 32]);
        assert!(sessions.find(&[3; 32], start).is_none());
    }

    #[test]
    fn one_name_has_eight_sessions() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        for n in 0..9_u8 {
            sessions.begin(&[n; 32], "carol", [0; 32], start + MINUTE * u32::from(n));
        }
        let now = start + 10 * MINUTE;
        assert!(sessions.find(&[0; 32], now).is_none());
        assert!((1..9_u8).all(|n| sessions.find(&[n; 32], now).unwrap().user == "carol"));
        assert!(sessions.begin(&[9; 32], "dave", [0; 32], now));
    }
}
