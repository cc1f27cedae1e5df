mod sizes;
mod types;

use super::*;
use crate::derived::{Frame, Rows};
use crate::expr::{Column, Exists, TextType};
use crate::functions::{self, Syntax};
use crate::plan::{Bounds, JoinKind, Key, Relation};
use crate::quantiles::Bins;
use dashu::integer::{IBig, UBig};

const TEXT: Type = Type::Text(TextType::Text);

fn table(exposure: Exposure) -> Scan {
    let relation = Relation::Table { schema: "public".to_owned(), table: "people".to_owned() };
    Scan { relation, exposure, unique: vec!["id".to_owned()] }
}

fn public() -> Scan {
    table(Exposure::Public)
}

fn private() -> Scan {
    table(Exposure::Private { path: Vec::new(), unit: "id".to_owned(), rows_max: 1 })
}

fn bounded(scan: usize, ty: Type, bounds: Option<(&str, &str)>) -> Expr {
    let bounds = bounds.map(|(low, high)| (low.to_owned(), high.to_owned()));
    let column = Column { scan, name: "x".to_owned(), bounds, nullable: true };
    Expr { node: Node::Column(column), ty }
}

fn of(scan: usize, ty: Type) -> Expr {
    bounded(scan, ty, None)
}

fn column(ty: Type) -> Expr {
    of(0, ty)
}

fn int() -> Expr {
    column(Type::Int(4))
}

fn numeric(precision: u32, scale: u32) -> Expr {
    column(Type::Numeric(Some((precision, scale))))
}

/// A `numeric` whose digits nothing bounds.
fn unbounded() -> Expr {
    column(Type::Numeric(None))
}

fn null(ty: Type) -> Expr {
    Expr { node: Node::Constant(None), ty }
}

fn parameter(ty: Type) -> Expr {
    Expr { node: Node::Parameter(1), ty }
}

fn call(function: Function, args: Vec<Expr>, ty: Type) -> Expr {
    Expr::call(function, args, ty)
}

fn good() -> Expr {
    column(Type::Bool)
}

/// A condition, and its product could raise.
fn raising() -> Expr {
    let product = call(Function::Mul, vec![unbounded(), unbounded()], Type::Numeric(None));
    call(Function::Eq, vec![product, int()], Type::Bool)
}

fn join(left: Joins, right: Joins, on: Vec<Expr>) -> Joins {
    Joins::Join { kind: JoinKind::Inner, left: Box::new(left), right: Box::new(right), on }
}

fn exists(joins: Joins, filter: Vec<Expr>) -> Expr {
    Expr { node: Node::Exists(Box::new(Exists { joins, filter })), ty: Type::Bool }
}

fn rows_of(filter: Option<Expr>) -> Statistic {
    Statistic::Rows { filter, present: None }
}

fn leaf() -> Leaf {
    Leaf {
        scans: vec![private()],
        joins: Joins::Scan(0),
        filter: vec![good()],
        keys: vec![Key { expr: int(), domain: Domain::Found }],
        statistics: vec![rows_of(None)],
    }
}

#[test]
fn each_part_of_a_leaf_has_to_be_total() {
    assert!(leaf_is_total(&leaf()));
    let with = |change: &dyn Fn(&mut Leaf)| {
        let mut leaf = leaf();
        change(&mut leaf);
        leaf_is_total(&leaf)
    };
    assert!(!with(&|leaf| leaf.filter.push(raising())));
    let key = Key { expr: int(), domain: Domain::Declared(Vec::new()) };
    assert!(!with(&|leaf| leaf.keys.push(key.clone())));
    assert!(!with(&|leaf| leaf.statistics.push(rows_of(Some(int())))));
    assert!(!with(&|leaf| leaf.filter.push(int())));
}

