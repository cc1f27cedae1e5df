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
//! a match depends on the left row and on the absence of rows of that same unit. An EXISTS over
//! private rows has such an equality with a row that it is asked for, so that it looks at rows of
//! that row's unit alone; where the row has NULL there, it finds none.
//!
//! # Test
//! `interpret` removes one unit from random tables and compares (`tests/neighbours.rs`).

use crate::analyze::Rejection;
use crate::derived::{Derived, UNIT, refers, unit_table};
use crate::expr::{Exists, Expr, Function, Node, TextType, Type};
use crate::plan::{Exposure, Hop, JoinKind, Joins, Leaf, Relation, Scan};

/// Whose rows a tree yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody's.
    Public,
    /// Those of the unit of this scan's row.
    Unit(usize),
}

/// The owner of the rows of a tree, or why it has none.
pub(crate) fn unit_of(scans: &[Scan], joins: &Joins) -> Result<Owner, Rejection> {
    match joins {
        Joins::Scan(scan) => match scans.get(*scan).map(|scan| &scan.exposure) {
            Some(Exposure::Private { .. }) => Ok(Owner::Unit(*scan)),
            Some(Exposure::Public) => Ok(Owner::Public),
            None => Err(Rejection::Malformed),
        },
        Joins::Join { kind, left, right, on } => {
            let owners = (unit_of(scans, left)?, unit_of(scans, right)?);
            match owners {
                (Owner::Public, Owner::Public) => Ok(Owner::Public),
                (Owner::Unit(scan), Owner::Public) => Ok(Owner::Unit(scan)),
                (Owner::Public, Owner::Unit(scan)) if *kind == JoinKind::Inner => {
                    Ok(Owner::Unit(scan))
                }
                (Owner::Public, Owner::Unit(_)) => Err(Rejection::PublicLeftJoin),
                (Owner::Unit(a), Owner::Unit(b)) => {
                    let (lefts, rights) = (left.scans(), right.scans());
                    if !on.iter().any(|condition| links(scans, &lefts, &rights, condition)) {
                        return Err(Rejection::OffUnitJoin { left: a, right: b });
                    }
                    Ok(Owner::Unit(nearer(scans, *kind, a, b)))
                }
            }
        }
    }
}

/// The scan whose unit owns the rows; none if they are public.
pub fn unit_scan(scans: &[Scan], joins: &Joins) -> Option<usize> {
    match unit_of(scans, joins) {
        Ok(Owner::Unit(scan)) => Some(scan),
        _ => None,
    }
}

/// Of two scans with the same unit, the one whose path is shorter; the left one where the right
/// one may have no row.
fn nearer(scans: &[Scan], kind: JoinKind, left: usize, right: usize) -> usize {
    let hops = |scan: usize| scans.get(scan).map_or(usize::MAX, hops);
    if kind == JoinKind::Left || hops(left) <= hops(right) { left } else { right }
}

fn hops(scan: &Scan) -> usize {
    match &scan.exposure {
        Exposure::Private { path, .. } => path.len(),
        Exposure::Public => usize::MAX,
    }
}

/// Whether the condition is an equality that makes both sides reference one row of one table.
fn links(scans: &[Scan], lefts: &[usize], rights: &[usize], condition: &Expr) -> bool {
    let Node::Call(Function::Eq, args) = &condition.node else { return false };
    let [a, b] = args.as_slice() else { return false };
    if !exact_equality(&a.ty, &b.ty) {
        return false;
    }
    let (Some(a), Some(b)) = (a.as_column(), b.as_column()) else { return false };
    let across = (lefts.contains(&a.scan) && rights.contains(&b.scan))
        || (lefts.contains(&b.scan) && rights.contains(&a.scan));
    match (scans.get(a.scan), scans.get(b.scan)) {
        (Some(one), Some(other)) => across && same_reference(one, &a.name, other, &b.name),
        _ => false,
    }
}

/// Whether each EXISTS over private rows follows the unit of the row that it is asked for.
/// `expressions` are over the whole joined row; those of joins and filter are looked at besides.
pub(crate) fn subqueries_follow(
    scans: &[Scan],
    joins: &Joins,
    filter: &[Expr],
    expressions: &[&Expr],
) -> Result<(), Rejection> {
    conditions_follow(scans, joins, &[])?;
    let outer = joins.scans();
    let all = filter.iter().chain(expressions.iter().copied());
    all.into_iter().try_for_each(|expr| expression_follows(scans, &outer, expr))
}

fn conditions_follow(scans: &[Scan], joins: &Joins, outer: &[usize]) -> Result<(), Rejection> {
    let Joins::Join { left, right, on, .. } = joins else { return Ok(()) };
    let mut below = joins.scans();
    below.extend_from_slice(outer);
    on.iter().try_for_each(|condition| expression_follows(scans, &below, condition))?;
    conditions_follow(scans, left, outer)?;
    conditions_follow(scans, right, outer)
}

fn expression_follows(scans: &[Scan], outer: &[usize], expr: &Expr) -> Result<(), Rejection> {
    match &expr.node {
        Node::Call(_, args) => {
            args.iter().try_for_each(|arg| expression_follows(scans, outer, arg))
        }
        Node::Exists(exists) => exists_follows(scans, outer, exists),
        Node::Column(_) | Node::Constant(_) | Node::Parameter(_) => Ok(()),
    }
}

