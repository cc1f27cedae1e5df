//! What the rows are read from: tables, joins, what is computed for each unit, and EXISTS.
//!
//! A scan is `t` and its number; the steps from it to the unit are `h` and theirs. Derived rows are
//! subqueries with scans of their own, numbered anew, since they see nothing of what is around.

use noisegate_privacy::derived::{
    Aggregate, AggregateFunction, Derived, Frame, Order, Rows, UNIT, Window, WindowFunction,
};
use noisegate_privacy::expr::{Exists, Expr, Node, TextType, Type};
use noisegate_privacy::plan::{Exposure, JoinKind, Joins, Relation, Scan};
use noisegate_privacy::unit::unit_scan;

use super::print::{Printer, to_float};
use crate::quote::ident;

/// The place of a row among those of its unit, where windows need one.
const PLACE: &str = "place";

/// `FROM` of these joins.
pub(super) fn joins(scans: &[Scan], tree: &Joins) -> String {
    match tree {
        Joins::Scan(at) => table(scans, *at),
        Joins::Join { kind, left, right, on } => {
            let kind = match kind {
                JoinKind::Inner => "JOIN",
                JoinKind::Left => "LEFT JOIN",
            };
            let on = all(&Printer::over(scans), on);
            format!("({}\n  {kind} {} ON {on})", joins(scans, left), joins(scans, right))
        }
    }
}

/// One scan under its alias.
pub(super) fn table(scans: &[Scan], at: usize) -> String {
    scans.get(at).map_or_else(String::new, |scan| match &scan.relation {
        Relation::Table { schema, table } => {
            format!("{}.{} AS t{at}", ident(schema), ident(table))
        }
        Relation::Derived(derived) => format!("({}) AS t{at}", computed(derived)),
        Relation::Given { parameter, columns } => {
            let arrays: Vec<String> = columns
                .iter()
                .enumerate()
                // `$1` is the statement's time, so that each comes one later.
                .map(|(number, ty)| {
                    let number = parameter.saturating_add(number).saturating_add(1);
                    format!("pg_catalog.unnest((${number})::text[]::{}[])", ty.name())
                })
                .collect();
            let names = names("c", columns.len()).join(", ");
            format!("ROWS FROM ({}) AS t{at}({names})", arrays.join(", "))
        }
    })
}

/// The unit's key of a scan as SQL, and the joins along the path that it needs.
pub(super) fn unit(scans: &[Scan], at: usize) -> (String, String) {
    let mut from = format!("t{at}");
    let mut joins = String::new();
    let Some(Scan { exposure: Exposure::Private { path, unit, .. }, .. }) = scans.get(at) else {
        return ("NULL".to_owned(), joins);
    };
    for (number, hop) in path.iter().enumerate() {
        let last = number.saturating_add(1) == path.len();
        if last && hop.to_column == *unit {
            return (format!("{from}.{}", ident(&hop.column)), joins);
        }
        let next = format!("h{number}");
        joins.push_str(&format!(
            "\n  JOIN {}.{} AS {next} ON ({next}.{} OPERATOR(pg_catalog.=) {from}.{})",
            ident(&hop.to_schema),
            ident(&hop.to_table),
            ident(&hop.to_column),
            ident(&hop.column)
        ));
        from = next;
    }
    (format!("{from}.{}", ident(unit)), joins)
}

/// `EXISTS (…)`, beside the scans of the row that it is asked for.
pub(super) fn exists(scans: &[Scan], exists: &Exists) -> String {
    format!(
        "(EXISTS (SELECT 1 FROM {} WHERE {}))",
        joins(scans, &exists.joins),
        all(&Printer::over(scans), &exists.filter)
    )
}

fn all(printer: &Printer<'_>, conditions: &[Expr]) -> String {
    let printed: Vec<String> = conditions.iter().map(|one| printer.expr(one)).collect();
    if printed.is_empty() { "TRUE".to_owned() } else { printed.join(" AND ") }
}

