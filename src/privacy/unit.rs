//! Whose rows they are: the privacy unit of a tree of joins.
//!
//! # Claim
//! If `unit_of` accepts a tree, every row that it yields belongs to exactly one unit, the one of
//! the returned scan, and is a function of that unit's rows and public rows alone.
//!
//! # Argument
//! By induction. A scan of a private table: each row reaches one unit over its path, because
//! each hop is a validated foreign key to a unique column. Private with public: the row is a
//! function of one private row and public rows. Private with private: an equality between the
//! two sides names the same referenced row (see `Reference`) of one table; references to one
//! row lead to one unit, so both rows belong to the same unit. In a left join the row without
//! a match depends on the left row and on the absence of rows of that same unit.
//!
//! # Test
//! `interpret` removes one unit from random tables and compares (`tests/neighbours.rs`).

use crate::analyze::Rejection;
use crate::expr::{Expr, Function, Node, TextType, Type};
use crate::plan::{Exposure, Hop, JoinKind, Joins, Leaf, Scan};

/// Whose rows a tree yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody's.
    Public,
    /// Those of the unit of this scan's row.
    Unit(usize),
}

/// The owner of the rows of a tree, or why it has none.
pub(crate) fn unit_of(leaf: &Leaf, joins: &Joins) -> Result<Owner, Rejection> {
    match joins {
        Joins::Scan(scan) => match leaf.scans.get(*scan).map(|scan| &scan.exposure) {
            Some(Exposure::Private { .. }) => Ok(Owner::Unit(*scan)),
            Some(Exposure::Public) => Ok(Owner::Public),
            None => Err(Rejection::Malformed),
        },
        Joins::Join { kind, left, right, on } => {
            let owners = (unit_of(leaf, left)?, unit_of(leaf, right)?);
            match owners {
                (Owner::Public, Owner::Public) => Ok(Owner::Public),
                (Owner::Unit(scan), Owner::Public) => Ok(Owner::Unit(scan)),
                (Owner::Public, Owner::Unit(scan)) if *kind == JoinKind::Inner => {
                    Ok(Owner::Unit(scan))
                }
                (Owner::Public, Owner::Unit(_)) => Err(Rejection::PublicLeftJoin),
                (Owner::Unit(a), Owner::Unit(b)) => {
                    if !on.iter().any(|condition| links(leaf, left, right, condition)) {
                        return Err(Rejection::OffUnitJoin { left: a, right: b });
                    }
                    Ok(Owner::Unit(nearer(leaf, *kind, a, b)))
                }
            }
        }
    }
}

/// Of two scans with the same unit, the one whose path is shorter; the left one where the right
/// one may have no row.
fn nearer(leaf: &Leaf, kind: JoinKind, left: usize, right: usize) -> usize {
    let hops = |scan: usize| leaf.scans.get(scan).map_or(usize::MAX, hops);
    if kind == JoinKind::Left || hops(left) <= hops(right) { left } else { right }
}

fn hops(scan: &Scan) -> usize {
    match &scan.exposure {
        Exposure::Private { path, .. } => path.len(),
        Exposure::Public => usize::MAX,
    }
}

/// Whether the condition is an equality that makes both sides reference one row of one table.
fn links(leaf: &Leaf, left: &Joins, right: &Joins, condition: &Expr) -> bool {
    let Node::Call(Function::Eq, args) = &condition.node else { return false };
    let [a, b] = args.as_slice() else { return false };
    if !exact_equality(&a.ty, &b.ty) {
        return false;
    }
    let (Some(a), Some(b)) = (a.as_column(), b.as_column()) else { return false };
    let (lefts, rights) = (left.scans(), right.scans());
    let across = (lefts.contains(&a.scan) && rights.contains(&b.scan))
        || (lefts.contains(&b.scan) && rights.contains(&a.scan));
    match (leaf.scans.get(a.scan), leaf.scans.get(b.scan)) {
        (Some(one), Some(other)) => across && same_reference(one, &a.name, other, &b.name),
        _ => false,
    }
}

