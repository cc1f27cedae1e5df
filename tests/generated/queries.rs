//! Random queries, and what to ask PostgreSQL for the same answer.

use crate::Rng;
use crate::expressions::{Item, Scope, aggregate, condition, int, key};
use crate::schema::{Schema, Ty};

/// A query in both forms. They differ where the documentation says so.
pub(crate) struct Query {
    pub(crate) kind: &'static str,
    pub(crate) ours: String,
    pub(crate) truth: String,
    /// Whether the rows have an order.
    pub(crate) ordered: bool,
}

impl Query {
    fn same(kind: &'static str, sql: String, ordered: bool) -> Self {
        Self { kind, truth: sql.clone(), ours: sql, ordered }
    }
}

/// Rows to aggregate.
struct From {
    kind: &'static str,
    with: String,
    sql: String,
    scope: Scope,
}

/// A random query.
pub(crate) fn query(rng: &mut Rng, schema: &Schema) -> Query {
    match rng.roll(12) {
        0 => combined(rng, schema),
        1 => scalar(rng, schema),
        2 => above(rng, schema),
        3 => distinct(rng, schema),
        4 | 5 => whole(rng, schema),
        _ => grouped(rng, schema),
    }
}

fn filter(rng: &mut Rng, schema: &Schema, scope: &Scope) -> String {
    if rng.one_in(2) {
        return String::new();
    }
    format!(" where {}", condition(rng, schema, scope, 2))
}

fn aggregates(rng: &mut Rng, schema: &Schema, scope: &Scope) -> Vec<String> {
    (0..=rng.roll(3)).map(|_| aggregate(rng, schema, scope)).collect()
}

/// Aggregates of all rows.
fn whole(rng: &mut Rng, schema: &Schema) -> Query {
    let from = from(rng, schema);
    let list = aggregates(rng, schema, &from.scope).join(", ");
    let filter = filter(rng, schema, &from.scope);
    Query::same(from.kind, format!("{}select {list} from {}{filter}", from.with, from.sql), false)
}

/// A block of groups: one with more than one person, since a single one is never shown where keys
/// are found in the data, and those with nobody are shown where they are not.
fn block(
    rng: &mut Rng,
    schema: &Schema,
    from: &From,
) -> Option<(Vec<String>, Vec<String>, String)> {
    let uid = from.scope.uid.clone()?;
    let mut keys: Vec<String> = (0..=rng.roll(2)).map(|_| key(rng, schema, &from.scope)).collect();
    keys.dedup();
    let list = aggregates(rng, schema, &from.scope);
    let filter = filter(rng, schema, &from.scope);
    let mut having = format!("count(distinct {uid}) > 1");
    if rng.one_in(4) {
        having.push_str(&format!(" and {} > 3", list[0]));
    }
    let tail = format!(" from {}{filter} group by {} having {having}", from.sql, keys.join(", "));
    Some((keys, list, tail))
}

fn grouped(rng: &mut Rng, schema: &Schema) -> Query {
    let from = from(rng, schema);
    let Some((keys, list, tail)) = block(rng, schema, &from) else { return whole(rng, schema) };
    let columns: Vec<String> = keys.iter().chain(&list).cloned().collect();
    let mut sql = format!("{}select {}{tail}", from.with, columns.join(", "));
    let ordered = rng.one_in(2);
    if ordered {
        let order: Vec<String> = (1..=keys.len())
            .map(|at| format!("{at}{}", if rng.one_in(3) { " desc nulls last" } else { "" }))
            .collect();
        sql.push_str(&format!(" order by {}", order.join(", ")));
        if rng.one_in(3) {
            sql.push_str(&format!(" limit {}", 1 + rng.roll(4)));
            if rng.one_in(2) {
                sql.push_str(" offset 1");
            }
        }
    }
    Query::same(from.kind, sql, ordered)
}

