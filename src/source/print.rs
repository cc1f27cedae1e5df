//! Expressions as SQL for the source, each in a form that raises for no row.
//!
//! Where PostgreSQL's own operator could fail (overflow, division by zero, dates out of range) the
//! type is widened to numeric or the value becomes NULL. Operators are written with their schema,
//! so that nothing on the source's search path can stand in for them.

use noisegate_privacy::expr::{Column, Expr, Function, Node, ShiftBy, Type};
use noisegate_privacy::plan::Scan;

use crate::quote::{ident, literal};

/// The first and last instant that times are cast and truncated for.
const TIME_RANGE: (&str, &str) = ("4000-01-01 BC", "290000-01-01");
/// The first and last instant that is moved, by at most `SHIFT_DAYS_MAX`: the result is a date.
const SHIFT_RANGE: (&str, &str) = ("0001-01-01", "280000-01-01");
/// About four thousand years. What is to be moved further becomes NULL, whatever the row.
const SHIFT_DAYS_MAX: i64 = 1_461_000;
/// The most bytes of a JSON value that is a group key; larger ones become NULL.
const JSON_KEY_BYTES: u32 = 8_192;
/// The most digits after the point of a column that is computed with; the rest is rounded.
const PLACES_MAX: u32 = 1_000;
/// The largest parameter that is computed with; larger ones become NULL.
const PARAMETER_MAX: &str = "1e90";

/// Prints expressions over scans, whose aliases are `t` and their number.
pub(crate) struct Printer<'a> {
    /// The scans, which an EXISTS looks at.
    pub(crate) scans: &'a [Scan],
    /// The SQL of a column.
    pub(crate) column: &'a dyn Fn(&Column) -> String,
}

fn column(column: &Column) -> String {
    format!("t{}.{}", column.scan, ident(&column.name))
}

impl<'a> Printer<'a> {
    /// A printer over scans under their aliases.
    pub(crate) fn over(scans: &'a [Scan]) -> Self {
        Self { scans, column: &column }
    }
}

