//! The ε of a leaf where the session names an accuracy instead.
//!
//! It follows from the plan, the policy and the setting alone, so it tells nothing of the data.

use noisegate_privacy::accuracy::{Accuracy, least_epsilon};
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::budget::Epsilon;
use noisegate_privacy::plan::Plan;

use super::spoken::{self, ALPHA};
use crate::error::{Code, Refusal};
use crate::query::leaves::BoundLeaf;

/// Reads `noisegate.accuracy`.
pub(super) fn parse(text: &str) -> Result<Accuracy, Refusal> {
    Accuracy::parse(text).map_err(|_| {
        Refusal::new(
            Code::Setting,
            "noisegate.accuracy is not a number that can be used.",
            "Give a decimal number above 0 in the unit of the column, such as '100', or '' to name \
             noisegate.epsilon instead.",
        )
    })
}

/// The least ε up to `max` with which 95 % of the noise of each count and sum of the leaf lies
/// within the accuracy; nothing if the leaf shows no number. `analyze` is the leaf's own analysis.
pub(super) fn epsilon(
    accuracy: &Accuracy,
    max: &Epsilon,
    leaf: &BoundLeaf,
    analyze: impl Fn(&Epsilon) -> Result<Plan<Analyzed>, Refusal>,
) -> Result<Option<Epsilon>, Refusal> {
    let columns = &leaf.columns;
    if columns.values.is_empty() {
        return Ok(None);
    }
    let best = analyze(max)?;
    if columns.values.iter().all(|column| column.label.is_none()) {
        return Err(Refusal::new(
            Code::Setting,
            "noisegate.accuracy is for counts and sums: how far off an average is depends on the \
             data.",
            "Ask for the count or the sum beside it, or RESET noisegate.accuracy and name \
             noisegate.epsilon.",
        ));
    }
    let enough = |plan: &Plan<Analyzed>| {
        let mut shown = columns.values.iter().filter(|column| column.label.is_some());
        shown.all(|column| {
            let calibrated = plan.analysis().statistics.get(column.statistic);
            calibrated
                .is_some_and(|one| accuracy.allows(&one.noise.half_width(ALPHA), column.scale))
        })
    };
    let least = least_epsilon(max, |tried| analyze(tried).is_ok_and(|plan| enough(&plan)));
    least.map(Some).ok_or_else(|| {
        let widths = spoken::widths(best.analysis(), leaf).join(", ");
        Refusal::new(
            Code::Setting,
            format!("noisegate.accuracy asks for more than epsilon {max}, the most for a query."),
            format!(
                "The best for it is {widths}. Set noisegate.accuracy to a larger number, or ask for \
                 fewer aggregates at once."
            ),
        )
    })
}
