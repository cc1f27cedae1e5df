//! Expressions as SQL for the source, each in a form that raises for no row.
//!
//! Where PostgreSQL's own operator could fail (overflow, division by zero, dates out of range) the
//! type is widened to numeric or the value becomes NULL. Operators are written with their schema,
//! so that nothing on the source's search path can stand in for them.

use noisegate_privacy::expr::{Column, Expr, Function, Node, ShiftBy, Type};

/// The first and last instant that arithmetic on times is done for.
const TIME_RANGE: (&str, &str) = ("4000-01-01 BC", "290000-01-01");

/// Prints expressions over the aliases that `column` gives.
pub(crate) struct Printer<'a> {
    /// The SQL of a column.
    pub(crate) column: &'a dyn Fn(&Column) -> String,
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
        }
    }

    /// The expression as a group key: exactly of its type.
    pub(crate) fn key(&self, expr: &Expr) -> String {
        let printed = self.expr(expr);
        match (&expr.node, &expr.ty) {
            (Node::Call(..), Type::Int(size)) => {
                let (low, high) = match size {
                    2 => ("-32768", "32767"),
                    4 => ("-2147483648", "2147483647"),
                    _ => ("-9223372036854775808", "9223372036854775807"),
                };
                format!(
                    "(CASE WHEN {printed} BETWEEN {low} AND {high} THEN ({printed})::{} END)",
                    expr.ty.name()
                )
            }
            (Node::Call(..), Type::Float(_)) => format!("({printed})::{}", expr.ty.name()),
            _ => printed,
        }
    }

    /// The expression as numeric, where arithmetic is exact and does not overflow.
    pub(crate) fn number(&self, expr: &Expr) -> String {
        let printed = match expr.as_column() {
            Some(column) if needs_clip(column, &expr.ty) => self.clipped(column),
            _ => self.expr(expr),
        };
        if matches!(expr.ty, Type::Numeric(_)) { printed } else { format!("({printed})::numeric") }
    }

    /// A column of unlimited size, held to its declared bounds. NaN counts as the greatest number
    /// in PostgreSQL and becomes the upper bound; NULL stays NULL.
    fn clipped(&self, column: &Column) -> String {
        let name = (self.column)(column);
        match &column.bounds {
            Some((low, high)) => format!(
                "(CASE WHEN {name} IS NOT NULL THEN LEAST(GREATEST(({name})::numeric, \
                 ({low})::numeric), ({high})::numeric) END)"
            ),
            None => name,
        }
    }

    fn call(&self, function: &Function, args: &[Expr], ty: &Type) -> String {
        let at = |index: usize| args.get(index).map(|arg| self.expr(arg)).unwrap_or_default();
        let number = |index: usize| args.get(index).map(|arg| self.number(arg)).unwrap_or_default();
        let infix = |op: &str| format!("({} OPERATOR(pg_catalog.{op}) {})", at(0), at(1));
        let all = || args.iter().map(|arg| self.expr(arg)).collect::<Vec<_>>();
        match function {
            Function::Eq => infix("="),
            Function::Ne => infix("<>"),
            Function::Lt => infix("<"),
            Function::Le => infix("<="),
            Function::Gt => infix(">"),
            Function::Ge => infix(">="),
            Function::Distinct => format!("({} IS DISTINCT FROM {})", at(0), at(1)),
            Function::NotDistinct => format!("({} IS NOT DISTINCT FROM {})", at(0), at(1)),
            Function::And => format!("({})", all().join(" AND ")),
            Function::Or => format!("({})", all().join(" OR ")),
            Function::Not => format!("(NOT {})", at(0)),
            Function::IsNull => format!("({} IS NULL)", at(0)),
            Function::IsNotNull => format!("({} IS NOT NULL)", at(0)),
            Function::IsTrue => format!("({} IS TRUE)", at(0)),
            Function::IsNotTrue => format!("({} IS NOT TRUE)", at(0)),
            Function::IsFalse => format!("({} IS FALSE)", at(0)),
            Function::IsNotFalse => format!("({} IS NOT FALSE)", at(0)),
            Function::In if is_array(args) => format!("({} = ANY ({}))", at(0), at(1)),
            Function::NotIn if is_array(args) => format!("({} <> ALL ({}))", at(0), at(1)),
            Function::In => format!("({} IN ({}))", at(0), rest(all())),
            Function::NotIn => format!("({} NOT IN ({}))", at(0), rest(all())),
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
            Function::Abs => format!("pg_catalog.abs({})", number(0)),
            Function::Floor => format!("pg_catalog.floor({})", number(0)),
            Function::Ceil => format!("pg_catalog.ceil({})", number(0)),
            Function::Round(places) => format!("pg_catalog.round({}, {places})", number(0)),
            Function::Trunc(places) => format!("pg_catalog.trunc({}, {places})", number(0)),
            Function::Case => self.case(args, ty),
            Function::Coalesce => format!("COALESCE({})", self.same(args, ty)),
            Function::Least => format!("LEAST({})", self.same(args, ty)),
            Function::Greatest => format!("GREATEST({})", self.same(args, ty)),
            Function::NullIf => format!("NULLIF({}, {})", at(0), at(1)),
            Function::Like => like(&at(0), "~~", &at(1)),
            Function::NotLike => like(&at(0), "!~~", &at(1)),
            Function::ILike => like(&at(0), "~~*", &at(1)),
            Function::NotILike => like(&at(0), "!~~*", &at(1)),
            Function::Concat => infix("||"),
            Function::TextFunction(name) => format!("pg_catalog.{name}({})", at(0)),
            Function::Substring(from, None) => format!("pg_catalog.substr({}, {from})", at(0)),
            Function::Substring(from, Some(length)) => {
                format!("pg_catalog.substr({}, {from}, {length})", at(0))
            }
            Function::Left(count) => format!("pg_catalog.left({}, {count})", at(0)),
            Function::Right(count) => format!("pg_catalog.right({}, {count})", at(0)),
            Function::DateTrunc(unit) => {
                format!("pg_catalog.date_trunc('{unit}', {})", self.within(args))
            }
            Function::Extract(field) => format!("EXTRACT({field} FROM {})", at(0)),
            Function::DaysBetween => {
                let (a, b) = (at(0), at(1));
                format!(
                    "(CASE WHEN pg_catalog.isfinite({a}) AND pg_catalog.isfinite({b}) \
                     THEN {a} OPERATOR(pg_catalog.-) {b} END)"
                )
            }
            Function::Shift { forward, by } => {
                let op = if *forward { "+" } else { "-" };
                let by = match by {
                    ShiftBy::Days(days) => format!("({days})"),
                    ShiftBy::Interval(text) => format!("{}::interval", literal(text)),
                };
                format!("({} OPERATOR(pg_catalog.{op}) {by})", self.within(args))
            }
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

    /// Numbers of mixed types become numeric, as the arithmetic below them did.
    fn as_type(&self, expr: &Expr, ty: &Type) -> String {
        if ty.is_number() && expr.ty.is_number() { self.number(expr) } else { self.expr(expr) }
    }

    /// A time that arithmetic cannot carry out of its type's range; NULL beyond.
    fn within(&self, args: &[Expr]) -> String {
        let Some(arg) = args.first() else { return String::new() };
        let printed = self.expr(arg);
        if matches!(arg.node, Node::Constant(_) | Node::Parameter(_)) {
            return printed;
        }
        let ty = arg.ty.name();
        format!(
            "(CASE WHEN {printed} BETWEEN '{}'::{ty} AND '{}'::{ty} THEN {printed} END)",
            TIME_RANGE.0, TIME_RANGE.1
        )
    }

    fn cast(&self, args: &[Expr], to: &Type) -> String {
        let Some(arg) = args.first() else { return String::new() };
        let constant = matches!(arg.node, Node::Constant(_) | Node::Parameter(_));
        match (&arg.ty, to) {
            // Integers stay numeric inside; `key` makes them integers again. A cast from a number
            // with a fraction rounds, as PostgreSQL's does.
            (Type::Numeric(_) | Type::Float(_), Type::Int(_)) => {
                format!("pg_catalog.round({}, 0)", self.number(arg))
            }
            (Type::Int(_), Type::Int(_)) => self.number(arg),
            (from, Type::Numeric(_)) if from.is_number() => self.number(arg),
            (from, Type::Float(_)) if from.is_number() => {
                format!("({})::{}", self.number(arg), to.name())
            }
            (from, to) if from.is_time() && to.is_time() && !constant => {
                format!("({})::{}", self.within(args), to.name())
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

fn rest(mut printed: Vec<String>) -> String {
    printed.drain(..1.min(printed.len()));
    printed.join(", ")
}

/// A pattern that ends in its escape character would raise for some rows only.
fn like(value: &str, op: &str, pattern: &str) -> String {
    format!(
        "({value} OPERATOR(pg_catalog.{op}) pg_catalog.regexp_replace({pattern}, '(\\\\)+$', ''))"
    )
}

fn constant(text: &str, ty: &Type) -> String {
    format!("{}::{}", literal(text), ty.name())
}

/// Parameters travel as values; `$1` on the source is the statement's time, which is parameter 0.
fn parameter(number: usize, ty: &Type) -> String {
    format!("(${})::{}", number.saturating_add(1), ty.name())
}

/// A string literal that needs no setting to be read right.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// A quoted identifier.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
