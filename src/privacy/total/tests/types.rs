//! Which functions stand over which types.

use super::*;

#[test]
fn functions_are_over_types_that_they_are_total_for() {
    let is = |function: &Function, args: Vec<Expr>, ty: Type| is_typed(function, &args, &ty);
    let (date, text) = (|| column(Type::Date), || column(TEXT));
    let any = || Type::Numeric(None);
    for function in [Function::Eq, Function::Lt, Function::NotDistinct] {
        assert!(is(&function, vec![int(), unbounded()], Type::Bool));
        assert!(!is(&function, vec![int(), unbounded()], Type::Int(4)));
        assert!(!is(&function, vec![int(), text()], Type::Bool));
        assert!(!is(&function, vec![int()], Type::Bool));
    }
    for function in [Function::And, Function::Or] {
        assert!(is(&function, vec![good(), good()], Type::Bool));
        assert!(!is(&function, vec![good(), int()], Type::Bool));
        assert!(!is(&function, vec![good(), good()], Type::Int(4)));
        assert!(!is(&function, Vec::new(), Type::Bool));
    }
    for function in [Function::Not, Function::IsTrue, Function::IsNotFalse] {
        assert!(is(&function, vec![good()], Type::Bool));
        assert!(!is(&function, vec![int()], Type::Bool));
        assert!(!is(&function, vec![good()], TEXT) && !is(&function, vec![], Type::Bool));
    }
    assert!(is(&Function::IsNull, vec![int()], Type::Bool));
    assert!(!is(&Function::IsNull, vec![int()], Type::Int(4)));
    for function in [Function::In, Function::NotIn] {
        assert!(is(&function, vec![int(), unbounded(), null(TEXT)], Type::Bool));
        assert!(!is(&function, vec![int(), int()], Type::Int(4)));
        assert!(!is(&function, vec![int()], Type::Bool));
        assert!(!is(&function, vec![int(), int(), text()], Type::Bool));
        let set = parameter(Type::Other("integer[]".to_owned()));
        assert!(is(&function, vec![int(), set.clone()], Type::Bool));
        assert!(!is(&function, vec![text(), set], Type::Bool));
    }
    for function in [Function::Add, Function::Div, Function::Mod] {
        assert!(is(&function, vec![int(), int()], any()));
        assert!(!is(&function, vec![int(), int()], TEXT));
        assert!(!is(&function, vec![int(), text()], any()));
        assert!(!is(&function, vec![text(), int()], any()));
    }
    assert!(is(&Function::Neg, vec![int()], any()) && !is(&Function::Neg, vec![text()], any()));
    assert!(!is(&Function::Neg, vec![int()], TEXT));
    for function in [Function::Coalesce, Function::Least] {
        assert!(is(&function, vec![date(), null(TEXT), column(Type::Timestamp)], Type::Date));
        assert!(!is(&function, vec![date(), int()], Type::Date) && !is(&function, vec![], TEXT));
    }
    assert!(is(&Function::NullIf, vec![int(), null(TEXT)], any()));
    assert!(is(&Function::NullIf, vec![null(any()), int()], any()));
    assert!(!is(&Function::NullIf, vec![int(), text()], any()));
    assert!(!is(&Function::NullIf, vec![text(), text()], any()));
    for function in [Function::Like, Function::NotILike] {
        let pattern = || Expr::constant("a%", TEXT);
        assert!(is(&function, vec![text(), pattern()], Type::Bool));
        assert!(is(&function, vec![text(), parameter(TEXT)], Type::Bool));
        assert!(!is(&function, vec![text(), text()], Type::Bool));
        assert!(!is(&function, vec![text(), pattern()], TEXT));
        assert!(!is(&function, vec![int(), pattern()], Type::Bool));
        assert!(!is(&function, vec![text(), parameter(Type::Int(4))], Type::Bool));
    }
    let Node::Call(listed, _) =
        functions::call("sign", Syntax::Call, vec![unbounded()]).unwrap().node
    else {
        unreachable!("it is a call")
    };
    assert!(is(&listed, vec![unbounded()], any()));
    assert!(!is(&listed, vec![unbounded()], Type::Int(4)) && !is(&listed, vec![text()], any()));
}

#[test]
fn a_value_is_looked_for_in_an_array_of_its_kind() {
    let named =
        |value: Expr, array: &str| is_set_for(&value, &parameter(Type::Other(array.to_owned())));
    for array in ["smallint[]", "integer[]", "pg_catalog.BIGINT[]"] {
        assert!(named(int(), array) && named(unbounded(), array));
        assert!(!named(column(TEXT), array) && !named(column(Type::Float(8)), array));
    }
    assert!(!named(int(), "integer") && !named(int(), "numeric[]"));
    assert!(named(unbounded(), "numeric[]") && !named(unbounded(), "text[]"));
    let real = || column(Type::Float(4));
    assert!(named(real(), "real[]") && !named(real(), "double precision[]"));
    let computed = call(Function::Neg, vec![real()], Type::Float(4));
    assert!(!named(computed, "real[]"));
    for array in ["text[]", "character varying[]", "bpchar[]", "character(3)[]", "character[]"] {
        assert!(named(column(TEXT), array), "{array}");
    }
    assert!(!named(column(TEXT), "name[]"));
    assert!(named(column(Type::Date), "date[]") && !named(column(Type::Date), "text[]"));
    let stored = column(Type::Other("integer[]".to_owned()));
    assert!(!is_set_for(&int(), &stored) && !is_set_for(&int(), &parameter(Type::Int(4))));
}

