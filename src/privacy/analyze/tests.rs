use dashu::rational::RBig;

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

fn by_norm(contribution: Contribution, accountant: Accountant) -> Terms {
    Terms { accountant, contribution, ..terms() }
}

/// Orders by a public key, counted and summed.
fn by_status(domain: Domain) -> Leaf {
    let key = Key { expr: int(0, "status"), domain };
    let mut leaf = counted(vec![orders(4)], Joins::Scan(0), vec![key]);
    let [low, high, centre] = [0, 10, 0].map(IBig::from);
    let bounds = Bounds { scale: 0, low, high, centre };
    leaf.statistics.push(Statistic::Sum { filter: None, value: int(0, "x"), bounds });
    leaf
}

fn four() -> Domain {
    Domain::Declared((0..4).map(|n| Some(n.to_string())).collect())
}

#[test]
fn a_norm_bounds_all_groups_and_drops_none() {
    let known = Contribution::Known(vec![UBig::from(2048_u32), UBig::from(5_u8)]);
    for (accountant, norm) in [(Accountant::Zcdp, Norm::L2), (Accountant::Pure, Norm::L1)] {
        let plan = analyze(by_status(four()), &by_norm(known.clone(), accountant)).unwrap();
        assert!(plan.estimate().is_none());
        let found = plan.state;
        assert_eq!((found.groups, found.groups_enforced, found.norm), (Some(4), false, norm));
        let bounds: Vec<_> = found.statistics.iter().map(|one| one.bound.clone()).collect();
        assert_eq!(bounds, [Some(UBig::from(2048_u32)), Some(UBig::from(5_u8))]);
        assert!(found.statistics.iter().all(|one| one.grains == 1024));
        // ε = 1 for two: σ = C/√(2·¼), b = C/½.
        let scale = if norm == Norm::L2 { 2.0_f64.sqrt() * 2048.0 } else { 2.0 * 2048.0 };
        let noise = match &found.statistics[0].noise {
            Noise::Gaussian { sigma } => sigma.value().to_f64().value(),
            Noise::Laplace { scale } => scale.value().to_f64().value(),
        };
        assert!((noise / scale - 1.0).abs() < 1e-4, "{noise}");
    }
}

#[test]
fn a_plan_waits_for_its_estimate_and_cannot_be_charged_before() {
    use crate::receipt::Receipt;
    let terms = by_norm(Contribution::Automatic, Accountant::Zcdp);
    let plan = analyze(by_status(four()), &terms).unwrap();
    let estimate = plan.estimate().unwrap().clone();
    assert!(plan.analysis().waits() && !estimate.analysis().waits());
    assert_eq!(&estimate.loss().rho + &plan.loss().rho, Amount::parse("500000000000").unwrap());
    assert!(plan.clone().charged(Receipt::assertion(plan.loss().clone())).is_none());
    assert!(estimate.estimate().is_none());
    let grids = estimate.analysis().grids().unwrap();
    // Four rows of ten in each of four groups: 80 steps at most.
    assert_eq!(grids[1].edges().last(), Some(&UBig::from(80_u32 * 1024)));
    assert_eq!(grids[0].edges().last(), Some(&UBig::from(8_u32 * 1024)));
    // The estimate of both is released, and is what the bounds come from.
    let bins = estimate.analysis().bins();
    let release = |people: &dyn Fn(usize, usize) -> i64| {
        let key = |bin: usize| {
            let bin = i32::try_from(bin).unwrap().to_be_bytes().to_vec();
            vec![Some(bin), Some(4_i64.to_be_bytes().to_vec())]
        };
        let row = |bin| (key(bin), (0..2).map(|at| IBig::from(people(at, bin))).collect());
        Release::recalled((0..bins).map(row).collect())
    };
    let found = plan.clone().bounded(&release(&|_, bin| if bin == 3 { 100_000 } else { 0 }));
    let found = found.unwrap();
    assert!(found.estimate().is_none() && !found.analysis().waits());
    for (one, grid) in found.analysis().statistics.iter().zip(grids) {
        assert!(one.bound.as_ref().unwrap() >= &grid.edges()[3]);
        assert!(one.bound.as_ref().unwrap() <= &grid.edges()[6]);
    }
    assert_eq!(found.loss(), plan.loss());
    assert!(found.clone().charged(Receipt::assertion(plan.loss().clone())).is_some());
    // Where nothing can be told, as much noise is added as for what is declared: 4·√3 steps.
    let nothing = plan.clone().bounded(&release(&|_, _| 0)).unwrap();
    assert_eq!(nothing.analysis().statistics[0].bound, Some(UBig::from(7095_u32)));
    // A release of something else gives no bounds.
    assert!(plan.clone().bounded(&Release::recalled(Vec::new())).is_none());
    assert!(found.bounded(&Release::recalled(Vec::new())).is_none());
}

