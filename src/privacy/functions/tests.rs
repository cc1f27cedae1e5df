use super::*;

#[test]
fn there_are_enough_and_each_says_why() {
    let rows: Vec<&Signature> = all().collect();
    assert!(rows.len() >= 200, "{}", rows.len());
    for row in &rows {
        assert!(row.why.ends_with('.'), "{row:?}");
        let numeric = row.result == Kind::Numeric && row.size == SizeRule::ByType;
        assert!(!numeric, "{row:?} has no rule for its size");
        assert!(row.form.is_none() || row.guard.is_none(), "{row:?} has a form and a guard");
        assert_eq!(rows.iter().filter(|one| one.shown() == row.shown()).count(), 1, "{row:?}");
    }
}

#[test]
fn guarded_operators_are_closed() {
    for row in all() {
        for text in [row.guard, row.form].into_iter().flatten() {
            assert_eq!(text.matches('`').count() % 2, 0, "{row:?}");
            assert_eq!(text.matches('(').count(), text.matches(')').count(), "{row:?}");
        }
    }
}

#[test]
fn patterns() {
    let good = [
        "",
        "^a",
        "a|b",
        "^(MAIL|SHIP)$",
        "[a-z_]+@[a-z.]+",
        "\\d{4}-\\d{2}",
        "x{2,5}y*",
        "[^0-9]",
        "a\\.b",
        "[a-]",
        "(a(b)c)?",
        "é+",
    ];
    for pattern in good {
        assert!(Limit::Pattern.holds(pattern), "{pattern}");
    }
    let bad = [
        "(",
        ")",
        "a)",
        "[",
        "[a",
        "[]",
        "*a",
        "a**",
        "a+?",
        "(?i)a",
        "(?=a)",
        "(a)\\1",
        "\\m",
        "***=a",
        "a{",
        "a{2",
        "a{5,2}",
        "a{101}",
        "[z-a]",
        "[[:alpha:]]",
        "[a-\\d]",
        "^*",
        "$+",
        "(a{50}){50}",
        "((((((a))))))",
        "\\",
        "[[.a.]]",
        "a{,3}",
        "}",
        "]",
    ];
    for pattern in bad {
        assert!(!Limit::Pattern.holds(pattern), "{pattern}");
    }
    assert!(!Limit::Pattern.holds(&"a".repeat(201)));
}

#[test]
fn other_limits() {
    let holds = |limit: Limit, good: &[&str], bad: &[&str]| {
        assert!(good.iter().all(|text| limit.holds(text)), "{limit:?}");
        assert_eq!(bad.iter().find(|text| limit.holds(text)), None, "{limit:?}");
    };
    let format = ["YYYY-MM-DD", "yyyy-mm", "HH24:MI:SS", "Mon DD", "FMMonth", "IYYY-IW", "Q"];
    holds(Limit::DateFormat, &format, &["", "TMMonth", "YYYY\"x\"", "TZ", "th"]);
    holds(
        Limit::NumberFormat,
        &["999", "FM999,990.00", "000"],
        &["", "9.9.9", "S9", "9EEEE", ".9", "L9", "FM"],
    );
    holds(Limit::Zone, &["UTC", "Europe/Berlin", "Etc/GMT+5"], &["", "'", "5", "a b"]);
    let stride = ["00:15:00", "1 day", "7 days", "1 day 02:00:00"];
    holds(Limit::Stride, &stride, &["", "0", "00:00:00", "1 mon", "-1 days", "1 year", "@ 1 day"]);
    holds(
        Limit::Elements,
        &["{}", "{1,2}", "{\"a,\\\"b\",c}"],
        &["", "1", "{NULL}", "{1,}", "{{1}}", "{\"a}"],
    );
    holds(
        Limit::Number(-5, 5),
        &["5", "-5", "0.25"],
        &["6", "NaN", "Infinity", "1e0", "0.00000000001"],
    );
}

#[test]
fn texts_are_bounded() {
    let column = |name: &str| {
        let name = name.to_owned();
        let column = crate::expr::Column { scan: 0, name, bounds: None, nullable: true };
        Expr { node: Node::Column(column), ty: TEXT }
    };
    let lower = |arg| call("lower", Syntax::Call, vec![arg]).unwrap();
    let once = lower(column("a"));
    assert_eq!(text_bytes(&once), Some(3 * HELD));
    assert!(text_fits(&lower(once.clone())) && !text_fits(&lower(lower(once))));
    let replace = |to: &str| {
        let args = vec![column("a"), Expr::constant("ab", TEXT), Expr::constant(to, TEXT)];
        call("replace", Syntax::Call, args).unwrap()
    };
    assert_eq!(text_bytes(&replace("")), Some(HELD));
    assert_eq!(text_bytes(&replace("xyz")), Some(2 * HELD));
    assert!(!text_fits(&replace(&"x".repeat(100))));
}

