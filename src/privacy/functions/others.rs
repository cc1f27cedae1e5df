//! Functions of arrays, JSON, identifiers and bytes.
//!
//! An array is read only: by its size, its elements and what they have in common with a constant
//! array. Of a JSON value the containers are not written out as text, since a number of few bytes
//! can be a text of many.

use super::Arg::{Constant, Value};
use super::Kind::{
    Array, Bool, Bytea, Element, Float8, Int4, Int8, Interval, Jsonb, Numeric, Text, Texts, Uuid,
    Varchars,
};
use super::{Arg, Kind, Limit, Null, RangeRule, Signature, SizeRule, Syntax};

const TOTAL: &str = "Total.";
const SCALAR: &str = "Objects and arrays give NULL, since their text can be of any length.";
const NONE: &str = "NULL where there is none.";

const fn call(
    name: &'static str,
    args: &'static [Arg],
    result: Kind,
    why: &'static str,
) -> Signature {
    Signature::new(name, Syntax::Call, args, result, why)
}

const fn infix(
    name: &'static str,
    args: &'static [Arg],
    result: Kind,
    why: &'static str,
) -> Signature {
    Signature::new(name, Syntax::Infix, args, result, why)
}

const KEY: Arg = Constant(Text, Limit::Short);
const INDEX: Arg = Constant(Int4, Limit::Whole(-2_147_483_647, 2_147_483_647));
const PATH: Arg = Constant(Texts, Limit::Elements);
const DIMENSION: Arg = Constant(Int4, Limit::Whole(1, 6));
const SAME: Arg = Constant(Array, Limit::Any);
const JSON: Arg = Constant(Jsonb, Limit::Any);

macro_rules! scalar {
    ($step:literal, $text:literal) => {
        concat!(
            "(CASE WHEN pg_catalog.jsonb_typeof($1 `",
            $step,
            "` $2) IN ('string', 'number', 'boolean') THEN $1 `",
            $text,
            "` $2 END)"
        )
    };
}

const fn scalar(args: &'static [Arg], name: &'static str, form: &'static str) -> Signature {
    infix(name, args, Text, SCALAR).form(form).null(Null::Maybe).size(SizeRule::Free)
}

/// A cast of a JSON number that the type holds.
const fn number(result: Kind, form: &'static str, size: SizeRule) -> Signature {
    let why = "NULL for what is not a number that the type holds.";
    Signature::new("cast", Syntax::Cast, &[Value(Jsonb)], result, why)
        .form(form)
        .null(Null::Maybe)
        .size(size)
}

macro_rules! number {
    ($least:literal, $most:literal, $name:literal) => {
        concat!(
            "(CASE pg_catalog.jsonb_typeof($1) WHEN 'number' THEN CASE WHEN $1 BETWEEN '",
            $least,
            "'::jsonb AND '",
            $most,
            "'::jsonb THEN ($1)::",
            $name,
            " END END)"
        )
    };
}

/// The least binary numbers would be an error.
const JSON_FLOAT: &str = "(CASE pg_catalog.jsonb_typeof($1) WHEN 'number' THEN CASE \
     WHEN $1 BETWEEN '-1e-300'::jsonb AND '1e-300'::jsonb THEN 0::double precision \
     WHEN $1 BETWEEN '-1e300'::jsonb AND '1e300'::jsonb THEN ($1)::double precision END END)";

