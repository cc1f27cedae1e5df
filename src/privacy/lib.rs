//! The trusted core of noisegate: what it proves, it proves here.
//!
//! No SQL, no I/O, no clock, no async: a [`plan::Leaf`] goes in, [`analyze::analyze`] says what one
//! person can change and what the answer costs, a [`receipt::Receipt`] from the ledger turns the
//! plan into one that may be released, and [`release`] adds the noise. Exact values live in
//! [`Exact`] and leave only through a mechanism.

pub mod derived;
pub mod expr;
pub mod plan;
// How a leaf is understood.
pub mod analyze;
pub mod distinct;
pub mod layout;
pub mod quantiles;
pub mod range;
pub mod total;
pub mod unit;
// What it costs.
pub mod budget;
pub mod convert;
// What is added and what is shown.
pub mod exact;
pub mod noise;
pub mod receipt;
pub mod release;
pub mod threshold;
pub mod width;
// What all of it is held against.
pub mod interpret;
// Arithmetic that rounds against the analyst.
mod decimal;
mod rounding;
mod tail;

pub use dashu::integer::{IBig, UBig};
pub use exact::{Exact, Noisy};

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod statistics;
