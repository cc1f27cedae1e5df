//! Functions of numbers.
//!
//! Those of whole numbers and `numeric` are computed in `numeric`, whose operations fail only
//! beyond 131,072 digits; the digits of what goes in are bounded, and rules say what comes out.
//! Those of binary numbers fail where a result is too large or too small, so they are asked where
//! it is neither.

use super::Arg::{Constant, Value};
use super::Kind::{
    Float4, Float8, Float8s, Int2, Int4, Int4s, Int8, Int8s, Numeric, Numerics, Text,
};
use super::{Limit, Null, RangeRule, Signature, SizeRule, Syntax};
use crate::functions::Arg;
use crate::functions::Kind;

const TOTAL: &str = "Total.";
const EXACT: &str = "Computed in numeric, where it cannot overflow.";
const PLACES: Arg = Constant(Int4, Limit::Whole(-20, 20));
/// What numbers of so many places would cost is not paid for.
const FINE: &str =
    "NULL for negative numbers. NaN, infinities and numbers of more than 100 places give NULL.";
const DEGREES: &str = "NULL for infinities, and for numbers beyond ±1e300.";
const DOMAIN: &str = "NULL outside of what it is defined for.";

const fn call(
    name: &'static str,
    args: &'static [Arg],
    result: Kind,
    why: &'static str,
) -> Signature {
    Signature::new(name, Syntax::Call, args, result, why)
}

const fn prefix(name: &'static str, args: &'static [Arg], result: Kind) -> Signature {
    Signature::new(name, Syntax::Prefix, args, result, TOTAL)
}

const fn infix(name: &'static str, args: &'static [Arg], result: Kind) -> Signature {
    Signature::new(name, Syntax::Infix, args, result, TOTAL)
}

const fn float(name: &'static str) -> Signature {
    call(name, &[Value(Float8)], Float8, TOTAL)
}

/// Of an angle, where it is finite.
const fn angle(name: &'static str) -> Signature {
    let guard = "$1 BETWEEN '-1e300'::double precision AND '1e300'::double precision";
    call(name, &[Value(Float8)], Float8, DEGREES).guard(guard)
}

/// Of what lies within ±1.
const fn ratio(name: &'static str) -> Signature {
    call(name, &[Value(Float8)], Float8, DOMAIN)
        .guard("$1 BETWEEN (-1)::double precision AND 1::double precision")
}

const fn absolute(mut row: Signature) -> Signature {
    row.why = EXACT;
    row.wide().size(SizeRule::Same).range(RangeRule::Absolute)
}

const fn near(name: &'static str, kind: &'static [Arg], result: Kind) -> Signature {
    call(name, kind, result, TOTAL).size(SizeRule::Whole).range(RangeRule::Near)
}

const ROOT: &str = "$1 `>=` 0";
const ROOT_FINE: &str = "pg_catalog.scale($1) `<=` 100 AND $1 `>=` 0";
const LOG_FINE: &str = "pg_catalog.scale($1) `<=` 100 AND $1 `>` 0";
const POSITIVE: &str = "$1 `>` 0";
/// A power whose logarithm is small is neither too large nor too small.
const POWER: &str = "(CASE WHEN $1 `=` 0 THEN CASE WHEN $2 `>=` 0 THEN pg_catalog.power($1, $2) END \
     WHEN pg_catalog.abs($1) BETWEEN '1e-300'::double precision AND '1e300'::double precision \
     THEN CASE WHEN $1 `>` 0 OR pg_catalog.floor($2) `=` $2 \
     THEN CASE WHEN pg_catalog.abs($2 `*` pg_catalog.ln(pg_catalog.abs($1))) `<=` 700 \
     THEN pg_catalog.power($1, $2) END END END)";
const POWER_WHY: &str = "NULL for 0 to a negative power, a negative number to a broken one, \
     infinities, NaN, and where the result would be beyond e^±700.";
