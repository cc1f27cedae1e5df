//! Intervals beside noisy columns, where the session asks for them.
//!
//! They follow from what is released and from how much noise there is, so they cost nothing and
//! are no part of a question. The shape of an answer is known before it is asked, for Describe.

use noisegate_privacy::IBig;
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::{Plan, Statistic};
use noisegate_privacy::release::{Release, ReleasedRow};
use tokio_postgres::types::Type;

use super::Asked;
use super::gate::Gate;
use super::given;
use super::spoken::{ALPHA, half_width};
use crate::error::{Error, Refusal};
use crate::query::columns::{ValueColumn, decimal};
use crate::query::estimate::Derived;
use crate::query::intervals::{self, Intervals, Of};
use crate::query::leaves::{Answer as Kind, Bound, BoundLeaf};
use crate::query::splice::{self, Array};
use crate::query::{parse, tokens};
use crate::shadow::canonical::Canonical;

/// The columns of an answer, with intervals or without.
#[derive(Debug)]
pub(super) struct Shape {
    /// The columns' names.
    pub(super) names: Vec<String>,
    intervals: Intervals,
}

/// Widens a bound query if the session asks for intervals.
pub(super) fn shape(
    asked: &Asked<'_>,
    canonical: &Canonical,
    bound: &mut Bound,
) -> Result<Shape, Refusal> {
    let mut names = canonical.columns.clone();
    let intervals = if asked.settings.intervals {
        parse::deeply(|| intervals::add(bound, &mut names, canonical.parameters.len()))?
    } else {
        Intervals::default()
    };
    Ok(Shape { names, intervals })
}

/// A statement with the columns that the answer to a private query will have, and no rows, with the
/// types of its parameters; nothing if the query has no intervals.
pub async fn described(
    gate: &Gate,
    asked: &Asked<'_>,
) -> Result<Option<(String, Vec<u32>)>, Error> {
    let canonical = asked.canonical(gate).await?;
    let mut bound = given::bound(gate, asked, &canonical).await?;
    if bound.answer != Kind::Released {
        return Ok(None);
    }
    let shape = shape(asked, &canonical, &mut bound)?;
    if shape.intervals.arrays.is_empty() {
        return Ok(None);
    }
    let text = parse::deeply(|| splice::text(bound.query, &shape.names))?;
    let given = canonical.parameters.len();
    let without_rows =
        |number: usize| Some(if number > given { "NULL".to_owned() } else { format!("${number}") });
    let types = canonical.parameters.iter().map(Type::oid).collect();
    Ok(tokens::replace_parameters(&text, &without_rows).map(|text| (text, types)))
}

impl Shape {
    /// The arrays of the intervals, with their first parameters.
    pub(super) fn arrays(
        &self,
        plans: &[Plan<Analyzed>],
        leaves: &[BoundLeaf],
        releases: &[Release],
    ) -> Vec<(usize, Vec<Array>)> {
        let wanted = self.intervals.arrays.iter();
        wanted
            .filter_map(|interval| {
                let leaf = leaves.get(interval.leaf)?;
                let measured = Measured { plan: plans.get(interval.leaf)?, leaf };
                let rows = releases.get(interval.leaf)?.rows();
                let arrays = match interval.of {
                    Of::Value(at) => measured.value(leaf.columns.values.get(at)?, rows)?,
                    Of::Average(at) => measured.average(leaf.columns.derived.get(at)?, rows)?,
                };
                let arrays = arrays.into_iter().map(Array::Numbers).collect();
                Some((interval.first_parameter, arrays))
            })
            .collect()
    }

    /// What is said of columns without an interval.
    pub(super) fn notice(&self) -> Option<String> {
        let without = &self.intervals.without;
        (!without.is_empty()).then(|| {
            format!(
                "no interval for {}: only plain counts, sums and averages have one",
                without.join(", ")
            )
        })
    }
}

/// A leaf and how much noise it has.
struct Measured<'a> {
    plan: &'a Plan<Analyzed>,
    leaf: &'a BoundLeaf,
}

