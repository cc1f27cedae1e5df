//! `noisegate query`, and how a proxy that runs is asked.

use clap::{Args, Subcommand};

use super::Why;

/// At the end of `noisegate query --help`.
pub(super) const EXAMPLES: &str = "\
A proxy that runs is asked at its administrators' address, with a token in NOISEGATE_TOKEN;
`noisegate token create` makes one. Times are UTC.

Examples:
  noisegate query list
  noisegate query list --server https://gate.example:6433 --json
  noisegate query cancel 5f2a9c01d4e7b836 --why \"it holds others up\"";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Query {
    /// List what a proxy answers now, and what others have charged and not settled yet. A question is
    /// known by its fingerprint.
    #[command(after_help = "Examples:
  noisegate query list
  noisegate query list --json")]
    List(Server),
    /// Stop a query, at another proxy within a few seconds. What it was charged is given back only if
    /// nothing was sent to the source yet.
    #[command(after_help = "Examples:
  noisegate query cancel 5f2a9c01d4e7b836 --why \"it holds others up\"")]
    Cancel(Cancel),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Cancel {
    /// Its id, as in the list.
    pub(in crate::cli) query: String,
    #[command(flatten)]
    pub(in crate::cli) why: Why,
    #[command(flatten)]
    pub(in crate::cli) server: Server,
}

/// A proxy that runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct Server {
    /// Its administrators' address. With https, one of the system's roots, or of the file in
    /// SSL_CERT_FILE, must have signed its certificate.
    #[arg(
        long = "server",
        value_name = "URL",
        env = "NOISEGATE_SERVER",
        default_value = "http://127.0.0.1:6433"
    )]
    pub(in crate::cli) url: String,
    /// A token, which is seen by others where it is typed: better in the environment.
    #[arg(long, value_name = "TOKEN", env = "NOISEGATE_TOKEN", hide_env_values = true)]
    pub(in crate::cli) token: String,
    /// Print the JSON of the administrators' API instead of a table or a sentence.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
