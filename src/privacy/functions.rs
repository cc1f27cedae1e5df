//! The list of PostgreSQL's functions and operators that may stand over private rows: one table,
//! a row for each name and types of arguments.
//!
//! # Claim
//! A call that a [`Signature`] accepts has a value for every row, as it is printed: the function
//! raises nothing for any value of its types, or its guard gives NULL for those where it would.
//!
//! # Argument
//! Each row says why, in its own words. What only constants can get wrong (a pattern, a format, a
//! number of places) is held to a [`Limit`], so that it cannot fail when the first row reaches it.
//! Whatever allocates more than its argument takes texts held to [`HELD`] bytes, and the bytes of
//! what it gives are bounded from there ([`text_bytes`]).
//!
//! # Test
//! `tests/functions` runs every row over the extreme values of its types, and over ordinary ones
//! beside PostgreSQL's own. `docs/functions.md` is written from the table.

mod bytes;
mod kind;
mod limits;
mod numbers;
mod others;
mod texts;
mod times;

use std::fmt;

pub use bytes::{HELD, HELD_CHARACTERS, text_bytes, text_fits};
pub use kind::{Kind, array_of, element_of};
pub use limits::Limit;
pub(crate) use limits::elements;

use crate::expr::{Expr, Function, Node, TextType, Type};

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The name in `pg_catalog`, or what its syntax is called by.
    pub name: &'static str,
    /// How PostgreSQL writes it.
    pub syntax: Syntax,
    /// What it takes.
    pub args: &'static [Arg],
    /// Whether the last argument may stand any number of times.
    pub repeats: bool,
    /// What it gives.
    pub result: Kind,
    /// The condition under which it is asked, else NULL: a template, see [`Signature::form`].
    pub guard: Option<&'static str>,
    /// The SQL, where it is not the function's own: `$1` is an argument, `#1` a constant without
    /// quotes, and an operator in backquotes is written with its schema.
    pub form: Option<&'static str>,
    /// Why it is total, or what the guard does.
    pub why: &'static str,
    /// When it is NULL.
    pub null: Null,
    /// Whether its numbers are computed as `numeric`, so that none overflows.
    pub wide: bool,
    /// How large its value can be.
    pub size: SizeRule,
    /// Between what its value lies.
    pub range: RangeRule,
}

/// How a function is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `f(a, b)`
    Call,
    /// `a + b`
    Infix,
    /// `@ a`
    Prefix,
    /// `EXTRACT(a FROM b)`
    Extract,
    /// `a::type`
    Cast,
    /// `a[b]`
    Subscript,
    /// `a = ANY (b)`
    Any,
    /// `a <> ALL (b)`
    All,
}

/// What an argument has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// Any expression of the type.
    Value(Kind),
    /// Any text, of which the first ten megabytes count.
    Held,
    /// A constant within a limit.
    Constant(Kind, Limit),
}

/// When a call is NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Null {
    /// Where an argument is.
    Strict,
    /// There, and elsewhere.
    Maybe,
    /// Nowhere.
    Never,
}

/// How large a number, and how long a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeRule {
    /// What the type holds; of a text, the bytes of all texts that it is made from.
    ByType,
    /// One digit more than the first argument.
    Same,
    /// The same without places.
    Whole,
    /// The same with the places that the second argument says.
    Places,
    /// So many digits before and after the point.
    Digits(u32, u32),
    /// Of a quotient of the two.
    Quotient,
    /// Of a product of the two.
    Product,
    /// Of a power with a constant exponent.
    Power,
    /// So many bytes of text.
    Bytes(u64),
    /// The bytes of the first argument, times this.
    Times(u64),
    /// The bytes of the first argument, times the second, a constant.
    Repeated,
    /// The bytes of the first argument, times how much longer the third is than the second.
    Replaced,
    /// The bytes of all arguments, with the first between each two of the others.
    Joined,
    /// As many characters as the last argument says, a constant, if it is not negative.
    Characters,
    /// Nothing bounds it.
    Free,
}