impl Printer<'_> {
    /// The expression's SQL, in parentheses where needed.
    pub(crate) fn expr(&self, expr: &Expr) -> String {
        match &expr.node {
            Node::Column(column) => (self.column)(column),
            Node::Constant(Some(text)) => constant(text, &expr.ty),
            Node::Constant(None) => format!("NULL::{}", expr.ty.name()),
            Node::Parameter(number) => parameter(*number, &expr.ty),
            Node::Call(function, args) => self.call(function, args, &expr.ty),
            Node::Exists(exists) => super::relation::exists(self.scans, exists),
        }
    }

    /// The expression as a group key: exactly of its type.
    pub(crate) fn key(&self, expr: &Expr) -> String {
        let printed = self.value(expr);
        match &expr.ty {
            // Every collation that tells values apart does so by their bytes, and so does this one;
            // under one that does not, equal keys could look different.
            Type::Text(_) => format!("({printed} COLLATE pg_catalog.\"C\")"),
            // Keys are told apart by how they look, and a JSON number of few bytes can look like a
            // text of many. What is read from the whole value is not compressed, so it has its size.
            Type::Other(name) if name == "jsonb" => format!(
                "(CASE WHEN pg_catalog.pg_column_size({printed} OPERATOR(pg_catalog.#>) \
                 '{{}}'::pg_catalog.text[]) OPERATOR(pg_catalog.<=) {JSON_KEY_BYTES} \
                 THEN {printed} END)"
            ),
            _ => printed,
        }
    }

    /// The expression as a value of exactly its type.
    pub(crate) fn value(&self, expr: &Expr) -> String {
        let printed = self.expr(expr);
        match (&expr.node, &expr.ty) {
            (_, Type::Int(_)) => self.whole(expr),
            (Node::Call(..), Type::Float(size)) => {
                if prints_float(expr) {
                    printed
                } else {
                    to_float(&printed, *size)
                }
            }
            _ => printed,
        }
    }

    /// The expression as numeric, where arithmetic is exact and does not overflow.
    pub(crate) fn number(&self, expr: &Expr) -> String {
        let printed = match &expr.node {
            Node::Column(column) if needs_clip(column, &expr.ty) => self.clipped(column, &expr.ty),
            Node::Parameter(_) if matches!(expr.ty, Type::Numeric(_)) => {
                let printed = self.expr(expr);
                format!(
                    "(CASE WHEN {printed} BETWEEN -{PARAMETER_MAX} AND {PARAMETER_MAX} \
                     THEN {printed} END)"
                )
            }
            _ => self.expr(expr),
        };
        if matches!(expr.ty, Type::Numeric(_)) { printed } else { format!("({printed})::numeric") }
    }

    /// A column of unlimited size, held to its declared bounds and to so many places that no row
    /// takes much longer than others. NaN counts as the greatest number
    /// in PostgreSQL and becomes the upper bound; NULL stays NULL.
    fn clipped(&self, column: &Column, ty: &Type) -> String {
        let name = (self.column)(column);
        match &column.bounds {
            Some((low, high)) => {
                let number = if *ty == Type::Numeric(None) {
                    format!(
                        "CASE WHEN pg_catalog.scale({name}) OPERATOR(pg_catalog.>) {PLACES_MAX} \
                         THEN pg_catalog.round({name}, {PLACES_MAX}) ELSE {name} END"
                    )
                } else {
                    format!("({name})::numeric")
                };
                format!(
                    "(CASE WHEN {name} IS NOT NULL THEN LEAST(GREATEST({number}, \
                     ({low})::numeric), ({high})::numeric) END)"
                )
            }
            None => name,
        }
    }

    fn call(&self, function: &Function, args: &[Expr], ty: &Type) -> String {
        let at = |index: usize| args.get(index).map(|arg| self.expr(arg)).unwrap_or_default();
        let number = |index: usize| args.get(index).map(|arg| self.number(arg)).unwrap_or_default();
        // Each argument is printed once, whatever the function: printing twice at each level of an
        // expression would take time without end.
        let sides = || {
            let mut sides = self.compared(args).into_iter();
            (sides.next().unwrap_or_default(), sides.collect::<Vec<_>>().join(", "))
        };
        let between = |word: &str| {
            let (first, second) = sides();
            format!("({first} {word} {second})")
        };
        let compare = |op: &str| between(&format!("OPERATOR(pg_catalog.{op})"));
        let all = || args.iter().map(|arg| self.expr(arg)).collect::<Vec<_>>();
        match function {
            Function::Eq => compare("="),
            Function::Ne => compare("<>"),
            Function::Lt => compare("<"),
            Function::Le => compare("<="),
            Function::Gt => compare(">"),
            Function::Ge => compare(">="),
            Function::Distinct => between("IS DISTINCT FROM"),
            Function::NotDistinct => between("IS NOT DISTINCT FROM"),
            Function::And => format!("({})", all().join(" AND ")),
            Function::Or => format!("({})", all().join(" OR ")),
            Function::Not => format!("(NOT {})", at(0)),
            Function::IsNull => format!("({} IS NULL)", at(0)),
            Function::IsNotNull => format!("({} IS NOT NULL)", at(0)),
            Function::IsTrue => format!("({} IS TRUE)", at(0)),
            Function::IsNotTrue => format!("({} IS NOT TRUE)", at(0)),
            Function::IsFalse => format!("({} IS FALSE)", at(0)),
            Function::IsNotFalse => format!("({} IS NOT FALSE)", at(0)),
            Function::In if is_array(args) => format!("({} = ANY ({}))", sides().0, at(1)),
            Function::NotIn if is_array(args) => format!("({} <> ALL ({}))", sides().0, at(1)),
            Function::In | Function::NotIn => {
                let (first, rest) = sides();
                let word = if *function == Function::In { "IN" } else { "NOT IN" };
                format!("({first} {word} ({rest}))")
            }
            Function::Add => format!("({} OPERATOR(pg_catalog.+) {})", number(0), number(1)),
            Function::Sub => format!("({} OPERATOR(pg_catalog.-) {})", number(0), number(1)),
            Function::Mul => format!("({} OPERATOR(pg_catalog.*) {})", number(0), number(1)),
            Function::Div if matches!(ty, Type::Int(_)) => {
                format!("pg_catalog.div({}, NULLIF({}, 0))", number(0), number(1))
            }
            Function::Div => {
                format!("({} OPERATOR(pg_catalog./) NULLIF({}, 0))", number(0), number(1))
            }
            Function::Mod => format!("pg_catalog.mod({}, NULLIF({}, 0))", number(0), number(1)),
            Function::Neg => format!("(OPERATOR(pg_catalog.-) {})", number(0)),
            Function::Case => self.case(args, ty),
            Function::Coalesce => format!("COALESCE({})", self.same(args, ty)),
            Function::Least => format!("LEAST({})", self.same(args, ty)),
            Function::Greatest => format!("GREATEST({})", self.same(args, ty)),
            // What is compared is the column as it is, what is computed with is within its bounds.
            Function::NullIf if ty.is_number() => {
                format!("(CASE WHEN {} THEN NULL ELSE {} END)", compare("="), number(0))
            }
            Function::NullIf => {
                let (first, second) = sides();
                format!("NULLIF({first}, {second})")
            }
            Function::Like => self.like(args, "~~"),
            Function::NotLike => self.like(args, "!~~"),
            Function::ILike => self.like(args, "~~*"),
            Function::NotILike => self.like(args, "!~~*"),
            Function::Listed(row) => self.listed(row, args),
            Function::Shift { forward, by } => self.shift(args, *forward, by, ty),
            Function::Cast => self.cast(args, ty),
        }
    }

    fn case(&self, args: &[Expr], ty: &Type) -> String {
        let mut sql = "(CASE".to_owned();
        for pair in args.chunks(2) {
            match pair {
                [condition, value] => {
                    sql.push_str(&format!(
                        " WHEN {} THEN {}",
                        self.expr(condition),
                        self.as_type(value, ty)
                    ));
                }
                [default] => sql.push_str(&format!(" ELSE {}", self.as_type(default, ty))),
                _ => {}
            }
        }
        sql.push_str(" END)");
        sql
    }

    fn same(&self, args: &[Expr], ty: &Type) -> String {
        args.iter().map(|arg| self.as_type(arg, ty)).collect::<Vec<_>>().join(", ")
    }

    /// Numbers of mixed types become numeric, as the arithmetic below them did; times become the
    /// type of the whole, since PostgreSQL's own way to a common type raises for distant dates.
    fn as_type(&self, expr: &Expr, ty: &Type) -> String {
        let same = expr.ty == *ty;
        if matches!(expr.node, Node::Constant(None)) {
            let ty = if ty.is_number() { &Type::Numeric(None) } else { ty };
            format!("NULL::{}", ty.name())
        } else if ty.is_number() && expr.ty.is_number() {
            self.number(expr)
        } else if ty.is_time() && expr.ty.is_time() && !same {
            format!("({})::{}", self.within(std::slice::from_ref(expr), TIME_RANGE), ty.name())
        } else {
            self.expr(expr)
        }
    }

    /// The sides of a comparison. PostgreSQL compares a number with a binary one as binary numbers,
    /// and a large number is none; so such sides are compared as numbers.
    fn compared(&self, args: &[Expr]) -> Vec<String> {
        let numbers = args.iter().filter(|arg| arg.ty.is_number());
        let floats = numbers.clone().filter(|arg| prints_float(arg)).count();
        let mixed = floats > 0 && floats < numbers.count();
        let ty = args.first().map(|first| &first.ty);
        args.iter()
            .map(|arg| match (&arg.node, ty) {
                (Node::Constant(None), Some(ty)) => format!("NULL::{}", ty.name()),
                _ if mixed && arg.ty.is_number() => self.number(arg),
                _ => self.expr(arg),
            })
            .collect()
    }

    /// A time that is cast or moved only within a range that no type of time ends in; NULL beyond.
    /// Constants too: a cast that depends on the time zone is not made before the rows are read.
    fn within(&self, args: &[Expr], range: (&str, &str)) -> String {
        let Some(arg) = args.first() else { return String::new() };
        let (printed, ty) = (self.expr(arg), arg.ty.name());
        format!(
            "(CASE WHEN {printed} BETWEEN '{}'::{ty} AND '{}'::{ty} THEN {printed} END)",
            range.0, range.1
        )
    }

    fn shift(&self, args: &[Expr], forward: bool, by: &ShiftBy, ty: &Type) -> String {
        let (days, by) = match by {
            ShiftBy::Days(days) => (Some(i64::from(*days)), format!("({days})")),
            ShiftBy::Interval(text) => {
                (interval_days(text), format!("{}::interval", literal(text)))
            }
        };
        if days.is_none_or(|days| days.abs() > SHIFT_DAYS_MAX) {
            return format!("NULL::{}", ty.name());
        }
        let op = if forward { "+" } else { "-" };
        format!("({} OPERATOR(pg_catalog.{op}) {by})", self.within(args, SHIFT_RANGE))
    }

    /// A pattern that ends in a lone escape character would raise for some rows only.
    fn like(&self, args: &[Expr], op: &str) -> String {
        let [value, pattern] = args else { return String::new() };
        let printed = match &pattern.node {
            Node::Constant(Some(text)) => {
                let escapes = text.len() - text.trim_end_matches('\\').len();
                let kept = if escapes % 2 == 1 { text.get(..text.len() - 1) } else { None };
                constant(kept.unwrap_or(text), &pattern.ty)
            }
            _ => format!(
                "pg_catalog.regexp_replace({}, '^((.*[^\\\\])?(\\\\\\\\)*)\\\\$', '\\1')",
                self.expr(pattern)
            ),
        };
        // Without regard to case, PostgreSQL makes a copy of the text that is longer.
        let value = if op.ends_with('*') { self.held(value) } else { self.expr(value) };
        format!("({value} OPERATOR(pg_catalog.{op}) {printed})")
    }

    fn cast(&self, args: &[Expr], to: &Type) -> String {
        let Some(arg) = args.first() else { return String::new() };
        match (&arg.ty, to) {
            // Integers stay numeric inside; `key` makes them integers again. A cast from a number
            // with a fraction rounds, as PostgreSQL's does.
            // Binary numbers are rounded as such: halves to the even side.
            (Type::Float(_), Type::Int(_)) if prints_float(arg) => {
                format!("(pg_catalog.round(({})::double precision))::numeric", self.expr(arg))
            }
            (Type::Numeric(_) | Type::Float(_), Type::Int(_)) => {
                format!("pg_catalog.round({}, 0)", self.number(arg))
            }
            (Type::Int(_), Type::Int(_)) => self.number(arg),
            (from, Type::Numeric(_)) if from.is_number() => self.number(arg),
            (Type::Float(_), Type::Float(8)) if prints_float(arg) => {
                format!("({})::double precision", self.expr(arg))
            }
            (Type::Int(_), Type::Float(8)) if prints_whole(arg) => {
                format!("({})::double precision", self.expr(arg))
            }
            (Type::Numeric(Some((precision, scale))), Type::Float(8))
                if *precision <= 300 && *scale <= 300 && arg.as_column().is_some() =>
            {
                format!("({})::double precision", self.expr(arg))
            }
            (from, Type::Float(size)) if from.is_number() => to_float(&self.number(arg), *size),
            (from, to) if from.is_time() && to.is_time() => {
                format!("({})::{}", self.within(args, TIME_RANGE), to.name())
            }
            _ => format!("({})::{}", self.expr(arg), to.name()),
        }
    }
}

