//! Functions of dates and times.
//!
//! Dates reach further than timestamps, and zones move both, so what casts or moves a time is asked
//! only well within what every type holds: 4000 BC to 290000 AD, or 1 to 280000 AD for differences.

use super::Arg::{Constant, Value};
use super::Kind::{Bool, Date, Float8, Int4, Interval, Numeric, Text, Timestamp, TimestampTz};
use super::Kind::{Dates, Timestamps};
use super::{Arg, Kind, Limit, Null, RangeRule, Signature, SizeRule, Syntax};

const TOTAL: &str = "Total.";
const WITHIN: &str = "NULL outside of 4000 BC to 290000 AD.";
const BOTH: &str = "NULL where one of them is outside of 1 to 280000 AD.";
const ZONE_WHY: &str = "NULL outside of 4000 BC to 290000 AD. A zone that there is not is an error \
     when the statement is planned, whatever the rows are.";

/// Units of `date_trunc`.
const UNITS: &[&str] = &[
    "microseconds",
    "milliseconds",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "decade",
    "century",
    "millennium",
];

/// The same for intervals, which have no weeks.
const INTERVAL_UNITS: &[&str] = &[
    "microseconds",
    "milliseconds",
    "second",
    "minute",
    "hour",
    "day",
    "month",
    "quarter",
    "year",
    "decade",
    "century",
    "millennium",
];

const DATE_FIELDS: &[&str] = &[
    "year",
    "month",
    "day",
    "quarter",
    "week",
    "dow",
    "doy",
    "isodow",
    "isoyear",
    "decade",
    "century",
    "millennium",
    "epoch",
    "julian",
];
const TIME_FIELDS: &[&str] = &[
    "year",
    "month",
    "day",
    "quarter",
    "week",
    "dow",
    "doy",
    "isodow",
    "isoyear",
    "decade",
    "century",
    "millennium",
    "epoch",
    "julian",
    "hour",
    "minute",
    "second",
    "milliseconds",
    "microseconds",
];
const ZONED_FIELDS: &[&str] = &[
    "year",
    "month",
    "day",
    "quarter",
    "week",
    "dow",
    "doy",
    "isodow",
    "isoyear",
    "decade",
    "century",
    "millennium",
    "epoch",
    "julian",
    "hour",
    "minute",
    "second",
    "milliseconds",
    "microseconds",
    "timezone",
    "timezone_hour",
    "timezone_minute",
];
const INTERVAL_FIELDS: &[&str] = &[
    "year",
    "month",
    "day",
    "quarter",
    "decade",
    "century",
    "millennium",
    "epoch",
    "hour",
    "minute",
    "second",
    "milliseconds",
    "microseconds",
];

const fn call(
    name: &'static str,
    args: &'static [Arg],
    result: Kind,
    why: &'static str,
) -> Signature {
    Signature::new(name, Syntax::Call, args, result, why)
}

const fn field(fields: &'static [&'static str]) -> Arg {
    Constant(Text, Limit::OneOf(fields))
}

/// Some fields of an infinite time are NULL.
const FIELD_WHY: &str = "NULL for fields that an infinite time has not.";

const fn extract(args: &'static [Arg]) -> Signature {
    Signature::new("extract", Syntax::Extract, args, Numeric, FIELD_WHY)
        .null(Null::Maybe)
        .size(SizeRule::Digits(30, 6))
        .range(RangeRule::Field)
}

const fn part(args: &'static [Arg]) -> Signature {
    call("date_part", args, Float8, FIELD_WHY).null(Null::Maybe).range(RangeRule::Field)
}

macro_rules! within {
    ($arg:literal, $ty:literal) => {
        concat!($arg, " BETWEEN '4000-01-01 BC'::", $ty, " AND '290000-01-01'::", $ty)
    };
}

macro_rules! both {
    ($ty:literal) => {
        concat!(
            "$1 BETWEEN '0001-01-01'::",
            $ty,
            " AND '280000-01-01'::",
            $ty,
            " AND $2 BETWEEN '0001-01-01'::",
            $ty,
            " AND '280000-01-01'::",
            $ty
        )
    };
}

const TS2: &str = within!("$2", "timestamp without time zone");
const TZ2: &str = within!("$2", "timestamp with time zone");
/// The zone is looked up when the statement is planned, since all of the condition is constant.
const TS_ZONE: &str = "(CASE WHEN pg_catalog.timezone($1, '2000-01-01'::timestamp without time zone) \
     IS NOT NULL THEN CASE WHEN $2 BETWEEN '4000-01-01 BC'::timestamp without time zone \
     AND '290000-01-01'::timestamp without time zone THEN pg_catalog.timezone($1, $2) END END)";
const TZ_ZONE: &str = "(CASE WHEN pg_catalog.timezone($1, '2000-01-01'::timestamp without time zone) \
     IS NOT NULL THEN CASE WHEN $2 BETWEEN '4000-01-01 BC'::timestamp with time zone \
     AND '290000-01-01'::timestamp with time zone THEN pg_catalog.timezone($1, $2) END END)";
const TRUNC_ZONE: &str = "(CASE WHEN pg_catalog.timezone($3, '2000-01-01'::timestamp without time zone) \
     IS NOT NULL THEN CASE WHEN $2 BETWEEN '4000-01-01 BC'::timestamp with time zone \
     AND '290000-01-01'::timestamp with time zone THEN pg_catalog.date_trunc($1, $2, $3) END END)";
const ORIGIN_TS: &str = "$2 BETWEEN '0001-01-01'::timestamp without time zone \
     AND '280000-01-01'::timestamp without time zone AND $3 BETWEEN \
     '0001-01-01'::timestamp without time zone AND '280000-01-01'::timestamp without time zone";
