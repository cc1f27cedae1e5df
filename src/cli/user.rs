//! `noisegate user`: the ledger keeps verifiers of passwords, never a password.

use std::io::{BufRead, IsTerminal, Read};

use super::args::{Access, OneUser, User, UserDecision};
use super::desk::{Desk, order, order_or_none};
use super::error::CliError;
use super::names;
use super::output::{complain, say};
use super::table::{Column, Sheet, listed, minute};
use crate::admin::office::{Office, OfficeError};
use crate::admin::shown::Analyst;

/// More than any password that is accepted.
const LONGEST_INPUT: u64 = 4096;

pub(super) async fn run(args: &User) -> Result<(), CliError> {
    match args {
        User::Add(user) => add(user).await,
        User::Remove(user) => remove(user).await,
        User::List(access) => list(access).await,
        User::Freeze(args) => freeze(args, true).await,
        User::Thaw(args) => freeze(args, false).await,
    }
}

async fn add(user: &OneUser) -> Result<(), CliError> {
    let name = &user.name;
    // Before a password is typed in vain.
    Office::check_name(name).map_err(|_| CliError::UserName(name.clone()))?;
    let desk = Desk::open(&user.access).await?;
    let order = order_or_none(user.why.as_deref());
    let added = desk.office.put_analyst(name, password()?, &order).await;
    let added = added.map_err(|error| desk.said(error))?;
    if added.roles.is_empty() {
        complain(format_args!("noisegate: no role of the policy lets {name} do anything"));
    }
    desk.print(&added, |_| say(format_args!("{name} has a password now")))
}

async fn remove(user: &OneUser) -> Result<(), CliError> {
    let desk = Desk::open(&user.access).await?;
    let order = order_or_none(user.why.as_deref());
    match desk.office.remove_analyst(&user.name, &order).await {
        Ok(()) => desk.tell(format_args!("{} has no password any more", user.name)),
        Err(error) => return Err(about(&desk, &user.name, error).await),
    }
    Ok(())
}

async fn freeze(args: &UserDecision, frozen: bool) -> Result<(), CliError> {
    let desk = Desk::open(&args.access).await?;
    let (name, order) = (&args.name, order(&args.why.why));
    let analyst = match desk.office.freeze_analyst(name, frozen, &order).await {
        Ok(analyst) => analyst,
        Err(error) => return Err(about(&desk, name, error).await),
    };
    let says = if frozen { "is frozen: nothing new is answered" } else { "goes on" };
    desk.tell(format_args!("{name} {says}\n"));
    desk.print(&analyst, |analyst| table(std::slice::from_ref(analyst)))
}

/// An error about somebody, with the names that are most like theirs.
async fn about(desk: &Desk, name: &str, error: OfficeError) -> CliError {
    if !matches!(error, OfficeError::NotFound { .. }) {
        return desk.said(error);
    }
    match everybody(desk).await {
        Ok(all) if all.iter().any(|one| one.name == *name) => {
            CliError::Said(format!("{name} has no password"))
        }
        Ok(all) => {
            names::no_user(&desk.office.policy(), name, all.iter().map(|one| one.name.as_str()))
        }
        Err(error) => error,
    }
}

async fn everybody(desk: &Desk) -> Result<Vec<Analyst>, CliError> {
    Ok(desk.all(async |office: &Office, page| office.analysts(&page).await).await?.items)
}

async fn list(access: &Access) -> Result<(), CliError> {
    let desk = Desk::open(access).await?;
    let all = desk.all(async |office: &Office, page| office.analysts(&page).await).await?;
    desk.print(&all, |all| table(&all.items))
}

fn table(analysts: &[Analyst]) {
    let mut sheet = Sheet::new(&[
        Column::Text("NAME"),
        Column::Text("ROLES"),
        Column::Text("TEAMS"),
        Column::Word("LOG IN"),
        Column::Word("LAST SEEN (UTC)"),
        Column::Text("STATE"),
    ]);
    for analyst in analysts {
        let log_in = match (analyst.can_log_in, &analyst.added_at) {
            (true, _) => "yes",
            (false, Some(_)) => "no role",
            (false, None) => "no password",
        };
        sheet.row([
            analyst.name.clone(),
            listed(&analyst.roles),
            listed(&analyst.teams),
            log_in.to_owned(),
            analyst.last_seen_at.as_deref().map_or_else(|| "never".to_owned(), minute),
            if analyst.frozen { "frozen" } else { "open" }.to_owned(),
        ]);
    }
    sheet.print();
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
