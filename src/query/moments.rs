//! Variances, covariances, correlations and regressions, from sums of powers about a public centre.
//!
//! With t = x − c and s = y − d for public centres c and d, everything here follows from n, Σt, Σs,
//! Σt², Σs² and Σts, which are sums of whole steps like any other: a variance does not change when
//! all numbers are moved. About the middle of its range a number is at most half of that range,
//! and its square between 0 and a quarter of the range's square, which is centred once more.
//!
//! n·Σt² − (Σt)² is exactly PostgreSQL's n·Σx² − (Σx)², in the same decimal places, so that without
//! noise the quotients come out digit by digit as PostgreSQL's own.

use noisegate_privacy::IBig;
use noisegate_privacy::expr::{Expr, Function, Type};
use noisegate_privacy::plan::{Bounds, Statistic};
use sqlparser::ast::Expr as Ast;

use super::aggregates::Rewriter;
use super::columns::decimal;
use super::estimate::{Derived, Estimate};
use super::keys::is_nullable;
use super::parse;
use super::refusals::no_noisy_form;
use super::variable::{Variable, float, present, quarter};
use crate::error::Refusal;

/// A sum of the leaf: its SQL, and its mean for the notices.
struct Sum {
    sql: String,
    mean: Estimate,
    column: usize,
}

/// What a number, or two, spread about their means.
struct Spread {
    /// n² times the variance or covariance, held to what is possible.
    sql: String,
    /// The variance or covariance itself.
    estimate: Estimate,
    parts: Parts,
}

