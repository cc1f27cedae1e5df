//! The tables section: who is one person, and what each column is.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::error::{PolicyError, Source};
use super::meant::{
    Bounding, Class, ColumnRule, Places, PrivateTable, TableRule, UnitRule, Values,
};
use super::name::{TableName, split_dotted};
use super::text::Bound;
use super::written::{self, Named, Scalar};

/// The words for how one person's contribution is bounded.
pub(super) const BOUNDS: [(&str, Bounding); 2] =
    [("automatic", Bounding::Automatic), ("declared", Bounding::Declared)];
/// The most keys that a list of values may hold.
const MOST_VALUES: usize = 10_000;
/// The most arrows that a unit may take.
const MOST_ARROWS: usize = 16;

pub(super) fn read(
    source: &Source<'_>,
    written: &Named<written::Table>,
    places: &mut Places,
) -> Result<BTreeMap<TableName, TableRule>, PolicyError> {
    let mut tables = BTreeMap::new();
    for (key, table) in written {
        let name: TableName = key.get_ref().parse().map_err(|_| {
            source.wrong(
                &key.span(),
                format!("`{}` is not the name of a table", key.get_ref()),
                "write schema and table in quotes, as in [tables.\"public.orders\"]",
            )
        })?;
        let rule = table_rule(source, &key.span(), &name, table, places)?;
        places.tables.insert(name.clone(), source.place(&key.span()));
        if tables.insert(name, rule).is_some() {
            return Err(source.wrong(
                &key.span(),
                "the table is listed twice",
                "keep one of the two",
            ));
        }
    }
    for (key, table) in written {
        if let Ok(name) = key.get_ref().parse() {
            refer(source, &tables, &name, table)?;
        }
    }
    Ok(tables)
}

fn table_rule(
    source: &Source<'_>,
    span: &Range<usize>,
    name: &TableName,
    table: &written::Table,
    places: &mut Places,
) -> Result<TableRule, PolicyError> {
    match (&table.public, &table.unit) {
        (Some(reason), None) => {
            if !table.columns.is_empty()
                || table.max_rows.is_some()
                || table.people.is_some()
                || table.bounds.is_some()
            {
                return Err(source.wrong(
                    span,
                    format!("{name} is public, so its columns and rows need no rule"),
                    "remove columns, max_rows, people and bounds, or replace `public` by `unit`",
                ));
            }
            Ok(TableRule::Public { reason: source.sentence(reason, "the reason")? })
        }
        (None, Some(unit)) => private(source, name, table, unit, places).map(TableRule::Private),
        (Some(_), Some(unit)) => Err(source.wrong(
            &unit.span(),
            format!("{name} is both public and somebody's"),
            "keep `unit` if its rows belong to people, else `public`",
        )),
        (None, None) => Err(source.wrong(
            span,
            format!("{name} does not say whose its rows are"),
            "add unit = \"<column>\" or unit = \"<column> -> schema.table.column\", or public = \"<why>\"",
        )),
    }
}

fn private(
    source: &Source<'_>,
    name: &TableName,
    table: &written::Table,
    unit: &Spanned<String>,
    places: &mut Places,
) -> Result<PrivateTable, PolicyError> {
    let rule = unit_rule(source, unit)?;
    places.units.insert(name.clone(), source.place(&unit.span()));
    let max_rows = match &table.max_rows {
        Some(rows) => source.whole(rows, "max_rows", 1, i64::from(u32::MAX))?,
        None if rule.path.is_empty() => 1,
        None => {
            return Err(source.wrong(
                &unit.span(),
                format!("{name} does not say how many rows of one person count"),
                "add max_rows = <rows of one person in one group>",
            ));
        }
    };
    let people = match &table.people {
        Some(people) => Some(source.whole(people, "people", 1, i64::MAX)?),
        None => None,
    };
    let bounds = match &table.bounds {
        Some(bounds) => Some(source.word(bounds, "bounds", &BOUNDS)?),
        None => None,
    };
    let mut columns = BTreeMap::new();
    for (key, column) in &table.columns {
        let column_name = key.get_ref().clone();
        places.columns.insert((name.clone(), column_name.clone()), source.place(&key.span()));
        columns.insert(column_name, column_rule(source, column)?);
    }
    if let Some(column) = columns.get(&rule.column)
        && column.class != Class::Direct
    {
        return Err(source.wrong(
            &unit.span(),
            format!("{} is the unit of {name}, so it names a person", rule.column),
            format!("write columns.{} = {{ class = \"direct\" }}", rule.column),
        ));
    }
    Ok(PrivateTable { unit: rule, max_rows, people, bounds, columns })
}

