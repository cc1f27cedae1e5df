//! Remove one unit, with all its rows, and the exact answer moves by no more than the analysis says.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod world;

use noisegate_privacy::analyze::{Analyzed, Selection, Terms, analyze};
use noisegate_privacy::budget::{Accountant, Delta, Epsilon};
use noisegate_privacy::derived::Derived;
use noisegate_privacy::interpret::interpret;
use noisegate_privacy::plan::{Exposure, JoinKind, Joins, Plan, Scan, Statistic};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use world::{Dice, all_exists, all_scans, is_forged, violation, without};

/// Leaves that are tried, unless the environment asks for another number.
const CASES: u32 = 24_000;

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

/// Tries one random leaf, on one random database without each of its people in turn. The plan, if
/// there is one.
fn check(asked: &[u8], rows: &[u8]) -> Result<Option<Plan<Analyzed>>, TestCaseError> {
    let dice = &mut Dice(asked);
    let by_code = world::by_code(dice);
    let terms = terms(dice);
    let leaf = world::leaf(dice, by_code);
    let forged = is_forged(&leaf);
    let Ok(plan) = analyze(leaf, &terms) else { return Ok(None) };
    prop_assert!(!forged, "a forged exposure was believed: {:#?}", plan.leaf());
    // What waits for an estimate is the estimate first.
    let plan = plan.estimate().cloned().unwrap_or(plan);
    let database = world::database(&mut Dice(rows), by_code);
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
    grouped: u32,
    windowed: u32,
    united: u32,
    nested: u32,
    derived_joins: u32,
    exists: u32,
    exists_nested: u32,
    exists_derived: u32,
    exists_on: u32,
    exists_shown: u32,
    exists_below: u32,
    by_norm: u32,
    spread: u32,
    estimates: u32,
    distinct: u32,
    histograms: u32,
    deep: u32,
}

impl Tried {
    fn count(&mut self, plan: &Plan<Analyzed>) {
        let (leaf, analyzed) = (plan.leaf(), plan.analysis());
        let own: Vec<&Scan> = leaf.joins.scans().into_iter().map(|at| &leaf.scans[at]).collect();
        let is_private = |scan: &&Scan| scan.exposure != Exposure::Public;
        let private = own.iter().copied().filter(is_private).count();
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
        self.count_derived(&all_scans(leaf).into_iter().filter(is_private).collect::<Vec<_>>());
        self.derived_joins += u32::from(
            private > 1 && own.iter().any(|scan| is_private(scan) && scan.derived().is_some()),
        );
        let over_private = |scans: &[Scan], scan: usize| scans[scan].exposure != Exposure::Public;
        let exists: Vec<_> = all_exists(leaf)
            .into_iter()
            .filter(|(scans, one)| one.joins.scans().iter().any(|at| over_private(scans, *at)))
            .collect();
        self.exists += u32::from(!exists.is_empty());
        self.exists_below += u32::from(exists.iter().any(|(scans, _)| *scans != leaf.scans));
        self.exists_derived += u32::from(exists.iter().any(|(scans, one)| {
            one.joins
                .scans()
                .iter()
                .any(|at| is_private(&&scans[*at]) && scans[*at].derived().is_some())
        }));
        self.exists_nested += u32::from(exists.iter().any(|(_, one)| {
            let mut nested = false;
            one.conditions(&mut |condition| condition.exists(&mut |_| nested = true));
            nested
        }));
        let mut on = false;
        leaf.joins.conditions(&mut |condition| condition.exists(&mut |_| on = true));
        self.exists_on += u32::from(on);
        let mut shown = false;
        leaf.expressions().iter().for_each(|expr| expr.exists(&mut |_| shown = true));
        self.exists_shown += u32::from(shown);
        let by_norm = analyzed.statistics.iter().any(|one| one.bound.is_some());
        self.by_norm += u32::from(by_norm);
        self.spread += u32::from(by_norm && !analyzed.single());
        self.estimates += u32::from(analyzed.grids().is_some());
    }

    fn count_derived(&mut self, private: &[&Scan]) {
        let has = |wanted: fn(&Derived) -> bool| {
            u32::from(private.iter().any(|scan| scan.derived().is_some_and(wanted)))
        };
        self.grouped += has(|one| matches!(one, Derived::Grouped { .. }));
        self.windowed +=
            has(|one| matches!(one, Derived::Windowed { windows, .. } if !windows.is_empty()));
        self.united += has(|one| matches!(one, Derived::Union { .. }));
        self.nested += has(|one| {
            let mut scans = one.bodies().into_iter().flat_map(|rows| &rows.scans);
            scans.any(|scan| scan.derived().is_some() && scan.exposure != Exposure::Public)
        });
    }

    fn all(&self) -> [u32; 24] {
        [
            self.one_row,
            self.capped,
            self.private_joins,
            self.left_joins,
            self.walked,
            self.found,
            self.public,
            self.grouped,
            self.windowed,
            self.united,
            self.nested,
            self.derived_joins,
            self.exists,
            self.exists_nested,
            self.exists_derived,
            self.exists_on,
            self.exists_shown,
            self.exists_below,
            self.by_norm,
            self.spread,
            self.estimates,
            self.distinct,
            self.histograms,
            self.deep,
        ]
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

/// Cases to try: `NOISEGATE_CASES` of them if that is set, as mutation testing does.
fn cases() -> u32 {
    std::env::var("NOISEGATE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES)
}

#[test]
fn without_one_unit_the_answer_moves_no_further_than_stated() {
    let tried = std::cell::RefCell::new(Tried::default());
    let cases = cases();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let bytes = |range| prop::collection::vec(any::<u8>(), range);
    let result = runner.run(&(bytes(0..600), bytes(100..450)), |(asked, rows)| {
        if let Some(plan) = check(&asked, &rows)? {
            tried.borrow_mut().count(&plan);
        }
        Ok(())
    });
    result.unwrap();
    let tried = tried.into_inner();
    assert!(tried.plans >= cases / 6, "{tried:?}");
    // The rarest kind is about one case of three hundred.
    let least = cases / 1_000;
    assert!(tried.all().into_iter().all(|count| count >= least), "{tried:?}");
}