/// Between what a number lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeRule {
    /// Nothing is known.
    None,
    /// Between these.
    Between(i64, i64),
    /// Of `abs`.
    Absolute,
    /// At most one more or less than the first argument.
    Near,
    /// At most one place more or less, of the second argument.
    NearPlaces,
    /// Of a square root.
    Root,
    /// Of a power with a constant exponent.
    Power,
    /// From 0 to one more than the fourth argument.
    Buckets,
    /// From 0 to the length of the second argument.
    Thresholds,
    /// Of a field of a time, which the first argument names.
    Field,
}

impl Signature {
    const fn new(
        name: &'static str,
        syntax: Syntax,
        args: &'static [Arg],
        result: Kind,
        why: &'static str,
    ) -> Self {
        Self {
            name,
            syntax,
            args,
            repeats: false,
            result,
            guard: None,
            form: None,
            why,
            null: Null::Strict,
            wide: false,
            size: SizeRule::ByType,
            range: RangeRule::None,
        }
    }

    const fn guard(mut self, guard: &'static str) -> Self {
        self.guard = Some(guard);
        self.null = Null::Maybe;
        self
    }

    const fn form(mut self, form: &'static str) -> Self {
        self.form = Some(form);
        self
    }

    const fn null(mut self, null: Null) -> Self {
        self.null = null;
        self
    }

    const fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    const fn size(mut self, size: SizeRule) -> Self {
        self.size = size;
        self
    }

    const fn range(mut self, range: RangeRule) -> Self {
        self.range = range;
        self
    }

    const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// The argument's rule at a place.
    pub fn arg(&self, at: usize) -> Option<&'static Arg> {
        let last = self.args.last().filter(|_| self.repeats && at >= self.args.len());
        self.args.get(at).or(last)
    }

    /// Whether these arguments are what it takes.
    pub fn accepts(&self, args: &[Expr]) -> bool {
        self.takes_types(args)
            && args.iter().enumerate().all(|(at, arg)| match self.arg(at) {
                Some(Arg::Constant(_, limit)) => match &arg.node {
                    Node::Constant(Some(text)) => limit.holds(text),
                    _ => false,
                },
                Some(_) => true,
                None => false,
            })
            && self.constants_fit(args)
    }

    /// Whether the arguments have its types, whatever its limits.
    fn takes_types(&self, args: &[Expr]) -> bool {
        let count = if self.repeats {
            args.len() >= self.args.len()
        } else {
            args.len() == self.args.len()
        };
        let array = args.iter().find(|arg| arg.ty.is_array()).map(|arg| &arg.ty);
        count
            && args
                .iter()
                .enumerate()
                .all(|(at, arg)| self.arg(at).is_some_and(|rule| rule.kind().takes(&arg.ty, array)))
    }

    /// What no limit of one argument alone can say: a histogram has two ends.
    fn constants_fit(&self, args: &[Expr]) -> bool {
        self.range != RangeRule::Buckets
            || match args {
                [_, low, high, _] => low.node != high.node && !same_number(low, high),
                _ => false,
            }
    }

    /// The type of its value for these arguments.
    pub fn result(&self, args: &[Expr]) -> Type {
        match self.result {
            Kind::Element => args
                .iter()
                .find(|arg| arg.ty.is_array())
                .and_then(|array| element_of(&array.ty))
                .map_or_else(|| Kind::Element.ty(), Kind::ty),
            kind => kind.ty(),
        }
    }

    /// Whether a call may be NULL where none of its arguments is.
    pub fn may_be_null(&self) -> bool {
        self.null == Null::Maybe
    }

    /// How often the printed call holds its argument of this place.
    pub(crate) fn copies(&self, at: usize) -> u64 {
        let number = at.saturating_add(1).to_string();
        let texts = [self.guard, self.form];
        let count: usize = texts
            .iter()
            .flatten()
            .map(|text| text.matches(&format!("${number}")).count())
            .fold(0, usize::saturating_add);
        let own = usize::from(self.form.is_none() || self.repeats);
        u64::try_from(count.saturating_add(own)).unwrap_or(u64::MAX)
    }

    /// The call as the documentation writes it.
    pub fn shown(&self) -> String {
        let args: Vec<String> = self.args.iter().map(Arg::shown).collect();
        let at = |index: usize| args.get(index).cloned().unwrap_or_default();
        match self.syntax {
            Syntax::Call if self.repeats => format!("{}({}, …)", self.name, args.join(", ")),
            Syntax::Call => format!("{}({})", self.name, args.join(", ")),
            Syntax::Infix => format!("{} {} {}", at(0), self.name, at(1)),
            Syntax::Prefix => format!("{} {}", self.name, at(0)),
            Syntax::Extract => format!("EXTRACT({} FROM {})", at(0), at(1)),
            Syntax::Cast => format!("CAST({} AS {})", at(0), self.result.shown()),
            Syntax::Subscript => format!("({})[{}]", at(0), at(1)),
            Syntax::Any => format!("{} = ANY ({})", at(0), at(1)),
            Syntax::All => format!("{} <> ALL ({})", at(0), at(1)),
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Arg {
    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Value(kind) | Self::Constant(kind, _) => *kind,
            Self::Held => Kind::Text,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Value(kind) => kind.shown().to_owned(),
            Self::Held => "text".to_owned(),
            Self::Constant(kind, _) => format!("constant {}", kind.shown()),
        }
    }
}

