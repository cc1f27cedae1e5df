//! What a leaf costs, and what of it each statistic gets.
//!
//! A leaf whose bounds are to be estimated is bought in two parts: a tenth pays for the estimate
//! and the rest for the answer. Both parts together are the price of a leaf that needs none.
//!
//! The shares of statistics are equal until an estimate says otherwise; see [`crate::split`].

use dashu::integer::UBig;
use dashu::rational::RBig;

use crate::analyze::{Rejection, Terms};
use crate::budget::{Accountant, Amount, Epsilon, Loss, Rho};
use crate::noise::Noise;
use crate::rounding;

/// The part of a price that an estimate of bounds costs: one in so many.
const ESTIMATE_PART: u32 = 10;

/// Which part of a leaf's price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// That of the estimate of bounds.
    Estimate,
    /// That of the answer beside an estimate.
    Answer,
}

/// What one statistic gets of a price.
#[derive(Clone, Debug)]
pub(crate) enum Share {
    /// Of a price in ρ.
    Rho(Rho),
    /// Of a price in ε.
    Epsilon(Epsilon),
}

/// The price of a plan and the share of each of its statistics.
pub(crate) struct Price {
    pub(crate) share: Share,
    pub(crate) loss: Loss,
}

impl Price {
    /// The price of a part of a leaf, for so many statistics. There is no estimate for a price of
    /// fewer units than it has parts.
    pub(crate) fn new(
        terms: &Terms,
        part: Part,
        statistics: usize,
        threshold: bool,
    ) -> Result<Self, Rejection> {
        let parts = u32::try_from(statistics).ok().filter(|parts| *parts > 0);
        let parts = parts.ok_or(Rejection::Malformed)?;
        let priced = match terms.accountant {
            Accountant::Zcdp => {
                rho_of(&Rho::of_epsilon(&terms.epsilon), part).map(|(rho, cost)| {
                    let loss = Loss { rho: cost, ..Loss::default() };
                    Self { share: Share::Rho(rho.split(parts)), loss }
                })
            }
            Accountant::Pure => epsilon_of(&terms.epsilon, part).map(|(epsilon, cost)| {
                let rho = Rho::of_epsilon(&epsilon).cost();
                let loss = Loss { rho, epsilon: Some(cost), ..Loss::default() };
                Self { share: Share::Epsilon(epsilon.split(parts)), loss }
            }),
        };
        let mut priced = priced.ok_or(Rejection::Malformed)?;
        if threshold {
            priced.loss.delta = terms.delta.cost();
        }
        Ok(priced)
    }

    /// Whether the price is large enough to be bought in two parts.
    pub(crate) fn has_parts(terms: &Terms) -> bool {
        let cost = match terms.accountant {
            Accountant::Zcdp => Rho::of_epsilon(&terms.epsilon).cost(),
            Accountant::Pure => terms.epsilon.cost(),
        };
        !tenth(&cost).is_zero()
    }
}

/// The estimate's units of a price. The answer has the others, so that none is paid twice.
fn tenth(cost: &Amount) -> Amount {
    Amount::from_units(cost.units() / ESTIMATE_PART)
}

/// A part of ρ, with what it costs. The parts of the ρ add up to it, and those of the cost to its
/// cost, which is not below.
fn rho_of(rho: &Rho, part: Part) -> Option<(Rho, Amount)> {
    let cost = rho.cost();
    let tenth = tenth(&cost);
    match part {
        Part::Whole => Some((rho.clone(), cost)),
        Part::Estimate => Some((Rho::from_cost(&tenth)?, tenth)),
        Part::Answer => Some((rho.without(&Rho::from_cost(&tenth)?)?, cost.minus(&tenth))),
    }
}

/// The same of ε.
fn epsilon_of(epsilon: &Epsilon, part: Part) -> Option<(Epsilon, Amount)> {
    let cost = epsilon.cost();
    let tenth = tenth(&cost);
    match part {
        Part::Whole => Some((epsilon.clone(), cost)),
        Part::Estimate => Some((Epsilon::from_cost(&tenth)?, tenth)),
        Part::Answer => Some((epsilon.without(&Epsilon::from_cost(&tenth)?)?, cost.minus(&tenth))),
    }
}

impl Share {
    /// So many times this share; nothing if that is none.
    pub(crate) fn times(&self, factor: &RBig) -> Option<Self> {
        Some(match self {
            Self::Rho(rho) => Self::Rho(rho.times(factor)?),
            Self::Epsilon(epsilon) => Self::Epsilon(epsilon.times(factor)?),
        })
    }

