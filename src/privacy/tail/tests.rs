use super::*;

fn rational(text: &str) -> RBig {
    crate::decimal::parse(text).unwrap()
}

/// The least m, computed with fifty digits.
#[test]
fn gaussian_against_fifty_digits() {
    for (sigma, p, m) in [
        ("4.365", 5e-7, 22_u32),
        ("0.1", 0.025, 1),
        ("0.5", 0.025, 2),
        ("1", 0.025, 3),
        ("1", 1e-6, 6),
        ("1", 1e-40, 14),
        ("3", 0.4, 2),
        ("10", 0.025, 21),
        ("10", 1e-9, 61),
        ("99", 1e-6, 472),
        ("100", 0.025, 197),
        ("101", 1e-6, 481),
        ("500", 0.025, 981),
        ("500", 1e-9, 3000),
    ] {
        assert_eq!(gaussian(&rational(sigma), p), UBig::from(m), "σ = {sigma}, p = {p}");
    }
}

#[test]
fn laplace_against_fifty_digits() {
    for (scale, p, m) in [
        ("0.1", 0.025, 1_u32),
        ("0.5", 0.4, 1),
        ("1", 0.025, 4),
        ("1", 1e-6, 14),
        ("2", 5e-7, 29),
        ("5", 1e-6, 67),
        ("10", 0.025, 31),
        ("20", 5e-8, 323),
        ("1000", 1e-9, 20031),
    ] {
        assert_eq!(laplace(&rational(scale), p), UBig::from(m), "b = {scale}, p = {p}");
    }
}

/// P\[Z ≥ m\] from the definition, for every small scale: m is enough and m-1 is not.
#[test]
fn gaussian_is_the_least_by_definition() {
    for tenths in 2..60 {
        let sigma = f64::from(tenths) / 10.0;
        let pmf = crate::statistics::gaussian_pmf(sigma);
        for p in [0.3, 0.1, 0.025, 1e-3, 1e-6] {
            let m = gaussian(&(RBig::from(tenths) / RBig::from(10)), p);
            let m = i32::try_from(m).unwrap();
            let above = |m: i32| (m..m + 400).map(&pmf).sum::<f64>();
            assert!(above(m) <= p, "σ = {sigma}, p = {p}, m = {m}");
            assert!(m == 1 || above(m - 1) > p, "σ = {sigma}, p = {p}, m = {m} is too large");
        }
    }
}

/// What floats cannot tell from the tail at m is not enough for m.
#[test]
fn rounding_is_never_on_the_side_of_less() {
    for scale in [1_i32, 5, 1000] {
        let q = (-1.0 / f64::from(scale)).exp();
        for m in 1..30 {
            let p = q.powi(m) / (1.0 + q);
            assert_eq!(laplace(&RBig::from(scale), p), UBig::from(m.unsigned_abs() + 1), "{scale}");
        }
    }
    for sigma in [1_u32, 5, 20] {
        let pmf = crate::statistics::gaussian_pmf(f64::from(sigma));
        for m in 1..30 {
            let p = (m..m + 400).rev().map(&pmf).sum::<f64>();
            if p > 1e-100 {
                let found = gaussian(&RBig::from(sigma), p);
                assert_eq!(found, UBig::from(m.unsigned_abs() + 1), "{sigma}");
            }
        }
    }
}

/// Within σ the density is not convex, and a whole step is added: the tail above 524½ is 0.3.
#[test]
fn a_tail_within_the_deviation_is_a_step_further() {
    assert_eq!(gaussian(&rational("1000"), 0.3), UBig::from(526_u32));
}

#[test]
fn no_tail_starts_below_one() {
    for scale in ["0.1", "1", "50", "1e6"] {
        for p in [0.6, 0.9, 0.999] {
            assert_eq!(gaussian(&rational(scale), p), UBig::ONE, "{scale}");
            assert_eq!(laplace(&rational(scale), p), UBig::ONE, "{scale}");
        }
    }
}

#[test]
fn very_small_and_very_large_scales() {
    for scale in ["1e-30", "1e-15", "1e-6"] {
        assert_eq!(gaussian(&rational(scale), 1e-40), UBig::ONE);
        assert_eq!(laplace(&rational(scale), 1e-40), UBig::ONE);
    }
    let m = gaussian(&rational("1e30"), 0.025).to_f64().value();
    assert!((m / 1.959_963_984_540_054e30 - 1.0).abs() < 1e-8, "{m}");
    let m = laplace(&rational("1e30"), 0.025).to_f64().value();
    assert!((m / (1e30 * 20_f64.ln()) - 1.0).abs() < 1e-8, "{m}");
}

#[test]
fn no_probability_is_so_small_that_it_is_passed_over() {
    let tiny = gaussian(&rational("10"), f64::MIN_POSITIVE);
    assert!(tiny > gaussian(&rational("10"), 1e-280) && tiny < UBig::from(500_u32));
}

#[test]
fn normal_quantiles() {
    for (p, z) in [
        (0.158_655_253_931_457_05, 1.0),
        (0.025, 1.959_963_984_540_054),
        (1e-6, 4.753_424_308_822_899),
        (9.865_876_450_376_98e-10, 6.0),
    ] {
        let found = normal_quantile(p);
        assert!(found >= z - 1e-12 && found <= z + 1e-8, "{p}: {found}");
    }
    assert_eq!(normal_quantile(0.7), 0.0);
    // Below what is searched for.
    assert!(normal_quantile(f64::MIN_POSITIVE) > 37.5);
}