/// Whether a membership test is against one array.
fn is_array(args: &[Expr]) -> bool {
    matches!(args, [_, set] if set.ty.is_array())
}

fn needs_clip(column: &Column, ty: &Type) -> bool {
    matches!(ty, Type::Numeric(None) | Type::Float(_)) && column.bounds.is_some()
}

/// Whether the printed SQL is of a binary type: computed values are numeric whatever their type.
pub(super) fn prints_float(expr: &Expr) -> bool {
    match &expr.node {
        Node::Call(Function::Listed(row), _) => matches!(expr.ty, Type::Float(_)) && !row.wide,
        Node::Call(Function::Cast, _)
        | Node::Column(_)
        | Node::Constant(_)
        | Node::Parameter(_) => {
            matches!(expr.ty, Type::Float(_))
        }
        Node::Call(..) | Node::Exists(_) => false,
    }
}

/// Whether the printed SQL is of a whole type.
pub(super) fn prints_whole(expr: &Expr) -> bool {
    matches!(expr.ty, Type::Int(_))
        && match &expr.node {
            Node::Call(Function::Listed(row), _) => !row.wide,
            Node::Column(_) | Node::Constant(_) | Node::Parameter(_) => true,
            Node::Call(..) | Node::Exists(_) => false,
        }
}

