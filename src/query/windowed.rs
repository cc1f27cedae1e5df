//! Windows inside a subquery: a person's first order, the days since the last one.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use noisegate_privacy::derived::{AggregateFunction, Frame, Order, Window, WindowFunction};
use noisegate_privacy::expr::{Column, Expr, Node, Type};
use sqlparser::ast::{
    self, Expr as Ast, NamedWindowExpr, OrderByExpr, OrderBySort, Query, Select, VisitMut,
    VisitorMut, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use super::derive::column_bounds;
use super::grouped;
use super::keys::is_nullable;
use super::literals::whole_number;
use super::lower::{arguments, function_name, lower};
use super::parse;
use super::refusals::unsupported;
use super::scope::Scope;
use crate::error::{Code, Refusal};

/// The alias of what windows compute, while the block is read.
const ALIAS: &str = "noisegate_window";
/// The scan of such a column, until it has its own.
const PENDING: usize = usize::MAX;
/// The furthest that `lag` and `lead` look.
const DISTANCE_MAX: u16 = 1_000;

/// Puts columns in the place of window functions, and of what is passed on.
pub(crate) struct Windowing<'a> {
    scope: &'a Scope<'a>,
    select: &'a Select,
    windows: Vec<Window>,
    passed: Vec<Expr>,
    depth: u32,
}

impl<'a> Windowing<'a> {
    pub(crate) fn new(scope: &'a Scope<'a>, select: &'a Select) -> Self {
        Self { scope, select, windows: Vec::new(), passed: Vec::new(), depth: 0 }
    }

    /// What is passed on as `c1`, … and computed as `w1`, ….
    pub(crate) fn finish(self) -> (Vec<Expr>, Vec<Window>) {
        (self.passed, self.windows)
    }

    /// The number of a row among those with the same values of `on`, in the order given.
    pub(crate) fn first(&mut self, on: &[Ast], order: &[OrderByExpr]) -> Result<Expr, Refusal> {
        let partition = self.lowered(on)?;
        let order = self.order(order)?;
        let window = Window {
            function: WindowFunction::RowNumber,
            argument: None,
            partition,
            order,
            frame: Frame::Peers,
            ty: Type::Int(8),
        };
        let at = self.add(window);
        Ok(self.computed(at, 0))
    }

    /// A column of the projection over the scan that this becomes.
    pub(crate) fn column(&mut self, expr: &Ast) -> Result<Expr, Refusal> {
        let mut expr = expr.clone();
        if let ControlFlow::Break(refusal) = VisitMut::visit(&mut expr, self) {
            return Err(refusal);
        }
        let columns: BTreeMap<String, Expr> = (0..self.windows.len())
            .map(|at| (format!("w{}", at.saturating_add(1)), self.computed(at, PENDING)))
            .collect();
        let lowered = lower(&expr, &self.scope.also(ALIAS, columns))?;
        let mut inside = false;
        lowered.exists(&mut |exists| {
            exists.conditions(&mut |condition| {
                condition.columns(&mut |column| inside |= column.scan == PENDING);
            });
        });
        if inside {
            return Err(unsupported(
                "a window function beside IN or EXISTS in one expression",
                Some("Compute the window in an inner query."),
            ));
        }
        Ok(self.lift(lowered))
    }

    /// The expression with all that no window computed passed on as columns.
    fn lift(&mut self, expr: Expr) -> Expr {
        let mut pending = false;
        expr.columns(&mut |column| pending |= column.scan == PENDING);
        let Expr { node, ty } = expr;
        match node {
            Node::Column(column) if pending => {
                Expr { node: Node::Column(Column { scan: 0, ..column }), ty }
            }
            Node::Call(function, args) if pending => {
                let args = args.into_iter().map(|arg| self.lift(arg)).collect();
                Expr { node: Node::Call(function, args), ty }
            }
            Node::Constant(_) | Node::Parameter(_) => Expr { node, ty },
            node => self.pass(Expr { node, ty }),
        }
    }

