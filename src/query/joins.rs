//! The order of inner joins, and where the conditions of WHERE belong.

use noisegate_privacy::expr::{Expr, Function, Node};
use noisegate_privacy::plan::{JoinKind, Joins};

/// Splits AND into its parts.
pub(crate) fn conjunction(expr: Expr, parts: &mut Vec<Expr>) {
    match expr.node {
        Node::Call(Function::And, args) => {
            for arg in args {
                conjunction(arg, parts);
            }
        }
        _ => parts.push(expr),
    }
}

/// Takes inner joins apart into what they join and the conditions.
pub(crate) fn flatten(joins: Joins, parts: &mut Vec<Joins>, conditions: &mut Vec<Expr>) {
    match joins {
        Joins::Join { kind: JoinKind::Inner, left, right, on } => {
            flatten(*left, parts, conditions);
            flatten(*right, parts, conditions);
            conditions.extend(on);
        }
        other => parts.push(other),
    }
}

/// Joins what an inner join joins, each next one preferably by an equality with those before.
pub(crate) fn combine(mut items: Vec<Joins>, conjuncts: &[Expr]) -> Option<Joins> {
    if items.is_empty() {
        return None;
    }
    let mut joined = items.remove(0);
    while !items.is_empty() {
        let before = joined.scans();
        let linked = |item: &Joins| {
            let scans = item.scans();
            conjuncts.iter().any(|conjunct| equates(conjunct, &before, &scans))
        };
        let next = items.iter().position(linked).unwrap_or(0);
        let right = items.remove(next);
        joined = Joins::Join {
            kind: JoinKind::Inner,
            left: Box::new(joined),
            right: Box::new(right),
            on: Vec::new(),
        };
    }
    Some(joined)
}

pub(crate) fn equates(conjunct: &Expr, left: &[usize], right: &[usize]) -> bool {
    let Node::Call(Function::Eq, args) = &conjunct.node else {
        return false;
    };
    let [a, b] = args.as_slice() else { return false };
    let (Some(a), Some(b)) = (a.as_column(), b.as_column()) else { return false };
    (left.contains(&a.scan) && right.contains(&b.scan))
        || (left.contains(&b.scan) && right.contains(&a.scan))
}

/// Moves a condition of WHERE to the inner join where both its sides first meet; what cannot move
/// comes back.
pub(crate) fn push_down(joins: &mut Joins, conjunct: Expr) -> Option<Expr> {
    let scans = conjunct.scans();
    let Joins::Join { kind, left, right, on } = joins else { return Some(conjunct) };
    let within = |side: &Joins| {
        let side = side.scans();
        scans.iter().all(|scan| side.contains(scan))
    };
    if within(left) {
        return push_down(left, conjunct);
    }
    if *kind == JoinKind::Left {
        return Some(conjunct);
    }
    if within(right) {
        return push_down(right, conjunct);
    }
    on.push(conjunct);
    None
}
