use proptest::prelude::*;

use super::*;
use crate::budget::{Epsilon, Rho};

fn bins(low: i64, high: i64, most: u32) -> Bins {
    Bins::over(0, IBig::from(low), IBig::from(high), most)
}

fn counts(bins: &Bins, values: &[i64]) -> Vec<IBig> {
    let mut counts = vec![IBig::ZERO; bins.count()];
    for value in values {
        let at = (IBig::from(*value) - &bins.low) / IBig::from(bins.width.clone());
        *counts.get_mut(usize::try_from(at).unwrap()).unwrap() += IBig::ONE;
    }
    counts
}

fn nodes(bins: &Bins, values: &[i64]) -> Vec<IBig> {
    let counts = counts(bins, values);
    bins.sums(&counts.iter().collect::<Vec<_>>())
}

#[test]
fn bins_cover_their_range() {
    for (high, most, count, levels, width) in [
        (0, 8192, 1, 1, 1),
        (31, 8192, 32, 1, 1),
        (32, 8192, 33, 2, 1),
        (1023, 8192, 1024, 2, 1),
        (5000, 8192, 5001, 3, 1),
        (8191, 8192, 8192, 3, 1),
        (100_000, 8192, 7693, 3, 13),
        (511, 512, 512, 2, 1),
        (512, 512, 257, 2, 2),
    ] {
        let bins = bins(0, high, most);
        assert!(bins.are_sound());
        let found = (bins.count(), bins.levels(), bins.width.clone());
        assert_eq!(found, (count, levels, UBig::from(u32::try_from(width).unwrap())), "{high}");
        assert_eq!(nodes(&bins, &[]).len(), bins.nodes());
    }
    assert_eq!((bins(100, 199, 10).width, bins(-9, 0, 0).width), (10_u8.into(), 10_u8.into()));
    assert!(!Bins { width: UBig::ONE, ..bins(0, 8192, 1) }.are_sound());
    let none = Bins { width: UBig::ZERO, ..bins(0, 9, 1) };
    assert!(!none.are_sound() && none.count() == 10);
    assert!(!Bins { low: IBig::from(3), ..bins(0, 2, 1) }.are_sound());
}

#[test]
fn a_rank_is_off_by_two_deviations_of_the_noise_on_the_way() {
    let rho = Rho::of_epsilon(&Epsilon::parse("1").unwrap());
    let noise = Noise::gaussian(&UBig::from(100_u8), &rho);
    // k + (h - 1) · k/4 + h draws of σ² = 100.
    for (high, children, draws) in [(31, 32, 33.0_f64), (1023, 32, 42.0), (8191, 21, 34.5)] {
        let bins = bins(0, high, 8192);
        assert_eq!(bins.children(), children);
        let expected = 2.0 * 10.0 * draws.sqrt();
        assert!((bins.rank_error(&noise) / expected - 1.0).abs() < 1e-3, "{high}");
    }
}

#[test]
fn each_level_counts_each_row_once() {
    let bins = bins(-50, 5000, 8192);
    let values = [-50, -50, 0, 7, 4000, 5000];
    let nodes = nodes(&bins, &values);
    let total: IBig = nodes.iter().sum();
    assert_eq!(total, IBig::from(18));
    assert_eq!(nodes.iter().filter(|node| **node != IBig::ZERO).count(), 3 + 5 + 5);
}

