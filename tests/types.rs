//! A shop of other types: NULLs, enums, uuids, floats, time zones, empty tables and two units'
//! worth of traps, compared with PostgreSQL at a huge epsilon.

mod common;

use std::sync::LazyLock;

use common::{connect, open, run, texts};
use noisegate::demo::{Shop, ShopOptions};

const SEED: &str = "
    CREATE SCHEMA clinic;
    CREATE TYPE clinic.blood AS ENUM ('A', 'B', '0');
    CREATE TABLE clinic.cities (code char(2) PRIMARY KEY, name text NOT NULL, region text);
    INSERT INTO clinic.cities VALUES ('BE', 'Berlin', 'north'), ('PA', 'Paris', NULL), ('RO', 'Rome', 'south'), ('OS', 'Oslo', 'north');
    CREATE TABLE clinic.patients (
        id uuid PRIMARY KEY, blood clinic.blood, city char(2) REFERENCES clinic.cities,
        born date, weight float8, vip boolean, score numeric, seen timestamptz, code varchar(8),
        height real, visits smallint, big bigint,
        nick text COLLATE \"C\", marks int[], place point,
        tags text[], labels varchar(5)[], info jsonb, raw bytea, took interval, near text[] COLLATE \"C\", dose numeric(6,2), device uuid);
    INSERT INTO clinic.patients SELECT
        md5(g::text)::uuid,
        CASE g % 7 WHEN 0 THEN NULL ELSE (ARRAY['A', 'B', '0'])[1 + g % 3]::clinic.blood END,
        CASE g % 11 WHEN 0 THEN NULL ELSE (ARRAY['BE', 'PA', 'RO'])[1 + g % 3] END,
        CASE g % 13 WHEN 0 THEN NULL ELSE date '1940-01-01' + g * 20 END,
        CASE g % 5 WHEN 0 THEN NULL ELSE 50 + (g % 40) * 0.5 END,
        CASE g % 3 WHEN 0 THEN NULL WHEN 1 THEN true ELSE false END,
        CASE g % 4 WHEN 0 THEN NULL ELSE (g % 100) / 4.0 END,
        timestamptz '2024-01-01 00:30:00+00' + g * interval '7 hours',
        'c' || g % 5, 1.5 + (g % 8) * 0.125, g % 30, g * 1000000007::bigint,
        CASE g % 9 WHEN 0 THEN NULL ELSE 'n' || g % 4 END, ARRAY[g % 7, g % 3, NULL], point(g, g),
        CASE g % 4 WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE ARRAY['t' || g % 3, 'u'] END, ARRAY['l' || g % 2],
        CASE g % 5 WHEN 0 THEN NULL WHEN 1 THEN '[1, 2, \"x\"]' WHEN 2 THEN '7.5'
            ELSE jsonb_build_object('a', g % 4, 'b', 'w' || g % 2, 'c', jsonb_build_object('d', g % 2 = 0),
                'n', (g % 3)::text, 'on', '2024-0' || 1 + g % 9 || '-15') END,
        decode(to_hex(4096 + g % 5), 'hex'), (g % 50) * interval '31 hours 7 minutes', '{a}',
         CASE g % 6 WHEN 0 THEN NULL ELSE (g % 40) / 2.0 END,
         md5((g % 3)::text)::uuid
        FROM generate_series(1, 1000) g;
    CREATE TABLE clinic.readings (
        patient uuid REFERENCES clinic.patients, at timestamp, value numeric(8,3), kind text);
    INSERT INTO clinic.readings SELECT
        CASE WHEN g % 50 = 0 THEN NULL ELSE md5((1 + g % 900)::text)::uuid END,
        timestamp '2024-03-30 23:00' + g * interval '11 minutes', (g % 977) / 8.0 - 20,
        CASE g % 6 WHEN 0 THEN NULL ELSE 'k' || g % 6 END
        FROM generate_series(1, 5000) g;
    CREATE TABLE clinic.nothing (patient uuid NOT NULL REFERENCES clinic.patients, n int NOT NULL);
";

const POLICY: &str = r#"
version = 1
[defaults]
min_group = 1
max_groups = 200
[tables."clinic.patients"]
unit = "id"
columns.id     = { class = "direct" }
columns.blood  = { class = "quasi", values = ["A", "B", "0"] }
columns.city   = { class = "quasi", values = "clinic.cities.code" }
columns.born   = { class = "quasi" }
columns.weight = { class = "sensitive", bounds = [0, 400] }
columns.vip    = { class = "quasi" }
columns.score  = { class = "sensitive", bounds = [-1000, 1000] }
columns.seen   = { class = "quasi" }
columns.code   = { class = "quasi" }
columns.height = { class = "quasi", bounds = [0, 3] }
columns.visits = { class = "sensitive", bounds = [0, 100] }
columns.nick   = { class = "quasi" }
columns.dose   = { class = "sensitive", bounds = [2, 10] }
columns.marks  = { class = "quasi" }
columns.place  = { class = "quasi" }
columns.device = { class = "quasi" }
columns.tags   = { class = "quasi" }
columns.labels = { class = "quasi" }
columns.info   = { class = "quasi" }
columns.raw    = { class = "quasi" }
columns.took   = { class = "quasi" }
columns.near   = { class = "quasi" }
columns.big    = { class = "sensitive", bounds = [0, 10_000_000_000_000] }
[tables."clinic.readings"]
unit = "patient -> clinic.patients.id"
max_rows = 100
columns.patient = { class = "direct" }
columns.at      = { class = "quasi" }
columns.value   = { class = "sensitive", bounds = [-1000, 1000] }
columns.kind    = { class = "quasi" }
[tables."clinic.nothing"]
unit = "patient -> clinic.patients.id"
max_rows = 10
columns.patient = { class = "direct" }
columns.n       = { class = "quasi", bounds = [0, 10] }
[tables."clinic.cities"]
public = "an atlas"
[teams.data]
members = ["alice", "bob"]
[roles.analyst]
members = ["team:data"]
answers = "noisy"
pays = ["shop"]
epsilon = { default = 1e18, max = 1e19 }
[budgets.shop]
per = "dataset"
epsilon = 1e40
delta = 1e-2
window = "lifetime"
"#;

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let mut options = ShopOptions::new(0.01, POLICY, "types.toml");
    options.seed = Some(SEED.to_owned());
    open(options)
});

