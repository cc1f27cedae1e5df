use super::*;
use crate::budget::{Epsilon, Rho};

/// Noise of one part of a histogram at so much ρ, and at so much ε.
fn gaussian(epsilon: &str) -> Noise {
    Noise::gaussian(&UBig::ONE, &Rho::of_epsilon(&Epsilon::parse(epsilon).unwrap()))
}

fn laplace(epsilon: &str) -> Noise {
    Noise::laplace(&UBig::ONE, &Epsilon::parse(epsilon).unwrap())
}

/// People whose norms fall off exponentially above 1000.
fn population(count: u32) -> Vec<f64> {
    let step = |at: u32| -((f64::from(at) + 0.5) / f64::from(count)).ln();
    (0..count).map(|at| 1000.0 + 1000.0 * step(at)).collect()
}

fn histogram(grid: &Grid, norms: &[f64]) -> Vec<IBig> {
    let mut counts = vec![0_u32; grid.edges.len()];
    for norm in norms {
        let norm = UBig::try_from(RBig::try_from(norm.ceil()).unwrap().ceil()).unwrap();
        counts[grid.bin(Norm::L1, &norm)] += 1;
    }
    counts.into_iter().map(IBig::from).collect()
}

/// The root of the squares of noise and bias at a bound.
fn error(norms: &[f64], bound: f64, deviation: f64) -> f64 {
    let bias: f64 = norms.iter().map(|norm| (norm - bound).max(0.0)).sum();
    bias.hypot(bound * deviation)
}

fn choose(grid: &Grid, noisy: &[IBig], noise: &Noise, situation: Situation) -> Option<UBig> {
    Population::seen(grid, noisy, noise)?.bound(situation)
}

fn situation(deviation: f64) -> Situation {
    Situation { groups: 1.0, spread: 1.0, deviation }
}

