//! Scans of tables and of derived rows, and what their columns are.

use noisegate_privacy::derived::{self, AggregateFunction, Derived, Rows, UNIT};
use noisegate_privacy::expr::{Column, Exists, Expr, Node, Type};
use noisegate_privacy::plan::{Exposure, Hop, Leaf, Relation, Scan};
use noisegate_privacy::unit::is_reference;

use super::{Dice, columns};

/// The scans of some rows while they are made; a subquery adds its own.
pub(super) struct Around {
    pub(super) scans: Vec<Scan>,
    pub(super) by_code: bool,
    /// How deep derived rows and subqueries may nest.
    pub(super) depth: u32,
}

impl Around {
    /// One scan more, and its number.
    pub(super) fn add(&mut self, dice: &mut Dice<'_>) -> usize {
        let scan = scan(dice, self.by_code, self.depth);
        self.scans.push(scan);
        self.scans.len() - 1
    }
}

/// A column of a scan, as expressions name it.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) ty: Type,
    bounds: Option<(String, String)>,
    nullable: bool,
}

/// The columns of a scan.
pub(super) fn known(scan: &Scan) -> Vec<Known> {
    let numbered = |prefix: &str, at: usize, ty: &Type| {
        // Numbers without a size are computed with within bounds.
        let bounds = (*ty == Type::Numeric(None)).then(|| ("-50".to_owned(), "60".to_owned()));
        Known { name: format!("{prefix}{}", at + 1), ty: ty.clone(), bounds, nullable: true }
    };
    let passed = |prefix: &str, exprs: &[Expr]| -> Vec<Known> {
        exprs.iter().enumerate().map(|(at, expr)| numbered(prefix, at, &expr.ty)).collect()
    };
    let unit = |known: &mut Vec<Known>| {
        if scan.exposure != Exposure::Public {
            let ty = Type::Int(4);
            known.push(Known { name: UNIT.to_owned(), ty, bounds: None, nullable: true });
        }
    };
    match &scan.relation {
        Relation::Table { table, .. } => columns(table)
            .into_iter()
            .map(|(name, ty, bounds, nullable)| Known {
                name: name.to_owned(),
                ty,
                bounds: bounds.map(|(low, high)| (low.to_owned(), high.to_owned())),
                nullable,
            })
            .collect(),
        Relation::Given { .. } => Vec::new(),
        Relation::Derived(derived) => match derived.as_ref() {
            Derived::Grouped { keys, aggregates, .. } => {
                let mut known = passed("k", keys);
                let aggregates = aggregates.iter().enumerate();
                known.extend(aggregates.map(|(at, one)| numbered("a", at, &one.ty)));
                known
            }
            Derived::Windowed { columns, windows, .. } => {
                let mut known = passed("c", columns);
                let windows = windows.iter().enumerate();
                known.extend(windows.map(|(at, one)| numbered("w", at, &one.ty)));
                unit(&mut known);
                known
            }
            Derived::Union { parts } => {
                let mut known = parts.first().map_or_else(Vec::new, |(_, one)| passed("c", one));
                unit(&mut known);
                known
            }
        },
    }
}

/// The columns of a scan that are of some types.
pub(super) fn named(scans: &[Scan], scan: usize, wanted: impl Fn(&Type) -> bool) -> Vec<String> {
    known(&scans[scan]).into_iter().filter(|one| wanted(&one.ty)).map(|one| one.name).collect()
}

/// A column of a scan.
pub(super) fn column(scans: &[Scan], scan: usize, name: &str) -> Expr {
    let Known { name, ty, bounds, nullable } =
        known(&scans[scan]).into_iter().find(|one| one.name == name).unwrap();
    Expr { node: Node::Column(Column { scan, name, bounds, nullable }), ty }
}

/// Any column of these scans.
pub(super) fn any_column(dice: &mut Dice<'_>, scans: &[Scan], over: &[usize]) -> Expr {
    let scan = *dice.pick(over);
    let all = known(&scans[scan]);
    let name = &dice.pick(&all).name;
    column(scans, scan, name)
}

/// A column that names a row on the way to the unit, if these scans have one.
pub(super) fn any_reference(dice: &mut Dice<'_>, scans: &[Scan], over: &[usize]) -> Option<Expr> {
    let scan = *dice.pick(over);
    let mut names = named(scans, scan, |_| true);
    names.retain(|name| is_reference(&scans[scan], name));
    let name = (!names.is_empty()).then(|| dice.pick(&names).clone())?;
    Some(column(scans, scan, &name))
}

