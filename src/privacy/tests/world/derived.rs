//! Random rows that are computed for each unit, or that only look so.

use noisegate_privacy::derived::{
    self, Aggregate, AggregateFunction, Derived, Frame, Order, Rows, Window, WindowFunction,
};
use noisegate_privacy::expr::{Expr, Node, Type};
use noisegate_privacy::plan::Scan;

use super::Dice;
use super::expressions::{condition, number, tree};
use super::scans::{Around, any_column, any_reference, forged, named, value_type};

/// A scan of derived rows, sometimes a forged one; none if these rows are refused.
pub(super) fn derived(dice: &mut Dice<'_>, by_code: bool, depth: u32) -> Option<Scan> {
    let made = match dice.roll(3) {
        0 => grouped(dice, by_code, depth),
        1 => windowed(dice, by_code, depth),
        _ => union(dice, by_code, depth),
    };
    match (derived::scan(made.clone()), dice.roll(24)) {
        (Ok(scan), 0..23) => Some(scan),
        (Ok(scan), _) => Some(forged(dice, made, Some(scan))),
        (Err(_), 0) => Some(forged(dice, made, None)),
        (Err(_), _) => None,
    }
}

/// Tables joined and filtered, and the scans that expressions may be over.
struct Body {
    around: Around,
    rows: Rows,
    over: Vec<usize>,
}

impl Body {
    fn new(dice: &mut Dice<'_>, by_code: bool, depth: u32) -> Self {
        let mut around = Around { scans: Vec::new(), by_code, depth };
        let count = [1, 1, 2, 2, 3][dice.roll(5)];
        let joins = tree(dice, &mut around, count);
        let over = joins.scans();
        let filter =
            if dice.one_in(2) { vec![condition(dice, &mut around, &over, 1)] } else { Vec::new() };
        Self { around, rows: Rows { scans: Vec::new(), joins, filter }, over }
    }

    fn column(&self, dice: &mut Dice<'_>) -> Expr {
        any_column(dice, &self.around.scans, &self.over)
    }

    fn reference(&self, dice: &mut Dice<'_>) -> Expr {
        any_reference(dice, &self.around.scans, &self.over).unwrap_or_else(|| self.column(dice))
    }

    fn condition(&mut self, dice: &mut Dice<'_>) -> Expr {
        condition(dice, &mut self.around, &self.over, 1)
    }

    fn finish(self) -> Rows {
        Rows { scans: self.around.scans, ..self.rows }
    }
}

fn grouped(dice: &mut Dice<'_>, by_code: bool, depth: u32) -> Derived {
    let mut body = Body::new(dice, by_code, depth);
    let mut keys = vec![if dice.one_in(6) { body.column(dice) } else { body.reference(dice) }];
    for _ in 0..dice.roll(3) {
        keys.push(match dice.roll(3) {
            0 => body.reference(dice),
            1 => body.condition(dice),
            _ => body.column(dice),
        });
    }
    let aggregates = (0..dice.roll(3)).map(|_| aggregate(dice, &mut body)).collect();
    Derived::Grouped { rows: body.finish(), keys, aggregates }
}

fn aggregate(dice: &mut Dice<'_>, body: &mut Body) -> Aggregate {
    let (function, argument) = match dice.roll(6) {
        0 => (AggregateFunction::Count, None),
        1 => (AggregateFunction::Count, Some(body.column(dice))),
        2 => (AggregateFunction::Sum, Some(number(dice, &mut body.around, &body.over, 1))),
        3 => (AggregateFunction::BoolAnd, Some(body.condition(dice))),
        4 => (AggregateFunction::Min, Some(number(dice, &mut body.around, &body.over, 0))),
        _ => (AggregateFunction::Max, Some(number(dice, &mut body.around, &body.over, 0))),
    };
    let filter = if dice.one_in(4) { Some(body.condition(dice)) } else { None };
    let distinct = argument.is_some() && dice.one_in(4);
    let ty = value_type(function, argument.as_ref());
    Aggregate { function, distinct, argument, filter, ty }
}