#[test]
fn edges_grow_by_the_fourth_root_of_two_and_end_at_the_top() {
    let edges = |grains, top: u32| -> Vec<u32> {
        let grid = Grid::new(grains, &UBig::from(top));
        grid.edges.iter().map(|edge| u32::try_from(edge.clone()).unwrap()).collect()
    };
    assert_eq!(edges(1, 1), [0, 1]);
    assert_eq!(edges(1, 9), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(edges(1024, 2500), [0, 1024, 1218, 1449, 1723, 2048, 2436, 2500]);
    let long = Grid::new(1024, &(UBig::ONE << 90));
    assert!(long.edges.len() <= 4 * 80 + 3, "{}", long.edges.len());
    assert!(long.edges.windows(2).all(|two| two[0] < two[1]));
}

#[test]
fn a_norm_is_in_the_bin_whose_edge_does_not_clip_it() {
    let grid = Grid::new(1, &UBig::from(1000_u32));
    for norm in 0..=1000_u32 {
        let norm = UBig::from(norm);
        for kind in [Norm::L1, Norm::L2] {
            let bin = grid.bin(kind, &kind.of_bound(&norm));
            assert!(norm <= grid.edges[bin]);
            assert!(bin == 0 || norm > grid.edges[bin - 1]);
        }
    }
    // What cannot be is in the last bin.
    assert_eq!(grid.bin(Norm::L1, &UBig::from(5000_u32)), grid.edges.len() - 1);
}

#[test]
fn at_a_huge_epsilon_nobody_is_clipped() {
    let grid = Grid::new(1, &UBig::from(1_000_000_000_u32));
    for count in [1, 2, 50, 5000] {
        let norms = population(count);
        let chosen = choose(&grid, &histogram(&grid, &norms), &gaussian("1e9"), situation(1e-9));
        let chosen = float(&chosen.unwrap().into());
        let most = norms.iter().copied().fold(0.0, f64::max);
        assert!(chosen >= most && chosen <= most * 1.2 + 1.0, "{count}: {chosen} for {most}");
    }
}

#[test]
fn the_chosen_bound_is_nearly_the_best() {
    let grid = Grid::new(1, &UBig::from(1_000_000_000_u32));
    let norms = population(50_000);
    let exact = histogram(&grid, &norms);
    for (noise, deviation) in [(gaussian("0.07"), 4.7), (laplace("0.1"), 1.1)] {
        let best = (10..400).map(|at| error(&norms, f64::from(at) * 50.0, deviation));
        let best = best.fold(f64::INFINITY, f64::min);
        let mut errors: Vec<f64> = (0..101)
            .map(|_| {
                let noisy: Vec<IBig> =
                    exact.iter().map(|count| count + noise.draw().unwrap()).collect();
                let chosen = choose(&grid, &noisy, &noise, situation(deviation)).unwrap();
                error(&norms, float(&chosen.into()), deviation) / best
            })
            .collect();
        errors.sort_by(f64::total_cmp);
        assert!(errors[50] < 1.6, "{noise:?}: {} {} {}", errors[10], errors[50], errors[90]);
        assert!(errors[90] < 3.0, "{noise:?}: {} {} {}", errors[10], errors[50], errors[90]);
    }
}

#[test]
fn small_whole_numbers_are_bins_apart() {
    // Most count once, some twice, few three or four times: fewer than the noise of a bin.
    let grid = Grid::new(1024, &UBig::from(1_000_000_u32));
    let norms: Vec<f64> = [(1024.0, 12_000), (2048.0, 900), (3072.0, 70), (4096.0, 6)]
        .into_iter()
        .flat_map(|(norm, people)| std::iter::repeat_n(norm, people))
        .collect();
    let exact = histogram(&grid, &norms);
    let (noise, deviation) = (laplace("0.1"), 1.1);
    let best = (1..60).map(|at| error(&norms, f64::from(at) * 100.0, deviation));
    let best = best.fold(f64::INFINITY, f64::min);
    let mut errors: Vec<f64> = (0..101)
        .map(|_| {
            let noisy: Vec<IBig> =
                exact.iter().map(|count| count + noise.draw().unwrap()).collect();
            let chosen = choose(&grid, &noisy, &noise, situation(deviation)).unwrap();
            error(&norms, float(&chosen.into()), deviation) / best
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    assert!(errors[50] < 2.0, "{} {} {}", errors[10], errors[50], errors[90]);
}

#[test]
fn people_who_are_all_alike_are_hardly_clipped() {
    let grid = Grid::new(1, &UBig::from(1_000_000_000_u32));
    let noise = gaussian("0.07");
    let mut off = 0;
    for _ in 0..50 {
        let exact = histogram(&grid, &vec![700.0; 20_000]);
        let noisy: Vec<IBig> = exact.iter().map(|count| count + noise.draw().unwrap()).collect();
        let chosen = float(&choose(&grid, &noisy, &noise, situation(4.7)).unwrap().into());
        assert!(chosen >= 700.0, "{chosen}");
        off += u32::from(chosen > 1500.0);
    }
    // Noise passes for somebody once in a thousand times; five of fifty are once in 10⁸.
    assert!(off < 5, "{off}");
}

#[test]
fn noise_alone_gives_no_bound() {
    let grid = Grid::new(1, &(UBig::ONE << 40));
    let noise = gaussian("0.07");
    let found = (0..200)
        .filter(|_| {
            let noisy: Vec<IBig> = grid.edges.iter().map(|_| noise.draw().unwrap()).collect();
            choose(&grid, &noisy, &noise, situation(4.7)).is_some()
        })
        .count();
    assert!(found <= 6, "{found} of 200");
    // A few people who are too faint for any bin, but not for eight.
    let mut faint = 0;
    for _ in 0..50 {
        let mut noisy: Vec<IBig> = grid.edges.iter().map(|_| noise.draw().unwrap()).collect();
        noisy[60..68].iter_mut().for_each(|count| *count += IBig::from(45));
        faint += u32::from(choose(&grid, &noisy, &noise, situation(4.7)).is_some());
    }
    assert!(faint > 40, "{faint}");
}

#[test]
fn many_groups_ask_for_a_lower_bound() {
    let grid = Grid::new(1, &UBig::from(1_000_000_000_u32));
    let norms = population(50_000);
    let of = |groups| {
        let situation = Situation { groups, ..situation(4.7) };
        choose(&grid, &histogram(&grid, &norms), &gaussian("1e3"), situation).unwrap()
    };
    assert!(of(100.0) < of(1.0));
}
