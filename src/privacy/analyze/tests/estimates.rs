//! Bounds by norm, estimates of them, and how they split a price.

use super::*;

fn by_norm(contribution: Contribution, accountant: Accountant) -> Terms {
    Terms { accountant, contribution, ..terms() }
}

/// Orders by a public key, counted and summed.
fn by_status(domain: Domain) -> Leaf {
    let key = Key { expr: int(0, "status"), domain };
    let mut leaf = counted(vec![orders(4)], Joins::Scan(0), vec![key]);
    let [low, high, centre] = [0, 10, 0].map(IBig::from);
    let bounds = Bounds { scale: 0, low, high, centre };
    leaf.statistics.push(Statistic::Sum { filter: None, value: int(0, "x"), bounds });
    leaf
}

fn four() -> Domain {
    Domain::Declared((0..4).map(|n| Some(n.to_string())).collect())
}

#[test]
fn a_norm_bounds_all_groups_and_drops_none() {
    let known = Contribution::Known(vec![UBig::from(2048_u32), UBig::from(5_u8)]);
    for (accountant, norm) in [(Accountant::Zcdp, Norm::L2), (Accountant::Pure, Norm::L1)] {
        let plan = analyze(by_status(four()), &by_norm(known.clone(), accountant)).unwrap();
        assert!(plan.estimate().is_none());
        let found = plan.state;
        assert_eq!((found.groups, found.groups_enforced, found.norm), (Some(4), false, norm));
        let bounds: Vec<_> = found.statistics.iter().map(|one| one.bound.clone()).collect();
        assert_eq!(bounds, [Some(UBig::from(2048_u32)), Some(UBig::from(5_u8))]);
        assert!(found.statistics.iter().all(|one| one.grains == 1024));
        // ε = 1 for two: σ = C/√(2·¼), b = C/½.
        let scale = if norm == Norm::L2 { 2.0_f64.sqrt() * 2048.0 } else { 2.0 * 2048.0 };
        let noise = match &found.statistics[0].noise {
            Noise::Gaussian { sigma } => sigma.value().to_f64().value(),
            Noise::Laplace { scale } => scale.value().to_f64().value(),
        };
        assert!((noise / scale - 1.0).abs() < 1e-4, "{noise}");
    }
}

#[test]
fn a_plan_waits_for_its_estimate_and_cannot_be_charged_before() {
    use crate::receipt::Receipt;
    let terms = by_norm(Contribution::Automatic, Accountant::Zcdp);
    let plan = analyze(by_status(four()), &terms).unwrap();
    let estimate = plan.estimate().unwrap().clone();
    assert!(plan.analysis().waits() && !estimate.analysis().waits());
    assert_eq!(&estimate.loss().rho + &plan.loss().rho, Amount::parse("500000000000").unwrap());
    assert!(plan.clone().charged(Receipt::assertion(plan.loss().clone())).is_none());
    assert!(estimate.estimate().is_none());
    let grids = estimate.analysis().grids().unwrap();
    // Four rows of ten in each of four groups: 80 steps at most.
    assert_eq!(grids[1].edges().last(), Some(&UBig::from(80_u32 * 1024)));
    assert_eq!(grids[0].edges().last(), Some(&UBig::from(8_u32 * 1024)));
    // The estimate of both is released, and is what the bounds come from.
    let bins = estimate.analysis().bins();
    let release = |people: &dyn Fn(usize, usize) -> i64| {
        let key = |bin: usize| {
            let bin = i32::try_from(bin).unwrap().to_be_bytes().to_vec();
            vec![Some(bin), Some(4_i64.to_be_bytes().to_vec())]
        };
        let row = |bin| (key(bin), (0..2).map(|at| IBig::from(people(at, bin))).collect());
        Release::recalled((0..bins).map(row).collect())
    };
    let found = plan.clone().bounded(&release(&|_, bin| if bin == 3 { 100_000 } else { 0 }));
    let found = found.unwrap();
    assert!(found.estimate().is_none() && !found.analysis().waits());
    for (one, grid) in found.analysis().statistics.iter().zip(grids) {
        assert!(one.bound.as_ref().unwrap() >= &grid.edges()[3]);
        assert!(one.bound.as_ref().unwrap() <= &grid.edges()[6]);
    }
    assert_eq!(found.loss(), plan.loss());
    assert!(found.clone().charged(Receipt::assertion(plan.loss().clone())).is_some());
    // Where nothing can be told, as much noise is added as for what is declared: 4·√3 steps.
    let nothing = plan.clone().bounded(&release(&|_, _| 0)).unwrap();
    assert_eq!(nothing.analysis().statistics[0].bound, Some(UBig::from(7095_u32)));
    // A release of something else gives no bounds.
    assert!(plan.clone().bounded(&Release::recalled(Vec::new())).is_none());
    assert!(found.bounded(&Release::recalled(Vec::new())).is_none());
}

