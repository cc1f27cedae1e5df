use std::process::Command;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::statistics::{ALPHA, binomial_at_least, fit, gaussian_pmf, laplace_pmf};

const DRAWS: u32 = 20_000;

/// Gaussian noise of σ = √`l2_squared` / ε.
fn gaussian(l2_squared: u64, epsilon: &str) -> Noise {
    Noise::gaussian(&l2_squared.into(), &Rho::of_epsilon(&Epsilon::parse(epsilon).unwrap()))
}

/// Laplace noise of b = `l1` / ε.
fn laplace(l1: u64, epsilon: &str) -> Noise {
    Noise::laplace(&l1.into(), &Epsilon::parse(epsilon).unwrap())
}

fn draws(noise: &Noise, count: u32) -> Vec<IBig> {
    (0..count).map(|_| noise.draw().unwrap()).collect()
}

#[test]
fn gaussian_draws_fit_their_probabilities() {
    for (l2_squared, epsilon, sigma) in
        [(1, "2", 0.5), (1, "1", 1.0), (9, "1", 3.0), (1, "0.05", 20.0)]
    {
        let p = fit(&draws(&gaussian(l2_squared, epsilon), DRAWS), gaussian_pmf(sigma));
        assert!(p > ALPHA, "σ = {sigma}: p = {p}");
    }
}

#[test]
fn laplace_draws_fit_their_probabilities() {
    for (l1, epsilon, scale) in [(1, "2", 0.5), (1, "1", 1.0), (3, "1", 3.0), (1, "0.05", 20.0)] {
        let p = fit(&draws(&laplace(l1, epsilon), DRAWS), laplace_pmf(scale));
        assert!(p > ALPHA, "b = {scale}: p = {p}");
    }
}

/// The test of the tests: a tenth more or less noise does not pass.
#[test]
fn a_scale_that_is_a_tenth_off_is_noticed() {
    for (l2_squared, sigma) in [(121, 10.0), (81, 10.0)] {
        let p = fit(&draws(&gaussian(l2_squared, "1"), DRAWS), gaussian_pmf(sigma));
        assert!(p < ALPHA, "σ² = {l2_squared} passed for σ = {sigma}: p = {p}");
    }
    for (l1, scale) in [(11, 10.0), (9, 10.0)] {
        let p = fit(&draws(&laplace(l1, "1"), 2 * DRAWS), laplace_pmf(scale));
        assert!(p < ALPHA, "b = {l1} passed for b = {scale}: p = {p}");
    }
}

#[test]
fn gaussian_is_not_taken_for_laplace() {
    let p = fit(&draws(&gaussian(200, "1"), DRAWS), laplace_pmf(10.0));
    assert!(p < ALPHA, "p = {p}");
}

#[test]
fn half_width_covers_and_is_not_wasteful() {
    for noise in [gaussian(1, "1"), gaussian(1, "0.1"), gaussian(1, "0.001"), laplace(1, "0.1")] {
        let half = IBig::from(noise.half_width((5, 100)));
        let outside = |half: &IBig| {
            let beyond = |z: &IBig| z > half || *z < -half;
            u32::try_from(draws(&noise, DRAWS).iter().filter(|z| beyond(z)).count()).unwrap()
        };
        assert!(binomial_at_least(outside(&half), DRAWS, 0.05) > ALPHA, "{noise:?}: {half}");
        // Nine tenths of the width leave clearly more than α outside.
        let narrow = &half * IBig::from(9) / IBig::from(10);
        if narrow < half {
            assert!(binomial_at_least(outside(&narrow), DRAWS, 0.05) < ALPHA, "{noise:?}: {half}");
        }
    }
}

#[test]
fn half_widths_of_known_scales() {
    assert_eq!(gaussian(1, "1").half_width((5, 100)), UBig::from(2u8));
    assert_eq!(gaussian(100, "1").half_width((5, 100)), UBig::from(20u8));
    assert_eq!(laplace(10, "1").half_width((5, 100)), UBig::from(30u8));
    assert_eq!(laplace(1, "1").half_width((1, 1)), UBig::ZERO);
    let kept = gaussian(100, "1").half_width((0, 100));
    assert_eq!(kept, gaussian(100, "1").half_width((1, 0)));
    assert!(kept > UBig::from(60u8) && kept < UBig::from(70u8));
}