/// Whether equal values of the two columns name one row of one table on the way to the unit.
pub fn same_reference(one: &Scan, column: &str, other: &Scan, other_column: &str) -> bool {
    match (reference(one, column), reference(other, other_column)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// Whether `=` between the types is finer than that of each: values that are equal under it to one
/// value are equal to each other. It is not between a number and a binary one, where the number
/// is rounded first: two keys of a unique column can then equal the same value. Nor is it
/// between timestamps with and without a time zone, when clocks are put back, or between text
/// with and without blanks at its end.
fn exact_equality(a: &Type, b: &Type) -> bool {
    let exact = |ty: &Type| matches!(ty, Type::Int(_) | Type::Numeric(_));
    let binary = |ty: &Type| matches!(ty, Type::Float(_));
    let text = |ty: &Type| matches!(ty, Type::Text(TextType::Text | TextType::Varchar));
    a == b || (exact(a) && exact(b)) || (binary(a) && binary(b)) || (text(a) && text(b))
}

/// A row of a table, named by a unique column: schema, table, column, and the way from there to
/// the unit, so that tables that reach different units never meet.
type Reference<'a> = (&'a str, &'a str, &'a str, &'a [Hop], &'a str);

/// The row that a value of this column names, on the way to the unit.
fn reference<'a>(scan: &'a Scan, column: &'a str) -> Option<Reference<'a>> {
    let Exposure::Private { path, unit, .. } = &scan.exposure else { return None };
    if let Some((hop, rest)) = path.split_first().filter(|(hop, _)| hop.column == column) {
        return Some((&hop.to_schema, &hop.to_table, &hop.to_column, rest, unit));
    }
    let own_key = path.is_empty() && unit == column;
    (own_key || scan.unique.iter().any(|unique| unique == column)).then_some((
        scan.schema.as_str(),
        scan.table.as_str(),
        column,
        path,
        unit,
    ))
}

/// Whether a value of this column is the unit's key itself.
pub fn is_unit_key(scan: &Scan, column: &str) -> bool {
    let Exposure::Private { path, unit, .. } = &scan.exposure else { return false };
    match path.as_slice() {
        [] => unit == column,
        [hop] => hop.column == column && hop.to_column == *unit,
        _ => false,
    }
}

/// The scans whose row is a function of the unit: the unit's own table, and public tables joined
/// to such scans by a unique column. The nullable side of a left join is never among them, because
/// whether its row is there may depend on other rows.
pub(crate) fn determined(leaf: &Leaf) -> Vec<usize> {
    let (present, conditions) = always_holds(leaf);
    let own = |scan: &usize| {
        let exposure = leaf.scans.get(*scan).map(|scan| &scan.exposure);
        matches!(exposure, Some(Exposure::Private { path, .. }) if path.is_empty())
    };
    let mut found: Vec<usize> = present.iter().copied().filter(own).collect();
    loop {
        let before = found.len();
        for condition in &conditions {
            if let Some(scan) = lookup(leaf, &found, condition).filter(|s| present.contains(s)) {
                found.push(scan);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// The scans that are on no nullable side, and the conditions that hold for every joined row.
pub fn always_holds(leaf: &Leaf) -> (Vec<usize>, Vec<&Expr>) {
    let mut present = Vec::new();
    let mut conditions: Vec<&Expr> = leaf.filter.iter().collect();
    always_present(&leaf.joins, &mut present, &mut conditions);
    (present, conditions)
}

fn always_present<'a>(joins: &'a Joins, present: &mut Vec<usize>, holds: &mut Vec<&'a Expr>) {
    match joins {
        Joins::Scan(scan) => present.push(*scan),
        Joins::Join { kind: JoinKind::Inner, left, right, on } => {
            holds.extend(on);
            always_present(left, present, holds);
            always_present(right, present, holds);
        }
        Joins::Join { kind: JoinKind::Left, left, .. } => always_present(left, present, holds),
    }
}

/// Whether every key is a function of the unit, so that each unit counts in one group.
pub fn keys_follow_unit(leaf: &Leaf) -> bool {
    let known = determined(leaf);
    leaf.keys.iter().all(|key| key.expr.scans().iter().all(|scan| known.contains(scan)))
}

/// The public scan that this condition looks up by a unique column from determined scans.
fn lookup(leaf: &Leaf, found: &[usize], condition: &Expr) -> Option<usize> {
    let Node::Call(Function::Eq, args) = &condition.node else { return None };
    let [a, b] = args.as_slice() else { return None };
    let one_way = |key: &Expr, from: &Expr| {
        let column = key.as_column()?;
        let scan = leaf.scans.get(column.scan)?;
        let unique = scan.exposure == Exposure::Public && scan.unique.contains(&column.name);
        let known = from.scans().iter().all(|scan| found.contains(scan))
            && exact_equality(&key.ty, &from.ty);
        (unique && known && !found.contains(&column.scan)).then_some(column.scan)
    };
    one_way(a, b).or_else(|| one_way(b, a))
}
