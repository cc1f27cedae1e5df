//! Random expressions and joins.

use noisegate_privacy::expr::{Exists, Expr, Function, Node, Type};
use noisegate_privacy::functions::{self, Syntax};
use noisegate_privacy::plan::{Exposure, JoinKind, Joins, Scan};
use noisegate_privacy::unit::same_reference;

use super::Dice;
use super::scans::{Around, column, known, named};

pub(super) fn equal(a: Expr, b: Expr) -> Expr {
    Expr::call(Function::Eq, vec![a, b], Type::Bool)
}

fn int(dice: &mut Dice<'_>) -> Expr {
    Expr::constant((dice.roll(12).to_string()).as_str(), Type::Int(4))
}

/// A function of the table.
fn listed(name: &str, args: Vec<Expr>) -> Expr {
    functions::call(name, Syntax::Call, args).unwrap()
}

fn as_numeric(expr: Expr) -> Expr {
    match expr.ty {
        Type::Numeric(_) => expr,
        _ => Expr::call(Function::Cast, vec![expr], Type::Numeric(None)),
    }
}

/// Scans that come together in a tree of joins.
pub(super) fn tree(dice: &mut Dice<'_>, around: &mut Around, count: usize) -> Joins {
    let all: Vec<usize> = (0..count).map(|_| around.add(dice)).collect();
    let mut tree = Joins::Scan(all[0]);
    for next in &all[1..] {
        let right = Joins::Scan(*next);
        let kind = if dice.one_in(3) { JoinKind::Left } else { JoinKind::Inner };
        let swapped = dice.one_in(4);
        let (left, right) = if swapped { (right, tree) } else { (tree, right) };
        let on = on(dice, around, &left.scans(), &right.scans());
        tree = Joins::Join { kind, left: Box::new(left), right: Box::new(right), on };
    }
    tree
}

/// Mostly the equality that declared keys suggest; sometimes another, or none.
fn on(dice: &mut Dice<'_>, around: &mut Around, left: &[usize], right: &[usize]) -> Vec<Expr> {
    let (one, other) = (*dice.pick(left), *dice.pick(right));
    let both: Vec<usize> = left.iter().chain(right).copied().collect();
    let suggested = suggested(dice, &around.scans, one, other);
    let mut on = match (dice.roll(9), suggested) {
        (0..6, Some(equality)) => vec![equality],
        (6, _) => Vec::new(),
        (7, _) => {
            // Keys, but maybe of one side alone.
            let (one, other) = (*dice.pick(&both), *dice.pick(&both));
            vec![ints_equal(dice, &around.scans, one, other)]
        }
        _ => vec![ints_equal(dice, &around.scans, one, other)],
    };
    if dice.one_in(3) {
        on.push(condition(dice, around, &both, 1));
    }
    on
}

