//! Three processes with a hundred clients charge one ledger in PostgreSQL, one of them under an
//! older policy, while all that can fail does, and administrators decide in the middle of it.
//!
//! What fails is the list in `faults.rs`: each once, in an order that follows from the seed, and
//! then at random for as long as the time lasts. At every audit, with SQL of its own, `audit.rs`
//! holds the ledger against what the processes said. In the end `replay.rs` goes through it
//! generation by generation, everything without an answer is asked again, and what was
//! acknowledged is then all there is.
//!
//! `NOISEGATE_CHAOS_SECONDS=600 cargo test --test ledger_chaos` goes on for ten minutes. What is
//! asked, by whom and at what price, and what fails, follow from `NOISEGATE_SEED`, which is told;
//! how the system's scheduler mixes them does not.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test, which tells its seed and what happened"
)]

mod asks;
mod audit;
#[path = "../common/between.rs"]
mod between;
mod chaos;
mod child;
mod faults;
#[path = "../common/limits.rs"]
mod limits;
mod office;
mod process;
#[path = "../common/random.rs"]
mod random;
mod replay;
mod told;

use std::time::{Duration, Instant};

use noisegate::ids::QueryId;

/// How long this runs in an ordinary run of all tests.
const USUAL_SECONDS: u64 = 12;

#[test]
fn nothing_is_overspent_whatever_fails() {
    let number =
        |name, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let seconds = number("NOISEGATE_CHAOS_SECONDS", USUAL_SECONDS);
    let seed = number("NOISEGATE_SEED", u64::from_le_bytes(QueryId::fresh().0));
    println!("{seconds} s, NOISEGATE_SEED={seed}");
    let long = seconds > USUAL_SECONDS;
    let mut chaos = chaos::Chaos::begin(seed, long);
    let end = Instant::now() + Duration::from_secs(seconds);
    chaos.each_fails_once();
    while Instant::now() < end {
        chaos.something_fails();
    }
    chaos.end();
}

/// Not a test by itself: what the other processes run. It does nothing unless told who it is.
#[test]
fn child() {
    if let Ok(who) = std::env::var(child::CHILD) {
        child::run(&who);
    }
}
