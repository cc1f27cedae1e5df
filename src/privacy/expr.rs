//! Expressions over one row. Every one is total: it has a value for any row and raises nothing.

use std::fmt;

use crate::functions::Signature;
use crate::plan::Joins;

/// The types that the analysis tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `boolean`
    Bool,
    /// Integers, by their size in bytes: 2, 4 or 8.
    Int(u8),
    /// `numeric`, with precision and scale where the type declares them.
    Numeric(Option<(u32, u32)>),
    /// Binary floating point, by its size in bytes: 4 or 8.
    Float(u8),
    /// Character types, by their name.
    Text(TextType),
    /// `date`
    Date,
    /// `timestamp without time zone`
    Timestamp,
    /// `timestamp with time zone`
    TimestampTz,
    /// `interval`
    Interval,
    /// Any other type, by its qualified name; it can be compared, counted and grouped by.
    Other(String),
}

/// The character types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextType {
    /// `text`
    Text,
    /// `character varying`
    Varchar,
    /// `character`, blank-padded
    Bpchar,
}

impl Type {
    /// Whether arithmetic applies.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Numeric(_) | Self::Float(_))
    }

    /// Whether it is one of the character types.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// Whether it is an array.
    pub fn is_array(&self) -> bool {
        matches!(self, Self::Other(name) if name.ends_with("[]"))
    }

    /// Whether it is a point in time.
    pub fn is_time(&self) -> bool {
        matches!(self, Self::Date | Self::Timestamp | Self::TimestampTz)
    }

    /// The name in PostgreSQL, without modifiers, qualified.
    pub fn name(&self) -> String {
        let plain = match self {
            Self::Bool => "boolean",
            Self::Int(2) => "smallint",
            Self::Int(4) => "integer",
            Self::Int(_) => "bigint",
            Self::Numeric(_) => "numeric",
            Self::Float(4) => "real",
            Self::Float(_) => "double precision",
            Self::Text(TextType::Text) => "text",
            Self::Text(TextType::Varchar) => "character varying",
            Self::Text(TextType::Bpchar) => "pg_catalog.bpchar",
            Self::Date => "date",
            Self::Timestamp => "timestamp without time zone",
            Self::TimestampTz => "timestamp with time zone",
            Self::Interval => "interval",
            Self::Other(name) => name,
        };
        plain.to_owned()
    }
}

/// A typed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub node: Node,
    /// The type of its value.
    pub ty: Type,
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A column of a scan.
    Column(Column),
    /// A constant, in PostgreSQL's text form for its type; `None` is NULL.
    Constant(Option<String>),
    /// A parameter of the statement, counted from 1.
    Parameter(usize),
    /// A function or operator of the list, applied.
    Call(Function, Vec<Expr>),
    /// Whether there is such a row, also beside this one.
    Exists(Box<Exists>),
}

/// `EXISTS (SELECT … FROM joins WHERE filter)`. Its scans are numbered among those of the rows
/// that it is asked for, and its conditions may read both.
#[derive(Clone, Debug, PartialEq)]
pub struct Exists {
    /// The tables looked at.
    pub joins: Joins,
    /// What the row looked for has to pass.
    pub filter: Vec<Expr>,
}

impl Exists {
    /// Calls `visit` on each condition.
    pub fn conditions<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        self.joins.conditions(visit);
        self.filter.iter().for_each(visit);
    }
}

/// A column of a scan, with what the policy says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The scan's index in the leaf.
    pub scan: usize,
    /// The column's name.
    pub name: String,
    /// Declared bounds as decimal or date text.
    pub bounds: Option<(String, String)>,
    /// Whether it can be NULL in its table.
    pub nullable: bool,
}