/// What a price is spent on: ρ, or ε, of each statistic whose bound is known.
fn spent(found: &Analyzed) -> Vec<RBig> {
    let of = |one: &Calibrated| {
        let bound = RBig::from(one.bound.clone().unwrap_or_else(|| one.linf.clone()));
        match &one.noise {
            Noise::Gaussian { sigma } => bound.sqr() / (sigma.value().sqr() * RBig::from(2)),
            Noise::Laplace { scale } => bound / scale.value(),
        }
    };
    found.statistics.iter().map(of).collect()
}

#[test]
fn an_estimate_splits_the_price_and_spends_no_more_than_it() {
    // Rows are many and alike; of the sums a few are large, so that a bound is far above most.
    let release = |estimate: &Plan<Analyzed>| {
        let key = |bin: usize| {
            let bin = i32::try_from(bin).unwrap().to_be_bytes().to_vec();
            vec![Some(bin), Some(4_i64.to_be_bytes().to_vec())]
        };
        let rows = |bin: usize| match bin {
            1 => [1_000_000, 500],
            20 => [0, 50],
            _ => [0, 0],
        };
        let row = |bin| (key(bin), rows(bin).map(IBig::from).to_vec());
        Release::recalled((0..estimate.analysis().bins()).map(row).collect())
    };
    for accountant in [Accountant::Zcdp, Accountant::Pure] {
        let terms = by_norm(Contribution::Automatic, accountant);
        let plan = analyze(by_status(four()), &terms).unwrap();
        let price = match accountant {
            Accountant::Zcdp => RBig::from(plan.loss().rho.units().clone()),
            Accountant::Pure => RBig::from(plan.loss().epsilon.clone().unwrap().units().clone()),
        } / RBig::from(1_000_000_000_000_u64);
        let found = plan.clone().bounded(&release(plan.estimate().unwrap())).unwrap();
        assert_eq!(found.loss(), plan.loss());
        let spent = spent(found.analysis());
        let all = spent.iter().fold(RBig::ZERO, |sum, one| sum + one);
        assert!(all <= price, "{all} of {price}");
        let part = |at: usize| (&spent[at] / &price).to_f64().value();
        assert!((part(0) + part(1) - 1.0).abs() < 1e-3, "{} and {}", part(0), part(1));
        assert!(part(0) >= 0.2499 && part(0) < 0.27 && part(1) > 0.73, "{}", part(0));
    }
}

