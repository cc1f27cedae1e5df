//! What one analyst may do, and which accounts pay for it.

use std::collections::BTreeMap;

use super::meant::{Budget, Member, Per, Policy, Role, RoleAnswers};
use super::people::{CONCURRENT, analysts};

/// The terms on which one analyst gets answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The role that gives them.
    pub role: String,
    /// What a query spends unless it asks otherwise; exact decimal text.
    pub epsilon_default: String,
    /// The most a query may spend; exact decimal text.
    pub epsilon_max: String,
    /// The accounts that all pay, each with its budget: `each_analyst/alice`, `data_team/data`,
    /// `shop`; or `shop:analyst` where each role has its own.
    pub pays: Vec<(String, Budget)>,
}

/// An account that the policy makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredAccount<'a> {
    /// Its id: `shop`, `data_team/data`, `each_analyst:analyst/alice`.
    pub id: String,
    /// Its budget.
    pub budget: &'a Budget,
    /// The role that it is of, where each role has its own.
    pub role: Option<&'a str>,
    /// The analyst or the team that it is of; none for the dataset.
    pub holder: Option<&'a str>,
}

impl Policy {
    /// The terms of an analyst; nothing for anybody else, and nothing for somebody with two roles that
    /// answer, since nobody said which of them pays. An analyst of several teams pays from the
    /// accounts of them all, since all of them learn what is answered.
    pub fn terms(&self, analyst: &str) -> Option<Terms> {
        let mut roles = self.asking_roles().filter(|role| self.is_held(role, analyst));
        let role = roles.next()?;
        if roles.next().is_some() {
            return None;
        }
        let mut pays = Vec::new();
        for budget in self.paying(role) {
            let accounts = self.accounts_of(role, budget, analyst);
            pays.extend(accounts.map(|account| (account.id, budget.clone())));
        }
        Some(Terms {
            role: role.name.clone(),
            epsilon_default: role.epsilon_default.clone(),
            epsilon_max: role.epsilon_max.clone(),
            pays,
        })
    }

    /// How many statements of an analyst a proxy answers at once; for anybody else as many as for
    /// a role that does not say it.
    pub fn concurrent(&self, analyst: &str) -> u32 {
        let asking = self.roles_of(analyst).find(|role| role.answers == RoleAnswers::Noisy);
        asking.map_or(CONCURRENT, |role| role.concurrent)
    }

    /// Whether somebody administers or audits budgets, and asks nothing.
    pub fn only_administers(&self, name: &str) -> bool {
        (self.is_admin(name) || self.is_auditor(name)) && self.terms(name).is_none()
    }

    /// Whether an analyst may change budgets.
    pub fn is_admin(&self, analyst: &str) -> bool {
        self.roles_of(analyst).any(|role| role.admin)
    }

    /// Whether an analyst may look at everything that administrators can.
    pub fn is_auditor(&self, analyst: &str) -> bool {
        self.roles_of(analyst).any(|role| role.auditor)
    }

    /// The roles that an analyst holds.
    pub fn roles_of<'a>(&'a self, analyst: &'a str) -> impl Iterator<Item = &'a Role> {
        self.roles.iter().filter(move |role| self.is_held(role, analyst))
    }

    /// Whether an analyst holds a role.
    fn is_held(&self, role: &Role, analyst: &str) -> bool {
        role.members.iter().any(|member| match member {
            Member::Analyst(name) => name == analyst,
            Member::Team(team) => {
                let team = self.teams.get(team);
                team.is_some_and(|team| team.holding(role).any(|name| name == analyst))
            }
        })
    }

    /// The teams that an analyst is in.
    pub fn teams_of<'a>(&'a self, analyst: &'a str) -> impl Iterator<Item = &'a str> {
        let teams = self.teams.iter().filter(move |(_, team)| team.holds(analyst));
        teams.map(|(team, _)| team.as_str())
    }

    /// Every account that some analyst's answers are paid from, by id. An account of somebody whom
    /// the policy no longer names is not among them.
    pub fn every_account(&self) -> Vec<DeclaredAccount<'_>> {
        let mut accounts = BTreeMap::new();
        for role in self.asking_roles() {
            for budget in self.paying(role) {
                // A dataset's account is there before anybody may ask.
                let of_all = (budget.per == Per::Dataset).then(|| account(role, budget, None));
                let names = analysts(role, &self.teams).into_iter();
                let each = names.flat_map(|analyst| self.accounts_of(role, budget, analyst));
                accounts.extend(of_all.into_iter().chain(each).map(|one| (one.id.clone(), one)));
            }
        }
        accounts.into_values().collect()
    }

    fn asking_roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.iter().filter(|role| role.answers == RoleAnswers::Noisy)
    }

    fn paying<'a>(&'a self, role: &'a Role) -> impl Iterator<Item = &'a Budget> {
        role.pays.iter().filter_map(|name| self.budgets.get(name))
    }

    /// The accounts of one budget that an analyst's answers are paid from.
    fn accounts_of<'a>(
        &'a self,
        role: &'a Role,
        budget: &'a Budget,
        analyst: &'a str,
    ) -> impl Iterator<Item = DeclaredAccount<'a>> {
        let holders = match budget.per {
            Per::Analyst => vec![Some(analyst)],
            Per::Team => self.teams_of(analyst).map(Some).collect(),
            Per::Dataset => vec![None],
        };
        holders.into_iter().map(move |holder| account(role, budget, holder))
    }
}

fn account<'a>(role: &'a Role, budget: &'a Budget, holder: Option<&'a str>) -> DeclaredAccount<'a> {
    // Names of budgets and roles hold neither of the two signs.
    let mut id = budget.name.clone();
    let role = budget.by_role.then_some(role.name.as_str());
    for (sign, name) in [(':', role), ('/', holder)] {
        if let Some(name) = name {
            id.push(sign);
            id.push_str(name);
        }
    }
    DeclaredAccount { id, budget, role, holder }
}
