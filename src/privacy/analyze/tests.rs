use dashu::rational::RBig;

mod estimates;

use super::*;
use crate::budget::Amount;
use crate::expr::TextType::{Bpchar, Text, Varchar};
use crate::expr::{Column, Expr, Function, Node, Type};
use crate::functions::{self, Syntax};
use crate::plan::{Hop, JoinKind, Joins, Key, Relation, Scan};
use crate::release::Release;

fn terms() -> Terms {
    Terms {
        epsilon: Epsilon::parse("1").unwrap(),
        accountant: Accountant::Zcdp,
        delta: Delta::parse("1e-6").unwrap(),
        group_min: 1,
        groups_max: 3,
        contribution: Contribution::Declared,
    }
}

fn hop(column: &str, to: &str) -> Hop {
    let text = str::to_owned;
    Hop {
        column: text(column),
        to_schema: text("public"),
        to_table: text(to),
        to_column: text("id"),
    }
}

fn private(table: &str, path: Vec<Hop>, rows_max: u32) -> Scan {
    let exposure = Exposure::Private { path, unit: "id".to_owned(), rows_max };
    Scan { exposure, ..public(table) }
}

fn public(table: &str) -> Scan {
    Scan {
        relation: Relation::Table { schema: "public".to_owned(), table: table.to_owned() },
        exposure: Exposure::Public,
        unique: vec!["id".to_owned()],
    }
}

fn customers() -> Scan {
    private("customers", Vec::new(), 1)
}

fn orders(rows_max: u32) -> Scan {
    private("orders", vec![hop("customer", "customers")], rows_max)
}

fn lines() -> Scan {
    private("lines", vec![hop("order", "orders"), hop("customer", "customers")], 9)
}

fn column(scan: usize, name: &str, ty: Type) -> Expr {
    let column = Column { scan, name: name.to_owned(), bounds: None, nullable: false };
    Expr { node: Node::Column(column), ty }
}

fn int(scan: usize, name: &str) -> Expr {
    column(scan, name, Type::Int(4))
}

fn equal(a: Expr, b: Expr) -> Expr {
    Expr::call(Function::Eq, vec![a, b], Type::Bool)
}

fn join(kind: JoinKind, left: Joins, right: Joins, on: Vec<Expr>) -> Joins {
    Joins::Join { kind, left: Box::new(left), right: Box::new(right), on }
}

fn counted(scans: Vec<Scan>, joins: Joins, keys: Vec<Key>) -> Leaf {
    let statistics = vec![Statistic::Rows { filter: None, present: None }];
    Leaf { scans, joins, filter: Vec::new(), keys, statistics }
}

fn two(kind: JoinKind, left: Scan, right: Scan, on: Vec<Expr>) -> Leaf {
    counted(vec![left, right], join(kind, Joins::Scan(0), Joins::Scan(1), on), Vec::new())
}

fn analyzed(leaf: Leaf) -> Analyzed {
    analyze(leaf, &terms()).unwrap().state
}

fn rejected(leaf: Leaf) -> Rejection {
    analyze(leaf, &terms()).unwrap_err()
}

#[test]
fn one_allowed_row_is_not_one_row() {
    // A person may have many orders where the policy counts one: that has to be enforced.
    let found = analyzed(counted(vec![orders(1)], Joins::Scan(0), Vec::new()));
    assert_eq!((found.rows, found.one_row), (1, false));
    let found = analyzed(counted(vec![customers()], Joins::Scan(0), Vec::new()));
    assert_eq!((found.rows, found.one_row), (1, true));
}

#[test]
fn private_tables_meet_on_their_person_or_not_at_all() {
    let off = |left, right, on| rejected(two(JoinKind::Inner, left, right, on));
    let expected = Rejection::OffUnitJoin { left: 0, right: 1 };
    // No condition, another column, a column that only one side refers by, and an inequality.
    assert_eq!(off(customers(), orders(9), Vec::new()), expected);
    assert_eq!(
        off(customers(), customers(), vec![equal(int(0, "town"), int(1, "town"))]),
        expected
    );
    assert_eq!(off(customers(), orders(9), vec![equal(int(0, "id"), int(1, "id"))]), expected);
    assert_eq!(off(orders(9), lines(), vec![equal(int(0, "customer"), int(1, "order"))]), expected);
    let below = Expr::call(Function::Le, vec![int(0, "id"), int(1, "customer")], Type::Bool);
    assert_eq!(off(customers(), orders(9), vec![below]), expected);
    // One of two is enough; either is not.
    let right = equal(int(0, "id"), int(1, "customer"));
    let either = Expr::call(
        Function::Or,
        vec![right.clone(), equal(int(0, "town"), int(1, "town"))],
        Type::Bool,
    );
    assert_eq!(off(customers(), orders(9), vec![either]), expected);
    // A condition within one side joins nothing.
    assert_eq!(off(customers(), customers(), vec![equal(int(0, "id"), int(0, "id"))]), expected);
    for kind in [JoinKind::Inner, JoinKind::Left] {
        let found = analyzed(two(kind, customers(), orders(9), vec![right.clone()]));
        assert_eq!((found.unit, found.rows, found.one_row), (0, 9, false));
    }
}

