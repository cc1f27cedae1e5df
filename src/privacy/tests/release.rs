//! Charged plans released: who is shown, what has noise, what is refused.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use noisegate_privacy::analyze::{Analyzed, Contribution, Selection, Terms, analyze};
use noisegate_privacy::budget::{Accountant, Amount, Delta, Epsilon, Loss};
use noisegate_privacy::expr::{Column, Expr, Node, TextType, Type};
use noisegate_privacy::noise::Noise;
use noisegate_privacy::plan::{
    Bounds, Domain, Exposure, Hop, Joins, Key, Leaf, Plan, Relation, Scan, Statistic,
};
use noisegate_privacy::quantiles::Bins;
use noisegate_privacy::receipt::Receipt;
use noisegate_privacy::release::{ExactRow, Release, ReleaseError};
use noisegate_privacy::{Exact, IBig, UBig, layout};
use statrs::function::beta::beta_reg;

/// Each statistical test may cry wolf once in a million runs.
const ALPHA: f64 = 1e-6;

fn terms() -> Terms {
    Terms {
        epsilon: Epsilon::parse("1").unwrap(),
        accountant: Accountant::Zcdp,
        delta: Delta::parse("1e-2").unwrap(),
        group_min: 1,
        groups_max: 4,
        contribution: Contribution::Declared,
    }
}

fn column(name: &str, ty: Type) -> Expr {
    let column = Column { scan: 0, name: name.to_owned(), bounds: None, nullable: true };
    Expr { node: Node::Column(column), ty }
}

/// Orders by status, by the customer that they belong to.
fn leaf(domain: Option<Domain>, statistics: Vec<Statistic>) -> Leaf {
    let hop = Hop {
        column: "customer".to_owned(),
        to_schema: "public".to_owned(),
        to_table: "customers".to_owned(),
        to_column: "id".to_owned(),
    };
    let exposure = Exposure::Private { path: vec![hop], unit: "id".to_owned(), rows_max: 3 };
    let scan = Scan {
        relation: Relation::Table { schema: "public".to_owned(), table: "orders".to_owned() },
        exposure,
        unique: vec!["id".to_owned()],
    };
    let key = |domain| Key { expr: column("status", Type::Text(TextType::Text)), domain };
    Leaf {
        scans: vec![scan],
        joins: Joins::Scan(0),
        filter: Vec::new(),
        keys: domain.into_iter().map(key).collect(),
        statistics,
    }
}

fn units() -> Statistic {
    Statistic::Units { filter: None }
}

fn sum() -> Statistic {
    let [low, high, centre] = [0, 10, 5].map(IBig::from);
    let bounds = Bounds { scale: 0, low, high, centre };
    Statistic::Sum { filter: None, value: column("total", Type::Int(4)), bounds }
}

fn rows() -> Statistic {
    Statistic::Rows { filter: None, present: None }
}

fn row(key: Option<&str>, values: &[i64]) -> ExactRow {
    let key = key.map(|key| Some(key.as_bytes().to_vec())).into_iter().collect();
    let values = values.iter().map(|value| Exact::new(IBig::from(*value))).collect();
    ExactRow { key: Exact::new(key), values }
}

fn release(plan: &Plan<Analyzed>, rows: Vec<ExactRow>) -> Result<Release, ReleaseError> {
    let receipt = Receipt::assertion(plan.loss().clone());
    plan.clone().charged(receipt).unwrap().release(rows)
}

/// P[X ≥ `hits`] for X binomial.
fn at_least(hits: u32, trials: u32, p: f64) -> f64 {
    if hits == 0 { 1.0 } else { beta_reg(f64::from(hits), f64::from(trials - hits + 1), p) }
}

