//! Values of each type: the extreme ones, for which nothing may raise, and ordinary ones, for
//! which PostgreSQL's own function is the truth.

use noisegate_privacy::functions::{Kind, Limit};

/// SQL expressions of the type, of the ends of what it holds and of what is odd in it.
pub(crate) fn extremes(kind: Kind) -> Vec<String> {
    let cast = |values: &[&str]| quoted(values, kind.ty().name().as_str());
    match kind {
        Kind::Int2 => cast(&["-32768", "32767", "0", "-1", "1"]),
        Kind::Int4 => cast(&["-2147483648", "2147483647", "0", "-1", "1", "2000000000"]),
        Kind::Int8 => cast(&["-9223372036854775808", "9223372036854775807", "0", "-1", "1"]),
        Kind::Numeric => cast(&[
            "NaN",
            "Infinity",
            "-Infinity",
            "1e399",
            "-1e399",
            "1e-399",
            "0",
            "0.5",
            "-2.5",
            "1",
            "-1",
            "123456789012345678901234567890.123456789",
            "1e308",
            "1e-16383",
            "1e131071",
            "1e-100",
            "-1e-100",
            "1e50",
            "1e-50",
            "700",
            "-700",
            "1e-99",
            "0.99999999999999999999",
        ]),
        Kind::Float8 => cast(&[
            "NaN",
            "Infinity",
            "-Infinity",
            "1.7976931348623157e308",
            "-1.7976931348623157e308",
            "5e-324",
            "-5e-324",
            "0",
            "-0",
            "0.5",
            "1",
            "-1",
            "-2.5",
            "709.9",
            "-745",
            "90",
            "180",
            "45",
            "1e300",
            "1e15",
            "270",
            "9e12",
            "-6.3e10",
        ]),
        Kind::Float4 => cast(&["NaN", "Infinity", "-Infinity", "3e38", "1e-45", "0", "-0", "1.5"]),
        Kind::Text => {
            let mut all = cast(&[
                "",
                " ",
                "a",
                "😀",
                "😀😀b",
                "ß",
                "İ",
                "e\u{301}",
                "\n\t",
                "\\",
                "%_",
                "12",
                " -7 ",
                "1e5",
                "1e999",
                "99999999999999999999999",
                "-.5",
                ".",
                "+",
                "NaN",
                "Infinity",
                "0x10",
                "2024-02-29",
                "2023-02-29",
                "0000-01-01",
                "1900-02-29",
                "2000-02-29",
                "9999-12-31",
                "2024-13-01",
                "2024-04-31",
                "true",
                "tRu",
                "o",
                "maybe",
                "１２",
                "12\n",
                "1 2",
                "--1",
                "1_000",
                "32768",
                "2147483648",
                "9223372036854775808",
                "1.",
                "infinity",
                "ΐ",
                "a-b_c",
            ]);
            all.push("repeat('9', 2000)".to_owned());
            all
        }
        Kind::Bpchar => cast(&["", " ", "a  ", "😀 "]),
        Kind::Bool => cast(&["t", "f"]),
        Kind::Date => cast(&[
            "infinity",
            "-infinity",
            "4714-11-24 BC",
            "5874897-12-31",
            "0001-01-01",
            "0001-12-31 BC",
            "2024-02-29",
            "294277-01-01",
            "290000-01-01",
            "4000-01-01 BC",
        ]),
        Kind::Timestamp => cast(&[
            "infinity",
            "-infinity",
            "4714-11-24 00:00:00 BC",
            "294276-12-31 23:59:59.999999",
            "0001-01-01",
            "0001-12-31 BC",
            "2024-03-31 02:30:00",
            "290000-01-01",
            "280000-01-01",
            "4000-01-01 BC",
            "2024-02-29 23:59:59.999999",
        ]),
        Kind::TimestampTz => cast(&[
            "infinity",
            "-infinity",
            "4714-11-25 00:00:00+00 BC",
            "294276-12-30 23:59:59.999999+00",
            "0001-01-01 00:00:00+00",
            "2024-03-31 01:30:00+00",
            "290000-01-01 00:00:00+00",
            "280000-01-01 00:00:00+00",
            "4000-01-01 00:00:00+00 BC",
            "0001-12-31 00:00:00+00 BC",
            "294276-12-31 23:59:59.999999+00",
            "4714-11-24 00:00:00+00 BC",
        ]),
        Kind::Interval => cast(&[
            "0",
            "178000000 years",
            "-178000000 years",
            "1 mon -30 days",
            "-1 day 00:00:01",
            "2147483647 days",
            "-2147483648 days",
            "2562047788:00:54.775807",
            "-0.000001 seconds",
            "100000 years",
            "2147483647 mons 2147483647 days",
            "2147483647 days 2562047788:00:00",
            "-2147483648 days -2562047788:00:00",
        ]),
        Kind::Uuid => {
            cast(&["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"])
        }
        Kind::Jsonb => {
            let mut all = cast(&[
                "{}",
                "[]",
                "null",
                "true",
                "false",
                "0",
                "1e131071",
                "-1e131071",
                "1e-16383",
                "\"\"",
                "\"a\"",
                "\"\\u0001\"",
                "[1e131071,1e131071]",
                "{\"a\":null}",
                "{\"a\":{\"b\":[1]}}",
                "{\"a\":1e131071}",
                "{\"a\":\"1\"}",
                "2147483647.4",
                "-9223372036854775809",
                "[[]]",
                "[\"a\",1,null]",
                "{\"a\":[1,2],\"b\":true}",
                "{\"\":1}",
                "5e-324",
                "1e308",
                "1e90",
                "{\"a\":true}",
                "{\"a\":{\"b\":\"x\"}}",
                "{\"a\":{\"b\":false}}",
            ]);
            // As deep as the parser lets it be.
            all.push("(repeat('[', 500) || repeat(']', 500))::jsonb".to_owned());
            all.push("(repeat('{\"a\":', 500) || '1' || repeat('}', 500))::jsonb".to_owned());
            all.push("to_jsonb(repeat('😀', 10000))".to_owned());
            all
        }
        Kind::Bytea => cast(&["", "\\x00", "\\xff00ff"]),
        Kind::Texts | Kind::Varchars => cast(&[
            "{}",
            "{a}",
            "{NULL}",
            "{\"\",😀,NULL}",
            "{{a,b},{c,d}}",
            "[5:6]={a,b}",
            "{12,\"a,b\"}",
        ]),
        Kind::Int4s => cast(&[
            "{}",
            "{1}",
            "{NULL}",
            "{-2147483648,2147483647}",
            "{{1,2},{3,4}}",
            "[5:6]={1,2}",
            "{1,NULL,1}",
            "{{{{{{1}}}}}}",
            "[-2147483648:-2147483647]={1,2}",
            "[2147483645:2147483646]={1,2}",
        ]),
        Kind::Numerics => cast(&["{}", "{NaN,Infinity}", "{1e131071}", "{NULL,1.0}", "{{1},{2}}"]),
        Kind::Float8s => cast(&["{}", "{NaN,Infinity}", "{1e308}", "{NULL,-0}"]),
        Kind::Dates => cast(&["{}", "{infinity,2024-01-01}", "{NULL}"]),
        Kind::Timestamps => cast(&["{}", "{infinity,2024-01-01}"]),
        Kind::Int8s => cast(&["{}", "{-9223372036854775808}", "{NULL,1}"]),
        Kind::Array | Kind::Element => unreachable!("they are tried as arrays of each type"),
    }
}