#[test]
fn tables_of_different_people_do_not_meet_in_a_table_between() {
    let visits = |end: &str| private("visits", vec![hop("stay", "stays"), hop("person", end)], 5);
    let on = || vec![equal(int(0, "stay"), int(1, "stay"))];
    assert!(
        analyze(two(JoinKind::Inner, visits("guests"), visits("guests"), on()), &terms()).is_ok()
    );
    assert_eq!(
        rejected(two(JoinKind::Inner, visits("guests"), visits("hosts"), on())),
        Rejection::OffUnitJoin { left: 0, right: 1 }
    );
}

#[test]
fn unmatched_public_rows_belong_to_nobody() {
    let on = || vec![equal(int(0, "id"), int(1, "town"))];
    assert_eq!(
        rejected(two(JoinKind::Left, public("towns"), customers(), on())),
        Rejection::PublicLeftJoin
    );
    let found = analyzed(two(JoinKind::Inner, public("towns"), customers(), on()));
    assert_eq!((found.unit, found.rows, found.one_row), (1, 1, true));
    assert_eq!(
        rejected(counted(vec![public("towns")], Joins::Scan(0), Vec::new())),
        Rejection::NotPrivate
    );
}

#[test]
fn a_lookup_is_one_row_only_by_a_unique_column_compared_as_it_is() {
    let by = |key: Expr, from: Expr| {
        let leaf = two(JoinKind::Inner, customers(), public("towns"), vec![equal(from, key)]);
        analyzed(leaf).one_row
    };
    assert!(by(int(1, "id"), int(0, "town")));
    assert!(by(int(1, "id"), column(0, "town", Type::Numeric(None))));
    assert!(by(int(1, "id"), Expr::constant("3", Type::Int(4))));
    assert!(!by(int(1, "size"), int(0, "town")));
    assert!(!by(int(1, "id"), int(1, "size")));
    // Two keys of eight bytes can be one binary number, two local times one moment, and a text
    // with blanks at its end one without.
    assert!(!by(column(1, "id", Type::Int(8)), column(0, "x", Type::Float(8))));
    assert!(!by(column(1, "id", Type::Numeric(None)), column(0, "x", Type::Float(4))));
    assert!(!by(column(1, "id", Type::Timestamp), column(0, "x", Type::TimestampTz)));
    let text = |of| Type::Text(of);
    assert!(!by(column(1, "id", text(Text)), column(0, "x", text(Bpchar))));
    assert!(by(column(1, "id", text(Text)), column(0, "x", text(Varchar))));
    assert!(!by(column(1, "id", Type::Float(8)), column(0, "x", Type::Float(4))));
    // Seven keys near 1e16 look the same in fifteen digits, as which a computed one is compared.
    assert!(!by(column(1, "id", Type::Float(8)), column(0, "x", Type::Float(8))));
}

#[test]
fn the_nullable_side_is_no_function_of_the_unit() {
    let on = || vec![equal(int(0, "town"), int(1, "id"))];
    let leaf = two(JoinKind::Left, customers(), public("towns"), on());
    assert!(!analyzed(leaf).one_row);
    // Nor is the unit's own table there, and conditions of a left join hold for no row for sure.
    let right = join(
        JoinKind::Inner,
        Joins::Scan(1),
        Joins::Scan(2),
        vec![equal(int(1, "town"), int(2, "id"))],
    );
    let left =
        join(JoinKind::Left, Joins::Scan(0), right, vec![equal(int(0, "customer"), int(1, "id"))]);
    let leaf = counted(vec![orders(9), customers(), public("towns")], left, Vec::new());
    let found = analyzed(leaf);
    assert_eq!((found.unit, found.one_row, found.rows), (0, false, 9));
}

