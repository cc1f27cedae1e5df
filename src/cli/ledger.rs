//! `noisegate ledger`: decisions that only an operator can make.

use std::path::Path;

use super::args::{CopyLedger, Ledger as Command, OfPolicy};
use super::error::CliError;
use super::output::say;
use super::proxy::{of_ledger, open_beside, place};
use crate::clock::Clock;
use crate::ledger::{Ledger, Place, copy};
use crate::policy::Policy;

/// Where the password of a ledger in PostgreSQL is.
const PASSWORD: &str = "NOISEGATE_LEDGER_PASSWORD";

pub(super) async fn run(args: &Command) -> Result<(), CliError> {
    match args {
        Command::AcceptClock(of) => accept_clock(of).await,
        Command::AcceptRestored(of) => accept_restored(of),
        Command::Copy(args) => move_to(args),
    }
}

async fn accept_clock(of: &OfPolicy) -> Result<(), CliError> {
    let policy = Policy::load(&of.policy)?;
    let ledger = open_beside(&policy)?;
    ledger.accept_clock().await.map_err(of_ledger(&place(&policy)?))?;
    say("the ledger's time is now this machine's");
    Ok(())
}

fn accept_restored(of: &OfPolicy) -> Result<(), CliError> {
    let place = place(&Policy::load(&of.policy)?)?;
    Ledger::accept_restored(&place, Clock::System).map_err(of_ledger(&place))?;
    say("the ledger goes on as it is now");
    Ok(())
}

fn move_to(args: &CopyLedger) -> Result<(), CliError> {
    let (from, to) = (named(&args.from, args)?, named(&args.to, args)?);
    let copied = copy(&from, &to, Clock::System.now()).map_err(of_ledger(&from))?;
    say(format_args!(
        "{} charges, {} releases and {} users are now in {to}, at generation {}.\n\
         {from} was marked as moved: no proxy opens it any more.",
        copied.charges, copied.releases, copied.users, copied.generation
    ));
    Ok(())
}

/// A place as it is typed. What is wrong with an address is not told: it may hold a password.
fn named(text: &str, args: &CopyLedger) -> Result<Place, CliError> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        let password = std::env::var(PASSWORD).ok();
        let place = Place::postgres(text, password.as_deref(), args.state.as_deref());
        return place.map_err(|error| CliError::Ledger { place: "named".to_owned(), error });
    }
    Ok(Place::sqlite(Path::new(text.strip_prefix("sqlite:").unwrap_or(text))))
}
