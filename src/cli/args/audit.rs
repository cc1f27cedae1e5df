//! `noisegate audit`, as it is typed.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};

use super::Access;

/// At the end of `noisegate audit --help`.
pub(super) const EXAMPLES: &str = "\
Times and days are UTC. The policy file is named by --policy, or by NOISEGATE_POLICY.

Examples:
  noisegate audit tail
  noisegate audit search --kind account --who carol
  noisegate audit export --day 2026-11-29 --out audit.jsonl
  noisegate audit verify";

/// The most records that are shown at once; an export takes all.
const RECORDS_MAX: i64 = 10_000;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Audit {
    /// Show the last records, the newest at the end.
    #[command(after_help = "Examples:
  noisegate audit tail
  noisegate audit tail -n 100")]
    Tail(Tail),
    /// Look for records; those that are found are shown as `tail` does.
    #[command(
        after_help = "Kinds are query, refused, login, login.failed, account.grant, account.cap, account.freeze,
account.thaw, account.reset, analyst.put, analyst.remove, token.create, token.revoke and others;
the first word of one stands for all that begin so.

Examples:
  noisegate audit search report
  noisegate audit search --kind account --object data_team/data
  noisegate audit search --who alice --from 2026-11-29 --to 2026-11-30"
    )]
    Search(Search),
    /// Write all records of a day, oldest first.
    #[command(after_help = "Examples:
  noisegate audit export --day 2026-11-29 --out audit.jsonl
  noisegate audit export --day 2026-11-29 --format csv > audit.csv")]
    Export(Export),
    /// Hold every record against the ledger's chain. Ends with 1, and names the first record that
    /// is not as it was written, if there is one.
    #[command(after_help = "Examples:
  noisegate audit verify")]
    Verify(Access),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Tail {
    /// How many records.
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=RECORDS_MAX))]
    pub(in crate::cli) number: u32,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Search {
    /// Part of the object, the detail or the reason.
    pub(in crate::cli) text: Option<String>,
    /// By this person, as in `carol`, `os:root` or `token:nightly`.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) who: Option<String>,
    /// Of this kind, or of all kinds that begin so.
    #[arg(long)]
    pub(in crate::cli) kind: Option<String>,
    /// About this account, analyst, query or token.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) object: Option<String>,
    /// From then on, as in 2026-11-29 or 2026-11-29T09:30:00Z.
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) from: Option<String>,
    /// Before then.
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) to: Option<String>,
    /// At most so many, the latest.
    #[arg(short = 'n', long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=RECORDS_MAX))]
    pub(in crate::cli) number: u32,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// The day, in UTC.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(in crate::cli) day: NaiveDate,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Form::Jsonl, conflicts_with = "json")]
    pub(in crate::cli) format: Form,
    /// Where to; without it, to the standard output. What the file held before is gone.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) access: Access,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Form {
    /// A JSON object in each line.
    Jsonl,
    /// Comma-separated, with a head, for spreadsheets.
    Csv,
}