fn distinct(rng: &mut Rng, schema: &Schema) -> Query {
    let from = from(rng, schema);
    let (Some(uid), Some(column)) = (
        from.scope.uid.clone(),
        from.scope.some(rng, |ty| matches!(ty, Ty::Int4 | Ty::Int8 | Ty::Date | Ty::Uuid)),
    ) else {
        return whole(rng, schema);
    };
    let filter = filter(rng, schema, &from.scope);
    let (with, rows) = (&from.with, &from.sql);
    let ours = format!("{with}select distinct {column} from {rows}{filter}");
    let truth = format!(
        "{with}select {column} from {rows}{filter} group by 1 having count(distinct {uid}) > 1"
    );
    Query { kind: "distinct", ours, truth, ordered: false }
}

/// Set operations of aggregates.
fn combined(rng: &mut Rng, schema: &Schema) -> Query {
    let mut part = || {
        let from = from(rng, schema);
        let filter = filter(rng, schema, &from.scope);
        let aggregate = int_aggregate(rng, schema, &from.scope);
        (from.with.is_empty()).then(|| format!("select {aggregate} from {}{filter}", from.sql))
    };
    let parts: Vec<String> = (0..3).filter_map(|_| part()).collect();
    let op = ["union all", "union", "except", "intersect"][rng.roll(4)];
    if parts.is_empty() {
        return whole(rng, schema);
    }
    Query::same("set operation", parts.join(&format!(" {op} ")), false)
}

fn int_aggregate(rng: &mut Rng, schema: &Schema, scope: &Scope) -> String {
    match rng.roll(3) {
        0 => "count(*)".to_owned(),
        1 => format!("coalesce(sum({}), 0)::bigint", int(rng, schema, scope)),
        _ => format!("count(*) filter (where {})", condition(rng, schema, scope, 1)),
    }
}

fn scalar(rng: &mut Rng, schema: &Schema) -> Query {
    let mut one = || {
        let from = from(rng, schema);
        let filter = filter(rng, schema, &from.scope);
        let aggregate = int_aggregate(rng, schema, &from.scope);
        format!("({}select {aggregate} from {}{filter})", from.with, from.sql)
    };
    let (a, b) = (one(), one());
    Query::same(
        "scalar",
        format!("select {a} as a, {b} - 1 as b, coalesce(nullif({a}, 0), 7)"),
        false,
    )
}

/// What PostgreSQL does with noisy numbers.
fn above(rng: &mut Rng, schema: &Schema) -> Query {
    let from = from(rng, schema);
    let Some((keys, _, tail)) = block(rng, schema, &from) else { return whole(rng, schema) };
    let inner = format!("select {} as k, count(*) as n{tail}", keys[0]);
    let list = [
        "k, n, rank() over (order by n desc) as r",
        "k, n, sum(n) over () as all_of_them",
        "max(n), min(n), count(*), sum(n)",
        "n, count(*) as how_often",
        "k, round(100.0 * n / sum(n) over (), 3)",
    ][rng.roll(5)];
    let group = if list.starts_with("n, count") { " group by n" } else { "" };
    let sql = if rng.one_in(2) && from.with.is_empty() {
        format!("with t as ({inner}) select {list} from t{group}")
    } else {
        format!("{}select {list} from ({inner}) t{group}", from.with)
    };
    Query::same("above", sql, false)
}

/// Random rows below a leaf.
fn from(rng: &mut Rng, schema: &Schema) -> From {
    let plain = |kind, sql: String, scope| From { kind, with: String::new(), sql, scope };
    match rng.roll(13) {
        0 | 1 => {
            let table = ["u", "c1", "c2", "g"][rng.roll(4)];
            plain("table", format!("{table} a"), Scope::of(schema, table, "a"))
        }
        2 | 3 => joined(rng, schema),
        4 | 5 => public(rng, schema),
        6 | 7 => per_person(rng, schema),
        8 => windowed(rng, schema),
        9 => first(rng, schema),
        10 => union(rng, schema),
        11 => {
            let scope = Scope::of(schema, "c1", "f");
            let filter = condition(rng, schema, &Scope::of(schema, "c1", "c1"), 1);
            let sql = format!("(select * from c1 where {filter}) f");
            plain("subquery", sql, scope)
        }
        _ => {
            let filter = condition(rng, schema, &Scope::of(schema, "c1", "c1"), 1);
            let with = format!("with f as (select * from c1 where {filter}) ");
            let mut scope = Scope::of(schema, "u", "a");
            scope.join(schema, "c1", "f");
            From { kind: "cte", with, sql: "u a join f on f.uid = a.uid".to_owned(), scope }
        }
    }
}

