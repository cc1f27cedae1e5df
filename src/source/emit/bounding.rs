//! From rows to groups: what one unit adds to a group, and to all groups together, is bounded here,
//! after everything else.

use noisegate_privacy::analyze::Calibrated;
use noisegate_privacy::norms::Norm;
use noisegate_privacy::plan::{Bounds, Statistic};
use noisegate_privacy::{IBig, UBig};

use super::Emit;

impl Emit<'_> {
    /// A unit has at most one row, so a plain aggregate is bounded as it is, but for its values.
    pub(super) fn one_row_per_unit(&self) -> String {
        let sums = self.statistics().map(|(at, statistic, calibrated)| {
            let sql = match statistic {
                Statistic::Rows { .. }
                | Statistic::Units { .. }
                | Statistic::Distinct { .. }
                | Statistic::Histogram { .. } => counted(at, statistic),
                Statistic::Sum { filter, .. } => {
                    let value = match &calibrated.bound {
                        // NULL adds nothing; LEAST and GREATEST would make it a bound.
                        Some(bound) => {
                            format!("LEAST(GREATEST(COALESCE(v{at}, 0), -{bound}), {bound})")
                        }
                        None => format!("v{at}"),
                    };
                    format!(
                        "COALESCE(pg_catalog.sum({value}){}, 0)",
                        filtered(at, filter.is_some())
                    )
                }
            };
            format!("({sql})::text AS s{at}")
        });
        let columns: Vec<String> = self.key_names().into_iter().chain(sums).collect();
        format!("SELECT {}\nFROM {}{}", columns.join(", "), self.rows_item(false), self.group_by())
    }

    /// What each unit adds to each group, bounded and added up.
    pub(super) fn many_rows_per_unit(&self) -> String {
        let cells = self.statistics().map(|(at, _, calibrated)| {
            let cell = match self.spread_bound(calibrated) {
                Some(bound) => self.scaled(at, calibrated.grains, bound),
                None => format!("p{at}"),
            };
            format!("COALESCE(pg_catalog.sum({cell}), 0)::text AS s{at}")
        });
        let columns: Vec<String> = self.key_names().into_iter().chain(cells).collect();
        let from = if self.statistics().any(|(.., one)| self.spread_bound(one).is_some()) {
            format!("({}) AS p", self.partials_with_norms())
        } else {
            self.kept(false)
        };
        format!("SELECT {}\nFROM {from}{}", columns.join(", "), self.group_by())
    }

    /// The partials beside what the whole of each unit measures.
    fn partials_with_norms(&self) -> String {
        let bounded = self.statistics().filter(|(.., one)| self.spread_bound(one).is_some());
        let norms = bounded.map(|(at, ..)| {
            format!("pg_catalog.sum({}) OVER (PARTITION BY p.u) AS q{at}", self.size(at))
        });
        let columns: Vec<String> = std::iter::once("p.*".to_owned()).chain(norms).collect();
        format!("SELECT {}\nFROM {}", columns.join(", "), self.kept(true))
    }

    /// The partials of the groups that count.
    pub(super) fn kept(&self, unit: bool) -> String {
        let partials = format!("({}) AS p", self.partials(unit));
        match self.analyzed.groups {
            Some(groups) if self.analyzed.groups_enforced => {
                format!("{partials}\nWHERE p.rank <= {groups}")
            }
            _ => partials,
        }
    }

    /// What one partial adds to the sum that a norm is made from; see `norms` of the core.
    pub(super) fn size(&self, at: usize) -> String {
        match self.analyzed.norm {
            Norm::L1 => format!("pg_catalog.abs(p{at}::numeric)"),
            Norm::L2 => format!("p{at}::numeric * p{at}::numeric"),
        }
    }

    /// A partial in grains, scaled so that its unit stays within the bound. As in `norms` of the core:
    /// whole numbers only, the norm rounded up and the cell toward zero.
    fn scaled(&self, at: usize, grains: u32, bound: &UBig) -> String {
        let grains = UBig::from(grains);
        let (beyond, cell) = match self.analyzed.norm {
            Norm::L1 => (
                format!("q{at} * {grains} > {bound}"),
                format!("pg_catalog.div(p{at}::numeric * {bound}, q{at})"),
            ),
            Norm::L2 => {
                let square = format!("(q{at} * {})", &grains * &grains);
                let root = format!("pg_catalog.ceil(pg_catalog.sqrt({square}))");
                // A root is rounded by the server; one that came out too small is one more.
                let root =
                    format!("({root} + CASE WHEN {root} * {root} < {square} THEN 1 ELSE 0 END)");
                (
                    format!("{square} > {}", bound * bound),
                    format!("pg_catalog.div(p{at}::numeric * {}, {root})", &grains * bound),
                )
            }
        };
        format!("CASE WHEN {beyond} THEN {cell} ELSE p{at}::numeric * {grains} END")
    }

    /// One row for each unit and group, with what the unit contributes to each statistic, clipped.
    fn partials(&self, unit: bool) -> String {
        let rows = self.analyzed.rows;
        let mut columns: Vec<String> =
            unit.then(|| "u".to_owned()).into_iter().chain(self.key_names()).collect();
        for (at, statistic, calibrated) in self.statistics() {
            let bound = self.own_bound(calibrated);
            let at_most = |most: u32| match bound {
                Some(bound) if *bound < UBig::from(most) => bound.to_string(),
                _ => most.to_string(),
            };
            let sql = match statistic {
                Statistic::Rows { .. }
                | Statistic::Distinct { .. }
                | Statistic::Histogram { .. } => {
                    format!("LEAST({}, {})", counted(at, statistic), at_most(rows))
                }
                Statistic::Units { .. } => {
                    format!("LEAST({}, {})", counted(at, statistic), at_most(1))
                }
                Statistic::Sum { filter, bounds, .. } => {
                    let (mut low, mut high) = partial_bounds(bounds, rows);
                    if let Some(bound) = bound {
                        let bound = IBig::from(bound.clone());
                        (low, high) = (low.max(-&bound), high.min(bound));
                    }
                    format!(
                        "LEAST(GREATEST(COALESCE(pg_catalog.sum(v{at}){}, 0), {low}), {high})",
                        filtered(at, filter.is_some())
                    )
                }
            };
            columns.push(format!("{sql} AS p{at}"));
        }
        if self.analyzed.groups_enforced {
            columns.push(format!(
                "pg_catalog.row_number() OVER (PARTITION BY u ORDER BY {}) AS rank",
                self.group_order()
            ));
        }
        let mut group = vec!["u".to_owned()];
        group.extend(self.group_names());
        format!(
            "SELECT {}\nFROM {}\nGROUP BY {}",
            columns.join(", "),
            self.rows_item(true),
            group.join(", ")
        )
    }

    /// The statistics that are sums over units, with their places in the leaf and their bounds.
    fn statistics(&self) -> impl Iterator<Item = (usize, &Statistic, &Calibrated)> {
        let both = self.leaf.statistics.iter().zip(&self.analyzed.statistics);
        let all = both.enumerate().map(|(at, (statistic, calibrated))| (at, statistic, calibrated));
        all.filter(|(_, statistic, _)| statistic.is_additive())
    }

    /// The bound of a statistic where a unit may be in several groups.
    fn spread_bound<'a>(&self, calibrated: &'a Calibrated) -> Option<&'a UBig> {
        calibrated.bound.as_ref().filter(|_| !self.analyzed.single())
    }

    /// The bound of a statistic where a unit is in one group: that of its cell there.
    fn own_bound<'a>(&self, calibrated: &'a Calibrated) -> Option<&'a UBig> {
        calibrated.bound.as_ref().filter(|_| self.analyzed.single())
    }
}

/// How many rows of a group a counting statistic counts.
pub(super) fn counted(at: usize, statistic: &Statistic) -> String {
    let (filter, present) = match statistic {
        Statistic::Rows { filter, present } => (filter.is_some(), present.is_some()),
        Statistic::Units { filter } => (filter.is_some(), false),
        Statistic::Sum { .. } | Statistic::Distinct { .. } | Statistic::Histogram { .. } => {
            (false, false)
        }
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