#[test]
fn a_number_that_drowns_or_is_not_seen_takes_nothing_from_others() {
    let terms = by_norm(Contribution::Automatic, Accountant::Zcdp);
    let plan = analyze(by_status(four()), &terms).unwrap();
    let shares = |sums: &dyn Fn(usize) -> i64| {
        let row = |bin: usize| {
            let key = i32::try_from(bin).unwrap().to_be_bytes().to_vec();
            let key = vec![Some(key), Some(4_i64.to_be_bytes().to_vec())];
            let rows = if bin == 1 { 1_000_000 } else { 0 };
            (key, vec![IBig::from(rows), IBig::from(sums(bin))])
        };
        let bins = plan.estimate().unwrap().analysis().bins();
        let found = plan.clone().bounded(&Release::recalled((0..bins).map(row).collect())).unwrap();
        let spent = spent(found.analysis());
        (&spent[0] / &spent[1]).to_f64().value()
    };
    // All add nothing; nobody is seen; thirty are, too few for so much noise.
    for sums in [|bin| i64::from(bin == 0) * 100_000, |_| 0, |bin| i64::from(bin == 20) * 9] {
        let ratio = shares(&sums);
        assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
    }
}

#[test]
fn an_average_is_as_large_as_its_centre() {
    let terms = by_norm(Contribution::Automatic, Accountant::Zcdp);
    let sums = |centre: i64, filter: Option<Expr>| {
        let mut leaf = by_status(four());
        let [low, high, centre] = [0, 10, centre].map(IBig::from);
        let bounds = Bounds { scale: 0, low, high, centre };
        leaf.statistics[1] = Statistic::Sum { filter, value: int(0, "x"), bounds };
        let plan = analyze(leaf, &terms).unwrap();
        let bins = plan.estimate().unwrap().analysis().bins();
        let row = |bin: usize| {
            let key = i32::try_from(bin).unwrap().to_be_bytes().to_vec();
            let key = vec![Some(key), Some(4_i64.to_be_bytes().to_vec())];
            // Four rows each, whose numbers are near the centre for nearly all.
            let counts = match bin {
                1 => [0, 100_000],
                9 => [100_000, 0],
                15 => [0, 3_000],
                _ => [0, 0],
            };
            (key, counts.map(IBig::from).to_vec())
        };
        let found = plan.bounded(&Release::recalled((0..bins).map(row).collect())).unwrap();
        let spent = spent(found.analysis());
        (&spent[1] / &spent[0]).to_f64().value()
    };
    let bool = |name| column(0, name, Type::Bool);
    // Without a centre, or the count of its rows beside it, the sum is all that there is.
    let (alone, centred) = (sums(0, None), sums(5, None));
    assert!(alone > 1.5 * centred, "{alone} {centred}");
    // Of rows that are filtered it is not this count.
    let filtered = sums(5, Some(bool("b")));
    assert!(filtered < alone && filtered > centred, "{alone} {filtered} {centred}");
}

#[test]
fn the_rows_of_people_with_one_row_are_their_number() {
    let deciding = |scan: Scan| {
        let key = Key { expr: int(0, "town"), domain: Domain::Found };
        let plan = analyze(counted(vec![scan], Joins::Scan(0), vec![key]), &terms()).unwrap();
        let units = match plan.analysis().selection {
            Selection::Threshold { units, .. } => Some(units),
            Selection::Whole | Selection::Public => None,
        };
        (units, plan.leaf().statistics.len())
    };
    assert_eq!(deciding(customers()), (Some(0), 1));
    assert_eq!(deciding(orders(1)), (Some(1), 2));
    // Rows that are filtered are not all.
    let count = |filter, present| {
        let key = Key { expr: int(0, "town"), domain: Domain::Found };
        let mut leaf = counted(vec![customers()], Joins::Scan(0), vec![key]);
        leaf.statistics = vec![Statistic::Rows { filter, present }];
        analyze(leaf, &terms()).unwrap().leaf().statistics.len()
    };
    assert_eq!(count(None, None), 1);
    assert_eq!(count(None, Some(int(0, "x"))), 2);
    assert_eq!(count(Some(column(0, "b", Type::Bool)), None), 2);
}

