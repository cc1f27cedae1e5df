//! For the operator, over HTTP: whether the proxy lives, whether it could answer, and its metrics.

mod health;
mod metrics;

pub use health::{Health, serve};
pub use metrics::router as metrics;
