use super::*;
use crate::analyze::{Terms, analyze};
use crate::budget::{Accountant, Delta, Epsilon};
use crate::expr::{Column, Exists, Function, Node};
use crate::plan::{JoinKind, Leaf, Statistic};

fn hop(column: &str, to: &str) -> Hop {
    let [column, to_table, to_column, to_schema] = [column, to, "id", "public"].map(str::to_owned);
    Hop { column, to_schema, to_table, to_column }
}

fn table(name: &str, path: Vec<Hop>) -> Scan {
    Scan {
        relation: Relation::Table { schema: "public".to_owned(), table: name.to_owned() },
        exposure: Exposure::Private { path, unit: "id".to_owned(), rows_max: 9 },
        unique: vec!["id".to_owned()],
    }
}

fn people() -> Scan {
    table("people", Vec::new())
}

fn visits() -> Scan {
    table("visits", vec![hop("person", "people")])
}

fn int(scan: usize, name: &str) -> Expr {
    let column = Column { scan, name: name.to_owned(), bounds: None, nullable: true };
    Expr { node: Node::Column(column), ty: Type::Int(4) }
}

fn equal(a: Expr, b: Expr) -> Expr {
    Expr::call(Function::Eq, vec![a, b], Type::Bool)
}

fn rows(scans: Vec<Scan>, joins: Joins) -> Rows {
    Rows { scans, joins, filter: Vec::new() }
}

/// People with their visits, also those who have none.
fn people_with_visits(kind: JoinKind) -> Rows {
    let on = vec![equal(int(0, "id"), int(1, "person"))];
    let (left, right) = (Box::new(Joins::Scan(0)), Box::new(Joins::Scan(1)));
    rows(vec![people(), visits()], Joins::Join { kind, left, right, on })
}

fn numbered(rows: Rows, partition: Vec<Expr>) -> Result<Scan, Rejection> {
    let window = Window {
        function: WindowFunction::RowNumber,
        argument: None,
        partition,
        order: Vec::new(),
        frame: Frame::All,
        ty: Type::Int(8),
    };
    scan(Derived::Windowed { rows, columns: vec![int(0, "id")], windows: vec![window] })
}

fn grouped(rows: Rows, keys: Vec<Expr>) -> Result<Scan, Rejection> {
    scan(Derived::Grouped { rows, keys, aggregates: Vec::new() })
}

fn analyzed(scans: Vec<Scan>, joins: Joins, filter: Vec<Expr>) -> Result<u32, Rejection> {
    let terms = Terms {
        epsilon: Epsilon::parse("1").unwrap(),
        accountant: Accountant::Zcdp,
        delta: Delta::parse("1e-6").unwrap(),
        group_min: 1,
        groups_max: 3,
        contribution: crate::analyze::Contribution::Declared,
    };
    let statistics = vec![Statistic::Rows { filter: None, present: None }];
    let leaf = Leaf { scans, joins, filter, keys: Vec::new(), statistics };
    analyze(leaf, &terms).map(|plan| plan.analysis().rows)
}

#[test]
fn a_partition_of_null_has_rows_of_many_people() {
    // PARTITION BY visits.id beside a left join numbered all people without a visit together, so
    // that one of them changed the number of every other.
    let inner = || people_with_visits(JoinKind::Inner);
    let left = || people_with_visits(JoinKind::Left);
    for reference in [int(1, "id"), int(1, "person")] {
        assert!(numbered(inner(), vec![reference.clone()]).is_ok());
        assert_eq!(numbered(left(), vec![reference.clone()]), Err(Rejection::NotPerUnit));
        assert!(numbered(left(), vec![reference, int(0, "id")]).is_ok());
    }
    // A visit of nobody is counted as nobody's.
    assert!(numbered(rows(vec![visits()], Joins::Scan(0)), vec![int(0, "person")]).is_ok());
    // Nor may the NULL come from further below.
    let below = || grouped(left(), vec![int(1, "id"), int(0, "id")]).unwrap();
    let above = |key: &str| numbered(rows(vec![below()], Joins::Scan(0)), vec![int(0, key)]);
    assert_eq!(above("k1"), Err(Rejection::NotPerUnit));
    assert!(above("k2").is_ok());
    let passing = |kind| {
        let columns = vec![int(1, "person"), int(0, "id")];
        let rows = people_with_visits(kind);
        scan(Derived::Windowed { rows, columns, windows: Vec::new() }).unwrap()
    };
    let above =
        |kind, key: &str| numbered(rows(vec![passing(kind)], Joins::Scan(0)), vec![int(0, key)]);
    assert!(above(JoinKind::Inner, "c1").is_ok());
    assert_eq!(above(JoinKind::Left, "c1"), Err(Rejection::NotPerUnit));
    assert!(above(JoinKind::Left, "c2").is_ok() && above(JoinKind::Left, "u").is_ok());
}

#[test]
fn windows_and_groups_without_a_reference_are_refused() {
    let one = || rows(vec![visits()], Joins::Scan(0));
    for keys in [vec![], vec![int(0, "place")]] {
        assert_eq!(numbered(one(), keys.clone()), Err(Rejection::NotPerUnit));
        assert_eq!(grouped(one(), keys), Err(Rejection::NotPerUnit));
    }
}

