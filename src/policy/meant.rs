//! The file as meant: every value checked, every omission filled in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use noisegate_privacy::budget::Accountant;

use super::error::Place;
use super::name::TableName;
use super::teams::Team;

/// Everything the operator decided.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where to listen, and where the databases are.
    pub server: Server,
    /// The tables that analysts can name. One that is not here does not exist for them.
    pub tables: BTreeMap<TableName, TableRule>,
    /// The teams.
    pub teams: BTreeMap<String, Team>,
    /// Who may do what.
    pub roles: Vec<Role>,
    /// What may be spent.
    pub budgets: BTreeMap<String, Budget>,
    /// What holds where a table says nothing.
    pub defaults: Defaults,
    /// How answers leave.
    pub answers: Answers,
    /// When to tell the operator.
    pub alerts: Alerts,
    /// What is kept about who asked what.
    pub audit: Audit,
    /// A digest of everything that changes an answer, and of nothing else.
    pub version: [u8; 32],
    /// Where in the file things stand, for findings.
    pub places: Places,
}

/// What the policy says of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableRule {
    /// Rows of people: only noisy aggregates leave.
    Private(PrivateTable),
    /// Free to read.
    Public {
        /// Why it is.
        reason: String,
    },
}

/// A table of people's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateTable {
    /// Whose row a row is.
    pub unit: UnitRule,
    /// Rows of one person that count in one group.
    pub max_rows: u32,
    /// How many people there are at least, as the operator says publicly; δ is held against it.
    pub people: Option<u64>,
    /// How one person's contribution is bounded, if not as [`Defaults`] say.
    pub bounds: Option<Bounding>,
    /// The columns that are classified. Any other is [`Class::Direct`].
    pub columns: BTreeMap<String, ColumnRule>,
}

impl PrivateTable {
    /// The class of a column; a column that is not listed is hidden.
    pub fn class(&self, column: &str) -> Class {
        self.columns.get(column).map_or(Class::Direct, |rule| rule.class)
    }
}

/// Whose row a row is, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitRule {
    /// The column of this table.
    pub column: String,
    /// The arrows: table and column that each lands on. Empty when the column is itself the key
    /// of a person. See [`Policy::unit_path`] for where the way goes on from there.
    pub path: Vec<(TableName, String)>,
}

/// What the policy says of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnRule {
    /// How close it is to a person.
    pub class: Class,
    /// Where its numbers or dates are clipped: decimal or ISO text, never a float.
    pub bounds: Option<(String, String)>,
    /// The keys that a GROUP BY may show, in the data or not.
    pub values: Option<Values>,
}

/// How close a column is to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Names a person: joined on along the declared paths and counted as the unit, nothing else.
    Direct,
    /// Narrows down who it is.
    Quasi,
    /// What a person would not tell.
    Sensitive,
    /// Known of everybody anyway.
    Public,
}

/// Where the keys of a GROUP BY come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// These, as text.
    List(Vec<String>),
    /// Those of a column of a public table.
    Column {
        /// The public table.
        table: TableName,
        /// Its column.
        column: String,
    },
}

/// What holds where a table says nothing. A table that is not listed is denied and a column that
/// is not listed is direct; the file may say so, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// People that a shown group must hold.
    pub min_group: u32,
    /// Groups of one query that one person may count in.
    pub max_groups: u32,
    /// How one person's contribution is bounded.
    pub bounds: Bounding,
}

/// How one person's contribution to a query is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounding {
    /// By an estimate of how much people contribute, made once for a tenth of a query's price.
    Automatic,
    /// By what the policy declares of rows, groups and columns, and nothing else.
    Declared,
}

/// A set of people and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Who holds it.
    pub members: Vec<Member>,
    /// What they may see.
    pub answers: RoleAnswers,
    /// The budgets that all pay for each answer.
    pub pays: Vec<String>,
    /// What a query spends unless it asks otherwise; exact decimal text.
    pub epsilon_default: String,
    /// The most a query may spend; exact decimal text.
    pub epsilon_max: String,
    /// Whether they may change budgets.
    pub admin: bool,
    /// Whether they may look at everything that administrators can, and change nothing.
    pub auditor: bool,
    /// How many statements of one analyst a proxy answers at once.
    pub concurrent: u32,
}

/// What the members of a role may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleAnswers {
    /// Nothing: the role is for administration.
    Nothing,
    /// Noisy aggregates.
    Noisy,
}

/// One who holds a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// One analyst.
    Analyst(String),
    /// All of a team.
    Team(String),
}

