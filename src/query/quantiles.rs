//! Quantiles, least and greatest values: which histogram they are of, and how they come from it.
//!
//! All quantiles of one number (with one filter) in a block are of one histogram, and cost as
//! much as one of them. They are computed from its noisy counts, here, and given to the spliced
//! query as texts.

use std::ops::ControlFlow;

use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::expr::{Expr, Function, Node, Type};
use noisegate_privacy::plan::{Domain, Leaf, Statistic};
use noisegate_privacy::quantiles::{BINS_MAX, Bins, GROUPED_BINS_MAX, Tree};
use noisegate_privacy::{IBig, Noisy, layout};
use sqlparser::ast::{
    self, Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArguments, OrderBySort, Query, Value,
    VisitMut, VisitorMut,
};

use super::aggregate_list::short;
use super::aggregates::Rewriter;
use super::bounds::bounds;
use super::columns::decimal;
use super::leaves::name_parts;
use super::literals::array_elements;
use super::lower::{arguments, lower, lower_condition, strip};
use super::parse;
use super::refusals::unsupported;
use super::times::{EPOCH, days_of, minutes_of, time_range};
use crate::error::{Code, Refusal};

/// Histograms of one leaf: each takes thousands of draws of noise.
const HISTOGRAMS_MAX: usize = 8;
/// Noisy counts of all groups of a leaf, as far as it is public how many there are.
const COUNTS_MAX: usize = 2_000_000;
/// Quantiles of one aggregate.
const FRACTIONS_MAX: usize = 100;

/// A column of texts that is computed from a released histogram.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The histogram's index in the leaf.
    pub statistic: usize,
    /// What is computed.
    pub of: Of,
    /// What its numbers mean.
    pub form: Form,
    /// The aggregate that it is, as the analyst sees it; nothing if that is said of another.
    pub label: Option<String>,
}

/// What is computed from a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Of {
    /// `percentile_cont` of a fraction.
    Continuous(f64),
    /// `percentile_disc` of a fraction.
    Discrete(f64),
    /// `min`.
    Least,
    /// `max`.
    Greatest,
}

impl Of {
    /// Whether it is `min` or `max`.
    pub fn is_extreme(self) -> bool {
        matches!(self, Self::Least | Self::Greatest)
    }
}

/// What the numbers of a histogram mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Numbers.
    Number,
    /// Days from the year 2000.
    Days,
    /// Minutes from the year 2000.
    Minutes,
}

impl Column {
    /// How many rows are to lie beyond an extreme, so that it is not made of noise.
    pub fn margin(&self, leaf: &Leaf, analyzed: &Analyzed) -> f64 {
        let bins = leaf.statistics.get(self.statistic).and_then(Statistic::bins);
        let noise = analyzed.statistics.get(self.statistic).map(|one| &one.noise);
        bins.zip(noise).map_or(0.0, |(bins, noise)| bins.rank_error(noise))
    }

    /// The quantile of one group; nothing if the group seems to have nobody. `margin` is how many
    /// rows lie beyond an extreme.
    pub fn text(&self, leaf: &Leaf, margin: f64, values: &[Noisy<IBig>]) -> Option<String> {
        let bins = leaf.statistics.get(self.statistic)?.bins()?;
        let mut widths = leaf.numbers();
        // The analysis may have added numbers of its own, one for each statistic.
        let added = values.len().checked_sub(layout::total(&widths))?;
        widths.resize(widths.len().checked_add(added)?, 1);
        let numbers: Vec<&IBig> =
            layout::of(&widths, self.statistic, values)?.into_iter().map(Noisy::get).collect();
        let tree = Tree::new(bins, &numbers)?;
        let steps = match self.of {
            Of::Continuous(fraction) => {
                let (below, above, part) = tree.continuous(fraction)?;
                let number = |steps: &IBig| decimal(steps, bins.scale).parse::<f64>().ok();
                let (below, above) = (number(&below)?, number(&above)?);
                return Some((below + part * (above - below)).to_string());
            }
            Of::Discrete(fraction) => tree.discrete(fraction)?,
            Of::Least => tree.extreme(false, margin)?,
            Of::Greatest => tree.extreme(true, margin)?,
        };
        Some(decimal(&steps, bins.scale))
    }
}

