//! Bounded SQL: one statement per leaf, in which a person's contribution is bounded last.
//!
//! rows (joined, filtered, with the unit attached and NULL units dropped)
//!   → one partial aggregate per unit and group, clipped
//!   → at most so many groups per unit, chosen by a hash of the key, where groups are dropped
//!   → all that a unit adds, scaled to the norm that bounds it, where one does
//!   → sums per group, as whole steps of a public grid or parts of them, in text.
//!
//! What is no sum over units has a branch of its own from the same rows ([`super::branches`]). The
//! statement of an estimate ends in other sums: of units by their norm.

use noisegate_privacy::IBig;
use noisegate_privacy::analyze::{Analyzed, Selection};
use noisegate_privacy::expr::{Expr, Node, TextType, Type};
use noisegate_privacy::plan::{Bounds, Key, Leaf, Plan, Statistic};
use noisegate_privacy::release::Charged;

use super::print::Printer;
use super::relation;

mod bounding;
mod domain;
mod norms;

use domain::in_domain;

/// The characters of a text that put it into an order before it does so itself.
const LOOK_CHARACTERS: u32 = 8_192;

/// A statement for the source. Only a charged plan gives one.
#[derive(Debug)]
pub struct BoundedSql {
    text: String,
    keys: usize,
    statistics: Vec<Shape>,
}

/// How a statistic comes from the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// As one number.
    Number,
    /// As the counts of so many bins.
    Counts(usize),
}

impl BoundedSql {
    /// The statement for a plan that was paid for.
    pub fn emit(plan: &Plan<Charged>) -> Self {
        let leaf = plan.leaf();
        Self {
            text: text(leaf, plan.analysis()),
            keys: plan.analysis().keys(leaf.keys.len()),
            statistics: leaf
                .statistics
                .iter()
                .map(|one| one.bins().map_or(Shape::Number, |bins| Shape::Counts(bins.count())))
                .collect(),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn keys(&self) -> usize {
        self.keys
    }

    pub(super) fn statistics(&self) -> &[Shape] {
        &self.statistics
    }
}

/// The same text for EXPLAIN and for digests: to be read, not run.
pub fn shown(plan: &Plan<Analyzed>) -> String {
    text(plan.leaf(), plan.analysis())
}

fn text(leaf: &Leaf, analyzed: &Analyzed) -> String {
    let emit = Emit { leaf, analyzed };
    if let Some(grids) = analyzed.grids() {
        return emit.norms(grids);
    }
    let groups = if emit.has_branches() { emit.with_branches() } else { emit.sums() };
    let shown =
        if analyzed.selection == Selection::Public { emit.over_domain(&groups) } else { groups };
    if emit.has_branches() {
        format!("WITH r AS ({})\n{shown}", emit.rows(!analyzed.one_row))
    } else {
        shown
    }
}

/// How one leaf is written.
pub(super) struct Emit<'a> {
    pub(super) leaf: &'a Leaf,
    pub(super) analyzed: &'a Analyzed,
}

impl Emit<'_> {
    /// The groups with all that is a sum over units.
    pub(super) fn sums(&self) -> String {
        if self.analyzed.one_row { self.one_row_per_unit() } else { self.many_rows_per_unit() }
    }

    /// The rows as a FROM item; branches share one.
    fn rows_item(&self, unit: bool) -> String {
        if self.has_branches() { "r".to_owned() } else { format!("({}) AS r", self.rows(unit)) }
    }

    /// The order in which a unit's groups count. It depends on the unit's own rows and on nothing
    /// else, and no two groups share a place: what looks alike is told apart by itself.
    pub(super) fn group_order(&self) -> String {
        let keys = self.leaf.keys.iter().zip(self.key_names());
        let looks: Vec<String> = keys.map(|(key, name)| look(&name, &key.expr.ty)).collect();
        format!(
            "pg_catalog.hashtextextended(ROW({})::text, 20210), {}",
            looks.join(", "),
            self.group_names().join(", ")
        )
    }

