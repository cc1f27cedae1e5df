//! The file as written: its keys and nothing more. Unknown keys are errors.
//!
//! Numbers that must stay exact are read as [`Scalar`] and taken from the text at their span.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// Any single value, kept with its place so that its text can be taken from the file.
pub(super) type Scalar = Spanned<toml::Value>;
/// Named things, each name with its place.
pub(super) type Named<T> = BTreeMap<Spanned<String>, T>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) version: Spanned<i64>,
    #[serde(default)]
    pub(super) server: Option<Spanned<Server>>,
    #[serde(default)]
    pub(super) defaults: Option<Defaults>,
    #[serde(default)]
    pub(super) tables: Named<Table>,
    #[serde(default)]
    pub(super) teams: Named<Team>,
    #[serde(default)]
    pub(super) roles: Named<Role>,
    #[serde(default)]
    pub(super) budgets: Named<Budget>,
    #[serde(default)]
    pub(super) answers: Option<Answers>,
    #[serde(default)]
    pub(super) alerts: Option<Alerts>,
    #[serde(default)]
    pub(super) audit: Option<Audit>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) admin: Option<Spanned<String>>,
    pub(super) source: Option<Spanned<String>>,
    pub(super) source_password_file: Option<Spanned<String>>,
    pub(super) shadow: Option<Spanned<String>>,
    pub(super) shadow_password_file: Option<Spanned<String>>,
    pub(super) shadow_analyst: Option<Spanned<String>>,
    pub(super) shadow_analyst_password_file: Option<Spanned<String>>,
    pub(super) ledger: Option<Spanned<String>>,
    pub(super) ledger_password_file: Option<Spanned<String>>,
    pub(super) state: Option<Spanned<String>>,
    pub(super) tls: Option<Tls>,
    pub(super) admin_tls: Option<AdminTls>,
    pub(super) admin_remote: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) cert: Spanned<String>,
    pub(super) key: Spanned<String>,
    pub(super) required: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdminTls {
    pub(super) cert: Spanned<String>,
    pub(super) key: Spanned<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    pub(super) table: Option<Spanned<String>>,
    pub(super) column: Option<Spanned<String>>,
    pub(super) min_group: Option<Spanned<i64>>,
    pub(super) max_groups: Option<Spanned<i64>>,
    pub(super) bounds: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) unit: Option<Spanned<String>>,
    pub(super) max_rows: Option<Spanned<i64>>,
    pub(super) people: Option<Spanned<i64>>,
    pub(super) bounds: Option<Spanned<String>>,
    pub(super) public: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) columns: Named<Column>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    pub(super) class: Spanned<String>,
    pub(super) bounds: Option<Spanned<Vec<Scalar>>>,
    pub(super) values: Option<Scalar>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Team {
    pub(super) members: Spanned<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    pub(super) members: Vec<Spanned<String>>,
    pub(super) answers: Option<Spanned<String>>,
    pub(super) pays: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) epsilon: Option<Spanned<PerQuery>>,
    #[serde(default)]
    pub(super) admin: bool,
    pub(super) auditor: Option<Spanned<bool>>,
    pub(super) concurrent: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PerQuery {
    pub(super) default: Scalar,
    pub(super) max: Scalar,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Budget {
    pub(super) per: Spanned<String>,
    pub(super) epsilon: Scalar,
    pub(super) delta: Option<Scalar>,
    pub(super) window: Spanned<String>,
    pub(super) accountant: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) by_role: bool,
    pub(super) carry_over: Option<Spanned<bool>>,
    pub(super) spacing: Option<Spanned<String>>,
    pub(super) stretch: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) throttle: Vec<Spanned<ThrottleStep>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThrottleStep {
    pub(super) at: Scalar,
    pub(super) queries_per_hour: Option<Spanned<i64>>,
    pub(super) answer: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answers {
    pub(super) remember: Option<Spanned<String>>,
    pub(super) preview: Option<Spanned<String>>,
    pub(super) release: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) second_analyst: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alerts {
    pub(super) burn_rate: Option<BurnRate>,
    pub(super) unclassified: Option<Unclassified>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BurnRate {
    pub(super) factor: Scalar,
    pub(super) window: Spanned<String>,
    pub(super) notify: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unclassified {
    pub(super) above: Spanned<i64>,
    #[serde(rename = "for")]
    pub(super) lasting: Spanned<String>,
    pub(super) notify: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Audit {
    pub(super) keep: Option<Spanned<String>>,
    pub(super) chain: Option<Spanned<bool>>,
    pub(super) literals: Option<Spanned<bool>>,
}