/// Refuses histograms of more public groups than can be handled.
pub(super) fn check_size(leaf: &Leaf) -> Result<(), Refusal> {
    let counts = leaf.statistics.iter().filter_map(Statistic::bins).map(Bins::nodes);
    let counts = counts.fold(0, usize::saturating_add);
    let groups = leaf.keys.iter().map(|key| match &key.domain {
        Domain::Declared(values) => values.len(),
        _ => 1,
    });
    if groups.fold(counts, usize::saturating_mul) <= COUNTS_MAX {
        return Ok(());
    }
    Err(unsupported(
        "a quantile of each of this many groups",
        Some("Group by fewer columns, or by values of which there are fewer."),
    ))
}

/// Whether an aggregate is answered from a histogram, or refused beside those that are.
pub(super) fn is_quantile(name: &str) -> bool {
    matches!(name, "percentile_cont" | "percentile_disc" | "mode" | "min" | "max")
}

impl Rewriter<'_> {
    /// What stands in the place of a quantile.
    pub(super) fn quantile(
        &mut self,
        name: &str,
        function: &ast::Function,
    ) -> Result<Ast, Refusal> {
        if name == "mode" {
            return Err(mode_refused());
        }
        if self.totals {
            return Err(unsupported(
                "a quantile of totals",
                Some("Ask for it in a query of its own for each grouping."),
            )
            .near(name));
        }
        let malformed = || unsupported("an aggregate of this form", None).near(name);
        let FunctionArguments::List(list) = &function.args else { return Err(malformed()) };
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = list.args.as_slice() else {
            return Err(malformed());
        };
        if !list.clauses.is_empty() {
            return Err(unsupported("ORDER BY inside an aggregate", None).near(name));
        }
        let filter = function
            .filter
            .as_ref()
            .map(|filter| lower_condition(filter, self.scope))
            .transpose()?;
        let label = short(&function.to_string());
        if let "min" | "max" = name {
            let value = lower(argument, self.scope)?;
            let of = if name == "min" { Of::Least } else { Of::Greatest };
            return self.values_of(name, value, filter, &[of], false, label);
        }
        let [order] = function.within_group.as_slice() else { return Err(malformed()) };
        if !matches!(order.options.sort, None | Some(OrderBySort::Asc)) {
            return Err(unsupported(
                "a quantile in descending order",
                Some("Leave DESC away and write 1 minus the fraction."),
            )
            .near(name));
        }
        let (fractions, array) = fractions(argument).ok_or_else(|| fraction_refused(name))?;
        let of = |fraction: &f64| match name {
            "percentile_cont" => Of::Continuous(*fraction),
            _ => Of::Discrete(*fraction),
        };
        let wanted: Vec<Of> = fractions.iter().map(of).collect();
        let mut value = lower(&order.expr, self.scope)?;
        if name == "percentile_cont" {
            value = before_cast(value);
        }
        self.values_of(name, value, filter, &wanted, array, label)
    }

    fn values_of(
        &mut self,
        name: &str,
        value: Expr,
        filter: Option<Expr>,
        wanted: &[Of],
        array: bool,
        label: String,
    ) -> Result<Ast, Refusal> {
        let ty = match wanted.first() {
            Some(Of::Continuous(_)) => Type::Float(8),
            _ => value.ty.clone(),
        };
        let most = if self.keys.is_empty() { BINS_MAX } else { GROUPED_BINS_MAX };
        let (value, bins, form) = binned(name, value, most)?;
        let statistic = self.histogram(Statistic::Histogram { filter, value, bins })?;
        let mut label = Some(label);
        let mut shown = Vec::with_capacity(wanted.len());
        for of in wanted {
            let column = Column { statistic, of: *of, form, label: label.take() };
            shown.push(self.text_column(column));
        }
        let first = shown.first().cloned().unwrap_or_default();
        let values: Vec<String> = shown.iter().map(|text| of_type(text, form, &ty)).collect();
        let values = values.join(", ");
        parse::expression(&if array {
            format!("(CASE WHEN {first} IS NOT NULL THEN ARRAY[{values}] END)")
        } else {
            format!("({values})")
        })
    }

    /// The index of a histogram among the statistics.
    fn histogram(&mut self, wanted: Statistic) -> Result<usize, Refusal> {
        if let Some(at) = self.statistics.iter().position(|one| *one == wanted) {
            return Ok(at);
        }
        let histograms = self.statistics.iter().filter(|one| one.bins().is_some()).count();
        if histograms >= HISTOGRAMS_MAX {
            return Err(unsupported(
                "quantiles of more than eight numbers in one block",
                Some("Ask for some of them in a query of their own."),
            ));
        }
        self.statistics.push(wanted);
        Ok(self.statistics.len().saturating_sub(1))
    }

    /// The name of a column of texts.
    fn text_column(&mut self, column: Column) -> String {
        let same = |one: &Column| {
            (one.statistic, one.of, one.form) == (column.statistic, column.of, column.form)
        };
        let at = match self.quantiles.iter().position(same) {
            Some(at) => at,
            None => {
                self.quantiles.push(column);
                self.quantiles.len().saturating_sub(1)
            }
        };
        format!("({}.q{})", self.alias, at.saturating_add(1))
    }
}

