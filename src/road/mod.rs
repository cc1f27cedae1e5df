//! The road of one private query, from the analyst's text to what the shadow session finishes.

mod account;
mod accuracy;
mod asked;
mod explain;
mod explain_json;
mod figures;
mod gate;
mod given;
mod inflight;
mod inspect;
mod intervals;
mod limits;
pub mod measure;
mod own;
mod payment;
mod policies;
mod quantiles;
mod refused;
mod rehearse;
mod remember;
mod settings;
mod spoken;
mod steps;
mod stretch;
mod toll;
mod turns;
mod unsettled;
mod virtuals;

pub use account::{account, window};
pub use asked::{Answer, Asked, inlined, text_array};
pub use explain::{Explained, explain};
pub use figures::figures;
pub use gate::{Gate, GateError, Shared};
pub use inspect::{Inspected, InspectedLeaf, inspect};
pub use intervals::described;
pub use own::{budget_line, queries_left_line};
pub use policies::{Draft, Opener, Policies, Running};
pub use rehearse::{AccountLeft, Rehearsal, Rehearsed, Verdict, accounts_left};
pub use settings::check_setting;

use std::time::Instant;

use futures_util::future;
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Plan;
use noisegate_privacy::receipt::Receipt;
use noisegate_privacy::release::Release;

use crate::error::{Error, Fault};
use crate::ledger::Reservation;
use crate::live;
use crate::metrics::Stage;
use crate::query::leaves::{Answer as Kind, Bound};
use crate::query::{parse, splice};
use crate::shadow::canonical::Canonical;
use crate::source::{BoundedSql, Snapshot};
use steps::Steps;
use unsettled::Unsettled;

/// Answers one private query. This is the road; each line is a stage.
///
/// Not cancel safe past `reserve`: what was reserved when the future is dropped stays spent.
pub async fn answer(gate: &Gate, asked: &Asked<'_>) -> Result<Answer, Error> {
    let _turn = gate.turn(asked).await?;
    let canonical = gate.timed(Stage::Canonical, Box::pin(asked.canonical(gate))).await?;
    // A simple query has no parameters to give; PostgreSQL says so.
    if canonical.parameters.len() != asked.parameters.len() {
        return Ok(Answer::Forward(None));
    }
    let mut bound =
        gate.timed(Stage::Bind, Box::pin(given::bound(gate, asked, &canonical))).await?;
    if bound.answer != Kind::Released {
        return asked::without_leaves(gate, &bound);
    }
    let shape = intervals::shape(asked, &canonical, &mut bound)?;
    let toll::Paid { payment, mut steps, reservation, _alone } =
        Box::pin(toll::pay(gate, asked, &bound)).await?;
    let remembered = steps.fresh_places().is_empty();
    if let Some(reservation) = reservation {
        let asking = Asking { gate, asked, canonical: &canonical, bound: &bound };
        ask_source(&asking, &mut steps, reservation).await?;
    }
    gate.shared.live.reached(asked.id, live::Stage::Finishing);
    let (plans, charged, releases) = (steps.plans(), steps.leaves_charged(), steps.releases());
    let mut spoken =
        spoken::notices(gate, asked, &payment, &plans, &bound, &charged, &releases).await?;
    spoken.extend(shape.notice().filter(|_| asked.settings.notices));
    let mut arrays = arrays(&bound, &plans, &releases)?;
    arrays.extend(shape.arrays(&plans, &bound.leaves, &releases));
    let finished = finish(gate, asked, &canonical, bound, &shape.names, arrays, spoken);
    let answer = Box::pin(finished).await?;
    Ok(if remembered { answer.remembered() } else { answer })
}

/// What is asked of the source, and of whom it comes.
struct Asking<'a> {
    gate: &'a Gate,
    asked: &'a Asked<'a>,
    canonical: &'a Canonical,
    bound: &'a Bound,
}

