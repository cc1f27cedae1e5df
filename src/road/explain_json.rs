//! EXPLAIN (FORMAT JSON) of a private query: the facts of the text, under names.
//!
//! Numbers that are exact stay so: they are strings of decimal digits, as PostgreSQL gives
//! `numeric` to JSON readers that have floats only.

use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Plan;

use super::explain::{
    ABOVE, ESTIMATED, Explained, UNKNOWN_ERROR, column, errors, groups, unit, units,
};
use crate::query::leaves::BoundLeaf;
use crate::source::shown;

/// A piece of JSON.
enum Json {
    Text(String),
    Number(u64),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl Explained {
    /// As one document, in the shape of PostgreSQL's own: a list with one plan.
    pub fn json(&self) -> String {
        let leaves = self.0.leaves.iter().map(|leaf| plan(&leaf.plan, &leaf.bound, &leaf.epsilon));
        let mut members = vec![
            ("Node Type", text("Noisy Answer")),
            ("Above the Leaves", text(ABOVE)),
            ("Plans", Json::List(leaves.collect())),
        ];
        let lowered = self.0.lowered.as_ref();
        members.extend(lowered.map(|said| ("Answered at", Json::Text(said.clone()))));
        let top = Json::Object(members);
        let mut out = String::new();
        Json::List(vec![Json::Object(vec![("Plan", top)])]).write(&mut out, 0);
        out
    }
}

fn plan(plan: &Plan<Analyzed>, leaf: &BoundLeaf, epsilon: &str) -> Json {
    let analyzed = plan.analysis();
    let statistics = plan.leaf().statistics.iter().enumerate();
    let columns = statistics.filter_map(|(at, statistic)| {
        let column = column(plan, leaf, at, statistic)?;
        let mut members = vec![
            ("Column", Json::Text(column.what)),
            ("Sensitivity", Json::Text(column.sensitivity)),
            ("Noise", text(column.noise)),
        ];
        members.push(match column.deviation {
            Some(deviation) => ("Standard Deviation", Json::Text(deviation)),
            None => ("Bounds", text(ESTIMATED)),
        });
        Some(Json::Object(members))
    });
    let columns = Json::List(columns.collect());
    let mut price = vec![
        ("Epsilon", text(epsilon)),
        ("Rho", Json::Text(units(&analyzed.loss.rho, 12))),
        ("Delta", Json::Text(units(&analyzed.loss.delta, 18))),
    ];
    // What the bounds cost, which are bought first, and once.
    let estimate = plan.estimate().map(|estimate| units(&estimate.loss().rho, 12));
    price.extend(estimate.map(|rho| ("Rho of the Estimate", Json::Text(rho))));
    let errors = match plan.estimate() {
        Some(_) => vec![text(UNKNOWN_ERROR)],
        None => errors(analyzed, leaf).into_iter().map(Json::Text).collect(),
    };
    let groups_of_one = match analyzed.groups {
        Some(groups) => Json::Number(u64::from(groups)),
        None => text("any number"),
    };
    let mut members = vec![
        ("Node Type", text("Leaf")),
        ("Parent Relationship", text("Outer")),
        ("Unit", Json::Text(unit(plan))),
        ("Groups per Person", groups_of_one),
        ("Rows per Person and Group", Json::Number(u64::from(analyzed.rows))),
        ("Columns", columns),
        ("Groups", Json::Text(groups(analyzed))),
        ("Price", Json::Object(price)),
        ("Expected Error of 95 %", Json::List(errors)),
    ];
    let estimate = plan.estimate().map(shown);
    members.extend(estimate.map(|sql| ("SQL for the Source, of the Estimate", Json::Text(sql))));
    members.push(("SQL for the Source", Json::Text(shown(plan))));
    Json::Object(members)
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

impl Json {
    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Self::Text(text) => quoted(text, out),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::List(items) if items.is_empty() => out.push_str("[]"),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    line(out, at, depth);
                    item.write(out, depth.saturating_add(1));
                }
                close(out, depth, ']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    line(out, at, depth);
                    quoted(name, out);
                    out.push_str(": ");
                    value.write(out, depth.saturating_add(1));
                }
                close(out, depth, '}');
            }
        }
    }
}

fn line(out: &mut String, at: usize, depth: usize) {
    out.push_str(if at == 0 { "\n" } else { ",\n" });
    out.push_str(&"  ".repeat(depth.saturating_add(1)));
}

fn close(out: &mut String, depth: usize, bracket: char) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(bracket);
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped_and_indented() {
        let mut out = String::new();
        let list = Json::List(vec![Json::Number(1), text("a\"\\\n\u{1}é"), Json::List(Vec::new())]);
        Json::Object(vec![("x", list)]).write(&mut out, 0);
        assert_eq!(out, "{\n  \"x\": [\n    1,\n    \"a\\\"\\\\\\n\\u0001é\",\n    []\n  ]\n}");
    }
}
