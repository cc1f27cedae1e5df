//! An account: what it may spend, what it has spent, and how long that will last.

use serde::Serialize;
use utoipa::ToSchema;

/// Who shares an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "team")]
pub enum Per {
    /// Everybody: the promise to the people in the data.
    Dataset,
    /// The members of a team.
    Team,
    /// One analyst.
    Analyst,
}

/// How an account adds up what it spends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "zcdp")]
pub enum Accountant {
    /// As zero-concentrated differential privacy.
    Zcdp,
    /// As pure ε.
    Pure,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "data_team/data", "budget": "data_team", "per": "team", "role": null, "holder": "data",
    "accountant": "zcdp", "window": "30d", "window_started_at": "2026-11-18T00:00:00.000Z",
    "renews_at": "2026-12-18T00:00:00.000Z", "policy_epsilon": 15.0, "delta": 1e-7,
    "cap_epsilon": null, "granted_epsilon": 0.5, "limit_epsilon": 15.5, "spent_epsilon": 3.2,
    "left_epsilon": 12.3, "spent_fraction": 0.06, "frozen": false,
    "throttle": {"steps": [{"at": 0.8, "effect": "6 in an hour"}], "active": null},
    "burn": {"days": 7, "fraction_per_day": 0.008, "plan_per_day": 0.033, "ratio": 0.25},
    "exhausted_on": null, "charges_7d": 12, "version": 3,
    "buys": [{"queries": 14, "epsilon_each": 0.5, "count_error": 4}]
}))]
pub struct Account {
    /// Its name.
    pub id: String,
    /// The budget of the policy that it is an account of.
    pub budget: String,
    /// Who shares it.
    pub per: Per,
    /// The role whose members it is for, where each role has one of its own.
    pub role: Option<String>,
    /// The analyst or the team that it belongs to.
    pub holder: Option<String>,
    /// How it adds up.
    pub accountant: Accountant,
    /// How long a window is: `30d`, `1h`, `month`, `lifetime`.
    pub window: String,
    /// When the window began; null for a lifetime.
    pub window_started_at: Option<String>,
    /// When the next one begins.
    pub renews_at: Option<String>,
    /// The policy's ε.
    pub policy_epsilon: f64,
    /// The policy's δ.
    pub delta: f64,
    /// The most that administrators allow, whatever the policy says.
    pub cap_epsilon: Option<f64>,
    /// What administrators gave on top, for this window.
    pub granted_epsilon: f64,
    /// What may be spent in this window.
    pub limit_epsilon: f64,
    /// The ε that what was spent amounts to.
    pub spent_epsilon: f64,
    /// The limit without what was spent.
    pub left_epsilon: f64,
    /// The share that is spent, in the measure that the account counts in.
    pub spent_fraction: f64,
    /// Whether an administrator stopped it.
    pub frozen: bool,
    /// What slows it down.
    pub throttle: Throttle,
    /// How fast it was spent lately.
    pub burn: Burn,
    /// The day on which it is empty at that rate, if that is before the next window.
    pub exhausted_on: Option<String>,
    /// Charges of the last seven days.
    pub charges_7d: i64,
    /// The number of the last decision about it, for `If-Match`.
    pub version: i64,
    /// What the rest still pays for.
    pub buys: Vec<Buys>,
}

/// What slows an account down.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"steps": [{"at": 0.8, "effect": "6 in an hour"}], "active": null}))]
pub struct Throttle {
    /// The policy's steps.
    pub steps: Vec<ThrottleStep>,
    /// The one that holds it back now.
    pub active: Option<String>,
}

/// A step of a throttle.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"at": 0.8, "effect": "6 in an hour"}))]
pub struct ThrottleStep {
    /// From which share on.
    pub at: f64,
    /// What happens then.
    pub effect: String,
}

/// How fast an account was spent lately.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!(
    {"days": 7, "fraction_per_day": 0.008, "plan_per_day": 0.033, "ratio": 0.25}
))]
pub struct Burn {
    /// Over how many days.
    pub days: u32,
    /// The share of the limit that went in a day.
    pub fraction_per_day: f64,
    /// The share that would last exactly for a window.
    pub plan_per_day: Option<f64>,
    /// How many times as fast as that it was.
    pub ratio: Option<f64>,
}

/// What the rest of an account still pays for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"queries": 14, "epsilon_each": 0.5, "count_error": 4}))]
pub struct Buys {
    /// How many queries.
    pub queries: u64,
    /// At which ε each.
    pub epsilon_each: f64,
    /// How far a count of people is off then, at most, in 95 of a hundred answers.
    pub count_error: u64,
}

/// What was spent from an account over time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"bucket": "day", "items": [
    {"start": "2026-11-29T00:00:00.000Z", "charges": 3, "spent_fraction": 0.02, "epsilon": 0.87}
]}))]
pub struct History {
    /// The length of a part: `hour` or `day`.
    pub bucket: String,
    /// All parts, also those in which nothing was spent.
    pub items: Vec<HistoryItem>,
}

/// What was spent in a part of time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!(
    {"start": "2026-11-29T00:00:00.000Z", "charges": 3, "spent_fraction": 0.02, "epsilon": 0.87}
))]
pub struct HistoryItem {
    /// When it begins.
    pub start: String,
    /// Charges in it.
    pub charges: i64,
    /// The share of the limit.
    pub spent_fraction: f64,
    /// The ε of one answer at the price of all of them.
    pub epsilon: f64,
}
