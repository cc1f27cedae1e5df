//! `noisegate policy`, as it is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Access, Server, Why};

/// At the end of `noisegate policy --help`.
pub(super) const EXAMPLES: &str = "\
`noisegate check` holds a policy against the databases. A proxy that runs takes a changed file by
itself, within seconds, or at SIGHUP.
The policy file is named by --policy, or by NOISEGATE_POLICY.

Examples:
  noisegate policy diff draft.toml
  noisegate policy reload --why \"dora joins\"";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Policy {
    /// Say who could see or spend what under a draft, other than under the policy.
    #[command(after_help = "Examples:
  noisegate policy diff draft.toml
  noisegate policy diff draft.toml --json")]
    Diff(Diff),
    /// Have a proxy that runs read its policy's file now. If anything is wrong with it, the one
    /// before stays in force.
    #[command(after_help = "Examples:
  noisegate policy reload --why \"dora joins\"")]
    Reload(Reload),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Reload {
    #[command(flatten)]
    pub(in crate::cli) why: Why,
    #[command(flatten)]
    pub(in crate::cli) server: Server,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Diff {
    /// The file of the draft.
    pub(in crate::cli) draft: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}