#[test]
fn a_group_is_shown_from_whole_units_and_a_person_in_one_group_is_single() {
    let automatic = by_norm(Contribution::Automatic, Accountant::Zcdp);
    let found = analyze(by_status(Domain::Found), &automatic).unwrap().state;
    let Selection::Threshold { group_min, noisy_min, .. } = &found.selection else {
        unreachable!("groups are found")
    };
    // The next whole unit above so many grains.
    let (least, noisy) = found.shown_from().unwrap();
    let grains = |units: UBig| units * UBig::from(1024_u32);
    assert_eq!(least, *group_min);
    assert!(grains(noisy.clone()) >= *noisy_min && grains(noisy - UBig::ONE) < *noisy_min);
    let declared = analyzed(by_status(Domain::Found));
    let Selection::Threshold { noisy_min, .. } = &declared.selection else {
        unreachable!("groups are found")
    };
    assert_eq!(declared.shown_from(), Some((1, noisy_min.clone())));
    assert_eq!(analyzed(by_status(four())).shown_from(), None);
    assert!(!found.single() && !analyzed(by_status(four())).single());
    // What is shown of its noise is in units as well.
    let count = &found.statistics[2];
    let (half, deviation) = (count.noise.half_width((5, 100)), count.noise.standard_deviation());
    assert_eq!(count.grains, 1024);
    let shown = count.half_width((5, 100));
    assert!(grains(shown.clone()) >= half && grains(shown - UBig::ONE) < half);
    assert!((count.standard_deviation() * 1024.0 / deviation - 1.0).abs() < 1e-9);
    // One group that is enforced is not one group whatever the data.
    let one = Terms { groups_max: 1, ..terms() };
    let enforced = analyze(by_status(four()), &one).unwrap().state;
    assert_eq!((enforced.groups, enforced.single()), (Some(1), false));
    assert!(analyzed(counted(vec![orders(4)], Joins::Scan(0), Vec::new())).single());
}

#[test]
fn an_estimate_has_the_noise_of_one_person_for_its_part_of_the_price() {
    // Of ε = 1 a tenth, for two histograms in each of which a person is once.
    let pure = by_norm(Contribution::Automatic, Accountant::Pure);
    let plan = analyze(by_status(four()), &pure).unwrap();
    let estimate = plan.estimate().unwrap().analysis();
    let noise = Noise::laplace(&UBig::ONE, &Epsilon::parse("0.05").unwrap());
    assert_eq!(estimate.statistics.len(), 2);
    assert!(estimate.statistics.iter().all(|one| one.noise == noise && one.bound.is_none()));
    // All that a person can add: four rows of ten in each of four groups.
    let grids = estimate.grids().unwrap();
    assert_eq!(grids[1].edges().last(), Some(&UBig::from(160_u32 * 1024)));
    let zcdp = by_norm(Contribution::Automatic, Accountant::Zcdp);
    let plan = analyze(by_status(Domain::Found), &zcdp).unwrap();
    let estimate = plan.estimate().unwrap().analysis();
    // Of ρ = 1/2 a tenth, for three; the δ of the groups is paid for with the answer.
    let rho = crate::budget::Rho::of_epsilon(&Epsilon::parse("1").unwrap()).split(30);
    let noise = Noise::gaussian(&UBig::ONE, &rho);
    assert!(estimate.statistics.iter().all(|one| one.noise == noise));
    assert!(estimate.loss.delta.is_zero() && plan.loss().delta == zcdp.delta.cost());
}