/// A text of numbers as a value of the aggregate's type.
fn of_type(text: &str, form: Form, ty: &Type) -> String {
    match form {
        Form::Number => format!("{text}::{}", ty.name()),
        Form::Days => format!("('{EPOCH}'::date + {text}::integer)::{}", ty.name()),
        Form::Minutes => format!(
            "('{EPOCH}'::timestamp without time zone + {text}::double precision * \
             '00:01:00'::interval)"
        ),
    }
}

/// Writes `median(x)`, which the shadow has in its schema `public`, as the percentile that it is.
pub(super) fn medians(query: &mut Query) {
    struct Medians;
    impl VisitorMut for Medians {
        type Break = std::convert::Infallible;
        fn pre_visit_expr(&mut self, expr: &mut Ast) -> ControlFlow<Self::Break> {
            if let Ast::Function(function) = expr
                && let Some(percentile) = percentile(function)
            {
                *function = percentile;
            }
            ControlFlow::Continue(())
        }
    }
    fn percentile(median: &ast::Function) -> Option<ast::Function> {
        let arguments = arguments(median)?;
        let [argument] = arguments.as_slice() else { return None };
        if name_parts(&median.name) != ["public", "median"] {
            return None;
        }
        let text =
            format!("percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY {argument})");
        let Ok(Ast::Function(mut percentile)) = parse::expression(&text) else { return None };
        percentile.filter.clone_from(&median.filter);
        percentile.over.clone_from(&median.over);
        Some(percentile)
    }
    let ControlFlow::Continue(()) = VisitMut::visit(query, &mut Medians);
}

/// A number as it was before it became a binary one: `percentile_cont` takes no others.
fn before_cast(value: Expr) -> Expr {
    let Expr { node: Node::Call(Function::Cast, args), ty: Type::Float(8) } = &value else {
        return value;
    };
    match args.as_slice() {
        [inner] if inner.ty.is_number() => inner.clone(),
        _ => value,
    }
}