const ORIGIN_TZ: &str = "$2 BETWEEN '0001-01-01'::timestamp with time zone \
     AND '280000-01-01'::timestamp with time zone AND $3 BETWEEN \
     '0001-01-01'::timestamp with time zone AND '280000-01-01'::timestamp with time zone";
/// The days of a month are the last day of it: the day before the next month's first.
const MAKE: &str = "(CASE WHEN $1 BETWEEN 1 AND 9999 THEN CASE WHEN $2 BETWEEN 1 AND 12 THEN CASE WHEN \
     $3 BETWEEN 1 AND CASE WHEN $2 IN (4, 6, 9, 11) THEN 30 WHEN $2 `<>` 2 THEN 31 \
     WHEN pg_catalog.mod($1, 4) `=` 0 AND (pg_catalog.mod($1, 100) `<>` 0 OR pg_catalog.mod($1, 400) `=` 0) \
     THEN 29 ELSE 28 END THEN pg_catalog.make_date($1, $2, $3) END END END)";

const UNIT: Arg = Constant(Text, Limit::OneOf(UNITS));
const ZONE_NAME: Arg = Constant(Text, Limit::Zone);
const STRIDE: Arg = Constant(Interval, Limit::Stride);
const FORMAT: Arg = Constant(Text, Limit::DateFormat);

#[rustfmt::skip]
pub(super) const ROWS: &[Signature] = &[
    extract(&[field(DATE_FIELDS), Value(Date)]),
    extract(&[field(TIME_FIELDS), Value(Timestamp)]),
    extract(&[field(ZONED_FIELDS), Value(TimestampTz)]),
    extract(&[field(INTERVAL_FIELDS), Value(Interval)]),
    part(&[field(DATE_FIELDS), Value(Date)]).guard(within!("$2", "date")),
    part(&[field(TIME_FIELDS), Value(Timestamp)]),
    part(&[field(ZONED_FIELDS), Value(TimestampTz)]),
    part(&[field(INTERVAL_FIELDS), Value(Interval)]),
    call("date_trunc", &[UNIT, Value(Timestamp)], Timestamp, WITHIN).guard(TS2),
    call("date_trunc", &[UNIT, Value(TimestampTz)], TimestampTz, WITHIN).guard(TZ2),
    call("date_trunc", &[UNIT, Value(TimestampTz), ZONE_NAME], TimestampTz, ZONE_WHY).form(TRUNC_ZONE).null(Null::Maybe),
    call("date_trunc", &[Constant(Text, Limit::OneOf(INTERVAL_UNITS)), Value(Interval)], Interval, TOTAL),
    call("date_bin", &[STRIDE, Value(Timestamp), Constant(Timestamp, Limit::Any)], Timestamp, BOTH).guard(ORIGIN_TS),
    call("date_bin", &[STRIDE, Value(TimestampTz), Constant(TimestampTz, Limit::Any)], TimestampTz, BOTH).guard(ORIGIN_TZ),
    call("age", &[Value(Timestamp), Value(Timestamp)], Interval, BOTH).guard(both!("timestamp without time zone")),
    call("age", &[Value(TimestampTz), Value(TimestampTz)], Interval, BOTH).guard(both!("timestamp with time zone")),
    Signature::new("-", Syntax::Infix, &[Value(Timestamp), Value(Timestamp)], Interval, BOTH).guard(both!("timestamp without time zone")),
    Signature::new("-", Syntax::Infix, &[Value(TimestampTz), Value(TimestampTz)], Interval, BOTH).guard(both!("timestamp with time zone")),
    Signature::new("-", Syntax::Infix, &[Value(Date), Value(Date)], Int4, "NULL where one of them is infinite.")
        .guard("pg_catalog.isfinite($1) AND pg_catalog.isfinite($2)"),
    call("isfinite", &[Value(Date)], Bool, TOTAL),
    call("isfinite", &[Value(Timestamp)], Bool, TOTAL),
    call("isfinite", &[Value(TimestampTz)], Bool, TOTAL),
    call("isfinite", &[Value(Interval)], Bool, TOTAL),
    call("timezone", &[ZONE_NAME, Value(Timestamp)], TimestampTz, ZONE_WHY).form(TS_ZONE).null(Null::Maybe),
    call("timezone", &[ZONE_NAME, Value(TimestampTz)], Timestamp, ZONE_WHY).form(TZ_ZONE).null(Null::Maybe),
    call("to_timestamp", &[Value(Float8)], TimestampTz, "NULL outside of 1 to 280000 AD.")
        .guard("$1 BETWEEN '-62135596800'::double precision AND '8773141536000'::double precision"),
    call("make_date", &[Value(Int4), Value(Int4), Value(Int4)], Date, "NULL for days that there are not, and outside of the years 1 to 9999.").form(MAKE).null(Null::Maybe),
    call("date", &[Value(Timestamp)], Date, TOTAL),
    call("date", &[Value(TimestampTz)], Date, TOTAL),
    call("to_char", &[Value(Timestamp), FORMAT], Text, "The format depends on no language. NULL for infinite times.").null(Null::Maybe).size(SizeRule::Bytes(2_000)),
    call("to_char", &[Value(TimestampTz), FORMAT], Text, "The format depends on no language. NULL for infinite times.").null(Null::Maybe).size(SizeRule::Bytes(2_000)),
    call("width_bucket", &[Value(Date), Constant(Dates, Limit::Elements)], Int4, "The thresholds are a constant array without NULL.").range(RangeRule::Thresholds),
    call("width_bucket", &[Value(Timestamp), Constant(Timestamps, Limit::Elements)], Int4, "The thresholds are a constant array without NULL.").range(RangeRule::Thresholds),
];