fn computed(derived: &Derived) -> String {
    match derived {
        Derived::Grouped { rows, keys, aggregates } => grouped(rows, keys, aggregates),
        Derived::Windowed { rows, columns, windows } => windowed(rows, columns, windows),
        Derived::Union { parts } => {
            let parts: Vec<String> = parts
                .iter()
                .map(|(rows, columns)| {
                    let printer = Printer::over(&rows.scans);
                    // Columns of several tables can have several widths.
                    let value = |column: &Expr| unpadded(printer.value(column), &column.ty);
                    select(rows, &numbered("c", columns, value), true)
                })
                .collect();
            parts.join("\nUNION ALL\n")
        }
    }
}

/// `SELECT columns FROM rows`, with the unit as `u` if it has one and is asked for.
fn select(rows: &Rows, columns: &[String], with_unit: bool) -> String {
    let mut columns = columns.to_vec();
    let mut hops = String::new();
    if let Some(at) = unit_scan(&rows.scans, &rows.joins).filter(|_| with_unit) {
        let (sql, joins) = unit(&rows.scans, at);
        columns.push(format!("{sql} AS {UNIT}"));
        hops = joins;
    }
    if columns.is_empty() {
        columns.push("1 AS one".to_owned());
    }
    format!(
        "SELECT {} FROM {}{hops} WHERE {}",
        columns.join(", "),
        joins(&rows.scans, &rows.joins),
        all(&Printer::over(&rows.scans), &rows.filter)
    )
}

fn numbered<T>(prefix: &str, of: &[T], print: impl Fn(&T) -> String) -> Vec<String> {
    let one =
        |(at, one): (usize, &T)| format!("{} AS {prefix}{}", print(one), at.saturating_add(1));
    of.iter().enumerate().map(one).collect()
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (1..=count).map(|at| format!("{prefix}{at}")).collect()
}

fn grouped(rows: &Rows, keys: &[Expr], aggregates: &[Aggregate]) -> String {
    let printer = Printer::over(&rows.scans);
    let mut columns = numbered("k", keys, |key| plain_look(&printer, key));
    for (at, aggregate) in aggregates.iter().enumerate() {
        let at = at.saturating_add(1);
        if let Some(argument) = &aggregate.argument {
            let printed = argument_of(&printer, aggregate.function, argument);
            // Of equal numbers one is kept, and an average has places by how that one is written.
            let printed = match aggregate.function {
                AggregateFunction::Sum | AggregateFunction::Avg if aggregate.distinct => {
                    format!("pg_catalog.trim_scale({printed})")
                }
                _ => printed,
            };
            columns.push(format!("{printed} AS x{at}"));
        }
        columns.extend(aggregate.filter.iter().map(|f| format!("{} AS f{at}", printer.expr(f))));
    }
    let computed = aggregates.iter().enumerate().map(|(at, aggregate)| {
        let at = at.saturating_add(1);
        let filter = match aggregate.filter {
            Some(_) => format!(" FILTER (WHERE r.f{at})"),
            None => String::new(),
        };
        let distinct = if aggregate.distinct { "DISTINCT " } else { "" };
        let argument = match aggregate.argument {
            Some(_) => format!("{distinct}r.x{at}"),
            None => "*".to_owned(),
        };
        let call = format!("pg_catalog.{}({argument}){filter}", function(aggregate.function));
        format!("{} AS a{at}", of_its_type(call, aggregate.function, &aggregate.ty))
    });
    let keys = names("k", keys.len());
    let shown: Vec<String> = keys.iter().map(|key| format!("r.{key}")).chain(computed).collect();
    let group = if keys.is_empty() {
        " GROUP BY ()".to_owned()
    } else {
        format!(
            " GROUP BY {}",
            keys.iter().map(|key| format!("r.{key}")).collect::<Vec<_>>().join(", ")
        )
    };
    let shown = if shown.is_empty() { "1 AS one".to_owned() } else { shown.join(", ") };
    format!("SELECT {shown} FROM ({}) AS r{group}", select(rows, &columns, false))
}

