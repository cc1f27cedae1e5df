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

/// ANY or ALL over rows of a subquery.
pub(crate) fn any_or_all_rows() -> Refusal {
    unsupported(
        "a comparison with ANY or ALL rows of a subquery",
        Some("Compare with min() or max() of the subquery, or write EXISTS."),
    )
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
            "Group it, or partition its windows, by the person's key or another declared key \
             that every row has, and let all parts of a UNION ALL read private tables of the same persons.",
        ),
    }
}

pub(crate) fn no_noisy_form(name: &str) -> Refusal {
    let hint = match name {
        "bool_and" | "every" => {
            "Count the exceptions instead: count(*) FILTER (WHERE NOT x) is about zero if all are true."
        }
        "bool_or" => "Count instead: count(*) FILTER (WHERE x) is about zero if none is true.",
        _ => {
            "Use counts, also of DISTINCT values, sums, averages, variances, correlations, \
             percentiles, min or max; for the shape of a distribution, group by \
             width_bucket(x, low, high, n) and count."
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

pub(crate) fn totals_of_people() -> Refusal {
    Refusal::new(
        Code::Aggregate,
        "A total of count(DISTINCT …) is not the sum of its parts: one person may be in several.",
        "Count distinct persons in a query of its own for each grouping.",
    )
    .near("distinct")
}
