//! What an analyst is shown of the own accounts, charges and releases.

use std::collections::BTreeMap;

use noisegate_privacy::UBig;
use noisegate_privacy::budget::{Accountant, Amount, Epsilon};

use super::Asked;
use super::account::{self, Controls};
use super::gate::{Gate, ledger_fault};
use super::measure::{count_error, one_answer, queries_left};
use super::refused::moment;
use super::settings;
use super::spoken::{left, share_left};
use super::virtuals::{Row, timestamp};
use crate::error::Error;
use crate::ids::Question;
use crate::ledger::{Balance, ChargeFilter, ChargeShown, Entry, ReleaseShown, State};
use crate::query::columns::decimal;

/// Statements of an analyst's own history that are shown, and releases.
const HISTORY_MAX: u32 = 1000;

/// What the accounts have left that pay for the analyst's answers.
async fn balances(gate: &Gate, asked: &Asked<'_>) -> Result<Vec<Balance>, Error> {
    let Some(terms) = gate.policy.terms(&asked.analyst.0) else { return Ok(Vec::new()) };
    let accounts = account::accounts(gate, &terms.pays, true).await?;
    Ok(gate.ledger.balances(accounts).await.map_err(ledger_fault)?)
}

/// What `SHOW noisegate.budget` says.
pub async fn budget_line(gate: &Gate, asked: &Asked<'_>) -> Result<String, Error> {
    let _turn = gate.turn(asked).await?;
    let balances = balances(gate, asked).await?;
    let parts: Vec<String> = balances
        .iter()
        .map(|balance| format!("{}: {} left", balance.account.id, share_left(gate, balance)))
        .collect();
    Ok(if parts.is_empty() { "no budget".to_owned() } else { parts.join("; ") })
}

/// What `SHOW noisegate.queries_left` says: how often all accounts pay for one leaf more.
pub async fn queries_left_line(gate: &Gate, asked: &Asked<'_>) -> Result<String, Error> {
    let _turn = gate.turn(asked).await?;
    let balances = balances(gate, asked).await?;
    let Some(epsilon) = settings::session_epsilon(gate, asked) else {
        return Ok("no budget".to_owned());
    };
    let each = balances.iter().map(|balance| (queries_left(balance, &epsilon), balance));
    let least = each.min_by(|(one, _), (other, _)| one.cmp(other));
    let is_pure = |balance: &Balance| balance.account.accountant == Accountant::Pure;
    // One account that counts ε alone has all answers with noise that it can count.
    let pure = balances.iter().any(is_pure);
    let error = count_error(if pure { Accountant::Pure } else { Accountant::Zcdp }, &epsilon);
    Ok(least.map_or("no budget".to_owned(), |(queries, balance)| {
        let id = &balance.account.id;
        format!(
            "{queries} at epsilon {epsilon}, by {id}; a count of people is 95 % within ± {error}"
        )
    }))
}

/// The rows of `noisegate.budget`.
pub(super) async fn budget(gate: &Gate, asked: &Asked<'_>) -> Result<Vec<Row>, Error> {
    let balances = balances(gate, asked).await?;
    let epsilon = settings::session_epsilon(gate, asked);
    let controls = gate.limits.controls(gate, false).await.map_err(ledger_fault)?;
    let row = |balance| budget_row(gate, balance, epsilon.as_ref(), &controls);
    Ok(balances.iter().map(row).collect())
}

fn budget_row(
    gate: &Gate,
    balance: &Balance,
    epsilon: Option<&Epsilon>,
    controls: &Controls,
) -> Row {
    let shown = left(gate, balance);
    let (part, whole) = &shown.part_of_whole;
    let accountant = match balance.account.accountant {
        Accountant::Pure => "pure",
        Accountant::Zcdp => "zcdp",
    };
    let share_left = share(part, whole);
    vec![
        Some(balance.account.id.clone()),
        Some(accountant.to_owned()),
        Some(format!("{:.4}", shown.limit)),
        Some(format!("{:.4}", (shown.limit - shown.spent).max(0.0))),
        Some(decimal(&share_left.clone().into(), 4)),
        Some(format!("{}e-18", balance.account.delta)),
        balance.refills_at.map(timestamp),
        Some(decimal(&(UBig::from(SHARES) - share_left).into(), 4)),
        Some(state(balance, controls)),
        epsilon.map(|epsilon| queries_left(balance, epsilon).to_string()),
    ]
}

