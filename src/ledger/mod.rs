//! The ledger: who may still spend how much, and what was already answered.
//!
//! A charge is *reserved* before the source is asked: on disk, all accounts or none, spent at
//! once. Then it is *settled* together with its releases, before anybody sees them; or *voided*,
//! on proof that the source was never asked. A reservation that is dropped or lost in a crash
//! stays spent, and nothing expires into a refund.
//!
//! What this rests on:
//! * Sums are exact. They are made inside the transaction that holds the write lock, from what
//!   the file says, so any number of tasks and processes may race for the last unit.
//! * An answer is given after the commit that it tells of. One thread commits all requests that
//!   wait in one transaction, so many charges share one fsync.
//! * The ledger's time never goes back, and does not follow a clock that jumps far ahead: no
//!   window refills by mistake.

mod types;
// The handle and the two threads behind it.
mod handle;
mod reader;
mod writer;
// What a transaction does.
mod accounts;
mod batch;
mod charge;
mod history;
mod releases;
mod users;
// The file.
mod failpoint;
mod store;

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;

pub use handle::Ledger;
pub use types::{
    Account, Balance, Charge, Entry, LeafCharge, LedgerError, Overdrawn, Remembered, Reservation,
    State, Window,
};
