//! The road of one private query, from the analyst's text to what the shadow session finishes.

mod accuracy;
mod asked;
mod explain;
mod explain_json;
mod gate;
mod given;
mod inflight;
mod inspect;
mod intervals;
mod limits;
mod payment;
mod remember;
mod spoken;
mod virtuals;

pub use asked::{Answer, Asked, inlined, text_array};
pub use explain::{Explained, explain};
pub use gate::{Gate, GateError};
pub use inspect::{Inspected, InspectedLeaf, inspect};
pub use intervals::described;
pub use payment::check_setting;
pub use virtuals::budget_line;

use futures_util::future;
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Plan;
use noisegate_privacy::receipt::Receipt;
use noisegate_privacy::release::Release;

use crate::error::{Error, Fault};
use crate::ids::Question;
use crate::ledger::{Charge, LeafCharge, Remembered, Reservation};
use crate::query::leaves::{Answer as Kind, Bound, BoundLeaf};
use crate::query::{parse, splice};
use crate::shadow::canonical::Canonical;
use crate::source::{BoundedSql, Snapshot};

/// Answers one private query. This is the road; each line is a stage.
///
/// Not cancel safe past `reserve`: what was reserved when the future is dropped stays spent.
pub async fn answer(gate: &Gate, asked: &Asked<'_>) -> Result<Answer, Error> {
    let canonical = asked.canonical(gate).await?;
    // A simple query has no parameters to give; PostgreSQL says so.
    if canonical.parameters.len() != asked.parameters.len() {
        return Ok(Answer::Forward(None));
    }
    let mut bound = given::bound(gate, asked, &canonical).await?;
    if bound.answer != Kind::Released {
        return asked::without_leaves(gate, &bound);
    }
    let shape = intervals::shape(asked, &canonical, &mut bound)?;
    let mut payment = payment::of(gate, asked)?;
    let plans = parse::deeply(|| payment.analyze(&bound.leaves))?;
    let questions =
        parse::deeply(|| remember::questions(gate, asked, &payment, &plans, &bound.given));
    let alone = async { Ok(gate.in_flight.hold(&questions).await) };
    let _alone = asked.unless_canceled(alone).await?;
    let mut known = recall(gate, &questions).await?;
    let fresh = fresh(&known, &questions);
    if fresh.contains(&true) {
        payment.within_cap(&plans, &fresh)?;
        let reservation = reserve(gate, asked, &payment, &plans, &questions, &fresh).await?;
        let asking = Asking { gate, asked, canonical: &canonical, bound: &bound, plans: &plans };
        known = ask_source(&asking, &fresh, reservation, &questions, known).await?;
    }
    let releases: Vec<Release> = known.into_iter().flatten().collect();
    let mut spoken =
        spoken::notices(gate, asked, &payment, &plans, &bound, &fresh, &releases).await?;
    spoken.extend(shape.notice().filter(|_| asked.settings.notices));
    let mut arrays = arrays(&bound, &releases)?;
    arrays.extend(shape.arrays(&plans, &bound.leaves, &releases));
    finish(gate, asked, &canonical, bound, &shape.names, arrays, spoken).await
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

/// What is asked of the source, and of whom it comes.
struct Asking<'a> {
    gate: &'a Gate,
    asked: &'a Asked<'a>,
    canonical: &'a Canonical,
    bound: &'a Bound,
    plans: &'a [Plan<Analyzed>],
}

