//! `noisegate user`, as it is typed.

use clap::{Args, Subcommand};

use super::{Access, Why};

/// At the end of `noisegate user --help`.
pub(super) const EXAMPLES: &str = "\
What a user may ask is for the policy to say. Times are UTC.
The policy file is named by --policy, or by NOISEGATE_POLICY.

Examples:
  noisegate user add alice
  noisegate user list
  noisegate user freeze alice --why \"is on leave\"";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum User {
    /// Add a user, or change a password. It is asked for, or read from the standard input.
    #[command(after_help = "Examples:
  noisegate user add alice
  noisegate user add alice --why \"joined the team\" < password.txt")]
    Add(OneUser),
    /// Remove a user: there is no password any more. What was spent stays spent.
    #[command(after_help = "Examples:
  noisegate user remove alice --why \"left the team\"")]
    Remove(OneUser),
    /// List everybody who has a password or whom the policy names.
    #[command(after_help = "Examples:
  noisegate user list
  noisegate user list --json")]
    List(Access),
    /// Freeze all accounts that are an analyst's alone: nothing new is answered.
    #[command(after_help = "Examples:
  noisegate user freeze alice --why \"is on leave\"")]
    Freeze(UserDecision),
    /// Let a frozen analyst go on.
    #[command(after_help = "Examples:
  noisegate user thaw alice --why \"is back\"")]
    Thaw(UserDecision),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OneUser {
    /// The name, as in the policy.
    pub(in crate::cli) name: String,
    /// Why, in one line; it goes on record.
    #[arg(long, value_name = "REASON")]
    pub(in crate::cli) why: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct UserDecision {
    /// The name, as in the policy.
    pub(in crate::cli) name: String,
    #[command(flatten)]
    pub(in crate::cli) why: Why,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}
