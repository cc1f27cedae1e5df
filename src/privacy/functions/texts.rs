//! Functions of texts.
//!
//! What grows a text, or takes several bytes of memory for each of it, gets the text held to ten
//! megabytes. What is looked for and put in is constant.

use super::Arg::{Constant, Held, Value};
use super::Kind::{Bool, Bpchar, Date, Float8, Int2, Int4, Int8, Numeric, Text};
use super::{Arg, Kind, Limit, Null, RangeRule, Signature, SizeRule, Syntax};

const TOTAL: &str = "Total.";
const HELD_WHY: &str = "Of the first ten megabytes, so that memory is enough.";
const SHORT: Arg = Constant(Text, Limit::Short);
const FILLED: Arg = Constant(Text, Limit::Filled);
const PLACE: Arg = Constant(Int4, Limit::Whole(-2_147_483_648, 2_147_483_647));
const WIDTH: Arg = Constant(Int4, Limit::Whole(0, 1_000));
const LENGTH: Arg = Constant(Int4, Limit::Whole(0, 2_147_483_647));

const fn call(
    name: &'static str,
    args: &'static [Arg],
    result: Kind,
    why: &'static str,
) -> Signature {
    Signature::new(name, Syntax::Call, args, result, why)
}

const fn length(name: &'static str, args: &'static [Arg]) -> Signature {
    call(name, args, Int4, TOTAL)
}

/// A match with a pattern of the safe part of regular expressions.
const fn matches(name: &'static str) -> Signature {
    let args = &[Held, Constant(Text, Limit::Pattern)];
    let why = "The pattern is a constant that compiles and runs in one pass, over the first ten megabytes.";
    Signature::new(name, Syntax::Infix, args, Bool, why)
}

/// What PostgreSQL reads as a number of a type, with blanks around it.
const fn number(result: Kind, form: &'static str, size: SizeRule) -> Signature {
    Signature::new(
        "cast",
        Syntax::Cast,
        T,
        result,
        "NULL for what is not a plain decimal number that the type holds.",
    )
    .form(form)
    .null(Null::Maybe)
    .size(size)
}

/// The same over a padded text, whose blanks count.
const fn padded(name: &'static str) -> Signature {
    let args = &[Value(Bpchar), Constant(Text, Limit::Pattern)];
    let why =
        "The pattern is a constant that compiles and runs in one pass. NULL above ten megabytes.";
    Signature::new(name, Syntax::Infix, args, Bool, why)
        .guard("pg_catalog.octet_length($1) `<=` 10485760")
}

/// A whole number of a type.
macro_rules! whole {
    ($least:literal, $most:literal, $name:literal) => {
        concat!(
            "(CASE WHEN pg_catalog.octet_length($1) `<=` 100 THEN CASE WHEN ",
            "$1 `~` '^[ \\t\\n\\r\\f\\v]*[-+]?[0-9]{1,30}[ \\t\\n\\r\\f\\v]*$' THEN CASE WHEN ",
            "($1)::numeric BETWEEN ",
            $least,
            " AND ",
            $most,
            " THEN ($1)::",
            $name,
            " END END END)"
        )
    };
}

/// A decimal number.
macro_rules! decimal {
    ($name:literal) => {
        concat!(
            "(CASE WHEN pg_catalog.octet_length($1) `<=` 100 THEN CASE WHEN $1 `~` ",
            "'^[ \\t\\n\\r\\f\\v]*[-+]?([0-9]{1,40}([.][0-9]{0,40})?|[.][0-9]{1,40})",
            "([eE][-+]?[0-9]{1,2})?[ \\t\\n\\r\\f\\v]*$' THEN ($1)::",
            $name,
            " END END)"
        )
    };
}

/// `YYYY-MM-DD` of a day that there is, in the years 1 to 9999.
const DAY: &str = "(CASE WHEN pg_catalog.octet_length($1) `=` 10 THEN CASE WHEN $1 `~` \
     '^[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)\
     |02-(0[1-9]|1[0-9]|2[0-8]))$' OR $1 `~` \
     '^([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29$' \
     THEN CASE WHEN pg_catalog.left($1, 4) `<>` '0000' THEN ($1)::date END END END)";

const TRUTH: &str = "(CASE WHEN pg_catalog.octet_length($1) `<=` 100 THEN CASE WHEN \
     pg_catalog.lower(pg_catalog.btrim($1, E' \\t\\n\\r\\f\\v')) IN ('t', 'tr', 'tru', 'true', 'y', \
     'ye', 'yes', 'on', '1', 'f', 'fa', 'fal', 'fals', 'false', 'n', 'no', 'of', 'off', '0') \
     THEN ($1)::boolean END END)";

