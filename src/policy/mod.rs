//! The policy file: who one person is, what each column is, who may ask, and what it costs.
//!
//! [`Policy::load`] reads the file as written and makes it the file as meant; every error says
//! where it is and what to write. `check` holds the result against the live schema.

mod budgets;
mod check;
mod diff;
mod digest;
mod error;
mod fixed;
mod load;
mod meant;
mod name;
mod people;
mod read;
mod server;
mod tables;
mod teams;
mod terms;
mod text;
mod units;
mod written;

pub use check::{DataQuestion, Finding, Level, check, check_login, check_shadow, data_questions};
pub use diff::{ChangeKind, PolicyChange, diff};
pub use error::{Place, PolicyError};
pub use fixed::fixed_keys;
pub use meant::{
    Alerts, Answers, Audit, Bounding, Budget, BurnRate, Class, ColumnRule, Defaults, LedgerStore,
    Member, Per, Places, Policy, Preview, PrivateTable, Role, RoleAnswers, SecondAnalyst, Server,
    TableRule, Throttle, ThrottleStep, Tls, Unclassified, UnitRule, Values, Window,
};
pub use name::{NameError, TableName};
pub use server::{Password, ServerOverrides};
pub use teams::{Doubled, Team};
pub use terms::{DeclaredAccount, Terms};
pub use text::is_short_name;
pub use units::{Step, UnitError};

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