pub(super) fn exposure(table: &str, by_code: bool, rows_max: u32) -> Exposure {
    let hop = |column: &str, to: &str, to_column: &str| Hop {
        column: column.to_owned(),
        to_schema: "public".to_owned(),
        to_table: to.to_owned(),
        to_column: to_column.to_owned(),
    };
    let person = hop("person", "people", if by_code { "code" } else { "id" });
    let path = match table {
        "people" => Vec::new(),
        "visits" => vec![person],
        "items" => vec![hop("visit", "visits", "id"), person],
        _ => return Exposure::Public,
    };
    Exposure::Private { path, unit: "id".to_owned(), rows_max }
}

fn scan(dice: &mut Dice<'_>, by_code: bool, depth: u32) -> Scan {
    if depth > 0
        && dice.one_in(4)
        && let Some(scan) = super::derived::derived(dice, by_code, depth - 1)
    {
        return scan;
    }
    // People and what points to them come together most often.
    let likely = ["people", "visits", "people", "visits", "items", "places", "rates"];
    let table = *dice.pick(&likely);
    let rows_max = [1, 2, 5][dice.roll(3)];
    let unique: &[&str] = match table {
        "people" => &["id", "code"],
        "rates" => &[],
        _ => &["id"],
    };
    Scan {
        relation: Relation::Table { schema: "public".to_owned(), table: table.to_owned() },
        exposure: exposure(table, by_code, rows_max),
        unique: unique.iter().map(|&column| column.to_owned()).collect(),
    }
}

/// The scan with something else said of it than what its rows give: it must be refused.
pub(super) fn forged(dice: &mut Dice<'_>, relation: Derived, said: Option<Scan>) -> Scan {
    let hop = |column: &str| Hop {
        column: column.to_owned(),
        to_schema: "public".to_owned(),
        to_table: "people".to_owned(),
        to_column: "id".to_owned(),
    };
    let private = |column: &str| Exposure::Private {
        path: vec![hop(column)],
        unit: "id".to_owned(),
        rows_max: 1,
    };
    let mut unique = said.as_ref().map(|scan| scan.unique.clone()).unwrap_or_default();
    let mut exposure = said.map_or_else(|| private("k1"), |scan| scan.exposure);
    match dice.roll(5) {
        0 => exposure = Exposure::Public,
        1 => exposure = private("k2"),
        2 => exposure = private(UNIT),
        3 => unique.push("c1".to_owned()),
        _ => {
            if let Exposure::Private { rows_max, .. } = &mut exposure {
                *rows_max += 1;
            }
        }
    }
    Scan { relation: Relation::Derived(Box::new(relation)), exposure, unique }
}

/// All scans of a leaf, also those that others are computed from.
pub(crate) fn all_scans(leaf: &Leaf) -> Vec<&Scan> {
    let mut found: Vec<&Scan> = leaf.scans.iter().collect();
    let mut at = 0;
    while let Some(scan) = found.get(at) {
        if let Some(derived) = scan.derived() {
            found.extend(derived.bodies().into_iter().flat_map(|rows| &rows.scans));
        }
        at += 1;
    }
    found
}

/// All EXISTS of a leaf, also those of rows that others are computed from, with the scans that
/// each is over.
pub(crate) fn all_exists(leaf: &Leaf) -> Vec<(&[Scan], &Exists)> {
    let mut found = Vec::new();
    leaf.joins.conditions(&mut |one| one.exists(&mut |exists| found.push((&*leaf.scans, exists))));
    for expr in leaf.filter.iter().chain(leaf.expressions()) {
        expr.exists(&mut |exists| found.push((&*leaf.scans, exists)));
    }
    for derived in all_scans(leaf).into_iter().filter_map(Scan::derived) {
        for (rows, expressions) in derived.expressions() {
            let Rows { scans, joins, filter } = rows;
            joins.conditions(&mut |one| one.exists(&mut |exists| found.push((scans, exists))));
            for expr in filter.iter().chain(expressions) {
                expr.exists(&mut |exists| found.push((scans, exists)));
            }
        }
    }
    found
}

/// Whether something else is said of a derived scan than what its rows give.
pub(crate) fn is_forged(leaf: &Leaf) -> bool {
    all_scans(leaf).into_iter().any(|scan| {
        scan.derived().is_some_and(|derived| derived::scan(derived.clone()).as_ref() != Ok(scan))
    })
}

/// The type of an aggregate's value.
pub(super) fn value_type(function: AggregateFunction, argument: Option<&Expr>) -> Type {
    match (function, argument.map(|argument| &argument.ty)) {
        (AggregateFunction::Count, _) => Type::Int(8),
        (AggregateFunction::Sum, Some(Type::Int(2 | 4))) => Type::Int(8),
        (AggregateFunction::Min | AggregateFunction::Max, Some(ty)) => ty.clone(),
        (AggregateFunction::BoolAnd | AggregateFunction::BoolOr, _) => Type::Bool,
        _ => Type::Numeric(None),
    }
}