/// Private tables along the person.
fn joined(rng: &mut Rng, schema: &Schema) -> From {
    let (one, other, key) = [
        ("u", "c1", "uid"),
        ("u", "c2", "uid"),
        ("c1", "c2", "uid"),
        ("c1", "g", "cid"),
        ("c1", "c1", "cid"),
        ("c2", "c1", "uid"),
    ][rng.roll(6)];
    let mut scope = Scope::of(schema, one, "a");
    scope.join(schema, other, "b");
    let more = if rng.one_in(3) {
        format!(" and {}", condition(rng, schema, &scope, 0))
    } else {
        String::new()
    };
    let sql = match rng.roll(5) {
        0 => format!("{one} a left join {other} b on b.{key} = a.{key}{more}"),
        1 => format!("{other} b right join {one} a on a.{key} = b.{key}{more}"),
        2 => format!("{one} a join {other} b using ({key})"),
        _ => format!("{one} a join {other} b on a.{key} = b.{key}{more}"),
    };
    From { kind: "join", with: String::new(), sql, scope }
}

/// With public tables.
fn public(rng: &mut Rng, schema: &Schema) -> From {
    let table = ["u", "c1"][rng.roll(2)];
    // One person's row counts once in the person's own table, so it meets one row there.
    let place = if table == "u" { "p1" } else { ["p1", "p2"][rng.roll(2)] };
    let mut scope = Scope::of(schema, table, "a");
    scope.join(schema, place, "p");
    let join = ["join", "left join"][rng.roll(2)];
    let sql = match rng.roll(4) {
        0 => format!("{place} p join {table} a using (pid)"),
        _ => format!("{table} a {join} {place} p on p.pid = a.pid"),
    };
    From { kind: "public join", with: String::new(), sql, scope }
}

/// Grouped by the person first.
fn per_person(rng: &mut Rng, schema: &Schema) -> From {
    let table = ["c1", "c2"][rng.roll(2)];
    let inner = Scope::of(schema, table, "i");
    let filter = filter(rng, schema, &inner);
    let having = if rng.one_in(4) { " having count(*) > 1" } else { "" };
    let column = inner.some(rng, Ty::is_int);
    let (summed, largest) = match &column {
        Some(column) => (format!("coalesce(sum({column}), 0)"), format!("max({column})")),
        None => ("count(distinct i.uid)".to_owned(), "count(*)".to_owned()),
    };
    let met = condition(rng, schema, &inner, 0);
    let second = key(rng, schema, &inner);
    let by_two = rng.one_in(3);
    let more = if by_two { format!(", {second} as k") } else { String::new() };
    let group = if by_two { format!("i.uid, {second}") } else { "i.uid".to_owned() };
    let rows = format!(
        "(select i.uid{more}, count(*) as n, {summed} as s, {largest} as m, bool_or({met}) as b \
         from {table} i{filter} group by {group}{having}) t"
    );
    let mut scope = Scope::default();
    let mut sql = rows;
    scope.uid = Some("t.uid".to_owned());
    if rng.one_in(3) {
        scope = Scope::of(schema, "u", "a");
        sql = match rng.roll(3) {
            0 => format!("u a left join {sql} on t.uid = a.uid"),
            _ => format!("u a join {sql} on t.uid = a.uid"),
        };
    }
    let computed = [("n", Ty::Int8), ("s", Ty::Int8), ("m", Ty::Int8), ("b", Ty::Bool)];
    scope.items.extend(computed.map(|(name, ty)| Item { sql: format!("t.{name}"), ty }));
    From { kind: "per person", with: String::new(), sql, scope }
}

