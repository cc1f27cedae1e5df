//! The road of one private query, from the analyst's text to what the shadow session finishes.

mod asked;
mod explain;
mod gate;
mod inflight;
mod inspect;
mod limits;
mod payment;
mod quantiles;
mod remember;
mod spoken;
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
use crate::ids::Question;
use crate::ledger::{Charge, LeafCharge, Remembered, Reservation};
use crate::query::leaves::{self, Answer as Kind, Bound};
use crate::query::{parse, splice};
use crate::shadow::canonical::Canonical;
use crate::source::{BoundedSql, Snapshot};

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
    let plans = parse::deeply(|| payment.analyze(&bound.leaves))?;
    let questions = parse::deeply(|| remember::questions(gate, asked, &payment, &plans));
    let alone = async { Ok(gate.in_flight.hold(&questions).await) };
    let _alone = asked.unless_canceled(alone).await?;
    let mut known = recall(gate, &questions).await?;
    let fresh = fresh(&known, &questions);
    if fresh.contains(&true) {
        payment.within_cap(&plans, &fresh)?;
        let reservation = reserve(gate, asked, &payment, &plans, &questions, &fresh).await?;
        let new =
            ask_source(gate, asked, &canonical, &plans, &fresh, reservation, &questions).await?;
        fill(&mut known, &fresh, new, &questions);
    }
    let releases: Vec<Release> = known.into_iter().flatten().collect();
    let spoken =
        spoken::notices(gate, asked, &payment, &plans, &bound.leaves, &fresh, &releases).await?;
    finish(gate, asked, &canonical, bound, &plans, &releases, spoken).await
}

/// The canonical query, understood.
fn bound(gate: &Gate, canonical: &Canonical) -> Result<Bound, Refusal> {
    parse::deeply(|| {
        let tree = parse::query(&canonical.text)?;
        leaves::bind(tree, &gate.snapshot, canonical.parameters.len())
    })
}

async fn recall(gate: &Gate, questions: &[Question]) -> Result<Vec<Option<Release>>, Fault> {
    let mut known = Vec::with_capacity(questions.len());
    for question in questions {
        let payload = gate.ledger.recall(*question).await.map_err(gate::ledger_fault)?;
        known.push(payload.as_deref().and_then(remember::decode));
    }
    Ok(known)
}

async fn reserve(
    gate: &Gate,
    asked: &Asked<'_>,
    payment: &payment::Payment,
    plans: &[Plan<Analyzed>],
    questions: &[Question],
    fresh: &[bool],
) -> Result<Reservation, Error> {
    let leaves = plans.iter().zip(questions).zip(fresh).filter(|(_, fresh)| **fresh);
    let charge = Charge {
        query: asked.id,
        analyst: asked.analyst.clone(),
        leaves: leaves
            .map(|((plan, question), _)| LeafCharge {
                question: *question,
                loss: plan.loss().clone(),
                accounts: payment.accounts.clone(),
            })
            .collect(),
    };
    gate.ledger.reserve(charge).await.map_err(|error| payment::refused(gate, error))
}

/// Asks the source, adds the noise and remembers the releases. From here on the charge stands,
/// unless nothing at all was sent. A failure, too, is told at the next public tick.
async fn ask_source(
    gate: &Gate,
    asked: &Asked<'_>,
    canonical: &Canonical,
    plans: &[Plan<Analyzed>],
    fresh: &[bool],
    mut reservation: Reservation,
    questions: &[Question],
) -> Result<Vec<Release>, Error> {
    let receipts = reservation.receipts();
    let snapshot = match gate.source.begin(&asked.settings.for_source()).await {
        Ok(snapshot) => snapshot,
        Err((fault, proof)) => {
            gate.ledger.void(reservation, proof).await.map_err(gate::ledger_fault)?;
            return Err(fault.into());
        }
    };
    let fresh_plans: Vec<&Plan<Analyzed>> =
        plans.iter().zip(fresh).filter(|(_, fresh)| **fresh).map(|(plan, _)| plan).collect();
    let outcome = released(gate, asked, canonical, &fresh_plans, receipts, snapshot).await;
    let (releases, snapshot) = match outcome {
        Ok(released) => released,
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
    let remembered = questions
        .iter()
        .zip(fresh)
        .filter(|(_, fresh)| **fresh)
        .zip(&releases)
        .map(|((question, _), release)| Remembered {
            question: *question,
            payload: remember::encode(release),
            expires_at,
        })
        .collect();
    // The source ends its snapshot while the ledger writes.
    let settled = gate.ledger.settle(reservation, remembered);
    let (settled, ()) = future::join(settled, snapshot.finish()).await;
    settled.map_err(gate::ledger_fault)?;
    Ok(releases)
}

/// The releases of the leaves that were paid for, in their order, from one snapshot, which is
/// given back to be ended. After a fault it is dropped, which stops what still runs.
async fn released<'a>(
    gate: &Gate,
    asked: &Asked<'_>,
    canonical: &Canonical,
    plans: &[&Plan<Analyzed>],
    receipts: Vec<Receipt>,
    mut snapshot: Snapshot<'a>,
) -> Result<(Vec<Release>, Snapshot<'a>), Fault> {
    let mut releases = Vec::new();
    for (plan, receipt) in plans.iter().zip(receipts) {
        let plan = Plan::clone(plan)
            .charged(receipt)
            .ok_or(Fault::Unreachable("a receipt for another price"))?;
        let sql = parse::deeply(|| BoundedSql::emit(&plan));
        let (types, parameters) = asked.source_parameters(canonical);
        let release = snapshot.release(plan, &sql, &types, &parameters);
        releases.push(asked.in_time(gate, release).await?);
    }
    Ok((releases, snapshot))
}

/// Which leaves are to be paid for: those not known, and of equal ones the first.
fn fresh(known: &[Option<Release>], questions: &[Question]) -> Vec<bool> {
    let first = |at: usize| questions.iter().position(|one| Some(one) == questions.get(at));
    (0..known.len())
        .map(|at| matches!(known.get(at), Some(None)) && first(at) == Some(at))
        .collect()
}

/// Puts new releases in their places, and in those of equal leaves.
fn fill(known: &mut [Option<Release>], fresh: &[bool], new: Vec<Release>, questions: &[Question]) {
    let asked = questions.iter().zip(fresh).filter(|(_, fresh)| **fresh);
    let answers: Vec<(&Question, Release)> = asked.map(|(question, _)| question).zip(new).collect();
    for (place, question) in known.iter_mut().zip(questions).filter(|(place, _)| place.is_none()) {
        *place = answers.iter().find(|(one, _)| *one == question).map(|(_, new)| new.clone());
    }
}

/// The spliced statement, at the next public tick.
async fn finish(
    gate: &Gate,
    asked: &Asked<'_>,
    canonical: &Canonical,
    bound: Bound,
    plans: &[Plan<Analyzed>],
    releases: &[Release],
    notices: Vec<String>,
) -> Result<Answer, Error> {
    if bound.leaves.len() != releases.len() {
        return Err(Fault::Unreachable("a leaf without a release").into());
    }
    let mut arrays = virtuals::arrays(gate, asked, &bound).await?;
    for ((leaf, plan), release) in bound.leaves.iter().zip(plans).zip(releases) {
        let of_leaf = splice::arrays(leaf, plan.analysis(), release);
        arrays.push((leaf.columns.first_parameter, of_leaf));
    }
    let spliced = asked::spliced(gate, canonical, bound, arrays, notices).await?;
    gate.tick().await;
    Ok(spliced)
}
