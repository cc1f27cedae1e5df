//! A rehearsal: statements take the road up to the source, and no further. They pay from a ledger
//! that is thrown away, so that budgets end where they would, and nobody learns anything.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use noisegate_privacy::budget::Amount;
use tokio_util::sync::CancellationToken;

use super::asked::{self, Answer, Asked};
use super::gate::{Gate, ledger_fault};
use super::inspect::{Looked, look};
use super::payment::{self, Payment};
use super::steps::{Memory, Steps};
use super::{account, quantiles, refused, spoken, toll};
use crate::error::{Error, Fault};
use crate::ids::{Analyst, ChargeKey, QueryId, Question};
use crate::ledger::Balance;
use crate::query::leaves::Bound;
use crate::query::tokens::{self, Kind, Statement};
use crate::shadow::settings::Settings;
use crate::source::RawParameter;

/// What was asked so far, and in which sessions.
#[derive(Debug, Default)]
pub struct Rehearsal {
    /// What was asked, and who paid for it: asked again by them, it costs nothing.
    seen: BTreeMap<Question, BTreeSet<String>>,
    /// The settings of each analyst's session.
    settings: BTreeMap<String, Settings>,
}

/// What would become of one statement.
#[derive(Debug)]
pub struct Rehearsed {
    /// The statement.
    pub text: String,
    /// What would become of it.
    pub verdict: Verdict,
    /// The ε of each leaf that is paid for.
    pub paid: Vec<String>,
    /// How far off its numbers would be, or why it is not answered, and what to change.
    pub said: Vec<String>,
}

/// What would become of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered, and paid.
    Answered,
    /// It is answered, and was paid before.
    Remembered,
    /// It reads no rows of people.
    Passes,
    /// It shows rows of people, and gets an empty preview.
    Empty,
    /// It is refused.
    Refused,
    /// PostgreSQL refuses it.
    Wrong,
    /// Only a session knows what it stands for.
    Unknown,
}

/// What an account would have left.
#[derive(Debug)]
pub struct AccountLeft {
    /// The account as the ledger has it.
    pub balance: Balance,
    /// The ε that it has spent.
    pub spent: f64,
    /// Its limit in ε.
    pub limit: f64,
    /// The share of its budget that is spent.
    pub share: f64,
}

impl Rehearsal {
    /// Takes the statements of a text up to the source, at the gate's time. The parameters are
    /// those of its one statement, in text form.
    pub async fn text(
        &mut self,
        gate: &Gate,
        analyst: &str,
        text: &str,
        parameters: &[Option<String>],
    ) -> Result<Vec<Rehearsed>, Fault> {
        let parameters: Vec<RawParameter> = parameters
            .iter()
            .map(|value| RawParameter {
                value: value.as_ref().map(|text| Bytes::copy_from_slice(text.as_bytes())),
                binary: false,
            })
            .collect();
        let mut found = Vec::new();
        for statement in tokens::split(text, &gate.private_names) {
            found.push(self.statement(gate, analyst, &statement, &parameters).await?);
        }
        Ok(found)
    }

    async fn statement(
        &mut self,
        gate: &Gate,
        analyst: &str,
        statement: &Statement,
        parameters: &[RawParameter],
    ) -> Result<Rehearsed, Fault> {
        let text = statement.text.trim().to_owned();
        let mut found =
            Rehearsed { text, verdict: Verdict::Passes, paid: Vec::new(), said: Vec::new() };
        let query = match &statement.kind {
            Kind::Query => statement.text.as_str(),
            Kind::Wrapped(wrapped) => wrapped.query.as_str(),
            Kind::Setting(name, value) => {
                self.set(analyst, name, value);
                return Ok(found);
            }
            Kind::Untouched | Kind::Show(_) | Kind::Explain { .. } => return Ok(found),
            Kind::Prepare | Kind::Execute { .. } => {
                found.verdict = Verdict::Unknown;
                found.said.push("Rehearse the prepared query itself.".to_owned());
                return Ok(found);
            }
            Kind::Unread | Kind::Login | Kind::Other(_) => {
                found.verdict = Verdict::Refused;
                found.said.push("statement: It is not answered over tables of people.".to_owned());
                return Ok(found);
            }
        };
        let (settings, name) = (self.settings_of(analyst), Analyst(analyst.to_owned()));
        let asked = Asked {
            id: QueryId::fresh(),
            analyst: &name,
            text: query,
            types: &[],
            parameters,
            settings: &settings,
            at: gate.clock.now(),
            canceled: &CancellationToken::new(),
        };
        match Box::pin(self.ask(gate, &asked, &mut found)).await {
            Ok(()) => {}
            Err(Error::Refusal(refusal)) => {
                found.verdict = Verdict::Refused;
                found.said.push(format!("{}: {}", refusal.code.name(), refusal.sentence));
                found.said.push(refusal.hint);
            }
            Err(Error::Database(error)) => {
                found.verdict = Verdict::Wrong;
                found.said.push(error.message().to_owned());
            }
            Err(Error::Fault(fault)) => return Err(fault),
        }
        Ok(found)
    }

