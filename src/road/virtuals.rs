//! The tables of the `noisegate` schema: empty on the shadow, filled here, free of charge.

use noisegate_privacy::budget::Accountant;
use noisegate_privacy::plan::Exposure;

use super::Asked;
use super::gate::{Gate, ledger_fault};
use super::payment;
use super::spoken::{left, share_left};
use crate::catalog::snapshot::{KeyValues, Relation};
use crate::clock::Millis;
use crate::error::Error;
use crate::ledger::{Balance, State};
use crate::policy::{Bounding, Class, TableName, TableRule};
use crate::query::VirtualTable;
use crate::query::leaves::Bound;
use crate::query::splice::Array;

/// Statements of an analyst's own history that are shown.
const HISTORY_MAX: u32 = 1000;

/// The arrays of each virtual table that the query reads, by their first parameter.
pub(super) async fn arrays(
    gate: &Gate,
    asked: &Asked<'_>,
    bound: &Bound,
) -> Result<Vec<(usize, Vec<Array>)>, Error> {
    let mut arrays = Vec::new();
    for (table, first) in &bound.virtuals {
        let rows = match table {
            VirtualTable::Budget => budget(gate, asked).await?,
            VirtualTable::MyQueries => my_queries(gate, asked).await?,
            VirtualTable::Tables => tables(gate),
            VirtualTable::Columns => columns(gate),
        };
        arrays.push((*first, transposed(rows, table.columns().len())));
    }
    Ok(arrays)
}

type Row = Vec<Option<String>>;

fn transposed(rows: Vec<Row>, width: usize) -> Vec<Array> {
    (0..width)
        .map(|at| Array::Texts(rows.iter().map(|row| row.get(at).cloned().flatten()).collect()))
        .collect()
}

/// What the analyst's own accounts have left.
async fn balances(gate: &Gate, asked: &Asked<'_>) -> Result<Vec<Balance>, Error> {
    let Some(terms) = gate.policy.terms(&asked.analyst.0) else { return Ok(Vec::new()) };
    let accounts = payment::accounts(gate, &terms.pays)?;
    Ok(gate.ledger.balances(accounts).await.map_err(ledger_fault)?)
}

/// What `SHOW noisegate.budget` says.
pub async fn budget_line(gate: &Gate, asked: &Asked<'_>) -> Result<String, Error> {
    let balances = balances(gate, asked).await?;
    let parts: Vec<String> = balances
        .iter()
        .map(|balance| format!("{}: {} left", balance.account.id, share_left(gate, balance)))
        .collect();
    Ok(if parts.is_empty() { "no budget".to_owned() } else { parts.join("; ") })
}

async fn budget(gate: &Gate, asked: &Asked<'_>) -> Result<Vec<Row>, Error> {
    let balances = balances(gate, asked).await?;
    Ok(balances.iter().map(|balance| budget_row(gate, balance)).collect())
}

fn budget_row(gate: &Gate, balance: &Balance) -> Row {
    let state = left(gate, balance);
    let (part, whole) = &state.part_of_whole;
    let share = if whole.is_zero() {
        "0".to_owned()
    } else {
        let parts = (part.units() * 10_000_u32) / whole.units();
        crate::query::columns::decimal(&parts.into(), 4)
    };
    let accountant = match balance.account.accountant {
        Accountant::Pure => "pure",
        Accountant::Zcdp => "zcdp",
    };
    vec![
        Some(balance.account.id.clone()),
        Some(accountant.to_owned()),
        Some(format!("{:.4}", state.limit)),
        Some(format!("{:.4}", (state.limit - state.spent).max(0.0))),
        Some(share),
        Some(format!("{}e-18", balance.account.delta)),
        balance.refills_at.map(timestamp),
    ]
}

async fn my_queries(gate: &Gate, asked: &Asked<'_>) -> Result<Vec<Row>, Error> {
    let entries = gate.ledger.history(asked.analyst, HISTORY_MAX).await.map_err(ledger_fault)?;
    let row = |entry: crate::ledger::Entry| {
        let state = match entry.state {
            State::Pending => "pending",
            State::Posted => "spent",
            State::Voided => "given back",
        };
        // ρ = ε²/2, so this is the ε of one answer at the same price.
        let rho = entry.rho.units().to_string().parse::<f64>().unwrap_or(f64::INFINITY) / 1e12;
        vec![
            Some(entry.query.to_string()),
            Some(timestamp(entry.at)),
            Some(state.to_owned()),
            Some(format!("{:.4}", (2.0 * rho).sqrt())),
        ]
    };
    Ok(entries.into_iter().map(row).collect())
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
fn timestamp(at: Millis) -> String {
    format!("{}.{:03}", at.0.div_euclid(1000), at.0.rem_euclid(1000))
}
