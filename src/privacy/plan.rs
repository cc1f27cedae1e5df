//! The plan of a leaf: what is asked of the private rows, before and after it is understood.
//!
//! A leaf is flat: scans joined in a tree, one filter, group keys and statistics, every
//! expression over columns of the scans. Subqueries and common table expressions have been
//! inlined by the binder, so there is no scope left to be fooled by. What is computed for each
//! unit before that is a scan of its own kind ([`Derived`]).

use dashu::integer::IBig;

use crate::derived::Derived;
use crate::expr::{Expr, Type};
use crate::quantiles::Bins;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// The tables read, in the order of the text. [`Expr`] columns and [`Joins`] name them by index.
    pub scans: Vec<Scan>,
    /// How the scans come together.
    pub joins: Joins,
    /// Rows that pass all of these count.
    pub filter: Vec<Expr>,
    /// What the rows are grouped by.
    pub keys: Vec<Key>,
    /// What is computed of each group.
    pub statistics: Vec<Statistic>,
}

impl Leaf {
    /// How many exact numbers each statistic is; see [`crate::layout`].
    pub fn cells(&self) -> Vec<usize> {
        self.statistics.iter().map(Statistic::cells).collect()
    }

    /// How many noisy numbers are released of each statistic; see [`crate::layout`].
    pub fn numbers(&self) -> Vec<usize> {
        self.statistics.iter().map(Statistic::numbers).collect()
    }

    /// The expressions of keys and statistics, which are over the whole joined row.
    pub fn expressions(&self) -> Vec<&Expr> {
        let keys = self.keys.iter().map(|key| &key.expr);
        keys.chain(self.statistics.iter().flat_map(Statistic::expressions)).collect()
    }
}

/// One mention of a table, or of rows that are computed for each unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// What is read.
    pub relation: Relation,
    /// Whose rows they are.
    pub exposure: Exposure,
    /// Columns that are each unique; those of a table are never NULL, and rows of a derived one
    /// whose value is NULL belong to nobody.
    pub unique: Vec<String>,
}

/// What a scan reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Relation {
    /// A table.
    Table {
        /// Its schema.
        schema: String,
        /// Its name.
        table: String,
    },
    /// Rows that are computed for each unit alone.
    Derived(Box<Derived>),
    /// Public rows that come as parameters: arrays, one for each column `c1`, ….
    Given {
        /// The number of the first.
        parameter: usize,
        /// The types of the elements.
        columns: Vec<Type>,
    },
}

impl Scan {
    /// The table's schema and name, if it is one.
    pub fn table(&self) -> Option<(&str, &str)> {
        match &self.relation {
            Relation::Table { schema, table } => Some((schema, table)),
            Relation::Derived(_) | Relation::Given { .. } => None,
        }
    }

    /// What is computed, if it is not a table.
    pub fn derived(&self) -> Option<&Derived> {
        match &self.relation {
            Relation::Table { .. } | Relation::Given { .. } => None,
            Relation::Derived(derived) => Some(derived),
        }
    }

    /// The name to show: that of the table, or of a table that the rows are computed from.
    pub fn name(&self) -> &str {
        match &self.relation {
            Relation::Table { table, .. } => table,
            Relation::Derived(derived) => derived.name(),
            Relation::Given { .. } => "a subquery",
        }
    }
}

/// Whose rows a table holds. There is no default: a table is one or the other on purpose.
#[derive(Clone, Debug, PartialEq)]
pub enum Exposure {
    /// Rows that belong to nobody.
    Public,
    /// Each row belongs to one privacy unit.
    Private {
        /// The path to the unit's own table; empty when this is that table.
        path: Vec<Hop>,
        /// The column that identifies the unit, in the table at the end of the path.
        unit: String,
        /// Rows of one unit that may count in one group.
        rows_max: u32,
    },
}

/// One validated foreign key on the way to the unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The referencing column, in the table where the hop starts.
    pub column: String,
    /// The referenced table's schema.
    pub to_schema: String,
    /// The referenced table.
    pub to_table: String,
    /// The referenced column, unique in its table.
    pub to_column: String,
}

/// How scans are joined.
#[derive(Clone, Debug, PartialEq)]
pub enum Joins {
    /// One scan, by index.
    Scan(usize),
    /// Two sides and the conditions between them.
    Join {
        /// Inner or left.
        kind: JoinKind,
        /// The left side.
        left: Box<Joins>,
        /// The right side.
        right: Box<Joins>,
        /// Rows join when all of these hold; empty means every pair.
        on: Vec<Expr>,
    },
}

/// Which rows a join keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// Pairs that match.
    Inner,
    /// Pairs that match, and left rows without a match.
    Left,
}

