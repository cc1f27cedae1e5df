//! The ledger: who may still spend how much, and what was already answered.
//!
//! A charge is *reserved* before the source is asked: on disk, all accounts or none, spent at
//! once. Then it is *settled* together with its releases, before anybody sees them; or *voided*,
//! on proof that the source was never asked. A reservation that is dropped or lost in a crash
//! stays spent, and nothing expires into a refund.
//!
//! What this rests on:
//! * Sums are exact. They are made under the store's one write lock, from what the store says, so
//!   any number of tasks, processes and machines may race for the last unit.
//! * An answer is given after the commit that it tells of. One thread commits all requests that
//!   wait in one unit of work, so many charges share one sync of a disk.
//! * Each unit of work is a generation in a chain of digests. The last one that was seen is noted
//!   outside the ledger, so an older copy of it does not pass for it.
//! * The ledger's time never goes back, and does not follow a clock that jumps far ahead: no
//!   window refills by mistake.

mod shown;
mod types;
// The handle and the three threads behind it.
mod flights;
mod handle;
mod office;
mod place;
mod reader;
mod writer;
// What a unit of work does.
mod accounts;
mod audit;
mod batch;
mod chain;
mod charge;
mod control;
mod event;
mod failpoint;
mod history;
mod seen;
mod teams;
mod users;
mod verify;
// What keeps it.
mod copy;
mod postgres;
mod sqlite;
mod store;

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;

pub use control::{Change, Control};
pub use copy::{Copied, copy};
pub use event::{
    AuditCursor, AuditFilter, AuditRecord, Event, QUERY_CANCEL, RequestKey, Verified, Via,
};
pub use flights::Flight;
pub use handle::Ledger;
pub use place::Place;
pub use shown::{
    Bucket, ChargeFilter, ChargeShown, Person, Recalled, ReleaseShown, Spender, Token,
};
pub use teams::{TeamChange, Teams};
pub use types::{
    Account, Balance, Charge, Effect, Entry, LeafCharge, LedgerError, Overdrawn, Remembered,
    Reservation, Restored, State, Step, Throttled, Window,
};
