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
    let hint = match name {
        "bool_and" | "every" => {
            "Count the exceptions instead: count(*) FILTER (WHERE NOT x) is about zero if all are true."
        }
        "bool_or" => "Count instead: count(*) FILTER (WHERE x) is about zero if none is true.",
        _ => {
            "Use counts, sums, averages, variances or correlations, or count(DISTINCT …) of the \
             person's key; for the shape of a distribution, group by ranges such as \
             floor(x / 10) and count."
        }
    };
    Refusal::new(Code::Aggregate, format!("The aggregate {name} has no noisy form here."), hint)
        .near(name)
}

pub(crate) fn extreme_refused(name: &str) -> Refusal {
    Refusal::new(
        Code::Aggregate,
        format!("{name} would show a value of one person's row."),
        "Without GROUP BY, min and max of a column are the bounds that the policy declares for it, \
         if it does. Otherwise group by ranges such as floor(x / 10) and count.",
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

pub(crate) fn totals_of_people() -> Refusal {
    Refusal::new(
        Code::Aggregate,
        "A total of count(DISTINCT …) is not the sum of its parts: one person may be in several.",
        "Count distinct persons in a query of its own for each grouping.",
    )
    .near("distinct")
}
