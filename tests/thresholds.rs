//! Thresholds on the core, paid from a real ledger: whether a group of new keys shows is decided
//! with a δ that a test can see, 10⁻², which no policy would give a selection.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "common/fit.rs"]
#[expect(dead_code, reason = "each test binary uses a part of this")]
mod fit;

use std::collections::BTreeSet;

use fit::{Law, SIGMAS};
use noisegate::clock::{Clock, Millis};
use noisegate::ids::{Analyst, ChargeKey, QueryId, Question};
use noisegate::ledger::{Account, Charge, LeafCharge, Ledger, Window};
use noisegate_privacy::analyze::{Analyzed, Contribution, Selection, Terms, analyze};
use noisegate_privacy::budget::{Accountant, Amount, Delta, Epsilon};
use noisegate_privacy::expr::{Column, Expr, Node, TextType, Type};
use noisegate_privacy::plan::{
    Domain, Exposure, Hop, Joins, Key, Leaf, Plan, Relation, Scan, Statistic,
};
use noisegate_privacy::release::{ExactRow, Release};
use noisegate_privacy::{Exact, IBig};

const DELTA: f64 = 1e-2;
const DRAWS: u32 = 10_000;

/// `SELECT k, count(*) FROM visits GROUP BY k`, where visits belong to people.
fn leaf() -> Leaf {
    let hop = Hop {
        column: "person".into(),
        to_schema: "public".into(),
        to_table: "people".into(),
        to_column: "id".into(),
    };
    let scan = Scan {
        relation: Relation::Table { schema: "public".into(), table: "visits".into() },
        exposure: Exposure::Private { path: vec![hop], unit: "id".into(), rows_max: 1 },
        unique: Vec::new(),
    };
    let column = Column { scan: 0, name: "k".into(), bounds: None, nullable: false };
    let key = Expr { node: Node::Column(column), ty: Type::Text(TextType::Text) };
    Leaf {
        scans: vec![scan],
        joins: Joins::Scan(0),
        filter: Vec::new(),
        keys: vec![Key { expr: key, domain: Domain::Found }],
        statistics: vec![Statistic::Units { filter: None }],
    }
}

fn plan(group_min: u32, groups_max: u32, epsilon: &str) -> Plan<Analyzed> {
    let terms = Terms {
        epsilon: Epsilon::parse(epsilon).unwrap(),
        accountant: Accountant::Zcdp,
        delta: Delta::parse("0.01").unwrap(),
        group_min,
        groups_max,
        contribution: Contribution::Declared,
    };
    analyze(leaf(), &terms).unwrap()
}

/// P[Z ≥ T - units]: what the noise alone shows.
fn by_noise(plan: &Plan<Analyzed>, units: i64) -> f64 {
    let analysis = plan.analysis();
    let Selection::Threshold { units: at, noisy_min, .. } = &analysis.selection else {
        unreachable!("keys are found in the data")
    };
    let noisy_min = i64::try_from(noisy_min.clone()).unwrap();
    Law::of(&analysis.statistics.get(*at).unwrap().noise).tail(noisy_min - units)
}

/// Pays for the plan and releases groups of so many units each; the keys that show.
fn shown(plan: Plan<Analyzed>, groups: u32, units: i64) -> BTreeSet<u32> {
    let folder = tempfile::tempdir().unwrap();
    let (clock, _) = Clock::fixed(Millis(1_700_000_000_000));
    let ledger = Ledger::open(&folder.path().join("ledger.db"), clock).unwrap();
    let plenty = Amount::parse(&"9".repeat(30)).unwrap();
    let account = Account {
        id: "all".into(),
        accountant: Accountant::Zcdp,
        rho: plenty.clone(),
        epsilon: plenty.clone(),
        delta: plenty,
        window: Window::Lifetime,
        throttle: Vec::new(),
        control: 0,
    };
    let leaf = LeafCharge {
        question: Question([0; 32]),
        loss: plan.loss().clone(),
        accounts: vec![account],
    };
    let charge = Charge {
        key: ChargeKey::fresh(0),
        query: QueryId::fresh(),
        analyst: Analyst("a".into()),
        leaves: vec![leaf],
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut reservation = runtime.block_on(ledger.reserve(charge)).unwrap();
    let receipt = reservation.receipts().pop().unwrap();
    let rows = (0..groups).map(|group| ExactRow {
        key: Exact::new(vec![Some(group.to_be_bytes().to_vec())]),
        values: vec![Exact::new(IBig::from(units))],
    });
    let release: Release = plan.charged(receipt).unwrap().release(rows.collect()).unwrap();
    let key =
        |key: &Option<Vec<u8>>| u32::from_be_bytes(key.as_deref().unwrap().try_into().unwrap());
    release.rows().iter().map(|row| key(row.key.first().unwrap())).collect()
}

/// Asserts that so many of `trials` are what this probability gives, at α = 10⁻⁶.
fn as_often(hits: usize, trials: u32, p: f64) {
    let mean = f64::from(trials) * p;
    let hits = f64::from(u32::try_from(hits).unwrap());
    // Half a draw for the step from counts to the normal, and the skew of a small p.
    let room = SIGMAS * (mean * (1.0 - p)).sqrt() + 5.0;
    assert!((hits - mean).abs() < room, "{hits} of {trials} where {mean} are due");
}

#[test]
fn a_lone_person_shows_with_at_most_delta() {
    for epsilon in ["0.2", "1", "5"] {
        let plan = plan(1, 1, epsilon);
        let p = by_noise(&plan, 1);
        assert!(p <= DELTA, "{p}");
        // For narrow noise the next integer is far below δ.
        assert!(p > DELTA / 10.0 || epsilon == "5", "{p}");
        as_often(shown(plan, DRAWS, 1).len(), DRAWS, p);
    }
}

#[test]
fn a_lone_person_in_several_groups_shows_with_at_most_delta() {
    let plan = plan(1, 4, "1");
    let p = 1.0 - (1.0 - by_noise(&plan, 1)).powi(4);
    assert!(p <= DELTA && p > DELTA / 20.0, "{p}");
    let keys = shown(plan, DRAWS * 4, 1);
    let people: BTreeSet<u32> = keys.iter().map(|key| key / 4).collect();
    as_often(people.len(), DRAWS, p);
}

#[test]
fn a_group_below_the_minimum_never_shows() {
    for (group_min, units) in [(2, 1), (10, 9), (10, 1), (10, 0)] {
        let plan = plan(group_min, 1, "0.2");
        if i64::from(group_min) - units == 1 {
            let p = by_noise(&plan, units);
            assert!(p * f64::from(DRAWS) > 20.0, "the noise alone would show some: {p}");
        }
        assert!(shown(plan, DRAWS, units).is_empty(), "{units} of {group_min}");
    }
}

#[test]
fn a_group_at_the_minimum_shows_with_at_most_delta_and_a_large_one_surely() {
    let at_minimum = plan(10, 1, "0.5");
    let p = by_noise(&at_minimum, 10);
    assert!(p <= DELTA);
    as_often(shown(at_minimum, DRAWS, 10).len(), DRAWS, p);
    assert_eq!(shown(plan(10, 1, "0.5"), DRAWS, 100).len(), usize::try_from(DRAWS).unwrap());
}