/// A number as a binary one: the least ones become zero, too large ones NULL.
pub(super) fn to_float(number: &str, size: u8) -> String {
    let (least, most, name) = match size {
        4 => ("1e-37", "1e38", "real"),
        _ => ("1e-307", "1e308", "double precision"),
    };
    format!(
        "(CASE WHEN {number} BETWEEN -{least} AND {least} THEN 0::{name} \
         WHEN {number} BETWEEN -{most} AND {most} THEN ({number})::{name} END)"
    )
}

/// The days that an interval of plain fields can have at most, as the binder lets them pass.
fn interval_days(text: &str) -> Option<i64> {
    let mut days = 0_i64;
    let mut number = None;
    for word in text.split_ascii_whitespace() {
        if let Some((hours, _)) = word.split_once(':') {
            days = days.checked_add(hours.parse::<i64>().ok()?.abs() / 24 + 1)?;
            continue;
        }
        if let Ok(value) = word.parse::<i64>() {
            number = Some(value.checked_abs()?);
            continue;
        }
        let each = match word.trim_end_matches('s') {
            "year" => 366,
            "mon" | "month" => 31,
            "week" => 7,
            _ => 1,
        };
        days = days.checked_add(number.take()?.checked_mul(each)?)?;
    }
    Some(days)
}

/// A value as exactly of a key's type.
pub(crate) fn of_type(sql: &str, ty: &Type) -> String {
    match ty {
        Type::Text(_) => format!("({sql}::{} COLLATE pg_catalog.\"C\")", ty.name()),
        _ => format!("{sql}::{}", ty.name()),
    }
}

fn constant(text: &str, ty: &Type) -> String {
    format!("{}::{}", literal(text), ty.name())
}

/// Parameters travel as values; `$1` on the source is the statement's time, which is parameter 0.
fn parameter(number: usize, ty: &Type) -> String {
    format!("(${})::{}", number.saturating_add(1), ty.name())
}
