//! What administrators are shown: the answers of the office, which are the JSON of the API too.
//!
//! Amounts are ε, as numbers to look at; nothing is computed from them.

mod account;
mod audit;
mod charge;
mod list;
mod live;
mod overview;
mod people;
mod policy;
mod time;
mod token;

pub use account::{
    Account, Accountant, Burn, Buys, History, HistoryItem, Per, Throttle, ThrottleStep,
};
pub use audit::{Record, Verified};
pub use charge::{Charge, ChargeState, Release, Spender, Spenders};
pub use list::List;
pub use live::{Query, QueryStage};
pub use overview::{Findings, LedgerStatus, Overview, Refusals};
pub use people::{Analyst, Team};
pub use policy::{Change, ChangeKind, Diff, Draft, Finding, FindingLevel, PolicyText};
pub use time::{date, instant, time};
pub use token::{FreshToken, Role, Token};