/// A value in one look: equal numbers can be written with more or fewer zeros, and equal texts with
/// more or fewer blanks. Which of them a group is known by, or which is the greatest, would be the
/// choice of whatever row the source happens to find first, and that hangs on other units.
fn plain_look(printer: &Printer<'_>, value: &Expr) -> String {
    let printed = one_width(printer, value);
    match (&value.node, &value.ty) {
        (Node::Column(_), Type::Numeric(Some(_))) => printed,
        (_, Type::Numeric(_)) => format!("pg_catalog.trim_scale({printed})"),
        (_, Type::Float(_)) => format!("({printed} OPERATOR(pg_catalog.+) 0::{})", value.ty.name()),
        _ => printed,
    }
}

/// A value, and of a padded text the same whatever its padding was. A column of a table has one
/// width, and one that is computed was made so.
fn one_width(printer: &Printer<'_>, value: &Expr) -> String {
    let printed = printer.value(value);
    let relation = |scan: usize| printer.scans.get(scan).map(|scan| &scan.relation);
    match &value.node {
        Node::Column(column) if !matches!(relation(column.scan), Some(Relation::Given { .. })) => {
            printed
        }
        _ => unpadded(printed, &value.ty),
    }
}

fn unpadded(printed: String, ty: &Type) -> String {
    if *ty == Type::Text(TextType::Bpchar) {
        format!("(({printed})::text)::{}", ty.name())
    } else {
        printed
    }
}

fn function(function: AggregateFunction) -> &'static str {
    match function {
        AggregateFunction::Count => "count",
        AggregateFunction::Sum => "sum",
        AggregateFunction::Avg => "avg",
        AggregateFunction::Min => "min",
        AggregateFunction::Max => "max",
        AggregateFunction::BoolAnd => "bool_and",
        AggregateFunction::BoolOr => "bool_or",
    }
}

/// Sums and averages are over `numeric`, which neither overflows nor depends on the order.
fn argument_of(printer: &Printer<'_>, function: AggregateFunction, argument: &Expr) -> String {
    match function {
        AggregateFunction::Sum | AggregateFunction::Avg => printer.number(argument),
        AggregateFunction::Min | AggregateFunction::Max => plain_look(printer, argument),
        _ => printer.value(argument),
    }
}

/// An aggregate's value as exactly of its type, in one look.
fn of_its_type(call: String, function: AggregateFunction, ty: &Type) -> String {
    let computed = matches!(function, AggregateFunction::Sum | AggregateFunction::Avg);
    match ty {
        Type::Int(8) if computed => format!(
            "(CASE WHEN {call} BETWEEN -9223372036854775808 AND 9223372036854775807 \
             THEN ({call})::bigint END)"
        ),
        Type::Float(size) if computed => to_float(&call, *size),
        Type::Numeric(Some((_, scale))) if function == AggregateFunction::Sum => {
            format!("pg_catalog.round({call}, {scale})")
        }
        Type::Numeric(None) => format!("pg_catalog.trim_scale({call})"),
        _ => call,
    }
}

fn windowed(rows: &Rows, columns: &[Expr], windows: &[Window]) -> String {
    let printer = Printer::over(&rows.scans);
    let value = |value: &Expr| one_width(&printer, value);
    let mut inner = numbered("c", columns, value);
    let mut seen = Tie::default();
    seen.add("c", columns.iter());
    for (at, window) in windows.iter().enumerate() {
        let at = at.saturating_add(1);
        if let Some(argument) = &window.argument {
            let printed = match window.function {
                WindowFunction::Aggregate(function) => argument_of(&printer, function, argument),
                _ => value(argument),
            };
            inner.push(format!("{printed} AS x{at}"));
            seen.one(format!("r.x{at}"), &argument.ty);
        }
        let (partition, order) = (format!("p{at}_"), format!("o{at}_"));
        inner.extend(numbered(&partition, &window.partition, value));
        inner.extend(numbered(&order, &window.order, |order| value(&order.expr)));
        // Rows that only another window tells apart: which of them comes first in this one decides
        // which values come together.
        seen.add(&partition, window.partition.iter());
        seen.add(&order, window.order.iter().map(|order| &order.expr));
    }
    // Whatever the partition is, no window looks beyond the unit.
    let unit = unit_scan(&rows.scans, &rows.joins).map(|_| format!("r.{UNIT}"));
    let mut from = format!("({}) AS r", select(rows, &inner, true));
    if windows.iter().any(Window::needs_total_order) {
        // Rows that are alike get their places once, for all windows: if each window had an order
        // of its own for them, which numbers come together in a row would hang on other units.
        let partition = unit.as_ref().map_or(String::new(), |unit| format!("PARTITION BY {unit} "));
        from = format!(
            "(SELECT r.*, pg_catalog.row_number() OVER ({partition}ORDER BY {}) AS {PLACE} \
             FROM {from}) AS r",
            seen.order()
        );
    }
    let shown: Vec<String> = names("c", columns.len())
        .into_iter()
        .map(|column| format!("r.{column}"))
        .chain(
            windows
                .iter()
                .enumerate()
                .map(|(at, window)| one_window(at.saturating_add(1), window, unit.as_ref())),
        )
        .chain(unit.clone())
        .collect();
    format!("SELECT {} FROM {from}", shown.join(", "))
}