    /// Noise for a vector whose norm, of the kind that the noise asks for, one unit moves by at most
    /// `bound`.
    pub(crate) fn noise(&self, bound: &UBig) -> Noise {
        match self {
            Self::Rho(rho) => Noise::gaussian(&(bound * bound), rho),
            Self::Epsilon(epsilon) => Noise::laplace(bound, epsilon),
        }
    }

    /// The deviation of the noise for a bound of one, to compare errors by. Laplace noise is put
    /// beside Gaussian noise with the same median size.
    pub(crate) fn deviation(&self) -> f64 {
        match self {
            Self::Rho(rho) => 1.0 / (2.0 * rounding::down(rho.value())).sqrt(),
            Self::Epsilon(epsilon) => 1.0 / rounding::down(epsilon.value()),
        }
    }

    /// Noise for a vector of which one unit moves at most `groups` places by at most `linf` each.
    pub(crate) fn noise_of_groups(&self, linf: &UBig, groups: &UBig) -> Noise {
        match self {
            Self::Rho(rho) => Noise::gaussian(&(linf * linf * groups), rho),
            Self::Epsilon(epsilon) => Noise::laplace(&(linf * groups), epsilon),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::analyze::Contribution;
    use crate::budget::Delta;

    fn terms(epsilon: &str, accountant: Accountant) -> Terms {
        Terms {
            epsilon: Epsilon::parse(epsilon).unwrap(),
            accountant,
            delta: Delta::parse("1e-6").unwrap(),
            group_min: 1,
            groups_max: 1,
            contribution: Contribution::Automatic,
        }
    }

    fn loss(epsilon: &str, accountant: Accountant, part: Part) -> Loss {
        let terms = terms(epsilon, accountant);
        assert!(Price::has_parts(&terms));
        Price::new(&terms, part, 3, false).unwrap().loss
    }

    #[test]
    fn the_parts_of_a_price_are_the_price() {
        for epsilon in ["1e-5", "0.123456789", "1", "3", "1e20"] {
            let of = |part| loss(epsilon, Accountant::Zcdp, part);
            let (estimate, answer) = (of(Part::Estimate), of(Part::Answer));
            assert_eq!(&estimate.rho + &answer.rho, of(Part::Whole).rho);
            let of = |part| loss(epsilon, Accountant::Pure, part);
            let (estimate, answer) = (of(Part::Estimate), of(Part::Answer));
            let sum = &estimate.epsilon.unwrap() + &answer.epsilon.unwrap();
            assert_eq!(Some(sum), of(Part::Whole).epsilon);
            // Of two parts of an ε the ρ are squares, and cost less than the ρ of both.
            assert!(
                &estimate.rho + &answer.rho <= &of(Part::Whole).rho + &Amount::parse("2").unwrap()
            );
        }
    }

    #[test]
    fn no_part_pays_for_more_than_it_costs() {
        for text in ["1e-5", "0.123456789", "1.000000000001", "7"] {
            let rho = Rho::of_epsilon(&Epsilon::parse(text).unwrap());
            let (estimate, first) = rho_of(&rho, Part::Estimate).unwrap();
            let (answer, second) = rho_of(&rho, Part::Answer).unwrap();
            assert_eq!(estimate.value() + answer.value(), *rho.value());
            assert!(estimate.cost() <= first && answer.cost() <= second, "{text}");
        }
    }

    #[test]
    fn a_deviation_is_that_of_the_noise() {
        for accountant in [Accountant::Zcdp, Accountant::Pure] {
            let terms = terms("0.3", accountant);
            let share = Price::new(&terms, Part::Whole, 2, false).unwrap().share;
            let scale = match share.noise(&UBig::from(1_000_000_u32)) {
                Noise::Gaussian { sigma: scale } | Noise::Laplace { scale } => scale,
            };
            let scale = scale.value().to_f64().value() / 1e6;
            assert!((share.deviation() / scale - 1.0).abs() < 1e-3, "{scale}");
        }
    }

    #[test]
    fn a_threshold_alone_costs_a_delta() {
        let terms = terms("1", Accountant::Zcdp);
        let delta = |part, threshold| Price::new(&terms, part, 2, threshold).unwrap().loss.delta;
        assert_eq!(delta(Part::Whole, true), terms.delta.cost());
        assert_eq!(delta(Part::Answer, true), terms.delta.cost());
        assert!(delta(Part::Whole, false).is_zero() && delta(Part::Estimate, false).is_zero());
    }

    #[test]
    fn a_price_of_few_units_has_no_parts() {
        let rho = Rho::of_epsilon(&Epsilon::parse("1e-6").unwrap());
        assert_eq!(rho_of(&rho, Part::Estimate), None);
    }
}
