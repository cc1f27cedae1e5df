//! Columns that name people: joined on along the declared paths and counted, nothing else.

use noisegate_privacy::expr::{Column, Expr, Function, Node};
use noisegate_privacy::functions::{Arg, Kind};
use noisegate_privacy::plan::{Joins, Leaf, Statistic};
use noisegate_privacy::unit::{is_unit_key, same_reference};

use crate::catalog::snapshot::Snapshot;
use crate::error::{Code, Refusal};

/// Refuses a leaf that uses a direct column in any other way, or groups by the person.
pub(crate) fn check(leaf: &Leaf, snapshot: &Snapshot) -> Result<(), Refusal> {
    let check = Check { leaf, snapshot };
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
            return Err(Refusal::new(
                Code::Rows,
                "A group of one person would show that person.",
                "Group by something that many people share.",
            ));
        }
    }
    leaf.filter.iter().try_for_each(|expr| check.condition(expr))?;
    check.joins(&leaf.joins)?;
    for statistic in &leaf.statistics {
        let (filter, value) = match statistic {
            // count(x) of a column asks only whether x is there; of an expression, more.
            Statistic::Rows { filter, present } => {
                (filter, present.as_ref().filter(|value| value.as_column().is_none()))
            }
            Statistic::Units { filter } => (filter, None),
            Statistic::Sum { filter, value, .. } => (filter, Some(value)),
        };
        filter.iter().try_for_each(|expr| check.condition(expr))?;
        value.into_iter().try_for_each(|expr| check.expr(expr))?;
    }
    Ok(())
}

struct Check<'a> {
    leaf: &'a Leaf,
    snapshot: &'a Snapshot,
}

impl Check<'_> {
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
            Node::Call(Function::And, args) => args.iter().try_for_each(|arg| self.condition(arg)),
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

    fn link(&self, a: &Expr, b: &Expr) -> bool {
        let (Some(a), Some(b)) = (a.as_column(), b.as_column()) else { return false };
        let scans = (self.leaf.scans.get(a.scan), self.leaf.scans.get(b.scan));
        matches!(scans, (Some(one), Some(other)) if same_reference(one, &a.name, other, &b.name))
    }

    fn expr(&self, expr: &Expr) -> Result<(), Refusal> {
        match &expr.node {
            Node::Column(column) => self.column(column, false).map_or(Ok(()), Err),
            Node::Constant(_) | Node::Parameter(_) => Ok(()),
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

    /// Why a column cannot stand in an expression, if it cannot; `array` says that a function which
    /// is about arrays takes it.
    fn column(&self, column: &Column, array: bool) -> Option<Refusal> {
        let info = self
            .leaf
            .scans
            .get(column.scan)
            .and_then(|scan| self.snapshot.relation(&scan.schema, &scan.table))
            .and_then(|relation| relation.column(&column.name));
        let name = &column.name;
        let refusal = match info {
            Some(info) if !info.direct && info.admitted => return None,
            Some(info) if !info.direct && info.readable && array => return None,
            Some(info) if !info.direct => Refusal::new(
                Code::Unsupported,
                format!("The type or the collation of \"{name}\" is not supported here."),
                "It can be counted; plain types in the default collation can be used otherwise.",
            ),
            _ => Refusal::new(
                Code::DirectColumn,
                format!("\"{name}\" names people, so it is neither shown nor compared."),
                "It can be joined on along the declared keys, and counted.",
            ),
        };
        Some(refusal.near(name))
    }
}
