//! Many answers to one query, and how far off they are.

use std::collections::{BTreeMap, BTreeSet};

use noisegate::query::leaves::BoundLeaf;
use noisegate_privacy::analyze::{Analyzed, Contribution, Selection, Terms, analyze};
use noisegate_privacy::budget::{Accountant, Amount, Delta, Epsilon, Rho};
use noisegate_privacy::noise::Noise;
use noisegate_privacy::plan::Plan;
use noisegate_privacy::release::Release;
use noisegate_privacy::{IBig, UBig};

use super::Failure;
use super::queries::{Number, Query};
use super::sides::{Groups, Sides, sorted};

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
        /// With the estimated bounds, but equal shares; nothing where there is one share.
        equal: Option<f64>,
    },
}

/// Quarter powers of two around the first guess that are tried for the best bound.
const AROUND: std::ops::RangeInclusive<i32> = -4..=5;
/// In how many parts a price is cut to find the best shares of two statistics.
const CUTS: u32 = 10;
/// How often the noise of one answer is drawn, where it has few groups: the median of one number a
/// run would be off by a fifth for no other reason than chance.
const DRAWS: usize = 21;
/// A group has its own noise, so many groups need no more draws.
const MANY_GROUPS: usize = 50;

/// A plan, and the noise that its statistics get in place of its own.
#[derive(Clone)]
struct Noised {
    plan: Plan<Analyzed>,
    noise: Vec<Noise>,
}

