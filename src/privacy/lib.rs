//! The trusted core of noisegate.

pub mod budget;
pub mod convert;
mod decimal;
pub mod exact;
pub mod noise;
mod rounding;
mod tail;
pub mod threshold;
pub mod width;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod statistics;