#[test]
fn a_tiny_scale_gives_zero_at_once() {
    let start = Instant::now();
    for noise in [
        gaussian(1, "1e6"),
        gaussian(1, "1e15"),
        gaussian(1, "1e40"),
        laplace(1, "1e6"),
        laplace(1, "1e15"),
        laplace(1, "1e40"),
    ] {
        assert!(draws(&noise, 500).iter().all(|z| *z == IBig::ZERO), "{noise:?}");
        assert_eq!(noise.half_width((1, 1000)), UBig::ZERO);
        assert!(noise.standard_deviation() < 1e-5);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn nothing_to_hide_gets_no_noise() {
    assert_eq!(gaussian(0, "1").draw().unwrap(), IBig::ZERO);
    assert_eq!(laplace(0, "1").half_width((1, 100)), UBig::ZERO);
}

#[test]
fn a_root_just_above_a_whole_number_is_rounded_up() {
    // σ² = 10³⁶ + ½, so that 10¹⁸ is too little.
    let ten = |zeros| UBig::from(10_u8).pow(zeros);
    let rho = Rho::from_cost(&crate::budget::Amount::from_units(ten(12))).unwrap();
    let noise = Noise::gaussian(&(ten(36) * UBig::from(2_u8) + UBig::ONE), &rho);
    let Noise::Gaussian { sigma } = noise else { unreachable!("it is Gaussian") };
    assert_eq!(*sigma.value(), RBig::from(ten(18) + UBig::ONE));
}

#[test]
fn a_huge_scale_is_drawn_too() {
    let noise = Noise::gaussian(
        &UBig::from(10u8).pow(60),
        &Rho::of_epsilon(&Epsilon::parse("1e-6").unwrap()),
    );
    let half = IBig::from(noise.half_width((1, 1_000_000_000)));
    for draw in draws(&noise, 200) {
        assert!(draw <= half && draw >= -&half);
    }
    assert!(noise.standard_deviation() > 1e36);
}

#[test]
fn standard_deviations() {
    let close =
        |found: f64, right: f64| assert!((found / right - 1.0).abs() < 1e-4, "{found} {right}");
    close(gaussian(100, "1").standard_deviation(), 10.0);
    close(laplace(100, "1").standard_deviation(), 141.42);
    // Var = 2q/(1-q)² at b = 1.
    close(laplace(1, "1").standard_deviation(), 1.356_85);
}

proptest! {
    #[test]
    fn scales_are_never_less_than_asked_for(l in 1_u64.., digits in 1_u64..1_000_000, shift in -12_i32..12) {
        let epsilon = Epsilon::parse(&format!("{digits}e{shift}")).unwrap();
        let excess = RBig::from(1) + RBig::from(1) / RBig::from(1 << 13);
        let rho = Rho::of_epsilon(&epsilon);
        if let Noise::Gaussian { sigma } = Noise::gaussian(&l.into(), &rho) {
            // σ²·2ρ is at least Δ² and hardly more.
            let reached = sigma.value().sqr() * rho.value() * RBig::from(2);
            prop_assert!(reached >= RBig::from(l) && reached <= RBig::from(l) * &excess);
        }
        if let Noise::Laplace { scale } = Noise::laplace(&l.into(), &epsilon) {
            let reached = scale.value() * epsilon.value();
            prop_assert!(reached >= RBig::from(l) && reached <= RBig::from(l) * &excess);
        }
    }
}

/// `idealized-numerics` brings mechanisms that trust floats, `use-openssl` a vendored OpenSSL.
/// Features add up over the whole program, so the whole program's are looked at.
#[test]
fn opendp_is_built_without_unsafe_numerics() {
    let args = ["tree", "--workspace", "--frozen", "--edges", "normal,build", "--prefix", "none"];
    let output = Command::new(env!("CARGO"))
        .args(args)
        .args(["--format", "{p} {f}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let found: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("opendp v")).collect();
    assert!(!found.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    for line in found {
        let features = line.split_once(' ').map(|(_version, features)| features);
        assert_eq!(features.map(|f| f.trim_end_matches(" (*)")), Some("contrib"));
    }
}
