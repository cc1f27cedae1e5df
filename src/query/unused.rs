//! Scans that nothing reads: an argument that is lowered twice adds those of its EXISTS twice, and
//! where one of the two is not needed, a leaf would hold rows that it never looks at.

use noisegate_privacy::expr::Expr;
use noisegate_privacy::plan::{Leaf, Statistic};

/// Takes them out, and numbers the others anew.
pub(crate) fn drop_unused(leaf: &mut Leaf) {
    let mut read = leaf.joins.scans();
    let mut below = |expr: &Expr| expr.exists(&mut |exists| read.extend(exists.joins.scans()));
    leaf.joins.conditions(&mut |condition| below(condition));
    leaf.filter.iter().for_each(&mut below);
    leaf.expressions().into_iter().for_each(&mut below);
    read.sort_unstable();
    read.dedup();
    if read.len() == leaf.scans.len() {
        return;
    }
    let place = |scan: usize| read.binary_search(&scan).unwrap_or(usize::MAX);
    leaf.joins.map_scans(&place);
    leaf.filter.iter_mut().for_each(|expr| expr.map_scans(&place));
    leaf.keys.iter_mut().for_each(|key| key.expr.map_scans(&place));
    leaf.statistics.iter_mut().flat_map(expressions).for_each(|expr| expr.map_scans(&place));
    let mut at = 0_usize;
    leaf.scans.retain(|_| {
        let kept = read.binary_search(&at).is_ok();
        at = at.saturating_add(1);
        kept
    });
}

fn expressions(statistic: &mut Statistic) -> Vec<&mut Expr> {
    match statistic {
        Statistic::Rows { filter, present } => filter.iter_mut().chain(present).collect(),
        Statistic::Units { filter } => filter.iter_mut().collect(),
        Statistic::Sum { filter, value, .. }
        | Statistic::Distinct { filter, value, .. }
        | Statistic::Histogram { filter, value, .. } => filter.iter_mut().chain([value]).collect(),
    }
}
