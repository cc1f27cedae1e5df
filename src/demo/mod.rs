//! What `noisegate demo` and the tests stand on: a private PostgreSQL, and TPC-H in it.
//!
//! Nothing here is used by `noisegate serve`.

mod binaries;
mod cluster;
mod data;
mod process;
mod shop;

pub use binaries::Binaries;
pub use cluster::{Cluster, Options};
pub use data::{FillError, Progress, fill};
pub use process::ClusterError;
pub use shop::{DATABASE, Shop, ShopError, ShopOptions, USERS};

#[cfg(test)]
mod tests;
