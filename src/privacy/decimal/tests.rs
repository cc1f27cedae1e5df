use crate::budget::{Delta, Epsilon, NumberError};

#[test]
fn reads_plain_decimals_exactly() {
    for (text, shown) in [
        ("0.1", "0.1"),
        ("3", "3"),
        (".5", "0.5"),
        ("5.", "5"),
        ("007.250", "7.25"),
        ("1e20", "100000000000000000000"),
        ("1E+40", "1e40"),
        ("2.5e30", "2.5e30"),
        ("1e-6", "0.000001"),
        ("12e-8", "1.2e-7"),
        ("1e-30", "1e-30"),
        (
            "9999999999999999999999999999999999999999",
            "9.999999999999999999999999999999999999999e39",
        ),
    ] {
        assert_eq!(Epsilon::parse(text).unwrap().to_string(), shown, "{text}");
    }
}

#[test]
fn refuses_what_is_not_a_plain_decimal() {
    use NumberError::{Malformed, NotPositive, OutOfRange, TooManyDigits};
    for (text, why) in [
        ("", Malformed),
        (".", Malformed),
        ("e5", Malformed),
        ("1e", Malformed),
        ("1e5.0", Malformed),
        ("1e-+5", Malformed),
        ("1e++5", Malformed),
        ("1e1000", Malformed),
        ("1.2.3", Malformed),
        ("+1", Malformed),
        (" 1", Malformed),
        ("1_000", Malformed),
        ("1,5", Malformed),
        ("0x10", Malformed),
        ("0x1p3", Malformed),
        ("nan", Malformed),
        ("NaN", Malformed),
        ("inf", Malformed),
        ("infinity", Malformed),
        ("-inf", Malformed),
        ("1/3", Malformed),
        ("٣", Malformed),
        ("--1", Malformed),
        ("-1", NotPositive),
        ("-0", NotPositive),
        ("-1e-50", NotPositive),
        ("0", NotPositive),
        ("0.000", NotPositive),
        ("0e9", NotPositive),
        ("1e41", OutOfRange),
        ("1e-31", OutOfRange),
        ("0.01e-29", OutOfRange),
        ("1e999", OutOfRange),
        ("12345678901234567890123456789012345678901", TooManyDigits),
    ] {
        assert_eq!(Epsilon::parse(text), Err(why), "{text}");
    }
    assert_eq!(Epsilon::parse(&"0".repeat(1_000_000)), Err(TooManyDigits));
    let zeros = |count| Epsilon::parse(&format!("{}1", "0".repeat(count)));
    assert_eq!((zeros(127), zeros(128)), (Epsilon::parse("1"), Err(TooManyDigits)));
}

#[test]
fn delta_is_below_one() {
    assert_eq!(Delta::parse("1"), Err(NumberError::NotBelowOne));
    assert_eq!(Delta::parse("1.5"), Err(NumberError::NotBelowOne));
    assert_eq!(Delta::parse("0"), Err(NumberError::NotPositive));
    assert_eq!(Delta::parse("0.999999999").unwrap().to_string(), "0.999999999");
}
