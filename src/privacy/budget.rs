//! Budgets: exact parameters in, whole units counted.
//!
//! The ledger counts integers: ρ and ε in units of 10⁻¹², δ in units of 10⁻¹⁸.
//! A cost is rounded up to the next unit and is at least one; a limit is rounded down.

use std::fmt;
use std::ops::Add;

use dashu::integer::UBig;
use dashu::rational::RBig;

use crate::convert;
pub use crate::decimal::NumberError;
use crate::{decimal, rounding};

/// Units in a ρ or an ε of one.
const PICO: u64 = 1_000_000_000_000;
/// Units in a δ of one.
const ATTO: u64 = 1_000_000_000_000_000_000;

/// A count of smallest units (10⁻¹² of ρ or ε, 10⁻¹⁸ of δ). It cannot overflow.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(UBig);

impl Amount {
    /// No units.
    pub const ZERO: Self = Self(UBig::ZERO);

    /// The count itself.
    pub fn units(&self) -> &UBig {
        &self.0
    }

    /// A count of units.
    pub fn from_units(units: UBig) -> Self {
        Self(units)
    }

    /// Reads what [`fmt::Display`] wrote: decimal digits and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits =
            !text.is_empty() && text.len() <= 400 && text.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return None;
        }
        UBig::from_str_radix(text, 10).ok().map(Self)
    }

    /// What is left of `self` after `spent`; nothing if more is spent than there was.
    #[must_use]
    pub fn minus(&self, spent: &Self) -> Self {
        if self.0 <= spent.0 { Self::ZERO } else { Self(&self.0 - &spent.0) }
    }

    /// Whether there is nothing.
    pub fn is_zero(&self) -> bool {
        self.0 == UBig::ZERO
    }
}

impl Add for &Amount {
    type Output = Amount;

    fn add(self, other: &Amount) -> Amount {
        Amount(&self.0 + &other.0)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How an account adds up losses (`privacy` reference: approximate zCDP filter, or pure ε).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Accountant {
    /// Σρ and Σδ; noise is discrete Gaussian.
    Zcdp,
    /// Σε; noise is discrete Laplace and group keys are public.
    Pure,
}

/// What one leaf costs, priced for every kind of account that it may be paid from.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Loss {
    /// ρ in 10⁻¹², for accounts under zCDP.
    pub rho: Amount,
    /// ε in 10⁻¹², for pure accounts; `None` when the noise is Gaussian, which no pure account can pay.
    pub epsilon: Option<Amount>,
    /// δ of the group selection in 10⁻¹⁸; zero when the keys are public.
    pub delta: Amount,
}

/// The ε of a pure guarantee, or of an (ε, δ) one. Greater than zero, exact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epsilon(RBig);

impl Epsilon {
    /// Reads decimal text such as `0.1`, `3` or `1e20`; at most 40 digits, from 10⁻³⁰ to 10⁴⁰.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        decimal::parse(text).map(Self)
    }

    /// What an answer of this ε costs a pure account, in 10⁻¹²; rounded up, at least one.
    pub fn cost(&self) -> Amount {
        units_up(&self.0, PICO)
    }

    /// One of `parts` equal parts; they add up to this ε exactly. No parts are read as one.
    #[must_use]
    pub fn split(&self, parts: u32) -> Self {
        Self(&self.0 / RBig::from(parts.max(1)))
    }

    /// The ε that is paid for with this cost; `None` if nothing is paid.
    pub fn from_cost(cost: &Amount) -> Option<Self> {
        of_units(cost, PICO).map(Self)
    }

    /// Both together, exactly.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self(&self.0 + &other.0)
    }

    /// What remains beside `part`; `None` if nothing does.
    pub(crate) fn without(&self, part: &Self) -> Option<Self> {
        positive(&self.0 - &part.0).map(Self)
    }

    /// So many times this; `None` if that is nothing.
    pub(crate) fn times(&self, factor: &RBig) -> Option<Self> {
        positive(&self.0 * factor).map(Self)
    }

    /// The number itself.
    pub fn value(&self) -> &RBig {
        &self.0
    }
}

/// The δ of an (ε, δ) guarantee. Between zero and one, exact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delta(RBig);

impl Delta {
    /// Reads decimal text such as `1e-6`; at most 40 digits, from 10⁻³⁰ to below one.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        decimal::parse(text).and_then(|x| Self::new(x).ok_or(NumberError::NotBelowOne))
    }

    /// What a selection of this δ costs, in 10⁻¹⁸; rounded up, at least one.
    pub fn cost(&self) -> Amount {
        units_up(&self.0, ATTO)
    }

    /// One of `parts` equal parts; they add up to this δ exactly. No parts are read as one.
    #[must_use]
    pub fn split(&self, parts: u32) -> Self {
        Self(&self.0 / RBig::from(parts.max(1)))
    }

    /// The δ that is paid for with this cost; `None` if nothing is paid, or a δ of one or more.
    pub fn from_cost(cost: &Amount) -> Option<Self> {
        of_units(cost, ATTO).and_then(Self::new)
    }

    /// The number itself.
    pub fn value(&self) -> &RBig {
        &self.0
    }

    fn new(x: RBig) -> Option<Self> {
        (x > RBig::ZERO && x < RBig::ONE).then_some(Self(x))
    }
}

