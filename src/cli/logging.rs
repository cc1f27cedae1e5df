//! The log, on the standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::error::CliError;

/// Starts to log what `--log` says, or RUST_LOG, or the command's own level.
pub(super) fn start(asked: Option<&str>, usual: &str) -> Result<(), CliError> {
    let filter = match asked.map(str::to_owned).or_else(|| std::env::var("RUST_LOG").ok()) {
        Some(filter) if !filter.is_empty() => EnvFilter::try_new(filter)?,
        _ => EnvFilter::try_new(usual)?,
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // Someone who embeds the library may have a log already; theirs stays.
    let _theirs = log.try_init();
    Ok(())
}
