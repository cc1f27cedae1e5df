//! What may be spent.

use super::Changes;
use super::words::{duration, now};
use crate::policy::meant::{Budget, Per, Policy, Throttle, ThrottleStep, Window};
use crate::policy::text::Decimal;
use noisegate_privacy::budget::Accountant;

pub(super) fn changes(to: &mut Changes, old: &Policy, new: &Policy) {
    for (name, budget) in &old.budgets {
        match new.budgets.get(name) {
            Some(other) => {
                amounts(to, budget, other);
                terms(to, budget, other);
                brakes(to, budget, other);
            }
            None => to.spend(format!("The budget {name} is gone: nothing is held to it any more.")),
        }
    }
    for (name, budget) in &new.budgets {
        if !old.budgets.contains_key(name) {
            to.spend(format!(
                "The budget {name} is new: ε {} and δ {} {} {}.",
                budget.epsilon,
                budget.delta,
                per(budget.per),
                window(budget.window)
            ));
        }
    }
}

fn amounts(to: &mut Changes, old: &Budget, new: &Budget) {
    for (sign, old_text, new_text) in
        [("ε", &old.epsilon, &new.epsilon), ("δ", &old.delta, &new.delta)]
    {
        let (Some(before), Some(after)) = (Decimal::parse(old_text), Decimal::parse(new_text))
        else {
            continue;
        };
        let word = match after.cmp(&before) {
            std::cmp::Ordering::Equal => continue,
            std::cmp::Ordering::Greater => "more",
            std::cmp::Ordering::Less => "less",
        };
        let name = &new.name;
        to.spend(format!("The budget {name} has {word}: {sign} {new_text}, not {old_text}."));
    }
}

fn terms(to: &mut Changes, old: &Budget, new: &Budget) {
    let name = &new.name;
    if let Some((old, new)) = now(&old.window, &new.window) {
        let (old, new) = (window(*old), window(*new));
        to.spend(format!("The budget {name} is {new}, not {old}."));
    }
    if let Some((old, new)) = now(&old.per, &new.per) {
        to.spend(format!("The budget {name} is {}, not {}.", per(*new), per(*old)));
    }
    match (old.by_role, new.by_role) {
        (false, true) => to.spend(format!("Each role has accounts of its own of {name}.")),
        (true, false) => to.spend(format!("All roles share the accounts of {name}.")),
        _ => {}
    }
    if let Some((_, new)) = now(&old.accountant, &new.accountant) {
        let how = match new {
            Accountant::Pure => "by ε alone",
            Accountant::Zcdp => "by zCDP",
        };
        to.spend(format!("The budget {name} adds up losses {how}."));
    }
}

/// What slows a budget down.
fn brakes(to: &mut Changes, old: &Budget, new: &Budget) {
    let name = &new.name;
    if let Some((_, new)) = now(&old.throttle, &new.throttle) {
        to.spend(match steps(new) {
            Some(steps) => format!("The budget {name} is throttled: {steps}."),
            None => format!("The budget {name} is no longer throttled."),
        });
    }
    if let Some((_, new)) = now(&old.spacing, &new.spacing) {
        to.spend(match new {
            Some(ms) => format!("Between two charges of {name} are at least {}.", duration(*ms)),
            None => format!("Charges of {name} may follow each other at once."),
        });
    }
    if let Some((_, new)) = now(&old.stretch, &new.stretch) {
        to.spend(match new {
            Some(left) => {
                format!("The budget {name} is stretched: {left} more queries are always left.")
            }
            None => format!("The budget {name} is no longer stretched."),
        });
    }
}

fn steps(throttle: &[ThrottleStep]) -> Option<String> {
    let step = |step: &ThrottleStep| match step.effect {
        Throttle::QueriesPerHour(queries) => {
            format!("from {} on {queries} queries an hour", step.at)
        }
        Throttle::RememberedOnly => format!("from {} on only what is remembered", step.at),
    };
    throttle.iter().map(step).reduce(|all, one| format!("{all}, {one}"))
}

fn per(per: Per) -> &'static str {
    match per {
        Per::Analyst => "for each analyst",
        Per::Team => "for each team",
        Per::Dataset => "for all together",
    }
}

fn window(window: Window) -> String {
    match window {
        Window::Lifetime => "for ever".to_owned(),
        Window::Every { ms } => format!("in every {}", duration(ms)),
        Window::Month => "in every month".to_owned(),
    }
}
