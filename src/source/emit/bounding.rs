//! From rows to groups: what one unit adds to a group is bounded here, after everything else.

use noisegate_privacy::IBig;
use noisegate_privacy::plan::{Bounds, Statistic};

use super::Emit;

impl Emit<'_> {
    /// A unit has at most one row, so a plain aggregate is bounded as it is.
    pub(super) fn one_row_per_unit(&self) -> String {
        let sums = self.leaf.statistics.iter().enumerate().map(|(at, statistic)| {
            let sql = match statistic {
                Statistic::Rows { .. } | Statistic::Units { .. } => counted(at, statistic),
                Statistic::Sum { filter, .. } => {
                    format!("COALESCE(pg_catalog.sum(v{at}){}, 0)", filtered(at, filter.is_some()))
                }
            };
            format!("({sql})::text AS s{at}")
        });
        let columns: Vec<String> = self.key_names().into_iter().chain(sums).collect();
        format!(
            "SELECT {}\nFROM ({}) AS r{}",
            columns.join(", "),
            self.rows(false),
            self.group_by()
        )
    }

    pub(super) fn many_rows_per_unit(&self) -> String {
        let sums = (0..self.leaf.statistics.len())
            .map(|at| format!("COALESCE(pg_catalog.sum(p{at}), 0)::text AS s{at}"));
        let columns: Vec<String> = self.key_names().into_iter().chain(sums).collect();
        let kept = if self.analyzed.groups_enforced {
            format!("\nWHERE p.rank <= {}", self.analyzed.groups)
        } else {
            String::new()
        };
        format!(
            "SELECT {}\nFROM ({}) AS p{kept}{}",
            columns.join(", "),
            self.partials(),
            self.group_by()
        )
    }

    /// One row for each unit and group, with what the unit contributes to each statistic, clipped.
    fn partials(&self) -> String {
        let rows = self.analyzed.rows;
        let mut columns = self.key_names();
        for (at, statistic) in self.leaf.statistics.iter().enumerate() {
            let sql = match statistic {
                Statistic::Rows { .. } => format!("LEAST({}, {rows})", counted(at, statistic)),
                Statistic::Units { .. } => format!("LEAST({}, 1)", counted(at, statistic)),
                Statistic::Sum { filter, bounds, .. } => {
                    let (low, high) = partial_bounds(bounds, rows);
                    format!(
                        "LEAST(GREATEST(COALESCE(pg_catalog.sum(v{at}){}, 0), {low}), {high})",
                        filtered(at, filter.is_some())
                    )
                }
            };
            columns.push(format!("{sql} AS p{at}"));
        }
        if self.analyzed.groups_enforced {
            // Which groups count depends on the unit's own rows and on nothing else.
            let key = format!("ROW({})::text", self.key_names().join(", "));
            columns.push(format!(
                "pg_catalog.row_number() OVER (PARTITION BY u ORDER BY \
                 pg_catalog.hashtextextended({key}, 20210), {key}) AS rank"
            ));
        }
        let mut group = vec!["u".to_owned()];
        group.extend(self.group_names());
        format!(
            "SELECT {}\nFROM ({}) AS r\nGROUP BY {}",
            columns.join(", "),
            self.rows(true),
            group.join(", ")
        )
    }
}

/// How many rows of a group a counting statistic counts.
fn counted(at: usize, statistic: &Statistic) -> String {
    let (filter, present) = match statistic {
        Statistic::Rows { filter, present } => (filter.is_some(), present.is_some()),
        Statistic::Units { filter } => (filter.is_some(), false),
        Statistic::Sum { .. } => (false, false),
    };
    let condition = match (filter, present) {
        (false, false) => return "pg_catalog.count(*)".to_owned(),
        (true, false) => format!("f{at}"),
        (false, true) => format!("v{at} IS NOT NULL"),
        (true, true) => format!("f{at} AND v{at} IS NOT NULL"),
    };
    format!("pg_catalog.count(*) FILTER (WHERE {condition})")
}

fn filtered(at: usize, filter: bool) -> String {
    if filter { format!(" FILTER (WHERE f{at})") } else { String::new() }
}

/// What one unit can contribute to a sum in one group, in steps.
fn partial_bounds(bounds: &Bounds, rows: u32) -> (IBig, IBig) {
    let rows = IBig::from(rows);
    let low = (&bounds.low - &bounds.centre).min(IBig::ZERO);
    let high = (&bounds.high - &bounds.centre).max(IBig::ZERO);
    (low * &rows, high * rows)
}