/// What may be spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// Who shares one account.
    pub per: Per,
    /// Whether each role has accounts of its own.
    pub by_role: bool,
    /// ε, exact decimal text.
    pub epsilon: String,
    /// δ, exact decimal text; `0` for a pure budget.
    pub delta: String,
    /// How long what was spent counts. What is left at the end of a window is gone.
    pub window: Window,
    /// How losses add up.
    pub accountant: Accountant,
    /// What happens before it is empty.
    pub throttle: Vec<ThrottleStep>,
    /// The least time between two charges of one account, in milliseconds.
    pub spacing: Option<i64>,
    /// For how many more queries like the one that is asked enough is always left.
    pub stretch: Option<u32>,
}

/// How long what was spent counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// For ever.
    Lifetime,
    /// Until the next multiple of `ms` since 1970 UTC.
    Every {
        /// The length in milliseconds.
        ms: i64,
    },
    /// Until the next month of the calendar, in UTC.
    Month,
}

/// Who shares one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// Each analyst has one.
    Analyst,
    /// Each team has one.
    Team,
    /// All share one: the promise made to the people in the data.
    Dataset,
}

/// What happens once a share of a budget is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleStep {
    /// The share, exact decimal text in (0, 1].
    pub at: String,
    /// What happens.
    pub effect: Throttle,
}

/// What happens once a share of a budget is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// No more than this many new answers an hour.
    QueriesPerHour(u32),
    /// Only answers that are remembered.
    RememberedOnly,
}

/// How answers leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// How long a release answers the same question, in milliseconds.
    pub remember_ms: i64,
    /// What a query for rows gets.
    pub preview: Preview,
    /// Answers leave at multiples of this, so that their time says nothing; `None` is at once.
    pub release_tick_ms: Option<u64>,
    /// How long a query may run, in milliseconds.
    pub timeout_ms: u64,
    /// What it costs an analyst to ask what another one bought.
    pub second_analyst: SecondAnalyst,
}

/// What it costs an analyst to ask what another one bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondAnalyst {
    /// The same again, from the analyst's own accounts.
    Pays,
    /// Nothing.
    Free,
}

/// What a query for rows with a small LIMIT gets, as tools send it to show a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preview {
    /// No rows and a warning.
    Empty,
    /// A refusal.
    Error,
}

/// Where to listen, and where the databases are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where analysts connect.
    pub listen: SocketAddr,
    /// Where the operator connects.
    pub admin: SocketAddr,
    /// The PostgreSQL that holds the rows: an URL without a password.
    pub source: String,
    /// Where the password of `source` is kept, if not in the environment.
    pub source_password_file: Option<PathBuf>,
    /// The PostgreSQL that analysts talk to, as its owner: an URL without a password.
    pub shadow: String,
    /// Where the password of `shadow` is kept, if not in the environment.
    pub shadow_password_file: Option<PathBuf>,
    /// The role without any power that the analysts' sessions on the shadow run as.
    pub shadow_analyst: String,
    /// Where the password of that role is kept, if not in the environment.
    pub shadow_analyst_password_file: Option<PathBuf>,
    /// Where the budgets are counted.
    pub ledger: LedgerStore,
    /// Where the password of a ledger in PostgreSQL is kept, if not in the environment.
    pub ledger_password_file: Option<PathBuf>,
    /// The folder for what the program itself keeps, apart from the ledger.
    pub state: PathBuf,
    /// Encryption of the analysts' connections.
    pub tls: Option<Tls>,
    /// Encryption of the operator's connections; then there are no others.
    pub admin_tls: Option<Tls>,
}

/// Where the budgets are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerStore {
    /// In a file, by the proxies of this machine.
    Sqlite(PathBuf),
    /// In a schema of a PostgreSQL: an URL without a password, which may say `schema=`.
    Postgres(String),
}

/// Encryption of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Whether a connection without it is refused.
    pub required: bool,
}

/// When to tell the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// A budget is spent this many times faster than its window allows.
    pub burn_rate: Option<BurnRate>,
    /// Columns that nobody classified.
    pub unclassified: Option<Unclassified>,
}

/// A budget is spent too fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurnRate {
    /// How many times too fast, exact decimal text.
    pub factor: String,
    /// Over how many milliseconds.
    pub window_ms: u64,
    /// Whom to tell.
    pub notify: String,
}

/// Columns that nobody classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclassified {
    /// More than this many.
    pub above: u64,
    /// For longer than this, in milliseconds.
    pub for_ms: u64,
    /// Whom to tell.
    pub notify: String,
}

/// What is kept about who asked what. Values never enter it, whatever the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// For how many milliseconds.
    pub keep_ms: u64,
}

/// Where in the file things stand. It is made by reading the file and is empty of meaning.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub(super) tables: BTreeMap<TableName, Place>,
    pub(super) units: BTreeMap<TableName, Place>,
    pub(super) columns: BTreeMap<(TableName, String), Place>,
    pub(super) roles: BTreeMap<String, Place>,
    pub(super) budgets: BTreeMap<String, Place>,
    pub(super) min_group: Option<Place>,
}