/// What a price is spent on: ρ, or ε, of each statistic whose bound is known.
fn spent(found: &Analyzed) -> Vec<RBig> {
    let of = |one: &Calibrated| {
        let bound = RBig::from(one.bound.clone().unwrap_or_else(|| one.linf.clone()));
        match &one.noise {
            Noise::Gaussian { sigma } => bound.sqr() / (sigma.value().sqr() * RBig::from(2)),
            Noise::Laplace { scale } => bound / scale.value(),
        }
    };
    found.statistics.iter().map(of).collect()
}

#[test]
fn an_estimate_splits_the_price_and_spends_no_more_than_it() {
    // Rows are many and alike; of the sums a few are large, so that a bound is far above most.
    let release = |estimate: &Plan<Analyzed>| {
        let key = |bin: usize| {
            let bin = i32::try_from(bin).unwrap().to_be_bytes().to_vec();
            vec![Some(bin), Some(4_i64.to_be_bytes().to_vec())]
        };
        let rows = |bin: usize| match bin {
            1 => [1_000_000, 500],
            20 => [0, 50],
            _ => [0, 0],
        };
        let row = |bin| (key(bin), rows(bin).map(IBig::from).to_vec());
        Release::recalled((0..estimate.analysis().bins()).map(row).collect())
    };
    for accountant in [Accountant::Zcdp, Accountant::Pure] {
        let terms = by_norm(Contribution::Automatic, accountant);
        let plan = analyze(by_status(four()), &terms).unwrap();
        let price = match accountant {
            Accountant::Zcdp => RBig::from(plan.loss().rho.units().clone()),
            Accountant::Pure => RBig::from(plan.loss().epsilon.clone().unwrap().units().clone()),
        } / RBig::from(1_000_000_000_000_u64);
        let found = plan.clone().bounded(&release(plan.estimate().unwrap())).unwrap();
        assert_eq!(found.loss(), plan.loss());
        let spent = spent(found.analysis());
        let all = spent.iter().fold(RBig::ZERO, |sum, one| sum + one);
        assert!(all <= price, "{all} of {price}");
        let part = |at: usize| (&spent[at] / &price).to_f64().value();
        assert!((part(0) + part(1) - 1.0).abs() < 1e-3, "{} and {}", part(0), part(1));
        assert!(part(0) >= 0.2499 && part(0) < 0.27 && part(1) > 0.73, "{}", part(0));
    }
}

