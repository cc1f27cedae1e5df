use dashu::integer::UBig;
use proptest::prelude::*;

use super::*;
use crate::budget::Rho;

fn rho(epsilon: &str, delta: &str) -> f64 {
    let rho = rho_for(&Epsilon::parse(epsilon).unwrap(), &Delta::parse(delta).unwrap());
    rho.units().to_f64().value() / 1e12
}

fn units(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

#[test]
fn published_numbers_at_one_in_a_million() {
    for (epsilon, tight) in [
        ("0.1", 0.000_321),
        ("0.5", 0.006_642),
        ("1", 0.024_356),
        ("2", 0.088_153),
        ("3", 0.185_070),
        ("5", 0.463_065),
        ("8", 1.052_358),
        ("10", 1.539_279),
    ] {
        let found = rho(epsilon, "1e-6");
        assert!((found - tight).abs() < 6e-7, "ε = {epsilon}: {found} is not {tight}");
    }
}

/// The optimum computed with fifty digits. Ours may be less by the slack, never more.
#[test]
fn never_above_the_optimum_and_close_below_it() {
    for (epsilon, delta, optimum) in [
        ("1", "1e-6", 0.024_355_970_359_538_372),
        ("0.1", "1e-6", 0.000_321_047_690_345_740_1),
        ("10", "1e-6", 1.539_278_763_866_728_5),
        ("3", "1e-12", 0.089_021_264_049_453_43),
        ("0.5", "0.5", 0.693_506_507_317_726_7),
        ("20", "0.999", 26.881_197_161_888_05),
        ("1e-6", "1e-6", 3.238_106_579_697_375e-12),
        ("1e24", "1e-6", 9.999_999_999_925_662e23),
    ] {
        let found = rho(epsilon, delta);
        assert!(found <= optimum, "({epsilon}, {delta}): {found} > {optimum}");
        let close = optimum * (1.0 - 1e-9) - 1e-12;
        assert!(found >= close, "({epsilon}, {delta}): {found} is far below {optimum}");
    }
}

/// Where the units are finer than the slack, both of its parts can be seen.
#[test]
fn each_allowance_for_rounding_is_made() {
    for (epsilon, optimum) in [("1000", 793.664_179_563_924_5), ("100000", 97_682.054_703_347_07)] {
        let below = 1.0 - rho(epsilon, "1e-6") / optimum;
        assert!((1.6e-12..1e-11).contains(&below), "ε = {epsilon}: {below} below");
    }
    for (rho, optimum) in [
        ("1000000000000000", 1_231.879_323_091_842_4),
        ("100000000000000000", 102_345.338_369_401_22),
    ] {
        let above = epsilon_of(&units(rho), &Delta::parse("1e-6").unwrap()) / optimum - 1.0;
        assert!((1.6e-12..1e-11).contains(&above), "ρ = {rho}: {above} above");
    }
}

#[test]
fn the_parts_of_the_allowance_are_as_large_as_they_say() {
    let log = log_inverse(&Delta::parse("1e-6").unwrap());
    let above = log / 13.815_510_557_964_274 - 1.0;
    assert!((1.05e-12..1.1e-12).contains(&above), "{above}");
    // ln(1/δ) = 10 at x = 1/4: ln x = -1.386…, (1 + x)·ln(1 + 1/x) = 2.011….
    let terms = Terms::at(0.25, 10.0);
    assert!((terms.sum - 9.374_496).abs() < 1e-5, "{}", terms.sum);
    assert!((terms.sizes - 13.398_092).abs() < 1e-5, "{}", terms.sizes);
}

#[test]
fn epsilon_is_never_below_the_optimum_and_close_above_it() {
    for (rho, delta, optimum) in [
        ("500000000000", "1e-6", 5.221_534_444_530_169),
        ("1000000000000", "1e-6", 7.766_216_625_311_72),
        ("1000000000000000000", "1e-9", 1_009_098.168_322_179_9),
        ("1", "1e-6", 0.0),
    ] {
        let found = epsilon_of(&units(rho), &Delta::parse(delta).unwrap());
        assert!(found >= optimum && found <= optimum * (1.0 + 1e-9), "{rho}: {found}");
    }
    assert_eq!(epsilon_of(&Amount::ZERO, &Delta::parse("1e-6").unwrap()), 0.0);
}

#[test]
fn the_ends_of_the_range_have_sensible_answers() {
    assert_eq!(rho("1e-30", "1e-6"), 0.0);
    assert!(rho("1e40", "1e-30") > 0.99e40);
    assert!(rho("1", "1e-30") > 0.003 && rho("1", "1e-30") < rho("1", "1e-6"));
    assert!(rho("1", "0.999999999999999999999999999999").is_finite());
    let all = Amount::from_units(UBig::from(10u8).pow(90));
    assert!(epsilon_of(&all, &Delta::parse("1e-6").unwrap()) >= 1e78);
    let beyond = Amount::from_units(UBig::from(10u8).pow(400));
    assert_eq!(epsilon_of(&beyond, &Delta::parse("1e-6").unwrap()), f64::INFINITY);
}

proptest! {
    #[test]
    fn the_two_directions_undo_each_other(e in 1_u32..1_000_000, d in 1_i32..15) {
        let epsilon = f64::from(e) / 1e3;
        let delta = Delta::parse(&format!("1e-{d}")).unwrap();
        let rho = rho_for(&Epsilon::parse(&format!("{e}e-3")).unwrap(), &delta);
        let back = epsilon_of(&rho, &delta);
        // A unit of ρ less is at most a relative 10⁻¹² / ρ less of ε.
        let unit = 1e-12 / (rho.units().to_f64().value() * 1e-12);
        prop_assert!(back <= epsilon * (1.0 + 1e-8), "{} > {}", back, epsilon);
        prop_assert!(back >= epsilon * (1.0 - 1e-8 - unit), "{} < {}", back, epsilon);
    }

    #[test]
    fn the_simple_formula_is_never_better(e in 1_u32..100_000, d in 1_i32..15) {
        let epsilon = f64::from(e) / 1e3;
        let cost = Rho::of_epsilon(&Epsilon::parse(&format!("{e}e-3")).unwrap()).cost();
        let rho = epsilon * epsilon / 2.0;
        let log = f64::from(d) * std::f64::consts::LN_10;
        let simple = rho + 2.0 * (rho * log).sqrt();
        let tight = epsilon_of(&cost, &Delta::parse(&format!("1e-{d}")).unwrap());
        prop_assert!(tight <= simple * (1.0 + 1e-9));
    }
}