    /// The rows with their unit, keys, filters and values.
    fn rows(&self, unit: bool) -> String {
        let scans = &self.leaf.scans;
        let printer = Printer::over(scans);
        let (unit_sql, hops) = relation::unit(scans, self.analyzed.unit);
        let mut columns = Vec::new();
        if unit {
            columns.push(format!("{unit_sql} AS u"));
        }
        for (at, key) in self.leaf.keys.iter().enumerate() {
            columns.push(format!("{} AS k{}", self.key(&printer, key), at.saturating_add(1)));
        }
        for (at, statistic) in self.leaf.statistics.iter().enumerate() {
            let (filter, value) = match statistic {
                Statistic::Rows { filter, present } => {
                    (filter, present.as_ref().map(|value| printer.expr(value)))
                }
                Statistic::Units { filter } => (filter, None),
                Statistic::Sum { filter, value, bounds } => {
                    (filter, Some(on_grid(&printer, value, bounds)))
                }
                Statistic::Histogram { filter, value, bins } => {
                    let steps = on_grid(&printer, value, &bins.bounds());
                    (filter, Some(format!("pg_catalog.div({steps}, {})::integer", bins.width)))
                }
                Statistic::Distinct { filter, value, .. } => {
                    (filter, Some(in_one_look(printer.key(value), value)))
                }
            };
            columns
                .extend(filter.iter().map(|filter| format!("{} AS f{at}", printer.expr(filter))));
            columns.extend(value.map(|value| format!("{value} AS v{at}")));
        }
        if columns.is_empty() {
            columns.push("1 AS one".to_owned());
        }
        let mut conditions = vec![format!("{unit_sql} IS NOT NULL")];
        conditions.extend(self.leaf.filter.iter().map(|filter| printer.expr(filter)));
        conditions.extend(self.leaf.keys.iter().filter_map(|key| in_domain(&printer, key)));
        format!(
            "SELECT {}\nFROM {}{hops}\nWHERE {}",
            columns.join(", "),
            relation::joins(scans, &self.leaf.joins),
            conditions.join("\n  AND ")
        )
    }

    pub(super) fn key_names(&self) -> Vec<String> {
        (1..=self.leaf.keys.len()).map(|at| format!("k{at}")).collect()
    }

    pub(super) fn group_by(&self) -> String {
        match self.analyzed.selection {
            Selection::Whole => String::new(),
            _ => format!("\nGROUP BY {}", self.group_names().join(", ")),
        }
    }

    /// A key as it is grouped by. A key found in the data is shown as the data has it, so equal
    /// values must look the same whosever row they come from: 1.0 and 1.00 become 1.
    fn key(&self, printer: &Printer<'_>, key: &Key) -> String {
        let printed = printer.key(&key.expr);
        if self.analyzed.selection == Selection::Public {
            printed
        } else {
            in_one_look(printed, &key.expr)
        }
    }

    /// What rows are grouped by: the keys, and where equal values of a type can look different, how
    /// they look.
    pub(super) fn group_names(&self) -> Vec<String> {
        let mut names = self.key_names();
        for (key, name) in self.leaf.keys.iter().zip(self.key_names()) {
            let looks = matches!(
                key.expr.ty,
                Type::Interval | Type::Other(_) | Type::Text(TextType::Bpchar)
            );
            if looks && self.analyzed.selection != Selection::Public {
                names.push(format!("ROW({name})::text COLLATE pg_catalog.\"C\""));
            }
        }
        names
    }
}

/// A value as far as it is printed to be put into an order: a long text, printed whole beside
/// others, would be more than PostgreSQL allocates.
pub(super) fn look(name: &str, ty: &Type) -> String {
    if ty.is_text() {
        format!("pg_catalog.left({name}, {LOOK_CHARACTERS})")
    } else {
        name.to_owned()
    }
}

/// A value whose equals look like it, as far as its type lets them.
fn in_one_look(printed: String, expr: &Expr) -> String {
    match (&expr.node, &expr.ty) {
        (Node::Column(_), Type::Numeric(Some(_))) => printed,
        (_, Type::Numeric(_)) => format!("pg_catalog.trim_scale({printed})"),
        (_, Type::Float(_)) => {
            format!("({printed} OPERATOR(pg_catalog.+) 0::{})", expr.ty.name())
        }
        _ => printed,
    }
}

/// A row's number in steps of the grid, clipped, from the centre. NULL stays NULL and NaN becomes
/// the upper bound, since PostgreSQL holds it for the greatest number.
fn on_grid(printer: &Printer<'_>, value: &Expr, bounds: &Bounds) -> String {
    let number = printer.number(value);
    let scaled = if bounds.scale == 0 {
        number.clone()
    } else {
        format!("{number} OPERATOR(pg_catalog.*) 1e{}", bounds.scale)
    };
    let clipped =
        format!("LEAST(GREATEST(pg_catalog.round({scaled}, 0), {}), {})", bounds.low, bounds.high);
    let centred = if bounds.centre == IBig::ZERO {
        clipped
    } else {
        format!("{clipped} OPERATOR(pg_catalog.-) ({})", bounds.centre)
    };
    format!("(CASE WHEN {number} IS NOT NULL THEN {centred} END)")
}
