use super::*;
use crate::analyze::{Terms, analyze};
use crate::budget::{Accountant, Delta, Epsilon};
use crate::expr::{Column, Exists, Function, Node};
use crate::plan::{JoinKind, Leaf, Statistic};
use crate::unit::{is_reference, is_unit_key};

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
    // Nor from one of several parts.
    let parts = |kind| {
        let two = (people_with_visits(kind), vec![int(1, "person")]);
        let one = (rows(vec![people()], Joins::Scan(0)), vec![int(0, "id")]);
        let union = scan(Derived::Union { parts: vec![one, two] }).unwrap();
        numbered(rows(vec![union], Joins::Scan(0)), vec![int(0, "c1")])
    };
    assert!(parts(JoinKind::Inner).is_ok());
    assert_eq!(parts(JoinKind::Left), Err(Rejection::NotPerUnit));
}

#[test]
fn what_depends_on_the_order_of_equal_rows_has_it_made_total() {
    let needs = |function, frame| {
        let (partition, order, ty) = (Vec::new(), Vec::new(), Type::Int(8));
        Window { function, argument: None, partition, order, frame, ty }.needs_total_order()
    };
    let sum = WindowFunction::Aggregate(AggregateFunction::Sum);
    for frame in [Frame::Peers, Frame::Rows, Frame::All] {
        for function in [
            WindowFunction::RowNumber,
            WindowFunction::Lag(1),
            WindowFunction::Lead(1),
            WindowFunction::FirstValue,
            WindowFunction::LastValue,
        ] {
            assert!(needs(function, frame), "{function:?}");
        }
        assert!(!needs(WindowFunction::Rank, frame) && !needs(WindowFunction::DenseRank, frame));
        assert_eq!(needs(sum, frame), frame == Frame::Rows);
    }
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
fn what_a_scan_says_of_derived_rows_is_not_believed() {
    let made = || grouped(people_with_visits(JoinKind::Inner), vec![int(1, "id")]).unwrap();
    let asked = |scan: Scan| analyzed(vec![scan], Joins::Scan(0), Vec::new());
    assert_eq!(asked(made()), Ok(9));
    let few =
        Exposure::Private { path: vec![hop("k1", "people")], unit: "id".to_owned(), rows_max: 1 };
    for exposure in [Exposure::Public, few] {
        assert_eq!(asked(Scan { exposure, ..made() }), Err(Rejection::Malformed));
    }
    let unique = vec!["k1".to_owned(), "a1".to_owned()];
    assert_eq!(asked(Scan { unique, ..made() }), Err(Rejection::Malformed));
    // Nor below another.
    let below = Scan { exposure: Exposure::Public, ..made() };
    let above = grouped(rows(vec![below, people()], Joins::Scan(1)), vec![int(1, "id")]).unwrap();
    assert_eq!(asked(above), Err(Rejection::Malformed));
}

#[test]
fn rows_that_come_as_parameters_are_public_and_no_other() {
    let given = |exposure| Scan {
        relation: Relation::Given { parameter: 1, columns: vec![Type::Int(4)] },
        exposure,
        unique: Vec::new(),
    };
    assert_eq!(is_sound(&given(Exposure::Public)), Ok(()));
    assert_eq!(is_sound(&given(people().exposure)), Err(Rejection::Malformed));
}

#[test]
fn a_person_has_as_many_rows_as_their_largest_table() {
    for most in [(9, 2), (2, 9)] {
        let mut rows = people_with_visits(JoinKind::Inner);
        for (scan, most) in rows.scans.iter_mut().zip([most.0, most.1]) {
            if let Exposure::Private { rows_max, .. } = &mut scan.exposure {
                *rows_max = most;
            }
        }
        let found = grouped(rows, vec![int(1, "id")]).unwrap().exposure;
        assert!(matches!(found, Exposure::Private { rows_max: 9, .. }), "{found:?}");
    }
}

#[test]
fn what_is_computed_of_public_rows_is_public() {
    let public = || Scan { exposure: Exposure::Public, ..table("places", Vec::new()) };
    let one = || rows(vec![public()], Joins::Scan(0));
    let found = grouped(one(), vec![int(0, "id")]).unwrap();
    assert_eq!((found.exposure, found.unique), (Exposure::Public, vec!["k1".to_owned()]));
    assert_eq!(numbered(one(), Vec::new()).unwrap().exposure, Exposure::Public);
    let both = vec![(one(), vec![int(0, "id")]), (one(), vec![int(0, "id")])];
    let found = scan(Derived::Union { parts: both }).unwrap();
    assert_eq!((found.exposure, found.unique), (Exposure::Public, Vec::new()));
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
fn a_group_goes_by_a_key_that_is_always_there() {
    let of = |scan: Scan| match scan.exposure {
        Exposure::Private { path, rows_max, .. } => (path, rows_max),
        Exposure::Public => unreachable!("they are private"),
    };
    let found = grouped(people_with_visits(JoinKind::Left), vec![int(1, "person"), int(0, "id")]);
    assert_eq!(of(found.unwrap()), (vec![hop("k2", "people")], 9));
    let found = grouped(people_with_visits(JoinKind::Left), vec![int(1, "person")]);
    assert_eq!(of(found.unwrap()), (vec![hop("k1", "people")], 1));
    // By another column than the unit there is one row for each of its values.
    let mut visits = visits();
    let code = Hop { to_column: "code".to_owned(), ..hop("person", "people") };
    if let Exposure::Private { path, .. } = &mut visits.exposure {
        *path = vec![code.clone()];
    }
    let found = grouped(rows(vec![visits], Joins::Scan(0)), vec![int(0, "person")]).unwrap();
    assert_eq!(of(found), (vec![Hop { column: "k1".to_owned(), ..code }], 9));
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
fn a_link_is_between_two_columns_that_are_there() {
    let one = Expr::call(Function::Eq, vec![int(0, "id")], Type::Bool);
    for condition in [one, equal(int(0, "id"), int(7, "person"))] {
        let Rows { scans, mut joins, .. } = people_with_visits(JoinKind::Inner);
        assert_eq!(unit_of(&scans, &joins), Ok(Owner::Unit(0)));
        if let Joins::Join { on, .. } = &mut joins {
            *on = vec![condition];
        }
        assert_eq!(unit_of(&scans, &joins), Err(Rejection::OffUnitJoin { left: 0, right: 1 }));
    }
}

#[test]
fn what_is_not_unique_names_no_row() {
    // Two visits to one place are visits of two people.
    let with = |unique: &[&str], column: &str| {
        let unique = unique.iter().map(|name| (*name).to_owned()).collect();
        is_reference(&Scan { unique, ..visits() }, column)
    };
    assert!(!with(&[], "place") && !with(&["id"], "place") && !with(&["id", "code"], "place"));
    assert!(with(&["id", "code"], "id") && with(&["id", "code"], "code"));
    assert!(with(&[], "person") && !with(&[], "id"));
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

/// An EXISTS over one scan, with this filter.
fn exists(scan: usize, filter: Vec<Expr>) -> Expr {
    let exists = Exists { joins: Joins::Scan(scan), filter };
    Expr { node: Node::Exists(Box::new(exists)), ty: Type::Bool }
}

fn join(left: Joins, right: Joins, on: Vec<Expr>) -> Joins {
    Joins::Join { kind: JoinKind::Inner, left: Box::new(left), right: Box::new(right), on }
}

#[test]
fn an_exists_in_a_join_looks_at_rows_of_its_own_unit() {
    let scans = || vec![people(), people(), people(), visits()];
    let link = |a, b| equal(int(a, "id"), int(b, "id"));
    let [zero, one, two] = [0, 1, 2].map(Joins::Scan);
    let anybody = || exists(3, Vec::new());
    let theirs = |scan| exists(3, vec![equal(int(3, "person"), int(scan, "id"))]);
    let off = Err(Rejection::OffUnitSubquery { scan: 3 });
    for (found, expected) in [(theirs(1), Ok(1)), (anybody(), off.clone())] {
        // At the top, on the left, on the right.
        let pair = |on: Vec<Expr>| join(zero.clone(), one.clone(), on);
        let top = join(pair(vec![link(0, 1)]), two.clone(), vec![link(1, 2), found.clone()]);
        let left = join(pair(vec![link(0, 1), found.clone()]), two.clone(), vec![link(1, 2)]);
        let right = join(two.clone(), pair(vec![link(0, 1), found.clone()]), vec![link(1, 2)]);
        for joins in [top, left, right] {
            assert_eq!(analyzed(scans(), joins, Vec::new()), expected);
        }
        // Where another EXISTS joins.
        let inner = Exists {
            joins: join(one.clone(), two.clone(), vec![link(1, 2), found.clone()]),
            filter: vec![link(0, 1)],
        };
        let inner = Expr { node: Node::Exists(Box::new(inner)), ty: Type::Bool };
        assert_eq!(analyzed(scans(), zero.clone(), vec![inner]), expected);
        // And below rows that are computed.
        let mut body = rows(scans(), top_of_three());
        body.filter.push(found);
        let passed = scan(Derived::Union { parts: vec![(body, vec![int(0, "id")])] }).unwrap();
        let below = analyzed(vec![passed], Joins::Scan(0), Vec::new());
        assert_eq!(below.is_ok(), expected.is_ok());
    }
}

fn top_of_three() -> Joins {
    let link = |a, b| equal(int(a, "id"), int(b, "id"));
    let below = join(Joins::Scan(0), Joins::Scan(1), vec![link(0, 1)]);
    join(below, Joins::Scan(2), vec![link(1, 2)])
}

#[test]
fn what_a_column_names() {
    let named = |scan: &Scan, column: &str| (is_reference(scan, column), is_unit_key(scan, column));
    assert_eq!(named(&people(), "id"), (true, true));
    assert_eq!(named(&people(), "town"), (false, false));
    assert_eq!(named(&visits(), "person"), (true, true));
    assert_eq!(named(&visits(), "id"), (true, false));
    let items = table("items", vec![hop("visit", "visits"), hop("person", "people")]);
    assert_eq!(named(&items, "visit"), (true, false));
    assert_eq!(named(&items, "person"), (false, false));
    let public = Scan { exposure: Exposure::Public, ..people() };
    assert_eq!(named(&public, "id"), (false, false));
    // Of a path's end another column may be the unit.
    let mut by_code = visits();
    if let Exposure::Private { path, .. } = &mut by_code.exposure {
        path[0].to_column = "code".to_owned();
    }
    assert_eq!(named(&by_code, "person"), (true, false));
    let passing = people_with_visits(JoinKind::Inner);
    let columns = vec![int(1, "person"), int(1, "id"), int(1, "place")];
    let passing = scan(Derived::Windowed { rows: passing, columns, windows: Vec::new() }).unwrap();
    let all = ["u", "c1", "c2", "c3", "c4"].map(|column| named(&passing, column));
    assert_eq!(all, [(true, true), (true, true), (true, false), (false, false), (false, false)]);
    // What two parts pass on is a reference where it is the same one in both.
    let part = |scan: Scan, name: &str| (rows(vec![scan], Joins::Scan(0)), vec![int(0, name)]);
    let union = |parts| scan(Derived::Union { parts }).unwrap();
    let same = union(vec![part(people(), "id"), part(visits(), "person")]);
    assert_eq!(named(&same, "c1"), (true, true));
    let apart = union(vec![part(people(), "id"), part(visits(), "id")]);
    assert_eq!(named(&apart, "c1"), (false, false));
}

#[test]
fn a_link_is_between_columns_as_they_are() {
    let computed = |expr: Expr| Expr::call(Function::Neg, vec![expr], Type::Int(4));
    for (a, b) in
        [(computed(int(0, "id")), int(1, "person")), (int(0, "id"), computed(int(1, "person")))]
    {
        let joins = join(Joins::Scan(0), Joins::Scan(1), vec![equal(a.clone(), b.clone())]);
        let scans = || vec![people(), visits()];
        assert_eq!(
            analyzed(scans(), joins, Vec::new()),
            Err(Rejection::OffUnitJoin { left: 0, right: 1 })
        );
        let found = analyzed(scans(), Joins::Scan(0), vec![exists(1, vec![equal(a, b)])]);
        assert_eq!(found, Err(Rejection::OffUnitSubquery { scan: 1 }));
    }
}

#[test]
fn a_link_compares_values_as_they_are() {
    // Two whole numbers can equal the same binary one.
    let float = |expr: Expr| Expr { ty: Type::Float(8), ..expr };
    for (a, b) in [(float(int(0, "id")), int(1, "person")), (int(0, "id"), float(int(1, "person")))]
    {
        let on = vec![equal(a.clone(), b.clone())];
        let (left, right) = (Box::new(Joins::Scan(0)), Box::new(Joins::Scan(1)));
        let joins = Joins::Join { kind: JoinKind::Inner, left, right, on };
        let scans = || vec![people(), visits()];
        assert_eq!(
            analyzed(scans(), joins, Vec::new()),
            Err(Rejection::OffUnitJoin { left: 0, right: 1 })
        );
        let exists = Exists { joins: Joins::Scan(1), filter: vec![equal(a, b)] };
        let exists = Expr { node: Node::Exists(Box::new(exists)), ty: Type::Bool };
        let found = analyzed(scans(), Joins::Scan(0), vec![exists]);
        assert_eq!(found, Err(Rejection::OffUnitSubquery { scan: 1 }));
    }
}

#[test]
fn a_subquery_in_a_join_has_scans_of_its_own() {
    let shadowing = |scan| {
        let filter = vec![equal(int(scan, "id"), int(scan, "id"))];
        let exists = Exists { joins: Joins::Scan(scan), filter };
        Expr { node: Node::Exists(Box::new(exists)), ty: Type::Bool }
    };
    let join = |left, right, on| Joins::Join {
        kind: JoinKind::Inner,
        left: Box::new(left),
        right: Box::new(right),
        on,
    };
    let [zero, one, two] = [0, 1, 2].map(Joins::Scan);
    let link = |a, b| equal(int(a, "id"), int(b, "id"));
    let of = |joins| analyzed(vec![people(), people(), people()], joins, Vec::new());
    let linked = |right: Vec<Expr>, on: Vec<Expr>| {
        let below = join(one.clone(), two.clone(), right);
        join(zero.clone(), below, on)
    };
    assert_eq!(of(linked(vec![link(1, 2)], vec![link(0, 1)])), Ok(1));
    let top = linked(vec![link(1, 2)], vec![link(0, 1), shadowing(0)]);
    assert_eq!(of(top), Err(Rejection::Malformed));
    // Also of a scan beside the join, whose name is the same.
    for scan in [0, 1] {
        let right = linked(vec![link(1, 2), shadowing(scan)], vec![link(0, 1)]);
        assert_eq!(of(right), Err(Rejection::Malformed));
        let below = join(one.clone(), two.clone(), vec![link(1, 2), shadowing(scan)]);
        assert_eq!(of(join(below, zero.clone(), vec![link(0, 1)])), Err(Rejection::Malformed));
    }
    // And where an EXISTS joins: nothing of the rows around, and none of their names.
    let inner = |on: Vec<Expr>| {
        let filter = vec![link(0, 1)];
        let exists = Exists { joins: join(one.clone(), two.clone(), on), filter };
        let exists = Expr { node: Node::Exists(Box::new(exists)), ty: Type::Bool };
        analyzed(vec![people(), people(), people()], Joins::Scan(0), vec![exists])
    };
    assert_eq!(inner(vec![link(1, 2)]), Ok(1));
    assert_eq!(inner(vec![link(1, 2), shadowing(0)]), Err(Rejection::Malformed));
    assert_eq!(inner(vec![link(1, 2), link(0, 2)]), Err(Rejection::Malformed));
    let shared = Exists {
        joins: join(one.clone(), zero.clone(), vec![link(1, 0)]),
        filter: vec![link(0, 1)],
    };
    let shared = Expr { node: Node::Exists(Box::new(shared)), ty: Type::Bool };
    let found = analyzed(vec![people(), people()], Joins::Scan(0), vec![shared]);
    assert_eq!(found, Err(Rejection::Malformed));
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