impl Joins {
    /// Calls `visit` on each condition below.
    pub fn conditions<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        if let Self::Join { left, right, on, .. } = self {
            on.iter().for_each(&mut *visit);
            left.conditions(visit);
            right.conditions(visit);
        }
    }

    /// Rewrites each scan.
    pub fn map_scans(&mut self, map: &dyn Fn(usize) -> usize) {
        match self {
            Self::Scan(scan) => *scan = map(*scan),
            Self::Join { left, right, on, .. } => {
                for condition in on {
                    condition.map_scans(map);
                }
                left.map_scans(map);
                right.map_scans(map);
            }
        }
    }

    /// The scans below, in order.
    pub fn scans(&self) -> Vec<usize> {
        match self {
            Self::Scan(scan) => vec![*scan],
            Self::Join { left, right, .. } => {
                let mut scans = left.scans();
                scans.extend(right.scans());
                scans
            }
        }
    }
}

/// A group key.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its value for a row.
    pub expr: Expr,
    /// Which values may be shown.
    pub domain: Domain,
}

/// Which values of a key may be shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// Values declared by the policy: all are shown, in the data or not. `None` is NULL.
    Declared(Vec<Option<String>>),
    /// Values of a column of a public table: schema, table, column.
    PublicColumn(String, String, String),
    /// Values of columns of public tables alone: all that the public rows have are shown.
    PublicRows,
    /// Values found in the data: each must pass the threshold.
    Found,
}

/// What is computed of a group. The same statistic asked twice is computed and released once.
#[derive(Clone, Debug, PartialEq)]
pub enum Statistic {
    /// Rows that pass `filter` and where `present` is not NULL.
    Rows {
        /// FILTER (WHERE …).
        filter: Option<Expr>,
        /// The argument of `count(x)`.
        present: Option<Expr>,
    },
    /// Distinct units that have a row passing `filter`.
    Units {
        /// FILTER (WHERE …).
        filter: Option<Expr>,
    },
    /// Different values that the group's rows have, among those that pass `filter`.
    Distinct {
        /// FILTER (WHERE …).
        filter: Option<Expr>,
        /// The value; NULL does not count.
        value: Expr,
        /// How many values there can be, where that is public.
        most: Option<u32>,
    },
    /// How many rows that pass `filter` have their number in each bin.
    Histogram {
        /// FILTER (WHERE …).
        filter: Option<Expr>,
        /// The number; rows where it is NULL do not count.
        value: Expr,
        /// The bins of its public range.
        bins: Bins,
    },
    /// The sum of a number on a public grid.
    Sum {
        /// FILTER (WHERE …).
        filter: Option<Expr>,
        /// The number; rows where it is NULL do not count.
        value: Expr,
        /// Its public bounds and grid.
        bounds: Bounds,
    },
}

impl Statistic {
    /// The expressions that it is made of.
    pub fn expressions(&self) -> Vec<&Expr> {
        match self {
            Self::Rows { filter, present } => filter.iter().chain(present).collect(),
            Self::Units { filter } => filter.iter().collect(),
            Self::Sum { filter, value, .. }
            | Self::Distinct { filter, value, .. }
            | Self::Histogram { filter, value, .. } => filter.iter().chain([value]).collect(),
        }
    }

    /// FILTER (WHERE …).
    pub fn filter(&self) -> Option<&Expr> {
        match self {
            Self::Rows { filter, .. }
            | Self::Units { filter }
            | Self::Distinct { filter, .. }
            | Self::Histogram { filter, .. }
            | Self::Sum { filter, .. } => filter.as_ref(),
        }
    }

    /// Whether it is one number, and the sum of what each unit adds by itself. Two units can have
    /// one value, so their counts of distinct values do not add up.
    pub fn is_additive(&self) -> bool {
        !matches!(self, Self::Distinct { .. } | Self::Histogram { .. })
    }

    /// The bins that it counts rows in, if it does.
    pub fn bins(&self) -> Option<&Bins> {
        match self {
            Self::Histogram { bins, .. } => Some(bins),
            _ => None,
        }
    }

    /// How many exact numbers it is for one group.
    pub fn cells(&self) -> usize {
        self.bins().map_or(1, Bins::count)
    }

    /// How many noisy numbers are released of it for one group.
    pub fn numbers(&self) -> usize {
        self.bins().map_or(1, Bins::nodes)
    }
}

/// The public bounds of one row's number, on a decimal grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Decimal places of the grid: one step is 10⁻ˢᶜᵃˡᵉ.
    pub scale: u32,
    /// The least value, in steps.
    pub low: IBig,
    /// The greatest value, in steps.
    pub high: IBig,
    /// Subtracted from each row's value before summing, in steps.
    pub centre: IBig,
}

/// A plan, in one of its states. One that was analyzed can be copied; one that was charged cannot.
#[derive(Clone, Debug)]
pub struct Plan<State> {
    pub(crate) leaf: Leaf,
    pub(crate) state: State,
}

impl<State> Plan<State> {
    /// What is asked.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }
}
