//! The version of a policy: a digest of the meant values that change an answer.
//!
//! Remembered releases are keyed by it. Comments, the reasons given for public tables, roles,
//! budgets and addresses are not in it: changing them must not make anybody pay twice.
//! Every field is preceded by a tag or a length, so no two policies are written alike.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::meant::{
    Answers, Bounding, Class, ColumnRule, Defaults, PrivateTable, TableRule, Values,
};
use super::name::TableName;

struct Canonical(Sha256);

impl Canonical {
    fn tag(&mut self, tag: u8) {
        self.0.update([tag]);
    }

    fn number(&mut self, number: u64) {
        self.0.update(number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn bounding(&mut self, bounding: Option<Bounding>) {
        self.tag(match bounding {
            None => 0,
            Some(Bounding::Automatic) => 1,
            Some(Bounding::Declared) => 2,
        });
    }

    fn table(&mut self, table: &TableName) {
        self.text(&table.schema);
        self.text(&table.name);
    }
}

pub(super) fn version(
    tables: &BTreeMap<TableName, TableRule>,
    defaults: Defaults,
    answers: &Answers,
) -> [u8; 32] {
    let mut out = Canonical(Sha256::new());
    out.text("noisegate policy 1");
    out.number(u64::from(defaults.min_group));
    out.number(u64::from(defaults.max_groups));
    out.bounding(defaults.bounds.into());
    out.number(answers.remember_ms.unsigned_abs());
    out.number(tables.len() as u64);
    for (name, rule) in tables {
        out.table(name);
        match rule {
            TableRule::Public { .. } => out.tag(0),
            TableRule::Private(table) => {
                out.tag(1);
                private(&mut out, table);
            }
        }
    }
    out.0.finalize().into()
}

fn private(out: &mut Canonical, table: &PrivateTable) {
    out.text(&table.unit.column);
    out.number(table.unit.path.len() as u64);
    for (landing, column) in &table.unit.path {
        out.table(landing);
        out.text(column);
    }
    out.number(u64::from(table.max_rows));
    out.bounding(table.bounds);
    out.number(table.columns.len() as u64);
    for (name, rule) in &table.columns {
        out.text(name);
        column(out, rule);
    }
}

fn column(out: &mut Canonical, rule: &ColumnRule) {
    out.tag(match rule.class {
        Class::Direct => 0,
        Class::Quasi => 1,
        Class::Sensitive => 2,
        Class::Public => 3,
    });
    match &rule.bounds {
        None => out.tag(0),
        Some((low, high)) => {
            out.tag(1);
            out.text(low);
            out.text(high);
        }
    }
    match &rule.values {
        None => out.tag(0),
        Some(Values::List(keys)) => {
            out.tag(1);
            out.number(keys.len() as u64);
            for key in keys {
                out.text(key);
            }
        }
        Some(Values::Column { table, column }) => {
            out.tag(2);
            out.table(table);
            out.text(column);
        }
    }
}
