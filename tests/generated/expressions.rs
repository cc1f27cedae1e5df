//! Random expressions over the columns of some rows.
//!
//! They stay where PostgreSQL's answer is the proxy's: nothing overflows, divides by zero or is
//! rounded in a way that the documentation tells apart.

use crate::Rng;
use crate::schema::{Schema, Ty};

/// A column that can be named.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) sql: String,
    pub(crate) ty: Ty,
}

/// Rows that expressions are over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) items: Vec<Item>,
    /// The person's key.
    pub(crate) uid: Option<String>,
    /// The key of a row of `c1`.
    pub(crate) cid: Option<String>,
    /// The key of a place.
    pub(crate) pid: Option<String>,
    /// How deep subqueries may nest.
    pub(crate) depth: u32,
}

impl Scope {
    pub(crate) fn some(&self, rng: &mut Rng, wanted: impl Fn(Ty) -> bool) -> Option<String> {
        let found: Vec<&Item> = self.items.iter().filter(|item| wanted(item.ty)).collect();
        if found.is_empty() { None } else { Some(rng.pick(&found).sql.clone()) }
    }

    fn add(&mut self, schema: &Schema, table: &str, alias: &str) {
        self.items.extend(
            schema
                .columns(table)
                .iter()
                .map(|column| Item { sql: format!("{alias}.{}", column.name), ty: column.ty }),
        );
    }

    /// The columns of one private table under an alias.
    pub(crate) fn of(schema: &Schema, table: &str, alias: &str) -> Self {
        let mut scope = Self { depth: 1, ..Self::default() };
        scope.join(schema, table, alias);
        scope
    }

    /// With those of another table beside them.
    pub(crate) fn join(&mut self, schema: &Schema, table: &str, alias: &str) {
        self.add(schema, table, alias);
        let key = |name: &str| Some(format!("{alias}.{name}"));
        match table {
            "u" => {
                self.uid = self.uid.take().or_else(|| key("uid"));
                self.pid = self.pid.take().or_else(|| key("pid"));
            }
            "c1" => {
                self.uid = self.uid.take().or_else(|| key("uid"));
                self.cid = self.cid.take().or_else(|| key("cid"));
                self.pid = self.pid.take().or_else(|| key("pid"));
            }
            "c2" => self.uid = self.uid.take().or_else(|| key("uid")),
            "g" => self.cid = self.cid.take().or_else(|| key("cid")),
            "p1" => {
                for (name, ty) in [("label", Ty::Text), ("region", Ty::Text), ("weight", Ty::Int4)]
                {
                    self.items.push(Item { sql: format!("{alias}.{name}"), ty });
                }
            }
            _ => self.items.push(Item { sql: format!("{alias}.rate"), ty: Ty::Fixed }),
        }
    }
}

/// A whole number that stays small.
pub(crate) fn int(rng: &mut Rng, schema: &Schema, scope: &Scope) -> String {
    let Some(column) = scope.some(rng, Ty::is_int) else {
        return match scope.some(rng, Ty::is_text) {
            Some(text) => format!("least(greatest(length({text}), 0), 9)"),
            None => rng.roll(9).to_string(),
        };
    };
    let other = scope.some(rng, Ty::is_int).unwrap_or_else(|| column.clone());
    let number = 2 + rng.roll(5);
    match rng.roll(14) {
        0 => format!("{column} + {number}"),
        1 => format!("{column} * {number} - {other}"),
        2 => format!("({column} - {other})"),
        3 => format!("{column} / {number}"),
        4 => format!("{column} % {number}"),
        5 => format!("abs({column})"),
        6 => format!("coalesce({column}, {number})"),
        7 => format!("greatest({column}, {number})"),
        8 => format!("least({column}, {other}, {number})"),
        9 => format!("nullif({column}, {other})"),
        10 => format!(
            "case when {} then {column} else {number} end",
            condition(rng, schema, scope, 1)
        ),
        11 => format!("-{column}"),
        12 if rng.one_in(3) => format!("{column} / nullif({other}, 0)"),
        _ => column,
    }
}