const T: &[Arg] = &[Value(Text)];
const B: &[Arg] = &[Value(Bpchar)];
const H: &[Arg] = &[Held];
const HT: &[Arg] = &[Held, SHORT];
const TI: &[Arg] = &[Value(Text), PLACE];
const TIL: &[Arg] = &[Value(Text), PLACE, LENGTH];

#[rustfmt::skip]
pub(super) const ROWS: &[Signature] = &[
    call("lower", H, Text, HELD_WHY).size(SizeRule::Times(3)),
    call("upper", H, Text, HELD_WHY).size(SizeRule::Times(3)),
    call("initcap", H, Text, HELD_WHY).size(SizeRule::Times(3)),
    call("reverse", T, Text, TOTAL),
    length("length", T),
    length("length", B),
    length("char_length", T),
    length("char_length", B),
    length("character_length", T),
    length("character_length", B),
    length("octet_length", T),
    length("octet_length", B),
    call("bit_length", H, Int4, HELD_WHY),
    call("btrim", H, Text, HELD_WHY),
    call("btrim", HT, Text, HELD_WHY),
    call("ltrim", H, Text, HELD_WHY),
    call("ltrim", HT, Text, HELD_WHY),
    call("rtrim", H, Text, HELD_WHY),
    call("rtrim", HT, Text, HELD_WHY),
    call("lpad", &[Value(Text), WIDTH], Text, "To at most 1000 characters.").size(SizeRule::Bytes(4_000)),
    call("lpad", &[Value(Text), WIDTH, SHORT], Text, "To at most 1000 characters.").size(SizeRule::Bytes(4_000)),
    call("rpad", &[Value(Text), WIDTH], Text, "To at most 1000 characters.").size(SizeRule::Bytes(4_000)),
    call("rpad", &[Value(Text), WIDTH, SHORT], Text, "To at most 1000 characters.").size(SizeRule::Bytes(4_000)),
    call("left", TI, Text, TOTAL).size(SizeRule::Characters),
    call("right", TI, Text, TOTAL).size(SizeRule::Characters),
    call("substr", TI, Text, TOTAL),
    call("substr", TIL, Text, "The length is a constant that is not negative.").size(SizeRule::Characters),
    call("substring", TI, Text, TOTAL),
    call("substring", TIL, Text, "The length is a constant that is not negative.").size(SizeRule::Characters),
    call("overlay", &[Held, SHORT, Constant(Int4, Limit::Whole(1, 1_000_000)), Constant(Int4, Limit::Whole(0, 1_000_000))], Text, HELD_WHY),
    call("strpos", &[Value(Text), SHORT], Int4, "What is looked for is a constant."),
    call("starts_with", &[Value(Text), Value(Text)], Bool, TOTAL),
    Signature::new("^@", Syntax::Infix, &[Value(Text), Value(Text)], Bool, TOTAL),
    call("replace", &[Held, SHORT, SHORT], Text, "The two are constants, which bound how much longer it gets.").size(SizeRule::Replaced),
    call("translate", &[Held, SHORT, SHORT], Text, HELD_WHY).size(SizeRule::Times(4)),
    call("split_part", &[Value(Text), FILLED, Constant(Int4, Limit::Whole(1, 1_000_000))], Text, "The number of the part is a constant that is not 0."),
    call("repeat", &[Held, Constant(Int4, Limit::Whole(0, 100))], Text, "At most a hundred times.").size(SizeRule::Repeated),
    call("ascii", T, Int4, "NULL where the first character is none of ASCII, since it depends on the encoding.")
        .guard("pg_catalog.octet_length(pg_catalog.left($1, 1)) `<=` 1").range(RangeRule::Between(0, 255)),
    call("concat", H, Text, HELD_WHY).repeats().null(Null::Never),
    call("concat_ws", &[SHORT, Held], Text, HELD_WHY).repeats().null(Null::Never).size(SizeRule::Joined),
    Signature::new("||", Syntax::Infix, &[Held, Held], Text, HELD_WHY),
    matches("~"),
    matches("~*"),
    matches("!~"),
    matches("!~*"),
    padded("~"),
    padded("~*"),
    padded("!~"),
    padded("!~*"),
    number(Int2, whole!("-32768", "32767", "smallint"), SizeRule::ByType),
    number(Int4, whole!("-2147483648", "2147483647", "integer"), SizeRule::ByType),
    number(Int8, whole!("-9223372036854775808", "9223372036854775807", "bigint"), SizeRule::ByType),
    number(Numeric, decimal!("numeric"), SizeRule::Digits(140, 140)),
    number(Float8, decimal!("double precision"), SizeRule::ByType),
    Signature::new("cast", Syntax::Cast, T, Date, "NULL for what is not a day written as YYYY-MM-DD, in the years 1 to 9999.").form(DAY).null(Null::Maybe),
    Signature::new("cast", Syntax::Cast, T, Bool, "NULL for what is none of PostgreSQL's words for true and false.").form(TRUTH).null(Null::Maybe),
];