#[test]
fn a_person_in_groups_of_their_own_is_seen_with_probability_delta_at_most() {
    let trials = 10_000;
    for groups_max in [1, 4] {
        let plan = analyze(
            leaf(Some(Domain::Found), vec![units(), rows()]),
            &Terms { groups_max, ..terms() },
        );
        let plan = plan.unwrap();
        let mut seen = 0;
        for _ in 0..trials {
            let names = ["a", "b", "c", "d"];
            let count = usize::try_from(groups_max).unwrap();
            let alone = names[..count].iter().map(|name| row(Some(name), &[1, 3]));
            seen += u32::from(!release(&plan, alone.collect()).unwrap().rows().is_empty());
        }
        assert!(at_least(seen, trials, 1e-2) >= ALPHA, "{seen} of {trials}, {groups_max} groups");
        // The threshold is not far above what is needed either: a singleton is seen now and then.
        assert!(seen > 0, "never seen in {groups_max} groups");
    }
}

#[test]
fn the_person_who_completes_a_group_is_seen_with_probability_delta_at_most() {
    let plan = analyze(
        leaf(Some(Domain::Found), vec![units()]),
        &Terms { group_min: 10, groups_max: 1, ..terms() },
    );
    let plan = plan.unwrap();
    let trials = 10_000;
    let seen = (0..trials)
        .filter(|_| !release(&plan, vec![row(Some("a"), &[10])]).unwrap().rows().is_empty())
        .count();
    let seen = u32::try_from(seen).unwrap();
    assert!(at_least(seen, trials, 1e-2) >= ALPHA, "{seen} of {trials}");
}

#[test]
fn groups_below_the_minimum_are_never_seen_and_large_ones_always() {
    let plan = analyze(
        leaf(Some(Domain::Found), vec![rows(), units()]),
        &Terms { epsilon: Epsilon::parse("0.05").unwrap(), group_min: 5, ..terms() },
    );
    let plan = plan.unwrap();
    for _ in 0..5_000 {
        let groups = vec![row(Some("few"), &[1_000_000, 4]), row(Some("many"), &[0, 100_000])];
        let release = release(&plan, groups).unwrap();
        let keys: Vec<_> = release.rows().iter().map(|row| row.key[0].clone().unwrap()).collect();
        assert_eq!(keys, [b"many".to_vec()]);
    }
}

#[test]
fn the_count_that_decides_is_added_where_nobody_asked_for_it() {
    let plan = analyze(leaf(Some(Domain::Found), vec![rows()]), &terms()).unwrap();
    assert_eq!(plan.leaf().statistics, [rows(), units()]);
    assert!(matches!(plan.analysis().selection, Selection::Threshold { units: 1, .. }));
    // A filtered count would not do: the others' rows may be what makes the group.
    let filter = Expr::constant("true", Type::Bool);
    let filtered = Statistic::Units { filter: Some(filter) };
    let plan = analyze(leaf(Some(Domain::Found), vec![filtered.clone()]), &terms()).unwrap();
    assert_eq!(plan.leaf().statistics, [filtered, units()]);
}

#[test]
fn public_keys_are_all_shown_with_noise_on_each_value() {
    let values = vec![Some("a".to_owned()), Some("b".to_owned()), None];
    let leaf = leaf(Some(Domain::Declared(values)), vec![rows(), sum(), units()]);
    let plan = analyze(leaf, &terms()).unwrap();
    let mut moved = [[0_u32; 3]; 2];
    for _ in 0..200 {
        let groups = vec![row(Some("b"), &[0, 0, 0]), row(Some("a"), &[0, 0, 0])];
        let release = release(&plan, groups).unwrap();
        let keys: Vec<_> = release.rows().iter().map(|row| row.key[0].clone().unwrap()).collect();
        assert_eq!(keys, [b"a".to_vec(), b"b".to_vec()], "sorted by key, whatever came first");
        for (moved, row) in moved.iter_mut().zip(release.rows()) {
            for (moved, value) in moved.iter_mut().zip(&row.values) {
                *moved += u32::from(*value.get() != IBig::ZERO);
            }
        }
    }
    // σ is above one for each, so that a value without noise has another chance than these.
    assert!(moved.iter().flatten().all(|moved| *moved > 80), "{moved:?}");
}