/// Rows of readings without a patient belong to nobody and are left out, so the truth is asked
/// without them.
const QUERIES: &[&str] = &[
    "select count(*), count(blood), count(weight), count(vip) from clinic.patients",
    "select blood, count(*) from clinic.patients group by 1 order by 1",
    "select blood::text, count(*) from clinic.patients where blood is not null and blood <> 'B' group by blood having count(*) > 0 order by 1",
    "select vip, count(*), avg(visits) from clinic.patients group by 1 order by 1",
    "select vip is true as yes, count(*) from clinic.patients group by 1 order by 1",
    "select born is null as unknown, count(*) from clinic.patients group by 1 order by 1",
    "select code, count(*), sum(visits) from clinic.patients group by code order by code",
    "select (extract(year from born) / 10)::float8 as d, count(*) from clinic.patients where born is not null group by 1 order by 1",
    "select date_trunc('day', seen) as day, count(*) from clinic.patients group by 1 order by 1",
    "select seen::date as day, count(*) from clinic.patients group by 1 order by 1",
    "select extract(hour from seen) as h, count(*) from clinic.patients group by 1 order by 1",
    "select count(*) from clinic.patients where seen >= '2024-02-01' and seen < '2024-03-01 12:00'",
    "select count(*) from clinic.patients where weight between 60 and 65.5",
    "select count(*) from clinic.patients where height = 1.625 or height > 2.25::real",
    "select sum(weight)::numeric(12,1), round(avg(weight)::numeric, 6) from clinic.patients",
    "select sum(visits), sum(big), avg(big), sum(big / 2), sum(big % 10) from clinic.patients",
    "select sum(visits * 2 + 1), sum(visits / 4), sum(-visits) from clinic.patients",
    "select count(*) from clinic.patients where visits / nullif(visits % 3, 0) > 5",
    "select sum(round(score, 0)), sum(floor(score)), sum(ceil(score)), sum(trunc(score, 1)) from clinic.patients",
    "select coalesce(score, 0) > 10 as high, count(*) from clinic.patients group by 1 order by 1",
    "select trim_scale(score), count(*) from clinic.patients where score < 3 group by score order by score",
    "select height, count(*) from clinic.patients group by height order by height",
    "select c.name, count(*) from clinic.patients p join clinic.cities c on c.code = p.city where c.code <> 'OS' group by c.name order by 1",
    "select count(*), count(c.code), count(distinct p.id) from clinic.patients p left join clinic.cities c on c.code = p.city",
    "select count(distinct patient), count(*), sum(value), avg(value) from clinic.readings where patient is not null",
    "select kind, count(*), avg(value) from clinic.readings where patient is not null group by kind order by kind",
    "select date_trunc('week', at) as week, count(*) filter (where value < 0) as cold from clinic.readings where patient is not null group by 1 order by 1",
    "select p.blood, r.kind, count(*), sum(r.value) from clinic.patients p join clinic.readings r on r.patient = p.id where p.blood is not null group by 1, 2 order by 1, 2",
    "select count(*), count(r.patient), count(r.value), avg(r.value) from clinic.patients p left join clinic.readings r on r.patient = p.id and r.value > 50",
    "select count(*) from clinic.patients p left join clinic.readings r on r.patient = p.id where r.patient is null",
    "select count(*), count(n) from clinic.nothing",
    "select count(*) from clinic.patients p left join clinic.nothing n on n.patient = p.id where n.n is null",
    "select n, count(*) from clinic.nothing group by n",
    "select count(*) from clinic.patients where born > date '1950-01-01' + 30 and born < '1980-05-05'::date - interval '2 years'",
    "select count(*) from clinic.patients where born - date '1950-01-01' > 1000",
    "select count(*) from clinic.readings where patient is not null and at > '2024-04-01'::timestamptz",
    "select upper(kind) || '!' as k, count(*) from clinic.readings where patient is not null and kind like 'k_' group by 1 order by 1",
    "select left(code, 1) as l, right(code, 1) as r, length(code) as n, count(*) from clinic.patients group by 1, 2, 3 order by 1, 2, 3",
    "select case vip when true then 'yes' when false then 'no' end as v, count(*) from clinic.patients group by 1 order by 1",
    "select count(*) from clinic.patients where id is not null and not vip is distinct from true",
    "select count(nick), count(marks), count(place), count(null), count(nullif(visits, 3)) from clinic.patients",
    "select variance(visits), stddev_samp(visits), var_pop(visits), stddev_pop(visits) from clinic.patients",
    "select round(variance(weight)::numeric, 6), round(stddev_pop(height)::numeric, 6), round(var_samp(score), 6) from clinic.patients",
    "select kind, variance(value), stddev(value), var_pop(value), stddev_pop(value) from clinic.readings where patient is not null group by kind order by kind",
    "select regr_count(weight, score), round(corr(weight, score)::numeric, 8), round(regr_slope(height, visits)::numeric, 8), round(regr_intercept(weight, height)::numeric, 6), round(regr_avgx(weight, score)::numeric, 8) from clinic.patients",
    "select vip, round(corr(weight, height)::numeric, 8), count(weight), variance(visits) filter (where weight > 60) from clinic.patients group by rollup (vip) order by 1, 3",
    "select variance(n), corr(n, n), count(n), stddev_pop(n), regr_r2(n, n), regr_avgy(n, n) from clinic.nothing",
    "select blood, code, count(*), sum(visits), grouping(blood, code) from clinic.patients group by cube (1, 2) order by 5, 1, 2",
    "select blood, vip, count(distinct id), variance(visits) from clinic.patients group by grouping sets ((1), (1, 2), ()) having count(*) > 0 order by 1, 2, 3",
    "select blood from clinic.patients group by 1 order by 1",
    "select distinct vip, blood is null as none from clinic.patients order by vip, none",
    "select n, count(*) from clinic.nothing group by rollup (n)",
    "select c.region, count(*) from clinic.patients p join clinic.cities c on c.code = p.city group by 1 order by 1",
    "select device, count(*) from clinic.patients where device <> 'cfcd2084-95d5-65ef-66e7-dff9f98764da' group by 1 order by 1",
    "select count(*) filter (where device in ('cfcd2084-95d5-65ef-66e7-dff9f98764da', '00000000-0000-0000-0000-000000000000')) from clinic.patients",
    "select count(distinct blood), count(distinct city), count(distinct born), count(distinct weight), count(distinct vip), count(distinct score) from clinic.patients",
    "select count(distinct seen), count(distinct code), count(distinct height), count(distinct visits), count(distinct big), count(distinct id) from clinic.patients",
    "select count(distinct value), count(distinct at), count(distinct kind), count(distinct at::timestamptz) from clinic.readings where patient is not null",
    "select vip, count(distinct seen::date), count(distinct score * 2.0) filter (where visits > 3), count(*) from clinic.patients group by 1 order by 1",
    "select vip, count(distinct r.kind), count(distinct r.value - 0.5), count(distinct blood) from clinic.patients p join clinic.readings r on r.patient = p.id group by 1 order by 1",
    "select count(distinct n), percentile_disc(0.5) within group (order by n), max(n + 0) from clinic.nothing",
    "select vip, percentile_disc(array[0.1, 0.9]) within group (order by visits), percentile_cont(0.5) within group (order by visits) as median, min(visits), max(visits) from clinic.patients group by 1 order by 1",
    "select percentile_disc(0.25) within group (order by round(score)), percentile_cont(0.3) within group (order by extract(hour from seen)::int) from clinic.patients",
    "select date_trunc('month', seen) as m, percentile_disc(0.5) within group (order by visits % 10) filter (where vip) from clinic.patients group by 1 order by 1",
    "select least(visits, 10) as v, count(*) from clinic.patients group by 1 order by 1",
    // Arrays are read, by their size and their elements.
    "select marks[1] as m, count(*) from clinic.patients group by 1 order by 1",
    "select tags[1] as t, upper(tags[2]) as u, count(*) from clinic.patients group by 1, 2 order by 1, 2",
    "select cardinality(tags) as c, array_length(tags, 1) as l, array_ndims(tags) as d, array_upper(tags, 1), array_lower(tags, 1), count(*) from clinic.patients group by 1, 2, 3, 4, 5 order by 1, 2",
    "select array_position(marks, 2) as p, array_position(tags, 'u') as u, count(*) from clinic.patients group by 1, 2 order by 1, 2",
    "select count(*) from clinic.patients where 3 = any(marks) or visits = any(marks)",
    "select count(*) from clinic.patients where 't1' = any(tags) or 'l1' = any(labels)",
    "select count(*) from clinic.patients where 'x' <> all(tags) and 9 <> all(marks)",
    "select 't1' = any(tags) as one, count(*) from clinic.patients group by 1 order by 1",
    "select count(*) from clinic.patients where marks @> array[2] or marks && '{6,5}'",
    "select count(*) from clinic.patients where tags <@ array['t1', 'u', 'x'] and tags @> array['u']",
    "select sum(least(greatest(cardinality(marks), 0), 9)), sum(least(greatest(marks[1], 0), 5)), count(marks[3]) from clinic.patients",
    // JSON is read by its parts.
    "select info ->> 'a' as a, count(*) from clinic.patients group by 1 order by 1",
    "select (info ->> 'a')::int as a, (info -> 'a')::int as b, count(*) from clinic.patients where jsonb_typeof(info) = 'object' group by 1, 2 order by 1, 2",
    "select jsonb_typeof(info) as t, jsonb_typeof(info -> 'b') as b, count(*) from clinic.patients group by 1, 2 order by 1, 2",
    "select info #>> '{c,d}' as d, (info #> '{c,d}')::boolean as b, info -> 'c' ->> 'd' as e, count(*) from clinic.patients where jsonb_typeof(info) = 'object' group by 1, 2, 3 order by 1",
    "select info ->> 2 as third, (info -> 0)::numeric as first, count(*) from clinic.patients where jsonb_typeof(info) = 'array' group by 1, 2 order by 1",
    "select count(*) from clinic.patients where info ? 'b' and info @> '{\"a\": 1}' and not info <@ '{}'",
    "select count(*) from clinic.patients where info ?| array['q', 'a'] and info ?& array['a', 'b']",
    "select jsonb_array_length(info) as n, count(*) from clinic.patients where jsonb_typeof(info) = 'array' group by 1",
    "select (info ->> 'n')::numeric as n, (info ->> 'n')::bigint as i, (info ->> 'n')::float8 as f, count(*) from clinic.patients where info ? 'n' group by 1, 2, 3 order by 1",
    "select (info ->> 'on')::date as day, count(*) from clinic.patients where info ? 'on' group by 1 order by 1",
    "select sum(least(greatest((info ->> 'a')::int, 0), 3)), avg(least(greatest((info -> 'a')::numeric, 0), 3)) from clinic.patients where info ? 'a'",
    // Binary numbers are PostgreSQL's own.
    "select sqrt(weight) as r, count(*) from clinic.patients group by 1 order by 1",
    "select round(weight) as r, floor(weight / 10) as f, count(*) from clinic.patients group by 1, 2 order by 1, 2",
    "select sqrt(height) as r, cbrt(height) as c, count(*) from clinic.patients group by 1, 2 order by 1, 2",
    "select count(*) from clinic.patients where ln(weight) > 4.1 and exp(height) < 8 and power(height, 2) > 3 and height ^ -1.5 < 1",
    "select width_bucket(weight, 0, 100, 20) as b, sum(width_bucket(weight, 0, 100, 20)), count(*) from clinic.patients where weight is not null group by 1 having count(*) > 0 order by 1",
    "select abs(height - 2) < 0.3 as close, sign(score - 10) as s, count(*) from clinic.patients group by 1, 2 order by 1, 2",
    "select sum(sqrt(visits))::numeric(12,2), trim_scale(sum(abs(score))), sum(ceil(sqrt(visits))) from clinic.patients",
    "select trim_scale(sqrt(score)) as r, count(*) from clinic.patients where score >= 0 group by 1 order by 1",
    "select visits & 3 as a, visits << 2 as b, big >> 37 as c, count(*) from clinic.patients where visits < 20 and big < 274877906944 group by 1, 2, 3 order by 1, 2, 3",
    // Times, in the session's zone and in others.
    "select date_trunc('month', seen, 'Asia/Tokyo') as day, count(*) from clinic.patients group by 1 order by 1",
    "select (seen at time zone 'Asia/Tokyo')::date as day, count(*) from clinic.patients where seen < '2024-03-01 15:00+00' group by 1 order by 1",
    "select extract(timezone_hour from seen) as z, extract(isodow from seen) as d, count(*) from clinic.patients group by 1, 2 order by 1, 2",
    "select date_part('hour', seen) as h, sum(date_part('minute', seen)), count(*) from clinic.patients group by 1 order by 1",
    "select date_bin('6 hours', at, '2024-01-01') as b, count(*) from clinic.readings where patient is not null group by 1 order by 1",
    "select to_char(at, 'YYYY-MM-DD HH24') as h, count(*) from clinic.readings where patient is not null group by 1 order by 1",
    "select to_char(seen, 'IYYY-IW') as w, count(*) from clinic.patients group by 1 order by 1",
    "select extract(year from age(seen, born)) as age, count(*) from clinic.patients group by 1 order by 1",
    "select count(*) from clinic.patients where seen - timestamptz '2024-02-01' > interval '10 days 3 hours' and extract(epoch from seen) > 1e9",
    "select extract(hour from took) as h, date_trunc('day', took) as d, count(*) from clinic.patients group by 1, 2 order by 1, 2",
    "select justify_hours(took) as j, trim_scale(extract(epoch from took)) as e, count(*) from clinic.patients where isfinite(born) group by 1, 2 order by 2",
    "select date_trunc('year', to_timestamp(big / 1000)) as t, count(*) from clinic.patients where big < 200000000000 group by 1 order by 1",
    "select date(at) as d, sum(extract(second from at)) from clinic.readings where patient is not null group by 1 order by 1",
    // Texts and bytes.
    "select count(*), sum(visits) from clinic.patients where code ~ '^c[0-2]$' and code !~* 'C1'",
    "select substr(code, 2)::int as n, ascii(kind) as a, count(*) from clinic.patients p join clinic.readings r on r.patient = p.id group by 1, 2 order by 1, 2",
    "select octet_length(raw) as o, bit_count(raw) as b, get_byte(raw, 1) as g, count(*) from clinic.patients group by 1, 2, 3 order by 1, 2, 3",
    "select concat(code, kind) as c, count(*) from clinic.patients p join clinic.readings r on r.patient = p.id group by 1 order by 1",
];

