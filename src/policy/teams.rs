//! Teams, which the file names and administrators fill.
//!
//! Whom the file names is for the file to say. Administrators add others, and make teams of their
//! own, and that is kept in the ledger. It gives answers and never power: who administers or audits
//! is in the file alone, so nobody becomes an administrator by way of a team.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::meant::{Member, Policy, Role, RoleAnswers};
use super::people::analysts;

/// A set of analysts who learn together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Team {
    /// Whom the file names.
    pub named: Vec<String>,
    /// Whom administrators added.
    pub added: BTreeSet<String>,
    /// Those of them who administer or audit by the file: they are in no team by it.
    pub barred: BTreeSet<String>,
    /// Whether administrators made it; the file does not know it then.
    pub made: bool,
}

impl Team {
    /// All who are in it.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        let added =
            self.added.iter().filter(|name| !self.names(name) && !self.barred.contains(*name));
        self.named.iter().chain(added).map(String::as_str)
    }

    /// Those of them who hold a role that the team does: of one with power, only whom the file names.
    pub(super) fn holding<'a>(&'a self, role: &Role) -> impl Iterator<Item = &'a str> {
        let named_only = role.has_power();
        self.members().filter(move |name| !named_only || self.names(name))
    }

    /// Whether the file names somebody.
    pub fn names(&self, analyst: &str) -> bool {
        self.named.iter().any(|name| name == analyst)
    }

    /// Whether somebody is in it.
    pub fn holds(&self, analyst: &str) -> bool {
        self.members().any(|name| name == analyst)
    }
}

/// Somebody who would get answers by two roles, and so gets none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubled {
    /// Who.
    pub analyst: String,
    /// By which roles.
    pub roles: Vec<String>,
}

impl fmt::Display for Doubled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { analyst, roles } = self;
        write!(
            f,
            "{analyst} would get answers by two roles, {}, and gets none",
            roles.join(" and ")
        )
    }
}

impl Role {
    /// Whether it gives answers and nothing else, so that administrators may let others hold it.
    pub fn only_asks(&self) -> bool {
        self.answers == RoleAnswers::Noisy && !self.has_power()
    }

    /// Whether it administers or audits.
    pub(super) fn has_power(&self) -> bool {
        self.admin || self.auditor
    }

    /// Whether it is held by all of a team.
    pub fn is_of(&self, team: &str) -> bool {
        self.members.iter().any(|member| matches!(member, Member::Team(name) if name == team))
    }
}

impl Policy {
    /// The same policy with the teams as administrators made and filled them, whatever they were
    /// before. `made` says which role the members of a new team hold, `members` whom they added. A
    /// role that is not there, or that has power, is held by nobody that way.
    #[must_use]
    pub fn with_teams(
        mut self,
        made: &BTreeMap<String, Option<String>>,
        members: &BTreeMap<String, BTreeSet<String>>,
    ) -> Self {
        let Self { teams, roles, .. } = &mut self;
        for role in roles.iter_mut() {
            let of_file = |member: &Member| match member {
                Member::Analyst(_) => true,
                Member::Team(name) => teams.get(name).is_some_and(|team| !team.made),
            };
            role.members.retain(of_file);
        }
        teams.retain(|_, team| !team.made);
        for team in teams.values_mut() {
            team.added.clear();
            team.barred.clear();
        }
        for (name, role) in made {
            // A name that the file has taken since is the file's.
            if teams.contains_key(name) {
                continue;
            }
            teams.insert(name.clone(), Team { made: true, ..Team::default() });
            let role = roles.iter_mut().find(|known| Some(&known.name) == role.as_ref());
            if let Some(role) = role.filter(|role| role.only_asks()) {
                role.members.push(Member::Team(name.clone()));
            }
        }
        let with_power = roles.iter().filter(|role| role.has_power());
        let with_power = with_power.flat_map(|role| analysts(role, teams));
        let with_power: BTreeSet<String> = with_power.map(str::to_owned).collect();
        for (name, added) in members {
            if let Some(team) = teams.get_mut(name) {
                team.added.clone_from(added);
                team.barred = added.intersection(&with_power).cloned().collect();
            }
        }
        self
    }

