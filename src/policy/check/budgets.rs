//! Findings that need no schema: promises that do not hold what they sound like.

use noisegate_privacy::budget::Accountant;

use super::Finding;
use crate::policy::meant::{Per, Policy, Role, RoleAnswers, TableRule};
use crate::policy::text::Decimal;

/// The least group that hides anybody.
const LEAST_GROUP: u32 = 3;

pub(super) fn check(policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    if policy.defaults.min_group < LEAST_GROUP {
        findings.push(Finding::error(
            policy.places.min_group,
            format!("groups of {} people may be shown", policy.defaults.min_group),
            format!("write min_group = {LEAST_GROUP} or more"),
        ));
    }
    for role in policy.roles.iter().filter(|role| role.answers == RoleAnswers::Noisy) {
        findings.extend(no_promise(policy, role));
        findings.extend(too_dear(policy, role));
    }
    findings.extend(throttles(policy));
    findings.extend(deltas(policy));
    findings
}

fn no_promise(policy: &Policy, role: &Role) -> Option<Finding> {
    let lasting = role.pays.iter().filter_map(|name| policy.budgets.get(name));
    let promised =
        lasting.into_iter().any(|budget| budget.per == Per::Dataset && budget.window.is_none());
    (!promised).then(|| {
        Finding::warning(
            policy.places.roles.get(&role.name).copied(),
            format!("no lifetime budget of the dataset pays for the answers of {}", role.name),
            "add one with per = \"dataset\" and window = \"lifetime\"; budgets that refill promise nothing in the end",
        )
    })
}

fn too_dear(policy: &Policy, role: &Role) -> Vec<Finding> {
    let Some(most) = Decimal::parse(&role.epsilon_max) else { return Vec::new() };
    let paying = role.pays.iter().filter_map(|name| policy.budgets.get(name));
    paying
        .filter(|budget| Decimal::parse(&budget.epsilon).is_some_and(|all| most > all))
        .map(|budget| {
            Finding::error(
                policy.places.roles.get(&role.name).copied(),
                format!(
                    "one query of {} may cost {}, and all of {} is {}",
                    role.name, role.epsilon_max, budget.name, budget.epsilon
                ),
                format!("write max = {} or less, or raise the budget", budget.epsilon),
            )
        })
        .collect()
}

fn throttles(policy: &Policy) -> Vec<Finding> {
    let unordered = policy.budgets.values().filter(|budget| {
        let shares: Vec<_> = budget.throttle.iter().map(|step| Decimal::parse(&step.at)).collect();
        !shares.is_sorted_by(|earlier, later| earlier < later)
    });
    unordered
        .map(|budget| {
            Finding::error(
                policy.places.budgets.get(&budget.name).copied(),
                format!("the steps of throttle of {} are out of order", budget.name),
                "let `at` rise from step to step",
            )
        })
        .collect()
}

/// δ is the chance that somebody is simply shown, so over all people it must stay far below one.
fn deltas(policy: &Policy) -> Vec<Finding> {
    let people = policy.tables.values().filter_map(|rule| match rule {
        TableRule::Private(table) => table.people,
        TableRule::Public { .. } => None,
    });
    let zcdp = || policy.budgets.values().filter(|budget| budget.accountant == Accountant::Zcdp);
    let Some(people) = people.max() else {
        return zcdp()
            .take(1)
            .map(|budget| {
                Finding::warning(
                    policy.places.budgets.get(&budget.name).copied(),
                    "no table says how many people there are, so delta cannot be judged",
                    "add people = <at least how many> to the table whose rows are people",
                )
            })
            .collect();
    };
    let tenth = Decimal::parse("0.1");
    zcdp()
        .filter(|budget| Decimal::parse(&budget.delta).map(|delta| delta.times(people)) > tenth)
        .map(|budget| {
            Finding::error(
                policy.places.budgets.get(&budget.name).copied(),
                format!(
                    "delta = {} of {} is too much for {people} people",
                    budget.delta, budget.name
                ),
                format!("write at most 1 / (10 × {people})"),
            )
        })
        .collect()
}
