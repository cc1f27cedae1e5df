//! Findings that need no schema: promises that do not hold what they sound like.

use noisegate_privacy::budget::{Accountant, Epsilon, Rho};

use super::Finding;
use crate::policy::meant::{Budget, Per, Policy, Role, RoleAnswers, TableRule, Window};
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
        findings.extend(stretched_at_once(policy, role));
    }
    findings.extend(throttles(policy));
    findings.extend(deltas(policy));
    findings
}

/// Whether all answers together are within one account that never refills.
fn is_promise(budget: &Budget) -> bool {
    budget.per == Per::Dataset && budget.window == Window::Lifetime && !budget.by_role
}

fn no_promise(policy: &Policy, role: &Role) -> Option<Finding> {
    let lasting = role.pays.iter().filter_map(|name| policy.budgets.get(name));
    let promised = lasting.into_iter().any(is_promise);
    (!promised).then(|| {
        Finding::warning(
            policy.places.roles.get(&role.name).copied(),
            format!("no lifetime budget of the dataset pays for the answers of {}", role.name),
            "add one with per = \"dataset\" and window = \"lifetime\", and without by_role; budgets that refill promise nothing in the end, and those of roles add up",
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

/// A budget that leaves enough for so many more queries than its accountant lets it pay for.
fn stretched_at_once(policy: &Policy, role: &Role) -> Vec<Finding> {
    let Ok(epsilon) = Epsilon::parse(&role.epsilon_default) else { return Vec::new() };
    let paying = role.pays.iter().filter_map(|name| policy.budgets.get(name));
    let stretched = paying.filter_map(|budget| Some((budget, budget.stretch?)));
    stretched
        .filter(|(budget, queries)| {
            let (cost, limit) = match (budget.accountant, budget.limit()) {
                (Accountant::Zcdp, Some(limit)) => (Rho::of_epsilon(&epsilon).cost(), limit.rho),
                (Accountant::Pure, Some(limit)) => (epsilon.cost(), limit.epsilon),
                (_, None) => return false,
            };
            cost.units() * *queries > *limit.units()
        })
        .map(|(budget, queries)| {
            Finding::warning(
                policy.places.budgets.get(&budget.name).copied(),
                format!(
                    "stretch of {} lowers the first query of {} already: all of it pays for fewer \
                     than {queries} at {}",
                    budget.name, role.name, role.epsilon_default
                ),
                "lower stretch, lower the role's default, or raise the budget",
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
