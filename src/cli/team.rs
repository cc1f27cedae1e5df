//! `noisegate team`: who learns together.

use super::args::{Access, Membership, NewTeam, OneTeam, Team};
use super::desk::{Desk, order};
use super::error::CliError;
use super::names;
use super::table::{Column, Sheet, listed};
use crate::admin::office::{Office, OfficeError};
use crate::admin::shown;

pub(super) async fn run(args: &Team) -> Result<(), CliError> {
    match args {
        Team::List(access) => list(access).await,
        Team::Add(args) => add(args).await,
        Team::Remove(args) => remove(args).await,
        Team::Join(args) => join(args).await,
        Team::Leave(args) => leave(args).await,
    }
}

async fn list(access: &Access) -> Result<(), CliError> {
    let desk = Desk::open(access).await?;
    let all = desk.all(async |office: &Office, page| office.teams(&page).await).await?;
    desk.print(&all, |all| table(&all.items))
}

async fn add(args: &NewTeam) -> Result<(), CliError> {
    let OneTeam { team, why, access } = &args.of;
    let desk = Desk::open(access).await?;
    let added = desk.office.add_team(team, args.role.as_deref(), &order(&why.why)).await;
    show(&desk, &added.map_err(|error| desk.said(error))?, "is there, and nobody is in it")
}

async fn remove(args: &OneTeam) -> Result<(), CliError> {
    let desk = Desk::open(&args.access).await?;
    match desk.office.remove_team(&args.team, &order(&args.why.why)).await {
        Ok(()) => desk.tell(format_args!("{} is no team any more", args.team)),
        Err(error) => return Err(about(&desk, &args.team, None, error).await),
    }
    Ok(())
}

async fn join(args: &Membership) -> Result<(), CliError> {
    let desk = Desk::open(&args.access).await?;
    let Membership { team, analyst, why, .. } = args;
    match desk.office.join_team(team, analyst, &order(&why.why)).await {
        Ok(now) => show(&desk, &now, &format!("has {analyst} in it")),
        Err(error) => Err(about(&desk, team, Some(analyst), error).await),
    }
}

async fn leave(args: &Membership) -> Result<(), CliError> {
    let desk = Desk::open(&args.access).await?;
    let Membership { team, analyst, why, .. } = args;
    match desk.office.leave_team(team, analyst, &order(&why.why)).await {
        Ok(now) => show(&desk, &now, &format!("does not have {analyst} in it any more")),
        Err(error) => Err(about(&desk, team, Some(analyst), error).await),
    }
}

fn show(desk: &Desk, team: &shown::Team, says: &str) -> Result<(), CliError> {
    desk.tell(format_args!("{} {says}\n", team.name));
    desk.print(team, |team| table(std::slice::from_ref(team)))
}

fn table(teams: &[shown::Team]) {
    let mut sheet = Sheet::new(&[
        Column::Text("TEAM"),
        Column::Text("MEMBERS"),
        Column::Text("ADDED HERE"),
        Column::Text("ROLES"),
        Column::Text("ACCOUNTS"),
        Column::Word("MADE BY"),
    ]);
    for team in teams {
        sheet.row([
            team.name.clone(),
            listed(&team.members),
            listed(&team.added),
            listed(&team.roles),
            listed(&team.accounts),
            if team.made { "an administrator" } else { "the policy" }.to_owned(),
        ]);
    }
    sheet.print();
}

/// An error about a team and an analyst, with the names that are most like theirs.
async fn about(desk: &Desk, team: &str, analyst: Option<&str>, error: OfficeError) -> CliError {
    let OfficeError::NotFound { what, .. } = &error else { return desk.said(error) };
    let policy = desk.office.policy();
    match (*what, analyst) {
        ("team", _) => names::no_team(&policy, team),
        ("member", Some(analyst)) => CliError::Said(format!("{analyst} is not in the team {team}")),
        (_, Some(analyst)) => {
            let all = desk.all(async |office: &Office, page| office.analysts(&page).await).await;
            match all {
                Ok(all) => {
                    let known = all.items.iter().map(|one| one.name.as_str());
                    names::no_user(&policy, analyst, known)
                }
                Err(error) => error,
            }
        }
        _ => desk.said(error),
    }
}
