//! The column of a table that a column of derived rows is passed on from.

use noisegate_privacy::derived::Rows;
use noisegate_privacy::expr::{Column, Expr};
use noisegate_privacy::plan::Scan;

use crate::catalog::snapshot::{ColumnInfo, Snapshot};

/// The one column of a table that a column is, whatever it was passed on through.
pub(crate) fn origin<'a>(
    column: &Column,
    scans: &[Scan],
    snapshot: &'a Snapshot,
) -> Option<&'a ColumnInfo> {
    let scan = scans.get(column.scan)?;
    if let Some((schema, table)) = scan.table() {
        return snapshot.relation(schema, table)?.column(&column.name);
    }
    let mut passed = scan.derived()?.passed(&column.name).into_iter();
    let one = |(rows, expr): (&Rows, &Expr)| origin(expr.as_column()?, &rows.scans, snapshot);
    let first = passed.next().and_then(one)?;
    passed.all(|next| one(next).is_some_and(|next| std::ptr::eq(next, first))).then_some(first)
}

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
