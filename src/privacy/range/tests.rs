use super::*;
use crate::expr::{Column, TextType};
use crate::functions::{self, Syntax};

fn number(text: &str) -> RBig {
    parse_decimal(text).unwrap()
}

fn bounded_by(low: &str, high: &str) -> Expr {
    let bounds = Some((low.to_owned(), high.to_owned()));
    let column = Column { scan: 0, name: "x".to_owned(), bounds, nullable: true };
    Expr { node: Node::Column(column), ty: Type::Numeric(Some((12, 3))) }
}

fn free(ty: Type) -> Expr {
    let column = Column { scan: 0, name: "y".to_owned(), bounds: None, nullable: true };
    Expr { node: Node::Column(column), ty }
}

fn constant_of(text: &str) -> Expr {
    Expr::constant(text, Type::Numeric(None))
}

fn of(function: Function, args: Vec<Expr>) -> Option<(String, String)> {
    let found = range(&Expr::call(function, args, Type::Numeric(None)))?;
    Some((found.low.to_string(), found.high.to_string()))
}

fn ends(low: &str, high: &str) -> (String, String) {
    (low.to_owned(), high.to_owned())
}

#[test]
fn decimals_are_read_as_postgresql_reads_them() {
    let read = |text: &str| parse_decimal(text).map(|value| value.to_string());
    for (text, value) in [
        ("12", "12"),
        (" -1.5 ", "-3/2"),
        ("+2", "2"),
        (".5", "1/2"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("-25E-1", "-5/2"),
        ("2.5e1", "25"),
        ("0.25e2", "25"),
    ] {
        assert_eq!(read(text).as_deref(), Some(value), "{text}");
    }
    for text in
        ["", ".", "-", "x", "1x", "1.2.3", "1e", "1e1.5", "NaN", "Infinity", "1 2", "--1", "1_000"]
    {
        assert_eq!(read(text), None, "{text}");
    }
    assert!(read("1e400").is_some() && read("1e-400").is_some());
    assert!(read("1e401").is_none() && read("1e-401").is_none());
    assert!(read(&"9".repeat(400)).is_some() && read(&"9".repeat(401)).is_none());
}

#[test]
fn ranges_are_those_of_their_corners() {
    let (a, b) = (|| bounded_by("-3", "2"), || bounded_by("1", "4"));
    assert_eq!(of(Function::Add, vec![a(), b()]), Some(ends("-2", "6")));
    assert_eq!(of(Function::Sub, vec![a(), b()]), Some(ends("-7", "1")));
    assert_eq!(of(Function::Mul, vec![a(), b()]), Some(ends("-12", "8")));
    assert_eq!(of(Function::Mul, vec![a(), a()]), Some(ends("-6", "9")));
    assert_eq!(of(Function::Div, vec![a(), b()]), Some(ends("-3", "2")));
    for around in [a(), bounded_by("0", "4"), bounded_by("-4", "0")] {
        assert_eq!(of(Function::Div, vec![b(), around]), None);
    }
    assert_eq!(of(Function::Div, vec![b(), bounded_by("-4", "-2")]), Some(ends("-2", "-1/4")));
    assert_eq!(of(Function::Neg, vec![bounded_by("-3", "2")]), Some(ends("-2", "3")));
    // The sign of the dividend, and less than the divisor.
    assert_eq!(of(Function::Mod, vec![a(), bounded_by("-9", "4")]), Some(ends("-3", "2")));
    assert_eq!(of(Function::Mod, vec![b(), bounded_by("-9", "4")]), Some(ends("0", "4")));
    assert_eq!(of(Function::Mod, vec![free(Type::Int(4)), a()]), Some(ends("-3", "3")));
    assert_eq!(of(Function::Mod, vec![bounded_by("-9", "-8"), b()]), Some(ends("-4", "0")));
    assert_eq!(of(Function::NullIf, vec![a(), b()]), Some(ends("-3", "2")));
    assert_eq!(of(Function::Add, vec![a(), free(Type::Int(4))]), None);
    let truth = Expr::call(Function::Cast, vec![free(Type::Bool)], Type::Int(4));
    let found = range(&truth).unwrap();
    assert_eq!((found.low, found.high), (RBig::ZERO, RBig::ONE));
    // What is whole is rounded outward.
    let args = vec![bounded_by("-3", "5"), constant_of("2")];
    let found = range(&Expr::call(Function::Div, args, Type::Int(4))).unwrap();
    assert_eq!((found.low, found.high), (number("-2"), number("3")));
}

#[test]
fn what_is_one_of_several_has_the_range_of_all() {
    let (a, b) = (|| bounded_by("-3", "2"), || bounded_by("1", "4"));
    for both in [vec![a(), b()], vec![b(), a()]] {
        assert_eq!(of(Function::Coalesce, both), Some(ends("-3", "4")));
    }
    let two = || constant_of("2");
    let case = vec![free(Type::Bool), b(), free(Type::Bool), constant_of("-9"), two()];
    assert_eq!(of(Function::Case, case), Some(ends("-9", "4")));
    let nothing = Expr { node: Node::Constant(None), ty: Type::Numeric(None) };
    let case = vec![free(Type::Bool), b(), nothing];
    assert_eq!(of(Function::Case, case), Some(ends("1", "4")));
    assert_eq!(of(Function::Case, vec![free(Type::Bool), b(), free(Type::Int(4))]), None);
    assert_eq!(of(Function::Least, vec![a(), b()]), Some(ends("-3", "4")));
    assert_eq!(of(Function::Least, vec![b(), two()]), Some(ends("1", "2")));
    assert_eq!(of(Function::Greatest, vec![b(), two()]), Some(ends("2", "4")));
    assert_eq!(of(Function::Least, vec![b(), constant_of("3"), two()]), Some(ends("1", "2")));
    assert_eq!(of(Function::Greatest, vec![b(), two(), constant_of("3")]), Some(ends("3", "4")));
    assert_eq!(of(Function::Least, vec![b(), constant_of("0")]), Some(ends("0", "0")));
    assert_eq!(of(Function::Greatest, vec![b(), constant_of("9")]), Some(ends("9", "9")));
}

#[test]
fn a_number_is_clamped_by_two_constants() {
    let ty = || Type::Numeric(None);
    let call = |function, args| Expr::call(function, args, ty());
    let (low, high) = (|| constant_of("-5"), || constant_of("7"));
    let greatest = || call(Function::Greatest, vec![free(ty()), low()]);
    let least = || call(Function::Least, vec![high(), free(ty())]);
    assert_eq!(of(Function::Least, vec![greatest(), high()]), Some(ends("-5", "7")));
    assert_eq!(of(Function::Least, vec![high(), greatest()]), Some(ends("-5", "7")));
    assert_eq!(of(Function::Greatest, vec![least(), low()]), Some(ends("-5", "7")));
    // Ends the wrong way round leave the outer one.
    let crossed = call(Function::Greatest, vec![free(ty()), constant_of("9")]);
    assert_eq!(of(Function::Least, vec![crossed, high()]), Some(ends("7", "7")));
    let crossed = call(Function::Least, vec![free(ty()), constant_of("-9")]);
    assert_eq!(of(Function::Greatest, vec![crossed, low()]), Some(ends("-5", "-5")));
    // One end, the same end twice, another function, and a third argument are no clamp.
    assert_eq!(of(Function::Least, vec![least(), high()]), None);
    assert_eq!(of(Function::Greatest, vec![greatest(), low()]), None);
    assert_eq!(of(Function::Least, vec![free(ty()), high()]), None);
    assert_eq!(of(Function::Least, vec![greatest(), free(ty())]), None);
    assert_eq!(of(Function::Least, vec![greatest(), high(), free(ty())]), None);
    let sum = call(Function::Add, vec![free(ty()), low()]);
    assert_eq!(of(Function::Least, vec![sum, high()]), None);
    // Constants may be cast or negated; what is no number is none.
    let negated = call(Function::Neg, vec![constant_of("5")]);
    let cast = call(Function::Cast, vec![constant_of("7")]);
    let inner = call(Function::Greatest, vec![free(ty()), negated]);
    assert_eq!(of(Function::Least, vec![inner, cast]), Some(ends("-5", "7")));
    let text = Expr::constant("7", Type::Text(TextType::Text));
    assert_eq!(of(Function::Least, vec![greatest(), text]), None);
}

#[test]
fn places_follow_the_rules_of_numeric() {
    let places =
        |function, args: Vec<Expr>| scale(&Expr::call(function, args, Type::Numeric(None)));
    let (a, b) = (|| bounded_by("0", "1"), || constant_of("0.25"));
    assert_eq!((scale(&a()), scale(&b()), scale(&constant_of("1e5"))), (Some(3), Some(2), None));
    assert_eq!((scale(&free(Type::Int(4))), scale(&free(Type::Numeric(None)))), (Some(0), None));
    assert_eq!(scale(&free(Type::Float(8))), None);
    for function in [Function::Add, Function::Sub, Function::Least, Function::Coalesce] {
        assert_eq!(places(function.clone(), vec![a(), b()]), Some(3));
        assert_eq!(places(function, vec![a(), free(Type::Numeric(None))]), None);
    }
    assert_eq!(places(Function::Mul, vec![a(), b()]), Some(5));
    assert_eq!(places(Function::Div, vec![a(), b()]), None);
    assert_eq!(places(Function::NullIf, vec![b(), a()]), Some(2));
    assert_eq!(places(Function::Case, vec![free(Type::Bool), b(), a()]), Some(3));
}

#[test]
fn places_of_listed_functions() {
    let of = |name, args| scale(&functions::call(name, Syntax::Call, args).unwrap());
    let a = || bounded_by("0", "1");
    let digits = |text: &str| Expr::constant(text, Type::Int(4));
    assert_eq!(of("round", vec![a(), digits("2")]), Some(2));
    assert_eq!(of("round", vec![a(), digits("-2")]), Some(0));
    assert_eq!((of("ceil", vec![a()]), of("sign", vec![a()])), (Some(0), Some(0)));
    assert_eq!((of("abs", vec![a()]), of("sqrt", vec![a()])), (Some(3), None));
    assert_eq!(of("ln", vec![a()]), None);
    let extract = |field: &str| {
        let args = vec![Expr::constant(field, functions::TEXT), free(Type::Timestamp)];
        scale(&functions::call("extract", Syntax::Extract, args).unwrap())
    };
    assert_eq!((extract("hour"), extract("MILLISECONDS")), (Some(0), Some(3)));
    assert_eq!((extract("second"), extract("epoch"), extract("julian")), (Some(6), Some(6), None));
}

#[test]
fn ranges_of_listed_functions() {
    let of = |name, args| {
        let found = range(&functions::call(name, Syntax::Call, args).unwrap())?;
        Some((found.low.to_string(), found.high.to_string()))
    };
    let within = |low, high| bounded_by(low, high);
    let digits = |text: &str| Expr::constant(text, Type::Int(4));
    assert_eq!(of("abs", vec![within("-4", "-1")]), Some(ends("1", "4")));
    assert_eq!(of("abs", vec![within("2", "3")]), Some(ends("2", "3")));
    assert_eq!(of("abs", vec![within("0", "3")]), Some(ends("0", "3")));
    assert_eq!(of("abs", vec![within("-3", "0")]), Some(ends("0", "3")));
    assert_eq!(of("ceil", vec![within("-4", "1")]), Some(ends("-5", "2")));
    assert_eq!(of("sign", vec![within("-4", "1")]), Some(ends("-1", "1")));
    assert_eq!(of("sqrt", vec![within("4", "9")]), Some(ends("2", "1500001/500000")));
    assert_eq!(of("round", vec![within("0", "9"), digits("2")]), Some(ends("-1", "10")));
    assert_eq!(of("round", vec![within("0", "9"), digits("-2")]), Some(ends("-100", "109")));
    let power = |exponent: &str| of("power", vec![within("0", "3"), constant_of(exponent)]);
    assert_eq!((power("0"), power("20").is_some()), (Some(ends("1", "1")), true));
    assert_eq!((power("21"), power("2.0")), (None, Some(ends("0", "9"))));
    let zero = of("power", vec![within("-3", "3"), constant_of("0")]);
    assert_eq!(zero, Some(ends("1", "1")));
    let touching = of("power", vec![within("-3", "0"), constant_of("2")]);
    assert_eq!(touching, Some(ends("0", "9")));
}

#[test]
fn buckets_of_broken_numbers_and_of_those_outside() {
    let of = |low: &str, high: &str, first: &str, last: &str| {
        let count = Expr::constant("7", Type::Int(4));
        let args = [bounded_by(low, high), constant_of(first), constant_of(last), count];
        let found = buckets(&args)?;
        Some((found.low.to_string(), found.high.to_string()))
    };
    assert_eq!(of("1.5", "4.5", "0", "7"), Some(ends("2", "5")));
    assert_eq!(of("-3", "30", "0", "7"), Some(ends("0", "8")));
    assert_eq!(of("-3", "30", "5", "5.0"), None);
}

#[test]
fn fields_of_intervals_can_be_negative() {
    for (field, time, interval) in [
        ("month", (1, 12), (-11, 11)),
        ("minute", (0, 59), (-59, 59)),
        ("second", (0, 60), (-60, 60)),
        ("milliseconds", (0, 60_000), (-60_000, 60_000)),
        ("microseconds", (0, 60_000_000), (-60_000_000, 60_000_000)),
        ("quarter", (1, 4), (-3, 4)),
    ] {
        for (ty, (low, high)) in [(Type::Timestamp, time), (Type::Interval, interval)] {
            let found = extract_range(field, &ty).unwrap();
            assert_eq!((found.low, found.high), (RBig::from(low), RBig::from(high)), "{field}");
        }
    }
    for field in ["day", "hour"] {
        assert!(extract_range(field, &Type::Interval).is_none());
        assert!(extract_range(field, &Type::Timestamp).is_some());
    }
}

#[test]
fn a_range_is_rounded_outward_to_its_grid() {
    let found = Range { low: number("-1.25"), high: number("1.21") };
    assert_eq!(on_grid(&found, 1), Some((IBig::from(-13), IBig::from(13))));
    assert_eq!(on_grid(&found, 2), Some((IBig::from(-125), IBig::from(121))));
    assert!(on_grid(&found, 100).is_some() && on_grid(&found, 101).is_none());
}