/// A number whose sum is exact.
pub(crate) fn number(rng: &mut Rng, schema: &Schema, scope: &Scope) -> String {
    let exact = |ty: Ty| matches!(ty, Ty::Fixed | Ty::Numeric | Ty::Real | Ty::Double);
    let Some(column) = scope.some(rng, exact) else { return int(rng, schema, scope) };
    match rng.roll(12) {
        0 => format!("abs({column})"),
        1 => format!("{column} + 1"),
        2 => format!("floor({column})"),
        3 => format!("ceil({column})"),
        4 => format!("coalesce({column}, 0)"),
        5 => format!("greatest({column}, 0)"),
        6 => format!("round({column}::numeric, 1)"),
        7 => format!("case when {} then {column} end", condition(rng, schema, scope, 1)),
        8 => format!("{column}::numeric * 2"),
        9 => int(rng, schema, scope),
        _ => column,
    }
}

fn comparison(rng: &mut Rng) -> &'static str {
    ["=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"][rng.roll(8)]
}

/// A condition over the rows, and over rows beside them.
pub(crate) fn condition(rng: &mut Rng, schema: &Schema, scope: &Scope, depth: u32) -> String {
    if depth > 0 && rng.one_in(3) {
        let mut more = || condition(rng, schema, scope, depth - 1);
        let (a, b) = (more(), more());
        return match rng.roll(7) {
            0 | 1 => format!("({a} and {b})"),
            2 | 3 => format!("({a} or {b})"),
            4 => format!("not ({a})"),
            5 => format!("({a}) is not true"),
            _ => format!("case when {a} then {b} else false end"),
        };
    }
    if scope.depth > 0
        && rng.one_in(4)
        && let Some(found) = subquery(rng, schema, scope)
    {
        return found;
    }
    let Some(item) = (!scope.items.is_empty()).then(|| rng.pick(&scope.items).clone()) else {
        return "true".to_owned();
    };
    let (column, ty) = (item.sql, item.ty);
    match rng.roll(9) {
        0 => format!("{column} is null"),
        1 => format!("{column} is not null"),
        2 => format!("{column} between {} and {}", literal(rng, ty), literal(rng, ty)),
        3 => format!("{column} in ({}, {})", literal(rng, ty), literal(rng, ty)),
        4 => format!("{column} not in ({}, {})", literal(rng, ty), literal(rng, ty)),
        5 if ty.is_text() => {
            let pattern = ["a%", "%b", "_", "%''%", "x\\_%", "%"][rng.roll(6)];
            let like = ["like", "not like", "ilike"][rng.roll(3)];
            format!("{column} {like} '{pattern}'")
        }
        5 if ty == Ty::Bool => {
            format!("{column} {}", ["is true", "is not false", "is unknown"][rng.roll(3)])
        }
        5 => {
            let (one, other) = (int(rng, schema, scope), int(rng, schema, scope));
            format!("{one} {} {other}", comparison(rng))
        }
        6 if ty.is_time() => format!("extract(year from {column}) > 2010"),
        6 if ty.is_text() => format!("length({column}) > {}", rng.roll(3)),
        6 => {
            let one = number(rng, schema, scope);
            format!("{one} {} {}", comparison(rng), rng.roll(20))
        }
        _ => format!("{column} {} {}", comparison(rng), literal(rng, ty)),
    }
}

/// A literal as it is compared with.
fn literal(rng: &mut Rng, ty: Ty) -> String {
    let text = ty.literal(rng);
    match ty {
        Ty::Date => format!("date {text}"),
        Ty::Timestamp => format!("timestamp {text}"),
        Ty::Timestamptz => format!("timestamptz {text}"),
        _ => text,
    }
}

