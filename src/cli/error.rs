//! Why a command ends early, in one sentence.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::catalog::CatalogError;
use crate::demo::{ClusterError, FillError};
use crate::ledger::LedgerError;
use crate::policy::PolicyError;
use crate::road::GateError;
use crate::shadow::ShadowError;
use crate::wire::WireError;

/// For the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("{login} cannot connect: {error}")]
    Connect { login: &'static str, error: String },
    #[error("{step}: {error}")]
    Database { step: &'static str, error: String },
    #[error(transparent)]
    Fill(#[from] FillError),
    /// The findings have been printed.
    #[error("the policy must not be used: {0} to mend")]
    Findings(String),
    #[error("{} {why}", path.display())]
    Folder { path: PathBuf, why: String },
    #[error(transparent)]
    Gate(#[from] GateError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the ledger {}: {error}", path.display())]
    Ledger { path: PathBuf, error: LedgerError },
    #[error("cannot listen at {address}: {error}")]
    Listen { address: SocketAddr, error: std::io::Error },
    #[error("--log: {0}")]
    Log(#[from] tracing_subscriber::filter::ParseError),
    #[error("there is no user {0}")]
    NoUser(String),
    #[error("{0}")]
    Password(&'static str),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Shadow(#[from] ShadowError),
    #[error("a part of the program failed: {0}")]
    Task(#[from] tokio::task::JoinError),
    #[error("the address of {login} cannot be used: {error}")]
    Url { login: &'static str, error: String },
    #[error("`{0}` cannot be the name of a user")]
    UserName(String),
    #[error(transparent)]
    Wire(#[from] WireError),
}

impl CliError {
    /// Names the step in which a database failed.
    pub(super) fn at(step: &'static str) -> impl Fn(tokio_postgres::Error) -> Self {
        move |error| Self::Database { step, error: describe(&error) }
    }
}

/// A database's words, or why there are none.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!("{} ({})", db.message(), db.code().code());
    }
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
