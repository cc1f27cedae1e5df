use super::*;
use crate::budget::{Epsilon, Rho};
use crate::statistics::{ALPHA, binomial_at_least, binomial_at_most};

const DRAWS: u32 = 10_000;

fn delta(text: &str) -> Delta {
    Delta::parse(text).unwrap()
}

/// Gaussian noise of σ = √`l2_squared` / ε.
fn gaussian(l2_squared: u64, epsilon: &str) -> Noise {
    Noise::gaussian(&l2_squared.into(), &Rho::of_epsilon(&Epsilon::parse(epsilon).unwrap()))
}

fn laplace(l1: u64, epsilon: &str) -> Noise {
    Noise::laplace(&l1.into(), &Epsilon::parse(epsilon).unwrap())
}

/// How often a group of `exact` units appears.
fn shown(noise: &Noise, exact: u32, min_group: u64, threshold: &UBig) -> u32 {
    let exact = UBig::from(exact);
    let once = |_| {
        let with_noise = noise.draw().unwrap() + IBig::from(exact.clone());
        is_shown(&exact, &with_noise, min_group, threshold, 1)
    };
    u32::try_from((0..DRAWS).map(once).filter(|shown| *shown).count()).unwrap()
}

/// A key that only one person has (and, with a minimum, only the person who completes it) appears
/// with probability δ at most, and the threshold is no higher than that needs.
#[test]
fn a_single_unit_hardly_ever_shows_its_key() {
    for noise in [gaussian(1, "1"), gaussian(1, "0.1"), laplace(1, "0.5"), laplace(1, "0.1")] {
        for k in [1, 10] {
            let t = threshold(&noise, &delta("1e-2"), 1, k.into(), 1);
            let seen = shown(&noise, k, k.into(), &t);
            assert!(binomial_at_least(seen, DRAWS, 0.01) > ALPHA, "{noise:?}, k = {k}: {seen}");
            // One less shows it more often than δ, so T is not higher than it must be.
            let seen = shown(&noise, k, k.into(), &(t - UBig::ONE));
            assert!(
                binomial_at_most(seen, DRAWS, 0.01) > ALPHA,
                "{noise:?}, k = {k}: {seen} at T-1"
            );
        }
    }
}

#[test]
fn a_group_below_the_minimum_never_appears() {
    let noise = gaussian(1, "0.01");
    let t = threshold(&noise, &delta("0.5"), 1, 5, 1);
    assert!(shown(&noise, 5, 5, &t) > 0, "the noise lifts a group of five at times");
    assert_eq!(shown(&noise, 4, 5, &t), 0);
    assert_eq!(shown(&noise, 0, 0, &UBig::ONE), 0, "nor does a group of nobody");
}

#[test]
fn a_large_group_appears() {
    let noise = gaussian(1, "1");
    let t = threshold(&noise, &delta("1e-6"), 1, 10, 1);
    assert_eq!(shown(&noise, 40, 10, &t), DRAWS);
}

/// Published integer thresholds for Laplace noise; the test there is "at least" too.
#[test]
fn published_laplace_thresholds() {
    for (epsilon, d, l0, expected) in [
        ("1", "1e-6", 1_u64, 15_u32),
        ("1", "1e-6", 2, 30),
        ("1", "1e-6", 5, 76),
        ("1", "1e-6", 20, 324),
        ("0.5", "1e-6", 1, 28),
        ("0.1", "1e-6", 1, 133),
        ("1", "1e-8", 1, 20),
        ("1", "1e-5", 1, 13),
    ] {
        let t = threshold(&laplace(l0, epsilon), &delta(d), l0, 1, 1);
        assert_eq!(t, UBig::from(expected), "({epsilon}, {d}, {l0})");
    }
}