/// The ρ of zero-concentrated differential privacy. Greater than zero, exact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rho(RBig);

impl Rho {
    /// ε²/2: what an ε-differentially private answer costs under zCDP (Bun and Steinke 2016,
    /// proposition 1.4), so what an analyst's ε buys there.
    pub fn of_epsilon(epsilon: &Epsilon) -> Self {
        Self(epsilon.0.sqr() / RBig::from(2))
    }

    /// What an answer of this ρ costs, in 10⁻¹²; rounded up, at least one.
    pub fn cost(&self) -> Amount {
        units_up(&self.0, PICO)
    }

    /// One of `parts` equal parts; they add up to this ρ exactly. No parts are read as one.
    #[must_use]
    pub fn split(&self, parts: u32) -> Self {
        Self(&self.0 / RBig::from(parts.max(1)))
    }

    /// The ρ that is paid for with this cost; `None` if nothing is paid.
    pub fn from_cost(cost: &Amount) -> Option<Self> {
        of_units(cost, PICO).map(Self)
    }

    /// What remains beside `part`; `None` if nothing does.
    pub(crate) fn without(&self, part: &Self) -> Option<Self> {
        positive(&self.0 - &part.0).map(Self)
    }

    /// So many times this; `None` if that is nothing.
    pub(crate) fn times(&self, factor: &RBig) -> Option<Self> {
        positive(&self.0 * factor).map(Self)
    }

    /// The number itself.
    pub fn value(&self) -> &RBig {
        &self.0
    }
}

fn positive(x: RBig) -> Option<RBig> {
    (x > RBig::ZERO).then_some(x)
}

/// x in units, rounded up. A positive x costs at least one unit.
fn units_up(x: &RBig, unit: u64) -> Amount {
    Amount(rounding::ceil(&(x * RBig::from(unit))))
}

/// x in units, rounded down.
fn units_down(x: &RBig, unit: u64) -> Amount {
    Amount(rounding::floor(&(x * RBig::from(unit))))
}

/// The positive number that so many units are.
fn of_units(amount: &Amount, unit: u64) -> Option<RBig> {
    (!amount.is_zero()).then(|| RBig::from(amount.0.clone()) / RBig::from(unit))
}

macro_rules! shown_as_decimal {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                decimal::write(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                decimal::write(&self.0, f)
            }
        }
    )*};
}
shown_as_decimal!(Epsilon Delta Rho);

/// What may be spent from an account, in whole units. What the accountant does not count is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How losses add up.
    pub accountant: Accountant,
    /// Σρ may reach this many 10⁻¹²; for zCDP.
    pub rho: Amount,
    /// Σε may reach this many 10⁻¹²; for pure accounts.
    pub epsilon: Amount,
    /// Σδ of group selections may reach this many 10⁻¹⁸; for zCDP.
    pub delta: Amount,
}

impl Limit {
    /// The limits that keep an account within (ε, δ).
    ///
    /// *Claim.* An account that never spends more than this is (ε, δ)-differentially private;
    /// a pure one is ε-differentially private.
    ///
    /// *Argument.* Under zCDP all answers together are δ₀-approximately ρ-zCDP, where δ₀ and ρ are
    /// the sums spent, also when questions depend on earlier answers (Whitehouse et al. 2023).
    /// That implies (ε(ρ, δ₁), δ₀ + δ₁) for every δ₁ (Bun and Steinke 2016, §8). Here δ₀ is
    /// `thresholds_share` of δ, rounded down to whole units, δ₁ is exactly what remains of δ, and
    /// the ρ is one that [`convert::rho_for`] allows for ε and δ₁. Pure losses add up.
    ///
    /// `thresholds_share` is a fraction, numerator first; one of one or more leaves no ρ, and a
    /// zero denominator is read as no share.
    pub fn new(
        accountant: Accountant,
        epsilon: &Epsilon,
        delta: &Delta,
        thresholds_share: (u32, u32),
    ) -> Self {
        if accountant == Accountant::Pure {
            let epsilon = units_down(&epsilon.0, PICO);
            return Self { accountant, rho: Amount::ZERO, epsilon, delta: Amount::ZERO };
        }
        let share = match thresholds_share {
            (_, 0) => RBig::ZERO,
            (part, whole) => (RBig::from(part) / RBig::from(whole)).min(RBig::ONE),
        };
        let for_thresholds = units_down(&(&delta.0 * share), ATTO);
        let spent = of_units(&for_thresholds, ATTO).unwrap_or(RBig::ZERO);
        let rho = Delta::new(&delta.0 - spent)
            .map_or(Amount::ZERO, |rest| convert::rho_for(epsilon, &rest));
        Self { accountant, rho, epsilon: Amount::ZERO, delta: for_thresholds }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
