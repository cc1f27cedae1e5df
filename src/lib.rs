//! noisegate: a differential-privacy gate that speaks PostgreSQL's wire protocol.

pub mod catalog;
pub mod clock;
pub mod demo;
pub mod error;
pub mod ids;
pub mod ledger;
pub mod policy;
pub mod query;
pub mod shadow;
pub mod source;
pub mod wire;