#[test]
fn a_group_goes_the_shortest_way_to_the_unit() {
    let Exposure::Private { path, rows_max, .. } =
        grouped(people_with_visits(JoinKind::Inner), vec![int(1, "id"), int(0, "id")])
            .unwrap()
            .exposure
    else {
        unreachable!("they are private")
    };
    assert_eq!((path, rows_max), (vec![hop("k2", "people")], 9));
    // One row for each person needs no bound, and is known for that.
    let alone = grouped(people_with_visits(JoinKind::Inner), vec![int(1, "person")]).unwrap();
    assert_eq!(alone.unique, ["k1"]);
    assert_eq!(analyzed(vec![alone], Joins::Scan(0), Vec::new()), Ok(1));
    let visits = grouped(people_with_visits(JoinKind::Inner), vec![int(1, "id")]).unwrap();
    assert_eq!(analyzed(vec![visits], Joins::Scan(0), Vec::new()), Ok(9));
}

#[test]
fn parts_of_a_union_count_together_and_are_of_one_unit() {
    let part = |scan: Scan| (rows(vec![scan], Joins::Scan(0)), vec![int(0, "id")]);
    let both = scan(Derived::Union { parts: vec![part(people()), part(visits())] }).unwrap();
    assert_eq!(analyzed(vec![both], Joins::Scan(0), Vec::new()), Ok(18));
    let other = table("machines", Vec::new());
    let apart = scan(Derived::Union { parts: vec![part(people()), part(other)] });
    assert_eq!(apart, Err(Rejection::NotPerUnit));
    let public = Scan { exposure: Exposure::Public, ..table("places", Vec::new()) };
    let mixed = scan(Derived::Union { parts: vec![part(people()), part(public)] });
    assert_eq!(mixed, Err(Rejection::NotPerUnit));
}

#[test]
fn a_subquery_has_scans_of_its_own() {
    // With the scan of the rows themselves, an equality of its key with itself looked like one
    // between the person and the row that is looked for, and each person saw all others.
    let exists = |joins: Joins, filter: Vec<Expr>| Expr {
        node: Node::Exists(Box::new(Exists { joins, filter })),
        ty: Type::Bool,
    };
    let asked = |scans, filter| analyzed(scans, Joins::Scan(0), vec![filter]);
    let own = exists(Joins::Scan(0), vec![equal(int(0, "id"), int(0, "id"))]);
    assert_eq!(asked(vec![people()], own.clone()), Err(Rejection::Malformed));
    let linked = |more: Vec<Expr>| {
        let mut filter = vec![equal(int(0, "id"), int(1, "person"))];
        filter.extend(more);
        exists(Joins::Scan(1), filter)
    };
    let scans = || vec![people(), visits()];
    assert_eq!(asked(scans(), linked(Vec::new())), Ok(1));
    // Also not deeper, nor one of its own twice.
    assert_eq!(asked(scans(), linked(vec![own])), Err(Rejection::Malformed));
    let (left, right) = (Box::new(Joins::Scan(1)), Box::new(Joins::Scan(1)));
    let on = vec![equal(int(1, "id"), int(1, "id"))];
    let twice = Joins::Join { kind: JoinKind::Inner, left, right, on };
    let twice = exists(twice, vec![equal(int(0, "id"), int(1, "person"))]);
    assert_eq!(asked(scans(), twice), Err(Rejection::Malformed));
    // Nor does anybody but the EXISTS read them.
    let outside = Expr::call(Function::IsNull, vec![int(1, "place")], Type::Bool);
    let filter = Expr::call(Function::Or, vec![linked(Vec::new()), outside], Type::Bool);
    assert_eq!(asked(scans(), filter), Err(Rejection::Malformed));
}

#[test]
fn an_exists_looks_at_rows_of_its_own_unit() {
    let exists = |filter: Vec<Expr>| Expr {
        node: Node::Exists(Box::new(Exists { joins: Joins::Scan(1), filter })),
        ty: Type::Bool,
    };
    let asked = |filter| analyzed(vec![people(), visits()], Joins::Scan(0), vec![filter]);
    let off = Err(Rejection::OffUnitSubquery { scan: 1 });
    let link = equal(int(0, "id"), int(1, "person"));
    assert_eq!(asked(exists(vec![link.clone()])), Ok(1));
    assert_eq!(asked(exists(Vec::new())), off);
    assert_eq!(asked(exists(vec![equal(int(0, "id"), int(1, "id"))])), off);
    assert_eq!(asked(exists(vec![equal(int(1, "person"), int(1, "person"))])), off);
    let either = Expr::call(Function::Or, vec![link.clone(), link.clone()], Type::Bool);
    assert_eq!(asked(exists(vec![either])), off);
    // Wherever it stands.
    for function in [Function::Not, Function::IsTrue] {
        assert_eq!(asked(Expr::call(function, vec![exists(Vec::new())], Type::Bool)), off);
    }
    let nested = Expr {
        node: Node::Exists(Box::new(Exists {
            joins: Joins::Scan(2),
            filter: vec![equal(int(2, "id"), int(1, "place"))],
        })),
        ty: Type::Bool,
    };
    let scans = vec![people(), visits(), visits()];
    let deep = analyzed(scans, Joins::Scan(0), vec![exists(vec![link, nested])]);
    assert_eq!(deep, Err(Rejection::OffUnitSubquery { scan: 2 }));
}
