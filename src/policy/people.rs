//! Teams, roles and budgets, which name each other: who may ask, and what pays.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::error::{PolicyError, Source};
use super::meant::{Budget, Member, Per, Places, Role, RoleAnswers};
use super::teams::Team;
use super::text::is_analyst_name;
use super::{budgets, written};

/// Statements of one analyst that a proxy answers at once, unless the role says otherwise.
pub(super) const CONCURRENT: u32 = 16;

/// Teams, roles and budgets, which name each other.
pub(super) struct People {
    pub(super) teams: BTreeMap<String, Team>,
    pub(super) roles: Vec<Role>,
    pub(super) budgets: BTreeMap<String, Budget>,
}

pub(super) fn read(
    source: &Source<'_>,
    file: &written::File,
    places: &mut Places,
) -> Result<People, PolicyError> {
    let teams = source.each(&file.teams, "team", |_, team| {
        let members = team.members.get_ref().iter().map(|member| analyst(source, member));
        Ok(Team { named: members.collect::<Result<_, _>>()?, ..Team::default() })
    })?;
    let budgets = source
        .each(&file.budgets, "budget", |name, written| budgets::read(source, name, written))?;
    for key in file.budgets.keys() {
        places.budgets.insert(key.get_ref().clone(), source.place(&key.span()));
    }
    let mut roles: Vec<Role> = Vec::new();
    for (key, written) in &file.roles {
        let name = source.short_name(key, "role")?;
        places.roles.insert(name.clone(), source.place(&key.span()));
        let role = role(source, key, written, &teams, &budgets)?;
        one_asking_role(source, written, &role, &roles, &teams)?;
        team_accounts(source, written, &role, &teams, &budgets)?;
        roles.push(role);
    }
    Ok(People { teams, roles, budgets })
}

fn analyst(source: &Source<'_>, member: &Spanned<String>) -> Result<String, PolicyError> {
    if is_analyst_name(member.get_ref()) {
        return Ok(member.get_ref().clone());
    }
    Err(source.wrong(
        &member.span(),
        format!("`{}` cannot be the name of an analyst", member.get_ref()),
        "write the name as it logs in: up to 63 bytes without spaces, `/` and `:`",
    ))
}

fn role(
    source: &Source<'_>,
    key: &Spanned<String>,
    written: &written::Role,
    teams: &BTreeMap<String, Team>,
    budgets: &BTreeMap<String, Budget>,
) -> Result<Role, PolicyError> {
    let name = key.get_ref().clone();
    let members = written
        .members
        .iter()
        .map(|m| member(source, m, teams))
        .collect::<Result<Vec<_>, PolicyError>>()?;
    let auditor = written.auditor.as_ref().is_some_and(|auditor| *auditor.get_ref());
    if let Some(both) = written.auditor.as_ref().filter(|_| auditor && written.admin) {
        return Err(source.wrong(
            &both.span(),
            format!("the role {name} both changes budgets and audits the changes"),
            "remove admin or auditor, and make two roles",
        ));
    }
    let quiet = Role {
        name,
        members,
        answers: RoleAnswers::Nothing,
        pays: Vec::new(),
        epsilon_default: "0".to_owned(),
        epsilon_max: "0".to_owned(),
        admin: written.admin,
        auditor,
        concurrent: CONCURRENT,
    };
    let Some(answers) = &written.answers else {
        without_answers(source, key, written, &quiet)?;
        return Ok(quiet);
    };
    let answers = source.word(answers, "answers", &[("noisy", RoleAnswers::Noisy)])?;
    let (epsilon_default, epsilon_max) = per_query(source, key, written)?;
    let concurrent = match &written.concurrent {
        Some(most) => source.whole(most, "concurrent", 1, 10_000)?,
        None => CONCURRENT,
    };
    Ok(Role {
        answers,
        pays: pays(source, key, written, budgets)?,
        epsilon_default,
        epsilon_max,
        concurrent,
        ..quiet
    })
}

/// A role without answers is there for something else, and says nothing of them.
fn without_answers(
    source: &Source<'_>,
    key: &Spanned<String>,
    written: &written::Role,
    role: &Role,
) -> Result<(), PolicyError> {
    let of_answers = written.pays.as_ref().map(Spanned::span);
    let of_answers = of_answers.or(written.epsilon.as_ref().map(Spanned::span));
    let of_answers = of_answers.or(written.concurrent.as_ref().map(Spanned::span));
    if let Some(span) = of_answers {
        return Err(source.wrong(
            &span,
            "the role pays for answers and gets none",
            "add answers = \"noisy\", or remove pays, epsilon and concurrent",
        ));
    }
    if role.admin || role.auditor {
        return Ok(());
    }
    Err(source.wrong(
        &key.span(),
        format!("the role {} may do nothing", key.get_ref()),
        "add answers = \"noisy\" with pays and epsilon, or admin = true, or auditor = true",
    ))
}