fn windowed(dice: &mut Dice<'_>, by_code: bool, depth: u32) -> Derived {
    let body = Body::new(dice, by_code, depth);
    // Windows are over what is passed on: rows that are equal in all of it are the same row twice,
    // and which of them comes first makes no difference.
    let mut columns = vec![body.reference(dice)];
    columns.extend((0..=dice.roll(3)).map(|_| body.column(dice)));
    if dice.one_in(3) {
        columns.push(body.reference(dice));
    }
    let windows = (0..dice.roll(3)).map(|_| window(dice, &columns)).collect();
    Derived::Windowed { rows: body.finish(), columns, windows }
}

fn window(dice: &mut Dice<'_>, columns: &[Expr]) -> Window {
    let numbers: Vec<&Expr> = columns.iter().filter(|one| one.ty.is_number()).collect();
    let summed = match numbers.as_slice() {
        [] => None,
        numbers => Some((**dice.pick(numbers)).clone()),
    };
    let any = dice.pick(columns).clone();
    let aggregate = WindowFunction::Aggregate;
    let (function, argument) = match (dice.roll(9), summed) {
        (0, _) => (WindowFunction::Rank, None),
        (1, _) => (WindowFunction::DenseRank, None),
        (2, _) => (WindowFunction::Lag(1), Some(any)),
        (3, _) => (WindowFunction::Lead(2), Some(any)),
        (4, _) => (WindowFunction::FirstValue, Some(any)),
        (5, _) => (WindowFunction::LastValue, Some(any)),
        (6, Some(summed)) => (aggregate(AggregateFunction::Sum), Some(summed)),
        (7, _) => (aggregate(AggregateFunction::Count), None),
        _ => (WindowFunction::RowNumber, None),
    };
    let mut partition = vec![columns[0].clone()];
    if dice.one_in(3) {
        partition = vec![dice.pick(columns).clone()];
    }
    if dice.one_in(3) {
        partition.push(dice.pick(columns).clone());
    }
    let mut order = Vec::new();
    for _ in 0..dice.roll(3) {
        let expr = dice.pick(columns).clone();
        order.push(Order { expr, descending: dice.one_in(2), nulls_first: dice.one_in(2) });
    }
    let frame = [Frame::Peers, Frame::Rows, Frame::All][dice.roll(3)];
    let ty = match (function, &argument) {
        (WindowFunction::Aggregate(of), argument) => value_type(of, argument.as_ref()),
        (_, Some(argument)) => argument.ty.clone(),
        (_, None) => Type::Int(8),
    };
    let mut window = Window { function, argument, partition, order, frame, ty };
    // Which of several equal rows is the last peer is nobody's to say.
    let last = window.function == WindowFunction::LastValue;
    if window.needs_total_order() || last {
        window.order.extend(columns.iter().map(|expr| Order {
            expr: expr.clone(),
            descending: false,
            nulls_first: false,
        }));
    }
    window
}

fn union(dice: &mut Dice<'_>, by_code: bool, depth: u32) -> Derived {
    let mut parts: Vec<(Rows, Vec<Expr>)> = Vec::new();
    let count = 2 + usize::from(dice.one_in(4));
    for _ in 0..count {
        let body = Body::new(dice, by_code, depth);
        let columns = match parts.first() {
            None => {
                let more = dice.roll(3);
                let mut columns = vec![body.reference(dice)];
                columns.extend((0..more).map(|_| body.column(dice)));
                columns
            }
            Some((_, first)) => first.iter().map(|like| same_type(dice, &body, &like.ty)).collect(),
        };
        parts.push((body.finish(), columns));
    }
    Derived::Union { parts }
}

/// A column of the type, a reference where that is as easy, or NULL.
fn same_type(dice: &mut Dice<'_>, body: &Body, ty: &Type) -> Expr {
    let reference = body.reference(dice);
    if reference.ty == *ty && !dice.one_in(4) {
        return reference;
    }
    let scan = *dice.pick(&body.over);
    match named(&body.around.scans, scan, |one| one == ty).as_slice() {
        [] => Expr { node: Node::Constant(None), ty: ty.clone() },
        names => super::scans::column(&body.around.scans, scan, dice.pick::<String>(names)),
    }
}