fn same_number(a: &Expr, b: &Expr) -> bool {
    let value = |expr: &Expr| match &expr.node {
        Node::Constant(Some(text)) => crate::range::parse_decimal(text),
        _ => None,
    };
    value(a) == value(b)
}

/// The whole table.
pub fn all() -> impl Iterator<Item = &'static Signature> {
    [numbers::ROWS, texts::ROWS, times::ROWS, others::ROWS].into_iter().flatten()
}

/// The parts of the table, with what they are about.
pub const PARTS: &[(&str, &[Signature])] = &[
    ("Numbers", numbers::ROWS),
    ("Texts", texts::ROWS),
    ("Dates and times", times::ROWS),
    ("Arrays, JSON, identifiers and bytes", others::ROWS),
];

/// Why a call is not on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// No function of this name is.
    Name,
    /// The name is, with other types: these.
    Types(Vec<&'static Signature>),
    /// The types are, but an argument, counted from 1, is not what it has to be.
    Argument(usize, String),
}

/// The call of a function of the list, or why there is none.
pub fn call(name: &str, syntax: Syntax, args: Vec<Expr>) -> Result<Expr, Miss> {
    let named = || all().filter(|row| row.name == name && row.syntax == syntax);
    if let Some(row) = named().find(|row| row.accepts(&args)) {
        let ty = row.result(&args);
        return Ok(Expr::call(Function::Listed(row), args, ty));
    }
    if let Some(row) = named().find(|row| row.takes_types(&args)) {
        let wrong = args.iter().enumerate().find_map(|(at, arg)| match (row.arg(at), &arg.node) {
            (Some(Arg::Constant(_, limit)), Node::Constant(Some(text))) if limit.holds(text) => {
                None
            }
            (Some(Arg::Constant(_, limit)), _) => Some((at, limit.shown())),
            _ => None,
        });
        let (at, must) = wrong.unwrap_or((2, "another number than the argument before".to_owned()));
        return Err(Miss::Argument(at.saturating_add(1), must));
    }
    let others: Vec<&'static Signature> = named().collect();
    Err(if others.is_empty() { Miss::Name } else { Miss::Types(others) })
}

/// The cast of the list between two types, or none.
pub fn cast(arg: Expr, to: &Type) -> Option<Expr> {
    let row = all().find(|row| {
        row.syntax == Syntax::Cast
            && (row.result.ty() == *to || to.is_array() && row.result.takes(to, None))
            && row.accepts(std::slice::from_ref(&arg))
    })?;
    Some(Expr::call(Function::Listed(row), vec![arg], row.result.ty()))
}

/// The `text` type.
pub const TEXT: Type = Type::Text(TextType::Text);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
