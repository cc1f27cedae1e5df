//! The column of a table that a column of derived rows is passed on from.

use noisegate_privacy::expr::Column;
use noisegate_privacy::plan::Scan;

use crate::catalog::snapshot::{ColumnInfo, Snapshot};

/// What is known of the columns of tables that a column comes from; none if it is computed.
pub(crate) fn origins<'a>(
    column: &Column,
    scans: &[Scan],
    snapshot: &'a Snapshot,
) -> Vec<&'a ColumnInfo> {
    let Some(scan) = scans.get(column.scan) else { return Vec::new() };
    if let Some((schema, table)) = scan.table() {
        let relation = snapshot.relation(schema, table);
        return relation.and_then(|relation| relation.column(&column.name)).into_iter().collect();
    }
    let passed = scan.derived().map(|derived| derived.passed(&column.name)).unwrap_or_default();
    passed
        .into_iter()
        .filter_map(|(rows, expr)| Some(origins(expr.as_column()?, &rows.scans, snapshot)))
        .flatten()
        .collect()
}
