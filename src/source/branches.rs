//! Statistics that are no sums over units, each in a branch of its own from the same rows:
//!
//! rows (with the unit)
//!   → those of the groups that the unit counts in, chosen as for the sums
//!   → of each unit and group at most so many, chosen by a hash of unit and value
//!   → one number for each group;
//!
//! and the branches together, one row for each group.

use noisegate_privacy::distinct;
use noisegate_privacy::expr::Expr;
use noisegate_privacy::plan::Statistic;

use super::emit::{Emit, look};

impl Emit<'_> {
    /// Whether anything is no sum over units.
    pub(super) fn has_branches(&self) -> bool {
        !self.leaf.statistics.iter().all(Statistic::is_additive)
    }

    /// The groups with all statistics. Branches are put together by grouping once more, since that
    /// takes NULL for a value like others.
    pub(super) fn with_branches(&self) -> String {
        let statistics = || self.leaf.statistics.iter().enumerate();
        let mut parts = Vec::new();
        if statistics().any(|(_, statistic)| statistic.is_additive()) {
            let mut columns = self.key_names();
            columns.extend(statistics().map(|(at, statistic)| {
                if statistic.is_additive() { format!("s{at}") } else { format!("NULL AS s{at}") }
            }));
            parts.push(format!("SELECT {}\nFROM ({}) AS g", columns.join(", "), self.sums()));
        }
        for (at, statistic) in statistics() {
            let (number, from) = match statistic {
                Statistic::Distinct { value, most, .. } => {
                    self.distinct(at, value, distinct::kept(self.analyzed.rows, *most))
                }
                Statistic::Histogram { .. } => self.histogram(at),
                Statistic::Rows { .. } | Statistic::Units { .. } | Statistic::Sum { .. } => {
                    continue;
                }
            };
            let mut columns = self.key_names();
            columns.extend(statistics().map(|(other, _)| {
                if other == at { format!("{number} AS s{at}") } else { format!("NULL AS s{other}") }
            }));
            parts.push(format!(
                "SELECT {}\nFROM ({from}) AS b{}",
                columns.join(", "),
                self.group_by()
            ));
        }
        let mut columns = self.key_names();
        columns.extend(statistics().map(|(at, _)| {
            format!("COALESCE(pg_catalog.max(s{at}), {}) AS s{at}", self.nothing(at))
        }));
        format!(
            "SELECT {}\nFROM ({}) AS g{}",
            columns.join(", "),
            parts.join("\nUNION ALL\n"),
            self.group_by()
        )
    }

    /// The number of different values, and the rows that it is of.
    fn distinct(&self, at: usize, value: &Expr, most: u32) -> (String, String) {
        let number = "pg_catalog.count(DISTINCT x)::text".to_owned();
        if self.analyzed.one_row {
            return (number, self.values(at));
        }
        // Equal values that look different are as many here as they look; different ones that look
        // alike, as instants do where clocks are put back, are told apart by themselves.
        let look = look("x", &value.ty);
        let rank = format!(
            "pg_catalog.dense_rank() OVER (PARTITION BY {} ORDER BY \
             pg_catalog.hashtextextended(ROW(u, {look})::text, 20210), \
             ROW({look})::text COLLATE pg_catalog.\"C\", x)",
            self.unit_and_group()
        );
        (number, self.first(at, &rank, most))
    }

    /// The counts of bins that have a row, as text, and the rows that they are of.
    fn histogram(&self, at: usize) -> (String, String) {
        let rows = if self.analyzed.one_row {
            self.values(at)
        } else {
            // Rows of one bin are alike, so that it makes no difference which of them come first.
            let rank = format!(
                "pg_catalog.row_number() OVER (PARTITION BY {} ORDER BY \
                 pg_catalog.hashtextextended(ROW(u, x)::text, 20210), x)",
                self.unit_and_group()
            );
            self.first(at, &rank, self.analyzed.rows)
        };
        let mut columns = self.key_names();
        columns.push("x".to_owned());
        let mut groups = self.group_names();
        groups.push("x".to_owned());
        (
            "pg_catalog.string_agg(pg_catalog.concat(x, ':', n), ',')".to_owned(),
            format!(
                "SELECT {}, pg_catalog.count(*) AS n\nFROM ({rows}) AS q\nWHERE x IS NOT NULL\n\
                 GROUP BY {}",
                columns.join(", "),
                groups.join(", ")
            ),
        )
    }

    /// What a statistic is of no rows, as text in SQL.
    pub(super) fn nothing(&self, at: usize) -> &'static str {
        let counts = self.leaf.statistics.get(at).is_some_and(|one| one.bins().is_some());
        if counts { "''" } else { "'0'" }
    }

    /// Keys and values of the first rows of each unit and group.
    fn first(&self, at: usize, rank: &str, most: u32) -> String {
        let mut columns = self.key_names();
        columns.push("x".to_owned());
        let kept = columns.join(", ");
        columns.push(format!("{rank} AS place"));
        let among = match self.analyzed.beside.kept() {
            Some(groups) => format!(" AND rank <= {groups}"),
            None => String::new(),
        };
        format!(
            "SELECT {kept}\nFROM (SELECT {}\nFROM ({}) AS q\nWHERE x IS NOT NULL{among}) AS q\n\
             WHERE place <= {most}",
            columns.join(", "),
            self.values(at)
        )
    }

    /// Each row's keys and value, NULL where it does not pass the filter, with its unit and the
    /// place of its group among those of the unit.
    fn values(&self, at: usize) -> String {
        let filtered = self.leaf.statistics.get(at).is_some_and(|one| one.filter().is_some());
        let value =
            if filtered { format!("(CASE WHEN f{at} THEN v{at} END)") } else { format!("v{at}") };
        let mut columns = self.key_names();
        columns.push(format!("{value} AS x"));
        if !self.analyzed.one_row {
            columns.push("u".to_owned());
        }
        if self.analyzed.beside.kept().is_some() {
            columns.push(format!(
                "pg_catalog.dense_rank() OVER (PARTITION BY u ORDER BY {}) AS rank",
                self.group_order()
            ));
        }
        format!("SELECT {}\nFROM r", columns.join(", "))
    }

    fn unit_and_group(&self) -> String {
        let mut names = vec!["u".to_owned()];
        names.extend(self.group_names());
        names.join(", ")
    }
}