#[test]
fn a_number_that_drowns_or_is_not_seen_takes_nothing_from_others() {
    let terms = by_norm(Contribution::Automatic, Accountant::Zcdp);
    let plan = analyze(by_status(four()), &terms).unwrap();
    let shares = |sums: &dyn Fn(usize) -> i64| {
        let row = |bin: usize| {
            let key = i32::try_from(bin).unwrap().to_be_bytes().to_vec();
            let key = vec![Some(key), Some(4_i64.to_be_bytes().to_vec())];
            let rows = if bin == 1 { 1_000_000 } else { 0 };
            (key, vec![IBig::from(rows), IBig::from(sums(bin))])
        };
        let bins = plan.estimate().unwrap().analysis().bins();
        let found = plan.clone().bounded(&Release::recalled((0..bins).map(row).collect())).unwrap();
        let spent = spent(found.analysis());
        (&spent[0] / &spent[1]).to_f64().value()
    };
    // All add nothing; nobody is seen; thirty are, too few for so much noise.
    for sums in [|bin| i64::from(bin == 0) * 100_000, |_| 0, |bin| i64::from(bin == 20) * 9] {
        let ratio = shares(&sums);
        assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
    }
}

#[test]
fn an_average_is_as_large_as_its_centre() {
    let terms = by_norm(Contribution::Automatic, Accountant::Zcdp);
    let sums = |centre: i64, filter: Option<Expr>| {
        let mut leaf = by_status(four());
        let [low, high, centre] = [0, 10, centre].map(IBig::from);
        let bounds = Bounds { scale: 0, low, high, centre };
        leaf.statistics[1] = Statistic::Sum { filter, value: int(0, "x"), bounds };
        let plan = analyze(leaf, &terms).unwrap();
        let bins = plan.estimate().unwrap().analysis().bins();
        let row = |bin: usize| {
            let key = i32::try_from(bin).unwrap().to_be_bytes().to_vec();
            let key = vec![Some(key), Some(4_i64.to_be_bytes().to_vec())];
            // Four rows each, whose numbers are near the centre for nearly all.
            let counts = match bin {
                1 => [0, 100_000],
                9 => [100_000, 0],
                15 => [0, 3_000],
                _ => [0, 0],
            };
            (key, counts.map(IBig::from).to_vec())
        };
        let found = plan.bounded(&Release::recalled((0..bins).map(row).collect())).unwrap();
        let spent = spent(found.analysis());
        (&spent[1] / &spent[0]).to_f64().value()
    };
    let bool = |name| column(0, name, Type::Bool);
    // Without a centre, or the count of its rows beside it, the sum is all that there is.
    let (alone, centred) = (sums(0, None), sums(5, None));
    assert!(alone > 1.5 * centred, "{alone} {centred}");
    // Of rows that are filtered it is not this count.
    let filtered = sums(5, Some(bool("b")));
    assert!(filtered < alone && filtered > centred, "{alone} {filtered} {centred}");
}

#[test]
fn the_rows_of_people_with_one_row_are_their_number() {
    let deciding = |scan: Scan| {
        let key = Key { expr: int(0, "town"), domain: Domain::Found };
        let plan = analyze(counted(vec![scan], Joins::Scan(0), vec![key]), &terms()).unwrap();
        let units = match plan.analysis().selection {
            Selection::Threshold { units, .. } => Some(units),
            Selection::Whole | Selection::Public => None,
        };
        (units, plan.leaf().statistics.len())
    };
    assert_eq!(deciding(customers()), (Some(0), 1));
    assert_eq!(deciding(orders(1)), (Some(1), 2));
    // Rows that are filtered are not all.
    let count = |filter, present| {
        let key = Key { expr: int(0, "town"), domain: Domain::Found };
        let mut leaf = counted(vec![customers()], Joins::Scan(0), vec![key]);
        leaf.statistics = vec![Statistic::Rows { filter, present }];
        analyze(leaf, &terms()).unwrap().leaf().statistics.len()
    };
    assert_eq!(count(None, None), 1);
    assert_eq!(count(None, Some(int(0, "x"))), 2);
    assert_eq!(count(Some(column(0, "b", Type::Bool)), None), 2);
}

