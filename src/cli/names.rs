//! What somebody means who types a name, and what to say if there is no such thing.

use super::error::CliError;
use super::table::counted;
use crate::admin::shown::Token;
use crate::policy::{DeclaredAccount, Policy};

/// From this likeness on, a name may have been meant.
const ALIKE: f64 = 0.75;
const CLOSEST_MAX: usize = 3;
/// The longest name that is told back.
const TOLD_CHARACTERS: usize = 100;
/// As many candidates as are read.
const CANDIDATES_MAX: usize = 10;

/// The id of the account that is meant: by its id, or by the name of the analyst or team whose
/// only account it is.
pub(super) fn account(policy: &Policy, typed: &str) -> Result<String, CliError> {
    let all = policy.every_account();
    if all.iter().any(|account| account.id == typed) {
        return Ok(typed.to_owned());
    }
    let held: Vec<&str> = ids(&all, |account| account.holder == Some(typed));
    if let [one] = held.as_slice() {
        return Ok((*one).to_owned());
    }
    let name = told(typed);
    if !held.is_empty() {
        let (count, held) = (counted(held.len(), "account", "accounts"), listed(&held));
        return Err(CliError::Said(format!("{name} has {count}, name one of them: {held}")));
    }
    let of_budget = ids(&all, |account| account.budget.name == typed);
    if !of_budget.is_empty() {
        let of_budget = listed(&of_budget);
        return Err(CliError::Said(format!(
            "{name} is a budget, name one of its accounts: {of_budget}"
        )));
    }
    if let Some(terms) = policy.terms(typed) {
        let pays: Vec<&str> = terms.pays.iter().map(|(id, _)| id.as_str()).collect();
        let pays = listed(&pays);
        return Err(CliError::Said(format!(
            "{name} has no account alone; what {name} asks is paid from {pays}"
        )));
    }
    let close = closest(typed, all.iter().map(|account| account.id.as_str()));
    Err(unknown("account", typed, &close, "noisegate budget list"))
}

/// The id of the token that is meant: by its id, or by the name that no other token has.
pub(super) fn token(all: &[Token], typed: &str) -> Result<String, CliError> {
    let named: Vec<&str> =
        all.iter().filter(|token| token.name == typed).map(|token| token.id.as_str()).collect();
    if all.iter().any(|token| token.id == typed) {
        return Ok(typed.to_owned());
    }
    match named.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => {
            let names = all.iter().flat_map(|token| [token.id.as_str(), token.name.as_str()]);
            Err(unknown("token", typed, &closest(typed, names), "noisegate token list"))
        }
        several => {
            let (name, several) = (told(typed), listed(several));
            Err(CliError::Said(format!(
                "several tokens are called {name}, name one by its id: {several}"
            )))
        }
    }
}

/// There is no user of this name.
pub(super) fn no_user<'a>(
    policy: &Policy,
    typed: &str,
    known: impl Iterator<Item = &'a str>,
) -> CliError {
    if policy.teams.contains_key(typed) {
        let sentence =
            format!("{typed} is a team; `noisegate budget freeze {typed}` stops its account");
        return CliError::Said(sentence);
    }
    unknown("user", typed, &closest(typed, known), "noisegate user list")
}

/// There is no team of this name.
pub(super) fn no_team(policy: &Policy, typed: &str) -> CliError {
    let close = closest(typed, policy.teams.keys().map(String::as_str));
    unknown("team", typed, &close, "noisegate team list")
}

fn unknown(what: &str, typed: &str, close: &[&str], list: &str) -> CliError {
    let meant = match close {
        [] => String::new(),
        close => format!("; did you mean {}?", close.join(" or ")),
    };
    let then = if close.is_empty() { ";" } else { "" };
    CliError::Said(format!("there is no {what} {}{meant}{then} `{list}` shows all", told(typed)))
}

/// The names that are most like what was typed.
fn closest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let typed: String = typed.chars().take(TOLD_CHARACTERS).collect::<String>().to_lowercase();
    let like = |name: &str| {
        let name = name.to_lowercase();
        let parts = name.rsplit('/').map(|part| strsim::jaro_winkler(&typed, part));
        parts.fold(strsim::jaro_winkler(&typed, &name), f64::max)
    };
    let mut found: Vec<(f64, &str)> =
        names.map(|name| (like(name), name)).filter(|(like, _)| *like >= ALIKE).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    found.dedup_by_key(|(_, name)| *name);
    found.into_iter().map(|(_, name)| name).take(CLOSEST_MAX).collect()
}

fn ids<'a>(
    all: &'a [DeclaredAccount<'_>],
    fits: impl Fn(&DeclaredAccount<'_>) -> bool,
) -> Vec<&'a str> {
    all.iter().filter(|account| fits(account)).map(|account| account.id.as_str()).collect()
}

/// The first names of a list, and how many there are besides.
fn listed(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().copied().take(CANDIDATES_MAX).collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        rest => format!("{} and {rest} more", shown.join(", ")),
    }
}

/// A name as it is told back.
fn told(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_control()).take(TOLD_CHARACTERS).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Who pays from what: alice and bob are in the teams data and bob, and have accounts of two
    /// budgets; dora has none alone.
    const POLICY: &str = r#"
        version = 1
        server = { listen = "127.0.0.1:0", admin = "127.0.0.1:0", ledger = "sqlite:l.db", source = "postgres://r@nowhere.invalid/s", shadow = "postgres://o@nowhere.invalid/s" }
        teams.data.members = ["alice"]
        teams.bob.members = ["bob"]
        roles.one = { members = ["alice", "bob"], answers = "noisy", pays = ["each", "team"], epsilon = { default = 0.1, max = 1 } }
        roles.two = { members = ["dora"], answers = "noisy", pays = ["shop"], epsilon = { default = 0.1, max = 1 } }
        budgets.each = { per = "analyst", epsilon = 1, delta = 1e-7, window = "30d" }
        budgets.team = { per = "team", epsilon = 1, delta = 1e-7, window = "30d" }
        budgets.shop = { per = "dataset", epsilon = 1, delta = 1e-7, window = "lifetime" }
    "#;

    #[test]
    fn a_name_means_an_account_if_it_means_one() {
        let policy = Policy::parse(POLICY, "p").unwrap();
        let meant = |typed: &str| account(&policy, typed).map_err(|error| error.to_string());
        for (typed, id) in [("alice", "each/alice"), ("data", "team/data"), ("shop", "shop")] {
            assert_eq!(meant(typed).as_deref(), Ok(id), "{typed}");
        }
        assert_eq!(meant("each/bob").as_deref(), Ok("each/bob"));
        let refused = [
            ("bob", "bob has 2 accounts, name one of them: each/bob, team/bob"),
            ("each", "each is a budget, name one of its accounts: each/alice, each/bob"),
            ("dora", "dora has no account alone; what dora asks is paid from shop"),
            (
                "ecah/bob",
                "there is no account ecah/bob; did you mean each/bob or team/bob or each/alice? \
                 `noisegate budget list` shows all",
            ),
            ("x\u{1b}y", "there is no account xy; `noisegate budget list` shows all"),
        ];
        for (typed, sentence) in refused {
            assert_eq!(meant(typed), Err(sentence.to_owned()));
        }
        assert!(meant(&"x".repeat(100_000)).unwrap_err().len() < 200);
    }
}