#[test]
fn each_part_of_rows_has_to_be_total() {
    let (one, bad) = (vec![private()], int());
    let total = |scans: &[Scan], joins: &Joins, filter: &[Expr], expressions: &[&Expr]| {
        rows_are_total(scans, joins, filter, expressions)
    };
    let two = join(Joins::Scan(0), Joins::Scan(1), Vec::new());
    assert!(total(&one, &Joins::Scan(0), &[good()], &[&bad]));
    assert!(!total(&one, &Joins::Scan(1), &[], &[]));
    assert!(!total(&one, &two, &[], &[]));
    let both = [private(), private()];
    assert!(total(&both, &two, &[], &[]));
    assert!(!total(&both, &join(Joins::Scan(0), Joins::Scan(1), vec![good(), bad]), &[], &[]));
    assert!(!total(&one, &Joins::Scan(0), &[good(), raising()], &[]));
    assert!(!total(&one, &Joins::Scan(0), &[], &[&good(), &raising()]));
    // The column of a scan that is not joined, and an EXISTS over one that is not there.
    assert!(!total(&both, &Joins::Scan(0), &[], &[&of(1, Type::Bool)]));
    assert!(!total(&one, &Joins::Scan(0), &[], &[&exists(Joins::Scan(1), Vec::new())]));
    let derived = |keys| {
        let rows = Rows { scans: vec![private()], joins: Joins::Scan(0), filter: Vec::new() };
        let derived = Derived::Grouped { rows, keys, aggregates: Vec::new() };
        Scan { relation: Relation::Derived(Box::new(derived)), ..private() }
    };
    assert!(total(&[private(), derived(vec![int()])], &two, &[], &[]));
    assert!(!total(&[private(), derived(vec![raising()])], &two, &[], &[]));
}

#[test]
fn each_part_of_what_is_derived_has_to_be_total() {
    let rows = |filter| Rows { scans: vec![private()], joins: Joins::Scan(0), filter };
    let count = |filter| {
        let (function, ty) = (AggregateFunction::Count, Type::Int(8));
        Aggregate { function, distinct: false, argument: None, filter, ty }
    };
    let grouped = |filter, keys, aggregates| {
        derived_is_total(&Derived::Grouped { rows: rows(filter), keys, aggregates })
    };
    // Twenty digits where the type says three.
    let wide = call(Function::Add, vec![int(), int()], Type::Numeric(Some((3, 0))));
    assert!(grouped(vec![good()], vec![int()], vec![count(None), count(Some(good()))]));
    assert!(!grouped(vec![raising()], vec![int()], vec![count(None)]));
    assert!(!grouped(Vec::new(), vec![int(), column(Type::Interval)], vec![count(None)]));
    assert!(!grouped(Vec::new(), vec![int(), wide.clone()], vec![count(None)]));
    assert!(!grouped(Vec::new(), vec![int()], vec![count(None), count(Some(int()))]));
    let mut other = count(None);
    other.ty = Type::Int(4);
    assert!(!grouped(Vec::new(), vec![int()], vec![count(None), other.clone()]));
    let numbered = |ty| Window {
        function: WindowFunction::RowNumber,
        argument: None,
        partition: Vec::new(),
        order: Vec::new(),
        frame: Frame::All,
        ty,
    };
    let windowed = |windows| {
        derived_is_total(&Derived::Windowed { rows: rows(Vec::new()), columns: vec![], windows })
    };
    assert!(windowed(vec![numbered(Type::Int(8))]));
    assert!(!windowed(vec![numbered(Type::Int(8)), numbered(Type::Int(4))]));
    // Rows that are numbered are told apart by all that is seen of them.
    let beside = |seen: Type, window: Window| {
        let columns = vec![column(seen)];
        let windows = vec![window];
        derived_is_total(&Derived::Windowed { rows: rows(Vec::new()), columns, windows })
    };
    let json = || Type::Other("jsonb".to_owned());
    let ranked = Window { function: WindowFunction::Rank, ..numbered(Type::Int(8)) };
    assert!(beside(Type::Interval, numbered(Type::Int(8))) && beside(json(), ranked));
    assert!(!beside(json(), numbered(Type::Int(8))));
    let united = |parts: Vec<Vec<Expr>>| {
        let parts = parts.into_iter().map(|columns| (rows(Vec::new()), columns));
        derived_is_total(&Derived::Union { parts: parts.collect() })
    };
    assert!(united(vec![vec![int()], vec![int()], vec![int()]]));
    assert!(!united(vec![vec![int()], vec![int()], vec![good()]]));
    assert!(!united(vec![vec![int()], vec![int(), int()]]) && !united(Vec::new()));
    assert!(!united(vec![vec![good()], vec![raising()]]));
    assert!(!united(vec![vec![raising()], vec![good()]]));
    assert!(!united(vec![vec![int()], vec![wide.clone()]]));
    let wide_too = vec![int(), wide];
    let three = Type::Numeric(Some((3, 0)));
    assert!(!united(vec![vec![int(), column(three)], wide_too]));
}

#[test]
fn what_is_passed_on_has_the_digits_of_its_type() {
    assert!(fits(&numeric(3, 1)) && fits(&unbounded()) && fits(&int()));
    let sum = |digits| call(Function::Add, vec![int(), int()], Type::Numeric(Some((digits, 0))));
    assert!(fits(&sum(20)) && !fits(&sum(19)));
}