#[test]
fn a_group_is_shown_from_whole_units_and_a_person_in_one_group_is_single() {
    let automatic = by_norm(Contribution::Automatic, Accountant::Zcdp);
    let found = analyze(by_status(Domain::Found), &automatic).unwrap().state;
    let Selection::Threshold { group_min, noisy_min, .. } = &found.selection else {
        unreachable!("groups are found")
    };
    // The next whole unit above so many grains.
    let (least, noisy) = found.shown_from().unwrap();
    let grains = |units: UBig| units * UBig::from(1024_u32);
    assert_eq!(least, *group_min);
    assert!(grains(noisy.clone()) >= *noisy_min && grains(noisy - UBig::ONE) < *noisy_min);
    let declared = analyzed(by_status(Domain::Found));
    let Selection::Threshold { noisy_min, .. } = &declared.selection else {
        unreachable!("groups are found")
    };
    assert_eq!(declared.shown_from(), Some((1, noisy_min.clone())));
    assert_eq!(analyzed(by_status(four())).shown_from(), None);
    assert!(!found.single() && !analyzed(by_status(four())).single());
    // What is shown of its noise is in units as well.
    let count = &found.statistics[2];
    let (half, deviation) = (count.noise.half_width((5, 100)), count.noise.standard_deviation());
    assert_eq!(count.grains, 1024);
    let shown = count.half_width((5, 100));
    assert!(grains(shown.clone()) >= half && grains(shown - UBig::ONE) < half);
    assert!((count.standard_deviation() * 1024.0 / deviation - 1.0).abs() < 1e-9);
    // One group that is enforced is not one group whatever the data.
    let one = Terms { groups_max: 1, ..terms() };
    let enforced = analyze(by_status(four()), &one).unwrap().state;
    assert_eq!((enforced.groups, enforced.single()), (Some(1), false));
    assert!(analyzed(counted(vec![orders(4)], Joins::Scan(0), Vec::new())).single());
}

#[test]
fn an_estimate_has_the_noise_of_one_person_for_its_part_of_the_price() {
    // Of ε = 1 a tenth, for two histograms in each of which a person is once.
    let pure = by_norm(Contribution::Automatic, Accountant::Pure);
    let plan = analyze(by_status(four()), &pure).unwrap();
    let estimate = plan.estimate().unwrap().analysis();
    let noise = Noise::laplace(&UBig::ONE, &Epsilon::parse("0.05").unwrap());
    assert_eq!(estimate.statistics.len(), 2);
    assert!(estimate.statistics.iter().all(|one| one.noise == noise && one.bound.is_none()));
    // All that a person can add: four rows of ten in each of four groups.
    let grids = estimate.grids().unwrap();
    assert_eq!(grids[1].edges().last(), Some(&UBig::from(160_u32 * 1024)));
    let zcdp = by_norm(Contribution::Automatic, Accountant::Zcdp);
    let plan = analyze(by_status(Domain::Found), &zcdp).unwrap();
    let estimate = plan.estimate().unwrap().analysis();
    // Of ρ = 1/2 a tenth, for three; the δ of the groups is paid for with the answer.
    let rho = crate::budget::Rho::of_epsilon(&Epsilon::parse("1").unwrap()).split(30);
    let noise = Noise::gaussian(&UBig::ONE, &rho);
    assert!(estimate.statistics.iter().all(|one| one.noise == noise));
    assert!(estimate.loss.delta.is_zero() && plan.loss().delta == zcdp.delta.cost());
}

