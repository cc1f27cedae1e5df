//! From the arguments to the exit code.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use super::args::{Cli, Command};
use super::error::CliError;
use super::output::complain;
use super::{
    audit, budget, check, completion, demo, init, ledger, logging, policy, query, rehearse, serve,
    signals, team, token, user,
};

/// How long threads that still block may hold up the end.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Runs the command that was typed.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("noisegate: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn start(cli: &Cli) -> Result<(), CliError> {
    let level = if matches!(cli.command, Command::Serve(_)) { "info" } else { "warn" };
    logging::start(cli.log.as_deref(), level)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(run(&cli.command));
    runtime.shutdown_timeout(LAST_WAIT);
    result
}

async fn run(command: &Command) -> Result<(), CliError> {
    match command {
        Command::Demo(args) => demo::run(args, signals::stop_token()?).await,
        Command::Serve(args) => serve::run(&args.policy, signals::stop_token()?).await,
        Command::Init(args) => init::run(args).await,
        Command::Check(args) => check::run(args).await,
        Command::Rehearse(args) => rehearse::run(args).await,
        Command::Budget(args) => budget::run(args).await,
        Command::User(args) => user::run(args).await,
        Command::Team(args) => team::run(args).await,
        Command::Query(args) => query::run(args).await,
        Command::Policy(args) => policy::run(args).await,
        Command::Audit(args) => audit::run(args).await,
        Command::Token(args) => token::run(args).await,
        Command::Ledger(args) => ledger::run(args).await,
        Command::Completion(args) => {
            completion::run(args);
            Ok(())
        }
    }
}
