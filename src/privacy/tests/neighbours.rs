//! Remove one unit, with all its rows, and the exact answer moves by no more than the analysis says.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod world;

use std::collections::BTreeSet;

use noisegate_privacy::analyze::{Analyzed, Selection, Terms, analyze};
use noisegate_privacy::budget::{Accountant, Delta, Epsilon};
use noisegate_privacy::interpret::{Database, Groups, Value, interpret};
use noisegate_privacy::norms::Norm;
use noisegate_privacy::plan::{Exposure, JoinKind, Joins, Plan};
use noisegate_privacy::{IBig, UBig};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use world::Dice;

fn terms(dice: &mut Dice<'_>) -> Terms {
    Terms {
        epsilon: Epsilon::parse("1").unwrap(),
        accountant: if dice.roll(3) == 0 { Accountant::Pure } else { Accountant::Zcdp },
        delta: Delta::parse("1e-6").unwrap(),
        group_min: 1,
        groups_max: u32::try_from(1 + dice.roll(3)).unwrap(),
        contribution: world::contribution(dice),
    }
}

/// The database without a person and all that is theirs.
fn without(database: &Database, person: i64) -> Database {
    let mut rest = database.clone();
    let mut gone = BTreeSet::from([person, 100 - person]);
    for (table, reference) in [("people", 0), ("visits", 1), ("items", 1)] {
        let rows = &mut rest.tables.get_mut(&("public".to_owned(), table.to_owned())).unwrap().rows;
        let mut removed = BTreeSet::new();
        rows.retain(|row| {
            let theirs = gone.iter().any(|id| row[reference] == Value::int(*id));
            if theirs {
                removed.insert(row[0].clone());
            }
            !theirs
        });
        if table == "people" {
            continue;
        }
        gone = (0..100).filter(|id| removed.contains(&Value::int(*id))).collect();
    }
    rest
}

/// What is violated, if anything is.
fn violation(plan: &Plan<Analyzed>, more: &Groups, less: &Groups) -> Option<String> {
    let analyzed = plan.analysis();
    let keys: BTreeSet<&Vec<Value>> = more.keys().chain(less.keys()).collect();
    let zeros = vec![IBig::ZERO; analyzed.statistics.len()];
    let mut moved_groups = 0_u32;
    let mut moves = vec![Vec::new(); zeros.len()];
    for key in keys {
        let (a, b) = (more.get(key).unwrap_or(&zeros), less.get(key).unwrap_or(&zeros));
        moved_groups += u32::from(a != b);
        for (moves, (a, b)) in moves.iter_mut().zip(a.iter().zip(b)) {
            moves.push(a - b);
        }
    }
    if analyzed.grids().is_some() {
        // One bin of each histogram, by one: what its noise is for.
        return moves.iter().find_map(|moves| {
            let l1 = Norm::L1.sum(moves.iter());
            (l1 > UBig::ONE).then(|| format!("a histogram moves by {l1}"))
        });
    }
    if analyzed.groups.is_some_and(|groups| moved_groups > groups) {
        return Some(format!("{moved_groups} groups move"));
    }
    for (at, (one, moves)) in analyzed.statistics.iter().zip(&moves).enumerate() {
        let linf = IBig::from(one.linf.clone() * UBig::from(one.grains));
        if let Some(moved) = moves.iter().find(|moved| **moved > linf || **moved < -&linf) {
            return Some(format!("statistic {at} moves by {moved} in one group"));
        }
        let (l1, l2) = (Norm::L1.sum(moves.iter()), Norm::L2.sum(moves.iter()));
        let stated = match (&one.bound, analyzed.groups) {
            (Some(bound), _) => analyzed.norm.sum(moves.iter()) <= analyzed.norm.of_bound(bound),
            (None, Some(groups)) => {
                let (linf, groups) = (&one.linf, UBig::from(groups));
                l1 <= linf * &groups && l2 <= linf * linf * groups
            }
            (None, None) => false,
        };
        if !stated {
            return Some(format!("statistic {at} moves by {l1} in L1 and the root of {l2} in L2"));
        }
    }
    None
}

