//! Golden scripts: what is asked and what comes of it, in files that are read like a book and
//! compared to the letter. `UPDATE_EXPECT=1 cargo test --test golden` writes them anew; the diff
//! is what a reviewer looks at.
//!
//! To add a case, add its input to a file of `sql-tests/` and run with `UPDATE_EXPECT=1`.

#![expect(clippy::panic, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod ledger;
mod plans;
mod refusals;
mod script;
