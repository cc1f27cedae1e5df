//! How large an expression is when it is printed.

use crate::expr::{Expr, Function, Node};
use crate::functions::{Arg, Kind, text_bytes};

/// What a printed expression may come to, in nodes: a guard writes its argument more than once.
const PRINTED_MAX: u64 = 20_000;

/// Whether the expression is still small when it is printed, with each copy that a guard makes.
pub fn is_small_printed(expr: &Expr) -> bool {
    printed_nodes(expr) <= PRINTED_MAX
}

/// How many nodes the printed expression has, a long constant counting as several. A bound that is
/// not less than what `Printer` in the source's folder writes.
fn printed_nodes(expr: &Expr) -> u64 {
    let Node::Call(function, args) = &expr.node else {
        let more = match &expr.node {
            Node::Constant(Some(text)) => u64::try_from(text.len() / 16).unwrap_or(u64::MAX),
            Node::Exists(exists) => {
                let mut nodes = 0_u64;
                exists.conditions(&mut |one| nodes = nodes.saturating_add(printed_nodes(one)));
                nodes
            }
            _ => 0,
        };
        return more.saturating_add(1);
    };
    let listed = if let Function::Listed(row) = function { Some(*row) } else { None };
    let nodes = args.iter().enumerate().map(|(at, arg)| {
        let copies = match (listed, function) {
            (Some(row), _) => row.copies(at),
            (None, Function::Cast | Function::NullIf | Function::Shift { .. }) => 3,
            // A text is held before it is copied in small letters.
            (None, Function::ILike | Function::NotILike) => 3,
            (None, Function::Case | Function::Coalesce | Function::Least | Function::Greatest)
                if expr.ty.is_time() && arg.ty != expr.ty =>
            {
                2
            }
            _ => 1,
        };
        let as_type = listed.and_then(|row| row.arg(at)).map_or(1, |rule| coerced(rule, arg));
        printed_nodes(arg).saturating_mul(copies).saturating_mul(as_type)
    });
    nodes.fold(1, u64::saturating_add)
}

/// How often an argument is written to be of the type that a row of the table takes.
fn coerced(rule: &Arg, arg: &Expr) -> u64 {
    match rule.kind() {
        Kind::Text if *rule == Arg::Held && text_bytes(arg).is_none() => 3,
        Kind::Int2 | Kind::Int4 | Kind::Int8 => 2,
        Kind::Float4 | Kind::Float8 => 3,
        _ => 1,
    }
}
