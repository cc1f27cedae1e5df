//! Many answers to one query, and how far off they are.

use std::collections::BTreeMap;

use noisegate::query::leaves::BoundLeaf;
use noisegate_privacy::analyze::{Analyzed, Contribution, Selection, Terms, analyze};
use noisegate_privacy::budget::{Accountant, Delta, Epsilon};
use noisegate_privacy::plan::Plan;
use noisegate_privacy::release::Release;
use noisegate_privacy::{IBig, UBig};

use super::Failure;
use super::queries::{Query, Value};
use super::sides::{Groups, Sides};

/// Which noise, with all of the total for one release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// ρ-zCDP for the ρ of which the tight conversion makes (1, 10⁻⁶).
    Gaussian,
    /// ε = 1.
    Laplace,
}

/// What came of a query.
pub(crate) enum Measured {
    Refused(String),
    /// Relative errors.
    Errors {
        way: Way,
        floor: f64,
        given: f64,
        automatic: f64,
    },
}

/// Quarter powers of two around the first guess that are tried for the best bound.
const AROUND: std::ops::RangeInclusive<i32> = -4..=5;

pub(crate) async fn query(sides: &Sides, query: &Query, runs: usize) -> Result<Measured, Failure> {
    let leaf = match sides.leaf(query.text).await? {
        Ok(leaf) => leaf,
        Err(why) => return Ok(Measured::Refused(why)),
    };
    let truth = sides.truth(query.text).await?;
    let mut best: Option<(Way, Asked<'_>, Plan<Analyzed>, f64)> = None;
    for way in [Way::Gaussian, Way::Laplace] {
        let mut asked = Asked { sides, query, leaf: &leaf, truth: &truth, known: BTreeMap::new() };
        let Ok(automatic) = analyze(leaf.leaf.clone(), &terms(way, Contribution::Automatic)) else {
            continue;
        };
        let (plan, floor) = asked.oracle(way, &automatic).await?;
        if best.as_ref().is_none_or(|(.., least)| floor < *least) {
            best = Some((way, asked, plan, floor));
        }
    }
    let (way, mut asked, plan, floor) = best.ok_or("no plan")?;
    let mut given = Vec::new();
    for _ in 0..runs {
        given.push(asked.once(&plan).await?);
    }
    let waiting = analyze(leaf.leaf.clone(), &terms(way, Contribution::Automatic));
    let waiting = waiting.map_err(|rejection| format!("{rejection:?}"))?;
    let mut automatic = Vec::new();
    for _ in 0..runs {
        let plan = asked.estimated(&waiting, true).await?;
        automatic.push(asked.once(&plan).await?);
    }
    Ok(Measured::Errors { way, floor, given: median(given), automatic: median(automatic) })
}

fn terms(way: Way, contribution: Contribution) -> Terms {
    let (epsilon, accountant) = match way {
        // ε²/2 = 0.02413, which with δ = 9·10⁻⁷ is (1, 10⁻⁶) beside a selection of 10⁻⁷.
        Way::Gaussian => ("0.2196", Accountant::Zcdp),
        Way::Laplace => ("1", Accountant::Pure),
    };
    let number = "these are numbers";
    Terms {
        epsilon: Epsilon::parse(epsilon).expect(number),
        accountant,
        delta: Delta::parse("1e-7").expect(number),
        group_min: 10,
        groups_max: 5,
        contribution,
    }
}

struct Asked<'a> {
    sides: &'a Sides,
    query: &'a Query,
    leaf: &'a BoundLeaf,
    truth: &'a Groups<f64>,
    /// What the source said before, by the text of the plan's bounds.
    known: BTreeMap<String, Groups<Vec<IBig>>>,
}

