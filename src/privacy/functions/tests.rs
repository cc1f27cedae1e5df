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
        "\\.\\*\\d",
        "[a-c0-9_. -]",
        "[\\d\\s_]",
        "[b-b]",
        "a{2,}",
        "a{0,100}",
        "a|",
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
        "a{,}",
        "a{x}",
        "a{0}",
        "a{1,2,3}",
        "a{2}{3}",
        "a{00000001}",
        "(*a)",
        "(a",
        "[a-é]",
        "[a-_]",
        "[\\D]",
        "[\\d-]",
        "[--a]",
        "[-a]",
        "[^]",
        "\\b",
        "\\a",
        "$?",
        "}",
        "]",
    ];
    for pattern in bad {
        assert!(!Limit::Pattern.holds(pattern), "{pattern}");
    }
    assert!(!Limit::Pattern.holds(&"a".repeat(201)));
}

#[test]
fn limits_hold_at_their_ends() {
    let ends = |limit: Limit, good: String, bad: String| {
        assert!(limit.holds(&good), "{limit:?}: {good}");
        assert!(!limit.holds(&bad), "{limit:?}: {bad}");
    };
    let a = |count| "a".repeat(count);
    ends(Limit::Short, a(1_000), a(1_001));
    ends(Limit::Filled, a(1_000), a(1_001));
    assert!(Limit::Short.holds("") && !Limit::Filled.holds("") && Limit::Any.holds(&a(2_000)));
    ends(Limit::Pattern, a(200), a(201));
    // Five hundred characters with repetitions written out; five groups within each other.
    ends(Limit::Pattern, "a{100}".repeat(5), format!("{}a", "a{100}".repeat(5)));
    ends(Limit::Pattern, "(((((a)))))".to_owned(), "((((((a))))))".to_owned());
    ends(Limit::Whole(0, 15), "15".to_owned(), "16".to_owned());
    ends(Limit::Whole(0, 15), "0".to_owned(), "-1".to_owned());
    ends(Limit::Number(-5, 5), "1.1234567890".to_owned(), "1.12345678901".to_owned());
    ends(Limit::Number(-5, 5), format!("{}1", "0".repeat(39)), format!("{}1", "0".repeat(40)));
    ends(Limit::Zone, a(40), a(41));
    ends(Limit::NumberFormat, "9".repeat(30), "9".repeat(31));
    ends(Limit::DateFormat, "D".repeat(60), "D".repeat(61));
    let array = |count| format!("{{{}}}", vec!["1"; count].join(","));
    ends(Limit::Elements, array(1_000), array(1_001));
    ends(Limit::Stride, "1 day 2 hours 03:00:00".to_owned(), "1 day 2 hours 3 minutes".to_owned());
    ends(Limit::Stride, "9999 days".to_owned(), "10000 days".to_owned());
    ends(Limit::OneOf(&["day"]), "DAY".to_owned(), "days".to_owned());
}