#[test]
fn aggregates_are_over_types_that_they_are_total_for() {
    use AggregateFunction::{Avg, BoolAnd, BoolOr, Count, Max, Min, Sum};
    let is = |function, argument: Option<Expr>, ty| aggregates(function, argument.as_ref(), &ty);
    assert!(is(Count, None, Type::Int(8)) && is(Count, Some(good()), Type::Int(8)));
    assert!(!is(Count, None, Type::Int(4)));
    for function in [Sum, Avg] {
        let any = Type::Numeric(None);
        assert!(is(function, Some(int()), any.clone()));
        assert!(!is(function, Some(int()), TEXT) && !is(function, Some(column(TEXT)), any.clone()));
        assert!(!is(function, Some(unbounded()), any.clone()) && !is(function, None, any));
        // Twelve digits more than a summand.
        let of = |precision| is(function, Some(numeric(5, 2)), Type::Numeric(Some((precision, 2))));
        assert!(of(17) && !of(16));
        let whole = |digits| is(function, Some(numeric(digits, 0)), Type::Numeric(None));
        assert!(whole(WHOLE_DIGITS_MAX - 12) && !whole(WHOLE_DIGITS_MAX - 11));
    }
    for function in [Min, Max] {
        for ty in [Type::Int(4), TEXT, Type::Date, Type::TimestampTz] {
            assert!(is(function, Some(column(ty.clone())), ty));
        }
        // Of an interval, which of several equal ones it is can be seen.
        for other in [Type::Interval, Type::Other("point".to_owned())] {
            assert!(!is(function, Some(column(other.clone())), other));
        }
        assert!(!is(function, Some(good()), Type::Bool));
        assert!(!is(function, Some(int()), Type::Int(8)) && !is(function, None, Type::Int(4)));
    }
    for function in [BoolAnd, BoolOr] {
        assert!(is(function, Some(good()), Type::Bool));
        assert!(!is(function, Some(int()), Type::Bool) && !is(function, Some(good()), TEXT));
        assert!(!is(function, None, Type::Bool));
    }
}

#[test]
fn windows_are_over_types_that_they_are_total_for() {
    let is = |function, argument, ty| {
        let (partition, order, frame) = (Vec::new(), Vec::new(), Frame::All);
        window_is_total(&Window { function, argument, partition, order, frame, ty })
    };
    for function in [WindowFunction::RowNumber, WindowFunction::Rank, WindowFunction::DenseRank] {
        assert!(is(function, None, Type::Int(8)) && !is(function, None, Type::Int(4)));
        assert!(!is(function, Some(int()), Type::Int(8)));
    }
    for function in [
        WindowFunction::Lag(1),
        WindowFunction::Lead(1),
        WindowFunction::FirstValue,
        WindowFunction::LastValue,
    ] {
        assert!(is(function, Some(int()), Type::Int(4)));
        assert!(!is(function, Some(int()), Type::Int(8)) && !is(function, None, Type::Int(4)));
    }
    let count = WindowFunction::Aggregate(AggregateFunction::Count);
    assert!(is(count, None, Type::Int(8)) && !is(count, None, Type::Int(4)));
}

#[test]
fn conditions_of_joins_are_over_what_is_joined() {
    let scans = [private(), private(), private()];
    let total = |joins: &Joins| joins_are_total(&scans, joins);
    let within = |joins: &Joins| joins_are_within(joins);
    let pair = |on| join(Joins::Scan(0), Joins::Scan(1), on);
    let across = |a, b| {
        let args = vec![of(a, Type::Int(4)), of(b, Type::Int(4))];
        call(Function::Eq, args, Type::Bool)
    };
    assert!(total(&pair(vec![good(), across(0, 1)])) && within(&pair(vec![good(), across(0, 1)])));
    for bad in [int(), raising()] {
        assert!(!total(&pair(vec![good(), bad])));
    }
    let outside = || pair(vec![good(), across(0, 2)]);
    assert!(!total(&outside()) && !within(&outside()));
    let (left, right) = (
        join(outside(), Joins::Scan(2), Vec::new()),
        join(Joins::Scan(2), outside(), vec![good()]),
    );
    assert!(!total(&left) && !total(&right) && !within(&left) && !within(&right));
    let empty = |inner| join(inner, Joins::Scan(2), vec![across(1, 2)]);
    assert!(total(&empty(pair(Vec::new()))) && within(&empty(pair(Vec::new()))));
}