#[test]
fn equal_statistics_of_different_groups_get_noise_of_their_own() {
    let values = vec![Some("a".to_owned()), Some("b".to_owned())];
    let plan =
        analyze(leaf(Some(Domain::Declared(values)), vec![rows(), units()]), &terms()).unwrap();
    let apart = (0..100)
        .filter(|_| {
            let groups = vec![row(Some("a"), &[7, 7]), row(Some("b"), &[7, 7])];
            let release = release(&plan, groups).unwrap();
            let rows = release.rows();
            rows[0].values != rows[1].values && rows[0].values[0] != rows[0].values[1]
        })
        .count();
    assert!(apart > 50, "{apart}");
}

#[test]
fn a_sum_that_cannot_move_has_noise_as_well() {
    let bounds = Bounds { scale: 0, low: IBig::ZERO, high: IBig::ZERO, centre: IBig::ZERO };
    let nothing = Statistic::Sum { filter: None, value: column("total", Type::Int(4)), bounds };
    let plan = analyze(leaf(None, vec![nothing]), &terms()).unwrap();
    assert_eq!(plan.analysis().statistics[0].linf, UBig::ONE);
    let moved = (0..100)
        .filter(|_| {
            let release = release(&plan, vec![row(None, &[0])]).unwrap();
            *release.rows()[0].values[0].get() != IBig::ZERO
        })
        .count();
    assert!(moved > 10, "{moved}");
}

fn histogram(bins: &Bins) -> Statistic {
    let value = column("total", Type::Int(4));
    Statistic::Histogram { filter: None, value, bins: bins.clone() }
}

#[test]
fn every_node_of_a_histogram_has_noise_of_its_own() {
    let bins = Bins::over(0, IBig::from(0), IBig::from(39), 40);
    assert_eq!((bins.count(), bins.nodes(), bins.levels()), (40, 46, 2));
    let plan = analyze(leaf(None, vec![histogram(&bins), rows()]), &terms()).unwrap();
    let Noise::Gaussian { sigma } = &plan.analysis().statistics[0].noise else { panic!() };
    let sigma = sigma.value().to_f64().value();
    // Of ρ = 1/2 a half, three rows in a node of each of two levels: σ² = 2 · 9 / (2ρ).
    assert!((sigma / 36.0_f64.sqrt() - 1.0).abs() < 1e-3, "{sigma}");
    let trials = 500;
    let mut exact = vec![0; 41];
    // The counts of the first bin and of the third, and the number of rows after the first of them.
    (exact[0], exact[1], exact[3]) = (70, 77, 7);
    let mut squares = 0.0;
    let mut apart = 0;
    for _ in 0..trials {
        let released = release(&plan, vec![row(None, &exact)]).unwrap();
        let widths = plan.leaf().numbers();
        let values = &released.rows()[0].values;
        let nodes = layout::of(&widths, 0, values).unwrap();
        assert_eq!((nodes.len(), values.len()), (46, 47));
        let noise = |at: usize, exact: i64| nodes[at].get() - IBig::from(exact);
        let mut all = vec![noise(0, 77), noise(6, 70), noise(8, 7)];
        let empty = (0..46).filter(|at| ![0, 6, 8].contains(at)).map(|at| noise(at, 0));
        all.extend(empty);
        let children: IBig = all[1..].iter().take(2).sum();
        apart += u32::from(children != all[0]);
        squares += all.iter().map(|z| z.to_string().parse::<f64>().unwrap().powi(2)).sum::<f64>();
    }
    // Five standard deviations of a variance of 23 000 draws.
    let variance = squares / f64::from(46 * trials);
    assert!((variance / (sigma * sigma) - 1.0).abs() < 0.047, "{variance}");
    assert!(apart > 400, "{apart}");
}

