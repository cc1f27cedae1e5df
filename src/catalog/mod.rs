//! catalog

pub mod snapshot;