/// Values that PostgreSQL's own function has a value for, where it has no guard.
pub(crate) fn ordinary(kind: Kind) -> Vec<String> {
    let cast = |values: &[&str]| quoted(values, kind.ty().name().as_str());
    match kind {
        Kind::Int2 => cast(&["-7", "0", "1", "12", "300"]),
        Kind::Int4 => cast(&["-7", "0", "1", "12", "2024", "4"]),
        Kind::Int8 => cast(&["-7", "0", "1", "12", "5000000000", "4"]),
        Kind::Numeric => {
            cast(&["-7.25", "0", "1", "2.5", "12.345678", "1000000.5", "0.0001", "-1"])
        }
        Kind::Float8 => {
            cast(&["-7.25", "0", "1", "2.5", "0.1", "-0.5", "12345.678", "0.999", "1e-5"])
        }
        Kind::Float4 => cast(&["-7.25", "0", "1", "0.1"]),
        Kind::Text => cast(&[
            "",
            "a",
            "Abc dEf",
            "xxabcxx",
            "a,b,c",
            "😀b",
            "Straße",
            "  pad ",
            "12",
            "-7",
            "3.5",
            "2024-02-28",
            "true",
            "off",
            "ab-12@x.org",
            "1e2",
        ]),
        Kind::Bpchar => cast(&["", "ab", "ab  ", "😀"]),
        Kind::Bool => cast(&["t", "f"]),
        Kind::Date => cast(&["2024-02-29", "1970-01-01", "0044-03-15 BC", "1999-12-31"]),
        Kind::Timestamp => {
            cast(&["2024-02-29 13:14:15.678901", "1970-01-01", "1999-12-31 23:59:59"])
        }
        Kind::TimestampTz => cast(&[
            "2024-02-29 13:14:15.678901+00",
            "1970-01-01 00:00:00+00",
            "2024-07-01 23:30:00+00",
        ]),
        Kind::Interval => cast(&["0", "1 day 02:03:04.5", "-3 mons 5 days", "14 mons", "40:00:00"]),
        Kind::Uuid => cast(&["12345678-9abc-def0-1234-56789abcdef0"]),
        Kind::Jsonb => cast(&[
            "{\"a\":1,\"b\":\"x\"}",
            "[10,\"y\",true]",
            "7",
            "2.5",
            "true",
            "\"a\"",
            "{\"a\":{\"b\":\"z\"}}",
            "[]",
            "null",
        ]),
        Kind::Bytea => cast(&["\\x00", "\\x0102ff"]),
        Kind::Texts | Kind::Varchars => cast(&["{a,b}", "{x}", "{}", "{a,NULL}"]),
        Kind::Int4s => cast(&["{1,2,3}", "{7}", "{}", "{1,NULL}"]),
        Kind::Numerics => cast(&["{1.5,2}", "{}"]),
        Kind::Float8s => cast(&["{1.5,2}", "{}"]),
        Kind::Dates => cast(&["{2024-01-01}"]),
        Kind::Timestamps => cast(&["{2024-01-01}"]),
        Kind::Int8s => cast(&["{1,2}"]),
        Kind::Array | Kind::Element => unreachable!("they are tried as arrays of each type"),
    }
}

