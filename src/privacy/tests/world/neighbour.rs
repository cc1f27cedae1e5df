//! A database without one unit, and by how much an answer may then move.

use std::collections::BTreeSet;

use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::interpret::{Database, Groups, Value};
use noisegate_privacy::layout;
use noisegate_privacy::norms::Norm;
use noisegate_privacy::plan::{Plan, Statistic};
use noisegate_privacy::{IBig, UBig};

/// The database without a person and all that is theirs.
pub(crate) fn without(database: &Database, person: i64) -> Database {
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

/// The numbers of a statistic that have noise: of a histogram, those of the whole tree.
fn numbers(plan: &Plan<Analyzed>, at: usize, exact: &[IBig]) -> Vec<IBig> {
    let own = layout::of(&plan.leaf().cells(), at, exact).unwrap();
    match plan.leaf().statistics[at].bins() {
        Some(bins) => bins.sums(&own),
        None => own.into_iter().cloned().collect(),
    }
}

/// What is violated, if anything is.
pub(crate) fn violation(plan: &Plan<Analyzed>, more: &Groups, less: &Groups) -> Option<String> {
    let analyzed = plan.analysis();
    let keys: BTreeSet<&Vec<Value>> = more.keys().chain(less.keys()).collect();
    let zeros = vec![IBig::ZERO; layout::total(&plan.leaf().cells())];
    let mut moved_groups = 0_u32;
    let mut moves = vec![Vec::new(); analyzed.statistics.len()];
    for key in keys {
        let (a, b) = (more.get(key).unwrap_or(&zeros), less.get(key).unwrap_or(&zeros));
        moved_groups += u32::from(a != b);
        for (at, moves) in moves.iter_mut().enumerate() {
            let (a, b) = (numbers(plan, at, a), numbers(plan, at, b));
            moves.extend(a.iter().zip(&b).map(|(a, b)| a - b));
        }
    }
    if analyzed.grids().is_some() {
        // One bin of each histogram, by one: what its noise is for.
        return moves.iter().find_map(|moves| {
            let l1 = Norm::L1.sum(moves.iter());
            (l1 > UBig::ONE).then(|| format!("a histogram moves by {l1}"))
        });
    }
    let apart = !plan.leaf().statistics.iter().all(Statistic::is_additive);
    // What is no sum over units drops groups of its own.
    let most = |groups: u32| if apart { groups + analyzed.beside.groups } else { groups };
    if analyzed.groups.is_some_and(|groups| moved_groups > most(groups)) {
        return Some(format!("{moved_groups} groups move"));
    }
    for (at, (one, moves)) in analyzed.statistics.iter().zip(&moves).enumerate() {
        let linf = IBig::from(one.linf.clone() * UBig::from(one.grains));
        if let Some(moved) = moves.iter().find(|moved| **moved > linf || **moved < -&linf) {
            return Some(format!("statistic {at} moves by {moved} in one group"));
        }
        let (l1, l2) = (Norm::L1.sum(moves.iter()), Norm::L2.sum(moves.iter()));
        let additive = plan.leaf().statistics[at].is_additive();
        let groups = if additive { analyzed.groups } else { Some(analyzed.beside.groups) };
        let stated = match (&one.bound, groups) {
            (Some(bound), _) => analyzed.norm.sum(moves.iter()) <= analyzed.norm.of_bound(bound),
            (None, Some(groups)) => {
                let (linf, groups) = (&one.linf, UBig::from(groups) * UBig::from(one.levels));
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
