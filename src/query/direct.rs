//! Columns that name people: joined on along the declared paths and counted, nothing else.

use noisegate_privacy::derived::{AggregateFunction, Derived, WindowFunction};
use noisegate_privacy::expr::{Column, Exists, Expr, Function, Node};
use noisegate_privacy::functions::{Arg, Kind};
use noisegate_privacy::plan::{Joins, Leaf, Scan, Statistic};
use noisegate_privacy::unit::{is_reference, is_unit_key, same_reference};

use super::origin::origins;
use super::refusals::one_person;
use crate::catalog::snapshot::Snapshot;
use crate::error::{Code, Refusal};

/// Refuses a leaf that uses a direct column in any other way, or groups by the person.
pub(crate) fn check(leaf: &Leaf, snapshot: &Snapshot) -> Result<(), Refusal> {
    let check = Check { scans: &leaf.scans, snapshot };
    for key in &leaf.keys {
        check.expr(&key.expr)?;
        if key.expr.ty.is_array() {
            return Err(Refusal::new(
                Code::Unsupported,
                "Over private rows, groups of arrays are not supported.",
                "Group by one of its elements, or by its length.",
            ));
        }
        let by_unit = key.expr.as_column().is_some_and(|column| {
            leaf.scans.get(column.scan).is_some_and(|scan| is_unit_key(scan, &column.name))
        });
        if by_unit {
            return Err(one_person());
        }
    }
    leaf.filter.iter().try_for_each(|expr| check.condition(expr))?;
    check.joins(&leaf.joins)?;
    for statistic in &leaf.statistics {
        let (filter, value) = match statistic {
            Statistic::Rows { filter, present } => {
                (filter, present.as_ref().filter(|expr| computed(expr)))
            }
            Statistic::Units { filter } => (filter, None),
            Statistic::Sum { filter, value, .. } | Statistic::Histogram { filter, value, .. } => {
                (filter, Some(value))
            }
            Statistic::Distinct { filter, value, .. } => {
                // Of a column it is told how many values there are, and none of them.
                value.as_column().map_or(Ok(()), |column| check.comparable(column))?;
                (filter, Some(value).filter(|expr| computed(expr)))
            }
        };
        filter.iter().try_for_each(|expr| check.condition(expr))?;
        value.into_iter().try_for_each(|expr| check.expr(expr))?;
    }
    check.derived()
}

/// Whether it is more than a column: of one, a count asks only whether it is there.
fn computed(expr: &Expr) -> bool {
    expr.as_column().is_none()
}

struct Check<'a> {
    scans: &'a [Scan],
    snapshot: &'a Snapshot,
}