/// What a whole is in the parts that shares are counted in.
const SHARES: u32 = 10_000;

fn share(part: &Amount, whole: &Amount) -> UBig {
    if whole.is_zero() { UBig::ZERO } else { (part.units() * SHARES) / whole.units() }
}

/// Whether an account pays, in words.
fn state(balance: &Balance, controls: &Controls) -> String {
    if controls.get(&balance.account.id).is_some_and(|control| control.frozen) {
        return "frozen".to_owned();
    }
    match &balance.throttled {
        None => "open".to_owned(),
        Some(throttled) => match throttled.until {
            Some(until) => format!("throttled until {}", moment(until)),
            None => "throttled".to_owned(),
        },
    }
}

/// The rows of `noisegate.my_queries`.
pub(super) async fn queries(gate: &Gate, asked: &Asked<'_>) -> Result<Vec<Row>, Error> {
    let entries = gate.ledger.history(asked.analyst, HISTORY_MAX).await.map_err(ledger_fault)?;
    let row = |entry: Entry| {
        let state = match entry.state {
            State::Pending => "pending",
            State::Posted => "spent",
            State::Voided => "given back",
        };
        vec![
            Some(entry.query.to_string()),
            Some(timestamp(entry.at)),
            Some(state.to_owned()),
            Some(format!("{:.4}", one_answer(&entry.rho))),
        ]
    };
    Ok(entries.into_iter().map(row).collect())
}

/// The rows of `noisegate.releases`: what the analyst has paid for, first or after others, newest
/// first, with what is known of the latest charge for it.
pub(super) async fn releases(gate: &Gate, asked: &Asked<'_>) -> Result<Vec<Row>, Error> {
    let filter = ChargeFilter { analyst: Some(asked.analyst.0.clone()), ..ChargeFilter::default() };
    let charges = gate.ledger.charges(filter, None, HISTORY_MAX).await.map_err(ledger_fault)?;
    let first = gate.ledger.releases(Some(asked.analyst), None, HISTORY_MAX);
    let first = first.await.map_err(ledger_fault)?;
    // What is answered under bounds that were not known yet is remembered with them, so it is known by
    // its charge; of what others bought, the own charge names the question.
    let mut paid: BTreeMap<i64, (ReleaseShown, Option<&ChargeShown>)> = BTreeMap::new();
    for release in first {
        let charge = charges.iter().find(|charge| charge.id == release.charge);
        paid.insert(release.id, (release, charge));
    }
    let posted = charges.iter().filter(|charge| charge.state == State::Posted);
    let mut by_question: BTreeMap<Question, &ChargeShown> = BTreeMap::new();
    for charge in posted {
        // The newest come first.
        charge.questions.iter().for_each(|one| _ = by_question.entry(*one).or_insert(charge));
    }
    let questions = by_question.keys().copied().collect();
    for release in gate.ledger.releases_of(questions).await.map_err(ledger_fault)? {
        let charge = by_question.get(&release.question).copied();
        if let Some(charge) = charge.filter(|charge| charge.id >= release.charge) {
            paid.entry(release.id).or_insert((release, Some(charge)));
        }
    }
    let row = |(release, charge): (ReleaseShown, Option<&ChargeShown>)| {
        vec![
            Some(hex::encode(release.question.0)),
            charge.map(|charge| charge.query.to_string()),
            Some(timestamp(charge.map_or(release.made_at, |charge| charge.at))),
            Some(timestamp(release.expires_at)),
            charge.map(|charge| format!("{:.4}", one_answer(&charge.rho))),
        ]
    };
    let most = usize::try_from(HISTORY_MAX).unwrap_or(usize::MAX);
    Ok(paid.into_values().rev().take(most).map(row).collect())
}
