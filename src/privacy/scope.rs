//! Which rows an expression may read: those of the scans around it, each of which is read in one
//! place.
//!
//! A scan that is read both by the rows and by an EXISTS beside them would be one name for two
//! rows. An equality of the name with itself then looks like one between the two, and is none.

use crate::expr::{Expr, Node};
use crate::plan::Joins;

/// Whether all expressions over joined rows read scans that they can see, and each EXISTS has
/// scans of its own.
pub(crate) fn is_scoped(joins: &Joins, filter: &[Expr], expressions: &[&Expr]) -> bool {
    let rows = joins.scans();
    let mut all = filter.iter().chain(expressions.iter().copied());
    are_distinct(&rows) && joins_are(joins, &rows) && all.all(|expr| is(expr, &rows, &rows))
}

/// `seen` holds all scans that there are around, `read` those whose columns can be read.
fn is(expr: &Expr, read: &[usize], seen: &[usize]) -> bool {
    match &expr.node {
        Node::Column(column) => read.contains(&column.scan),
        Node::Constant(_) | Node::Parameter(_) => true,
        Node::Call(_, args) => args.iter().all(|arg| is(arg, read, seen)),
        Node::Exists(exists) => {
            let own = exists.joins.scans();
            let read: Vec<usize> = own.iter().chain(read).copied().collect();
            let around: Vec<usize> = own.iter().chain(seen).copied().collect();
            are_distinct(&own)
                && own.iter().all(|scan| !seen.contains(scan))
                && joins_are(&exists.joins, &around)
                && exists.filter.iter().all(|condition| is(condition, &read, &around))
        }
    }
}

/// Whether the conditions of joins read what is joined.
fn joins_are(joins: &Joins, seen: &[usize]) -> bool {
    let Joins::Join { left, right, on, .. } = joins else { return true };
    let below = joins.scans();
    on.iter().all(|condition| is(condition, &below, seen))
        && joins_are(left, seen)
        && joins_are(right, seen)
}

fn are_distinct(scans: &[usize]) -> bool {
    let mut sorted = scans.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len() == scans.len()
}