    fn pass(&mut self, expr: Expr) -> Expr {
        let (bounds, nullable, ty) = (column_bounds(&expr), is_nullable(&expr), expr.ty.clone());
        let at = match self.passed.iter().position(|one| *one == expr) {
            Some(at) => at,
            None => {
                self.passed.push(expr);
                self.passed.len().saturating_sub(1)
            }
        };
        let name = format!("c{}", at.saturating_add(1));
        Expr { node: Node::Column(Column { scan: 0, name, bounds, nullable }), ty }
    }

    fn add(&mut self, window: Window) -> usize {
        if let Some(at) = self.windows.iter().position(|one| *one == window) {
            return at;
        }
        self.windows.push(window);
        self.windows.len().saturating_sub(1)
    }

    /// The column that a window computes.
    fn computed(&self, at: usize, scan: usize) -> Expr {
        let window = self.windows.get(at);
        let ty = window.map_or(Type::Int(8), |window| window.ty.clone());
        let bounds = window.and_then(window_bounds);
        let name = format!("w{}", at.saturating_add(1));
        let nullable = !matches!(
            window.map(|window| window.function),
            Some(
                WindowFunction::RowNumber
                    | WindowFunction::Rank
                    | WindowFunction::DenseRank
                    | WindowFunction::Aggregate(AggregateFunction::Count)
            )
        );
        Expr { node: Node::Column(Column { scan, name, bounds, nullable }), ty }
    }

    fn lowered(&self, exprs: &[Ast]) -> Result<Vec<Expr>, Refusal> {
        exprs.iter().map(|expr| lower(expr, self.scope)).collect()
    }

    fn order(&self, parts: &[OrderByExpr]) -> Result<Vec<Order>, Refusal> {
        let part = |part: &OrderByExpr| {
            let descending = match &part.options.sort {
                None | Some(OrderBySort::Asc) => false,
                Some(OrderBySort::Desc) => true,
                Some(OrderBySort::Using(_)) => return Err(unsupported("ORDER BY USING", None)),
            };
            let nulls_first = part.options.nulls_first.unwrap_or(descending);
            Ok(Order { expr: lower(&part.expr, self.scope)?, descending, nulls_first })
        };
        parts.iter().map(part).collect()
    }

    fn window(&mut self, function: &ast::Function) -> Result<usize, Refusal> {
        let name = function_name(function);
        let refused = || {
            Refusal::new(
                Code::Window,
                format!(
                    "The window function {name} is not answered inside a subquery in this form."
                ),
                "Use row_number, rank, dense_rank, lag, lead, first_value, last_value, count, sum, \
                 avg, min, max, bool_and or bool_or over a partition by the person's key, with a \
                 frame from the first row to the current or the last one.",
            )
            .near(&name)
        };
        let Some(over) = &function.over else { return Err(refused()) };
        let spec = spec(over, self.select)?;
        let partition = self.lowered(&spec.partition_by)?;
        let order = self.order(&spec.order_by)?;
        let frame = frame(spec).ok_or_else(refused)?;
        let aggregate = match name.as_str() {
            "count" | "sum" | "avg" | "min" | "max" | "bool_and" | "bool_or" | "every" => {
                Some(grouped::aggregate(function, self.scope)?)
            }
            _ => None,
        };
        let (known, argument, ty) = match aggregate {
            Some(aggregate) if !aggregate.distinct && aggregate.filter.is_none() => {
                (WindowFunction::Aggregate(aggregate.function), aggregate.argument, aggregate.ty)
            }
            Some(_) => return Err(refused()),
            None => self.plain(&name, function, frame).ok_or_else(refused)??,
        };
        Ok(self.add(Window { function: known, argument, partition, order, frame, ty }))
    }