type Parts = Vec<(&'static str, usize)>;

/// What becomes of an aggregate.
struct Found {
    /// The SQL of the condition without which it is NULL.
    when: String,
    /// The SQL of its value, of type `numeric`.
    value: String,
    estimate: Estimate,
    parts: Parts,
}

impl Rewriter<'_> {
    /// What stands in the place of one of these aggregates.
    pub(super) fn moment(
        &mut self,
        name: &str,
        arguments: &[&Ast],
        filter: Option<Expr>,
        filter_text: &str,
        label: String,
    ) -> Result<Ast, Refusal> {
        let found = match arguments {
            [x] => {
                let x = self.variable(x, filter_text)?;
                let count = Statistic::Rows {
                    filter: filter.clone(),
                    present: is_nullable(&x.value).then(|| x.value.clone()),
                };
                let n = self.column(count, 0, None, None);
                let mut found = self.of_one(name, &x, filter, n);
                // PostgreSQL's is `numeric` unless the number is binary.
                if x.float {
                    found.value = binary(&found.value);
                }
                found.parts.push(("the count", n));
                found
            }
            [y, x] => {
                let (y, x) = (self.variable(y, filter_text)?, self.variable(x, filter_text)?);
                let filter = with_both(filter, &y.value, &x.value);
                let count = Statistic::Rows { filter: filter.clone(), present: None };
                if name == "regr_count" {
                    let n = self.column(count, 0, None, Some(&label));
                    return parse::expression(&self.cell(n, "bigint"));
                }
                let n = self.column(count, 0, None, None);
                let mut found = self.of_two(name, &y, &x, filter, n);
                found.value = binary(&found.value);
                found.parts.push(("the count", n));
                found
            }
            _ => return Err(no_noisy_form(name)),
        };
        let Found { when, value, estimate, parts } = found;
        self.derived.push(Derived { label, parts, estimate, text: String::new() });
        parse::expression(&format!("(CASE WHEN {when} THEN {value} END)"))
    }

    fn variable(&self, argument: &Ast, filter: &str) -> Result<Variable, Refusal> {
        Variable::read(argument, filter, self.scope, &self.sums)
    }

    /// VAR_* and STDDEV_*.
    fn of_one(&mut self, name: &str, x: &Variable, filter: Option<Expr>, n: usize) -> Found {
        let xx = self.squared(x, filter, n, ("the sum", "the squares"));
        let count = self.cell(n, "numeric");
        let population = name.ends_with("_pop");
        let (least, divisor) = if population {
            (0, format!("({count} * {count})"))
        } else {
            (1, format!("({count} * ({count} - 1))"))
        };
        let variance = format!("CASE WHEN {xx} > 0 THEN {xx} / {divisor} ELSE 0 END", xx = xx.sql);
        let estimate = if population { xx.estimate } else { sampled(xx.estimate, n) };
        let (value, estimate) = match (name.starts_with("stddev"), x.float) {
            (false, _) => (variance, estimate),
            (true, true) => (format!("sqrt({variance})"), estimate.root()),
            // PostgreSQL takes the root to as many places as the variance has.
            (true, false) => {
                let root = format!(
                    "round(sqrt(round({variance}, scale({variance}) + 10)), scale({variance}))"
                );
                (root, estimate.root())
            }
        };
        Found { when: format!("{count} > {least}"), value, estimate, parts: xx.parts }
    }

    /// CORR, COVAR_* and REGR_*, of the rows that have both numbers.
    fn of_two(
        &mut self,
        name: &str,
        y: &Variable,
        x: &Variable,
        filter: Option<Expr>,
        n: usize,
    ) -> Found {
        let of_x = ("the sum of x", "the squares of x");
        let of_y = ("the sum of y", "the squares of y");
        let count = self.cell(n, "numeric");
        match name {
            "regr_avgx" => return self.mean(x, filter, n, of_x.0),
            "regr_avgy" => return self.mean(y, filter, n, of_y.0),
            "regr_sxx" => return total(&count, n, self.squared(x, filter, n, of_x)),
            "regr_syy" => return total(&count, n, self.squared(y, filter, n, of_y)),
            "regr_sxy" => return total(&count, n, self.multiplied(y, x, filter, n)),
            _ => {}
        }
        let xy = self.multiplied(y, x, filter.clone(), n);
        let divided = |least: u8, divisor: &str, estimate: Estimate, xy: Spread| Found {
            when: format!("{count} > {least}"),
            value: format!("{} / ({count} * {divisor})", xy.sql),
            estimate,
            parts: xy.parts,
        };
        match name {
            "covar_pop" => return divided(0, &count, xy.estimate.clone(), xy),
            "covar_samp" => {
                let divisor = format!("({count} - 1)");
                return divided(1, &divisor, sampled(xy.estimate.clone(), n), xy);
            }
            _ => {}
        }
        let xx = self.squared(x, filter.clone(), n, of_x);
        let parts = joined(xy.parts, &xx.parts);
        let when = format!("{count} > 0 AND {} > 0", xx.sql);
        let slope = format!("{} / {}", xy.sql, xx.sql);
        match name {
            "regr_slope" => {
                Found { when, value: slope, estimate: xy.estimate.over(xx.estimate), parts }
            }
            "regr_intercept" => {
                let (of_x, of_y) =
                    (self.mean(x, filter.clone(), n, of_x.0), self.mean(y, filter, n, of_y.0));
                let value = format!("{} - {slope} * {}", of_y.value, of_x.value);
                let rise = xy.estimate.over(xx.estimate).times(of_x.estimate);
                Found { when, value, estimate: of_y.estimate.minus(rise), parts }
            }
            _ => {
                let yy = self.squared(y, filter, n, of_y);
                let parts = joined(parts, &yy.parts);
                let variances = xx.estimate.times(yy.estimate);
                let product = format!("({} * {})", xx.sql, yy.sql);
                if name == "corr" {
                    return Found {
                        when: format!("{when} AND {} > 0", yy.sql),
                        value: format!("LEAST(GREATEST({} / sqrt{product}, -1), 1)", xy.sql),
                        estimate: xy.estimate.over(variances.root()).within(-1.0, 1.0),
                        parts,
                    };
                }
                let value = format!(
                    "CASE WHEN {yy} > 0 THEN LEAST({xy} * {xy} / {product}, 1) ELSE 1 END",
                    yy = yy.sql,
                    xy = xy.sql
                );
                let estimate = xy.estimate.square().over(variances).within(0.0, 1.0);
                Found { when, value, estimate, parts }
            }
        }
    }

    /// The mean, held within the bounds.
    fn mean(&mut self, x: &Variable, filter: Option<Expr>, n: usize, role: &'static str) -> Found {
        let count = self.cell(n, "numeric");
        let t = self.deviations(x, filter, n);
        let limit = |steps: &IBig| decimal(steps, x.scale());
        let Bounds { low, high, centre, .. } = &x.bounds;
        let value = format!(
            "LEAST(GREATEST({} / {count} + ({}), {}), {})",
            t.sql,
            limit(centre),
            limit(low),
            limit(high)
        );
        let estimate = t.mean.plus(Estimate::Number(float(centre, x.scale())));
        Found { when: format!("{count} > 0"), value, estimate, parts: vec![(role, t.column)] }
    }

    /// n·Σt² − (Σt)².
    fn squared(
        &mut self,
        x: &Variable,
        filter: Option<Expr>,
        n: usize,
        roles: (&'static str, &'static str),
    ) -> Spread {
        let (t, tt) = (self.deviations(x, filter.clone(), n), self.squares(x, filter, n));
        let count = self.cell(n, "numeric");
        let most = decimal(&x.variance_max(), x.scale().saturating_mul(2));
        let sql = format!(
            "LEAST(GREATEST({count} * {tt} - {t} * {t}, 0), {count} * {count} * {most})",
            tt = tt.sql,
            t = t.sql
        );
        let most = float(&x.variance_max(), x.scale().saturating_mul(2));
        let estimate = tt.mean.minus(t.mean.square()).within(0.0, most);
        Spread { sql, estimate, parts: vec![(roles.0, t.column), (roles.1, tt.column)] }
    }

    /// n·Σts − Σt·Σs.
    fn multiplied(&mut self, y: &Variable, x: &Variable, filter: Option<Expr>, n: usize) -> Spread {
        let of_x = self.deviations(x, filter.clone(), n);
        let of_y = self.deviations(y, filter.clone(), n);
        let scale = x.scale().saturating_add(y.scale());
        let product = self.column_of_sum(products(y, x, filter), scale, None, n);
        let count = self.cell(n, "numeric");
        // No covariance is larger than the geometric mean of the largest variances.
        let steps = quarter(&(x.range() * y.range()));
        let most = decimal(&steps, scale);
        let sql = format!(
            "LEAST(GREATEST({count} * {} - {} * {}, -({count} * {count} * {most})), \
             {count} * {count} * {most})",
            product.sql, of_x.sql, of_y.sql
        );
        let most = float(&steps, scale);
        let estimate = product.mean.minus(of_x.mean.times(of_y.mean)).within(-most, most);
        let parts = vec![
            ("the sum of x", of_x.column),
            ("the sum of y", of_y.column),
            ("the products", product.column),
        ];
        Spread { sql, estimate, parts }
    }

    /// Σt, from whichever sum of the number there is.
    fn deviations(&mut self, x: &Variable, filter: Option<Expr>, n: usize) -> Sum {
        let Bounds { centre, .. } = &x.bounds;
        let taken = if x.summed { IBig::ZERO } else { centre.clone() };
        let rest = &taken - centre;
        let bounds = Bounds { centre: taken, ..x.bounds.clone() };
        let sum = Statistic::Sum { filter, value: x.value.clone(), bounds };
        self.column_of_sum(sum, x.scale(), Some(rest), n)
    }

    /// Σt². A square lies between 0 and that of the reach, and is centred between them.
    fn squares(&mut self, x: &Variable, filter: Option<Expr>, n: usize) -> Sum {
        let scale = x.scale().saturating_mul(2);
        let high = x.reach() * x.reach();
        let centre = &high / IBig::from(2);
        let bounds = Bounds { scale, low: IBig::ZERO, high, centre: centre.clone() };
        let t = x.deviation(x.value.clone());
        let value = Expr::call(Function::Mul, vec![t.clone(), t], Type::Numeric(None));
        self.column_of_sum(Statistic::Sum { filter, value, bounds }, scale, Some(centre), n)
    }

    /// The column of a sum, with what is to be added for each row.
    fn column_of_sum(&mut self, sum: Statistic, scale: u32, each: Option<IBig>, n: usize) -> Sum {
        let each = each.filter(|each| *each != IBig::ZERO);
        let counter = self.values.get(n).map_or(0, |column| column.statistic);
        let centre = each.clone().map(|each| (counter, each));
        let column = self.numeric_column(sum, scale, centre);
        let mean = Estimate::Column(column).over(Estimate::Column(n));
        let mean = match each {
            Some(each) => mean.plus(Estimate::Number(float(&each, scale))),
            None => mean,
        };
        Sum { sql: self.cell(column, "numeric"), mean, column }
    }
}

