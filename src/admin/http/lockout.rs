//! Five failed logins in fifteen minutes, by a name or from an address, lock it out until the first
//! of them is that old.
//!
//! An attempt counts when it begins, so that no number of guesses at once gets past. What is kept is
//! bounded; when it is full, nobody new may guess.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

const FAILURES_MAX: usize = 5;
const WINDOW: Duration = Duration::from_mins(15);
const KEPT_MAX: usize = 20_000;

/// What attempts are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum By {
    /// The digest of a name, so that long ones take no room.
    Name([u8; 32]),
    /// An address; of version 6, the network that one customer usually has.
    Address(IpAddr),
}

/// Attempts to log in, by name and address.
#[derive(Default)]
pub(super) struct Lockout(Mutex<HashMap<By, Vec<Instant>>>);

/// An attempt, which counts as failed.
#[derive(Debug)]
pub(super) struct Attempt {
    by: [By; 2],
    at: Instant,
}

impl Lockout {
    /// Begins an attempt, or says after how long there may be one.
    pub(super) fn attempt(
        &self,
        name: &str,
        address: IpAddr,
        now: Instant,
    ) -> Result<Attempt, Duration> {
        let by = [By::Name(Sha256::digest(name).into()), By::Address(network(address))];
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |at: &Instant| now.saturating_duration_since(*at) < WINDOW;
        for by in &by {
            let attempts = kept.get_mut(by);
            let Some(attempts) = attempts else { continue };
            attempts.retain(recent);
            if attempts.len() >= FAILURES_MAX {
                return Err(wait(attempts, now));
            }
        }
        if kept.len().saturating_add(by.len()) > KEPT_MAX {
            kept.retain(|_, attempts| attempts.iter().any(recent));
        }
        if kept.len().saturating_add(by.len()) > KEPT_MAX {
            return Err(WINDOW);
        }
        for by in &by {
            kept.entry(by.clone()).or_default().push(now);
        }
        Ok(Attempt { by, at: now })
    }

    /// The attempt did not fail: it does not count, and neither does what failed by its name.
    pub(super) fn succeeded(&self, attempt: &Attempt) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [name, address] = &attempt.by;
        kept.remove(name);
        let Some(attempts) = kept.get_mut(address) else { return };
        if let Some(at) = attempts.iter().position(|at| *at == attempt.at) {
            attempts.remove(at);
        }
    }
}

/// How long until the first of them is old.
fn wait(attempts: &[Instant], now: Instant) -> Duration {
    let first = attempts.iter().min().copied().unwrap_or(now);
    WINDOW.saturating_sub(now.saturating_duration_since(first)).max(Duration::from_secs(1))
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (!0 << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_sixth_attempt_waits_for_the_first_to_be_old() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        for n in 0..5_u8 {
            let from = IpAddr::from([10, 0, 0, n]);
            lockout.attempt("carol", from, start + MINUTE * u32::from(n)).unwrap();
        }
        let later = start + 5 * MINUTE;
        assert_eq!(lockout.attempt("carol", ip("10.0.1.1"), later).unwrap_err(), 10 * MINUTE);
        assert!(lockout.attempt("dave", ip("10.0.1.1"), later).is_ok());
        assert!(lockout.attempt("carol", ip("10.0.1.1"), start + 15 * MINUTE).is_ok());
    }

    #[test]
    fn an_address_is_locked_out_whatever_the_name() {
        let (lockout, now) = (Lockout::default(), Instant::now());
        for n in 0..5 {
            let from = format!("2001:db8::{n:x}");
            lockout.attempt(&format!("name{n}"), ip(&from), now).unwrap();
        }
        assert!(lockout.attempt("carol", ip("2001:db8::ffff"), now).is_err());
        assert!(lockout.attempt("carol", ip("2001:db8:0:1::1"), now).is_ok());
        for n in 0..5 {
            lockout.attempt(&format!("v4{n}"), ip("::ffff:10.0.0.1"), now).unwrap();
        }
        assert!(lockout.attempt("erin", ip("10.0.0.1"), now).is_err());
    }

    #[test]
    fn a_login_clears_its_name_and_not_its_address() {
        let (lockout, now) = (Lockout::default(), Instant::now());
        let from = ip("10.0.0.1");
        for _ in 0..3 {
            lockout.attempt("carol", from, now).unwrap();
        }
        let good = lockout.attempt("carol", from, now + MINUTE).unwrap();
        lockout.succeeded(&good);
        for n in 0..2 {
            lockout.attempt("carol", from, now + MINUTE * (2 + n)).unwrap();
        }
        assert!(lockout.attempt("dave", from, now + 5 * MINUTE).is_err());
        assert!(lockout.attempt("carol", ip("10.0.0.2"), now + 5 * MINUTE).is_ok());
    }

    #[test]
    fn what_is_kept_is_bounded_and_nothing_recent_goes() {
        let (lockout, now) = (Lockout::default(), Instant::now());
        for n in 0..5 {
            lockout.attempt("carol", IpAddr::from([10, 0, 0, n]), now).unwrap();
        }
        for n in 0..u32::try_from(KEPT_MAX / 2 + 100).unwrap() {
            let _full = lockout.attempt(&n.to_string(), IpAddr::from(n.to_be_bytes()), now);
        }
        assert!(lockout.0.lock().unwrap().len() <= KEPT_MAX);
        assert!(lockout.attempt("carol", ip("10.9.9.9"), now).is_err());
        assert!(lockout.attempt("new", ip("10.9.9.9"), now).is_err());
        assert!(lockout.attempt("new", ip("10.9.9.9"), now + WINDOW).is_ok());
    }
}