/// Google's thresholds for Gaussian noise at (1, 1e-6): σ for half of δ, the continuous tail for
/// the other half, released at τ or above. Integer noise compared with an integer is released
/// from ⌈τ⌉ on, and its tail from m is that of the continuous one from about m-½, so ours is the
/// same or one more.
#[test]
fn published_gaussian_thresholds() {
    for (sigma, l0, half, tau) in [
        ("4.365", 1_u64, "5e-7", 22.35),
        ("6.173", 2, "5e-7", 32.03),
        ("9.761", 5, "5e-7", 51.75),
        ("19.52", 20, "5e-7", 107.4),
        ("8.348", 1, "5e-7", 41.84),
        ("37.87", 1, "5e-7", 186.2),
        ("5.222", 1, "5e-9", 30.92),
        ("3.884", 1, "5e-6", 18.16),
    ] {
        // σ = Δ/ε with Δ = σ·1000 and ε = 1000.
        let milli = (sigma.parse::<f64>().unwrap() * 1000.0).round();
        let square = UBig::try_from(milli * milli).unwrap();
        let noise = Noise::gaussian(&square, &Rho::of_epsilon(&Epsilon::parse("1000").unwrap()));
        let t = threshold(&noise, &delta(half), l0, 1, 1).to_f64().value();
        let least = f64::ceil(tau);
        assert!(t >= least && t <= least + 1.0, "σ = {sigma}: {t} for τ = {tau}");
        let shifted = threshold(&noise, &delta(half), l0, 10, 1).to_f64().value();
        assert_eq!(shifted - t, 9.0);
    }
}

#[test]
fn no_noise_still_hides_the_last_unit() {
    let noise = gaussian(1, "1e20");
    let t = threshold(&noise, &delta("1e-6"), 1, 3, 1);
    assert_eq!(t, UBig::from(4u8));
    assert_eq!(shown(&noise, 3, 3, &t), 0);
    assert_eq!(shown(&noise, 4, 3, &t), DRAWS);
}

#[test]
fn more_groups_and_less_delta_raise_it() {
    let noise = gaussian(1, "0.1");
    let t = |d, l0| threshold(&noise, &delta(d), l0, 1, 1);
    assert!(t("1e-6", 1) < t("1e-6", 10));
    assert!(t("1e-6", 1) < t("1e-9", 1));
    assert_eq!(t("1e-6", 0), t("1e-6", 1));
    assert!(t("1e-30", u64::MAX) < UBig::from(200u8));
}

#[test]
fn in_grains_the_tail_is_that_of_one_more_unit() {
    let grains = 1024_u32;
    for (epsilon, k) in [("1", 1_u32), ("0.3", 10)] {
        let scale = Epsilon::parse(epsilon).unwrap();
        let fine = Noise::laplace(&UBig::from(grains), &scale);
        let t = threshold(&fine, &delta("1e-2"), 1, k.into(), grains);
        // Whoever lifts a group from a grain below the minimum is seen with at most δ.
        let lifted = UBig::from((k + 1) * grains) - UBig::ONE;
        let q = (-1.0 / (f64::from(grains) / scale.value().to_f64().value())).exp();
        let beyond = (&t - lifted).to_f64().value();
        let p = q.powf(beyond) / (1.0 + q);
        assert!(p <= 1e-2 && p > 0.99e-2, "{p}");
        // A grain below the minimum is not enough, however large the noise.
        let noisy = IBig::from(t.clone()) * IBig::from(9);
        let least = UBig::from(k * grains);
        assert!(is_shown(&least, &noisy, k.into(), &t, grains));
        assert!(!is_shown(&(least - UBig::ONE), &noisy, k.into(), &t, grains));
    }
}

#[test]
fn zeros_are_read_as_ones() {
    let noise = Noise::laplace(&UBig::ONE, &Epsilon::parse("1").unwrap());
    let delta = Delta::parse("1e-6").unwrap();
    assert_eq!(threshold(&noise, &delta, 0, 0, 0), threshold(&noise, &delta, 1, 1, 1));
    assert_eq!(
        threshold(&noise, &delta, 1, 5, 1),
        threshold(&noise, &delta, 1, 1, 1) + UBig::from(4_u8)
    );
    let (none, one) = (UBig::ZERO, UBig::ONE);
    assert!(!is_shown(&none, &IBig::from(9), 0, &one, 0) && is_shown(&one, &IBig::ONE, 0, &one, 0));
}