const EXPONENT: Arg = Constant(Float8, Limit::Number(-1000, 1000));
/// A broken power is computed by logarithms, which have an end of their own near e^6000.
const POWER_EXACT: &str = "(CASE WHEN pg_catalog.scale($1) `<=` 100 THEN CASE WHEN $1 `=` 0 \
     THEN CASE WHEN $2 `>=` 0 THEN pg_catalog.power($1, $2) END \
     WHEN pg_catalog.floor($2) `=` $2 OR $1 BETWEEN 1e-50 AND 1e50 \
     THEN pg_catalog.power($1, $2) END END)";
const POWER_EXACT_WHY: &str = "NULL for 0 to a negative power, what is not between 1e-50 and 1e50 \
     to a broken one, and what is no number of at most 100 places.";
const EXPONENT_EXACT: Arg = Constant(Numeric, Limit::Number(-50, 50));

const fn power(row: Signature) -> Signature {
    let mut row = row.form(POWER).null(Null::Maybe).range(RangeRule::Power);
    row.why = POWER_WHY;
    row
}

const fn power_exact(row: Signature) -> Signature {
    let mut row =
        row.form(POWER_EXACT).null(Null::Maybe).size(SizeRule::Power).range(RangeRule::Power);
    row.why = POWER_EXACT_WHY;
    row
}

/// `<<` and `>>` by less than the number's width.
const fn shift(name: &'static str, kind: &'static [Arg], result: Kind) -> Signature {
    let mut row = infix(name, kind, result);
    row.why = "The places are a constant below the width, so every machine agrees.";
    row
}

const fn bucket(args: &'static [Arg]) -> Signature {
    call("width_bucket", args, Int4, "The ends are constants that differ. NaN gives NULL.")
        .guard("$1 `<>` 'NaN'")
        .range(RangeRule::Buckets)
}

const fn thresholds(args: &'static [Arg]) -> Signature {
    call("width_bucket", args, Int4, "The thresholds are a constant array without NULL.")
        .range(RangeRule::Thresholds)
}

const I2: &[Arg] = &[Value(Int2)];
const I4: &[Arg] = &[Value(Int4)];
const I8: &[Arg] = &[Value(Int8)];
const N: &[Arg] = &[Value(Numeric)];
const F4: &[Arg] = &[Value(Float4)];
const F8: &[Arg] = &[Value(Float8)];
const I2I2: &[Arg] = &[Value(Int2), Value(Int2)];
const I4I4: &[Arg] = &[Value(Int4), Value(Int4)];
const I8I8: &[Arg] = &[Value(Int8), Value(Int8)];
const NN: &[Arg] = &[Value(Numeric), Value(Numeric)];
const F8F8: &[Arg] = &[Value(Float8), Value(Float8)];
const N_POWER: &[Arg] = &[Value(Numeric), EXPONENT_EXACT];
const F_POWER: &[Arg] = &[Value(Float8), EXPONENT];
const THRESHOLD: Limit = Limit::Elements;
const END: Limit = Limit::Number(-1_000_000_000_000_000, 1_000_000_000_000_000);
const COUNT: Arg = Constant(Int4, Limit::Whole(1, 1_000_000));