/// EXISTS and IN along the person, a row of `c1`, or a place.
fn subquery(rng: &mut Rng, schema: &Schema, scope: &Scope) -> Option<String> {
    let not = if rng.one_in(3) { "not " } else { "" };
    let alias = format!("x{}", scope.depth);
    let (table, key, outer) = match (rng.roll(5), &scope.uid, &scope.cid, &scope.pid) {
        (0, Some(uid), ..) => ("c1", "uid", uid),
        (1, Some(uid), ..) => ("c2", "uid", uid),
        (2, Some(uid), ..) => ("u", "uid", uid),
        (3, _, Some(cid), _) => (["g", "c1"][rng.roll(2)], "cid", cid),
        (4, .., Some(pid)) => ("p1", "pid", pid),
        _ => return None,
    };
    let mut inner = Scope::of(schema, table, &alias);
    inner.depth = scope.depth - 1;
    let own = condition(rng, schema, &inner, 1);
    if rng.one_in(3) && (not.is_empty() || table == "p1") {
        return Some(format!(
            "{outer} {not}in (select {alias}.{key} from {table} {alias} where {own})"
        ));
    }
    // Conditions of the inner query may read the outer row.
    inner.items.extend(scope.items.iter().cloned());
    let both = if rng.one_in(2) {
        format!(" and {}", condition(rng, schema, &inner, 0))
    } else {
        String::new()
    };
    Some(format!(
        "{not}exists (select 1 from {table} {alias} where {alias}.{key} = {outer} and {own}{both})"
    ))
}

/// Something to group by: a lone number would be the place of a column.
pub(crate) fn key(rng: &mut Rng, schema: &Schema, scope: &Scope) -> String {
    let key = any_key(rng, schema, scope);
    if key.parse::<u32>().is_ok() { format!("{key} + 0") } else { key }
}

fn any_key(rng: &mut Rng, schema: &Schema, scope: &Scope) -> String {
    match rng.roll(10) {
        0 => format!("({})", condition(rng, schema, scope, 1)),
        1 => format!("case when {} then 'yes' else 'no' end", condition(rng, schema, scope, 1)),
        2 => match scope.some(rng, Ty::is_time) {
            Some(time) => format!("extract(month from {time})"),
            None => int(rng, schema, scope),
        },
        3 => match scope.some(rng, |ty| matches!(ty, Ty::Timestamp | Ty::Timestamptz)) {
            Some(time) => format!("date_trunc('month', {time})"),
            None => int(rng, schema, scope),
        },
        4 => match scope.some(rng, Ty::is_text) {
            Some(text) => {
                let forms = ["lower({})", "left({}, 1)", "upper({}) || '!'", "length({})"];
                rng.pick(&forms).replace("{}", &text)
            }
            None => int(rng, schema, scope),
        },
        5 => int(rng, schema, scope),
        _ => match scope.some(rng, |ty| ty != Ty::Real) {
            Some(column) => column,
            None => int(rng, schema, scope),
        },
    }
}

/// An aggregate; each has the same value for no rows as PostgreSQL's.
pub(crate) fn aggregate(rng: &mut Rng, schema: &Schema, scope: &Scope) -> String {
    let filter = if rng.one_in(4) {
        format!(" filter (where {})", condition(rng, schema, scope, 1))
    } else {
        String::new()
    };
    match rng.roll(8) {
        0 => format!("count(*){filter}"),
        1 => match (rng.one_in(2), &scope.uid) {
            (true, Some(uid)) => format!("count(distinct {uid}){filter}"),
            _ => match scope.some(rng, |_| true) {
                Some(column) => format!("count({column}){filter}"),
                None => format!("count(*){filter}"),
            },
        },
        2 | 3 => format!("coalesce(sum({}){filter}, 0)", int(rng, schema, scope)),
        4 => format!("coalesce(sum({}){filter}, 0)", number(rng, schema, scope)),
        5 => format!("round(avg({}){filter}, 6)", int(rng, schema, scope)),
        6 => format!("round((avg({}){filter})::numeric, 5)", number(rng, schema, scope)),
        _ => format!("count(*){filter}"),
    }
}
