//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod audit;
mod budget;
mod length;
mod policy;
mod query;
mod team;
mod token;
mod user;

pub(super) use audit::{Audit, Export, Form, Search, Tail};
pub(super) use budget::{
    Budget, Cap, Charges, Decision, Grant, History, OneAccount, Releases, Spenders,
};
pub(super) use policy::{Diff, Policy, Reload};
pub(super) use query::{Cancel, Query, Server};
pub(super) use team::{Membership, NewTeam, OneTeam, Team};
pub(super) use token::{Create, Revoke, Token};
pub(super) use user::{OneUser, User, UserDecision};

/// A differential-privacy gate that speaks PostgreSQL's wire protocol.
#[derive(Debug, Parser)]
#[command(name = "noisegate", version, max_term_width = 100)]
pub(super) struct Cli {
    /// What to log on the standard error, as in `info` or `noisegate::wire=debug`; RUST_LOG says
    /// the same.
    #[arg(long, global = true, value_name = "FILTER")]
    pub(super) log: Option<String>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Start a private PostgreSQL with a made-up shop in it, and a proxy in front.
    Demo(Demo),
    /// Answer analysts in front of your own databases.
    Serve(OfPolicy),
    /// Create or refresh the shadow and the two logins.
    Init(Init),
    /// Hold the policy against the live databases.
    Check(Check),
    /// Say of each statement of a file whether it would be answered, at what price and with which
    /// error, and how long the budgets would last. Nothing is asked and nobody pays.
    Rehearse(Rehearse),
    /// What may be spent and what was: look at accounts, grant, cap, freeze.
    #[command(subcommand, after_help = budget::EXAMPLES)]
    Budget(Budget),
    /// Who may log in, and whose accounts are frozen.
    #[command(subcommand, after_help = user::EXAMPLES)]
    User(User),
    /// Who learns together: teams, and who is in them.
    #[command(subcommand, after_help = team::EXAMPLES)]
    Team(Team),
    /// What happened, who did it and why.
    #[command(subcommand, after_help = audit::EXAMPLES)]
    Audit(Audit),
    /// What a proxy answers now.
    #[command(subcommand, after_help = query::EXAMPLES)]
    Query(Query),
    /// What another policy would change, and that it comes into force.
    #[command(subcommand, after_help = policy::EXAMPLES)]
    Policy(Policy),
    /// What programs show to the administrators' API instead of a password.
    #[command(subcommand, after_help = token::EXAMPLES)]
    Token(Token),
    /// What an operator has to decide about the ledger.
    #[command(subcommand)]
    Ledger(Ledger),
    /// Print the script with which a shell completes these commands.
    #[command(after_help = "Examples:
  noisegate completion bash > ~/.local/share/bash-completion/completions/noisegate
  noisegate completion fish > ~/.config/fish/completions/noisegate.fish")]
    Completion(Completion),
}

#[derive(Debug, Args)]
pub(super) struct Completion {
    /// The shell.
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// What the commands of administrators have in common.
#[derive(Debug, Args)]
pub(super) struct Access {
    #[command(flatten)]
    pub(super) of: OfPolicy,
    /// Print the JSON of the administrators' API instead of a table; nothing where that answers
    /// with nothing.
    #[arg(long)]
    pub(super) json: bool,
}

/// A reason, for the record.
#[derive(Debug, Args)]
pub(super) struct Why {
    /// Why, in one line of at most 500 characters; it goes on record.
    #[arg(long, value_name = "REASON")]
    pub(super) why: String,
}

#[derive(Debug, Args)]
pub(super) struct OfPolicy {
    /// The policy file.
    #[arg(long, value_name = "FILE", env = "NOISEGATE_POLICY")]
    pub(super) policy: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Where analysts connect; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6432")]
    pub(super) listen: SocketAddr,
    /// Where the operator connects.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6433")]
    pub(super) admin: SocketAddr,
    /// The size of the shop: 1 is about 1 GB.
    #[arg(long, default_value_t = 0.01)]
    pub(super) scale: f64,
    /// A new or empty folder for the files, which are removed at the end; by default a temporary
    /// one.
    #[arg(long)]
    pub(super) dir: Option<PathBuf>,
    /// Another policy than the demo's own.
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Init {
    #[command(flatten)]
    pub(super) of: OfPolicy,
    /// Print the SQL for an administrator to run, and change nothing.
    #[arg(long)]
    pub(super) print: bool,
    /// Take from everybody on the source the right to make temporary tables, and tables in the
    /// schema public.
    #[arg(long)]
    pub(super) harden_source: bool,
    /// An administrator's connection to the source. Without it: the policy's address, as PGUSER
    /// (or `postgres`) with PGPASSWORD.
    #[arg(long, value_name = "URL", env = "NOISEGATE_SOURCE_ADMIN", hide_env_values = true)]
    pub(super) source_admin: Option<String>,
    /// An administrator's connection to any database of the shadow's server. Without it: as above.
    #[arg(long, value_name = "URL", env = "NOISEGATE_SHADOW_ADMIN", hide_env_values = true)]
    pub(super) shadow_admin: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    pub(super) of: OfPolicy,
    /// Also ask whether bounds and values were copied from the rows, which reads whole tables.
    #[arg(long)]
    pub(super) data: bool,
}

#[derive(Debug, Args)]
pub(super) struct Rehearse {
    #[command(flatten)]
    pub(super) of: OfPolicy,
    /// The analyst who asks; those of a log ask for themselves, if the policy has them.
    #[arg(long, value_name = "NAME")]
    pub(super) analyst: String,
    /// One JSON document instead of a table.
    #[arg(long)]
    pub(super) json: bool,
    /// SQL, or PostgreSQL's log in CSV form if the name ends in `.csv`; `-` is the standard input.
    #[arg(value_name = "STATEMENTS")]
    pub(super) statements: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum Ledger {
    /// Confirm that this machine's clock is right, when it is more than 32 days ahead of the
    /// ledger's last mark. Until then nothing is charged, since windows could refill by mistake.
    AcceptClock(OfPolicy),
    /// Go on from a ledger that is not the one last seen here: put back from a backup, made anew
    /// after a loss. What was spent since is forgotten, so first lower each account to what is
    /// left at worst.
    AcceptRestored(OfPolicy),
    /// Move a ledger to another place, with all that is in it. The old one cannot be used any
    /// more. Stop the proxies first, and change the policy afterwards.
    Copy(CopyLedger),
}

#[derive(Debug, Args)]
pub(super) struct CopyLedger {
    /// The ledger: a file, or postgres://user@host/database, with ?schema= if it is not
    /// noisegate_ledger. The password is in NOISEGATE_LEDGER_PASSWORD.
    pub(super) from: String,
    /// Where to: a file that is not there, or a schema without a ledger, or with an unused one.
    pub(super) to: String,
    /// The folder of the proxy's state, as in the policy; what is seen of a ledger in PostgreSQL
    /// is noted there. Give it where the proxy runs.
    #[arg(long, value_name = "FOLDER")]
    pub(super) state: Option<PathBuf>,
}
