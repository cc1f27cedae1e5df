//! The statement of an estimate: how many units have a norm in each bin of a public grid.
//!
//! partials → what each unit measures over all groups → its bin → units in each bin, of all bins.
//! Each row's key is the bin and the number of public groups, which the choice of a bound needs.

use noisegate_privacy::UBig;
use noisegate_privacy::analyze::Selection;
use noisegate_privacy::estimate::Grid;
use noisegate_privacy::plan::Statistic;

use super::Emit;

impl Emit<'_> {
    /// The statement of an estimate with these grids.
    pub(super) fn norms(&self, grids: &[Grid]) -> String {
        let each = |text: &dyn Fn(usize) -> String, between: &str| -> String {
            (0..grids.len()).map(text).collect::<Vec<_>>().join(between)
        };
        let bins: Vec<String> =
            grids.iter().enumerate().map(|(at, grid)| self.bin(at, grid)).collect();
        let groups = match self.analyzed.selection {
            Selection::Whole => "1::bigint".to_owned(),
            Selection::Public => {
                format!("(SELECT pg_catalog.count(*) FROM ({}) AS g)", self.domain())
            }
            Selection::Threshold { .. } => "0::bigint".to_owned(),
        };
        format!(
            "SELECT d.k1, d.k2, {}\nFROM (SELECT b AS k1, {groups} AS k2 \
             FROM pg_catalog.generate_series(0, {}) AS b) AS d\n\
             LEFT JOIN (SELECT x.bin, {}\nFROM (SELECT {}\nFROM ({}) AS n) AS n \
             CROSS JOIN LATERAL (VALUES {}) AS x(at, bin)\nGROUP BY x.bin) AS a ON a.bin = d.k1",
            each(&|at| format!("COALESCE(a.s{at}, '0') AS s{at}"), ", "),
            self.analyzed.bins().saturating_sub(1),
            each(
                &|at| {
                    format!("(pg_catalog.count(*) FILTER (WHERE x.at = {at}))::text AS s{at}")
                },
                ", "
            ),
            bins.join(", "),
            self.measured(),
            each(&|at| format!("({at}, n.b{at})"), ", "),
        )
    }

    /// One row for each unit, with what it measures over all groups.
    fn measured(&self) -> String {
        let sizes = |each: &dyn Fn(usize) -> String| -> String {
            let sizes = (0..self.leaf.statistics.len()).map(each);
            sizes.collect::<Vec<_>>().join(", ")
        };
        if self.analyzed.one_row {
            let cells = self.leaf.statistics.iter().enumerate();
            let cells: Vec<String> =
                cells.map(|(at, one)| format!("{} AS p{at}", row(at, one))).collect();
            return format!(
                "SELECT {}\nFROM (SELECT {}\nFROM ({}) AS r) AS p",
                sizes(&|at| format!("{} AS q{at}", self.size(at))),
                cells.join(", "),
                self.rows(false)
            );
        }
        let unit = if self.analyzed.single() { "" } else { "\nGROUP BY p.u" };
        let size = |at: usize| {
            if self.analyzed.single() {
                format!("{} AS q{at}", self.size(at))
            } else {
                format!("pg_catalog.sum({}) AS q{at}", self.size(at))
            }
        };
        format!("SELECT {}\nFROM {}{unit}", sizes(&size), self.kept(true))
    }

    /// The bin of a unit: how many edges its norm is above, but for the last.
    fn bin(&self, at: usize, grid: &Grid) -> String {
        let grains = self.analyzed.statistics.get(at).map_or(1, |one| one.grains);
        let norm = self.analyzed.norm;
        let factor = norm.of_bound(&UBig::from(grains));
        // A threshold is reached by what is equal to it, and an edge holds what is.
        let (_, edges) = grid.edges().split_last().unwrap_or((&UBig::ONE, &[]));
        let above = edges.iter().map(|edge| (norm.of_bound(edge) + UBig::ONE).to_string());
        format!(
            "pg_catalog.width_bucket(q{at} * {factor}, ARRAY[{}]::numeric[]) AS b{at}",
            above.collect::<Vec<_>>().join(", ")
        )
    }
}

/// What the one row of a unit adds to a statistic.
fn row(at: usize, statistic: &Statistic) -> String {
    let (filter, value) = match statistic {
        Statistic::Rows { filter, present: Some(_) } => {
            (filter.is_some(), format!("CASE WHEN v{at} IS NOT NULL THEN 1 ELSE 0 END"))
        }
        Statistic::Rows { filter, present: None }
        | Statistic::Units { filter }
        | Statistic::Distinct { filter, .. }
        | Statistic::Histogram { filter, .. } => (filter.is_some(), "1".to_owned()),
        Statistic::Sum { filter, .. } => (filter.is_some(), format!("COALESCE(v{at}, 0)")),
    };
    if filter { format!("CASE WHEN f{at} THEN {value} ELSE 0 END") } else { value }
}
