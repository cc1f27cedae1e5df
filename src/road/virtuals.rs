//! The tables of the `noisegate` schema: empty on the shadow, filled here, free of charge.

use noisegate_privacy::plan::Exposure;

use super::gate::Gate;
use super::{Asked, own};
use crate::catalog::snapshot::{KeyValues, Relation};
use crate::clock::Millis;
use crate::error::Error;
use crate::policy::{Bounding, Class, TableName, TableRule};
use crate::query::VirtualTable;
use crate::query::leaves::Bound;
use crate::query::splice::Array;

/// The arrays of each virtual table that the query reads, by their first parameter.
pub(super) async fn arrays(
    gate: &Gate,
    asked: &Asked<'_>,
    bound: &Bound,
) -> Result<Vec<(usize, Vec<Array>)>, Error> {
    let mut arrays = Vec::new();
    for (table, first) in &bound.virtuals {
        let rows = match table {
            VirtualTable::Budget => own::budget(gate, asked).await?,
            VirtualTable::MyQueries => own::queries(gate, asked).await?,
            VirtualTable::Releases => own::releases(gate, asked).await?,
            VirtualTable::Tables => tables(gate),
            VirtualTable::Columns => columns(gate),
        };
        arrays.push((*first, transposed(rows, table.columns().len())));
    }
    Ok(arrays)
}

pub(super) type Row = Vec<Option<String>>;

fn transposed(rows: Vec<Row>, width: usize) -> Vec<Array> {
    (0..width)
        .map(|at| Array::Texts(rows.iter().map(|row| row.get(at).cloned().flatten()).collect()))
        .collect()
}

/// The listed tables, as the policy and the schema have them.
fn tables(gate: &Gate) -> Vec<Row> {
    let row = |relation: &Relation| {
        let name = TableName { schema: relation.schema.clone(), name: relation.name.clone() };
        let rule = gate.policy.tables.get(&name);
        let mut row = vec![Some(relation.schema.clone()), Some(relation.name.clone())];
        let (Exposure::Private { path, unit, rows_max }, Some(TableRule::Private(private))) =
            (&relation.exposure, rule)
        else {
            row.push(Some("public".to_owned()));
            row.resize(VirtualTable::Tables.columns().len(), None);
            return row;
        };
        let last = path.last();
        let table = last
            .map_or_else(|| name.to_string(), |hop| format!("{}.{}", hop.to_schema, hop.to_table));
        let hops = path.iter().map(|hop| {
            format!("{} -> {}.{}.{}", hop.column, hop.to_schema, hop.to_table, hop.to_column)
        });
        let bounds = match private.bounds.unwrap_or(gate.policy.defaults.bounds) {
            Bounding::Automatic => "automatic",
            Bounding::Declared => "declared",
        };
        row.extend([
            Some("private".to_owned()),
            Some(format!("{table}.{unit}")),
            (!path.is_empty()).then(|| hops.collect::<Vec<_>>().join(", ")),
            Some(rows_max.to_string()),
            Some(bounds.to_owned()),
            Some(gate.policy.defaults.min_group.to_string()),
        ]);
        row
    };
    gate.snapshot.relations.values().map(row).collect()
}

/// Their columns. What the policy says of them is public; ranges of public columns are not shown,
/// since the columns themselves can be read.
fn columns(gate: &Gate) -> Vec<Row> {
    let relations = gate.snapshot.relations.values();
    let each = relations.flat_map(|relation| relation.columns.iter().map(move |c| (relation, c)));
    each.map(|(relation, column)| {
        let name = TableName { schema: relation.schema.clone(), name: relation.name.clone() };
        let class = match gate.policy.tables.get(&name) {
            Some(TableRule::Private(private)) => match private.class(&column.name) {
                Class::Direct => "direct",
                Class::Quasi => "quasi",
                Class::Sensitive => "sensitive",
                Class::Public => "public",
            },
            Some(TableRule::Public { .. }) | None => "public",
        };
        let bounds = column.bounds.clone().filter(|_| column.declared);
        let (low, high) = bounds.unzip();
        let (values, from) = match &column.values {
            Some(KeyValues::List(values)) => (Some(array(values)), None),
            Some(KeyValues::Column(schema, table, column)) => {
                (None, Some(format!("{schema}.{table}.{column}")))
            }
            None => (None, None),
        };
        let text = |text: &str| Some(text.to_owned());
        vec![
            text(&relation.schema),
            text(&relation.name),
            text(&column.name),
            text(&column.type_name),
            text(class),
            low,
            high,
            values,
            from,
        ]
    })
    .collect()
}

/// Texts as PostgreSQL reads an array.
fn array(values: &[String]) -> String {
    let quoted =
        |value: &String| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    format!("{{{}}}", values.iter().map(quoted).collect::<Vec<_>>().join(","))
}

/// An instant in a form that PostgreSQL reads the same under any setting: seconds since 1970.
pub(super) fn timestamp(at: Millis) -> String {
    format!("{}.{:03}", at.0.div_euclid(1000), at.0.rem_euclid(1000))
}