/// Asks the source, adds the noise and remembers the releases. From here on the charge stands,
/// unless nothing at all was sent. A failure, too, is told at the next public tick. What others
/// have bought is paid for, and the source is not asked for it.
async fn ask_source(
    asking: &Asking<'_>,
    steps: &mut Steps,
    mut reservation: Reservation,
) -> Result<(), Error> {
    let Asking { gate, asked, .. } = *asking;
    if steps.fresh_places().is_empty() {
        let settled = gate.ledger.settle(reservation, Vec::new());
        return Ok(gate.timed(Stage::Settle, settled).await.map_err(gate::ledger_fault)?);
    }
    gate.shared.live.reached(asked.id, live::Stage::Asking);
    let start = Instant::now();
    let receipts = reservation.receipts();
    let charge = Unsettled::new(&gate.ledger, reservation);
    let snapshot = match gate.source.begin(&asked.settings.for_source()).await {
        Ok(snapshot) => snapshot,
        Err((fault, proof)) => {
            gate.ledger.void(charge.end()?, proof).await.map_err(gate::ledger_fault)?;
            return Err(fault.into());
        }
    };
    let released = released(asking, steps, receipts, snapshot).await;
    gate.shared.metrics.took(Stage::Source, start.elapsed());
    // What was released before a fault is paid for, and is remembered too.
    let remembered = steps.remembered(remember::expires_at(gate));
    let settled = gate.timed(Stage::Settle, gate.ledger.settle(charge.end()?, remembered));
    let snapshot = match released {
        Ok(snapshot) => snapshot,
        Err(error) => {
            // Unsettled it would be pending, which is spent as well, until the next start.
            if let Err(error) = settled.await {
                tracing::error!(query = %asked.id, %error, "a charge stays pending");
            }
            gate.tick().await;
            return Err(error);
        }
    };
    // The source ends its snapshot while the ledger writes.
    let (settled, ()) = future::join(settled, snapshot.finish()).await;
    Ok(settled.map_err(gate::ledger_fault)?)
}

/// Asks for what was paid, in order and from one snapshot, which is given back to be ended. What
/// is asked later may be made from what was released before. After a fault the snapshot is
/// dropped, which stops what still runs.
async fn released<'a>(
    asking: &Asking<'_>,
    steps: &mut Steps,
    receipts: Vec<Receipt>,
    mut snapshot: Snapshot<'a>,
) -> Result<Snapshot<'a>, Error> {
    let Asking { gate, asked, canonical, bound } = *asking;
    for ((at, is_asked), receipt) in steps.charged_places().into_iter().zip(receipts) {
        if !is_asked {
            continue;
        }
        let plan = steps
            .ready(at)?
            .charged(receipt)
            .ok_or(Fault::Unreachable("a receipt for another price"))?;
        let known = steps.known();
        let given = given::values(gate, asked, canonical, bound, steps.leaf(at), &known).await?;
        let sql = parse::deeply(|| BoundedSql::emit(&plan));
        let (types, parameters) = asked.source_parameters(canonical, given);
        let release = snapshot.release(plan, &sql, &types, &parameters);
        steps.put(at, &asked.in_time(gate, release).await?);
    }
    Ok(snapshot)
}

/// The arrays of the releases, with the number of the first parameter of each leaf.
fn arrays(
    bound: &Bound,
    plans: &[Plan<Analyzed>],
    releases: &[Release],
) -> Result<Vec<(usize, Vec<splice::Array>)>, Fault> {
    if bound.leaves.len() != releases.len() {
        return Err(Fault::Unreachable("a leaf without a release"));
    }
    let each = bound.leaves.iter().zip(plans).zip(releases);
    Ok(each
        .map(|((leaf, plan), release)| {
            (leaf.columns.first_parameter, splice::arrays(leaf, plan.analysis(), release))
        })
        .collect())
}

/// The spliced statement, at the next public tick.
async fn finish(
    gate: &Gate,
    asked: &Asked<'_>,
    canonical: &Canonical,
    bound: Bound,
    names: &[String],
    mut arrays: Vec<(usize, Vec<splice::Array>)>,
    notices: Vec<String>,
) -> Result<Answer, Error> {
    let work = async {
        arrays.extend(virtuals::arrays(gate, asked, &bound).await?);
        asked::spliced(gate, canonical, bound, names, arrays, notices).await
    };
    // Without the wait for the tick, whose length would say when the source was done.
    let spliced = gate.timed(Stage::Splice, work).await?;
    gate.tick().await;
    Ok(spliced)
}