/// The functions and operators that may stand over private rows. Each is total as emitted:
/// where PostgreSQL's own would raise, the emitted form widens the type or gives NULL. Those that
/// take any types, or whose form depends on more than their arguments' types, are here; the others
/// are rows of the table in [`crate::functions`].
#[derive(Clone, Debug, PartialEq)]
pub enum Function {
    /// `=`
    Eq,
    /// `<>`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `IS DISTINCT FROM`
    Distinct,
    /// `IS NOT DISTINCT FROM`
    NotDistinct,
    /// `AND` of all arguments
    And,
    /// `OR` of all arguments
    Or,
    /// `NOT`
    Not,
    /// `IS NULL`
    IsNull,
    /// `IS NOT NULL`
    IsNotNull,
    /// `IS TRUE`
    IsTrue,
    /// `IS NOT TRUE`
    IsNotTrue,
    /// `IS FALSE`
    IsFalse,
    /// `IS NOT FALSE`
    IsNotFalse,
    /// `x = ANY (ARRAY[…])`: the first argument against the others, or against one array
    In,
    /// `x <> ALL (ARRAY[…])`
    NotIn,
    /// `+` of numbers
    Add,
    /// `-` of numbers
    Sub,
    /// `*`
    Mul,
    /// `/`, NULL where the divisor is zero
    Div,
    /// `%`, NULL where the divisor is zero
    Mod,
    /// unary `-`
    Neg,
    /// `CASE WHEN a THEN b … ELSE z END`: pairs of condition and value, then the default
    Case,
    /// `COALESCE`
    Coalesce,
    /// `NULLIF`
    NullIf,
    /// `LEAST`
    Least,
    /// `GREATEST`
    Greatest,
    /// `LIKE` with a constant pattern
    Like,
    /// `NOT LIKE`
    NotLike,
    /// `ILIKE`
    ILike,
    /// `NOT ILIKE`
    NotILike,
    /// A function or operator of the table
    Listed(&'static Signature),
    /// a point in time plus (`true`) or minus a constant interval
    Shift {
        /// Plus or minus.
        forward: bool,
        /// The interval's text, or a number of days for dates.
        by: ShiftBy,
    },
    /// A cast that cannot fail as emitted
    Cast,
}

/// By how much [`Function::Shift`] moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShiftBy {
    /// Days, of a date.
    Days(i32),
    /// A bounded interval in PostgreSQL's text form.
    Interval(String),
}

impl Expr {
    /// A call.
    pub fn call(function: Function, args: Vec<Self>, ty: Type) -> Self {
        Self { node: Node::Call(function, args), ty }
    }

    /// A constant.
    pub fn constant(text: impl Into<String>, ty: Type) -> Self {
        Self { node: Node::Constant(Some(text.into())), ty }
    }

    /// The column, if it is just that.
    pub fn as_column(&self) -> Option<&Column> {
        match &self.node {
            Node::Column(column) => Some(column),
            _ => None,
        }
    }

    /// How many nodes it has.
    pub fn size(&self) -> usize {
        match &self.node {
            Node::Call(_, args) => args.iter().map(Self::size).fold(1, usize::saturating_add),
            Node::Exists(exists) => {
                let mut size = exists.joins.scans().len().saturating_add(1);
                exists.conditions(&mut |condition| size = size.saturating_add(condition.size()));
                size
            }
            Node::Column(_) | Node::Constant(_) | Node::Parameter(_) => 1,
        }
    }

    /// Calls `visit` on each column below, also on those that only an EXISTS reads.
    pub fn columns<'a>(&'a self, visit: &mut dyn FnMut(&'a Column)) {
        match &self.node {
            Node::Column(column) => visit(column),
            Node::Call(_, args) => args.iter().for_each(|arg| arg.columns(visit)),
            Node::Exists(exists) => exists.conditions(&mut |condition| condition.columns(visit)),
            Node::Constant(_) | Node::Parameter(_) => {}
        }
    }

    /// Calls `visit` on each EXISTS below, the outer before the inner.
    pub fn exists<'a>(&'a self, visit: &mut dyn FnMut(&'a Exists)) {
        match &self.node {
            Node::Call(_, args) => args.iter().for_each(|arg| arg.exists(visit)),
            Node::Exists(exists) => {
                visit(exists);
                exists.conditions(&mut |condition| condition.exists(visit));
            }
            Node::Column(_) | Node::Constant(_) | Node::Parameter(_) => {}
        }
    }

    /// The scans of the row that it is a function of, sorted: not those that an EXISTS looks at.
    pub fn scans(&self) -> Vec<usize> {
        let mut scans = Vec::new();
        self.columns(&mut |column| scans.push(column.scan));
        self.exists(&mut |exists| {
            let own = exists.joins.scans();
            scans.retain(|scan| !own.contains(scan));
        });
        scans.sort_unstable();
        scans.dedup();
        scans
    }

    /// Rewrites each column's scan.
    pub fn map_scans(&mut self, map: &dyn Fn(usize) -> usize) {
        match &mut self.node {
            Node::Column(column) => column.scan = map(column.scan),
            Node::Call(_, args) => args.iter_mut().for_each(|arg| arg.map_scans(map)),
            Node::Exists(exists) => {
                exists.joins.map_scans(map);
                exists.filter.iter_mut().for_each(|condition| condition.map_scans(map));
            }
            Node::Constant(_) | Node::Parameter(_) => {}
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