#[test]
fn no_bound_is_zero_and_a_norm_drops_no_public_group() {
    let column = || Domain::PublicColumn("public".to_owned(), "states".to_owned(), "id".to_owned());
    let nothing = Contribution::Known(vec![UBig::ZERO, UBig::ZERO]);
    let bounds = |contribution: Contribution, groups_max| {
        let terms = Terms { groups_max, ..by_norm(contribution, Accountant::Zcdp) };
        let found = analyze(by_status(column()), &terms).unwrap().state;
        assert_eq!((found.groups, found.groups_enforced), (None, false));
        found.statistics.into_iter().map(|one| one.bound.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(bounds(nothing, 3), [UBig::ONE, UBig::ONE]);
    // Where nothing is declared of groups, one is: four rows, of ten each.
    let one = [UBig::from(4 * 1024_u32), UBig::from(40 * 1024_u32)];
    assert_eq!(bounds(Contribution::Automatic, 0), one);
    assert_eq!(bounds(Contribution::Known(Vec::new()), 1), one);
    let none = analyze(by_status(column()), &Terms { groups_max: 0, ..terms() }).unwrap().state;
    assert_eq!((none.groups, none.groups_enforced, none.beside.groups), (Some(1), true, 1));
}

#[test]
fn what_is_no_sum_over_people_has_its_groups_dropped_however_others_are_bounded() {
    let column = || Domain::PublicColumn("public".to_owned(), "states".to_owned(), "id".to_owned());
    let two = || Domain::Declared(vec![Some("a".to_owned()), Some("b".to_owned())]);
    let known = Contribution::Known(vec![UBig::from(5_u8)]);
    for contribution in [Contribution::Declared, Contribution::Automatic, known] {
        let of = |scan, domain| {
            let key = Key { expr: int(0, "status"), domain };
            let mut leaf = counted(vec![scan], Joins::Scan(0), vec![key]);
            leaf.statistics =
                vec![Statistic::Distinct { filter: None, value: int(0, "x"), most: None }];
            analyze(leaf, &by_norm(contribution.clone(), Accountant::Pure)).unwrap().state
        };
        for (scan, domain, groups, enforced) in [
            (orders(4), column(), 3, true),
            (orders(4), four(), 3, true),
            (orders(4), two(), 2, false),
            (customers(), column(), 1, false),
        ] {
            let rows = if groups == 1 { 1 } else { 4_u8 };
            let found = of(scan, domain);
            assert_eq!(found.beside, GroupBound { groups, enforced }, "{contribution:?}");
            assert_eq!(found.beside.kept(), enforced.then_some(groups));
            let moved = UBig::from(rows) * UBig::from(groups);
            let noise = Noise::laplace(&moved, &Epsilon::parse("1").unwrap());
            assert_eq!((&found.statistics[0].noise, &found.statistics[0].bound), (&noise, &None));
        }
    }
}

#[test]
fn what_moves_by_one_needs_no_estimate() {
    let automatic = by_norm(Contribution::Automatic, Accountant::Zcdp);
    let customers_by_town = || {
        let key = Key { expr: int(0, "town"), domain: four() };
        counted(vec![customers()], Joins::Scan(0), vec![key])
    };
    assert!(analyze(customers_by_town(), &automatic).unwrap().estimate().is_none());
    let mut units = counted(vec![orders(4)], Joins::Scan(0), Vec::new());
    units.statistics = vec![Statistic::Units { filter: None }];
    assert!(analyze(units, &automatic).unwrap().estimate().is_none());
    // Groups that are found are capped far above what is declared, so that hardly any is dropped;
    // the count of units that decides about them is bounded as the others are.
    let plan = analyze(by_status(Domain::Found), &automatic).unwrap();
    assert_eq!(plan.estimate().unwrap().leaf().statistics.len(), 3);
    let found = plan.analysis();
    assert_eq!((found.groups, found.groups_enforced), (Some(1024), true));
    assert_eq!(found.statistics[2].bound, Some(UBig::from(1774_u32)));
    // One group at most: the count moves by one there, and the threshold is for one group.
    let key = Key { expr: int(0, "town"), domain: Domain::Found };
    let one = analyze(counted(vec![customers()], Joins::Scan(0), vec![key]), &automatic).unwrap();
    assert!(one.estimate().is_none());
    assert_eq!(one.analysis().groups, Some(1));
    // A price of a few units is not split.
    let little = Terms { epsilon: Epsilon::parse("1e-6").unwrap(), ..automatic };
    assert!(analyze(by_status(four()), &little).unwrap().estimate().is_none());
}