/// The value as a number, its bins, and what the number means.
fn binned(name: &str, value: Expr, most: u32) -> Result<(Expr, Bins, Form), Refusal> {
    match value.ty {
        Type::Int(_) | Type::Numeric(_) | Type::Float(_) => {
            let found = bounds(&value, false).map_err(|refusal| Refusal {
                sentence: refusal.sentence.replacen("A sum over", "A quantile of", 1),
                ..refusal
            })?;
            let (mut low, mut high) = (found.low, found.high);
            if let Type::Int(size) = value.ty {
                // What does not fit its type is no value of it.
                let bits = usize::from(size).saturating_mul(8).saturating_sub(1);
                let limit = IBig::ONE << bits;
                low = low.max(-limit.clone()).min(&limit - IBig::ONE);
                high = high.min(limit - IBig::ONE).max(low.clone());
            }
            Ok((value, Bins::over(found.scale, low, high, most), Form::Number))
        }
        Type::Date | Type::Timestamp => {
            let day = value.ty == Type::Date;
            let (low, high) = time_range(&value).ok_or_else(|| no_time_bounds(&value))?;
            let of = |(days, minutes): (i64, i64)| {
                let number = if day { days } else { days.saturating_mul(1440) + minutes };
                IBig::from(number)
            };
            let bins = Bins::over(0, of(low), of(high).max(of(low)), most);
            let number = if day { days_of(value)? } else { minutes_of(value)? };
            Ok((number, bins, if day { Form::Days } else { Form::Minutes }))
        }
        _ => Err(type_refused(name, &value.ty)),
    }
}

/// The constant fractions, and whether they were an array.
fn fractions(ast: &Ast) -> Option<(Vec<f64>, bool)> {
    if let Some((elements, _)) = array_elements(ast) {
        return listed(elements.iter().map(fraction));
    }
    if let Ast::Cast { expr, data_type, .. } = strip(ast)
        && data_type.to_string().ends_with("[]")
        && let Ast::Value(value) = strip(expr)
        && let Value::SingleQuotedString(text) = &value.value
    {
        let inner = text.strip_prefix('{')?.strip_suffix('}')?;
        return listed(inner.split(',').map(within));
    }
    Some((vec![fraction(ast)?], false))
}

fn listed(fractions: impl Iterator<Item = Option<f64>>) -> Option<(Vec<f64>, bool)> {
    let fractions: Vec<f64> = fractions.collect::<Option<_>>()?;
    (1..=FRACTIONS_MAX).contains(&fractions.len()).then_some((fractions, true))
}

fn fraction(ast: &Ast) -> Option<f64> {
    match strip(ast) {
        Ast::Cast { expr, .. } => fraction(expr),
        Ast::Value(value) => match &value.value {
            Value::Number(text, _) | Value::SingleQuotedString(text) => within(text),
            _ => None,
        },
        _ => None,
    }
}

fn within(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|fraction| (0.0..=1.0).contains(fraction))
}

fn fraction_refused(name: &str) -> Refusal {
    unsupported(
        "a quantile whose fraction is not a constant from 0 to 1",
        Some("Write numbers such as 0.5, or ARRAY[0.25, 0.5, 0.75] for several at one price."),
    )
    .near(name)
}

fn mode_refused() -> Refusal {
    Refusal::new(
        Code::Aggregate,
        "The aggregate mode has no noisy form here.",
        "Group by the value and count, then take the first: SELECT x, count(*) … GROUP BY x ORDER \
         BY 2 DESC LIMIT 1.",
    )
    .near("mode")
}

fn type_refused(name: &str, ty: &Type) -> Refusal {
    let hint = match ty {
        Type::TimestampTz => "Cast it to timestamp or to date.",
        Type::Interval => {
            "Take EXTRACT of it or of its ends, or a difference of dates, as a number."
        }
        _ => "It is answered for numbers, dates and timestamps that have public bounds.",
    };
    let sentence = format!("{name} of values of type {} has no noisy form here.", ty.name());
    Refusal::new(Code::Aggregate, sentence, hint).near(name)
}

fn no_time_bounds(value: &Expr) -> Refusal {
    let mut column = String::new();
    value.columns(&mut |found| column.clone_from(&found.name));
    Refusal::new(
        Code::Bounds,
        format!("A quantile of \"{column}\" needs bounds, and none follow from the policy."),
        "Use the column itself or a cast of it, and have bounds declared for it in the policy.",
    )
    .near(&column)
}