fn exists_follows(scans: &[Scan], outer: &[usize], exists: &Exists) -> Result<(), Rejection> {
    let own = exists.joins.scans();
    if let Owner::Unit(inner) = unit_of(scans, &exists.joins)?
        && !exists.filter.iter().any(|condition| links(scans, &own, outer, condition))
    {
        return Err(Rejection::OffUnitSubquery { scan: inner });
    }
    conditions_follow(scans, &exists.joins, outer)?;
    let mut around = own;
    around.extend_from_slice(outer);
    exists.filter.iter().try_for_each(|condition| expression_follows(scans, &around, condition))
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
/// with and without blanks at its end. Nor is it between two binary ones: one that is computed is
/// computed as a number, and the other is rounded to fewer digits than it has to be compared.
fn exact_equality(a: &Type, b: &Type) -> bool {
    let exact = |ty: &Type| matches!(ty, Type::Int(_) | Type::Numeric(_));
    let text = |ty: &Type| matches!(ty, Type::Text(TextType::Text | TextType::Varchar));
    let same = a == b && !matches!(a, Type::Float(_));
    same || (exact(a) && exact(b)) || (text(a) && text(b))
}

/// A row of a table, named by a unique column: schema, table, column, and the way from there to
/// the unit, so that tables that reach different units never meet.
pub(crate) type Reference<'a> = (&'a str, &'a str, &'a str, &'a [Hop], &'a str);

/// The row that a value of this column names, on the way to the unit.
pub(crate) fn reference<'a>(scan: &'a Scan, column: &'a str) -> Option<Reference<'a>> {
    let Exposure::Private { path, unit, .. } = &scan.exposure else { return None };
    let (schema, table) = match &scan.relation {
        Relation::Table { schema, table } => (schema.as_str(), table.as_str()),
        Relation::Derived(derived) => return derived_reference(scan, derived, column),
        Relation::Given { .. } => return None,
    };
    if let Some((hop, rest)) = path.split_first().filter(|(hop, _)| hop.column == column) {
        return Some((&hop.to_schema, &hop.to_table, &hop.to_column, rest, unit));
    }
    let own_key = path.is_empty() && unit == column;
    let unique = own_key || scan.unique.iter().any(|unique| unique == column);
    unique.then_some((schema, table, column, path, unit))
}

/// What a column of derived rows refers to: the same in all rows that it is passed on from.
fn derived_reference<'a>(
    scan: &'a Scan,
    derived: &'a Derived,
    column: &str,
) -> Option<Reference<'a>> {
    let grouped = matches!(derived, Derived::Grouped { .. });
    if column == UNIT && !grouped {
        let (schema, table, unit) = unit_table(scan)?;
        return Some((schema, table, unit, &[], unit));
    }
    let mut found = derived.passed(column).into_iter().map(|(rows, expr)| refers(rows, expr));
    let first = found.next()??;
    found.all(|next| next == Some(first)).then_some(first)
}

/// Whether a value of this column is the unit's key itself.
pub fn is_unit_key(scan: &Scan, column: &str) -> bool {
    let key = |(_, _, to, rest, unit): Reference<'_>| rest.is_empty() && to == unit;
    reference(scan, column).is_some_and(key)
}

/// Whether a value of this column names one row on the way to the unit.
pub fn is_reference(scan: &Scan, column: &str) -> bool {
    reference(scan, column).is_some()
}

/// Whether a unit has at most one row there.
fn is_single(scan: &Scan) -> bool {
    let Exposure::Private { path, unit, .. } = &scan.exposure else { return false };
    match path.as_slice() {
        [] => true,
        [hop] => hop.to_column == *unit && scan.unique.contains(&hop.column),
        _ => false,
    }
}

/// The scans whose row is a function of the unit: the unit's own table, what has one row for each
/// unit, and public tables joined to such scans by a unique column. On the nullable side of a left
/// join only what has one row for each unit is among them, and only if all on the left is:
/// otherwise whether its row is there may depend on other rows.
pub(crate) fn determined(leaf: &Leaf) -> Vec<usize> {
    let (present, conditions) = always_holds(leaf);
    let own = |scan: &usize| leaf.scans.get(*scan).is_some_and(is_single);
    let mut found: Vec<usize> = present.iter().copied().filter(own).collect();
    let mut optional = Vec::new();
    optional_singles(leaf, &leaf.joins, &mut optional);
    loop {
        let before = found.len();
        for (lefts, right) in &optional {
            if !found.contains(right) && lefts.iter().all(|scan| found.contains(scan)) {
                found.push(*right);
            }
        }
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

/// The scans with one row for each unit that are alone on the right side of a left join, with the
/// scans of its left side.
fn optional_singles(leaf: &Leaf, joins: &Joins, found: &mut Vec<(Vec<usize>, usize)>) {
    let Joins::Join { kind, left, right, .. } = joins else { return };
    if let (JoinKind::Left, Joins::Scan(scan)) = (kind, right.as_ref())
        && leaf.scans.get(*scan).is_some_and(is_single)
    {
        found.push((left.scans(), *scan));
    }
    optional_singles(leaf, left, found);
    if *kind == JoinKind::Inner {
        optional_singles(leaf, right, found);
    }
}

/// The scans that are on no nullable side, and the conditions that hold for every joined row.
pub fn always_holds(leaf: &Leaf) -> (Vec<usize>, Vec<&Expr>) {
    let mut present = Vec::new();
    let mut conditions: Vec<&Expr> = leaf.filter.iter().collect();
    always_present(&leaf.joins, &mut present, &mut conditions);
    (present, conditions)
}

pub(crate) fn always_present<'a>(
    joins: &'a Joins,
    present: &mut Vec<usize>,
    holds: &mut Vec<&'a Expr>,
) {
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