fn member(
    source: &Source<'_>,
    written: &Spanned<String>,
    teams: &BTreeMap<String, Team>,
) -> Result<Member, PolicyError> {
    match written.get_ref().strip_prefix("team:") {
        Some(team) if teams.contains_key(team) => Ok(Member::Team(team.to_owned())),
        Some(team) => Err(source.wrong(
            &written.span(),
            format!("there is no team `{team}`"),
            format!("add [teams.{team}] with members, or name another team"),
        )),
        None => analyst(source, written).map(Member::Analyst),
    }
}

fn per_query(
    source: &Source<'_>,
    key: &Spanned<String>,
    written: &written::Role,
) -> Result<(String, String), PolicyError> {
    let Some(epsilon) = &written.epsilon else {
        return Err(source.wrong(
            &key.span(),
            format!("the role {} does not say what a query costs", key.get_ref()),
            "add epsilon = { default = 0.1, max = 0.5 }",
        ));
    };
    let (default, least) = source.positive(&epsilon.get_ref().default, "default")?;
    let (max, most) = source.positive(&epsilon.get_ref().max, "max")?;
    if least > most {
        return Err(source.wrong(
            &epsilon.span(),
            "default is above max",
            "lower default or raise max",
        ));
    }
    Ok((default, max))
}

fn pays(
    source: &Source<'_>,
    key: &Spanned<String>,
    written: &written::Role,
    budgets: &BTreeMap<String, Budget>,
) -> Result<Vec<String>, PolicyError> {
    let Some(pays) = written.pays.as_ref().filter(|pays| !pays.get_ref().is_empty()) else {
        return Err(source.wrong(
            &key.span(),
            format!("nothing pays for the answers of the role {}", key.get_ref()),
            "add pays = [\"<budget>\", …]",
        ));
    };
    let mut names = Vec::new();
    for budget in pays.get_ref() {
        let name = budget.get_ref();
        if !budgets.contains_key(name) {
            return Err(source.wrong(
                &budget.span(),
                format!("there is no budget `{name}`"),
                format!("add [budgets.{name}], or name another budget"),
            ));
        }
        if names.contains(name) {
            return Err(source.wrong(
                &budget.span(),
                format!("`{name}` pays twice"),
                "name each budget once",
            ));
        }
        names.push(name.clone());
    }
    Ok(names)
}

/// Who a role is, by name.
pub(super) fn analysts<'a>(role: &'a Role, teams: &'a BTreeMap<String, Team>) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for member in &role.members {
        match member {
            Member::Analyst(name) => _ = names.insert(name.as_str()),
            Member::Team(team) => {
                names.extend(teams.get(team).into_iter().flat_map(|team| team.holding(role)));
            }
        }
    }
    names
}

/// Two roles with answers would leave open which of them pays.
fn one_asking_role(
    source: &Source<'_>,
    written: &written::Role,
    role: &Role,
    earlier: &[Role],
    teams: &BTreeMap<String, Team>,
) -> Result<(), PolicyError> {
    if role.answers == RoleAnswers::Nothing {
        return Ok(());
    }
    let span = written.members.first().map(Spanned::span).unwrap_or_default();
    let names = analysts(role, teams);
    for other in earlier.iter().filter(|other| other.answers != RoleAnswers::Nothing) {
        if let Some(twice) = analysts(other, teams).intersection(&names).next() {
            return Err(source.wrong(
                &span,
                format!("{twice} gets answers by two roles, {} and {}", other.name, role.name),
                "leave each analyst in one role with answers",
            ));
        }
    }
    Ok(())
}

/// Who pays from a team's account must be in a team.
fn team_accounts(
    source: &Source<'_>,
    written: &written::Role,
    role: &Role,
    teams: &BTreeMap<String, Team>,
    budgets: &BTreeMap<String, Budget>,
) -> Result<(), PolicyError> {
    let of_team = |name: &&String| budgets.get(*name).is_some_and(|budget| budget.per == Per::Team);
    let Some(budget) = role.pays.iter().find(of_team) else { return Ok(()) };
    for name in analysts(role, teams) {
        if !teams.values().any(|team| team.holds(name)) {
            let span = written.pays.as_ref().map(Spanned::span).unwrap_or_default();
            return Err(source.wrong(
                &span,
                format!("{name} is in no team, and {budget} is a budget of teams"),
                format!("add {name} to a team, or make a role that pays otherwise"),
            ));
        }
    }
    Ok(())
}