pub(crate) async fn query(sides: &Sides, query: &Query, runs: usize) -> Result<Measured, Failure> {
    let leaf = match sides.leaf(query.text).await? {
        Ok(leaf) => leaf,
        Err(why) => return Ok(Measured::Refused(why)),
    };
    let truth = sides.truth(query.text, query.numbers.len()).await?;
    let mut best: Option<(Way, Asked<'_>, Noised, f64)> = None;
    for way in [Way::Gaussian, Way::Laplace] {
        let known = BTreeMap::new();
        let mut asked = Asked { sides, query, leaf: &leaf, truth: &truth, way, known };
        let Ok(waiting) = analyze(leaf.leaf.clone(), &terms(way, Contribution::Automatic)) else {
            continue;
        };
        let oracle = asked.oracle(&waiting).await?;
        let floor = asked.median(&oracle, 40 * DRAWS).await?;
        if best.as_ref().is_none_or(|(.., least)| floor < *least) {
            best = Some((way, asked, oracle, floor));
        }
    }
    let (way, mut asked, oracle, floor) = best.ok_or("no plan")?;
    let mut given = Vec::new();
    for _ in 0..runs {
        given.extend(asked.errors(&oracle, DRAWS).await?);
    }
    let waiting = analyze(leaf.leaf.clone(), &terms(way, Contribution::Automatic));
    let waiting = waiting.map_err(|rejection| format!("{rejection:?}"))?;
    let mut plans = Vec::new();
    for _ in 0..runs {
        plans.push(asked.estimated(&waiting, true).await?);
    }
    asked.look_up(&plans).await?;
    let (mut automatic, mut equal) = (Vec::new(), Vec::new());
    for plan in plans {
        equal.extend(asked.errors(&asked.equal(&plan)?, DRAWS).await?);
        automatic.extend(asked.errors(&Noised::of(plan), DRAWS).await?);
    }
    let several = waiting.analysis().statistics.len() > 1 && waiting.estimate().is_some();
    Ok(Measured::Errors {
        way,
        floor,
        given: median(given),
        automatic: median(automatic),
        equal: several.then(|| median(equal)),
    })
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

impl Noised {
    /// With its own noise.
    fn of(plan: Plan<Analyzed>) -> Self {
        let noise = plan.analysis().statistics.iter().map(|one| one.noise.clone()).collect();
        Self { plan, noise }
    }
}

struct Asked<'a> {
    sides: &'a Sides,
    query: &'a Query,
    leaf: &'a BoundLeaf,
    truth: &'a Groups<Vec<f64>>,
    way: Way,
    /// What the source said before of one column, by the text of its plan without bounds, the
    /// column's place and its bound. A column does not depend on the bounds of others.
    known: BTreeMap<(bool, usize, Option<UBig>), Groups<IBig>>,
}

impl Asked<'_> {
    /// The bounds and the shares whose expected error is least.
    async fn oracle(&mut self, waiting: &Plan<Analyzed>) -> Result<Noised, Failure> {
        let guess = self.estimated(waiting, false).await?;
        let bounds = bounds(&guess);
        let mut best: Option<(Noised, f64)> = None;
        for quarter in AROUND {
            let factor = 2_f64.powf(f64::from(quarter) / 4.0);
            let scaled = bounds.iter().map(|bound| times(bound, factor)).collect();
            let plan = self.with_bounds(scaled)?;
            for weights in self.shares(&plan).await? {
                let noised = self.weighted(&plan, &weights)?;
                let error = self.median(&noised, 10 * DRAWS).await?;
                if best.as_ref().is_none_or(|(_, least)| error < *least) {
                    best = Some((noised, error));
                }
            }
            if waiting.estimate().is_none() {
                break;
            }
        }
        Ok(best.ok_or("no bound")?.0)
    }

    fn with_bounds(&self, bounds: Vec<UBig>) -> Result<Plan<Analyzed>, Failure> {
        let terms = terms(self.way, Contribution::Known(bounds));
        let plan = analyze(self.leaf.leaf.clone(), &terms);
        plan.map_err(|rejection| format!("{rejection:?}").into())
    }

    /// Shares to try for a plan: equal ones, all of two, and those that are best for sums of known
    /// sizes.
    async fn shares(&mut self, plan: &Plan<Analyzed>) -> Result<Vec<Vec<f64>>, Failure> {
        let statistics = plan.analysis().statistics.len();
        let mut shares = vec![vec![1.0; statistics]];
        if statistics == 2 {
            let cuts = (1..CUTS).map(|cut| vec![f64::from(cut), f64::from(CUTS - cut)]);
            shares.extend(cuts);
        } else if statistics > 2 {
            let exact = self.exact(plan).await?;
            let bounds = bounds(plan);
            let best = (0..statistics).map(|at| {
                let column = self.leaf.columns.values.iter().find(|column| column.statistic == at);
                let centre = column.and_then(|column| column.centre.as_ref());
                let sizes = exact.values().map(|values| {
                    let count =
                        centre.and_then(|(count, centre)| Some((values.get(*count)?, centre)));
                    let centres = count.map_or(IBig::ZERO, |(count, centre)| count * centre);
                    values.get(at).map_or(0.0, |value| float(&(value + centres)).abs())
                });
                let bound = bounds.get(at).map_or(1.0, |bound| float(&bound.clone().into()));
                let relative = bound / sizes.sum::<f64>().max(1.0);
                if self.way == Way::Gaussian { relative } else { relative.powf(2.0 / 3.0) }
            });
            shares.push(best.collect());
        }
        Ok(shares)
    }

    /// A plan with shares of its price in proportion to these.
    fn weighted(&self, plan: &Plan<Analyzed>, weights: &[f64]) -> Result<Noised, Failure> {
        let loss = plan.loss();
        let price = match self.way {
            Way::Gaussian => &loss.rho,
            Way::Laplace => loss.epsilon.as_ref().ok_or("no ε")?,
        };
        let all: f64 = weights.iter().sum();
        let mut noise = Vec::new();
        for (one, weight) in plan.analysis().statistics.iter().zip(weights) {
            let units = times(price.units(), weight / all);
            let amount = Amount::from_units(units);
            let bound = one.bound.clone().unwrap_or_else(|| one.linf.clone());
            noise.push(match self.way {
                Way::Gaussian => {
                    Noise::gaussian(&(&bound * &bound), &Rho::from_cost(&amount).ok_or("no ρ")?)
                }
                Way::Laplace => Noise::laplace(&bound, &Epsilon::from_cost(&amount).ok_or("no ε")?),
            });
        }
        Ok(Noised { plan: plan.clone(), noise })
    }

    /// The same plan with equal shares.
    fn equal(&self, plan: &Plan<Analyzed>) -> Result<Noised, Failure> {
        self.weighted(plan, &vec![1.0; plan.analysis().statistics.len()])
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

    /// Asks the source for the columns of all these plans, which have one leaf, in as few statements
    /// as there are different bounds of one column.
    async fn look_up(&mut self, plans: &[Plan<Analyzed>]) -> Result<(), Failure> {
        let mut columns: Vec<BTreeSet<UBig>> = Vec::new();
        for plan in plans {
            let bounds = bounds(plan);
            columns.resize(bounds.len(), BTreeSet::new());
            for (column, bound) in columns.iter_mut().zip(bounds) {
                column.insert(bound);
            }
        }
        let columns: Vec<Vec<UBig>> =
            columns.into_iter().map(|column| column.into_iter().collect()).collect();
        let most = columns.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..most {
            let bounds = columns.iter().filter_map(|column| column.get(at % column.len()).cloned());
            let plan = self.with_bounds(bounds.collect())?;
            self.exact(&plan).await?;
        }
        Ok(())
    }

    async fn exact(&mut self, plan: &Plan<Analyzed>) -> Result<Groups<Vec<IBig>>, Failure> {
        let analyzed = plan.analysis();
        let is_estimate = analyzed.grids().is_some();
        let names = analyzed.statistics.iter().enumerate();
        let names: Vec<_> = names.map(|(at, one)| (is_estimate, at, one.bound.clone())).collect();
        if names.iter().any(|name| !self.known.contains_key(name)) {
            for (key, values) in self.sides.exact(plan).await? {
                for (name, value) in names.iter().zip(values) {
                    self.known.entry(name.clone()).or_default().insert(key.clone(), value);
                }
            }
            // Also where there are no groups at all.
            for name in &names {
                self.known.entry(name.clone()).or_default();
            }
        }
        let mut groups: Groups<Vec<IBig>> = Groups::new();
        for column in names.iter().filter_map(|name| self.known.get(name)) {
            for (key, value) in column {
                groups.entry(key.clone()).or_default().push(value.clone());
            }
        }
        Ok(groups)
    }

    /// The relative errors of so many answers, or of one if it has many groups.
    async fn errors(&mut self, noised: &Noised, draws: usize) -> Result<Vec<f64>, Failure> {
        let exact = self.exact(&noised.plan).await?;
        let draws = if exact.len() > MANY_GROUPS { draws.div_ceil(DRAWS) } else { draws };
        (0..draws).map(|_| self.once(noised, &exact)).collect()
    }

    async fn median(&mut self, noised: &Noised, draws: usize) -> Result<f64, Failure> {
        Ok(median(self.errors(noised, draws).await?))
    }

    /// The relative error of one answer.
    fn once(&self, noised: &Noised, exact: &Groups<Vec<IBig>>) -> Result<f64, Failure> {
        let analyzed = noised.plan.analysis();
        let mut noisy = Groups::new();
        for (key, values) in exact {
            let mut drawn = Vec::new();
            for ((value, one), noise) in values.iter().zip(&analyzed.statistics).zip(&noised.noise)
            {
                drawn.push((value + noise.draw()?, one.grains));
            }
            if let Selection::Threshold { units, noisy_min, .. } = &analyzed.selection {
                let least = IBig::from(noisy_min.clone());
                if drawn.get(*units).is_none_or(|(units, _)| *units < least) {
                    continue;
                }
            }
            let steps = |(drawn, grains): &(IBig, u32)| (float(drawn) / f64::from(*grains)).round();
            noisy.insert(sorted(key), drawn.iter().map(steps).collect());
        }
        Ok(self.error(&noisy))
    }

    /// The median over the groups that have something in them; of several numbers of a group, the
    /// root of the mean of their squares.
    fn error(&self, noisy: &Groups<Vec<f64>>) -> f64 {
        let errors = noisy.iter().filter_map(|(key, drawn)| {
            let truth = self.truth.get(key)?;
            let numbers = self.query.numbers.iter().zip(truth);
            let numbers = numbers.filter(|(_, truth)| **truth != 0.0);
            let squares: Vec<f64> = numbers
                .map(|(number, truth)| Some((self.number(*number, drawn)? / truth - 1.0).powi(2)))
                .collect::<Option<_>>()?;
            let count = f64::from(u32::try_from(squares.len()).ok().filter(|count| *count > 0)?);
            Some((squares.iter().sum::<f64>() / count).sqrt())
        });
        median(errors.collect())
    }

    /// A number of the answer, from the steps of the leaf's statistics.
    fn number(&self, number: Number, drawn: &[f64]) -> Option<f64> {
        let column = |at: usize| -> Option<f64> {
            let column = self.leaf.columns.values.get(at)?;
            let mut steps = *drawn.get(column.statistic)?;
            if let Some((count, centre)) = &column.centre {
                steps += drawn.get(*count)? * float(centre);
            }
            Some(steps / 10_f64.powi(i32::try_from(column.scale).ok()?))
        };
        match number {
            Number::Column(at) => column(at),
            Number::Over(above, below) => Some(column(above)? / column(below)?),
        }
    }
}

/// The bounds of a plan's statistics, for [`Contribution::Known`].
fn bounds(plan: &Plan<Analyzed>) -> Vec<UBig> {
    let statistics = plan.analysis().statistics.iter();
    statistics.map(|one| one.bound.clone().unwrap_or(UBig::ONE)).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn times(number: &UBig, factor: f64) -> UBig {
    let millionths = format!("{:.0}", factor * 1e6).parse::<u64>().unwrap_or(1_000_000);
    (number * UBig::from(millionths) / UBig::from(1_000_000_u32)).max(UBig::ONE)
}

fn float(number: &IBig) -> f64 {
    number.to_string().parse().unwrap_or(f64::INFINITY)
}