#[test]
fn a_call_that_is_not_listed_says_what_is() {
    let one = |ty| Expr { node: Node::Parameter(1), ty };
    assert_eq!(call("random", Syntax::Call, vec![]), Err(Miss::Name));
    let found = call("abs", Syntax::Call, vec![one(Type::Date)]);
    assert!(matches!(found, Err(Miss::Types(rows)) if rows.len() == 6));
    let found = call("lpad", Syntax::Call, vec![one(TEXT), one(Type::Int(4))]);
    assert!(matches!(found, Err(Miss::Argument(2, _))));
    let five = Expr::constant("5", Type::Numeric(None));
    let count = Expr::constant("5", Type::Int(4));
    let args = vec![one(Type::Numeric(None)), five.clone(), five, count];
    assert!(matches!(call("width_bucket", Syntax::Call, args), Err(Miss::Argument(3, _))));
}

#[test]
fn ranges_follow_their_rules() {
    let bounded = |low: &str, high: &str| {
        let bounds = Some((low.to_owned(), high.to_owned()));
        let column = crate::expr::Column { scan: 0, name: "n".to_owned(), bounds, nullable: true };
        Expr { node: Node::Column(column), ty: Type::Numeric(None) }
    };
    let of = |name: &str, args: Vec<Expr>| {
        let expr = call(name, Syntax::Call, args).unwrap();
        crate::range::range(&expr).map(|range| (range.low.to_string(), range.high.to_string()))
    };
    let constant = |text: &str| Expr::constant(text, Type::Numeric(None));
    let known = |low: &str, high: &str| Some((low.to_owned(), high.to_owned()));
    assert_eq!(of("power", vec![bounded("-3", "2"), constant("2")]), known("0", "9"));
    assert_eq!(of("power", vec![bounded("-3", "2"), constant("3")]), known("-27", "8"));
    assert_eq!(of("power", vec![bounded("-3", "-2"), constant("2")]), known("4", "9"));
    assert_eq!(of("power", vec![bounded("0", "2"), constant("0.5")]), None);
    assert_eq!(of("power", vec![bounded("1", "2"), constant("-1")]), None);
    let root = of("sqrt", vec![bounded("-4", "9")]);
    assert_eq!(root, known("0", "1500001/500000"));
    assert_eq!(of("sqrt", vec![bounded("-4", "-1")]), known("0", "1/500000"));
    let buckets =
        vec![bounded("0", "1"), constant("0"), constant("1"), Expr::constant("7", Type::Int(4))];
    assert_eq!(of("width_bucket", buckets), known("1", "8"));
    let of_buckets = |value: Expr, low: &str, high: &str| {
        let seven = Expr::constant("7", Type::Int(4));
        of("width_bucket", vec![value, constant(low), constant(high), seven])
    };
    assert_eq!(of_buckets(bounded("1", "4"), "0", "7"), known("2", "5"));
    assert_eq!(of_buckets(bounded("1", "4"), "7", "0"), known("4", "7"));
    assert_eq!(of_buckets(bounded("-1", "4"), "7", "0"), known("4", "8"));
    assert_eq!(of_buckets(bounded("-1", "9"), "0", "7"), known("0", "8"));
    let float = |expr: Expr| Expr { ty: Type::Float(8), ..expr };
    let ends = |text: &str| float(constant(text));
    let seven = Expr::constant("7", Type::Int(4));
    let binary = vec![float(bounded("1", "4")), ends("0"), ends("7"), seven];
    assert_eq!(of("width_bucket", binary), known("0", "8"));
    let thresholds = Expr::constant("{1,2.5,\"3\"}", Kind::Numerics.ty());
    assert_eq!(of("width_bucket", vec![bounded("0", "1"), thresholds]), known("0", "3"));
    assert_eq!(of("abs", vec![bounded("-4", "1")]), known("0", "4"));
    assert_eq!(of("ln", vec![bounded("1", "2")]), None);
}

#[test]
fn fields_are_as_wide_as_their_type_of_time() {
    let of = |field: &str, ty: Type| {
        let arg = Expr { node: Node::Parameter(1), ty };
        let args = vec![Expr::constant(field, TEXT), arg];
        let expr = call("extract", Syntax::Extract, args).ok()?;
        crate::range::range(&expr).map(|range| (range.low.to_string(), range.high.to_string()))
    };
    let known = |low: &str, high: &str| Some((low.to_owned(), high.to_owned()));
    assert_eq!(of("hour", Type::Timestamp), known("0", "23"));
    assert_eq!(of("hour", Type::Interval), None);
    assert_eq!(of("hour", Type::Date), None);
    assert_eq!(of("minute", Type::Interval), known("-59", "59"));
    assert_eq!(of("DOW", Type::Date), known("0", "6"));
    assert_eq!(of("epoch", Type::Date), None);
}