#[test]
fn what_moves_a_time_gives_what_postgresql_gives() {
    let shift = |by: ShiftBy, args: Vec<Expr>, ty| {
        is_typed_over_time(&Function::Shift { forward: true, by }, &args, &ty)
    };
    let (date, stamp) = (|| column(Type::Date), || column(Type::Timestamp));
    let days = || ShiftBy::Days(1);
    assert!(shift(days(), vec![date()], Type::Date));
    assert!(!shift(days(), vec![stamp()], Type::Date));
    assert!(!shift(days(), vec![date()], Type::Timestamp));
    assert!(!shift(days(), vec![date(), date()], Type::Date) && !shift(days(), vec![], Type::Date));
    let hour = || ShiftBy::Interval("1 hour".to_owned());
    assert!(shift(hour(), vec![date()], Type::Timestamp));
    assert!(!shift(hour(), vec![date()], Type::Date));
    assert!(shift(hour(), vec![column(Type::TimestampTz)], Type::TimestampTz));
    assert!(!shift(hour(), vec![column(Type::TimestampTz)], Type::Timestamp));
    assert!(!shift(hour(), vec![column(Type::Interval)], Type::Interval));
    assert!(!shift(hour(), vec![stamp(), stamp()], Type::Timestamp));
    let cast = |args: Vec<Expr>, ty| is_typed_over_time(&Function::Cast, &args, &ty);
    assert!(cast(vec![stamp()], Type::Date) && !cast(vec![stamp(), stamp()], Type::Date));
    assert!(!cast(vec![column(TEXT)], Type::Date));
    assert!(!is_typed_over_time(&Function::Not, &[good()], &Type::Bool));
}

#[test]
fn a_case_is_pairs_and_a_default() {
    let is = |args: Vec<Expr>| is_typed_case(&args, &Type::Int(4));
    assert!(is(vec![good(), int(), int()]) && is(vec![good(), null(TEXT), null(TEXT)]));
    assert!(is(vec![good(), int(), good(), int(), int()]));
    assert!(!is(vec![good(), int()]) && !is(vec![int()]));
    assert!(!is(vec![good(), int(), good(), column(TEXT), int()]));
    assert!(!is(vec![int(), int(), int()]) && !is(vec![good(), int(), column(TEXT)]));
}

#[test]
fn a_cast_has_a_value_for_every_value() {
    let numbers = [Type::Int(2), Type::Int(8), Type::Numeric(None), Type::Float(4)];
    let times = [Type::Date, Type::Timestamp, Type::TimestampTz];
    for from in &numbers {
        assert!(numbers.iter().all(|to| cast_is_total(from, to)));
        assert!(!times.iter().any(|to| cast_is_total(from, to)));
        assert!(!cast_is_total(from, &Type::Bool));
        assert_eq!(cast_is_total(from, &TEXT), !matches!(from, Type::Float(_)));
    }
    for from in &times {
        assert!(times.iter().all(|to| cast_is_total(from, to)));
        assert!(!numbers.iter().any(|to| cast_is_total(from, to)));
        assert_eq!(cast_is_total(from, &TEXT), *from == Type::Date);
    }
    assert!(cast_is_total(&Type::Bool, &Type::Int(4)) && cast_is_total(&Type::Bool, &TEXT));
    assert!(!cast_is_total(&Type::Bool, &Type::Int(8)));
    assert!(!cast_is_total(&Type::Bool, &Type::Numeric(None)));
    assert!(cast_is_total(&Type::Text(TextType::Bpchar), &TEXT));
    assert!(!cast_is_total(&TEXT, &Type::Int(4)) && !cast_is_total(&TEXT, &Type::Interval));
}

#[test]
fn types_are_alike_within_their_kind() {
    let kinds = [
        vec![Type::Int(2), Type::Numeric(None), Type::Float(8)],
        vec![TEXT, Type::Text(TextType::Bpchar)],
        vec![Type::Date, Type::TimestampTz],
        vec![Type::Bool],
        vec![Type::Interval],
        vec![Type::Other("point".to_owned())],
        vec![Type::Other("uuid".to_owned())],
    ];
    for (at, one) in kinds.iter().enumerate() {
        for (other_at, other) in kinds.iter().enumerate() {
            for (a, b) in one.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
                assert_eq!(alike(a, b), at == other_at, "{a:?} {b:?}");
            }
        }
    }
    assert!(is_null(&null(TEXT)) && !is_null(&Expr::constant("", TEXT)) && !is_null(&int()));
}
