//! `noisegate budget`, as it is typed.

use clap::{Args, Subcommand};

use super::length::length;
use super::{Access, Why};

/// The most rows of a list.
const ROWS_MAX: i64 = 100_000;

/// At the end of `noisegate budget --help`.
pub(super) const EXAMPLES: &str = "\
An account is named by its id, as `noisegate budget list` prints it, or by the name of the analyst
or team whose only account it is. Amounts are epsilon. Times are UTC.
The policy file is named by --policy, or by NOISEGATE_POLICY.

Examples:
  noisegate budget list
  noisegate budget show data
  noisegate budget grant data 0.5 --why \"the report of this quarter\"
  noisegate budget freeze alice --why \"is on leave\"
  noisegate budget spenders --last 7d";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Budget {
    /// List the accounts: what each may spend, has spent and has left.
    #[command(after_help = "Examples:
  noisegate budget list
  noisegate budget list --json")]
    List(Access),
    /// Show one account: its limit, window and throttle, and what the rest still buys.
    #[command(after_help = "Examples:
  noisegate budget show shop
  noisegate budget show alice --json")]
    Show(OneAccount),
    /// Give an account more on top of the policy, until its window ends; to one with a lifetime
    /// window, for good.
    #[command(after_help = "Examples:
  noisegate budget grant data 0.5 --why \"the report of this quarter\"
  noisegate budget grant data_team/data 0.5 --why \"the report of this quarter\"")]
    Grant(Grant),
    /// Let an account spend no more than this in a window, whatever the policy and grants say; or
    /// `none`, to take a cap away.
    #[command(after_help = "Examples:
  noisegate budget cap shop 3 --why \"the data will be published in June\"
  noisegate budget cap shop none --why \"the publication was put off\"")]
    Cap(Cap),
    /// Stop an account: nothing new is paid from it. What is remembered is still answered.
    #[command(after_help = "Examples:
  noisegate budget freeze alice --why \"is on leave\"")]
    Freeze(Decision),
    /// Let a frozen account go on.
    #[command(after_help = "Examples:
  noisegate budget thaw alice --why \"is back\"")]
    Thaw(Decision),
    /// Begin the window of an account anew, with nothing spent in it. Not for a lifetime.
    #[command(after_help = "Examples:
  noisegate budget reset alice --why \"the data was exchanged\"")]
    Reset(Decision),
    /// Show what was spent from an account in each day or hour; without dates, in the last 30 days.
    #[command(after_help = "Examples:
  noisegate budget history data
  noisegate budget history data --by hour --from 2026-11-29 --to 2026-11-30")]
    History(History),
    /// Show who spent how much, whoever spent most first; in the last 7 days if nothing is said.
    #[command(after_help = "Examples:
  noisegate budget spenders
  noisegate budget spenders --last 24h --account data")]
    Spenders(Spenders),
    /// List what was charged, newest first: who asked what, by fingerprint, and who paid.
    #[command(after_help = "Examples:
  noisegate budget charges
  noisegate budget charges --analyst alice --from 2026-11-29 -n 200 --json")]
    Charges(Charges),
    /// List the answers that are remembered, newest first, without what they say.
    #[command(after_help = "Examples:
  noisegate budget releases
  noisegate budget releases --analyst alice")]
    Releases(Releases),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Charges {
    /// Of one analyst only.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) analyst: Option<String>,
    /// From one account only.
    #[arg(long)]
    pub(in crate::cli) account: Option<String>,
    /// From then on, as in 2026-11-29 or 2026-11-29T09:30:00Z.
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) from: Option<String>,
    /// Before then.
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) to: Option<String>,
    /// At most so many, the latest.
    #[arg(short = 'n', long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=ROWS_MAX))]
    pub(in crate::cli) number: u32,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Releases {
    /// Those that one analyst asked for first.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) analyst: Option<String>,
    /// At most so many, the latest.
    #[arg(short = 'n', long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=ROWS_MAX))]
    pub(in crate::cli) number: u32,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OneAccount {
    /// The account's id, or the name of its analyst or team.
    pub(in crate::cli) account: String,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Decision {
    #[command(flatten)]
    pub(in crate::cli) of: OneAccount,
    #[command(flatten)]
    pub(in crate::cli) why: Why,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Grant {
    #[command(flatten)]
    pub(in crate::cli) of: OneAccount,
    /// How much more, as in 0.5.
    #[arg(allow_negative_numbers = true)]
    pub(in crate::cli) epsilon: String,
    #[command(flatten)]
    pub(in crate::cli) why: Why,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Cap {
    #[command(flatten)]
    pub(in crate::cli) of: OneAccount,
    /// The most that may be spent in a window, as in 3, or `none`.
    #[arg(value_name = "EPSILON|none", allow_negative_numbers = true)]
    pub(in crate::cli) epsilon: Most,
    #[command(flatten)]
    pub(in crate::cli) why: Why,
}

/// A cap, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Most(pub(in crate::cli) Option<String>);

impl std::str::FromStr for Most {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self((text != "none").then(|| text.to_owned())))
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct History {
    #[command(flatten)]
    pub(in crate::cli) of: OneAccount,
    /// From then on, as in 2026-11-29 or 2026-11-29T09:30:00Z.
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) from: Option<String>,
    /// Before then.
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) to: Option<String>,
    /// The length of a part: `day` or `hour`.
    #[arg(long, value_name = "PART", default_value = "day", value_parser = ["day", "hour"])]
    pub(in crate::cli) by: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Spenders {
    /// How far back from now, as in 24h, 7d or 4w.
    #[arg(long, value_name = "LENGTH", value_parser = length, default_value = "7d")]
    pub(in crate::cli) last: i64,
    /// From one account only.
    #[arg(long)]
    pub(in crate::cli) account: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}