#[test]
fn every_type_as_postgresql_has_it() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("alice")).await;
        let (postgres, _) = connect(&shop.source_config()).await;
        for zone in ["UTC", "America/New_York"] {
            let mut wrong = Vec::new();
            let set = format!("set timezone = '{zone}'; set datestyle = 'German'");
            for client in [&proxy, &postgres] {
                client.batch_execute(&set).await.expect("settings");
            }
            for query in QUERIES {
                let truth = texts(&postgres, query).await.expect("PostgreSQL answers");
                match texts(&proxy, query).await {
                    Ok(ours) if ours == truth => {}
                    Ok(ours) => wrong.push(format!("{query}\n  ours  {ours:?}\n  truth {truth:?}")),
                    Err(error) => {
                        wrong.push(format!("{query}\n  {error} {:?}", error.as_db_error()));
                    }
                }
            }
            assert!(wrong.is_empty(), "{} differ in {zone}:\n{}", wrong.len(), wrong.join("\n"));
        }
    });
}

/// A number outside of its bounds counts as the nearer bound, also in squares and products.
#[test]
fn numbers_are_held_within_their_bounds() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("bob")).await;
        let (postgres, _) = connect(&shop.source_config()).await;
        let held = "(case when dose is not null then least(greatest(dose, 2), 10) end)";
        for aggregate in [
            "count(X), sum(X), round(avg(X), 8)",
            "round(var_pop(X), 8), round(stddev(X), 8)",
            "regr_count(X, weight), round(regr_avgx(weight, X)::numeric, 8)",
            "round(covar_pop(X, visits)::numeric, 8), round(covar_samp(weight, X)::numeric, 8)",
            "round(corr(X, weight)::numeric, 8), round(corr(visits, X)::numeric, 8)",
            "round(regr_slope(X, weight)::numeric, 8), round(regr_r2(X, X)::numeric, 8)",
        ] {
            let asked =
                |x: &str| format!("select {} from clinic.patients", aggregate.replace('X', x));
            let truth = texts(&postgres, &asked(held)).await.expect("PostgreSQL answers");
            assert_eq!(
                texts(&proxy, &asked("dose")).await.expect("an answer"),
                truth,
                "{aggregate}"
            );
            assert_ne!(texts(&postgres, &asked("dose")).await.expect("an answer"), truth);
        }
    });
}

