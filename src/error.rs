//! What can go wrong, split by who may read it.
//!
//! A [`Refusal`] is made before any data was touched, so a client may read all of it.
//! A [`Fault`] is everything else: the client gets one fixed sentence and the query's id,
//! the operator gets the detail in the log.

use std::fmt;

/// Why a statement is not answered, in words for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code, which tools and documentation can rely on.
    pub code: Code,
    /// One sentence: what was refused.
    pub sentence: String,
    /// One sentence: what to change.
    pub hint: String,
    /// The word of the client's text that it is about, to find its position by.
    pub near: Option<String>,
    /// Where in the client's text, as a character offset from 1.
    pub position: Option<usize>,
}

impl Refusal {
    /// A refusal without a position.
    pub fn new(code: Code, sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into(), hint: hint.into(), near: None, position: None }
    }

    /// The same, about this word of the client's text.
    #[must_use]
    pub fn near(mut self, word: &str) -> Self {
        self.near = Some(word.to_owned());
        self
    }

    /// The same with another sentence.
    #[must_use]
    pub fn with_sentence(mut self, sentence: String) -> Self {
        self.sentence = sentence;
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.code.name(), self.sentence, self.hint)
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $sqlstate:literal;)*) => {
        /// The stable codes of refusals.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $($(#[doc = $doc])* $variant,)* }

        impl Code {
            /// The code as clients see it, at the head of DETAIL.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The SQLSTATE that goes with it.
            pub fn sqlstate(self) -> &'static str {
                match self { $(Self::$variant => $sqlstate,)* }
            }

            /// Every code, for the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

codes! {
    /// An aggregate that has no noisy form here (MIN, array_agg …).
    Aggregate = "aggregate", "0A000";
    /// The account cannot pay.
    Budget = "budget", "53400";
    /// A sum over an expression without bounds.
    Bounds = "bounds", "0A000";
    /// More statements at once than one analyst may have.
    Concurrent = "concurrent", "53400";
    /// A column that names people.
    DirectColumn = "direct_column", "42501";
    /// An account that an administrator froze.
    Frozen = "frozen", "53400";
    /// A function or operator that is not on the list.
    Function = "function", "0A000";
    /// A join that does not follow the unit.
    Join = "join", "0A000";
    /// Group keys that would need a threshold under a pure account.
    Keys = "keys", "0A000";
    /// LIMIT, OFFSET, sampling or DISTINCT below an aggregate.
    LimitBelow = "limit_below", "0A000";
    /// Rows of people, not aggregates.
    Rows = "rows", "42501";
    /// A setting of noisegate with a value out of range.
    Setting = "setting", "22023";
    /// A statement that cannot be used with private tables.
    Statement = "statement", "0A000";
    /// An account whose throttle holds it back.
    Throttled = "throttled", "53400";
    /// A construct that is not supported over private tables.
    Unsupported = "unsupported", "0A000";
    /// A window function over rows of people.
    Window = "window", "0A000";
}

/// What the operator reads and the client does not.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The source cannot be reached, or answered with an error.
    #[error("source: {0}")]
    Source(String),
    /// The shadow cannot be reached, or answered in a way it must not.
    #[error("shadow: {0}")]
    Shadow(String),
    /// The ledger's store failed.
    #[error("ledger: {0}")]
    Ledger(String),
    /// The statement ran longer than the policy allows.
    #[error("deadline passed")]
    Deadline,
    /// The client asked to stop.
    #[error("canceled by the client")]
    Canceled,
    /// A state that the code holds to be impossible.
    #[error("unreachable: {0}")]
    Unreachable(&'static str),
}

/// Either of the two.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// For the client.
    #[error("{0}")]
    Refusal(Refusal),
    /// PostgreSQL's own error about the client's text, made on empty tables: for the client.
    #[error("{0}")]
    Database(Box<tokio_postgres::error::DbError>),
    /// For the operator.
    #[error("{0}")]
    Fault(#[from] Fault),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}