#[test]
fn no_bound_is_zero_and_a_norm_drops_no_public_group() {
    let column = || Domain::PublicColumn("public".to_owned(), "states".to_owned(), "id".to_owned());
    let nothing = Contribution::Known(vec![UBig::ZERO, UBig::ZERO]);
    let bounds = |contribution: Contribution, groups_max| {
        let terms = Terms { groups_max, ..by_norm(contribution, Accountant::Zcdp) };
        let found = analyze(by_status(column()), &terms).unwrap().state;
        assert_eq!((found.groups, found.groups_enforced), (None, false));
        found.statistics.into_iter().map(|one| one.bound.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(bounds(nothing, 3), [UBig::ONE, UBig::ONE]);
    // Where nothing is declared of groups, one is: four rows, of ten each.
    let one = [UBig::from(4 * 1024_u32), UBig::from(40 * 1024_u32)];
    assert_eq!(bounds(Contribution::Automatic, 0), one);
    assert_eq!(bounds(Contribution::Known(Vec::new()), 1), one);
    let none = analyze(by_status(column()), &Terms { groups_max: 0, ..terms() }).unwrap().state;
    assert_eq!((none.groups, none.groups_enforced, none.beside.groups), (Some(1), true, 1));
}

#[test]
fn what_is_no_sum_over_people_has_its_groups_dropped_however_others_are_bounded() {
    let column = || Domain::PublicColumn("public".to_owned(), "states".to_owned(), "id".to_owned());
    let two = || Domain::Declared(vec![Some("a".to_owned()), Some("b".to_owned())]);
    let known = Contribution::Known(vec![UBig::from(5_u8)]);
    for contribution in [Contribution::Declared, Contribution::Automatic, known] {
        let of = |scan, domain| {
            let key = Key { expr: int(0, "status"), domain };
            let mut leaf = counted(vec![scan], Joins::Scan(0), vec![key]);
            leaf.statistics =
                vec![Statistic::Distinct { filter: None, value: int(0, "x"), most: None }];
            analyze(leaf, &by_norm(contribution.clone(), Accountant::Pure)).unwrap().state
        };
        for (scan, domain, groups, enforced) in [
            (orders(4), column(), 3, true),
            (orders(4), four(), 3, true),
            (orders(4), two(), 2, false),
            (customers(), column(), 1, false),
        ] {
            let rows = if groups == 1 { 1 } else { 4_u8 };
            let found = of(scan, domain);
            assert_eq!(found.beside, GroupBound { groups, enforced }, "{contribution:?}");
            assert_eq!(found.beside.kept(), enforced.then_some(groups));
            let moved = UBig::from(rows) * UBig::from(groups);
            let noise = Noise::laplace(&moved, &Epsilon::parse("1").unwrap());
            assert_eq!((&found.statistics[0].noise, &found.statistics[0].bound), (&noise, &None));
        }
    }
}

#[test]
fn what_moves_by_one_needs_no_estimate() {
    let automatic = by_norm(Contribution::Automatic, Accountant::Zcdp);
    let customers_by_town = || {
        let key = Key { expr: int(0, "town"), domain: four() };
        counted(vec![customers()], Joins::Scan(0), vec![key])
    };
    assert!(analyze(customers_by_town(), &automatic).unwrap().estimate().is_none());
    let mut units = counted(vec![orders(4)], Joins::Scan(0), Vec::new());
    units.statistics = vec![Statistic::Units { filter: None }];
    assert!(analyze(units, &automatic).unwrap().estimate().is_none());
    // Groups that are found are capped far above what is declared, so that hardly any is dropped;
    // the count of units that decides about them is bounded as the others are.
    let plan = analyze(by_status(Domain::Found), &automatic).unwrap();
    assert_eq!(plan.estimate().unwrap().leaf().statistics.len(), 3);
    let found = plan.analysis();
    assert_eq!((found.groups, found.groups_enforced), (Some(1024), true));
    assert_eq!(found.statistics[2].bound, Some(UBig::from(1774_u32)));
    // One group at most: the count moves by one there, and the threshold is for one group.
    let key = Key { expr: int(0, "town"), domain: Domain::Found };
    let one = analyze(counted(vec![customers()], Joins::Scan(0), vec![key]), &automatic).unwrap();
    assert!(one.estimate().is_none());
    assert_eq!(one.analysis().groups, Some(1));
    // A price of a few units is not split.
    let little = Terms { epsilon: Epsilon::parse("1e-6").unwrap(), ..automatic };
    assert!(analyze(by_status(four()), &little).unwrap().estimate().is_none());
}
