//! One budget: what may be spent, how long that counts, and what happens before it is empty.

use std::ops::RangeInclusive;

use noisegate_privacy::budget::{Accountant, Amount, Delta, Epsilon, Limit};
use toml::Spanned;

use super::error::{PolicyError, Source};
use super::meant::{Budget, Per, Throttle, ThrottleStep, Window};
use super::text::Decimal;
use super::written;

/// How long a window may be: from an hour to 90 days.
const WINDOWS_MS: RangeInclusive<i64> = 3_600_000..=90 * 86_400_000;
/// The most time between two charges: an hour.
const SPACING_MS_MAX: i64 = 3_600_000;

/// The share of an account's δ that pays for thresholds: a tenth.
const THRESHOLDS: (u32, u32) = (1, 10);

impl Budget {
    /// The limits of an account of this budget; nothing if a number cannot be read, which reading
    /// the file rules out.
    pub fn limit(&self) -> Option<Limit> {
        self.limit_at(&Epsilon::parse(&self.epsilon).ok()?)
    }

    /// The same where an account has another ε.
    pub fn limit_at(&self, epsilon: &Epsilon) -> Option<Limit> {
        let delta = match self.accountant {
            Accountant::Zcdp => Delta::parse(&self.delta).ok()?,
            // A pure account has no δ; its limit does not read the one given.
            Accountant::Pure => Delta::from_cost(&Amount::from_units(1_u8.into()))?,
        };
        Some(Limit::new(self.accountant, epsilon, &delta, THRESHOLDS))
    }
}

pub(super) fn read(
    source: &Source<'_>,
    name: &str,
    written: &written::Budget,
) -> Result<Budget, PolicyError> {
    let per = source.word(
        &written.per,
        "per",
        &[("analyst", Per::Analyst), ("team", Per::Team), ("dataset", Per::Dataset)],
    )?;
    let accountant = match &written.accountant {
        Some(word) => source.word(
            word,
            "accountant",
            &[("zcdp", Accountant::Zcdp), ("pure", Accountant::Pure)],
        )?,
        None => Accountant::Zcdp,
    };
    let (epsilon, _) = source.positive(&written.epsilon, "epsilon")?;
    let throttle =
        written.throttle.iter().map(|step| throttle(source, step)).collect::<Result<_, _>>()?;
    Ok(Budget {
        name: name.to_owned(),
        per,
        by_role: written.by_role,
        epsilon,
        delta: delta(source, written, accountant)?,
        window: window(source, written)?,
        accountant,
        throttle,
        spacing: spacing(source, written)?,
        stretch: stretch(source, written)?,
    })
}

fn window(source: &Source<'_>, written: &written::Budget) -> Result<Window, PolicyError> {
    if let Some(carry) = written.carry_over.as_ref().filter(|carry| *carry.get_ref()) {
        return Err(source.wrong(
            &carry.span(),
            "what is left of a window is not carried over to the next",
            "write carry_over = false, or raise epsilon",
        ));
    }
    match written.window.get_ref().as_str() {
        "lifetime" => return Ok(Window::Lifetime),
        "month" => return Ok(Window::Month),
        _ => {}
    }
    let ms = source.duration(&written.window, "a window (or \"month\", or \"lifetime\")")?;
    match i64::try_from(ms) {
        Ok(ms) if WINDOWS_MS.contains(&ms) => Ok(Window::Every { ms }),
        _ => Err(source.wrong(
            &written.window.span(),
            format!("`{}` is too short or too long for a window", written.window.get_ref()),
            "write a duration from \"1h\" to \"90d\", or \"month\", or \"lifetime\"",
        )),
    }
}

fn spacing(source: &Source<'_>, written: &written::Budget) -> Result<Option<i64>, PolicyError> {
    let Some(spacing) = &written.spacing else { return Ok(None) };
    let ms = source.duration(spacing, "spacing")?;
    match i64::try_from(ms) {
        Ok(ms) if ms <= SPACING_MS_MAX => Ok(Some(ms)),
        _ => Err(source.wrong(
            &spacing.span(),
            format!("`{}` is too long between two charges", spacing.get_ref()),
            "write at most \"1h\", as in \"10s\"",
        )),
    }
}

/// Enough for one more query like this would be all that is left.
fn stretch(source: &Source<'_>, written: &written::Budget) -> Result<Option<u32>, PolicyError> {
    let stretch = written.stretch.as_ref();
    stretch.map(|queries| source.whole(queries, "stretch", 2, 10_000)).transpose()
}

fn delta(
    source: &Source<'_>,
    written: &written::Budget,
    accountant: Accountant,
) -> Result<String, PolicyError> {
    match (&written.delta, accountant) {
        (None, Accountant::Pure) => Ok("0".to_owned()),
        (Some(delta), Accountant::Pure) => Err(source.wrong(
            &delta.span(),
            "a pure budget has no delta",
            "remove delta, or write accountant = \"zcdp\"",
        )),
        (None, Accountant::Zcdp) => Err(source.wrong(
            &written.epsilon.span(),
            "the budget has no delta",
            "add delta, at most 1 / (10 × the people in the data), as in delta = 1e-7",
        )),
        (Some(delta), Accountant::Zcdp) => {
            let (text, value) = source.positive(delta, "delta")?;
            if Decimal::parse("1").is_none_or(|one| value >= one) {
                return Err(source.wrong(
                    &delta.span(),
                    "delta must be below 1",
                    "write something like 1e-7",
                ));
            }
            Ok(text)
        }
    }
}

fn throttle(
    source: &Source<'_>,
    step: &Spanned<written::ThrottleStep>,
) -> Result<ThrottleStep, PolicyError> {
    let written = step.get_ref();
    let (at, share) = source.positive(&written.at, "at")?;
    if Decimal::parse("1").is_none_or(|one| share > one) {
        return Err(source.wrong(
            &written.at.span(),
            "the share of the budget is more than all of it",
            "write a number above 0 and up to 1",
        ));
    }
    let effect = match (&written.queries_per_hour, &written.answer) {
        (Some(rate), None) => {
            Throttle::QueriesPerHour(source.whole(rate, "queries_per_hour", 1, 1_000_000)?)
        }
        (None, Some(answer)) => {
            source.word(answer, "answer", &[("remembered only", Throttle::RememberedOnly)])?
        }
        _ => {
            return Err(source.wrong(
                &step.span(),
                "a step of throttle does one thing",
                "write queries_per_hour = <number> or answer = \"remembered only\"",
            ));
        }
    };
    Ok(ThrottleStep { at, effect })
}