/// `id`, or `customer_id -> public.customers.id`, or with more arrows.
fn unit_rule(source: &Source<'_>, unit: &Spanned<String>) -> Result<UnitRule, PolicyError> {
    let wrong = || {
        source.wrong(
            &unit.span(),
            format!("`{}` does not lead from a row to a person", unit.get_ref()),
            "write \"<column>\" or \"<column> -> schema.table.column\"",
        )
    };
    let mut hops = unit.get_ref().split("->").map(|hop| split_dotted(hop.trim()));
    let Some(Ok([column])) = hops.next().flatten().map(<[String; 1]>::try_from) else {
        return Err(wrong());
    };
    let mut path = Vec::new();
    for hop in hops {
        match hop.map(<[String; 3]>::try_from) {
            Some(Ok([schema, name, column])) if path.len() < MOST_ARROWS => {
                path.push((TableName { schema, name }, column));
            }
            _ => return Err(wrong()),
        }
    }
    Ok(UnitRule { column, path })
}

fn column_rule(source: &Source<'_>, column: &written::Column) -> Result<ColumnRule, PolicyError> {
    let class = source.word(
        &column.class,
        "class",
        &[
            ("direct", Class::Direct),
            ("quasi", Class::Quasi),
            ("sensitive", Class::Sensitive),
            ("public", Class::Public),
        ],
    )?;
    let bounds = column.bounds.as_ref().map(|bounds| bounds_of(source, bounds)).transpose()?;
    let values = column.values.as_ref().map(|values| values_of(source, values)).transpose()?;
    Ok(ColumnRule { class, bounds, values })
}

fn bounds_of(
    source: &Source<'_>,
    bounds: &Spanned<Vec<Scalar>>,
) -> Result<(String, String), PolicyError> {
    let fix = "write the lower bound, then the upper: [0, 500] or [\"2020-01-01\", \"2030-01-01\"]";
    let [low, high] = bounds.get_ref().as_slice() else {
        return Err(source.wrong(&bounds.span(), "bounds are two values", fix));
    };
    let read = |value: &Scalar| -> Result<(String, Bound), PolicyError> {
        let text = source.scalar(value)?;
        match Bound::parse(&text) {
            Some(bound) => Ok((text, bound)),
            None => {
                Err(source.wrong(&value.span(), "the bound is neither a number nor a date", fix))
            }
        }
    };
    let ((low, least), (high, most)) = (read(low)?, read(high)?);
    match least.compare(&most) {
        Some(std::cmp::Ordering::Less) => Ok((low, high)),
        Some(_) => Err(source.wrong(&bounds.span(), "the lower bound is not below the upper", fix)),
        None => Err(source.wrong(&bounds.span(), "one bound is a number and one a date", fix)),
    }
}

fn values_of(source: &Source<'_>, values: &Scalar) -> Result<Values, PolicyError> {
    match values.get_ref() {
        toml::Value::String(text) => match split_dotted(text).map(<[String; 3]>::try_from) {
            Some(Ok([schema, name, column])) => Ok(Values::Column { table: TableName { schema, name }, column }),
            _ => Err(source.wrong(
                &values.span(),
                format!("`{text}` is not a column of a public table"),
                "write \"schema.table.column\", or a list of values",
            )),
        },
        toml::Value::Array(items) if (1..=MOST_VALUES).contains(&items.len()) => {
            let keys: Option<Vec<String>> = items.iter().map(key_text).collect();
            let keys = keys.ok_or_else(|| {
                source.wrong(
                    &values.span(),
                    "a key of the list is not a string, whole number or boolean, or too long",
                    "write it in quotes, as PostgreSQL would print it",
                )
            })?;
            let distinct: std::collections::BTreeSet<&String> = keys.iter().collect();
            if distinct.len() < keys.len() {
                return Err(source.wrong(&values.span(), "the list holds a key twice", "keep one of the two"));
            }
            Ok(Values::List(keys))
        }
        _ => Err(source.wrong(
            &values.span(),
            "values are neither a list nor a column",
            format!("write a list of 1 to {MOST_VALUES} values, or \"schema.table.column\" of a public table"),
        )),
    }
}

fn key_text(item: &toml::Value) -> Option<String> {
    let text = match item {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(truth) => truth.to_string(),
        _ => return None,
    };
    (text.len() <= 1024 && !text.contains('\0')).then_some(text)
}

/// What one table says of another: arrows must land in private tables, values come from public ones.
fn refer(
    source: &Source<'_>,
    tables: &BTreeMap<TableName, TableRule>,
    name: &TableName,
    written: &written::Table,
) -> Result<(), PolicyError> {
    let Some(TableRule::Private(table)) = tables.get(name) else { return Ok(()) };
    for (key, column) in &written.columns {
        if let Some(ColumnRule { values: Some(Values::Column { table: from, .. }), .. }) =
            table.columns.get(key.get_ref())
            && !matches!(tables.get(from), Some(TableRule::Public { .. }))
        {
            let span = column.values.as_ref().map_or_else(|| key.span(), Spanned::span);
            return Err(source.wrong(
                &span,
                format!("{from} is not listed as public, so its values may not be shown"),
                format!(
                    "add [tables.\"{from}\"] with public = \"<why>\", or write a list of values"
                ),
            ));
        }
    }
    match (super::units::path(tables, name), &written.unit) {
        (Err(problem), Some(unit)) => {
            Err(source.wrong(&unit.span(), problem.what(name), problem.fix()))
        }
        _ => Ok(()),
    }
}
