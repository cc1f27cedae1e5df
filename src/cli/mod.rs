//! The command line: what runs a proxy (`serve`, `demo`, `init`, `check`, `rehearse`, `ledger`),
//! and what administers its budgets (`budget`, `user`, `team`, `audit`,
//! `policy`, `query`,
//! `token`).
//!
//! What a person reads goes to the standard output, the log to the standard error, and an error
//! is one sentence there and exit code 1.

mod args;
mod run;
// The commands.
mod audit;
mod budget;
mod check;
mod completion;
mod demo;
mod init;
mod ledger;
mod policy;
mod query;
mod serve;
mod team;
mod token;
mod user;
// What they share.
mod databases;
mod desk;
mod error;
mod findings;
mod folder;
mod logging;
mod names;
mod output;
mod proxy;
mod refresh;
mod rehearse;
mod reload;
mod remote;
mod signals;
mod statements;
mod table;

pub use run::main;
