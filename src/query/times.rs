//! Arithmetic on dates and times.

use noisegate_privacy::expr::{Expr, Function, Node, ShiftBy, Type};
use noisegate_privacy::functions::Syntax;
use sqlparser::ast::BinaryOperator as Op;

use super::functions;
use super::refusals::unsupported;
use crate::error::Refusal;

pub(crate) fn time_arithmetic(op: &Op, a: Expr, b: Expr) -> Result<Expr, Refusal> {
    let refused = || {
        unsupported(
            "this arithmetic on dates",
            Some("Add or subtract a constant interval or number of days."),
        )
    };
    if matches!(op, Op::Minus) && a.ty == b.ty {
        return functions::listed("-", Syntax::Infix, vec![a, b]);
    }
    let forward = match op {
        Op::Plus => true,
        Op::Minus => false,
        _ => return Err(refused()),
    };
    let (time, by) = if a.ty.is_time() { (a, b) } else { (b, a) };
    let Node::Constant(Some(amount)) = &by.node else { return Err(refused()) };
    let (by, ty) = match (&by.ty, &time.ty) {
        (Type::Int(_), Type::Date) => {
            let days = amount.parse::<i32>().ok().filter(|days| days.unsigned_abs() <= 1_000_000);
            (ShiftBy::Days(days.ok_or_else(refused)?), Type::Date)
        }
        (Type::Interval, from) if functions::bounded_interval(amount) => {
            let ty = if *from == Type::Date { Type::Timestamp } else { from.clone() };
            (ShiftBy::Interval(amount.clone()), ty)
        }
        _ => return Err(refused()),
    };
    Ok(Expr::call(Function::Shift { forward, by }, vec![time], ty))
}