#[test]
fn a_group_of_nobody_has_no_quantiles() {
    let bins = bins(0, 9, 8192);
    for values in [vec![IBig::ZERO; 10], vec![IBig::from(-1); 10]] {
        let tree = Tree::new(&bins, &values.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(tree.discrete(0.5), None);
        assert_eq!(tree.continuous(0.5), None);
        assert_eq!(tree.extreme(true, 1.0), None);
    }
    assert!(Tree::new(&bins, &[&IBig::ONE]).is_none());
}

#[test]
fn extremes_leave_rows_beyond() {
    let bins = bins(0, 999, 8192);
    let values: Vec<i64> = (0..1000).collect();
    let nodes = nodes(&bins, &values);
    let tree = Tree::new(&bins, &nodes.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(tree.extreme(false, 0.0), Some(IBig::ZERO));
    assert_eq!(tree.extreme(true, 0.0), Some(IBig::from(999)));
    assert_eq!(tree.extreme(false, 9.5), Some(IBig::from(9)));
    assert_eq!(tree.extreme(true, 9.5), Some(IBig::from(990)));
    assert_eq!(tree.extreme(true, 1e9), Some(IBig::from(500)));
}

/// The stated rank error holds, and is not far from what is seen.
#[test]
fn ranks_are_off_by_no_more_than_is_said() {
    let bins = bins(0, 4999, 8192);
    let values: Vec<i64> = (0..5000).flat_map(|value| [value, value, value]).collect();
    let exact = nodes(&bins, &values);
    let rho = Rho::of_epsilon(&Epsilon::parse("1").unwrap());
    let noise = Noise::gaussian(&(UBig::from(bins.levels()) * UBig::from(16_u8)), &rho);
    let said = bins.rank_error(&noise);
    let mut off: Vec<f64> = Vec::new();
    for at in 0..60 {
        let noisy: Vec<IBig> = exact.iter().map(|count| count + noise.draw().unwrap()).collect();
        let tree = Tree::new(&bins, &noisy.iter().collect::<Vec<_>>()).unwrap();
        let fraction = f64::from(at % 9 + 1) / 10.0;
        let found = float(&tree.discrete(fraction).unwrap());
        off.push((found * 3.0 - fraction * 15_000.0).abs());
    }
    let beyond = off.iter().filter(|off| **off > said).count();
    assert!(beyond <= 10, "{beyond} of 60 are beyond {said}");
    let mean = off.iter().sum::<f64>() / 60.0;
    assert!(mean > said / 20.0, "{mean} of {said}");
}

proptest! {
    #[test]
    fn without_noise_they_are_those_of_postgresql(
        mut values in prop::collection::vec(-40..4000_i64, 1..60),
        fraction in 0.0..=1.0_f64,
    ) {
        let bins = bins(-50, 5000, 8192);
        let nodes = nodes(&bins, &values);
        let tree = Tree::new(&bins, &nodes.iter().collect::<Vec<_>>()).unwrap();
        values.sort_unstable();
        let size = f64::from(u32::try_from(values.len()).unwrap());
        let at = |rank: f64| IBig::from(*values.get(usize::try_from(whole(rank)).unwrap()).unwrap());
        let discrete = at((fraction * size).ceil().max(1.0) - 1.0);
        prop_assert_eq!(tree.discrete(fraction).unwrap(), discrete);
        let rank = fraction * (size - 1.0);
        let (below, above, part) = tree.continuous(fraction).unwrap();
        prop_assert_eq!((below, above), (at(rank.floor()), at(rank.ceil())));
        prop_assert!((part - (rank - rank.floor())).abs() < 1e-12);
        prop_assert_eq!(tree.extreme(false, 0.0).unwrap(), at(0.0));
        prop_assert_eq!(tree.extreme(true, 0.0).unwrap(), at(size - 1.0));
    }

    #[test]
    fn wide_bins_are_off_by_less_than_a_bin(
        values in prop::collection::vec(0..1_000_000_i64, 1..40),
        fraction in 0.0..=1.0_f64,
    ) {
        let (coarse, fine) = (bins(0, 999_999, 512), bins(0, 999_999, 1_000_000));
        let nodes = nodes(&coarse, &values);
        let tree = Tree::new(&coarse, &nodes.iter().collect::<Vec<_>>()).unwrap();
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let size = f64::from(u32::try_from(values.len()).unwrap());
        let at = whole((fraction * size).ceil().max(1.0) - 1.0);
        let truth = IBig::from(*sorted.get(usize::try_from(at).unwrap()).unwrap());
        let found = tree.discrete(fraction).unwrap();
        let off = (&found - &truth).max(&truth - &found);
        prop_assert!(off < IBig::from(coarse.width.clone()), "{} off", off);
        prop_assert!(fine.is_exact() && !coarse.is_exact());
    }
}
