//! Who may have how many connections at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections at once.
const ALL_MAX: usize = 256;
/// Those of them that only this machine may have, so that its own look at the proxy's health is
/// answered whatever others do.
const KEPT_FOR_LOOPBACK: usize = 16;
/// Connections at once from one address: a browser takes six, and several may be behind one address.
const PER_PEER_MAX: usize = 64;

/// The connections that there are.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// A connection that counts until this is dropped.
#[derive(Debug)]
pub(super) struct Placed {
    places: Arc<Places>,
    peer: IpAddr,
}

impl Places {
    /// A place for one more connection, if this peer may have one.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Placed> {
        let peer = network(peer);
        let max = if peer.is_loopback() { ALL_MAX } else { ALL_MAX - KEPT_FOR_LOOPBACK };
        let mut taken = self.taken();
        let of_peer = taken.by_peer.get(&peer).copied().unwrap_or_default();
        if taken.all >= max || of_peer >= PER_PEER_MAX {
            return None;
        }
        taken.all += 1;
        taken.by_peer.insert(peer, of_peer + 1);
        Some(Placed { places: Arc::clone(self), peer })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Numbers that a panic elsewhere left behind are numbers all the same.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all = taken.all.saturating_sub(1);
        let left = taken.by_peer.get(&self.peer).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            taken.by_peer.remove(&self.peer);
        } else {
            taken.by_peer.insert(self.peer, left);
        }
    }
}

/// Whose connection it is: an address of IPv4, or the 64 bits that a customer has in IPv6.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(peer) if !peer.is_loopback() => {
            IpAddr::V6((peer.to_bits() & (u128::MAX << 64)).into())
        }
        peer => peer,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn taken(places: &Arc<Places>, peer: &str, count: usize) -> Vec<Placed> {
        (0..count).filter_map(|_| places.take(peer.parse().unwrap())).collect()
    }

    #[test]
    fn nobody_takes_the_places_of_others() {
        let places = Arc::new(Places::default());
        let first = taken(&places, "192.0.2.1", 200);
        assert_eq!(first.len(), PER_PEER_MAX);
        let mapped = taken(&places, "::ffff:192.0.2.1", 1);
        assert!(mapped.is_empty(), "the same address in another form");
        let second = taken(&places, "192.0.2.2", 1);
        assert_eq!(second.len(), 1);
        drop(first);
        assert_eq!(taken(&places, "192.0.2.1", 200).len(), PER_PEER_MAX);
        let of_one: usize =
            (0..90).map(|host| taken(&places, &format!("2001:db8::{host}"), 1).len()).sum();
        assert_eq!(of_one, 90, "each is dropped before the next");
        let held: Vec<_> =
            (0..90).flat_map(|host| taken(&places, &format!("2001:db8::{host}"), 1)).collect();
        assert_eq!(held.len(), PER_PEER_MAX, "a whole network counts as one");
    }

    #[test]
    fn this_machine_has_places_of_its_own() {
        let places = Arc::new(Places::default());
        let others: Vec<_> =
            (0..50).flat_map(|host| taken(&places, &format!("192.0.2.{host}"), 16)).collect();
        assert_eq!(others.len(), ALL_MAX - KEPT_FOR_LOOPBACK);
        let mine = taken(&places, "127.0.0.1", 200);
        assert_eq!(mine.len(), KEPT_FOR_LOOPBACK);
        drop((others, mine));
        let left = places.taken();
        assert!(left.all == 0 && left.by_peer.is_empty(), "{left:?}");
    }
}