#[test]
fn an_estimate_shows_each_of_its_bins_and_an_answer_its_steps() {
    // So much ε that the noise is zero.
    let epsilon = Epsilon::parse("1e9").unwrap();
    let with = |contribution| Terms { epsilon: epsilon.clone(), contribution, ..terms() };
    let found = leaf(Some(Domain::Found), vec![rows()]);
    let plan = analyze(found, &with(Contribution::Automatic)).unwrap();
    let estimate = plan.estimate().unwrap();
    let (bins, numbers) = (estimate.analysis().bins(), estimate.leaf().statistics.len());
    let exact = (0..bins).map(|bin| {
        let key = Exact::new(vec![Some(bin.to_be_bytes().to_vec()), None]);
        ExactRow { key, values: (0..numbers).map(|_| Exact::new(IBig::from(7))).collect() }
    });
    let released = release(estimate, exact.collect()).unwrap();
    assert!(bins > 1 && released.rows().len() == bins);
    let values = released.rows().iter().flat_map(|row| &row.values);
    assert!(values.into_iter().all(|value| *value.get() == IBig::from(7)));
    let values = vec![Some("a".to_owned()), Some("b".to_owned())];
    let known = Contribution::Known(vec![UBig::from(10_240_u32)]);
    let plan = analyze(leaf(Some(Domain::Declared(values)), vec![rows()]), &with(known)).unwrap();
    assert_eq!(plan.analysis().statistics[0].grains, 1024);
    let released = release(&plan, vec![row(Some("a"), &[5 * 1024 + 511])]).unwrap();
    assert_eq!(*released.rows()[0].values[0].get(), IBig::from(5));
}

#[test]
fn answers_of_another_shape_are_errors() {
    let whole = analyze(leaf(None, vec![rows(), units()]), &terms()).unwrap();
    let grouped = analyze(leaf(Some(Domain::Found), vec![units()]), &terms()).unwrap();
    let wrong = [
        release(&whole, Vec::new()),
        release(&whole, vec![row(None, &[1, 1]), row(None, &[1, 1])]),
        release(&whole, vec![row(None, &[1])]),
        release(&whole, vec![row(Some("a"), &[1, 1])]),
        release(&grouped, vec![row(None, &[1])]),
        release(&grouped, vec![row(Some("a"), &[1, 1])]),
        release(&grouped, vec![row(Some("a"), &[-1])]),
    ];
    for (at, wrong) in wrong.into_iter().enumerate() {
        assert!(matches!(wrong, Err(ReleaseError::Shape)), "case {at}");
    }
    assert!(release(&grouped, Vec::new()).unwrap().rows().is_empty());
}

#[test]
fn rows_that_are_not_shown_are_not_kept() {
    let hidden = analyze(
        leaf(Some(Domain::Found), vec![units()]),
        &Terms { delta: Delta::parse("1e-30").unwrap(), group_min: 1_000, ..terms() },
    );
    let hidden = hidden.unwrap();
    let receipt = Receipt::assertion(hidden.loss().clone());
    let mut releasing = hidden.charged(receipt).unwrap().releasing();
    for at in 0..500 {
        releasing.add(row(Some(&at.to_string()), &[at])).unwrap();
        assert_eq!(releasing.shown(), 0);
    }
    releasing.add(row(Some("many"), &[1_000_000])).unwrap();
    assert_eq!(releasing.shown(), 1);
    assert_eq!(releasing.finish().unwrap().rows().len(), 1);
}

#[test]
fn a_receipt_pays_for_its_own_price_only() {
    let plan = analyze(leaf(Some(Domain::Found), vec![units()]), &terms()).unwrap();
    let loss = plan.loss().clone();
    assert!(!loss.rho.is_zero() && !loss.delta.is_zero() && loss.epsilon.is_none());
    let above = Amount::from_units(loss.rho.units() + UBig::ONE);
    let below = Amount::from_units(loss.rho.units() - UBig::ONE);
    let others = [
        Loss { rho: above, ..loss.clone() },
        Loss { rho: below, ..loss.clone() },
        Loss { delta: Amount::ZERO, ..loss.clone() },
        Loss { epsilon: Some(loss.rho.clone()), ..loss.clone() },
        Loss::default(),
    ];
    for other in others {
        assert!(plan.clone().charged(Receipt::assertion(other)).is_none());
    }
    assert!(plan.charged(Receipt::assertion(loss)).is_some());
}
