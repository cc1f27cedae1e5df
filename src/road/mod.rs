//! The road of one private query, from the analyst's text to what the shadow session finishes.

mod asked;
mod explain;
mod gate;
mod inflight;
mod inspect;
mod limits;
mod payment;
mod remember;
mod spoken;
mod steps;
mod virtuals;

pub use asked::{Answer, Asked, text_array};
pub use explain::explain;
pub use gate::{Gate, GateError};
pub use inspect::{Inspected, InspectedLeaf, inspect};
pub use payment::check_setting;
pub use virtuals::budget_line;

use futures_util::future;
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Plan;
use noisegate_privacy::receipt::Receipt;
use noisegate_privacy::release::Release;

use crate::error::{Error, Fault, Refusal};
use crate::ledger::{Charge, LeafCharge, Remembered, Reservation};
use crate::query::leaves::{self, Answer as Kind, Bound, BoundLeaf};
use crate::query::{parse, splice};
use crate::shadow::canonical::Canonical;
use crate::source::{BoundedSql, Snapshot};
use steps::Steps;

/// Answers one private query. This is the road; each line is a stage.
///
/// Not cancel safe past `reserve`: what was reserved when the future is dropped stays spent.
pub async fn answer(gate: &Gate, asked: &Asked<'_>) -> Result<Answer, Error> {
    let canonical = asked.canonical(gate).await?;
    let bound = bound(gate, &canonical)?;
    if bound.answer != Kind::Released {
        return asked::without_leaves(gate, &bound);
    }
    let payment = payment::of(gate, asked)?;
    let plans = parse::deeply(|| payment.analyze(&gate.policy, &bound.leaves))?;
    let question = |plan: &Plan<Analyzed>| remember::question(gate, asked, &payment, plan);
    let mut steps = parse::deeply(|| Steps::of(plans, question));
    let questions = steps.questions();
    let alone = async { Ok(gate.in_flight.hold(&questions).await) };
    let _alone = asked.unless_canceled(alone).await?;
    steps.recall(gate).await?;
    if steps.fresh_leaves() > 0 {
        payment.within_cap(steps.fresh_leaves())?;
        let reservation = reserve(gate, asked, &payment, &steps).await?;
        ask_source(gate, asked, &canonical, &mut steps, reservation).await?;
    }
    let (plans, fresh, releases) = (steps.plans(), steps.leaves_fresh(), steps.releases());
    let spoken =
        spoken::notices(gate, asked, &payment, &plans, &bound.leaves, &fresh, &releases).await?;
    finish(gate, asked, &canonical, bound, &releases, spoken).await
}

/// The canonical query, understood.
fn bound(gate: &Gate, canonical: &Canonical) -> Result<Bound, Refusal> {
    parse::deeply(|| {
        let tree = parse::query(&canonical.text)?;
        leaves::bind(tree, &gate.snapshot, canonical.parameters.len())
    })
}

/// Charges all that is to be asked, or nothing.
async fn reserve(
    gate: &Gate,
    asked: &Asked<'_>,
    payment: &payment::Payment,
    steps: &Steps,
) -> Result<Reservation, Error> {
    let leaves = steps.fresh().map(|step| LeafCharge {
        question: step.question,
        loss: step.plan().loss().clone(),
        accounts: payment.accounts.clone(),
    });
    let charge =
        Charge { query: asked.id, analyst: asked.analyst.clone(), leaves: leaves.collect() };
    gate.ledger.reserve(charge).await.map_err(|error| payment::refused(gate, error))
}

/// Asks the source, adds the noise and remembers the releases. From here on the charge stands,
/// unless nothing at all was sent. A failure, too, is told at the next public tick.
async fn ask_source(
    gate: &Gate,
    asked: &Asked<'_>,
    canonical: &Canonical,
    steps: &mut Steps,
    mut reservation: Reservation,
) -> Result<(), Error> {
    let receipts = reservation.receipts();
    let snapshot = match gate.source.begin(&asked.settings.for_source()).await {
        Ok(snapshot) => snapshot,
        Err((fault, proof)) => {
            gate.ledger.void(reservation, proof).await.map_err(gate::ledger_fault)?;
            return Err(fault.into());
        }
    };
    let snapshot = match released(gate, asked, canonical, steps, receipts, snapshot).await {
        Ok(snapshot) => snapshot,
        Err(fault) => {
            // Without this it would be pending, which is spent as well, until the next start.
            if let Err(error) = gate.ledger.settle(reservation, Vec::new()).await {
                tracing::error!(query = %asked.id, %error, "a charge stays pending");
            }
            gate.tick().await;
            return Err(fault.into());
        }
    };
    let expires_at = remember::expires_at(gate);
    let remembered = steps.fresh().filter_map(|step| {
        Some(Remembered {
            question: step.question,
            payload: remember::encode(step.release.as_ref()?),
            expires_at,
        })
    });
    // The source ends its snapshot while the ledger writes.
    let settled = gate.ledger.settle(reservation, remembered.collect());
    let (settled, ()) = future::join(settled, snapshot.finish()).await;
    Ok(settled.map_err(gate::ledger_fault)?)
}

/// Asks for what was paid, in order and from one snapshot, which is given back to be ended. What
/// is asked later may be made from what was released before. After a fault the snapshot is
/// dropped, which stops what still runs.
async fn released<'a>(
    gate: &Gate,
    asked: &Asked<'_>,
    canonical: &Canonical,
    steps: &mut Steps,
    receipts: Vec<Receipt>,
    mut snapshot: Snapshot<'a>,
) -> Result<Snapshot<'a>, Fault> {
    for (at, receipt) in steps.fresh_places().into_iter().zip(receipts) {
        let plan = steps
            .ready(at)?
            .charged(receipt)
            .ok_or(Fault::Unreachable("a receipt for another price"))?;
        let sql = parse::deeply(|| BoundedSql::emit(&plan));
        let (types, parameters) = asked.source_parameters(canonical);
        let release = snapshot.release(plan, &sql, &types, &parameters);
        steps.put(at, &asked.in_time(gate, release).await?);
    }
    Ok(snapshot)
}

/// The spliced statement, at the next public tick.
async fn finish(
    gate: &Gate,
    asked: &Asked<'_>,
    canonical: &Canonical,
    bound: Bound,
    releases: &[Release],
    notices: Vec<String>,
) -> Result<Answer, Error> {
    if bound.leaves.len() != releases.len() {
        return Err(Fault::Unreachable("a leaf without a release").into());
    }
    let mut arrays = virtuals::arrays(gate, asked, &bound).await?;
    let leaf_arrays = |(leaf, release): (&BoundLeaf, &Release)| {
        (leaf.columns.first_parameter, splice::arrays(leaf, release))
    };
    arrays.extend(bound.leaves.iter().zip(releases).map(leaf_arrays));
    let spliced = asked::spliced(gate, canonical, bound, arrays, notices).await?;
    gate.tick().await;
    Ok(spliced)
}