#[test]
fn what_a_left_join_finds_depends_on_all_of_its_left_side() {
    // A profile is one for each person, but each order decides whether it is beside it.
    let mut profiles = private("profiles", vec![hop("person", "customers")], 1);
    profiles.unique.push("person".to_owned());
    let orders_of = vec![equal(int(0, "id"), int(1, "customer"))];
    let both = join(JoinKind::Inner, Joins::Scan(0), Joins::Scan(1), orders_of);
    let big = Expr::call(Function::Gt, vec![int(1, "total"), int(1, "limit")], Type::Bool);
    let on = vec![equal(int(0, "id"), int(2, "person")), big];
    let key = Key { expr: int(2, "town"), domain: Domain::Found };
    let keyed = |kind| {
        let joins = join(kind, both.clone(), Joins::Scan(2), on.clone());
        let scans = vec![customers(), orders(9), profiles.clone()];
        let found = analyzed(counted(scans, joins, vec![key.clone()]));
        (found.groups, found.groups_enforced)
    };
    assert_eq!(keyed(JoinKind::Left), (Some(3), true));
    assert_eq!(keyed(JoinKind::Inner), (Some(1), false));
    // Beside the person alone it follows from the person.
    let on = vec![equal(int(0, "id"), int(1, "person"))];
    let found = analyzed(two(JoinKind::Left, customers(), profiles, on));
    assert!(found.one_row);
    // One profile for each code of a person is not known to be one for each person.
    let mut by_code = private("profiles", vec![hop("person", "customers")], 9);
    by_code.unique.push("person".to_owned());
    if let Exposure::Private { path, .. } = &mut by_code.exposure {
        for hop in path {
            "code".clone_into(&mut hop.to_column);
        }
    }
    let found = analyzed(counted(vec![by_code], Joins::Scan(0), Vec::new()));
    assert_eq!((found.one_row, found.rows), (false, 9));
}

#[test]
fn a_key_that_may_be_missing_does_not_follow_from_the_person() {
    // Each order decides by itself whether its customer is there, so one person's orders are in
    // the group of their town and in that of no town.
    let big = Expr::call(Function::Gt, vec![int(0, "total"), int(0, "limit")], Type::Bool);
    let on = vec![equal(int(0, "customer"), int(1, "id")), big];
    let key = Key { expr: int(1, "town"), domain: Domain::Found };
    let keyed = |kind| {
        let leaf =
            Leaf { keys: vec![key.clone()], ..two(kind, orders(9), customers(), on.clone()) };
        let found = analyzed(leaf);
        (found.groups, found.groups_enforced)
    };
    assert_eq!(keyed(JoinKind::Left), (Some(3), true));
    assert_eq!(keyed(JoinKind::Inner), (Some(1), false));
}

#[test]
fn groups_are_bounded_unless_keys_follow_from_the_person() {
    let of = |scan, expr: Expr, domain| {
        let key = Key { expr, domain };
        let found = analyzed(counted(vec![scan], Joins::Scan(0), vec![key]));
        (found.groups, found.groups_enforced)
    };
    assert_eq!(of(customers(), int(0, "town"), Domain::Found), (Some(1), false));
    assert_eq!(of(orders(9), int(0, "status"), Domain::Found), (Some(3), true));
    let declared = |count: u32| Domain::Declared((0..count).map(|n| Some(n.to_string())).collect());
    assert_eq!(of(orders(9), int(0, "status"), declared(2)), (Some(2), false));
    assert_eq!(of(orders(9), int(0, "status"), declared(3)), (Some(3), false));
    assert_eq!(of(orders(9), int(0, "status"), declared(4)), (Some(3), true));
    let found = analyzed(counted(vec![orders(9)], Joins::Scan(0), Vec::new()));
    assert_eq!((found.groups, found.groups_enforced), (Some(1), false));
    let column = || Domain::PublicColumn("public".to_owned(), "states".to_owned(), "id".to_owned());
    assert_eq!(of(orders(9), int(0, "status"), column()), (Some(3), true));
}

#[test]
fn keys_of_private_rows_are_not_public() {
    let key = |expr, domain| vec![Key { expr, domain }];
    let leaf = |keys| counted(vec![customers()], Joins::Scan(0), keys);
    assert_eq!(rejected(leaf(key(int(0, "town"), Domain::PublicRows))), Rejection::Malformed);
    let constant = Expr::constant("1", Type::Int(4));
    assert_eq!(rejected(leaf(key(constant, Domain::PublicRows))), Rejection::Malformed);
    let nothing = Domain::Declared(Vec::new());
    assert_eq!(rejected(leaf(key(int(0, "town"), nothing))), Rejection::Malformed);
}

