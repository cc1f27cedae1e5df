//! A database without one unit, and by how much an answer may then move.

use std::collections::BTreeSet;

use noisegate_privacy::IBig;
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::interpret::{Database, Groups, Value};
use noisegate_privacy::plan::Plan;

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

/// What is violated, if anything is.
pub(crate) fn violation(plan: &Plan<Analyzed>, more: &Groups, less: &Groups) -> Option<String> {
    let analyzed = plan.analysis();
    let keys: BTreeSet<&Vec<Value>> = more.keys().chain(less.keys()).collect();
    let zeros = vec![IBig::ZERO; analyzed.statistics.len()];
    let mut moved_groups = 0_u32;
    let mut l1 = vec![IBig::ZERO; zeros.len()];
    let mut l2 = vec![IBig::ZERO; zeros.len()];
    let mut moved_values = 0_usize;
    for key in keys {
        let (a, b) = (more.get(key).unwrap_or(&zeros), less.get(key).unwrap_or(&zeros));
        moved_groups += u32::from(a != b);
        for (at, (a, b)) in a.iter().zip(b).enumerate() {
            let moved = (a - b).max(b - a);
            if moved > IBig::from(analyzed.statistics[at].linf.clone()) {
                return Some(format!("statistic {at} of {key:?} moves by {moved}"));
            }
            moved_values += usize::from(moved > IBig::ZERO);
            l2[at] += &moved * &moved;
            l1[at] += moved;
        }
    }
    if moved_groups > analyzed.groups {
        return Some(format!("{moved_groups} groups move"));
    }
    let groups = IBig::from(analyzed.groups);
    let (mut l1_most, mut l2_most) = (IBig::ZERO, IBig::ZERO);
    for (at, one) in analyzed.statistics.iter().enumerate() {
        let linf = IBig::from(one.linf.clone());
        l1_most += &linf * &groups;
        l2_most += &linf * &linf * &groups;
        if l1[at] > &linf * &groups || l2[at] > &linf * &linf * &groups {
            return Some(format!("statistic {at} moves by {} in L1", l1[at]));
        }
    }
    // And the whole vector.
    let l0 = usize::try_from(analyzed.groups).unwrap_or(usize::MAX) * zeros.len();
    let (l1, l2) = (l1.into_iter().sum::<IBig>(), l2.into_iter().sum::<IBig>());
    (moved_values > l0 || l1 > l1_most || l2 > l2_most)
        .then(|| format!("{moved_values} values move, by {l1} in L1 and the root of {l2} in L2"))
}