#[rustfmt::skip]
pub(super) const ROWS: &[Signature] = &[
    call("cardinality", &[Value(Array)], Int4, TOTAL),
    call("array_ndims", &[Value(Array)], Int4, NONE).null(Null::Maybe).range(RangeRule::Between(0, 6)),
    call("array_length", &[Value(Array), DIMENSION], Int4, NONE).null(Null::Maybe),
    call("array_lower", &[Value(Array), DIMENSION], Int4, NONE).null(Null::Maybe),
    call("array_upper", &[Value(Array), DIMENSION], Int4, NONE).null(Null::Maybe),
    call("array_position", &[Value(Array), Value(Element)], Int4, "NULL where it is not there, and for arrays of more than one dimension.")
        .guard("COALESCE(pg_catalog.array_ndims($1), 1) `=` 1"),
    Signature::new("subscript", Syntax::Subscript, &[Value(Array), INDEX], Element, NONE).null(Null::Maybe).size(SizeRule::Free),
    Signature::new("any", Syntax::Any, &[Value(Element), Value(Array)], Bool, "NULL where an element is, and none is equal.").null(Null::Maybe),
    Signature::new("all", Syntax::All, &[Value(Element), Value(Array)], Bool, "NULL where an element is, and none is equal.").null(Null::Maybe),
    infix("@>", &[Value(Array), SAME], Bool, TOTAL),
    infix("<@", &[Value(Array), SAME], Bool, TOTAL),
    infix("&&", &[Value(Array), SAME], Bool, TOTAL),
    Signature::new("cast", Syntax::Cast, &[Value(Varchars)], Texts, TOTAL),
    infix("->", &[Value(Jsonb), KEY], Jsonb, NONE).null(Null::Maybe),
    infix("->", &[Value(Jsonb), INDEX], Jsonb, NONE).null(Null::Maybe),
    infix("#>", &[Value(Jsonb), PATH], Jsonb, NONE).null(Null::Maybe),
    scalar(&[Value(Jsonb), KEY], "->>", scalar!("->", "->>")),
    scalar(&[Value(Jsonb), INDEX], "->>", scalar!("->", "->>")),
    scalar(&[Value(Jsonb), PATH], "#>>", scalar!("#>", "#>>")),
    infix("?", &[Value(Jsonb), KEY], Bool, TOTAL),
    infix("?|", &[Value(Jsonb), PATH], Bool, TOTAL),
    infix("?&", &[Value(Jsonb), PATH], Bool, TOTAL),
    infix("@>", &[Value(Jsonb), JSON], Bool, TOTAL),
    infix("<@", &[Value(Jsonb), JSON], Bool, TOTAL),
    call("jsonb_typeof", &[Value(Jsonb)], Text, TOTAL).size(SizeRule::Bytes(7)),
    call("jsonb_array_length", &[Value(Jsonb)], Int4, "NULL for what is no array.")
        .form("(CASE pg_catalog.jsonb_typeof($1) WHEN 'array' THEN pg_catalog.jsonb_array_length($1) END)").null(Null::Maybe),
    number(Int4, number!("-2147483648", "2147483647", "integer"), SizeRule::ByType),
    number(Int8, number!("-9223372036854775808", "9223372036854775807", "bigint"), SizeRule::ByType),
    number(Numeric, number!("-1e90", "1e90", "numeric"), SizeRule::Digits(91, 16_383)),
    number(Float8, JSON_FLOAT, SizeRule::ByType),
    Signature::new("cast", Syntax::Cast, &[Value(Jsonb)], Bool, "NULL for what is neither true nor false.")
        .form("(CASE pg_catalog.jsonb_typeof($1) WHEN 'boolean' THEN ($1)::boolean END)").null(Null::Maybe),
    Signature::new("cast", Syntax::Cast, &[Value(Uuid)], Text, TOTAL).size(SizeRule::Bytes(36)),
    call("length", &[Value(Bytea)], Int4, TOTAL),
    call("octet_length", &[Value(Bytea)], Int4, TOTAL),
    call("bit_count", &[Value(Bytea)], Int8, TOTAL),
    call("get_byte", &[Value(Bytea), Constant(Int4, Limit::Whole(0, 1_000_000))], Int4, "NULL beyond the end.")
        .guard("pg_catalog.octet_length($1) `>` $2").range(RangeRule::Between(0, 255)),
    call("justify_hours", &[Value(Interval)], Interval, "NULL beyond ±100000 years.")
        .guard("$1 BETWEEN '-100000 years'::interval AND '100000 years'::interval"),
    call("justify_days", &[Value(Interval)], Interval, "NULL beyond ±100000 years.")
        .guard("$1 BETWEEN '-100000 years'::interval AND '100000 years'::interval"),
];
