//! The shadow: a database with the source's schema and none of its private rows.
//!
//! `init` builds it and its logins, `refresh_public` copies what is public, and the two `verify`
//! functions make sure, before analysts enter, that it is powerless and empty. While queries run,
//! [`canonical`] lets it read the analysts' texts.

pub mod canonical;
pub mod given;
pub mod settings;

mod build;
mod error;
mod init;
mod ranges;
mod refresh;
mod roles;
mod schema;
mod verify;

pub use build::{Plan, plan};
pub use error::ShadowError;
pub use init::{InitOptions, InitReport, InitSql, create_database, init, init_sql};
pub use ranges::public_ranges;
pub use refresh::refresh_public;
pub use roles::{Login, Logins};
pub use schema::{ListedTable, Name, Omitted, Schema, read};
pub use verify::{verify_empty, verify_powerless};

#[cfg(test)]
mod tests;
