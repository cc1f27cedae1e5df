//! What can be asked about.

use std::collections::BTreeSet;

use super::words::{listed, now};
use super::{Changes, bounding};
use crate::policy::meant::{Class, ColumnRule, Policy, PrivateTable, TableRule, UnitRule, Values};
use crate::policy::name::TableName;

pub(super) fn changes(to: &mut Changes, old: &Policy, new: &Policy) {
    let names: BTreeSet<&TableName> = old.tables.keys().chain(new.tables.keys()).collect();
    for name in names {
        match (old.tables.get(name), new.tables.get(name)) {
            (None, Some(rule)) => to.see(match rule {
                TableRule::Private(_) => format!("{name} can be asked for aggregates."),
                TableRule::Public { .. } => format!("Every row of {name} can be read."),
            }),
            (Some(_), None) => to.see(format!("{name} no longer exists for analysts.")),
            (Some(old), Some(new)) => rule(to, name, old, new),
            (None, None) => {}
        }
    }
}

fn rule(to: &mut Changes, name: &TableName, old: &TableRule, new: &TableRule) {
    match (old, new) {
        (TableRule::Private(old), TableRule::Private(new)) => private(to, name, old, new),
        (TableRule::Private(_), TableRule::Public { .. }) => to.see(format!(
            "Every row of {name} can be read: the people in it are no longer protected."
        )),
        (TableRule::Public { .. }, TableRule::Private(_)) => to.see(format!(
            "The rows of {name} can no longer be read; it can be asked for aggregates."
        )),
        (TableRule::Public { reason: old }, TableRule::Public { reason: new }) => {
            if old != new {
                to.other(format!("The reason why {name} can be read is \"{new}\"."));
            }
        }
    }
}

fn private(to: &mut Changes, name: &TableName, old: &PrivateTable, new: &PrivateTable) {
    if let Some((old, new)) = now(&old.unit, &new.unit) {
        let (old, new) = (unit(old), unit(new));
        to.see(format!("Whose row a row of {name} is, is told by {new}, not by {old}."));
    }
    if let Some((old, new)) = now(&old.max_rows, &new.max_rows) {
        to.see(format!("Up to {new} rows of one person in {name} count in a group, not {old}."));
    }
    if let Some((_, new)) = now(&old.people, &new.people) {
        to.other(match new {
            Some(people) => format!("{name} is said to hold at least {people} people."),
            None => format!("How many people {name} holds is no longer said."),
        });
    }
    if let Some((_, new)) = now(&old.bounds, &new.bounds) {
        let how = new.map_or("as the defaults say", bounding);
        to.see(format!("How much one person adds in {name} is {how}."));
    }
    let columns: BTreeSet<&String> = old.columns.keys().chain(new.columns.keys()).collect();
    for column in columns {
        let hidden = ColumnRule { class: Class::Direct, bounds: None, values: None };
        let (before, after) = (old.columns.get(column), new.columns.get(column));
        let (before, after) = (before.unwrap_or(&hidden), after.unwrap_or(&hidden));
        self::column(to, &format!("{name}.{column}"), before, after);
    }
}

fn unit(unit: &UnitRule) -> String {
    let path = unit.path.iter().map(|(table, column)| format!(" -> {table}.{column}"));
    format!("{}{}", unit.column, path.collect::<String>())
}

fn column(to: &mut Changes, name: &str, old: &ColumnRule, new: &ColumnRule) {
    if let Some((old, new)) = now(&old.class, &new.class) {
        let (before, after) = (class(*old), class(*new));
        to.see(match (old, new) {
            (Class::Direct, _) => {
                format!("{name} can be used in queries: it is {after}, not {before}.")
            }
            (_, Class::Direct) => {
                format!("{name} can no longer be used in queries: it is {after}, not {before}.")
            }
            _ => format!("{name} is {after}, not {before}."),
        });
    }
    if let Some((_, new)) = now(&old.bounds, &new.bounds) {
        to.see(match new {
            Some((low, high)) => format!("Values of {name} are clipped to {low} and {high}."),
            None => format!("Values of {name} have no declared bounds."),
        });
    }
    if let Some((old, new)) = now(&old.values, &new.values) {
        keys(to, name, old.as_ref(), new.as_ref());
    }
}

/// The keys that groups show, whether the data has them or not.
fn keys(to: &mut Changes, name: &str, old: Option<&Values>, new: Option<&Values>) {
    let list = |values: Option<&Values>| match values {
        Some(Values::List(keys)) => keys.iter().cloned().collect(),
        _ => BTreeSet::new(),
    };
    match new {
        None => to.see(format!("Groups by {name} are shown where enough people are in them.")),
        Some(Values::Column { table, column }) => {
            to.see(format!("Groups by {name} are shown for each value of {table}.{column}."));
        }
        Some(Values::List(_)) => {
            let (before, after) = (list(old), list(new));
            let more = listed(after.difference(&before).map(String::as_str));
            let fewer = listed(before.difference(&after).map(String::as_str));
            if !more.is_empty() {
                to.see(format!("Groups by {name} are always shown for {more}."));
            }
            if !fewer.is_empty() {
                to.see(format!("Groups by {name} are no longer shown for {fewer}."));
            }
            if more.is_empty() && fewer.is_empty() {
                to.other(format!("The values of {name} are listed in another order."));
            }
        }
    }
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Direct => "direct",
        Class::Quasi => "quasi",
        Class::Sensitive => "sensitive",
        Class::Public => "public",
    }
}
