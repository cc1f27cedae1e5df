//! For the operator, over HTTP: whether the proxy lives, and whether it could answer.

mod health;

pub use health::{Health, serve};