impl Measured<'_> {
    /// The low ends and the high ends of a count or a sum.
    fn value(&self, column: &ValueColumn, rows: &[ReleasedRow]) -> Option<Vec<Vec<String>>> {
        let half = half_width(self.plan.analysis(), column, ALPHA)?;
        let ends = |half: IBig| {
            let end = |row: &ReleasedRow| splice::shown(column, splice::steps(column, row) + &half);
            rows.iter().map(end).collect()
        };
        Some(vec![ends(-half.clone()), ends(half)])
    }

    /// The sums and counts of the low ends, then those of the high ones.
    ///
    /// With half of the error probability for each, the sum and the count lie in intervals, and
    /// the quotient between those of two corners. Where the count may be zero, the average may be
    /// anything within its bounds.
    fn average(&self, average: &Derived, rows: &[ReleasedRow]) -> Option<Vec<Vec<String>>> {
        let (sum, count) = average.average()?;
        let sum = self.leaf.columns.values.get(sum)?;
        let count = self.leaf.columns.values.get(count)?;
        let Statistic::Sum { bounds, .. } = self.plan.leaf().statistics.get(sum.statistic)? else {
            return None;
        };
        let alpha = (ALPHA.0, ALPHA.1.saturating_mul(2));
        let sum_half = half_width(self.plan.analysis(), sum, alpha)?;
        let count_half = half_width(self.plan.analysis(), count, alpha)?;
        let centre = sum.centre.as_ref().map_or(IBig::ZERO, |(_, centre)| centre.clone());
        let mut arrays = vec![Vec::new(); 4];
        for row in rows {
            let value = |column: &ValueColumn| {
                row.values.get(column.statistic).map_or(IBig::ZERO, |value| value.get().clone())
            };
            // The sum without what was left out for the centre: that is the count times the centre.
            let [low, high] = Corners {
                sum: &value(sum),
                sum_half: &sum_half,
                count: &value(count),
                count_half: &count_half,
                centre: &centre,
                bounds: [&bounds.low, &bounds.high],
            }
            .ends();
            let texts = [low, high].into_iter().flat_map(|(of_sum, of_count)| {
                [decimal(&of_sum, sum.scale), splice::shown(count, of_count)]
            });
            for (array, text) in arrays.iter_mut().zip(texts) {
                array.push(text);
            }
        }
        Some(arrays)
    }
}

/// A noisy sum over a noisy count, in steps, and how far off each may be.
struct Corners<'a> {
    sum: &'a IBig,
    sum_half: &'a IBig,
    count: &'a IBig,
    count_half: &'a IBig,
    centre: &'a IBig,
    bounds: [&'a IBig; 2],
}

impl Corners<'_> {
    /// The sum and the count whose quotient is the low end, then those of the high end.
    ///
    /// A quotient is monotone in each of the two, so its extremes are at corners: the low end is the
    /// lowest sum over the count that takes it furthest down, the least one if the sum is negative.
    fn ends(&self) -> [(IBig, IBig); 2] {
        // There is no average then.
        if *self.count <= IBig::ZERO {
            return [(IBig::ZERO, self.count.clone()), (IBig::ZERO, self.count.clone())];
        }
        let (least, most) = (self.count - self.count_half, self.count + self.count_half);
        if least <= IBig::ZERO {
            return self.bounds.map(|bound| (bound.clone(), IBig::ONE));
        }
        let (low, high) = (self.sum - self.sum_half, self.sum + self.sum_half);
        let low_over = if low < IBig::ZERO { &least } else { &most };
        let high_over = if high > IBig::ZERO { &least } else { &most };
        [
            (low + low_over * self.centre, low_over.clone()),
            (high + high_over * self.centre, high_over.clone()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_quotient_within_the_widths_is_between_the_ends(
            sum in -50_i64..50, sum_half in 0_i64..20, count in -3_i64..30, count_half in 0_i64..20,
            centre in -9_i64..9, a in -20_i64..=20, b in -20_i64..=20,
        ) {
            let (a, b) = (a.clamp(-sum_half, sum_half), b.clamp(-count_half, count_half));
            let big = IBig::from;
            let [(low, low_over), (high, high_over)] = Corners {
                sum: &big(sum),
                sum_half: &big(sum_half),
                count: &big(count),
                count_half: &big(count_half),
                centre: &big(centre),
                bounds: [&big(-7), &big(70)],
            }
            .ends();
            if count <= 0 {
                prop_assert!(low_over <= IBig::ZERO && high_over <= IBig::ZERO);
                return Ok(());
            }
            if count - count_half <= 0 {
                prop_assert_eq!([low / low_over, high / high_over], [big(-7), big(70)]);
                return Ok(());
            }
            // low / low_over ≤ (s + n·centre) / n ≤ high / high_over
            let (s, n) = (big(sum + a), big(count + b));
            let numerator = s + &n * big(centre);
            prop_assert!(low_over > IBig::ZERO && high_over > IBig::ZERO);
            prop_assert!(&low * &n <= &numerator * &low_over);
            prop_assert!(&numerator * &high_over <= &high * &n);
            if sum_half == 0 && count_half == 0 {
                let exact = (big(sum + count * centre), big(count));
                prop_assert_eq!((&low, &low_over), (&exact.0, &exact.1));
                prop_assert_eq!((&high, &high_over), (&exact.0, &exact.1));
            }
        }
    }
}
