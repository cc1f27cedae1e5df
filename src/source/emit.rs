//! Bounded SQL: one statement per leaf, in which a person's contribution is bounded last.
//!
//! rows (joined, filtered, with the unit attached and NULL units dropped)
//!   → one partial aggregate per unit and group, clipped
//!   → at most so many groups per unit, chosen by a hash of the key
//!   → sums per group, as whole steps of a public grid, in text.
//!
//! What is no sum over units has a branch of its own from the same rows ([`super::branches`]).

use noisegate_privacy::IBig;
use noisegate_privacy::analyze::{Analyzed, Selection};
use noisegate_privacy::expr::{Expr, Node, TextType, Type};
use noisegate_privacy::plan::{Bounds, Domain, Exposure, Key, Leaf, Plan, Statistic};
use noisegate_privacy::release::Charged;
use noisegate_privacy::unit::always_holds;

use super::print::Printer;
use super::relation;
use crate::quote::{ident, literal};

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
            keys: leaf.keys.len(),
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

    /// The statistics that are sums over units, with their places in the leaf.
    fn additive(&self) -> impl Iterator<Item = (usize, &Statistic)> {
        self.leaf.statistics.iter().enumerate().filter(|(_, statistic)| statistic.is_additive())
    }

    /// The rows as a FROM item; branches share one.
    fn rows_item(&self, unit: bool) -> String {
        if self.has_branches() { "r".to_owned() } else { format!("({}) AS r", self.rows(unit)) }
    }

    /// A unit has at most one row, so a plain aggregate is bounded as it is.
    fn one_row_per_unit(&self) -> String {
        let sums = self.additive().map(|(at, statistic)| {
            let sql = match statistic {
                Statistic::Rows { .. }
                | Statistic::Units { .. }
                | Statistic::Distinct { .. }
                | Statistic::Histogram { .. } => counted(at, statistic),
                Statistic::Sum { filter, .. } => {
                    format!("COALESCE(pg_catalog.sum(v{at}){}, 0)", filtered(at, filter.is_some()))
                }
            };
            format!("({sql})::text AS s{at}")
        });
        let columns: Vec<String> = self.key_names().into_iter().chain(sums).collect();
        format!("SELECT {}\nFROM {}{}", columns.join(", "), self.rows_item(false), self.group_by())
    }

    fn many_rows_per_unit(&self) -> String {
        let sums = self
            .additive()
            .map(|(at, _)| format!("COALESCE(pg_catalog.sum(p{at}), 0)::text AS s{at}"));
        let columns: Vec<String> = self.key_names().into_iter().chain(sums).collect();
        let kept = if self.analyzed.groups_enforced {
            format!("\nWHERE p.rank <= {}", self.analyzed.groups)
        } else {
            String::new()
        };
        format!(
            "SELECT {}\nFROM ({}) AS p{kept}{}",
            columns.join(", "),
            self.partials(),
            self.group_by()
        )
    }

    /// One row for each unit and group, with what the unit contributes to each statistic, clipped.
    fn partials(&self) -> String {
        let rows = self.analyzed.rows;
        let mut columns = self.key_names();
        for (at, statistic) in self.additive() {
            let sql = match statistic {
                Statistic::Rows { .. }
                | Statistic::Distinct { .. }
                | Statistic::Histogram { .. } => {
                    format!("LEAST({}, {rows})", counted(at, statistic))
                }
                Statistic::Units { .. } => format!("LEAST({}, 1)", counted(at, statistic)),
                Statistic::Sum { filter, bounds, .. } => {
                    let (low, high) = partial_bounds(bounds, rows);
                    format!(
                        "LEAST(GREATEST(COALESCE(pg_catalog.sum(v{at}){}, 0), {low}), {high})",
                        filtered(at, filter.is_some())
                    )
                }
            };
            columns.push(format!("{sql} AS p{at}"));
        }
        if self.analyzed.groups_enforced {
            columns.push(format!(
                "pg_catalog.row_number() OVER (PARTITION BY u ORDER BY {}) AS rank",
                self.group_order()
            ));
        }
        let mut group = vec!["u".to_owned()];
        group.extend(self.group_names());
        format!(
            "SELECT {}\nFROM {}\nGROUP BY {}",
            columns.join(", "),
            self.rows_item(true),
            group.join(", ")
        )
    }

    /// The order in which a unit's groups count. It depends on the unit's own rows and on nothing
    /// else.
    pub(super) fn group_order(&self) -> String {
        let key = format!("ROW({})::text", self.key_names().join(", "));
        format!("pg_catalog.hashtextextended({key}, 20210), {key}")
    }

    /// The rows with their unit, keys, filters and values.
    fn rows(&self, unit: bool) -> String {
        let scans = &self.leaf.scans;
        let printer = Printer { scans };
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

    /// Every public key, with what the data has for it or with zeros.
    fn over_domain(&self, groups: &str) -> String {
        let mut columns: Vec<String> =
            self.key_names().iter().map(|key| format!("d.{key}")).collect();
        columns.extend(
            (0..self.leaf.statistics.len())
                .map(|at| format!("COALESCE(a.s{at}, {}) AS s{at}", self.nothing(at))),
        );
        let on: Vec<String> = self
            .leaf
            .keys
            .iter()
            .enumerate()
            .map(|(at, key)| same_key(key, &format!("k{}", at.saturating_add(1))))
            .collect();
        format!(
            "SELECT {}\nFROM ({}) AS d\nLEFT JOIN ({groups}) AS a ON {}",
            columns.join(", "),
            self.domain(),
            on.join(" AND ")
        )
    }

    /// The public keys: each source of them once, all combinations.
    fn domain(&self) -> String {
        let mut sources = Vec::new();
        let mut from_rows = Vec::new();
        for (at, key) in self.leaf.keys.iter().enumerate() {
            let name = format!("k{}", at.saturating_add(1));
            match &key.domain {
                Domain::Declared(values) => {
                    let values: Vec<String> = values
                        .iter()
                        .map(|value| format!("({})", declared(value.as_deref(), &key.expr.ty)))
                        .collect();
                    // Values that are written apart can be equal, and a group is released once.
                    sources.push(format!(
                        "(SELECT DISTINCT * FROM (VALUES {}) AS v({name})) AS d{at}",
                        values.join(", ")
                    ));
                }
                Domain::PublicColumn(schema, table, column) => {
                    let (table, column) =
                        (format!("{}.{}", ident(schema), ident(table)), ident(column));
                    let value = super::print::of_type(&column, &key.expr.ty);
                    sources.push(format!(
                        "(SELECT DISTINCT {value} AS {name} FROM {table} \
                         WHERE {column} IS NOT NULL) AS d{at}"
                    ));
                }
                Domain::PublicRows | Domain::Found => from_rows.push((name, &key.expr)),
            }
        }
        if !from_rows.is_empty() {
            sources.push(format!("({}) AS rows", self.public_rows(&from_rows)));
        }
        format!("SELECT {} FROM {}", self.key_names().join(", "), sources.join(" CROSS JOIN "))
    }

    /// The keys that public rows have, under the conditions that read public rows alone.
    fn public_rows(&self, keys: &[(String, &Expr)]) -> String {
        let printer = Printer { scans: &self.leaf.scans };
        let (present, conditions) = always_holds(self.leaf);
        let public = |scan: &usize| {
            present.contains(scan)
                && self.leaf.scans.get(*scan).is_some_and(|scan| scan.exposure == Exposure::Public)
        };
        let conditions: Vec<&Expr> = conditions
            .into_iter()
            .filter(|condition| {
                let scans = condition.scans();
                !scans.is_empty() && scans.iter().all(public)
            })
            .collect();
        let mut scans: Vec<usize> = keys.iter().flat_map(|(_, key)| key.scans()).collect();
        loop {
            let before = scans.len();
            for condition in &conditions {
                let read = condition.scans();
                if read.iter().any(|scan| scans.contains(scan)) {
                    scans.extend(read);
                }
            }
            scans.sort_unstable();
            scans.dedup();
            if scans.len() == before {
                break;
            }
        }
        let columns: Vec<String> =
            keys.iter().map(|(name, key)| format!("{} AS {name}", printer.key(key))).collect();
        let tables: Vec<String> =
            scans.iter().map(|scan| relation::table(&self.leaf.scans, *scan)).collect();
        let held: Vec<String> = conditions
            .iter()
            .filter(|condition| condition.scans().iter().all(|scan| scans.contains(scan)))
            .map(|condition| printer.expr(condition))
            .collect();
        let held = if held.is_empty() { "TRUE".to_owned() } else { held.join(" AND ") };
        format!("SELECT DISTINCT {} FROM {} WHERE {held}", columns.join(", "), tables.join(", "))
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

/// How many rows of a group a counting statistic counts.
fn counted(at: usize, statistic: &Statistic) -> String {
    let (filter, present) = match statistic {
        Statistic::Rows { filter, present } => (filter.is_some(), present.is_some()),
        Statistic::Units { filter } => (filter.is_some(), false),
        Statistic::Sum { .. } | Statistic::Distinct { .. } | Statistic::Histogram { .. } => {
            (false, false)
        }
    };
    let condition = match (filter, present) {
        (false, false) => return "pg_catalog.count(*)".to_owned(),
        (true, false) => format!("f{at}"),
        (false, true) => format!("v{at} IS NOT NULL"),
        (true, true) => format!("f{at} AND v{at} IS NOT NULL"),
    };
    format!("pg_catalog.count(*) FILTER (WHERE {condition})")
}

fn filtered(at: usize, filter: bool) -> String {
    if filter { format!(" FILTER (WHERE f{at})") } else { String::new() }
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

/// What one unit can contribute to a sum in one group, in steps.
fn partial_bounds(bounds: &Bounds, rows: u32) -> (IBig, IBig) {
    let rows = IBig::from(rows);
    let low = (&bounds.low - &bounds.centre).min(IBig::ZERO);
    let high = (&bounds.high - &bounds.centre).max(IBig::ZERO);
    (low * &rows, high * rows)
}

/// The condition that a row's key is one that may be shown, so that others take no place.
fn in_domain(printer: &Printer<'_>, key: &Key) -> Option<String> {
    let printed = printer.key(&key.expr);
    match &key.domain {
        Domain::Declared(values) => {
            let listed: Vec<String> =
                values.iter().flatten().map(|value| declared(Some(value), &key.expr.ty)).collect();
            let null = values.contains(&None).then(|| format!("{printed} IS NULL"));
            let list =
                (!listed.is_empty()).then(|| format!("{printed} IN ({})", listed.join(", ")));
            let parts: Vec<String> = list.into_iter().chain(null).collect();
            Some(format!("({})", parts.join(" OR ")))
        }
        Domain::PublicColumn(schema, table, column) => Some(format!(
            "{printed} IN (SELECT {} FROM {}.{})",
            super::print::of_type(&ident(column), &key.expr.ty),
            ident(schema),
            ident(table)
        )),
        Domain::PublicRows | Domain::Found => None,
    }
}

/// The condition that a public key and a group's key are the same. It is an equality wherever it
/// can be, because `IS NOT DISTINCT FROM` compares every pair.
fn same_key(key: &Key, name: &str) -> String {
    let equal = |d: &str, a: &str| format!("{d} OPERATOR(pg_catalog.=) {a}");
    let (d, a) = (format!("d.{name}"), format!("a.{name}"));
    let some = match &key.domain {
        Domain::PublicColumn(..) => return equal(&d, &a),
        Domain::PublicRows if key.expr.as_column().is_some() => return equal(&d, &a),
        Domain::Declared(values) if !values.contains(&None) => return equal(&d, &a),
        Domain::Declared(values) => values.iter().flatten().next(),
        Domain::PublicRows | Domain::Found => None,
    };
    let Some(some) = some else { return format!("{d} IS NOT DISTINCT FROM {a}") };
    // NULL takes the place of a value, and says so beside it.
    let some = declared(Some(some), &key.expr.ty);
    format!(
        "{} AND {}",
        equal(&format!("COALESCE({d}, {some})"), &format!("COALESCE({a}, {some})")),
        equal(&format!("({d} IS NULL)"), &format!("({a} IS NULL)"))
    )
}

fn declared(value: Option<&str>, ty: &Type) -> String {
    match value {
        Some(value) => super::print::of_type(&literal(value), ty),
        None => super::print::of_type("NULL", ty),
    }
}
