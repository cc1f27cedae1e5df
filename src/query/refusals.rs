//! What is said of a query that is not answered: a sentence and what to change.

use noisegate_privacy::analyze::Rejection;

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

/// The refusal of groups of one person each.
pub(crate) fn one_person() -> Refusal {
    Refusal::new(
        Code::Rows,
        "A group of one person would show that person.",
        "Group by something that many people share, or count the groups in an outer query.",
    )
}

/// The refusal of what a subquery computes over several people.
pub(crate) fn per_unit(rejection: &Rejection) -> Refusal {
    match rejection {
        Rejection::OffUnitJoin { .. } => Refusal::new(
            Code::Join,
            "A subquery joins private tables on something else than the person they belong to.",
            "Join private tables on their declared keys, such as the foreign key to the person.",
        ),
        Rejection::PublicLeftJoin => Refusal::new(
            Code::Join,
            "A public table on the left of a LEFT JOIN would add rows that belong to nobody.",
            "Put the private table on the left, or use an inner join.",
        ),
        _ => Refusal::new(
            Code::Unsupported,
            "Below an aggregate over private rows, a subquery may compute things of one person only.",
            "Group it, or partition its windows, by the person's key or another declared key, and \
             let all parts of a UNION ALL read private tables of the same persons.",
        ),
    }
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