/// Asks the source, adds the noise and remembers the releases. From here on the charge stands,
/// unless nothing at all was sent. A failure, too, is told at the next public tick.
async fn ask_source(
    asking: &Asking<'_>,
    fresh: &[bool],
    mut reservation: Reservation,
    questions: &[Question],
    known: Vec<Option<Release>>,
) -> Result<Vec<Option<Release>>, Error> {
    let Asking { gate, asked, .. } = *asking;
    let receipts = reservation.receipts();
    let snapshot = match gate.source.begin(&asked.settings.for_source()).await {
        Ok(snapshot) => snapshot,
        Err((fault, proof)) => {
            gate.ledger.void(reservation, proof).await.map_err(gate::ledger_fault)?;
            return Err(fault.into());
        }
    };
    let outcome = released(asking, fresh, questions, receipts, known, snapshot).await;
    let (releases, snapshot) = match outcome {
        Ok(released) => released,
        Err(error) => {
            // Without this it would be pending, which is spent as well, until the next start.
            if let Err(error) = gate.ledger.settle(reservation, Vec::new()).await {
                tracing::error!(query = %asked.id, %error, "a charge stays pending");
            }
            gate.tick().await;
            return Err(error);
        }
    };
    let expires_at = remember::expires_at(gate);
    let remembered = questions
        .iter()
        .zip(fresh)
        .zip(&releases)
        .filter(|((_, fresh), _)| **fresh)
        .filter_map(|((question, _), release)| {
            let payload = remember::encode(release.as_ref()?);
            Some(Remembered { question: *question, payload, expires_at })
        })
        .collect();
    // The source ends its snapshot while the ledger writes.
    let settled = gate.ledger.settle(reservation, remembered);
    let (settled, ()) = future::join(settled, snapshot.finish()).await;
    settled.map_err(gate::ledger_fault)?;
    Ok(releases)
}

/// The releases of all leaves, those that were paid for from one snapshot, which is given back to
/// be ended. After a fault it is dropped, which stops what still runs. In order, since a leaf may
/// be given what those before it released.
async fn released<'a>(
    asking: &Asking<'_>,
    fresh: &[bool],
    questions: &[Question],
    receipts: Vec<Receipt>,
    mut releases: Vec<Option<Release>>,
    mut snapshot: Snapshot<'a>,
) -> Result<(Vec<Option<Release>>, Snapshot<'a>), Error> {
    let Asking { gate, asked, canonical, bound, plans } = *asking;
    let mut receipts = receipts.into_iter();
    for (at, (plan, fresh)) in plans.iter().zip(fresh).enumerate() {
        if *fresh {
            let receipt = receipts.next().ok_or(Fault::Unreachable("a leaf without a receipt"))?;
            let plan = Plan::clone(plan)
                .charged(receipt)
                .ok_or(Fault::Unreachable("a receipt for another price"))?;
            let given = given::values(gate, asked, canonical, bound, at, &releases).await?;
            let sql = parse::deeply(|| BoundedSql::emit(&plan));
            let (types, parameters) = asked.source_parameters(canonical, given);
            let release = snapshot.release(plan, &sql, &types, &parameters);
            let release = asked.in_time(gate, release).await?;
            fill(&mut releases, at, release, questions);
        }
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

/// Puts a new release in its place, and in those of equal leaves.
fn fill(known: &mut [Option<Release>], at: usize, new: Release, questions: &[Question]) {
    let question = questions.get(at);
    let empty = known.iter_mut().zip(questions).filter(|(place, _)| place.is_none());
    for (place, _) in empty.filter(|(_, one)| Some(*one) == question) {
        *place = Some(new.clone());
    }
}

/// The arrays of the releases, with the number of the first parameter of each leaf.
fn arrays(bound: &Bound, releases: &[Release]) -> Result<Vec<(usize, Vec<splice::Array>)>, Fault> {
    if bound.leaves.len() != releases.len() {
        return Err(Fault::Unreachable("a leaf without a release"));
    }
    let arrays = |(leaf, release): (&BoundLeaf, &Release)| {
        (leaf.columns.first_parameter, splice::arrays(leaf, release))
    };
    Ok(bound.leaves.iter().zip(releases).map(arrays).collect())
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
    arrays.extend(virtuals::arrays(gate, asked, &bound).await?);
    let spliced = asked::spliced(gate, canonical, bound, names, arrays, notices).await?;
    gate.tick().await;
    Ok(spliced)
}