#[test]
fn the_values_of_a_key_are_public_by_construction() {
    let mut two = leaf();
    two.scans = vec![public(), private()];
    let is = |expr: Expr, domain| has_domain(&two, &Key { expr, domain });
    let array = Type::Other("integer[]".to_owned());
    assert!(is(int(), Domain::Found) && !is(column(array), Domain::Found));
    let name = || "x".to_owned();
    assert!(is(of(1, Type::Int(4)), Domain::PublicColumn(name(), name(), name())));
    assert!(is(of(1, Type::Int(4)), Domain::Declared(vec![None])));
    assert!(!is(of(1, Type::Int(4)), Domain::Declared(Vec::new())));
    let args = vec![of(0, Type::Int(4)), of(1, Type::Int(4))];
    let both = call(Function::Add, args, Type::Int(4));
    assert!(is(int(), Domain::PublicRows) && !is(both, Domain::PublicRows));
    assert!(!is(of(1, Type::Int(4)), Domain::PublicRows));
    assert!(!is(of(2, Type::Int(4)), Domain::PublicRows));
    assert!(!is(Expr::constant("1", Type::Int(4)), Domain::PublicRows));
}

#[test]
fn statistics_are_of_numbers_on_a_grid() {
    let scans = [private()];
    let is = |statistic| statistic_is_total(&scans, &statistic);
    for filter in [None, Some(good())] {
        assert!(is(Statistic::Units { filter: filter.clone() }) && is(rows_of(filter)));
    }
    for filter in [int(), raising()] {
        assert!(!is(rows_of(Some(filter.clone()))));
        assert!(!is(Statistic::Units { filter: Some(filter.clone()) }));
        assert!(!is(Statistic::Distinct { filter: Some(filter), value: int(), most: None }));
    }
    let sum = |filter, value, scale| {
        let [low, high, centre] = [0, 9, 0].map(IBig::from);
        is(Statistic::Sum { filter, value, bounds: Bounds { scale, low, high, centre } })
    };
    let histogram = |filter, value, scale, width: u8| {
        let (low, high, width) = (IBig::ZERO, IBig::from(9), UBig::from(width));
        is(Statistic::Histogram { filter, value, bins: Bins { scale, low, high, width } })
    };
    assert!(sum(Some(good()), int(), 0) && histogram(Some(good()), int(), 0, 1));
    assert!(!sum(Some(int()), int(), 0) && !histogram(Some(int()), int(), 0, 1));
    assert!(sum(None, int(), 100) && histogram(None, int(), 100, 1));
    assert!(!sum(None, int(), 101) && !histogram(None, int(), 101, 1));
    assert!(!sum(None, column(TEXT), 0) && !histogram(None, column(TEXT), 0, 1));
    assert!(!sum(None, unbounded(), 0) && !histogram(None, unbounded(), 0, 1));
    assert!(!histogram(None, int(), 0, 0));
    let most = numeric(WHOLE_DIGITS_MAX, 0);
    assert!(sum(None, most.clone(), 0) && histogram(None, most, 0, 1));
}

#[test]
fn an_exists_has_conditions_of_its_own_that_are_total() {
    let scans = [private(), private(), private()];
    let total = |expr: &Expr| is_total(&scans, expr);
    assert!(total(&exists(Joins::Scan(1), vec![of(1, Type::Bool), of(0, Type::Bool)])));
    for bad in [int(), raising(), of(3, Type::Bool)] {
        assert!(!total(&exists(Joins::Scan(1), vec![good(), bad.clone()])));
        assert!(!total(&exists(Joins::Scan(1), vec![bad.clone(), good()])));
        let below = exists(Joins::Scan(2), vec![good(), bad.clone()]);
        assert!(!total(&exists(Joins::Scan(1), vec![below])));
        assert!(!subqueries_are_total(&scans, &exists(Joins::Scan(1), vec![good(), bad])));
    }
    let joined = |on| exists(join(Joins::Scan(1), Joins::Scan(2), on), Vec::new());
    assert!(total(&joined(vec![of(1, Type::Bool)])));
    assert!(!total(&joined(vec![of(1, Type::Bool), good()])));
    let mut number = exists(Joins::Scan(1), Vec::new());
    number.ty = Type::Int(4);
    assert!(!total(&number));
    // A later EXISTS that is total does not make up for one that is not.
    let both = vec![joined(vec![good()]), joined(Vec::new())];
    assert!(!total(&call(Function::And, both, Type::Bool)));
    assert!(!is_condition(&scans, &int()) && !is_condition(&scans, &raising()));
    assert!(is_condition(&scans, &good()));
}

