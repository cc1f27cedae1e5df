//! Remove one unit, with all its rows, and the exact answer moves by no more than the analysis says.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod world;

use std::collections::BTreeSet;

use noisegate_privacy::IBig;
use noisegate_privacy::analyze::{Analyzed, Selection, Terms, analyze};
use noisegate_privacy::budget::{Accountant, Delta, Epsilon};
use noisegate_privacy::interpret::{Database, Groups, Value, interpret};
use noisegate_privacy::layout;
use noisegate_privacy::plan::{Exposure, JoinKind, Joins, Plan, Statistic};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use world::Dice;

fn terms(dice: &mut Dice<'_>) -> Terms {
    Terms {
        epsilon: Epsilon::parse("1").unwrap(),
        accountant: Accountant::Zcdp,
        delta: Delta::parse("1e-6").unwrap(),
        group_min: 1,
        groups_max: u32::try_from(1 + dice.roll(3)).unwrap(),
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

/// The numbers of a statistic that get noise, of those that are exact.
fn numbers(plan: &Plan<Analyzed>, at: usize, exact: &[IBig]) -> Vec<IBig> {
    let own = layout::of(&plan.leaf().cells(), at, exact).unwrap();
    match plan.leaf().statistics[at].bins() {
        Some(bins) => bins.sums(&own),
        None => own.into_iter().cloned().collect(),
    }
}

/// What is violated, if anything is.
fn violation(plan: &Plan<Analyzed>, more: &Groups, less: &Groups) -> Option<String> {
    let analyzed = plan.analysis();
    let keys: BTreeSet<&Vec<Value>> = more.keys().chain(less.keys()).collect();
    let zeros = vec![IBig::ZERO; layout::total(&plan.leaf().cells())];
    let mut moved_groups = 0_u32;
    let mut l1 = vec![IBig::ZERO; analyzed.statistics.len()];
    let mut l2 = l1.clone();
    for key in keys {
        let (a, b) = (more.get(key).unwrap_or(&zeros), less.get(key).unwrap_or(&zeros));
        moved_groups += u32::from(a != b);
        for at in 0..analyzed.statistics.len() {
            for (a, b) in numbers(plan, at, a).iter().zip(&numbers(plan, at, b)) {
                let moved = (a - b).max(b - a);
                if moved > IBig::from(analyzed.statistics[at].linf.clone()) {
                    return Some(format!("statistic {at} of {key:?} moves by {moved}"));
                }
                l2[at] += &moved * &moved;
                l1[at] += moved;
            }
        }
    }
    if moved_groups > analyzed.groups {
        return Some(format!("{moved_groups} groups move"));
    }
    for (at, one) in analyzed.statistics.iter().enumerate() {
        let linf = IBig::from(one.linf.clone());
        let additive = plan.leaf().statistics[at].is_additive();
        let groups = if additive { analyzed.groups } else { analyzed.beside.groups };
        let places = IBig::from(groups) * IBig::from(one.levels);
        if l1[at] > &linf * &places || l2[at] > &linf * &linf * &places {
            return Some(format!("statistic {at} moves by {} in L1", l1[at]));
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
    distinct: u32,
    histograms: u32,
    deep: u32,
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
        let has =
            |wanted: &dyn Fn(&Statistic) -> bool| u32::from(leaf.statistics.iter().any(wanted));
        self.distinct += has(&|one| matches!(one, Statistic::Distinct { .. }));
        self.histograms += has(&|one| one.bins().is_some());
        self.deep += has(&|one| one.bins().is_some_and(|bins| bins.levels() > 1));
        self.public += u32::from(analyzed.selection == Selection::Public);
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
    assert!(enough(tried.distinct) && enough(tried.histograms) && enough(tried.deep), "{tried:?}");
    assert!(enough(tried.found) && enough(tried.public), "{tried:?}");
}
