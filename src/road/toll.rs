//! The toll of a statement: what is to be paid for it, at which ε, and its payment.

use std::time::Instant;

use super::Asked;
use super::gate::Gate;
use super::inflight::Alone;
use super::payment::{self, Payment};
use super::steps::Steps;
use super::{refused, remember, stretch};
use crate::error::{Error, Fault};
use crate::ids::{ChargeKey, Fingerprint};
use crate::ledger::{Balance, Charge, Flight, LedgerError, Reservation};
use crate::live;
use crate::metrics::Stage;
use crate::query::leaves::Bound;
use crate::query::parse;

/// How often a charge is tried again because an administrator has just decided something.
const DECISIONS_MAX: u32 = 8;

/// A statement at its price.
#[derive(Debug)]
pub(super) struct Priced {
    pub(super) payment: Payment,
    pub(super) steps: Steps,
    /// While this lives nobody else asks the same; nothing if only the price was wanted.
    alone: Option<Alone>,
}

/// A statement that was paid, as far as it was not before.
#[derive(Debug)]
pub(super) struct Paid {
    pub(super) payment: Payment,
    pub(super) steps: Steps,
    pub(super) reservation: Option<Reservation>,
    /// Lives until the releases are remembered.
    pub(super) _alone: Option<Alone>,
}

/// Charges all that is to be paid, or nothing.
pub(super) async fn pay(gate: &Gate, asked: &Asked<'_>, bound: &Bound) -> Result<Paid, Error> {
    gate.shared.live.reached(asked.id, live::Stage::Charging);
    let mut payment = payment::of(gate, asked).await?;
    let key = ChargeKey::fresh(gate.clock.now().0);
    let mut decisions = 0_u32;
    loop {
        let Priced { payment: priced, steps, alone } =
            Box::pin(price(gate, asked, bound, payment, true)).await?;
        payment = priced;
        let charges = steps.charges(&payment);
        let questions: Vec<_> = charges.iter().map(|charge| charge.question).collect();
        let epsilon = payment.largest_epsilon(bound.leaves.len());
        gate.shared.live.priced(asked.id, epsilon, Fingerprint::of(&questions));
        if !steps.is_charged() {
            return Ok(Paid { payment, steps, reservation: None, _alone: alone });
        }
        payment.within_cap(&steps.leaves_charged())?;
        let reserved = reserve(gate, asked, &payment, &steps, key);
        match gate.timed(Stage::Reserve, reserved).await {
            Ok(reservation) => {
                let reservation = Some(reservation);
                return Ok(Paid { payment, steps, reservation, _alone: alone });
            }
            Err(LedgerError::Terms { .. }) if decisions < DECISIONS_MAX => {
                decisions = decisions.saturating_add(1);
                payment.read_anew(gate).await?;
            }
            // Somebody else was faster than what the ledger said was left.
            Err(LedgerError::Overdrawn(overdrawn)) if stretch::helps(&payment, &overdrawn) => {
                lower(gate, &mut payment, &overdrawn.balance)?;
            }
            Err(error) => return Err(refused::refused(gate, error)),
        }
    }
}

/// The price of a statement, at the first ε down the ladder that stretched budgets allow. What is
/// remembered at a larger one is answered from memory.
pub(super) async fn price(
    gate: &Gate,
    asked: &Asked<'_>,
    bound: &Bound,
    mut payment: Payment,
    is_alone: bool,
) -> Result<Priced, Error> {
    loop {
        let start = Instant::now();
        let mut steps = steps(gate, asked, bound, &mut payment)?;
        if is_alone {
            // Without the wait for equal questions, which are at the source.
            gate.shared.metrics.took(Stage::Analyze, start.elapsed());
        }
        let mut alone = if is_alone { Some(hold(gate, asked, &steps).await?) } else { None };
        steps.recall(gate, asked.analyst, &payment).await?;
        // What is remembered needs no look at what other proxies answer just now.
        if let Some(alone) = alone.as_mut().filter(|_| !steps.fresh_places().is_empty()) {
            alone.with(flight(gate, asked, &steps).await?);
            steps.recall(gate, asked.analyst, &payment).await?;
        }
        let Some(balance) = strained(gate, &payment, &steps).await? else {
            return Ok(Priced { payment, steps, alone });
        };
        // EXPLAIN shows what is asked for, also where it would be refused.
        let lowered = lower(gate, &mut payment, &balance);
        if lowered.is_err() && !is_alone {
            return Ok(Priced { payment, steps, alone });
        }
        // What was held is not held while others are waited for.
        drop(alone);
        lowered?;
    }
}

/// All that a statement asks, at the payment's ε.
pub(super) fn steps(
    gate: &Gate,
    asked: &Asked<'_>,
    bound: &Bound,
    payment: &mut Payment,
) -> Result<Steps, Error> {
    let plans = parse::deeply(|| payment.analyze(&gate.policy, &bound.leaves))?;
    let question = remember::asked(gate, asked, payment, bound);
    Ok(parse::deeply(|| Steps::of(plans, question)))
}

/// The stretched account that has too little left for a statement at this ε. One that asks the
/// source for nothing costs the people nothing, and is not lowered.
pub(super) async fn strained(
    gate: &Gate,
    payment: &Payment,
    steps: &Steps,
) -> Result<Option<Balance>, Error> {
    if steps.fresh_places().is_empty() || payment.stretched().next().is_none() {
        return Ok(None);
    }
    stretch::strained(gate, payment, &steps.charges(payment)).await
}

/// Goes down the ladder, or refuses.
pub(super) fn lower(gate: &Gate, payment: &mut Payment, balance: &Balance) -> Result<(), Error> {
    match payment.lower(&balance.account.id) {
        Some(()) => Ok(()),
        None => Err(stretch::ended(gate, payment, balance).into()),
    }
}

async fn hold(gate: &Gate, asked: &Asked<'_>, steps: &Steps) -> Result<Alone, Fault> {
    let questions = steps.questions();
    asked.unless_canceled(async { Ok(gate.shared.in_flight.hold(&questions).await) }).await
}

/// Waits for other proxies that answer the same, no longer than an answer may take.
async fn flight(gate: &Gate, asked: &Asked<'_>, steps: &Steps) -> Result<Option<Flight>, Fault> {
    let questions = steps.fresh_questions();
    let waited = async { Ok(gate.ledger.flight(&questions, gate.timeout()).await) };
    asked.unless_canceled(waited).await
}

/// Charges all that is to be paid, or nothing.
pub(super) async fn reserve(
    gate: &Gate,
    asked: &Asked<'_>,
    payment: &Payment,
    steps: &Steps,
    key: ChargeKey,
) -> Result<Reservation, LedgerError> {
    let charge = Charge {
        key,
        query: asked.id,
        analyst: asked.analyst.clone(),
        leaves: steps.charges(payment),
    };
    gate.ledger.reserve(charge).await
}