/// Σts as a statistic.
fn products(y: &Variable, x: &Variable, filter: Option<Expr>) -> Statistic {
    let high = x.reach() * y.reach();
    let scale = x.scale().saturating_add(y.scale());
    let bounds = Bounds { scale, low: -high.clone(), high, centre: IBig::ZERO };
    let factors = vec![x.deviation(x.held()), y.deviation(y.held())];
    let value = Expr::call(Function::Mul, factors, Type::Numeric(None));
    Statistic::Sum { filter, value, bounds }
}

/// The condition that both numbers are there, and the aggregate's own.
fn with_both(filter: Option<Expr>, y: &Expr, x: &Expr) -> Option<Expr> {
    let both = [y, x].into_iter().filter(|value| is_nullable(value)).map(present);
    let conditions: Vec<Expr> = filter.into_iter().chain(both).collect();
    match conditions.len() {
        0 | 1 => conditions.into_iter().next(),
        _ => Some(Expr::call(Function::And, conditions, Type::Bool)),
    }
}

/// A sum of squares or products about the means.
fn total(count: &str, n: usize, spread: Spread) -> Found {
    let estimate = spread.estimate.times(Estimate::Column(n));
    let value = format!("{} / {count}", spread.sql);
    Found { when: format!("{count} > 0"), value, estimate, parts: spread.parts }
}

fn joined(mut parts: Parts, others: &[(&'static str, usize)]) -> Parts {
    for part in others {
        if !parts.contains(part) {
            parts.push(*part);
        }
    }
    parts
}

fn binary(sql: &str) -> String {
    format!("(LEAST(GREATEST({sql}, -1e300), 1e300))::double precision")
}

/// What a sample tells of the whole: n / (n − 1) times as much.
fn sampled(estimate: Estimate, n: usize) -> Estimate {
    let less = Estimate::Column(n).minus(Estimate::Number(1.0));
    estimate.times(Estimate::Column(n).over(less))
}
