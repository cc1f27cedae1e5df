//! The trusted core of noisegate: what it proves, it proves here.
//!
//! No I/O, no clock, no async, and of SQL only the forms of the listed functions: a [`plan::Leaf`] goes in, [`analyze::analyze`] says what one
//! person can change and what the answer costs, a [`receipt::Receipt`] from the ledger turns the
//! plan into one that may be released, and [`release`] adds the noise. Exact values live in
//! [`Exact`] and leave only through a mechanism.

pub mod derived;
pub mod expr;
pub mod functions;
pub mod plan;
// How a leaf is understood.
pub mod analyze;
pub mod distinct;
pub mod layout;
pub mod quantiles;
pub mod range;
mod scope;
pub mod total;
pub mod unit;
// How a person's contribution is bounded.
pub mod bounds;
pub mod estimate;
pub mod norms;
// What it costs.
pub mod accuracy;
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
mod price;
mod rounding;
mod split;
mod tail;

pub use dashu::integer::{IBig, UBig};
pub use dashu::rational::RBig;
pub use exact::{Exact, Noisy};

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod statistics;