#[test]
fn what_is_too_large_to_be_looked_at_is_refused() {
    let looked = |expr: &Expr, scans| {
        let mut nodes = 0;
        expr_columns_within(expr, scans, 0, &mut nodes)
    };
    assert!(looked(&of(1, Type::Bool), 2) && !looked(&of(2, Type::Bool), 2));
    let args = |count: usize| call(Function::And, vec![good(); count], Type::Bool);
    assert!(looked(&args(NODES_MAX - 1), 1) && !looked(&args(NODES_MAX), 1));
    let mixed = vec![good(), of(1, Type::Bool)];
    assert!(!looked(&call(Function::And, mixed, Type::Bool), 1));
    let nots =
        |count: u32| (0..count).fold(good(), |expr, _| call(Function::Not, vec![expr], Type::Bool));
    assert!(looked(&nots(DEPTH_MAX), 1) && !looked(&nots(DEPTH_MAX + 1), 1));
    let two = join(Joins::Scan(1), Joins::Scan(2), Vec::new());
    assert!(looked(&exists(two.clone(), Vec::new()), 3));
    assert!(!looked(&exists(two, Vec::new()), 2));
    assert!(!looked(&exists(Joins::Scan(1), vec![of(2, Type::Bool), good()]), 2));
    assert!(!looked(&exists(Joins::Scan(1), vec![good(), of(2, Type::Bool)]), 2));
    // Many nodes that are small when they are looked at, and not when they are printed.
    let ty = Type::Numeric(None);
    let root = |arg| functions::call("sqrt", Syntax::Call, vec![arg]).unwrap();
    let roots = (0..30).fold(numeric(5, 0), |expr, _| root(expr));
    assert!(looked(&roots, 1) && size(&roots).is_some() && !is_total(&[private()], &roots));
    assert!(!is_total(&[private()], &call(Function::Mul, vec![unbounded(), int()], ty)));
}

#[test]
fn what_is_printed_has_a_node_for_each_copy() {
    let of = |function, ty: Type, arg: Expr, count: usize| {
        is_small_printed(&call(function, vec![arg; count], ty))
    };
    let and = |arg: Expr, count| of(Function::And, Type::Bool, arg, count);
    assert!(and(good(), 19_999) && !and(good(), 20_000));
    assert!(and(parameter(Type::Bool), 19_999) && !and(null(Type::Bool), 20_000));
    // Sixteen bytes of a constant are one more.
    let long = |nodes: usize| is_small_printed(&Expr::constant("x".repeat(16 * nodes), TEXT));
    assert!(long(19_999) && !long(20_000));
    // An EXISTS has its conditions, a cast its argument three times.
    let conditions = |count| is_small_printed(&exists(Joins::Scan(1), vec![good(); count]));
    assert!(conditions(19_999) && !conditions(20_000));
    for function in [Function::Cast, Function::NullIf, Function::ILike] {
        assert!(of(function.clone(), TEXT, good(), 6_666) && !of(function, TEXT, good(), 6_667));
    }
    // A time of another type is written twice.
    let coalesce = |ty, arg, count| of(Function::Coalesce, ty, arg, count);
    assert!(coalesce(Type::Timestamp, column(Type::Date), 9_999));
    assert!(!coalesce(Type::Timestamp, column(Type::Date), 10_000));
    assert!(coalesce(Type::Timestamp, column(Type::Timestamp), 19_999));
    assert!(coalesce(Type::Numeric(None), int(), 19_999));
    // So is a text that has to be held, three times.
    let lower = |arg| functions::call("lower", Syntax::Call, vec![arg]).unwrap();
    assert!(and(lower(column(TEXT)), 4_999) && !and(lower(column(TEXT)), 5_000));
    let short = || lower(Expr::constant("a", TEXT));
    assert!(and(short(), 9_999) && !and(short(), 10_000));
    let reverse = functions::call("reverse", Syntax::Call, vec![column(TEXT)]).unwrap();
    assert!(and(reverse.clone(), 9_999) && !and(reverse, 10_000));
}

#[test]
fn an_expression_has_the_nodes_below_it() {
    let sum = call(Function::Add, vec![int(), int()], Type::Int(4));
    let equal = call(Function::Eq, vec![sum.clone(), int()], Type::Bool);
    let joins = join(Joins::Scan(1), Joins::Scan(2), vec![good()]);
    assert_eq!((int().size(), sum.size(), equal.size()), (1, 3, 5));
    assert_eq!(exists(joins, vec![equal, good()]).size(), 3 + 1 + 5 + 1);
}
