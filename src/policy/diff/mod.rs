//! What another policy would change, in sentences: who can see or spend what.
//!
//! They are about what is meant, so a file that is only written otherwise has none.

mod budgets;
mod people;
mod tables;
mod words;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;

use super::meant::{Alerts, Answers, Audit, Bounding, Defaults, Policy, Preview, SecondAnalyst};
use words::{duration, now};

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// What answers show, or to whom.
    See,
    /// What may be spent, or who pays.
    Spend,
    /// Anything else.
    Other,
}

impl ChangeKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::See => "see",
            Self::Spend => "spend",
            Self::Other => "other",
        }
    }
}

/// One thing that would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    /// What it is about.
    pub kind: ChangeKind,
    /// What it is.
    pub sentence: String,
}

/// The changes that are found.
#[derive(Default)]
struct Changes(Vec<PolicyChange>);

impl Changes {
    fn see(&mut self, sentence: String) {
        self.0.push(PolicyChange { kind: ChangeKind::See, sentence });
    }

    fn spend(&mut self, sentence: String) {
        self.0.push(PolicyChange { kind: ChangeKind::Spend, sentence });
    }

    fn other(&mut self, sentence: String) {
        self.0.push(PolicyChange { kind: ChangeKind::Other, sentence });
    }
}

/// Everything that would change if `new` came into force in the place of `old`: first what can be
/// seen, then what can be spent, then the rest.
pub fn diff(old: &Policy, new: &Policy) -> Vec<PolicyChange> {
    let mut to = Changes::default();
    people::changes(&mut to, old, new);
    tables::changes(&mut to, old, new);
    defaults(&mut to, old.defaults, new.defaults);
    budgets::changes(&mut to, old, new);
    answers(&mut to, &old.answers, &new.answers);
    if old.version != new.version {
        to.spend(
            "What was answered before no longer answers the same question: it is paid for anew."
                .to_owned(),
        );
    }
    alerts(&mut to, &old.alerts, &new.alerts);
    audit(&mut to, old.audit, new.audit);
    for key in super::fixed_keys(old, new) {
        to.other(format!("{key} is another; that counts when the proxy is started anew."));
    }
    let mut changes = to.0;
    changes.sort_by_key(|change| change.kind);
    changes
}

fn defaults(to: &mut Changes, old: Defaults, new: Defaults) {
    if let Some((old, new)) = now(&old.min_group, &new.min_group) {
        to.see(format!("A group is shown from {new} people on, not {old}."));
    }
    if let Some((old, new)) = now(&old.max_groups, &new.max_groups) {
        to.see(format!("One person counts in up to {new} groups of a query, not {old}."));
    }
    if let Some((_, new)) = now(&old.bounds, &new.bounds) {
        to.see(format!("How much one person adds is {}.", bounding(*new)));
    }
}

fn bounding(bounds: Bounding) -> &'static str {
    match bounds {
        Bounding::Automatic => "estimated first",
        Bounding::Declared => "bounded by what is declared",
    }
}

fn answers(to: &mut Changes, old: &Answers, new: &Answers) {
    if let Some((old, new)) = now(&old.remember_ms, &new.remember_ms) {
        let (old, new) = (duration(*old), duration(*new));
        to.spend(format!("A release answers the same question for {new}, not for {old}."));
    }
    if let Some((_, new)) = now(&old.second_analyst, &new.second_analyst) {
        to.spend(match new {
            SecondAnalyst::Pays => "Who asks what another analyst bought pays for it.".to_owned(),
            SecondAnalyst::Free => {
                "Who asks what another analyst bought no longer pays for it.".to_owned()
            }
        });
    }
    if let Some((_, new)) = now(&old.preview, &new.preview) {
        to.other(match new {
            Preview::Empty => "A query for a few rows is answered with none.".to_owned(),
            Preview::Error => "A query for a few rows is refused.".to_owned(),
        });
    }
    if let Some((_, new)) = now(&old.release_tick_ms, &new.release_tick_ms) {
        to.see(match new {
            Some(ms) => format!("Answers leave at multiples of {ms} ms."),
            None => "Answers leave at once: their time can say something of the rows.".to_owned(),
        });
    }
    if let Some((old, new)) = now(&old.timeout_ms, &new.timeout_ms) {
        let ms = |ms: u64| duration(i64::try_from(ms).unwrap_or(i64::MAX));
        to.other(format!("A query may run for {}, not for {}.", ms(*new), ms(*old)));
    }
}

fn alerts(to: &mut Changes, old: &Alerts, new: &Alerts) {
    if let Some((_, new)) = now(&old.burn_rate, &new.burn_rate) {
        to.other(match new {
            Some(burn) => format!(
                "An alert is due when a budget is spent {} times too fast over {}.",
                burn.factor,
                duration(i64::try_from(burn.window_ms).unwrap_or(i64::MAX))
            ),
            None => "No alert is due when a budget is spent too fast.".to_owned(),
        });
    }
    if let Some((_, new)) = now(&old.unclassified, &new.unclassified) {
        to.other(match new {
            Some(one) => {
                format!("An alert is due for more than {} unclassified columns.", one.above)
            }
            None => "No alert is due for unclassified columns.".to_owned(),
        });
    }
}

fn audit(to: &mut Changes, old: Audit, new: Audit) {
    if let Some((old, new)) = now(&old.keep_ms, &new.keep_ms) {
        let ms = |ms: u64| duration(i64::try_from(ms).unwrap_or(i64::MAX));
        to.other(format!("The audit is kept for {}, not for {}.", ms(*new), ms(*old)));
    }
}