#[test]
fn thresholds_are_not_for_pure_accounts() {
    let key = Key { expr: int(0, "town"), domain: Domain::Found };
    let leaf = counted(vec![customers()], Joins::Scan(0), vec![key]);
    let pure = Terms { accountant: Accountant::Pure, ..terms() };
    assert_eq!(analyze(leaf, &pure).unwrap_err(), Rejection::KeysUnderPure);
}

#[test]
fn sensitivities_follow_from_rows_groups_and_bounds() {
    let sum = |low: i64, high: i64, centre: i64| {
        let [low, high, centre] = [low, high, centre].map(IBig::from);
        let bounds = Bounds { scale: 0, low, high, centre };
        Statistic::Sum { filter: None, value: int(0, "x"), bounds }
    };
    let mut leaf = counted(vec![orders(4)], Joins::Scan(0), Vec::new());
    leaf.statistics.extend([
        sum(0, 10, 0),
        sum(0, 10, 5),
        sum(-7, 3, 0),
        sum(3, 9, 20),
        sum(0, 0, 0),
    ]);
    leaf.statistics.push(Statistic::Units { filter: None });
    let found = analyzed(leaf);
    let linf: Vec<String> = found.statistics.iter().map(|one| one.linf.to_string()).collect();
    assert_eq!(linf, ["4", "40", "20", "28", "68", "1", "1"]);
}

#[test]
fn a_key_follows_from_the_person_only_if_all_of_it_does() {
    let on = vec![equal(int(0, "id"), int(1, "customer"))];
    let keyed = |a: Expr, b: Expr| {
        let expr = Expr::call(Function::Gt, vec![a, b], Type::Bool);
        let keys = vec![Key { expr, domain: Domain::Found }];
        let leaf = Leaf { keys, ..two(JoinKind::Inner, customers(), orders(9), on.clone()) };
        let found = analyzed(leaf);
        (found.groups, found.groups_enforced)
    };
    assert_eq!(keyed(int(0, "town"), int(0, "id")), (Some(1), false));
    assert_eq!(keyed(int(0, "town"), int(1, "total")), (Some(3), true));
    assert_eq!(keyed(int(1, "total"), int(0, "town")), (Some(3), true));
}

#[test]
fn laplace_noise_is_for_all_groups_of_a_unit() {
    let declared = Domain::Declared(["a", "b", "c"].map(|text| Some(text.to_owned())).to_vec());
    let key = Key { expr: column(0, "status", Type::Text(Text)), domain: declared };
    let leaf = counted(vec![orders(9)], Joins::Scan(0), vec![key]);
    let pure = Terms { accountant: Accountant::Pure, ..terms() };
    let found = analyze(leaf.clone(), &pure).unwrap().state;
    assert_eq!((found.groups, &found.statistics[0].linf), (Some(3), &UBig::from(9_u8)));
    let noise = Noise::laplace(&UBig::from(27_u8), &Epsilon::parse("1").unwrap());
    assert_eq!(found.statistics[0].noise, noise);
    // Of two statistics each has half of the price.
    let mut two = leaf;
    two.statistics.push(Statistic::Units { filter: None });
    let found = analyze(two, &pure).unwrap().state;
    let half = Epsilon::parse("0.5").unwrap();
    assert_eq!(found.statistics[0].noise, Noise::laplace(&UBig::from(27_u8), &half));
    assert_eq!(found.statistics[1].noise, Noise::laplace(&UBig::from(3_u8), &half));
}

#[test]
fn no_rows_are_one_row_and_no_statistics_no_plan() {
    let leaf = counted(vec![orders(0)], Joins::Scan(0), Vec::new());
    assert_eq!(analyzed(leaf.clone()).rows, 1);
    assert_eq!(rejected(Leaf { statistics: Vec::new(), ..leaf }), Rejection::Malformed);
}

#[test]
fn the_shares_of_a_price_add_up() {
    let key = Key { expr: int(0, "status"), domain: Domain::Found };
    let leaf = counted(vec![orders(4)], Joins::Scan(0), vec![key]);
    let found = analyzed(leaf);
    // ε = 1 is ρ = 1/2, a quarter for each of two: the rows, and the persons that decide.
    let sigma = |at: usize| match &found.statistics[at].noise {
        Noise::Gaussian { sigma } => sigma.value().to_f64().value(),
        Noise::Laplace { .. } => 0.0,
    };
    // σ² = groups · linf² / (2ρ)
    assert!((sigma(0) / (3.0_f64 * 16.0 / 0.5).sqrt() - 1.0).abs() < 1e-3, "{}", sigma(0));
    assert!((sigma(1) / (3.0_f64 / 0.5).sqrt() - 1.0).abs() < 1e-3, "{}", sigma(1));
    assert_eq!(found.loss.rho.to_string(), "500000000000");
    assert_eq!(found.loss.delta.to_string(), "1000000000000");
}

