//! Public keys: each is shown, whether a row has it or not, and rows with another key are left out.

use noisegate_privacy::expr::{Expr, Type};
use noisegate_privacy::plan::{Domain, Exposure, Key};
use noisegate_privacy::unit::always_holds;

use super::Emit;
use crate::quote::{ident, literal};
use crate::source::print::Printer;
use crate::source::relation;

impl Emit<'_> {
    /// Every public key, with what the data has for it or with zeros.
    pub(super) fn over_domain(&self, groups: &str) -> String {
        let mut columns: Vec<String> =
            self.key_names().iter().map(|key| format!("d.{key}")).collect();
        columns.extend(
            (0..self.leaf.statistics.len())
                .map(|at| format!("COALESCE(a.s{at}, {}) AS s{at}", self.nothing(at))),
        );
        let on: Vec<String> = self
            .leaf
            .keys
            .iter()
            .enumerate()
            .map(|(at, key)| same_key(key, &format!("k{}", at.saturating_add(1))))
            .collect();
        format!(
            "SELECT {}\nFROM ({}) AS d\nLEFT JOIN ({groups}) AS a ON {}",
            columns.join(", "),
            self.domain(),
            on.join(" AND ")
        )
    }

    /// The public keys: each source of them once, all combinations.
    pub(super) fn domain(&self) -> String {
        let mut sources = Vec::new();
        let mut from_rows = Vec::new();
        for (at, key) in self.leaf.keys.iter().enumerate() {
            let name = format!("k{}", at.saturating_add(1));
            match &key.domain {
                Domain::Declared(values) => {
                    let values: Vec<String> = values
                        .iter()
                        .map(|value| format!("({})", declared(value.as_deref(), &key.expr.ty)))
                        .collect();
                    // Values that are written apart can be equal, and a group is released once.
                    sources.push(format!(
                        "(SELECT DISTINCT * FROM (VALUES {}) AS v({name})) AS d{at}",
                        values.join(", ")
                    ));
                }
                Domain::PublicColumn(schema, table, column) => {
                    let (table, column) =
                        (format!("{}.{}", ident(schema), ident(table)), ident(column));
                    let value = crate::source::print::of_type(&column, &key.expr.ty);
                    sources.push(format!(
                        "(SELECT DISTINCT {value} AS {name} FROM {table} \
                         WHERE {column} IS NOT NULL) AS d{at}"
                    ));
                }
                Domain::PublicRows | Domain::Found => from_rows.push((name, &key.expr)),
            }
        }
        if !from_rows.is_empty() {
            sources.push(format!("({}) AS rows", self.public_rows(&from_rows)));
        }
        format!("SELECT {} FROM {}", self.key_names().join(", "), sources.join(" CROSS JOIN "))
    }

    /// The keys that public rows have, under the conditions that read public rows alone.
    fn public_rows(&self, keys: &[(String, &Expr)]) -> String {
        let printer = Printer::over(&self.leaf.scans);
        let (present, conditions) = always_holds(self.leaf);
        let public = |scan: &usize| {
            present.contains(scan)
                && self.leaf.scans.get(*scan).is_some_and(|scan| scan.exposure == Exposure::Public)
        };
        let conditions: Vec<&Expr> = conditions
            .into_iter()
            .filter(|condition| {
                let scans = condition.scans();
                !scans.is_empty() && scans.iter().all(public)
            })
            .collect();
        let mut scans: Vec<usize> = keys.iter().flat_map(|(_, key)| key.scans()).collect();
        loop {
            let before = scans.len();
            for condition in &conditions {
                let read = condition.scans();
                if read.iter().any(|scan| scans.contains(scan)) {
                    scans.extend(read);
                }
            }
            scans.sort_unstable();
            scans.dedup();
            if scans.len() == before {
                break;
            }
        }
        let columns: Vec<String> =
            keys.iter().map(|(name, key)| format!("{} AS {name}", printer.key(key))).collect();
        let tables: Vec<String> =
            scans.iter().map(|scan| relation::table(&self.leaf.scans, *scan)).collect();
        let held: Vec<String> = conditions
            .iter()
            .filter(|condition| condition.scans().iter().all(|scan| scans.contains(scan)))
            .map(|condition| printer.expr(condition))
            .collect();
        let held = if held.is_empty() { "TRUE".to_owned() } else { held.join(" AND ") };
        format!("SELECT DISTINCT {} FROM {} WHERE {held}", columns.join(", "), tables.join(", "))
    }
}

/// The condition that a row's key is one that may be shown, so that others take no place.
pub(super) fn in_domain(printer: &Printer<'_>, key: &Key) -> Option<String> {
    let printed = printer.key(&key.expr);
    match &key.domain {
        Domain::Declared(values) => {
            let listed: Vec<String> =
                values.iter().flatten().map(|value| declared(Some(value), &key.expr.ty)).collect();
            let null = values.contains(&None).then(|| format!("{printed} IS NULL"));
            let list =
                (!listed.is_empty()).then(|| format!("{printed} IN ({})", listed.join(", ")));
            let parts: Vec<String> = list.into_iter().chain(null).collect();
            Some(format!("({})", parts.join(" OR ")))
        }
        Domain::PublicColumn(schema, table, column) => Some(format!(
            "{printed} IN (SELECT {} FROM {}.{})",
            crate::source::print::of_type(&ident(column), &key.expr.ty),
            ident(schema),
            ident(table)
        )),
        Domain::PublicRows | Domain::Found => None,
    }
}

/// The condition that a public key and a group's key are the same. It is an equality wherever it
/// can be, because `IS NOT DISTINCT FROM` compares every pair.
fn same_key(key: &Key, name: &str) -> String {
    let equal = |d: &str, a: &str| format!("{d} OPERATOR(pg_catalog.=) {a}");
    let (d, a) = (format!("d.{name}"), format!("a.{name}"));
    let some = match &key.domain {
        Domain::PublicColumn(..) => return equal(&d, &a),
        Domain::PublicRows if key.expr.as_column().is_some_and(|column| !column.nullable) => {
            return equal(&d, &a);
        }
        Domain::Declared(values) if !values.contains(&None) => return equal(&d, &a),
        Domain::Declared(values) => values.iter().flatten().next(),
        Domain::PublicRows | Domain::Found => None,
    };
    // Arrays that hold NULL at the same places are equal.
    let Some(some) = some else { return equal(&format!("ARRAY[{d}]"), &format!("ARRAY[{a}]")) };
    // NULL takes the place of a value, and says so beside it.
    let some = declared(Some(some), &key.expr.ty);
    format!(
        "{} AND {}",
        equal(&format!("COALESCE({d}, {some})"), &format!("COALESCE({a}, {some})")),
        equal(&format!("({d} IS NULL)"), &format!("({a} IS NULL)"))
    )
}

fn declared(value: Option<&str>, ty: &Type) -> String {
    match value {
        Some(value) => crate::source::print::of_type(&literal(value), ty),
        None => crate::source::print::of_type("NULL", ty),
    }
}