/// What tells the rows of a unit apart that come to the same place, so that their order does not
/// hang on other units. Values are compared as they are, since two instants can look alike in a
/// zone of the analyst's choice; and those of limited size as they look, since equal ones can look
/// different.
#[derive(Default)]
struct Tie {
    looks: Vec<String>,
    own: Vec<String>,
}

impl Tie {
    fn add<'a>(&mut self, prefix: &str, of: impl Iterator<Item = &'a Expr>) {
        for (at, expr) in of.enumerate() {
            self.one(format!("r.{prefix}{}", at.saturating_add(1)), &expr.ty);
        }
    }

    fn one(&mut self, name: String, ty: &Type) {
        match ty {
            Type::Text(_) => self.own.push(format!("{name} COLLATE pg_catalog.\"C\"")),
            Type::Other(of) if of != "uuid" => self.own.push(name),
            _ => {
                self.looks.push(name.clone());
                self.own.push(name);
            }
        }
    }

    fn order(mut self) -> String {
        let looks = format!("ROW({})::text COLLATE pg_catalog.\"C\"", self.looks.join(", "));
        self.own.insert(0, looks);
        self.own.join(", ")
    }
}

fn one_window(at: usize, window: &Window, unit: Option<&String>) -> String {
    let argument = || format!("r.x{at}");
    let call = match window.function {
        WindowFunction::RowNumber => "row_number()".to_owned(),
        WindowFunction::Rank => "rank()".to_owned(),
        WindowFunction::DenseRank => "dense_rank()".to_owned(),
        WindowFunction::Lag(by) => format!("lag({}, {by})", argument()),
        WindowFunction::Lead(by) => format!("lead({}, {by})", argument()),
        WindowFunction::FirstValue => format!("first_value({})", argument()),
        WindowFunction::LastValue => format!("last_value({})", argument()),
        WindowFunction::Aggregate(of) => {
            let argument = if window.argument.is_some() { argument() } else { "*".to_owned() };
            format!("{}({argument})", function(of))
        }
    };
    let mut partition: Vec<String> = names(&format!("r.p{at}_"), window.partition.len());
    partition.extend(unit.cloned());
    let mut order: Vec<String> = window
        .order
        .iter()
        .enumerate()
        .map(|(index, order)| ordered(&format!("r.o{at}_{}", index.saturating_add(1)), order))
        .collect();
    if window.needs_total_order() {
        order.push(format!("r.{PLACE}"));
    }
    let mut over = Vec::new();
    if !partition.is_empty() {
        over.push(format!("PARTITION BY {}", partition.join(", ")));
    }
    if !order.is_empty() {
        over.push(format!("ORDER BY {}", order.join(", ")));
    }
    over.extend(match window.frame {
        Frame::Peers => None,
        Frame::Rows => Some("ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW".to_owned()),
        Frame::All => Some("ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING".to_owned()),
    });
    let call = format!("pg_catalog.{call} OVER ({})", over.join(" "));
    let sql = match window.function {
        WindowFunction::Aggregate(of) => of_its_type(call, of, &window.ty),
        _ => call,
    };
    format!("{sql} AS w{at}")
}

fn ordered(sql: &str, order: &Order) -> String {
    format!(
        "{sql} {} NULLS {}",
        if order.descending { "DESC" } else { "ASC" },
        if order.nulls_first { "FIRST" } else { "LAST" }
    )
}
