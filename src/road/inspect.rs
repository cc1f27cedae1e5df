//! The road up to its toll: how a query would be answered and what it would cost. Nothing is
//! charged and nothing is asked. EXPLAIN shows it, and the golden tests read it.

use std::sync::Arc;

use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Plan;

use super::asked::{self, Answer, Asked};
use super::gate::Gate;
use super::given;
use super::payment;
use super::toll::{self, Priced};
use crate::error::{Error, Fault};
use crate::query::leaves::{Answer as Kind, Bound, BoundLeaf};
use crate::query::{parse, splice};
use crate::shadow::canonical::Canonical;

/// A query that was understood.
#[derive(Debug)]
pub struct Inspected {
    /// The query as PostgreSQL read it.
    pub canonical: Arc<Canonical>,
    /// Its leaves, in the order in which they are charged.
    pub leaves: Vec<InspectedLeaf>,
    /// What runs in the client's shadow session, with the releases as array parameters.
    pub spliced: String,
    /// What is said of parts that the policy answers.
    pub notes: Vec<String>,
    /// At which ε it would be answered, if a stretched budget lowers it.
    pub lowered: Option<String>,
}

/// One leaf of it.
#[derive(Debug)]
pub struct InspectedLeaf {
    /// What is asked, its bounds, its noise and its price.
    pub plan: Plan<Analyzed>,
    /// How its release becomes columns.
    pub bound: BoundLeaf,
    /// Its ε.
    pub epsilon: String,
}

/// A query, looked at.
#[derive(Debug)]
pub(super) enum Looked {
    /// Without leaves: nothing is to be paid.
    Without(Box<Bound>),
    /// With leaves.
    Leaves(Box<Leaves>),
}

/// A query with leaves.
#[derive(Debug)]
pub(super) struct Leaves {
    pub(super) canonical: Arc<Canonical>,
    pub(super) bound: Bound,
}

/// Reads a private query.
pub(super) async fn look(gate: &Gate, asked: &Asked<'_>) -> Result<Looked, Error> {
    let canonical = asked.canonical(gate).await?;
    let bound = given::bound(gate, asked, &canonical).await?;
    if bound.answer != Kind::Released {
        return Ok(Looked::Without(Box::new(bound)));
    }
    Ok(Looked::Leaves(Box::new(Leaves { canonical, bound })))
}

/// How a private query would be answered; nothing if it has no leaves and the shadow answers it.
pub async fn inspect(gate: &Gate, asked: &Asked<'_>) -> Result<Option<Inspected>, Error> {
    let _turn = gate.turn(asked).await?;
    let Leaves { canonical, bound } = match look(gate, asked).await? {
        Looked::Leaves(leaves) => *leaves,
        Looked::Without(bound) => {
            return match asked::without_leaves(gate, &bound)? {
                Answer::Forward(_) => Ok(None),
                Answer::Spliced { .. } => Err(Fault::Unreachable("a spliced probe").into()),
            };
        }
    };
    let payment = payment::of(gate, asked).await?;
    let Priced { payment, mut steps, .. } =
        Box::pin(toll::price(gate, asked, &bound, payment, false)).await?;
    // Bounds that the analyst has paid for show.
    steps.hide_unpaid(&payment);
    let plans = steps.plans();
    let spliced = parse::deeply(|| splice::text(bound.query, &canonical.columns))?;
    let leaves = plans.into_iter().zip(bound.leaves).enumerate();
    let leaves = leaves.map(|(at, (plan, bound))| {
        let epsilon = payment.epsilon(at).to_string();
        InspectedLeaf { plan, bound, epsilon }
    });
    let (leaves, notes) = (leaves.collect(), bound.notes);
    Ok(Some(Inspected { canonical, leaves, spliced, notes, lowered: payment.ladder.said() }))
}
