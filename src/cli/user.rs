//! `noisegate user`: the ledger keeps verifiers of passwords, never a password.

use std::io::{BufRead, IsTerminal, Read};

use super::args::{OfPolicy, OneUser, User};
use super::error::CliError;
use super::output::{complain, say};
use super::proxy::{of_ledger, open_ledger, place};
use crate::policy::Policy;
use crate::wire::scram;

/// More than any password that is accepted.
const LONGEST_INPUT: u64 = 4096;

pub(super) async fn run(args: &User) -> Result<(), CliError> {
    match args {
        User::Add(user) => add(user).await,
        User::Remove(user) => remove(user).await,
        User::List(of) => list(of).await,
    }
}

async fn add(user: &OneUser) -> Result<(), CliError> {
    let name = &user.name;
    // The limits of a name in PostgreSQL and in a policy.
    let unusable = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':');
    if name.is_empty() || name.len() > 63 || name.contains(unusable) {
        return Err(CliError::UserName(name.clone()));
    }
    let policy = Policy::load(&user.of.policy)?;
    let verifier = scram::verifier(&password()?)?;
    let ledger = open_ledger(&policy)?;
    ledger.put_user(name, &verifier).await.map_err(of_ledger(&place(&policy)?))?;
    let looks = policy.is_admin(name) || policy.is_auditor(name);
    if policy.terms(name).is_none() && !looks {
        complain(format_args!(
            "noisegate: {name} can log in, but no role of the policy lets {name} ask anything"
        ));
    }
    say(format_args!("{name} can log in"));
    Ok(())
}

async fn remove(user: &OneUser) -> Result<(), CliError> {
    let policy = Policy::load(&user.of.policy)?;
    let ledger = open_ledger(&policy)?;
    if !ledger.remove_user(&user.name).await.map_err(of_ledger(&place(&policy)?))? {
        return Err(CliError::NoUser(user.name.clone()));
    }
    say(format_args!("{} cannot log in any more", user.name));
    Ok(())
}

async fn list(of: &OfPolicy) -> Result<(), CliError> {
    let policy = Policy::load(&of.policy)?;
    let ledger = open_ledger(&policy)?;
    for name in ledger.users().await.map_err(of_ledger(&place(&policy)?))? {
        say(name);
    }
    Ok(())
}

/// Asks twice on a terminal, and otherwise reads one line.
fn password() -> Result<String, CliError> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        drop(input);
        let password = rpassword::prompt_password("Password: ")?;
        if rpassword::prompt_password("Again: ")? != password {
            return Err(CliError::Password("the two passwords differ"));
        }
        return Ok(password);
    }
    let mut line = String::new();
    input.by_ref().take(LONGEST_INPUT).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