fn windowed(rng: &mut Rng, schema: &Schema) -> From {
    let scope = Scope::of(schema, "c1", "i");
    let order = scope.some(rng, |ty| ty != Ty::Bool).unwrap_or_else(|| "i.pid".to_owned());
    let summed = scope.some(rng, Ty::is_int).unwrap_or_else(|| "i.pid".to_owned());
    let window = match rng.roll(8) {
        0 => format!("row_number() over (partition by i.uid order by {order}, i.cid)"),
        1 => format!("rank() over (partition by i.uid order by {order} desc)"),
        2 => format!("dense_rank() over (partition by i.uid order by {order} nulls first)"),
        3 => format!("lag({summed}) over (partition by i.uid order by {order}, i.cid)"),
        4 => format!("sum({summed}) over (partition by i.uid order by {order})"),
        5 => "count(*) over (partition by i.uid)".to_owned(),
        6 => format!("first_value({summed}) over (partition by i.uid order by {order}, i.cid)"),
        _ => format!("max({summed}) over (partition by i.uid, {order})"),
    };
    let filter = filter(rng, schema, &scope);
    let columns: Vec<String> =
        schema.columns("c1").iter().map(|one| format!("i.{}", one.name)).collect();
    let sql = format!("(select i.uid, {}, {window} as w from c1 i{filter}) t", columns.join(", "));
    let mut scope = Scope { uid: Some("t.uid".to_owned()), depth: 1, ..Scope::default() };
    scope.items = schema
        .columns("c1")
        .iter()
        .map(|one| Item { sql: format!("t.{}", one.name), ty: one.ty })
        .collect();
    // A window has no bounds of its own.
    let computed = ["t.w", "least(greatest(t.w, -5000), 5000)"];
    scope.items.push(Item { sql: computed[usize::from(rng.roll(4) > 0)].to_owned(), ty: Ty::Int8 });
    From { kind: "window", with: String::new(), sql, scope }
}

/// Each person's first row.
fn first(rng: &mut Rng, schema: &Schema) -> From {
    let scope = Scope::of(schema, "c1", "i");
    let order = scope.some(rng, |_| true).unwrap_or_else(|| "i.pid".to_owned());
    let filter = filter(rng, schema, &scope);
    let columns: Vec<String> =
        schema.columns("c1").iter().map(|one| format!("i.{}", one.name)).collect();
    let sql = format!(
        "(select distinct on (i.uid) i.uid, {} from c1 i{filter} order by i.uid, {order}, i.cid) t",
        columns.join(", ")
    );
    let mut scope = Scope { uid: Some("t.uid".to_owned()), depth: 1, ..Scope::default() };
    scope.items = schema
        .columns("c1")
        .iter()
        .map(|one| Item { sql: format!("t.{}", one.name), ty: one.ty })
        .collect();
    From { kind: "distinct on", with: String::new(), sql, scope }
}

fn union(rng: &mut Rng, schema: &Schema) -> From {
    let mut part = |table: &str| {
        let scope = Scope::of(schema, table, "i");
        let filter = filter(rng, schema, &scope);
        let value = int(rng, schema, &scope);
        format!(
            "select i.uid as who, ({value})::bigint as v, '{table}' as kind from {table} i{filter}"
        )
    };
    let sql = format!("({} union all {}) t", part("c1"), part("c2"));
    let items = [("v", Ty::Int8), ("kind", Ty::Text)];
    let items = items.map(|(name, ty)| Item { sql: format!("t.{name}"), ty }).to_vec();
    let scope = Scope { items, uid: Some("t.who".to_owned()), depth: 1, ..Scope::default() };
    From { kind: "union", with: String::new(), sql, scope }
}