impl Check<'_> {
    /// What derived rows are computed from. A column that they pass on is looked at where it is used.
    fn derived(&self) -> Result<(), Refusal> {
        for scan in self.scans {
            let Some(derived) = scan.derived() else { continue };
            for (at, rows) in derived.bodies().into_iter().enumerate() {
                let check = Check { scans: &rows.scans, snapshot: self.snapshot };
                rows.filter.iter().try_for_each(|expr| check.condition(expr))?;
                check.joins(&rows.joins)?;
                check.derived()?;
                match derived {
                    Derived::Union { parts } => {
                        let columns = parts.get(at).map(|(_, columns)| columns.as_slice());
                        check.part(scan, columns.unwrap_or_default())?;
                    }
                    other => check.within(other)?,
                }
            }
        }
        Ok(())
    }

    fn within(&self, derived: &Derived) -> Result<(), Refusal> {
        match derived {
            Derived::Grouped { keys, aggregates, .. } => {
                keys.iter().try_for_each(|key| self.compared(key))?;
                for aggregate in aggregates {
                    aggregate.filter.iter().try_for_each(|filter| self.condition(filter))?;
                    let counts = aggregate.function == AggregateFunction::Count;
                    match &aggregate.argument {
                        Some(argument) if counts && aggregate.distinct => {
                            self.compared(argument)?;
                        }
                        Some(argument) if !counts || computed(argument) => self.expr(argument)?,
                        _ => {}
                    }
                }
                Ok(())
            }
            Derived::Windowed { columns, windows, .. } => {
                columns
                    .iter()
                    .filter(|expr| computed(expr))
                    .try_for_each(|column| self.expr(column))?;
                for window in windows {
                    window.partition.iter().try_for_each(|part| self.compared(part))?;
                    window.order.iter().try_for_each(|order| self.compared(&order.expr))?;
                    let counts =
                        window.function == WindowFunction::Aggregate(AggregateFunction::Count);
                    let argument = window.argument.as_ref();
                    let argument = argument.filter(|argument| !counts || computed(argument));
                    argument.map_or(Ok(()), |argument| self.expr(argument))?;
                }
                Ok(())
            }
            Derived::Union { .. } => Ok(()),
        }
    }

    /// A value that is compared with others of the same column: a reference to a row may be, since
    /// a person's rows come together by it; another column that names people may not.
    fn compared(&self, expr: &Expr) -> Result<(), Refusal> {
        let reference = expr.as_column().is_some_and(|column| {
            self.scans.get(column.scan).is_some_and(|scan| is_reference(scan, &column.name))
        });
        if reference { Ok(()) } else { self.expr(expr) }
    }

    /// The columns of one part of a union. One that names people is passed on only if it refers to
    /// the same rows in all parts, so that values of different columns do not come together.
    fn part(&self, union: &Scan, columns: &[Expr]) -> Result<(), Refusal> {
        for (at, column) in columns.iter().enumerate() {
            let name = format!("c{}", at.saturating_add(1));
            if computed(column) || !is_reference(union, &name) {
                self.expr(column)?;
            }
        }
        Ok(())
    }

    fn joins(&self, joins: &Joins) -> Result<(), Refusal> {
        match joins {
            Joins::Scan(_) => Ok(()),
            Joins::Join { left, right, on, .. } => {
                on.iter().try_for_each(|expr| self.condition(expr))?;
                self.joins(left)?;
                self.joins(right)
            }
        }
    }

    fn condition(&self, expr: &Expr) -> Result<(), Refusal> {
        match &expr.node {
            Node::Call(Function::And | Function::Or | Function::Not, args) => {
                args.iter().try_for_each(|arg| self.condition(arg))
            }
            Node::Call(Function::Eq, args) => match args.as_slice() {
                [a, b] if self.link(a, b) => Ok(()),
                _ => self.expr(expr),
            },
            Node::Call(Function::IsNull | Function::IsNotNull, args)
                if args.iter().all(|arg| arg.as_column().is_some()) =>
            {
                Ok(())
            }
            _ => self.expr(expr),
        }
    }

    fn exists(&self, exists: &Exists) -> Result<(), Refusal> {
        self.joins(&exists.joins)?;
        exists.filter.iter().try_for_each(|expr| self.condition(expr))
    }

    fn link(&self, a: &Expr, b: &Expr) -> bool {
        let (Some(a), Some(b)) = (a.as_column(), b.as_column()) else { return false };
        let scans = (self.scans.get(a.scan), self.scans.get(b.scan));
        matches!(scans, (Some(one), Some(other)) if same_reference(one, &a.name, other, &b.name))
    }

    fn expr(&self, expr: &Expr) -> Result<(), Refusal> {
        match &expr.node {
            Node::Column(column) => self.column(column, false).map_or(Ok(()), Err),
            Node::Constant(_) | Node::Parameter(_) => Ok(()),
            Node::Exists(exists) => self.exists(exists),
            Node::Call(function, args) => args.iter().enumerate().try_for_each(|(at, arg)| {
                let rule = if let Function::Listed(row) = function { row.arg(at) } else { None };
                let array = matches!(rule.map(Arg::kind), Some(Kind::Array | Kind::Varchars));
                match arg.as_column() {
                    Some(column) => self.column(column, array).map_or(Ok(()), Err),
                    None => self.expr(arg),
                }
            }),
        }
    }

    /// Refuses a column whose values cannot be told apart without fail.
    fn comparable(&self, column: &Column) -> Result<(), Refusal> {
        let origins = origins(column, self.scans, self.snapshot);
        let computed = self.scans.get(column.scan).is_some_and(|scan| scan.table().is_none());
        if origins.iter().all(|info| info.admitted) && (computed || !origins.is_empty()) {
            return Ok(());
        }
        self.column(column, false).map_or(Ok(()), Err)
    }

    /// Why a column cannot stand in an expression, if it cannot; `array` says that a function which
    /// is about arrays takes it.
    fn column(&self, column: &Column, array: bool) -> Option<Refusal> {
        let origins = origins(column, self.scans, self.snapshot);
        let computed = self.scans.get(column.scan).is_some_and(|scan| scan.table().is_none());
        let direct = origins.iter().any(|info| info.direct) || (origins.is_empty() && !computed);
        let name = origins.first().map_or(&column.name, |info| &info.name);
        let refusal = if direct {
            Refusal::new(
                Code::DirectColumn,
                format!("\"{name}\" names people, so it is neither shown nor compared."),
                "It can be joined on along the declared keys, and counted.",
            )
        } else if origins.iter().any(|info| !(info.admitted || (info.readable && array))) {
            Refusal::new(
                Code::Unsupported,
                format!("The type or the collation of \"{name}\" is not supported here."),
                "It can be counted; plain types in the default collation can be used otherwise.",
            )
        } else {
            return None;
        };
        Some(refusal.near(name))
    }
}
