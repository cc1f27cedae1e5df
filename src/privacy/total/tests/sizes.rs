//! How large values can be.

use super::*;

fn sized(expr: &Expr) -> Option<(u32, u32)> {
    size(expr).map(|size| (size.whole, size.places))
}

#[test]
fn sizes_of_what_is_not_computed() {
    assert_eq!(Size::new(WHOLE_DIGITS_MAX, 20_000).map(|size| size.places), Some(PLACES_MAX));
    assert_eq!(Size::new(WHOLE_DIGITS_MAX + 1, 0), None);
    let ty = || Type::Numeric(None);
    let constant = |text: &str| sized(&Expr::constant(text, ty()));
    assert_eq!(constant("12.50"), Some((5, 5)));
    assert_eq!(constant("1e5"), Some((801, 801)));
    assert_eq!(constant("NaN"), Some((131_072, PLACES_MAX)));
    assert_eq!(constant(&"9".repeat(400)), Some((400, 400)));
    assert_eq!(constant(&"9".repeat(401)), Some((131_072, PLACES_MAX)));
    let blanks = format!("1{}", " ".repeat(400));
    assert_eq!(constant(&blanks), Some((131_072, PLACES_MAX)));
    assert_eq!(sized(&Expr::constant("12", TEXT)), Some((0, 0)));
    assert_eq!(sized(&null(ty())), Some((0, 0)));
    assert_eq!(sized(&parameter(ty())), Some((100, PLACES_MAX)));
    assert_eq!(sized(&parameter(Type::Int(2))), Some((19, 0)));
    assert_eq!(sized(&unbounded()), Some((131_072, PLACES_MAX)));
    assert_eq!(sized(&bounded(0, ty(), Some(("-5", "1000")))), Some((4, COLUMN_PLACES_MAX)));
    assert_eq!(sized(&bounded(0, ty(), Some(("-5000", "1")))), Some((5, COLUMN_PLACES_MAX)));
    assert_eq!(sized(&bounded(0, Type::Float(4), Some(("0", "10")))), Some((2, 350)));
    assert_eq!(sized(&bounded(0, Type::Int(4), Some(("0", "10")))), Some((19, 0)));
    assert_eq!(sized(&numeric(7, 3)), Some((7, 3)));
}

#[test]
fn sizes_follow_the_rules_of_numeric() {
    let (a, b) = (|| numeric(7, 3), || numeric(4, 5));
    let ty = || Type::Numeric(None);
    let of = |function, args| sized(&call(function, args, ty()));
    for function in [Function::Add, Function::Sub] {
        assert_eq!(of(function.clone(), vec![a(), b()]), Some((8, 5)));
        assert_eq!(of(function, vec![b(), a()]), Some((8, 5)));
    }
    assert_eq!(of(Function::Mul, vec![a(), b()]), Some((11, 8)));
    assert_eq!(of(Function::Div, vec![a(), b()]), Some((13, QUOTIENT_PLACES_MAX)));
    assert_eq!(of(Function::Mod, vec![a(), b()]), Some((7, 5)));
    assert_eq!(of(Function::Mod, vec![b(), a()]), Some((7, 5)));
    assert_eq!(of(Function::Neg, vec![a()]), Some((7, 3)));
    let two = vec![a(), b()];
    for function in [Function::Least, Function::Greatest, Function::Coalesce] {
        assert_eq!(of(function, two.clone()), Some((7, 5)));
    }
    assert_eq!(of(Function::NullIf, two), Some((7, 3)));
    assert_eq!(of(Function::Add, vec![column(TEXT), int()]), None);
    assert_eq!(of(Function::Add, vec![unbounded(), int()]), None);
    // Within two constants any number is small, in no other order.
    let (low, high) = (|| Expr::constant("0", ty()), || Expr::constant("10", ty()));
    let least = |args| call(Function::Least, args, ty());
    let greatest = |args| call(Function::Greatest, args, ty());
    let clamped = [
        least(vec![greatest(vec![unbounded(), low()]), high()]),
        greatest(vec![least(vec![unbounded(), high()]), low()]),
    ];
    for expr in clamped {
        assert_eq!(sized(&expr), Some((2, PLACES_MAX)));
    }
    let lower = greatest(vec![unbounded(), Expr::constant("-12345", ty())]);
    assert_eq!(sized(&least(vec![lower, high()])), Some((5, PLACES_MAX)));
    let open = [
        least(vec![least(vec![unbounded(), low()]), high()]),
        greatest(vec![greatest(vec![unbounded(), low()]), high()]),
        call(Function::Coalesce, vec![greatest(vec![unbounded(), low()]), high()], ty()),
        // A third one is within neither.
        least(vec![greatest(vec![unbounded(), low()]), high(), unbounded()]),
    ];
    for expr in open {
        assert_eq!(sized(&expr), Some((131_072, PLACES_MAX)));
    }
}