    /// Who would get answers by two roles. The file allows it to nobody; a team can bring it about.
    pub fn doubled(&self) -> Vec<Doubled> {
        let mut roles: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for role in self.roles.iter().filter(|role| role.answers == RoleAnswers::Noisy) {
            for analyst in analysts(role, &self.teams) {
                roles.entry(analyst).or_default().push(role.name.clone());
            }
        }
        let doubled = roles.into_iter().filter(|(_, roles)| roles.len() > 1);
        doubled.map(|(analyst, roles)| Doubled { analyst: analyst.to_owned(), roles }).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// alice asks by the team data, bob by himself; carol administers, by the team heads.
    const POLICY: &str = r#"
        version = 1
        server = { listen = "127.0.0.1:0", admin = "127.0.0.1:0", ledger = "sqlite:l.db", source = "postgres://r@nowhere.invalid/s", shadow = "postgres://o@nowhere.invalid/s" }
        teams.data.members = ["alice"]
        teams.heads.members = ["carol"]
        roles.analyst = { members = ["team:data"], answers = "noisy", pays = ["each", "team"], epsilon = { default = 0.1, max = 1 } }
        roles.guest = { members = ["bob"], answers = "noisy", pays = ["each"], epsilon = { default = 0.1, max = 1 } }
        roles.lead = { members = ["team:heads"], answers = "noisy", admin = true, pays = ["each"], epsilon = { default = 0.1, max = 1 } }
        budgets.each = { per = "analyst", epsilon = 1, delta = 1e-7, window = "30d" }
        budgets.team = { per = "team", epsilon = 1, delta = 1e-7, window = "30d" }
    "#;

    fn with(made: &[(&str, &str)], members: &[(&str, &str)]) -> Policy {
        let made = made.iter().map(|(team, role)| ((*team).to_owned(), Some((*role).to_owned())));
        let mut added: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (team, analyst) in members {
            added.entry((*team).to_owned()).or_default().insert((*analyst).to_owned());
        }
        Policy::parse(POLICY, "p").unwrap().with_teams(&made.collect(), &added)
    }

    fn pays(policy: &Policy, analyst: &str) -> Option<String> {
        let ids = policy.terms(analyst)?.pays.into_iter().map(|(id, _)| id);
        Some(ids.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn who_is_added_asks_and_pays_as_the_team_does() {
        let policy = with(
            &[("lab", "analyst"), ("idle", "nobody")],
            &[
                ("data", "dora"),
                ("lab", "dora"),
                ("lab", "emil"),
                ("idle", "finn"),
                ("gone", "gail"),
            ],
        );
        assert_eq!(pays(&policy, "dora").unwrap(), "each/dora team/data team/lab");
        assert_eq!(pays(&policy, "emil").unwrap(), "each/emil team/lab");
        assert_eq!(pays(&policy, "alice").unwrap(), "each/alice team/data");
        assert_eq!((pays(&policy, "finn"), pays(&policy, "gail")), (None, None));
        let accounts: Vec<_> = policy.every_account().into_iter().map(|one| one.id).collect();
        assert!(accounts.contains(&"team/lab".to_owned()), "{accounts:?}");
        assert_eq!(policy.doubled(), []);
        // What was there before is not there any more, and the file's is untouched.
        let none = policy.with_teams(&BTreeMap::new(), &BTreeMap::new());
        let file = Policy::parse(POLICY, "p").unwrap();
        assert_eq!((none.teams, none.roles), (file.teams, file.roles));
    }

    #[test]
    fn nobody_becomes_an_administrator_by_a_team() {
        let policy = with(&[("lab", "lead")], &[("heads", "eve"), ("lab", "eve")]);
        assert!(policy.is_admin("carol") && !policy.is_admin("eve"));
        assert_eq!(pays(&policy, "eve"), None);
        assert!(policy.teams.get("heads").unwrap().holds("eve"));
    }

    #[test]
    fn who_administers_does_not_ask_by_a_team() {
        let policy = with(&[], &[("data", "frank")]);
        assert_eq!(pays(&policy, "frank").unwrap(), "each/frank team/data");
        let promoted = format!("{POLICY}roles.boss = {{ members = [\"frank\"], admin = true }}\n");
        let promoted = Policy::parse(&promoted, "p").unwrap();
        let members = [("data".to_owned(), ["frank".to_owned()].into())].into();
        let promoted = promoted.with_teams(&BTreeMap::new(), &members);
        assert_eq!(pays(&promoted, "frank"), None);
        assert!(promoted.only_administers("frank"));
        assert!(!promoted.teams.get("data").unwrap().holds("frank"));
    }

    #[test]
    fn who_would_get_answers_by_two_roles_gets_none() {
        let policy = with(&[], &[("data", "bob")]);
        assert_eq!(pays(&policy, "bob"), None);
        let roles = vec!["analyst".to_owned(), "guest".to_owned()];
        assert_eq!(policy.doubled(), [Doubled { analyst: "bob".to_owned(), roles }]);
        // And gets a team the name of one of the file's, the file's stays.
        let policy = with(&[("data", "guest")], &[("data", "dora")]);
        assert_eq!(policy.terms("dora").unwrap().role, "analyst");
    }
}
