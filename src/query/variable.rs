//! A number whose powers are summed, on its public grid and about its public centre.

use noisegate_privacy::IBig;
use noisegate_privacy::expr::{Expr, Function, Node, Type};
use noisegate_privacy::plan::Bounds;
use sqlparser::ast::Expr as Ast;

use super::aggregate_list::signature;
use super::bounds::bounds;
use super::columns::decimal;
use super::keys::is_nullable;
use super::lower::{lower, strip};
use super::refusals::unsupported;
use super::scope::Scope;
use crate::error::{Code, Refusal};

/// Digits of a number whose powers are summed: so that quotients of them are `double precision`.
const DIGITS_MAX: usize = 100;

/// A number whose powers are summed, on its public grid.
pub(super) struct Variable {
    pub(super) value: Expr,
    pub(super) bounds: Bounds,
    /// Whether a plain sum of the same is asked for, which then serves here too.
    pub(super) summed: bool,
    /// PostgreSQL's type of the variance.
    pub(super) float: bool,
}

impl Variable {
    /// Reads an argument. `sums` are the plain sums that the block asks for.
    pub(super) fn read(
        argument: &Ast,
        filter: &str,
        scope: &Scope,
        sums: &[String],
    ) -> Result<Self, Refusal> {
        let value = lower(argument, scope)?;
        if !value.ty.is_number() {
            return Err(unsupported("the variance of something that is no number", None));
        }
        let float = matches!(value.ty, Type::Float(_));
        let value = unbinary(value);
        let bounds = bounds(&value, true)?;
        let digits = |steps: &IBig| steps.to_string().len();
        if digits(&bounds.low).max(digits(&bounds.high)) > DIGITS_MAX {
            return Err(Refusal::new(
                Code::Bounds,
                "The bounds of what is squared are too wide.",
                "Write least(greatest(x, low), high) around it, with numbers that are possible \
                 whatever the data.",
            ));
        }
        let summed = sums.contains(&signature(unbinary_text(argument), filter));
        Ok(Self { value, bounds, summed, float })
    }

    pub(super) fn scale(&self) -> u32 {
        self.bounds.scale
    }

    /// The number less the centre.
    pub(super) fn deviation(&self, value: Expr) -> Expr {
        let centre = number(&self.bounds.centre, self.scale());
        Expr::call(Function::Sub, vec![value, centre], Type::Numeric(None))
    }

    /// The number, held within its bounds: a product of two is not held by a bound of the product.
    pub(super) fn held(&self) -> Expr {
        let limit = |steps: &IBig| number(steps, self.scale());
        let call = |function, args| Expr::call(function, args, Type::Numeric(None));
        let floor = call(Function::Greatest, vec![self.value.clone(), limit(&self.bounds.low)]);
        let held = call(Function::Least, vec![floor, limit(&self.bounds.high)]);
        if !is_nullable(&self.value) {
            return held;
        }
        // GREATEST would take the bound for a NULL.
        let nothing = Expr { node: Node::Constant(None), ty: Type::Numeric(None) };
        call(Function::Case, vec![present(&self.value), held, nothing])
    }

    /// The largest distance from the centre, in steps.
    pub(super) fn reach(&self) -> IBig {
        let Bounds { low, high, centre, .. } = &self.bounds;
        (high - centre).max(centre - low)
    }

    /// A quarter of the range's square: the largest possible variance, in steps of twice the places.
    pub(super) fn variance_max(&self) -> IBig {
        quarter(&(self.range() * self.range()))
    }

    pub(super) fn range(&self) -> IBig {
        &self.bounds.high - &self.bounds.low
    }
}

/// A public number of steps as a constant.
fn number(steps: &IBig, scale: u32) -> Expr {
    Expr::constant(decimal(steps, scale), Type::Numeric(None))
}

pub(super) fn float(steps: &IBig, scale: u32) -> f64 {
    decimal(steps, scale).parse().unwrap_or(f64::INFINITY)
}

pub(super) fn present(value: &Expr) -> Expr {
    Expr::call(Function::IsNotNull, vec![value.clone()], Type::Bool)
}

/// A number before it was made binary: it is on a decimal grid, and so are its powers.
fn unbinary(value: Expr) -> Expr {
    match value {
        Expr { node: Node::Call(Function::Cast, mut args), ty: Type::Float(8) }
            if matches!(args.as_slice(), [Expr { ty: Type::Int(_) | Type::Numeric(_), .. }]) =>
        {
            args.remove(0)
        }
        other => other,
    }
}

/// The argument as it was before the canonical form made it binary.
fn unbinary_text(argument: &Ast) -> &Ast {
    match strip(argument) {
        Ast::Cast { expr, data_type, .. }
            if data_type.to_string().eq_ignore_ascii_case("double precision") =>
        {
            strip(expr)
        }
        other => other,
    }
}

/// A quarter, rounded up.
pub(super) fn quarter(steps: &IBig) -> IBig {
    (steps + IBig::from(3)) / IBig::from(4)
}
