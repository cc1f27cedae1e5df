//! `noisegate token`, as it is typed.

use clap::{Args, Subcommand};

use super::length::days;
use super::{Access, Why};
use crate::admin::shown::Role;

/// At the end of `noisegate token --help`.
pub(super) const EXAMPLES: &str = "\
A program sends its token as `Authorization: Bearer ng_…`. Times are UTC.
The policy file is named by --policy, or by NOISEGATE_POLICY.

Examples:
  noisegate token create --role auditor --name nightly --expires 30d
  noisegate token list
  noisegate token revoke nightly --why \"the program is gone\"";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Token {
    /// Make a token. It is printed this once; only a digest of it is kept.
    #[command(after_help = "Examples:
  noisegate token create --role auditor --name nightly --expires 30d
  noisegate token create --role admin --name deploy --expires 1d --why \"a new release\" --json")]
    Create(Create),
    /// List the tokens, without their secrets.
    #[command(after_help = "Examples:
  noisegate token list")]
    List(Access),
    /// End a token.
    #[command(after_help = "Examples:
  noisegate token revoke 5f2a9c01d4e7b836 --why \"it was in a log\"
  noisegate token revoke nightly --why \"the program is gone\"")]
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Create {
    /// What it may do: an admin changes what can be changed, an auditor looks at everything.
    #[arg(long, value_name = "admin|auditor", value_parser = role)]
    pub(in crate::cli) role: Role,
    /// What it is called on record.
    #[arg(long)]
    pub(in crate::cli) name: String,
    /// After which time it is of no use, in days or weeks, as in 30d; at most 366d.
    #[arg(long, value_name = "LENGTH", value_parser = days)]
    pub(in crate::cli) expires: u32,
    /// Why, in one line; it goes on record.
    #[arg(long, value_name = "REASON")]
    pub(in crate::cli) why: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "a token is for an admin or an auditor".to_owned())
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Revoke {
    /// Its id, or its name if no other token has it.
    pub(in crate::cli) token: String,
    #[command(flatten)]
    pub(in crate::cli) why: Why,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}
