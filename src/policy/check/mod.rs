//! Holds the policy against the live databases.
//!
//! Each function looks at one thing and asks nobody: what it needs was read before, by
//! [`crate::catalog`]. A finding names what the policy or the schema says, never a value of a row.

mod budgets;
mod cover;
mod data;
mod logins;
mod tables;
mod types;

use std::fmt;

use super::error::Place;
use super::meant::Policy;
use crate::catalog::Catalog;

pub use data::{DataQuestion, data_questions};
pub use logins::{check_login, check_shadow};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The policy must not be used.
    Error,
    /// It can be; somebody should look.
    Warning,
}

/// Something that `check` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// Where in the file, from 1; what is missing from it is found at its start.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl Finding {
    fn new(
        level: Level,
        place: Option<Place>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let Place { line, column } = place.unwrap_or(Place { line: 1, column: 1 });
        Self { level, line, column, what: what.into(), fix: fix.into() }
    }

    fn error(place: Option<Place>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Level::Error, place, what, fix)
    }

    fn warning(place: Option<Place>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Level::Warning, place, what, fix)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(f, "{}:{}: {level}: {}; {}", self.line, self.column, self.what, self.fix)
    }
}

/// Holds the policy against itself and the schema of the source, in the order of the file.
pub fn check(policy: &Policy, source: &Catalog) -> Vec<Finding> {
    let mut findings = budgets::check(policy);
    findings.extend(tables::check(policy, source));
    findings.extend(cover::check(policy, source));
    findings.sort_by_key(|finding| (finding.line, finding.column));
    findings
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