/// An equality of two columns that name one row, or of a public row's key.
fn suggested(dice: &mut Dice<'_>, scans: &[Scan], one: usize, other: usize) -> Option<Expr> {
    let mut pairs = Vec::new();
    for a in known(&scans[one]) {
        for b in known(&scans[other]) {
            if same_reference(&scans[one], &a.name, &scans[other], &b.name) {
                pairs.push((a.name.clone(), b.name));
            }
        }
    }
    let public =
        scans[one].exposure == Exposure::Public || scans[other].exposure == Exposure::Public;
    if public && scans[one].derived().is_none() && scans[other].derived().is_none() {
        let pair = match (scans[one].name(), scans[other].name()) {
            ("visits" | "rates", "places") => Some(("place", "id")),
            ("places", "visits" | "rates") => Some(("id", "place")),
            ("people", "places") => Some(("town", "id")),
            ("places", "people") => Some(("id", "town")),
            ("visits", "rates") => Some(("place", "place")),
            _ => None,
        };
        pairs.extend(pair.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
    let (a, b) = (!pairs.is_empty()).then(|| dice.pick(&pairs).clone())?;
    let (a, b) = (column(scans, one, &a), column(scans, other, &b));
    Some(if dice.one_in(16) {
        // Nearly a link.
        let ty = a.ty.clone();
        equal(Expr::call(Function::Greatest, vec![a, int(dice)], ty), b)
    } else {
        equal(a, b)
    })
}

fn ints_equal(dice: &mut Dice<'_>, scans: &[Scan], one: usize, other: usize) -> Expr {
    let mut any = |scan| {
        let names = named(scans, scan, |ty| matches!(ty, Type::Int(_)));
        if names.is_empty() { int(dice) } else { column(scans, scan, dice.pick::<String>(&names)) }
    };
    equal(any(one), any(other))
}

/// A random number over the columns of these scans.
pub(super) fn number(dice: &mut Dice<'_>, around: &mut Around, over: &[usize], depth: u32) -> Expr {
    let scan = *dice.pick(over);
    let names = named(&around.scans, scan, Type::is_number);
    if depth == 0 || dice.roll(3) == 0 {
        return match names.as_slice() {
            [] => int(dice),
            names => column(&around.scans, scan, dice.pick::<String>(names)),
        };
    }
    let which = dice.roll(13);
    if which == 11 {
        let when = condition(dice, around, over, depth - 1);
        let (a, b) = (number(dice, around, over, depth - 1), number(dice, around, over, depth - 1));
        let ty = if a.ty == b.ty { a.ty.clone() } else { Type::Numeric(None) };
        return Expr::call(Function::Case, vec![when, a, b], ty);
    }
    let a = number(dice, around, over, depth - 1);
    match which {
        5 => {
            let ty = a.ty.clone();
            return Expr::call(Function::Neg, vec![a], ty);
        }
        6 => {
            return listed("abs", vec![as_numeric(a)]);
        }
        12 => {
            let a = as_numeric(a);
            let places = |places: &str| Expr::constant(places, Type::Int(4));
            return match dice.roll(4) {
                0 => listed("round", vec![a, places("1")]),
                1 => listed("trunc", vec![a, places("-1")]),
                2 => listed("floor", vec![a]),
                _ => listed("ceil", vec![a]),
            };
        }
        _ => {}
    }
    let b = number(dice, around, over, depth - 1);
    let ty = if a.ty == b.ty { a.ty.clone() } else { Type::Numeric(None) };
    let function = match which {
        0 => Function::Add,
        1 => Function::Sub,
        2 => Function::Mul,
        3 if matches!(ty, Type::Int(_)) => Function::Div,
        4 => Function::Mod,
        7 => Function::Coalesce,
        8 => Function::NullIf,
        9 => Function::Least,
        _ => Function::Greatest,
    };
    Expr::call(function, vec![a, b], ty)
}

/// A random condition over the columns of these scans, and over rows beside them.
pub(super) fn condition(
    dice: &mut Dice<'_>,
    around: &mut Around,
    over: &[usize],
    depth: u32,
) -> Expr {
    let call = |function: Function, args: Vec<Expr>| Expr::call(function, args, Type::Bool);
    if around.depth > 0 && dice.one_in(6) {
        return exists(dice, around, over);
    }
    if depth > 0 && dice.roll(3) == 0 {
        let which = dice.roll(8);
        let mut more = || condition(dice, around, over, depth - 1);
        return match which {
            0 => call(Function::And, vec![more(), more()]),
            1 => call(Function::Or, vec![more(), more()]),
            2 => call(Function::Not, vec![more()]),
            3 => call(Function::IsTrue, vec![more()]),
            4 => call(Function::IsNotTrue, vec![more()]),
            5 => call(Function::IsFalse, vec![more()]),
            6 => call(Function::Case, vec![more(), more(), more()]),
            _ => call(Function::IsNotFalse, vec![more()]),
        };
    }
    let functions = [
        Function::Eq,
        Function::Ne,
        Function::Lt,
        Function::Le,
        Function::Gt,
        Function::Ge,
        Function::Distinct,
        Function::NotDistinct,
        Function::In,
        Function::NotIn,
    ];
    let function = dice.pick(&functions).clone();
    let which = dice.roll(5);
    let scan = *dice.pick(over);
    let names = named(&around.scans, scan, |ty| !ty.is_number());
    if which == 2 && !names.is_empty() {
        let value = column(&around.scans, scan, dice.pick::<String>(&names));
        let text = match value.ty {
            Type::Bool => "true",
            Type::Date => "2001-02-03",
            _ => "b",
        };
        let constant = Expr::constant(text, value.ty.clone());
        return call(function, vec![value, constant]);
    }
    let a = number(dice, around, over, depth.min(1));
    match which {
        0 => call(Function::IsNull, vec![a]),
        1 | 2 => call(Function::IsNotNull, vec![a]),
        _ => {
            let b = if dice.roll(2) == 0 { int(dice) } else { number(dice, around, over, 0) };
            let mut args = vec![a, b];
            if matches!(function, Function::In | Function::NotIn) {
                args.push(int(dice));
            }
            call(function, args)
        }
    }
}

/// Whether there is such a row beside these: mostly one of the same unit, sometimes anybody's.
fn exists(dice: &mut Dice<'_>, around: &mut Around, over: &[usize]) -> Expr {
    around.depth -= 1;
    let count = 1 + usize::from(dice.one_in(3));
    let joins = tree(dice, around, count);
    let own = joins.scans();
    let (one, other) = (*dice.pick(&own), *dice.pick(over));
    let suggested = suggested(dice, &around.scans, one, other);
    let mut filter = match (dice.roll(10), suggested) {
        (0..7, Some(equality)) => vec![equality],
        (7, _) => Vec::new(),
        (8, Some(equality)) => {
            // Not what it asks for, but nearly.
            let function = [Function::NotDistinct, Function::Le][dice.roll(2)].clone();
            let Node::Call(_, args) = equality.node else { return int(dice) };
            vec![Expr::call(function, args, Type::Bool)]
        }
        _ => vec![ints_equal(dice, &around.scans, one, other)],
    };
    let all: Vec<usize> = own.iter().chain(over).copied().collect();
    for _ in 0..dice.roll(3) {
        filter.push(condition(dice, around, &all, 1));
    }
    around.depth += 1;
    Expr { node: Node::Exists(Box::new(Exists { joins, filter })), ty: Type::Bool }
}