#[test]
fn elements_are_counted_as_postgresql_writes_them() {
    for (text, count) in [
        ("{}", Some(0)),
        ("{1}", Some(1)),
        ("{1,2,3}", Some(3)),
        (r#"{"",a}"#, Some(2)),
        (r#"{"a,b",c}"#, Some(2)),
        (r#"{"a\"b","{}"}"#, Some(2)),
        (r#"{"null"}"#, Some(1)),
        (r"{a\,b}", Some(1)),
        ("{null}", None),
        ("{1, NULL }", None),
        ("{,1}", None),
        ("{1,}", None),
        ("{ }", None),
        ("{1,{2}}", None),
        ("{1}}", None),
        (r#"{"a}"#, None),
        (r"{a\}", None),
        ("1", None),
        ("{1", None),
        ("1}", None),
    ] {
        assert_eq!(limits::elements(text), count, "{text}");
    }
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
        &["", "9.9.9", "S9", "9EEEE", ".9", "L9", "FM", ",9", "9.", "9.9,9", "9x", "9.x"],
    );
    holds(Limit::Zone, &["UTC", "Europe/Berlin", "Etc/GMT+5"], &["", "'", "5", "a b", "+a", "é"]);
    let stride = ["00:15:00", "1 day", "7 days", "1 day 02:00:00"];
    holds(
        Limit::Stride,
        &stride,
        &[
            "",
            "0",
            "00:00:00",
            "1 mon",
            "-1 days",
            "1 year",
            "@ 1 day",
            "1",
            "day",
            "day 1",
            "1:2",
            "1 day 1:2",
            "1:2:x",
            "x day",
            "1x day",
            "1 day x 2",
            "1 day 2 mons",
            "1 mon 2 days",
        ],
    );
    holds(
        Limit::Elements,
        &["{}", "{1,2}", "{\"a,\\\"b\",c}"],
        &["", "1", "{NULL}", "{1,}", "{{1}}", "{\"a}"],
    );
    holds(
        Limit::Number(-5, 5),
        &["5", "-5", "0.25"],
        &["6", "-6", "5.1", "-5.1", "NaN", "Infinity", "1e0", "1E0", "0.00000000001", "", "x"],
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
    let constant = |text: &str| Expr::constant(text, TEXT);
    // All that is joined counts, and what stands between.
    let joined = |count| {
        let mut args = vec![constant("ab")];
        args.extend(vec![column("a"); count]);
        call("concat_ws", Syntax::Call, args).unwrap()
    };
    assert_eq!(text_bytes(&joined(3)), Some(3 * HELD + 8));
    assert!(text_fits(&joined(9)) && !text_fits(&joined(10)));
    assert!(!text_fits(&lower(joined(4))));
    let concat = call("concat", Syntax::Call, vec![column("a"), constant("abc")]).unwrap();
    assert_eq!(text_bytes(&concat), Some(HELD + 3));
    let trimmed = call("btrim", Syntax::Call, vec![column("a"), constant("abc")]).unwrap();
    assert_eq!(text_bytes(&trimmed), Some(HELD + 3));
    // What is passed on is as long as the longest, or unknown as one of them is.
    let either = |a, b| Expr::call(Function::Coalesce, vec![a, b], TEXT);
    assert_eq!(text_bytes(&either(constant("a"), constant("abc"))), Some(3));
    assert_eq!(text_bytes(&either(constant("a"), column("a"))), None);
    let reversed = |arg| call("reverse", Syntax::Call, vec![arg]).unwrap();
    assert_eq!(
        (text_bytes(&reversed(constant("abc"))), text_bytes(&reversed(column("a")))),
        (Some(3), None)
    );
    let left = |arg, count: &str| {
        let args = vec![arg, Expr::constant(count, Type::Int(4))];
        text_bytes(&call("left", Syntax::Call, args).unwrap())
    };
    assert_eq!((left(column("a"), "5"), left(column("a"), "-5")), (Some(20), None));
    assert_eq!((left(constant("abc"), "5"), left(constant("abcdef"), "1")), (Some(3), Some(4)));
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
    let nothing = vec![column("a"), constant(""), constant("xy")];
    assert_eq!(text_bytes(&call("replace", Syntax::Call, nothing).unwrap()), Some(2 * HELD));
}

#[test]
fn a_row_takes_as_many_arguments_as_it_has_or_more_where_they_repeat() {
    let row = |name: &str| all().find(|row| row.name == name).unwrap();
    let (one, many) = (row("reverse"), row("concat_ws"));
    assert_eq!((one.arg(0), one.arg(1)), (Some(&Arg::Value(Kind::Text)), None));
    assert_eq!(
        (many.arg(1), many.arg(2), many.arg(9)),
        (Some(&Arg::Held), many.arg(1), many.arg(1))
    );
    let text = || Expr { node: Node::Parameter(1), ty: TEXT };
    let comma = || Expr::constant(",", TEXT);
    assert!(many.accepts(&[comma(), text()]) && many.accepts(&[comma(), text(), text()]));
    assert!(!many.accepts(&[comma()]) && !many.accepts(&[text(), text()]));
    assert!(one.accepts(&[text()]) && !one.accepts(&[text(), text()]) && !one.accepts(&[]));
    assert!(!row("width_bucket").constants_fit(&[]));
}

#[test]
fn the_ends_of_a_histogram_differ_however_they_are_written() {
    let bucket = |low: &str, high: &str| {
        let number = |text: &str| Expr::constant(text, Type::Numeric(None));
        let value = Expr { node: Node::Parameter(1), ty: Type::Numeric(None) };
        let args = vec![value, number(low), number(high), Expr::constant("5", Type::Int(4))];
        call("width_bucket", Syntax::Call, args).is_ok()
    };
    assert!(bucket("0", "5") && bucket("5", "0"));
    assert!(!bucket("5", "5") && !bucket("5", "5.0"));
}

#[test]
fn a_call_may_be_null_and_holds_its_arguments_as_its_row_says() {
    let row = |name: &str, kind: Kind| {
        all().find(|row| row.name == name && row.args.first().map(Arg::kind) == Some(kind)).unwrap()
    };
    let may_be_null = [("lower", Kind::Text), ("concat", Kind::Text), ("sqrt", Kind::Numeric)]
        .map(|(name, kind)| row(name, kind).may_be_null());
    assert_eq!(may_be_null, [false, false, true]);
    // Itself, beside the guard, only in its form.
    assert_eq!(row("lower", Kind::Text).copies(0), 1);
    assert_eq!(row("sqrt", Kind::Numeric).copies(0), 3);
    assert_eq!((row("div", Kind::Numeric).copies(0), row("div", Kind::Numeric).copies(1)), (1, 1));
    assert_eq!(row("concat", Kind::Text).copies(0), 1);
}

#[test]
fn casts_of_the_list_are_between_its_types() {
    let of = |ty: Type| Expr { node: Node::Parameter(1), ty };
    let cast_of = |from: Type, to: &Type| {
        let found = cast(of(from), to)?;
        let Node::Call(Function::Listed(row), args) = &found.node else { return None };
        assert_eq!((row.syntax, args.len()), (Syntax::Cast, 1));
        Some((row.args.first()?.kind(), found.ty))
    };
    let other = |name: &str| Type::Other(name.to_owned());
    let taken = |from, to: &Type| cast_of(from, to).map(|(kind, _)| kind);
    for to in [Type::Int(4), Type::Numeric(None), Type::Date, Type::Bool] {
        assert_eq!(cast_of(TEXT, &to), Some((Kind::Text, to)));
    }
    assert_eq!(taken(other("jsonb"), &Type::Int(4)), Some(Kind::Jsonb));
    assert_eq!(taken(other("uuid"), &TEXT), Some(Kind::Uuid));
    assert_eq!(taken(Type::Int(4), &Type::Bool), Some(Kind::Int4));
    assert_eq!(taken(other("varchar[]"), &other("text[]")), Some(Kind::Varchars));
    assert_eq!(taken(other("varchar[]"), &other("pg_catalog.text[]")), Some(Kind::Varchars));
    assert_eq!(taken(other("varchar[]"), &other("integer[]")), None);
    assert_eq!(taken(other("jsonb"), &Type::Date), None);
    assert_eq!((taken(TEXT, &Type::Timestamp), taken(Type::Date, &Type::Bool)), (None, None));
}

#[test]
fn a_call_that_is_not_listed_says_what_is() {
    let one = |ty| Expr { node: Node::Parameter(1), ty };
    assert_eq!(call("random", Syntax::Call, vec![]), Err(Miss::Name));
    let found = call("abs", Syntax::Call, vec![one(Type::Date)]);
    assert!(matches!(found, Err(Miss::Types(rows)) if rows.len() == 6));
    let found = call("lpad", Syntax::Call, vec![one(TEXT), one(Type::Int(4))]);
    assert!(matches!(found, Err(Miss::Argument(2, _))));
    let wide = Expr::constant("5000", Type::Int(4));
    let found = call("lpad", Syntax::Call, vec![one(TEXT), wide]);
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

#[test]
fn kinds_take_their_types() {
    let other = |name: &str| Type::Other(name.to_owned());
    let takes = |kind: Kind, ty: &Type| kind.takes(ty, None);
    for (name, kind) in [
        ("integer[]", Some(Kind::Int4)),
        ("int[]", Some(Kind::Int4)),
        ("pg_catalog.bigint[]", Some(Kind::Int8)),
        ("numeric(5,2)[]", Some(Kind::Numeric)),
        ("timestamp[]", Some(Kind::Timestamp)),
        ("timestamp(6) without time zone[]", Some(Kind::Timestamp)),
        ("timestamptz[]", Some(Kind::TimestampTz)),
        ("uuid[]", Some(Kind::Uuid)),
        ("point[]", None),
        ("jsonb[]", None),
        ("integer", None),
    ] {
        assert_eq!(element_of(&other(name)), kind, "{name}");
    }
    assert_eq!(element_of(&Type::Int(4)), None);
    let numbers = other("integer[]");
    let beside = |kind: Kind, ty: &Type| kind.takes(ty, Some(&numbers));
    assert!(beside(Kind::Array, &numbers) && beside(Kind::Array, &other("int[]")));
    assert!(!beside(Kind::Array, &other("text[]")) && !takes(Kind::Array, &numbers));
    assert!(beside(Kind::Element, &Type::Int(4)) && beside(Kind::Element, &Type::Int(8)));
    assert!(!beside(Kind::Element, &TEXT) && !beside(Kind::Element, &Type::Numeric(None)));
    assert!(Kind::Element.takes(&TEXT, Some(&other("text[]"))) && !takes(Kind::Element, &TEXT));
    assert!(takes(Kind::Uuid, &other("uuid")) && !takes(Kind::Uuid, &other("jsonb")));
    for name in ["varchar[]", "character varying[]", "character varying(5)[]"] {
        assert!(takes(Kind::Varchars, &other(name)) && !takes(Kind::Texts, &other(name)), "{name}");
    }
    assert!(!takes(Kind::Varchars, &other("text[]")) && !takes(Kind::Varchars, &TEXT));
    assert!(takes(Kind::Int4s, &numbers) && !takes(Kind::Int8s, &numbers));
    assert!(!takes(Kind::Int4s, &Type::Int(4)) && !takes(Kind::Int4s, &other("point")));
    assert!(takes(Kind::Timestamps, &other("timestamp without time zone[]")));
    assert!(
        takes(Kind::Numeric, &Type::Numeric(Some((5, 2)))) && !takes(Kind::Int4, &Type::Int(8))
    );
}