    async fn ask(
        &mut self,
        gate: &Gate,
        asked: &Asked<'_>,
        found: &mut Rehearsed,
    ) -> Result<(), Error> {
        let bound = match look(gate, asked).await? {
            Looked::Leaves(leaves) => leaves.bound,
            Looked::Without(bound) => {
                if let Answer::Forward(Some(_)) = asked::without_leaves(gate, &bound)? {
                    found.verdict = Verdict::Empty;
                }
                return Ok(());
            }
        };
        let (payment, steps) = self.price(gate, asked, &bound).await?;
        found.verdict = Verdict::Remembered;
        let charged = steps.leaves_charged();
        if steps.is_charged() {
            payment.within_cap(&charged)?;
            let key = ChargeKey::fresh(gate.clock.now().0);
            let reserved = toll::reserve(gate, asked, &payment, &steps, key).await;
            let reservation = reserved.map_err(|error| refused::refused(gate, error))?;
            gate.ledger.settle(reservation, Vec::new()).await.map_err(ledger_fault)?;
            found.verdict = Verdict::Answered;
        }
        for question in steps.questions() {
            self.seen.entry(question).or_default().insert(asked.analyst.0.clone());
        }
        let paid = charged.iter().enumerate().filter(|(_, charged)| **charged);
        found.paid = paid.map(|(at, _)| payment.epsilon(at).to_string()).collect();
        found.said.extend(payment.ladder.said().map(|said| format!("answered at {said}")));
        let plans = steps.plans();
        for (at, (plan, leaf)) in plans.iter().zip(&bound.leaves).enumerate() {
            // Bounds that would be estimated are not known; those that are declared are no smaller.
            let (most, plan) = match plan.estimate() {
                Some(_) => ("at most ", &payment.declared(leaf, at)?),
                None => ("", plan),
            };
            let mut widths = spoken::widths(plan.analysis(), leaf);
            widths.extend(spoken::behind_derived(plan.analysis(), leaf));
            widths.extend(quantiles::widths(plan.analysis(), leaf));
            found.said.extend(widths.into_iter().map(|width| format!("{most}{width}")));
        }
        Ok(())
    }

    /// What a query would cost, at the first ε that stretched budgets allow, if what was asked in
    /// this rehearsal is remembered.
    async fn price(
        &self,
        gate: &Gate,
        asked: &Asked<'_>,
        bound: &Bound,
    ) -> Result<(Payment, Steps), Error> {
        let mut payment = payment::of(gate, asked).await?;
        loop {
            let mut steps = toll::steps(gate, asked, bound, &mut payment)?;
            steps.suppose(&payment, |question| match self.seen.get(&question) {
                None => Memory::Unknown,
                Some(who) if who.contains(&asked.analyst.0) => Memory::Paid,
                Some(_) => Memory::OfOthers,
            });
            match toll::strained(gate, &payment, &steps).await? {
                None => return Ok((payment, steps)),
                Some(balance) => toll::lower(gate, &mut payment, &balance)?,
            }
        }
    }

    /// The settings that an analyst's session has by now.
    fn settings_of(&self, analyst: &str) -> Settings {
        self.settings.get(analyst).cloned().unwrap_or_default()
    }

    fn set(&mut self, analyst: &str, name: &str, value: &str) {
        let mut settings = self.settings_of(analyst);
        let unset = value.is_empty() || value.eq_ignore_ascii_case("default");
        let value = (!unset).then(|| value.to_owned());
        match name {
            "epsilon" => settings.epsilon = value,
            "accuracy" => settings.accuracy = value,
            _ => {}
        }
        self.settings.insert(analyst.to_owned(), settings);
    }
}

/// What an analyst's accounts would have left; a refusal if nobody of that name is an analyst.
pub async fn accounts_left(gate: &Gate, analyst: &str) -> Result<Vec<AccountLeft>, Error> {
    let terms = gate.policy.terms(analyst).ok_or_else(payment::no_analyst)?;
    let accounts = account::accounts(gate, &terms.pays, true).await?;
    let balances = gate.ledger.balances(accounts).await.map_err(ledger_fault)?;
    let number =
        |amount: &Amount| amount.units().to_string().parse::<f64>().unwrap_or(f64::INFINITY);
    let left = |balance: Balance| {
        let state = spoken::left(gate, &balance);
        let (part, whole) = &state.part_of_whole;
        let share = if whole.is_zero() { 1.0 } else { 1.0 - number(part) / number(whole) };
        AccountLeft { spent: state.spent, limit: state.limit, share, balance }
    };
    Ok(balances.into_iter().map(left).collect())
}