/// Tries one random leaf, on one random database without each of its people in turn. The plan, if
/// there is one.
fn check(bytes: &[u8]) -> Result<Option<Plan<Analyzed>>, TestCaseError> {
    let dice = &mut Dice(bytes);
    let by_code = world::by_code(dice);
    let leaf = world::leaf(dice, by_code);
    let terms = terms(dice);
    let Ok(plan) = analyze(leaf, &terms) else { return Ok(None) };
    // What waits for an estimate is the estimate first.
    let plan = plan.estimate().cloned().unwrap_or(plan);
    let database = world::database(dice, by_code);
    let Ok(all) = interpret(&plan, &database) else { return Ok(None) };
    let people = database.tables[&("public".to_owned(), "people".to_owned())].rows.len();
    for person in 0..i64::try_from(people).unwrap() {
        let rest = interpret(&plan, &without(&database, person)).unwrap();
        let found = violation(&plan, &all, &rest);
        prop_assert!(
            found.is_none(),
            "without person {person}: {}\n{:#?}\n{:#?}\n{database:#?}",
            found.unwrap_or_default(),
            plan.leaf(),
            plan.analysis()
        );
    }
    Ok(Some(plan))
}

/// How often each kind of plan was tried, so that a test that tries nothing fails.
#[derive(Debug, Default)]
struct Tried {
    plans: u32,
    one_row: u32,
    capped: u32,
    private_joins: u32,
    left_joins: u32,
    walked: u32,
    found: u32,
    public: u32,
    by_norm: u32,
    spread: u32,
    estimates: u32,
}

impl Tried {
    fn count(&mut self, plan: &Plan<Analyzed>) {
        let (leaf, analyzed) = (plan.leaf(), plan.analysis());
        let private = leaf.scans.iter().filter(|scan| scan.exposure != Exposure::Public).count();
        let walked = matches!(&leaf.scans[analyzed.unit].exposure,
            Exposure::Private { path, .. } if path.last().is_some_and(|hop| hop.to_column == "code"));
        self.plans += 1;
        self.one_row += u32::from(analyzed.one_row);
        self.capped += u32::from(analyzed.groups_enforced);
        self.private_joins += u32::from(private > 1);
        self.left_joins += u32::from(has_left(&leaf.joins));
        self.walked += u32::from(walked);
        self.found += u32::from(matches!(analyzed.selection, Selection::Threshold { .. }));
        self.public += u32::from(analyzed.selection == Selection::Public);
        let by_norm = analyzed.statistics.iter().any(|one| one.bound.is_some());
        self.by_norm += u32::from(by_norm);
        self.spread += u32::from(by_norm && !analyzed.single());
        self.estimates += u32::from(analyzed.grids().is_some());
    }
}

fn has_left(joins: &Joins) -> bool {
    match joins {
        Joins::Scan(_) => false,
        Joins::Join { kind, left, right, .. } => {
            *kind == JoinKind::Left || has_left(left) || has_left(right)
        }
    }
}

#[test]
fn without_one_unit_the_answer_moves_no_further_than_stated() {
    let tried = std::cell::RefCell::new(Tried::default());
    let config = Config { cases: 12_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let bytes = prop::collection::vec(any::<u8>(), 0..500);
    let result = runner.run(&bytes, |bytes| {
        if let Some(plan) = check(&bytes)? {
            tried.borrow_mut().count(&plan);
        }
        Ok(())
    });
    result.unwrap();
    let tried = tried.into_inner();
    let enough = |count: u32| count >= 50;
    assert!(tried.plans >= 2_000, "{tried:?}");
    assert!(enough(tried.one_row) && enough(tried.capped) && enough(tried.walked), "{tried:?}");
    assert!(enough(tried.private_joins) && enough(tried.left_joins), "{tried:?}");
    assert!(enough(tried.found) && enough(tried.public), "{tried:?}");
    assert!(enough(tried.by_norm) && enough(tried.spread) && enough(tried.estimates), "{tried:?}");
}