#[rustfmt::skip]
pub(super) const ROWS: &[Signature] = &[
    absolute(call("abs", I2, Int2, TOTAL)),
    absolute(call("abs", I4, Int4, TOTAL)),
    absolute(call("abs", I8, Int8, TOTAL)),
    absolute(call("abs", N, Numeric, TOTAL)),
    call("abs", F4, Float4, TOTAL).range(RangeRule::Absolute),
    call("abs", F8, Float8, TOTAL).range(RangeRule::Absolute),
    absolute(prefix("@", I2, Int2)),
    absolute(prefix("@", I4, Int4)),
    absolute(prefix("@", I8, Int8)),
    absolute(prefix("@", N, Numeric)),
    prefix("@", F4, Float4).range(RangeRule::Absolute),
    prefix("@", F8, Float8).range(RangeRule::Absolute),
    call("sign", N, Numeric, TOTAL).size(SizeRule::Digits(1, 0)).range(RangeRule::Between(-1, 1)),
    call("sign", F8, Float8, TOTAL).range(RangeRule::Between(-1, 1)),
    near("ceil", N, Numeric),
    near("ceil", F8, Float8),
    near("ceiling", N, Numeric),
    near("ceiling", F8, Float8),
    near("floor", N, Numeric),
    near("floor", F8, Float8),
    near("round", N, Numeric),
    near("round", F8, Float8),
    call("round", &[Value(Numeric), PLACES], Numeric, TOTAL).size(SizeRule::Places).range(RangeRule::NearPlaces),
    near("trunc", N, Numeric),
    near("trunc", F8, Float8),
    call("trunc", &[Value(Numeric), PLACES], Numeric, TOTAL).size(SizeRule::Places).range(RangeRule::NearPlaces),
    call("div", NN, Numeric, "NULL where the divisor is 0.").form("pg_catalog.div($1, NULLIF($2, 0))").null(Null::Maybe).size(SizeRule::Quotient),
    call("gcd", I4I4, Int4, EXACT).wide(),
    call("gcd", I8I8, Int8, EXACT).wide(),
    call("lcm", I4I4, Int4, EXACT).wide().size(SizeRule::Product),
    call("lcm", I8I8, Int8, EXACT).wide().size(SizeRule::Product),
    call("factorial", I8, Numeric, "NULL outside of 0 to 100.").guard("$1 BETWEEN 0 AND 100").size(SizeRule::Digits(160, 0)),
    call("scale", N, Int4, "NULL for NaN and infinities.").null(Null::Maybe).range(RangeRule::Between(0, 16_383)),
    call("min_scale", N, Int4, "NULL for NaN and infinities.").null(Null::Maybe).range(RangeRule::Between(0, 16_383)),
    call("trim_scale", N, Numeric, TOTAL).size(SizeRule::Same).range(RangeRule::Near),
    call("sqrt", N, Numeric, FINE).guard(ROOT_FINE).size(SizeRule::Same).range(RangeRule::Root),
    call("sqrt", F8, Float8, "NULL for negative numbers.").guard(ROOT).range(RangeRule::Root),
    Signature::new("|/", Syntax::Prefix, F8, Float8, "NULL for negative numbers.").guard(ROOT).range(RangeRule::Root),
    float("cbrt"),
    prefix("||/", F8, Float8),
    call("exp", N, Numeric, "NULL outside of -700 to 700, and for numbers of more than 100 places.")
        .guard("pg_catalog.scale($1) `<=` 100 AND $1 BETWEEN (-700) AND 700").size(SizeRule::Digits(306, 16_383)),
    call("exp", F8, Float8, "NULL outside of -700 to 700.").guard("$1 BETWEEN (-700)::double precision AND 700::double precision"),
    call("ln", N, Numeric, "NULL for what is not above 0. NaN, infinities and numbers of more than 100 places give NULL.").guard(LOG_FINE).size(SizeRule::Digits(7, 16_383)),
    call("ln", F8, Float8, "NULL for what is not above 0.").guard(POSITIVE),
    call("log", N, Numeric, "NULL for what is not above 0. NaN, infinities and numbers of more than 100 places give NULL.").guard(LOG_FINE).size(SizeRule::Digits(7, 16_383)),
    call("log", F8, Float8, "NULL for what is not above 0.").guard(POSITIVE),
    call("log10", N, Numeric, "NULL for what is not above 0. NaN, infinities and numbers of more than 100 places give NULL.").guard(LOG_FINE).size(SizeRule::Digits(7, 16_383)),
    call("log10", F8, Float8, "NULL for what is not above 0.").guard(POSITIVE),
    call("log", &[Constant(Numeric, Limit::Number(2, 1000)), Value(Numeric)], Numeric, "The base is a constant. NULL for what is not above 0. NaN, infinities and numbers of more than 100 places give NULL.")
        .guard("pg_catalog.scale($2) `<=` 100 AND $2 `>` 0").size(SizeRule::Digits(7, 16_383)),
    power_exact(call("power", N_POWER, Numeric, TOTAL)),
    power_exact(call("pow", N_POWER, Numeric, TOTAL)),
    power_exact(infix("^", N_POWER, Numeric)),
    power(call("power", F_POWER, Float8, TOTAL)),
    power(call("pow", F_POWER, Float8, TOTAL)),
    power(infix("^", F_POWER, Float8)),
    call("degrees", F8, Float8, DEGREES).guard("$1 BETWEEN '-1e300'::double precision AND '1e300'::double precision"),
    call("radians", F8, Float8, "NULL beyond ±1e300 and within ±1e-300 of 0, but for 0.")
        .guard("$1 `=` 0 OR pg_catalog.abs($1) BETWEEN '1e-300'::double precision AND '1e300'::double precision"),
    call("pi", &[], Float8, TOTAL).range(RangeRule::Between(3, 4)),
    angle("sin").range(RangeRule::Between(-1, 1)),
    angle("cos").range(RangeRule::Between(-1, 1)),
    angle("tan"),
    angle("cot"),
    angle("sind").range(RangeRule::Between(-1, 1)),
    angle("cosd").range(RangeRule::Between(-1, 1)),
    angle("tand"),
    angle("cotd"),
    ratio("asin").range(RangeRule::Between(-2, 2)),
    ratio("acos").range(RangeRule::Between(0, 4)),
    ratio("asind").range(RangeRule::Between(-90, 90)),
    ratio("acosd").range(RangeRule::Between(0, 180)),
    ratio("atanh"),
    call("acosh", F8, Float8, DOMAIN).guard("$1 `>=` 1"),
    float("atan").range(RangeRule::Between(-2, 2)),
    float("atand").range(RangeRule::Between(-90, 90)),
    call("atan2", F8F8, Float8, TOTAL).range(RangeRule::Between(-4, 4)),
    call("atan2d", F8F8, Float8, TOTAL).range(RangeRule::Between(-180, 180)),
    float("sinh"),
    float("cosh"),
    float("tanh").range(RangeRule::Between(-1, 1)),
    float("asinh"),
    bucket(&[Value(Numeric), Constant(Numeric, END), Constant(Numeric, END), COUNT]),
    bucket(&[Value(Float8), Constant(Float8, END), Constant(Float8, END), COUNT]),
    thresholds(&[Value(Int4), Constant(Int4s, THRESHOLD)]),
    thresholds(&[Value(Int8), Constant(Int8s, THRESHOLD)]),
    thresholds(&[Value(Numeric), Constant(Numerics, THRESHOLD)]),
    thresholds(&[Value(Float8), Constant(Float8s, THRESHOLD)]),
    infix("&", I2I2, Int2),
    infix("&", I4I4, Int4),
    infix("&", I8I8, Int8),
    infix("|", I2I2, Int2),
    infix("|", I4I4, Int4),
    infix("|", I8I8, Int8),
    infix("#", I2I2, Int2),
    infix("#", I4I4, Int4),
    infix("#", I8I8, Int8),
    prefix("~", I2, Int2),
    prefix("~", I4, Int4),
    prefix("~", I8, Int8),
    shift("<<", &[Value(Int2), Constant(Int4, Limit::Whole(0, 15))], Int2),
    shift("<<", &[Value(Int4), Constant(Int4, Limit::Whole(0, 31))], Int4),
    shift("<<", &[Value(Int8), Constant(Int4, Limit::Whole(0, 63))], Int8),
    shift(">>", &[Value(Int2), Constant(Int4, Limit::Whole(0, 15))], Int2),
    shift(">>", &[Value(Int4), Constant(Int4, Limit::Whole(0, 31))], Int4),
    shift(">>", &[Value(Int8), Constant(Int4, Limit::Whole(0, 63))], Int8),
    call("to_hex", I4, Text, TOTAL).size(SizeRule::Bytes(8)),
    call("to_hex", I8, Text, TOTAL).size(SizeRule::Bytes(16)),
    call("to_char", &[Value(Int4), Constant(Text, Limit::NumberFormat)], Text, "The format has digits and separators only.").size(SizeRule::Bytes(100)),
    call("to_char", &[Value(Int8), Constant(Text, Limit::NumberFormat)], Text, "The format has digits and separators only.").size(SizeRule::Bytes(100)),
    call("to_char", &[Value(Numeric), Constant(Text, Limit::NumberFormat)], Text, "The format has digits and separators only.").size(SizeRule::Bytes(100)),
    Signature::new("cast", Syntax::Cast, I4, Kind::Bool, TOTAL),
];