fn quoted(values: &[&str], ty: &str) -> Vec<String> {
    values.iter().map(|value| format!("'{}'::{ty}", value.replace('\'', "''"))).collect()
}

/// Constants within a limit: its ends and something between.
pub(crate) fn constants(kind: Kind, limit: Limit) -> Vec<String> {
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    match limit {
        Limit::Whole(low, high) => {
            let mut all = vec![low.to_string(), high.to_string()];
            all.extend([0, 1, 2, 5].map(|one: i64| one.clamp(low, high).to_string()));
            all.dedup();
            all
        }
        Limit::Number(low, high) => {
            let mut all = vec![low.to_string(), high.to_string()];
            let near = [("0", 0), ("2", 2), ("3", 3), ("2.5", 2), ("-1.5", -1), ("10", 10)];
            let near = near.iter().filter(|(_, at)| low <= *at && *at <= high);
            all.extend(near.map(|(text, _)| (*text).to_owned()));
            // Not whole, next to the ends.
            all.push(format!("{}.5", high - 1));
            if low < 0 {
                all.push(format!("{}.5", low + 1));
            }
            all
        }
        Limit::Short => texts(&["", "a", "ab", "😀", "x"]),
        Limit::Filled => texts(&[",", "a", "😀"]),
        Limit::OneOf(words) => texts(words),
        Limit::Pattern => texts(&[
            "",
            "^a",
            "a|b",
            "a|",
            "[a-z]+@[a-z.]+",
            "\\d{2,4}-\\d+",
            "^(xx|A)?[^0-9]*$",
            "é{1,100}",
            "\\w+\\s\\S",
            "(a(b|c)*)+d",
            ".",
            "[a-]\\.",
            "([a-z]{1,20}){1,20}",
            "^$|x",
            "(|a)",
        ]),
        Limit::DateFormat => texts(&[
            "YYYY-MM-DD HH24:MI:SS.US",
            "Mon",
            "FMMonth, YYYY",
            "IYYY-IW-ID",
            "Q",
            "DDD J CC",
            "hh12 am",
            "YYYYYYYYMM",
            "dy day D W WW",
            "MSMIMM",
        ]),
        Limit::NumberFormat => {
            texts(&["999", "FM999,990.00", "000000000000000000000000000000", "9,9.9"])
        }
        Limit::Zone => texts(&["UTC", "Europe/Berlin", "America/New_York", "Etc/GMT+5"]),
        Limit::Stride => {
            texts(&["00:15:00", "7 days", "9999 weeks", "1 day 02:00:00", "0 days 00:00:01"])
        }
        Limit::Elements => match kind {
            Kind::Texts => texts(&["{}", "{a}", "{a,b}", "{0,\"\"}"]),
            Kind::Dates | Kind::Timestamps => {
                texts(&["{}", "{2020-01-01,2024-02-29}", "{-infinity,infinity}"])
            }
            Kind::Numerics | Kind::Float8s => texts(&["{}", "{1,2.5,1e300}", "{NaN}", "{3,1}"]),
            _ => texts(&["{}", "{1,5,10}", "{0}", "{5,1}"]),
        },
        Limit::Any => match kind {
            Kind::Jsonb => {
                texts(&["{}", "{\"a\":1}", "[]", "1", "[1e131071]", "{\"a\":{\"b\":{}}}"])
            }
            Kind::Timestamp | Kind::TimestampTz => {
                texts(&["2001-01-01", "infinity", "294276-01-01", "4000-01-01 BC"])
            }
            Kind::Array => texts(&["{}", "{1}", "{NULL}"]),
            other => unreachable!("no constants of {other:?}"),
        },
    }
}
