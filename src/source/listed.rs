//! Functions of the core's table as SQL: each argument exactly of the type that the row takes.

use noisegate_privacy::expr::{Expr, Function, Node, Type};
use noisegate_privacy::functions::{
    Arg, HELD, HELD_CHARACTERS, Kind, Signature, Syntax, text_bytes,
};

use super::print::{Printer, prints_float, prints_whole, to_float};

impl Printer<'_> {
    /// A call of a row of the table, with its guard.
    pub(super) fn listed(&self, row: &Signature, args: &[Expr]) -> String {
        let printed: Vec<String> = args
            .iter()
            .enumerate()
            .map(|(at, arg)| match row.arg(at) {
                Some(rule) => self.argument(row, rule, arg),
                None => self.expr(arg),
            })
            .collect();
        let raw: Vec<&str> = args
            .iter()
            .map(|arg| match &arg.node {
                Node::Constant(Some(text)) => text.as_str(),
                _ => "",
            })
            .collect();
        let fill = |template: &str| fill(template, &printed, &raw);
        match (row.form, row.guard) {
            (Some(form), _) => fill(form),
            (None, Some(guard)) => {
                format!("(CASE WHEN {} THEN {} END)", fill(guard), own(row, &printed, &raw))
            }
            (None, None) => own(row, &printed, &raw),
        }
    }

    fn argument(&self, row: &Signature, rule: &Arg, arg: &Expr) -> String {
        let kind = match rule {
            Arg::Constant(..) => return self.expr(arg),
            Arg::Held => return self.held(arg),
            Arg::Value(kind) => kind,
        };
        match (kind, &arg.ty) {
            (Kind::Numeric, _) => self.number(arg),
            // What is computed before it can be larger than its type, and numbers of any size would
            // take any time.
            (Kind::Int2 | Kind::Int4 | Kind::Int8, _) if row.wide => {
                format!("({})::numeric", self.whole(arg))
            }
            (Kind::Int2 | Kind::Int4 | Kind::Int8, _) | (Kind::Element, Type::Int(_)) => {
                self.whole(arg)
            }
            (Kind::Float4 | Kind::Float8 | Kind::Element, Type::Float(size)) => {
                self.float(arg, *size)
            }
            _ => self.expr(arg),
        }
    }

    /// A number of a whole type as exactly of it; what it cannot hold is NULL.
    pub(super) fn whole(&self, expr: &Expr) -> String {
        let printed = self.expr(expr);
        if prints_whole(expr) {
            return printed;
        }
        let (low, high) = match expr.ty {
            Type::Int(2) => ("-32768", "32767"),
            Type::Int(4) => ("-2147483648", "2147483647"),
            _ => ("-9223372036854775808", "9223372036854775807"),
        };
        format!(
            "(CASE WHEN {printed} BETWEEN {low} AND {high} THEN ({printed})::{} END)",
            expr.ty.name()
        )
    }

    /// A binary number, of its own size.
    fn float(&self, expr: &Expr, size: u8) -> String {
        if prints_float(expr) { self.expr(expr) } else { to_float(&self.number(expr), size) }
    }

    /// A text of which no more than what is worked on is left.
    pub(super) fn held(&self, expr: &Expr) -> String {
        if text_bytes(expr).is_some() {
            return self.expr(expr);
        }
        // It is held before it is cast, so that it is cast once.
        if let Node::Call(Function::Cast, args) = &expr.node
            && let [arg] = args.as_slice()
        {
            return format!("({})::{}", self.held(arg), expr.ty.name());
        }
        let printed = self.expr(expr);
        format!(
            "(CASE WHEN pg_catalog.octet_length({printed}) OPERATOR(pg_catalog.<=) {HELD} \
             THEN {printed} ELSE pg_catalog.left({printed}, {HELD_CHARACTERS}) END)"
        )
    }
}

/// The function as PostgreSQL writes it, in its schema.
fn own(row: &Signature, args: &[String], raw: &[&str]) -> String {
    let at = |index: usize| args.get(index).map(String::as_str).unwrap_or_default();
    let raw = |index: usize| raw.get(index).copied().unwrap_or_default();
    let name = row.name;
    match row.syntax {
        Syntax::Call => format!("pg_catalog.{name}({})", args.join(", ")),
        Syntax::Infix => format!("({} OPERATOR(pg_catalog.{name}) {})", at(0), at(1)),
        Syntax::Prefix => format!("(OPERATOR(pg_catalog.{name}) {})", at(0)),
        // The field is one of a list of words.
        Syntax::Extract => format!("EXTRACT({} FROM {})", raw(0), at(1)),
        Syntax::Cast => format!("({})::{}", at(0), row.result.ty().name()),
        Syntax::Subscript => format!("({})[{}]", at(0), raw(1)),
        Syntax::Any => format!("({} OPERATOR(pg_catalog.=) ANY ({}))", at(0), at(1)),
        Syntax::All => format!("({} OPERATOR(pg_catalog.<>) ALL ({}))", at(0), at(1)),
    }
}

/// A template of the table, with its arguments.
fn fill(template: &str, args: &[String], raw: &[&str]) -> String {
    let mut sql = String::with_capacity(template.len());
    let mut rest = template.chars().peekable();
    while let Some(one) = rest.next() {
        let index = rest
            .peek()
            .filter(|_| matches!(one, '$' | '#'))
            .and_then(|digit| digit.to_digit(10))
            .and_then(|digit| usize::try_from(digit).ok()?.checked_sub(1));
        match (one, index) {
            ('$', Some(index)) => {
                rest.next();
                sql.push_str(args.get(index).map(String::as_str).unwrap_or_default());
            }
            (_, Some(index)) => {
                rest.next();
                sql.push_str(raw.get(index).copied().unwrap_or_default());
            }
            ('`', None) => {
                let operator: String = rest.by_ref().take_while(|one| *one != '`').collect();
                sql.push_str(&format!("OPERATOR(pg_catalog.{operator})"));
            }
            (other, None) => sql.push(other),
        }
    }
    sql
}

/// A row of the table as it is printed, and as PostgreSQL's own: for tests of the two. Each
/// argument that is a column stands for the SQL that `column` gives.
#[doc(hidden)]
pub fn printed(expr: &Expr, column: &dyn Fn(usize) -> String) -> String {
    let printer = Printer { scans: &[], column: &|of| column(of.scan) };
    let as_key = match &expr.ty {
        Type::Int(_) | Type::Float(_) => true,
        _ => expr.as_column().is_some(),
    };
    if as_key { printer.key(expr) } else { printer.expr(expr) }
}

/// See [`printed`]: the function itself, without any guard.
#[doc(hidden)]
pub fn plain(row: &Signature, args: &[String], raw: &[&str]) -> String {
    own(row, args, raw)
}
