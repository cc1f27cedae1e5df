//! `noisegate team`, as it is typed.

use clap::{Args, Subcommand};

use super::{Access, Why};

/// At the end of `noisegate team --help`.
pub(super) const EXAMPLES: &str = "\
Teams and members that the policy file names are changed there. Others are made and added here, and
running proxies follow within seconds.
The policy file is named by --policy, or by NOISEGATE_POLICY.

Examples:
  noisegate team list
  noisegate team add guests --role analyst --why \"guests of this winter\"
  noisegate team join data dora --why \"joins the team\"
  noisegate team leave data dora --why \"left the team\"";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Team {
    /// List the teams: who is in them, and which roles they hold.
    #[command(after_help = "Examples:
  noisegate team list
  noisegate team list --json")]
    List(Access),
    /// Make a team, with nobody in it.
    #[command(after_help = "Examples:
  noisegate team add guests --role analyst --why \"guests of this winter\"")]
    Add(NewTeam),
    /// End a team that was made here. What its accounts spent stays spent.
    #[command(after_help = "Examples:
  noisegate team remove guests --why \"winter is over\"")]
    Remove(OneTeam),
    /// Put an analyst into a team.
    #[command(after_help = "Examples:
  noisegate team join data dora --why \"joins the team\"")]
    Join(Membership),
    /// Take an analyst out of a team again.
    #[command(after_help = "Examples:
  noisegate team leave data dora --why \"left the team\"")]
    Leave(Membership),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OneTeam {
    /// The name of the team.
    pub(in crate::cli) team: String,
    #[command(flatten)]
    pub(in crate::cli) why: Why,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NewTeam {
    #[command(flatten)]
    pub(in crate::cli) of: OneTeam,
    /// The role of the policy that its members hold, of those that only ask; without it, none.
    #[arg(long)]
    pub(in crate::cli) role: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Membership {
    /// The name of the team.
    pub(in crate::cli) team: String,
    /// The name of the analyst.
    pub(in crate::cli) analyst: String,
    #[command(flatten)]
    pub(in crate::cli) why: Why,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}