    /// A window function that is no aggregate.
    #[expect(clippy::type_complexity, reason = "a window's function, argument and type")]
    fn plain(
        &self,
        name: &str,
        function: &ast::Function,
        frame: Frame,
    ) -> Option<Result<(WindowFunction, Option<Expr>, Type), Refusal>> {
        let args = arguments(function)?;
        let distance = || match args.get(1) {
            None => Some(1),
            Some(by) => {
                let by = whole_number(by).and_then(|by| u16::try_from(by).ok());
                by.filter(|by| *by <= DISTANCE_MAX)
            }
        };
        let known = match (name, args.len()) {
            ("row_number", 0) => WindowFunction::RowNumber,
            ("rank", 0) => WindowFunction::Rank,
            ("dense_rank", 0) => WindowFunction::DenseRank,
            ("lag", 1 | 2) => WindowFunction::Lag(distance()?),
            ("lead", 1 | 2) => WindowFunction::Lead(distance()?),
            ("first_value", 1) => WindowFunction::FirstValue,
            // Which of several equal rows is the last would be the source's choice.
            ("last_value", 1) if frame != Frame::Peers => WindowFunction::LastValue,
            _ => return None,
        };
        let Some(argument) = args.first() else { return Some(Ok((known, None, Type::Int(8)))) };
        Some(lower(argument, self.scope).map(|argument| {
            let ty = argument.ty.clone();
            (known, Some(argument), ty)
        }))
    }
}

fn window_bounds(window: &Window) -> Option<(String, String)> {
    match window.function {
        WindowFunction::Lag(_)
        | WindowFunction::Lead(_)
        | WindowFunction::FirstValue
        | WindowFunction::LastValue
        | WindowFunction::Aggregate(
            AggregateFunction::Min | AggregateFunction::Max | AggregateFunction::Avg,
        ) => window.argument.as_ref().and_then(column_bounds),
        _ => None,
    }
}

/// What a window's name or its own words say.
fn spec<'a>(over: &'a WindowType, select: &'a Select) -> Result<&'a WindowSpec, Refusal> {
    let unknown = || unsupported("this window", None);
    let spec = match over {
        WindowType::WindowSpec(spec) => spec,
        WindowType::NamedWindow(name) => {
            let found = select.named_window.iter().find(|one| one.0.value == name.value);
            match found.map(|one| &one.1) {
                Some(NamedWindowExpr::WindowSpec(spec)) => spec,
                _ => return Err(unknown()),
            }
        }
    };
    if spec.window_name.is_some() { Err(unknown()) } else { Ok(spec) }
}

/// The frame, if it is one of those that are known.
fn frame(spec: &WindowSpec) -> Option<Frame> {
    use WindowFrameBound::{CurrentRow, Following, Preceding};
    let Some(frame) = &spec.window_frame else {
        return Some(if spec.order_by.is_empty() { Frame::All } else { Frame::Peers });
    };
    let end = frame.end_bound.as_ref().unwrap_or(&CurrentRow);
    match (frame.units, &frame.start_bound, end) {
        (_, Preceding(None), Following(None)) => Some(Frame::All),
        (WindowFrameUnits::Rows, Preceding(None), CurrentRow) => Some(Frame::Rows),
        (WindowFrameUnits::Range, Preceding(None), CurrentRow) => Some(Frame::Peers),
        _ => None,
    }
}

impl VisitorMut for Windowing<'_> {
    type Break = Refusal;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Refusal> {
        self.depth = self.depth.saturating_add(1);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Refusal> {
        self.depth = self.depth.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Ast) -> ControlFlow<Refusal> {
        let Ast::Function(function) = &*expr else { return ControlFlow::Continue(()) };
        if self.depth > 0 || function.over.is_none() {
            return ControlFlow::Continue(());
        }
        let column = self
            .window(function)
            .and_then(|at| parse::expression(&format!("{ALIAS}.w{}", at.saturating_add(1))));
        match column {
            Ok(column) => {
                *expr = column;
                ControlFlow::Continue(())
            }
            Err(refusal) => ControlFlow::Break(refusal),
        }
    }
}