#[test]
fn an_expression_that_could_raise_makes_no_plan() {
    let malformed = |expr: Expr| {
        let mut leaf = counted(vec![customers()], Joins::Scan(0), Vec::new());
        leaf.statistics = vec![Statistic::Rows { filter: None, present: Some(expr) }];
        matches!(analyze(leaf, &terms()), Err(Rejection::Malformed))
    };
    let unbounded = || column(0, "x", Type::Numeric(None));
    let times = |a, b| Expr::call(Function::Mul, vec![a, b], Type::Numeric(None));
    let null_if = |expr: Expr| {
        let zero = Expr::constant("0", Type::Int(4));
        Expr::call(Function::NullIf, vec![expr, zero], Type::Numeric(None))
    };
    assert!(malformed(times(unbounded(), unbounded())));
    assert!(malformed(times(null_if(unbounded()), int(0, "n"))));
    let clamp = |expr: Expr| {
        let ty = Type::Numeric(None);
        let low =
            Expr::call(Function::Greatest, vec![expr, Expr::constant("0", ty.clone())], ty.clone());
        Expr::call(Function::Least, vec![low, Expr::constant("10", ty.clone())], ty)
    };
    assert!(!malformed(times(clamp(unbounded()), int(0, "n"))));
    // Squared again and again, a number gets so long that the time to compute it tells of it.
    let squared = |times_: u32| (0..times_).fold(int(0, "n"), |expr, _| times(expr.clone(), expr));
    assert!(!malformed(squared(5)));
    assert!(malformed(squared(6)));
    // Types for which the printed form is not total.
    let cast = |from: Expr, to: Type| Expr::call(Function::Cast, vec![from], to);
    let text = || column(0, "t", Type::Text(crate::expr::TextType::Text));
    assert!(malformed(cast(text(), Type::Int(4))));
    assert!(malformed(cast(text(), Type::Date)));
    assert!(malformed(Expr::call(Function::Add, vec![text(), int(0, "n")], Type::Int(4))));
    assert!(malformed(Expr::call(
        Function::Listed(functions::all().find(|row| row.name == "extract").unwrap()),
        vec![Expr::constant("hour", functions::TEXT), column(0, "d", Type::Date)],
        Type::Numeric(None)
    )));
    let root = |arg: Expr| functions::call("sqrt", Syntax::Call, vec![arg]).unwrap();
    assert!(malformed(root(unbounded())));
    assert!(!malformed(root(clamp(unbounded()))));
    // A guard writes its argument three times, one within the other too often.
    let roots = |times: u32| (0..times).fold(clamp(unbounded()), |expr, _| root(expr));
    assert!(!malformed(roots(5)) && malformed(roots(30)));
    assert!(malformed(Expr::call(Function::Like, vec![text(), text()], Type::Bool)));
    // A value is looked for in an array of its own kind.
    let within = |value: Expr, array: &str| {
        let array = Expr { node: Node::Parameter(1), ty: Type::Other(array.to_owned()) };
        Expr::call(Function::In, vec![value, array], Type::Bool)
    };
    assert!(!malformed(within(int(0, "n"), "bigint[]")));
    assert!(!malformed(within(unbounded(), "integer[]")));
    assert!(!malformed(within(text(), "character varying[]")));
    assert!(malformed(within(unbounded(), "double precision[]")));
    assert!(malformed(within(int(0, "n"), "text[]")));
    assert!(!malformed(within(column(0, "f", Type::Float(8)), "double precision[]")));
    let doubled = vec![column(0, "n", Type::Int(8)), column(0, "n", Type::Int(8))];
    let doubled = Expr::call(Function::Mul, doubled, Type::Float(8));
    assert!(malformed(within(doubled, "double precision[]")));
    // A scan that is not there, and a column of one that is not joined.
    assert!(malformed(int(1, "n")));
    let mut leaf = counted(vec![customers(), customers()], Joins::Scan(0), Vec::new());
    leaf.filter = vec![Expr::call(Function::IsNull, vec![int(1, "n")], Type::Bool)];
    assert_eq!(rejected(leaf), Rejection::Malformed);
}
