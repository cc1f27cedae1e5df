//! Why a command ends early, in one sentence.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use rustls::CertificateError;

use crate::catalog::CatalogError;
use crate::demo::ShopError;
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
    #[error("{login} cannot connect: {error}")]
    Connect { login: &'static str, error: String },
    /// The findings have been printed.
    #[error("the policy must not be used: {0} to mend")]
    Findings(String),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: std::io::Error },
    #[error(transparent)]
    Gate(#[from] GateError),
    #[error("the answer cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the ledger {place}: {error}")]
    Ledger { place: String, error: LedgerError },
    #[error("cannot listen at {address}: {error}")]
    Listen { address: SocketAddr, error: std::io::Error },
    #[error("--log: {0}")]
    Log(#[from] tracing_subscriber::filter::ParseError),
    #[error("{0} is no analyst of the policy")]
    NoAnalyst(String),
    #[error("{} is not empty: the demo takes a folder that it can remove all from", .0.display())]
    NotEmpty(PathBuf),
    #[error("{0}")]
    Password(&'static str),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error("the rehearsal cannot go on: {0}")]
    Rehearsal(String),
    /// A sentence of the office, or about a name.
    #[error("{0}")]
    Said(String),
    #[error(transparent)]
    Shadow(#[from] ShadowError),
    #[error(transparent)]
    Shop(#[from] ShopError),
    #[error("the times of the log cannot be read: {0}")]
    Times(String),
    #[error("the address of {login} cannot be used: {error}")]
    Url { login: &'static str, error: String },
    #[error("`{0}` cannot be the name of a user")]
    UserName(String),
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// A database's words, or why there are none.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!("{} ({})", db.message(), db.code().code());
    }
    let Some(cause) = error.source() else { return error.to_string() };
    match refused_certificate(cause) {
        Some(reason) => format!(
            "the server's certificate is not accepted ({reason}): it must name the host of the \
             address, and one of the system's roots or of the file in SSL_CERT_FILE must have \
             signed it"
        ),
        None => format!("{error}: {cause}"),
    }
}

/// Why the certificate of a server was refused, if that is what happened.
fn refused_certificate(cause: &(dyn Error + 'static)) -> Option<String> {
    let inner = cause.downcast_ref::<std::io::Error>()?.get_ref()?;
    match inner.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(CertificateError::Other(reason)) => {
            Some(reason.to_string())
        }
        rustls::Error::InvalidCertificate(reason) => Some(reason.to_string()),
        _ => None,
    }
}