#[test]
fn sizes_of_casts() {
    let cast = |from: Expr, to| sized(&call(Function::Cast, vec![from], to));
    assert_eq!(cast(numeric(7, 3), Type::Int(4)), Some((8, 3)));
    assert_eq!(cast(column(Type::Bool), Type::Int(4)), Some((2, 0)));
    assert_eq!(cast(unbounded(), Type::Float(8)), None);
    assert_eq!(
        cast(numeric(WHOLE_DIGITS_MAX, 0), Type::Int(4)).map(|size| size.0),
        Some(WHOLE_DIGITS_MAX + 1)
    );
    // A binary number is cast to one as large without its bounds.
    let real = |ty| bounded(0, ty, Some(("0", "10")));
    assert_eq!(cast(real(Type::Float(4)), Type::Float(8)), Some((309, 350)));
    assert_eq!(cast(real(Type::Float(8)), Type::Float(4)), Some((3, 350)));
    assert_eq!(cast(real(Type::Float(8)), Type::Int(4)), Some((310, 0)));
    assert_eq!(cast(int(), Type::Float(8)), Some((20, 0)));
    assert!(!is_widened(&Function::Neg, &[real(Type::Float(4))], &Type::Float(8)));
}

#[test]
fn sizes_of_listed_functions() {
    let of = |name, args| sized(&functions::call(name, Syntax::Call, args).unwrap());
    let a = || numeric(7, 3);
    let digits = |text: &str, ty| Expr::constant(text, ty);
    assert_eq!(of("abs", vec![a()]), Some((8, QUOTIENT_PLACES_MAX)));
    assert_eq!(of("abs", vec![numeric(7, 1_200)]), Some((8, 1_200)));
    assert_eq!(of("ceil", vec![a()]), Some((8, 0)));
    let round = |places: &str| of("round", vec![a(), digits(places, Type::Int(4))]);
    assert_eq!((round("5"), round("-2")), (Some((8, 5)), Some((8, 0))));
    assert_eq!(of("sign", vec![a()]), Some((1, 0)));
    assert_eq!(of("div", vec![a(), numeric(4, 5)]), Some((13, 0)));
    assert_eq!(of("lcm", vec![int(), int()]), Some((38, 0)));
    assert_eq!(of("gcd", vec![int(), int()]), Some((19, 0)));
    // Ten megabytes a hundred times.
    let repeated = |text, times: &str| {
        functions::call("repeat", Syntax::Call, vec![text, digits(times, Type::Int(4))]).unwrap()
    };
    assert_eq!(sized(&repeated(column(TEXT), "10")), Some((0, 0)));
    assert_eq!(sized(&repeated(column(TEXT), "11")), None);
    // Digits that nothing bounds, also behind ones that something does.
    assert_eq!(of("ceil", vec![unbounded()]), None);
    assert_eq!(of("div", vec![a(), unbounded()]), None);
    assert_eq!((of("sign", vec![unbounded()]), of("scale", vec![unbounded()])), (None, None));
    let two = || digits("2", Type::Numeric(None));
    assert_eq!(of("log", vec![two(), numeric(7, 3)]), Some((7, 16_383)));
    assert_eq!(of("log", vec![two(), unbounded()]), None);
    let most = numeric(WHOLE_DIGITS_MAX, 0);
    assert_eq!(of("scale", vec![most]), Some((19, 0)));
}

#[test]
fn a_power_has_the_digits_of_the_greatest_number_or_of_the_least() {
    let power = |exponent: &str| {
        let exponent = Expr::constant(exponent, Type::Numeric(None));
        let args = vec![numeric(7, 3), exponent];
        sized(&functions::call("power", Syntax::Call, args).unwrap()).map(|size| size.0)
    };
    assert_eq!((power("2"), power("2.5"), power("0")), (Some(15), Some(22), Some(1)));
    assert_eq!((power("-2"), power("-2.5")), (Some(7), Some(10)));
    // That of 0.001 to a power of -0.9 has three digits, not one.
    assert_eq!((power("0.9"), power("-0.9")), (Some(8), Some(4)));
}
