//! `noisegate ledger`: decisions that only an operator can make.

use super::args::Ledger;
use super::error::CliError;
use super::output::say;
use super::proxy::{ledger_error, open_ledger};
use crate::policy::Policy;

pub(super) async fn run(args: &Ledger) -> Result<(), CliError> {
    let Ledger::AcceptClock(of) = args;
    let policy = Policy::load(&of.policy)?;
    let ledger = open_ledger(&policy)?;
    ledger.accept_clock().await.map_err(ledger_error(&policy))?;
    say("the ledger's time is now this machine's");
    Ok(())
}
