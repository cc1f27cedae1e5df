//! Budgets: exact parameters in, whole units counted.
//!
//! The ledger counts integers: ρ and ε in units of 10⁻¹², δ in units of 10⁻¹⁸.
//! A cost is rounded up to the next unit and is at least one; a limit is rounded down.

use std::fmt;
use std::ops::Add;

use dashu::integer::UBig;

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
        let digits = !text.is_empty() && text.len() <= 400 && text.bytes().all(|b| b.is_ascii_digit());
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
