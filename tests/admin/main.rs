//! The administrators' API, asked over HTTP.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod client;
mod crowd;
mod document;
mod encrypted;
mod forms;
mod lists;
mod login;
mod matrix;
mod place;
mod proxy;
mod schemathesis;
mod teams;
mod verifying;
