//! What is said of a query that is not answered: a sentence and what to change.

use crate::error::{Code, Refusal};

pub(crate) fn unsupported(what: &str, hint: Option<&str>) -> Refusal {
    Refusal::new(
        Code::Unsupported,
        format!("Over private rows, {what} is not supported."),
        hint.unwrap_or("Rewrite the query with plain joins, filters and GROUP BY."),
    )
}

pub(crate) fn unknown_function(name: &str) -> Refusal {
    Refusal::new(
        Code::Function,
        format!("The function or operator {name} is not on the list for private rows."),
        "It could fail or differ from run to run for some row. Apply it to the aggregates, or use \
         arithmetic, comparisons, CASE and the common text and date functions.",
    )
    .near(name)
}

/// The name is on the list, with other types.
pub(crate) fn not_with_types(name: &str, types: &[String], listed: &[String]) -> Refusal {
    let given = if types.is_empty() { "no arguments".to_owned() } else { types.join(", ") };
    let some = listed.get(..listed.len().min(8)).unwrap_or(listed).join("; ");
    let more = if listed.len() > 8 { "; and others" } else { "" };
    let mut refusal = unknown_function(name).with_sentence(format!(
        "The function or operator {name} is not on the list for private rows with {given}."
    ));
    refusal.hint = format!("It is listed as {some}{more}. Cast the arguments, or give constants.");
    refusal
}

/// An argument that has to be a certain constant is not.
pub(crate) fn wrong_argument(name: &str, at: usize, must: &str) -> Refusal {
    let mut refusal = unknown_function(name)
        .with_sentence(format!("Over private rows, argument {at} of {name} has to be {must}."));
    "With anything else it could fail for some row, or take without end. Write such a constant."
        .clone_into(&mut refusal.hint);
    refusal
}

pub(crate) fn limit_below(what: &str) -> Refusal {
    Refusal::new(
        Code::LimitBelow,
        format!("{what} below an aggregate over private rows is not answered."),
        "Which rows it keeps would depend on other people; put it above the aggregate.",
    )
}

/// The refusal of rows of people.
pub fn rows_refused() -> Refusal {
    Refusal::new(
        Code::Rows,
        "Rows of people are not shown.",
        "Ask for aggregates instead: count(*), sum(…) or avg(…), with GROUP BY as needed.",
    )
}

pub(crate) fn no_noisy_form(name: &str) -> Refusal {
    Refusal::new(
        Code::Aggregate,
        format!("The aggregate {name} has no noisy form here."),
        "Use count, sum or avg, or count(DISTINCT …) of the person's key; for the shape of a \
         distribution, group by ranges such as floor(x / 10) and count.",
    )
    .near(name)
}

pub(crate) fn distinct_refused() -> Refusal {
    Refusal::new(
        Code::Aggregate,
        "count(DISTINCT …) is answered for the key of the person only.",
        "Count distinct persons, or group by the column and count the groups.",
    )
    .near("distinct")
}
