//! The command line: `serve`, `demo`, `init`, `check` and `user`.
//!
//! What a person reads goes to the standard output, the log to the standard error, and an error
//! is one sentence there and exit code 1.

mod args;
mod run;
// The commands.
mod check;
mod demo;
mod init;
mod ledger;
mod serve;
mod user;
// What they share.
mod databases;
mod error;
mod findings;
mod folder;
mod logging;
mod output;
mod proxy;
mod rehearse;
mod reload;
mod signals;
mod statements;

pub use run::main;