impl Asked<'_> {
    /// The plan with the bounds whose expected error is least, and that error.
    async fn oracle(
        &mut self,
        way: Way,
        waiting: &Plan<Analyzed>,
    ) -> Result<(Plan<Analyzed>, f64), Failure> {
        let guess = self.estimated(waiting, false).await?;
        let bounds: Vec<UBig> = guess
            .analysis()
            .statistics
            .iter()
            .map(|one| one.bound.clone().unwrap_or(UBig::ONE))
            .collect();
        let mut best: Option<(Plan<Analyzed>, f64)> = None;
        for quarter in AROUND {
            let scaled =
                bounds.iter().map(|bound| times(bound, 2_f64.powf(f64::from(quarter) / 4.0)));
            let known = Contribution::Known(scaled.collect());
            let plan = analyze(self.leaf.leaf.clone(), &terms(way, known));
            let plan = plan.map_err(|rejection| format!("{rejection:?}"))?;
            let error = self.expected(&plan).await?;
            if best.as_ref().is_none_or(|(_, least)| error < *least) {
                best = Some((plan, error));
            }
            if waiting.estimate().is_none() {
                break;
            }
        }
        best.ok_or_else(|| "no bound".into())
    }

    /// The plan with bounds from an estimate, drawn anew, or without noise.
    async fn estimated(
        &mut self,
        waiting: &Plan<Analyzed>,
        noisy: bool,
    ) -> Result<Plan<Analyzed>, Failure> {
        let Some(estimate) = waiting.estimate() else { return Ok(waiting.clone()) };
        let exact = self.exact(estimate).await?;
        let mut rows = Vec::new();
        for (key, counts) in exact {
            let number = |at: usize| -> Result<i64, Failure> {
                Ok(key.get(at).cloned().flatten().ok_or("a key")?.parse()?)
            };
            let bin = i32::try_from(number(0)?)?.to_be_bytes().to_vec();
            let groups = number(1)?.to_be_bytes().to_vec();
            let mut noised = Vec::new();
            for (count, one) in counts.into_iter().zip(&estimate.analysis().statistics) {
                noised.push(if noisy { count + one.noise.draw()? } else { count });
            }
            rows.push((vec![Some(bin), Some(groups)], noised));
        }
        rows.sort();
        Ok(waiting.clone().bounded(&Release::recalled(rows)).ok_or("no bounds")?)
    }

    async fn exact(&mut self, plan: &Plan<Analyzed>) -> Result<Groups<Vec<IBig>>, Failure> {
        let text = noisegate::source::shown(plan);
        if let Some(known) = self.known.get(&text) {
            return Ok(known.clone());
        }
        let groups = self.sides.exact(plan).await?;
        self.known.insert(text, groups.clone());
        Ok(groups)
    }

    /// The relative error of one answer.
    async fn once(&mut self, plan: &Plan<Analyzed>) -> Result<f64, Failure> {
        let exact = self.exact(plan).await?;
        let mut noisy = Groups::new();
        for (key, values) in exact {
            let mut drawn = Vec::new();
            for (value, one) in values.iter().zip(&plan.analysis().statistics) {
                drawn.push((value + one.noise.draw()?, one.grains));
            }
            if let Selection::Threshold { units, noisy_min, .. } = &plan.analysis().selection {
                let least = IBig::from(noisy_min.clone());
                if drawn.get(*units).is_none_or(|(units, _)| *units < least) {
                    continue;
                }
            }
            let steps = |(drawn, grains): &(IBig, u32)| (float(drawn) / f64::from(*grains)).round();
            noisy.insert(key, drawn.iter().map(steps).collect());
        }
        Ok(self.error(&noisy))
    }

    /// The relative error to expect: the median of many answers.
    async fn expected(&mut self, plan: &Plan<Analyzed>) -> Result<f64, Failure> {
        let groups = self.exact(plan).await?.len();
        let draws = if groups > 50 { 21 } else { 301 };
        let mut errors = Vec::new();
        for _ in 0..draws {
            errors.push(self.once(plan).await?);
        }
        Ok(median(errors))
    }

    /// The median over the groups that have something in them.
    fn error(&self, noisy: &Groups<Vec<f64>>) -> f64 {
        let column = |at: usize, numbers: &[f64]| -> Option<f64> {
            let column = self.leaf.columns.values.get(at)?;
            let mut steps = *numbers.get(column.statistic)?;
            if let Some((count, centre)) = &column.centre {
                steps += numbers.get(*count)? * float(centre);
            }
            Some(steps / 10_f64.powi(i32::try_from(column.scale).ok()?))
        };
        let errors = noisy.iter().filter_map(|(key, numbers)| {
            let truth = self.truth.get(key).filter(|truth| **truth != 0.0)?;
            let value = match self.query.value {
                Value::First => column(0, numbers)?,
                Value::Percentage => 100.0 * column(0, numbers)? / column(1, numbers)?,
            };
            Some((value / truth - 1.0).abs())
        });
        median(errors.collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn times(number: &UBig, factor: f64) -> UBig {
    let thousandths = format!("{:.0}", factor * 1000.0).parse::<u64>().unwrap_or(1000);
    (number * UBig::from(thousandths) / UBig::from(1000_u16)).max(UBig::ONE)
}

fn float(number: &IBig) -> f64 {
    number.to_string().parse().unwrap_or(f64::INFINITY)
}