/// A comparison of two collations fails when a row reaches it, so no column but of the default one
/// is compared; nor are types whose `=` may fail.
#[test]
fn columns_of_other_collations_and_types_are_only_counted() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("alice")).await;
        for condition in [
            "nick = code",
            "nick like 'n%'",
            "nick < 'n2'",
            "marks = marks",
            "upper(nick) = 'N1'",
            "'a' = any(near)",
            "near[1] = 'a'",
            "cardinality(near) = 1",
            "marks[visits] = 1",
            "marks[1:2] = marks[2:3]",
            "length(id::text) = 36",
        ] {
            let sql = format!("select count(*) from clinic.patients where {condition}");
            let (sqlstate, message) = common::error(&proxy, &sql).await;
            let expected = if condition.contains("id::text") { "42501" } else { "0A000" };
            assert_eq!(sqlstate, expected, "{sql}: {message}");
        }
        for column in ["nick", "marks"] {
            let sql = format!("select count(distinct {column}) from clinic.patients");
            let (sqlstate, message) = common::error(&proxy, &sql).await;
            assert_eq!(sqlstate, "0A000", "{sql}: {message}");
        }
        let (sqlstate, _) =
            common::error(&proxy, "select nick, count(*) from clinic.patients group by 1").await;
        assert_eq!(sqlstate, "0A000");
    });
}

#[test]
fn parameters_of_every_type() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("bob")).await;
        let (postgres, _) = connect(&shop.source_config()).await;
        let query = "select count(*) from clinic.patients where visits < $1 and weight > $2 \
                     and code = any($3) and vip = $4 and city <> $5 and big > $6";
        let codes = vec!["c1".to_owned(), "c2".to_owned(), "c4".to_owned()];
        let ask = async |client: &tokio_postgres::Client| -> Result<i64, tokio_postgres::Error> {
            let row = client
                .query_one(query, &[&25_i16, &52.25_f64, &codes, &true, &"RO", &5_i64])
                .await?;
            row.try_get(0)
        };
        let truth = ask(&postgres).await.expect("PostgreSQL answers");
        assert!(truth > 3, "{truth}");
        assert_eq!(ask(&proxy).await.expect("an answer"), truth);
    });
}
