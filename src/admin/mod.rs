//! For operators and administrators: whether the proxy lives and could answer, and everything about
//! budgets, over HTTP.
//!
//! What is done is in [`office`], which knows no HTTP; what is shown is in [`shown`].

mod health;
mod http;
mod metrics;
pub mod office;
pub mod shown;

pub use health::Health;
pub use http::{Admin, serve};
