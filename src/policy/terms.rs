//! What one analyst may do, and which accounts pay for it.

use super::meant::{Budget, Per, Policy, RoleAnswers};
use super::people::analysts;

/// The terms on which one analyst gets answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The role that gives them.
    pub role: String,
    /// What a query spends unless it asks otherwise; exact decimal text.
    pub epsilon_default: String,
    /// The most a query may spend; exact decimal text.
    pub epsilon_max: String,
    /// The accounts that all pay, each with its budget: `each_analyst/alice`, `data_team/data`, `shop`.
    pub pays: Vec<(String, Budget)>,
}

impl Policy {
    /// The terms of an analyst; nothing for anybody else. An analyst of several teams pays from the
    /// accounts of them all, since all of them learn what is answered.
    pub fn terms(&self, analyst: &str) -> Option<Terms> {
        let role = self.roles.iter().find(|role| {
            role.answers == RoleAnswers::Noisy && analysts(role, &self.teams).contains(analyst)
        })?;
        let mut pays = Vec::new();
        for name in &role.pays {
            let budget = self.budgets.get(name)?;
            match budget.per {
                Per::Analyst => pays.push((format!("{name}/{analyst}"), budget.clone())),
                Per::Dataset => pays.push((name.clone(), budget.clone())),
                Per::Team => pays.extend(
                    self.teams_of(analyst).map(|team| (format!("{name}/{team}"), budget.clone())),
                ),
            }
        }
        Some(Terms {
            role: role.name.clone(),
            epsilon_default: role.epsilon_default.clone(),
            epsilon_max: role.epsilon_max.clone(),
            pays,
        })
    }

    /// Whether an analyst may change budgets.
    pub fn is_admin(&self, analyst: &str) -> bool {
        self.roles.iter().any(|role| role.admin && analysts(role, &self.teams).contains(analyst))
    }

    fn teams_of(&self, analyst: &str) -> impl Iterator<Item = &str> {
        self.teams
            .iter()
            .filter(move |(_, members)| members.iter().any(|member| member == analyst))
            .map(|(team, _)| team.as_str())
    }
}
