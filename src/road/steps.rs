//! What a statement asks of the source, in order: estimates of bounds, then leaves.
//!
//! A leaf that waits for bounds has a step before it whose release gives them. Everything is
//! priced, looked up and reserved before the first step is asked; only the text of a waiting leaf
//! is made later, from releases that are public by then.

use std::collections::BTreeSet;

use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Plan;
use noisegate_privacy::release::Release;

use super::gate::{Gate, ledger_fault};
use super::given::Known;
use super::payment::Payment;
use super::remember;
use crate::clock::Millis;
use crate::error::Fault;
use crate::ids::{Analyst, Question};
use crate::ledger::{LeafCharge, Remembered};

/// One release that a statement needs.
#[derive(Debug)]
pub(super) struct Step {
    plan: Plan<Analyzed>,
    pub(super) question: Question,
    /// The release, remembered or new.
    pub(super) release: Option<Release>,
    /// What is known of it.
    memory: Memory,
    /// What is due for it.
    due: Due,
    /// The step whose release gives this one its bounds.
    estimate: Option<usize>,
    /// The index of the leaf that it is, or is for.
    leaf: usize,
    /// Whether it is the leaf, not an estimate for it.
    is_leaf: bool,
}

/// What is known of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// It is not remembered.
    Unknown,
    /// It is remembered, and the analyst has not paid for it.
    OfOthers,
    /// It is remembered, and the analyst has paid for it.
    Paid,
}

/// What is due for a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Nothing: it is not needed, or free.
    Nothing,
    /// It is to be paid for from the analyst's own accounts, and shown from memory.
    Own,
    /// It is to be paid for from all accounts, and asked.
    All,
}

/// All of a statement, each leaf after the estimate that it waits for and after the leaves that
/// give it values.
#[derive(Debug)]
pub(super) struct Steps(Vec<Step>);

impl Steps {
    /// The steps of these leaves. Leaves that need the same estimate share it. `question` is told
    /// the leaf's index and the questions of the leaves before it.
    pub(super) fn of(
        plans: Vec<Plan<Analyzed>>,
        question: impl Fn(&Plan<Analyzed>, usize, &[Question]) -> Question,
    ) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        let mut before = Vec::new();
        for (leaf, plan) in plans.into_iter().enumerate() {
            let step = |plan, question, estimate, is_leaf| Step {
                plan,
                question,
                release: None,
                memory: Memory::Unknown,
                due: Due::Nothing,
                estimate,
                leaf,
                is_leaf,
            };
            let estimate = plan.estimate().map(|estimate| {
                let asked = question(estimate, leaf, &before);
                steps.iter().position(|one| one.question == asked).unwrap_or_else(|| {
                    steps.push(step(estimate.clone(), asked, None, false));
                    steps.len().saturating_sub(1)
                })
            });
            let asked = question(&plan, leaf, &before);
            before.push(asked);
            steps.push(step(plan, asked, estimate, true));
        }
        Self(steps)
    }

    /// What is asked, for all of them.
    pub(super) fn questions(&self) -> Vec<Question> {
        self.0.iter().map(|step| step.question).collect()
    }

    /// What is to be asked, of all of them.
    pub(super) fn fresh_questions(&self) -> Vec<Question> {
        let fresh = self.fresh_places().into_iter();
        fresh.filter_map(|at| self.0.get(at).map(|step| step.question)).collect()
    }

    /// Fills in what is remembered, and finds out what is to be paid for: leaves that are not, of
    /// equal ones the first, and the estimates that those wait for.
    pub(super) async fn recall(
        &mut self,
        gate: &Gate,
        analyst: &Analyst,
        payment: &Payment,
    ) -> Result<(), Fault> {
        // Each estimate comes before the leaves that wait for it.
        for at in 0..self.0.len() {
            let Some(question) = self.remembered_as(at) else { continue };
            let found = gate.ledger.recall_for(question, analyst).await.map_err(ledger_fault)?;
            let Some(step) = self.0.get_mut(at) else { continue };
            let Some(found) = found else { continue };
            step.release = remember::decode(&found.payload);
            if step.release.is_some() {
                step.memory = if found.paid { Memory::Paid } else { Memory::OfOthers };
            }
        }
        self.find_due(payment);
        Ok(())
    }

    /// Leaves out the releases that others bought and that this analyst would have to pay for: they
    /// are not to be seen before that.
    pub(super) fn hide_unpaid(&mut self, payment: &Payment) {
        let unpaid = |step: &&mut Step| payment.second_pays() && step.memory == Memory::OfOthers;
        for step in self.0.iter_mut().filter(unpaid) {
            step.release = None;
        }
    }

    /// Finds out what is to be paid for, if this is what is known.
    pub(super) fn suppose(&mut self, payment: &Payment, memory: impl Fn(Question) -> Memory) {
        for step in &mut self.0 {
            step.memory = memory(step.question);
        }
        self.find_due(payment);
    }

    fn find_due(&mut self, payment: &Payment) {
        let second_pays = payment.second_pays();
        let due = |memory: Memory| match memory {
            Memory::Unknown => Due::All,
            Memory::OfOthers if second_pays => Due::Own,
            Memory::OfOthers | Memory::Paid => Due::Nothing,
        };
        let questions = self.questions();
        let mut wanted = BTreeSet::new();
        for (at, step) in self.0.iter_mut().enumerate().filter(|(_, step)| step.is_leaf) {
            let first = questions.iter().position(|one| *one == step.question) == Some(at);
            step.due = if first { due(step.memory) } else { Due::Nothing };
            wanted.extend(step.estimate.filter(|_| step.due != Due::Nothing));
        }
        for (at, step) in self.0.iter_mut().enumerate().filter(|(_, step)| !step.is_leaf) {
            step.due = if wanted.contains(&at) { due(step.memory) } else { Due::Nothing };
        }
    }

    /// What is to be paid, in order.
    pub(super) fn charges(&self, payment: &Payment) -> Vec<LeafCharge> {
        let own = payment.own_accounts();
        let charge = |(at, step): (usize, &Step)| {
            let (question, accounts) = match step.due {
                Due::Nothing => return None,
                Due::All => (step.question, payment.accounts.clone()),
                // By what is remembered, since that is what the analyst will have paid for.
                Due::Own => (self.remembered_as(at).unwrap_or(step.question), own.clone()),
            };
            Some(LeafCharge { question, loss: step.plan.loss().clone(), accounts })
        };
        self.0.iter().enumerate().filter_map(charge).collect()
    }

    /// What a step's release is remembered as. That of a leaf can only be read with the bounds that
    /// it was made under, so it is of its estimate too; nothing while that is not there.
    fn remembered_as(&self, at: usize) -> Option<Question> {
        let step = self.0.get(at)?;
        match step.estimate {
            None => Some(step.question),
            Some(estimate) => {
                let bounds = self.0.get(estimate)?.release.as_ref()?;
                Some(remember::under(step.question, bounds))
            }
        }
    }

    /// The new releases, to be remembered until then.
    pub(super) fn remembered(&self, expires_at: Millis) -> Vec<Remembered> {
        let one = |at: usize| {
            let payload = remember::encode(self.0.get(at)?.release.as_ref()?);
            Some(Remembered { question: self.remembered_as(at)?, payload, expires_at })
        };
        self.fresh_places().into_iter().filter_map(one).collect()
    }

    /// Whether anything is to be paid for.
    pub(super) fn is_charged(&self) -> bool {
        self.0.iter().any(|step| step.due != Due::Nothing)
    }

    /// The places of those that are to be paid for, in order; with each, whether it is to be asked.
    pub(super) fn charged_places(&self) -> Vec<(usize, bool)> {
        let all = self.0.iter().enumerate().filter(|(_, step)| step.due != Due::Nothing);
        all.map(|(at, step)| (at, step.due == Due::All)).collect()
    }

    /// The places of those that are to be asked, in order.
    pub(super) fn fresh_places(&self) -> Vec<usize> {
        let all = self.charged_places().into_iter();
        all.filter(|(_, asked)| *asked).map(|(at, _)| at).collect()
    }

    /// For each leaf, whether it is to be paid for.
    pub(super) fn leaves_charged(&self) -> Vec<bool> {
        self.leaves().map(|step| step.due != Due::Nothing).collect()
    }

    /// The plan of a step with all that earlier releases say about it, ready to be charged.
    pub(super) fn ready(&self, at: usize) -> Result<Plan<Analyzed>, Fault> {
        let step = self.0.get(at).ok_or(Fault::Unreachable("a step that is not there"))?;
        self.bounded(step).ok_or(Fault::Unreachable("a leaf without its estimate"))
    }

    /// Puts a new release in its place, and in those of equal questions.
    pub(super) fn put(&mut self, at: usize, release: &Release) {
        let Some(question) = self.0.get(at).map(|step| step.question) else { return };
        for step in self.0.iter_mut().filter(|step| step.question == question) {
            step.release = Some(release.clone());
        }
    }

    /// The index of the leaf that a step is, or is for.
    pub(super) fn leaf(&self, at: usize) -> usize {
        self.0.get(at).map_or(usize::MAX, |step| step.leaf)
    }

    /// What is known of each leaf so far.
    pub(super) fn known(&self) -> Vec<Known> {
        let known = |step: &Step| Some((self.bounded(step)?, step.release.clone()?));
        self.leaves().map(known).collect()
    }

    /// The releases of the leaves, in their order.
    pub(super) fn releases(&self) -> Vec<Release> {
        self.leaves().filter_map(|step| step.release.clone()).collect()
    }

    /// The plans of the leaves, with their bounds where those are known.
    pub(super) fn plans(&self) -> Vec<Plan<Analyzed>> {
        self.leaves().map(|step| self.bounded(step).unwrap_or_else(|| step.plan.clone())).collect()
    }

    fn leaves(&self) -> impl Iterator<Item = &Step> {
        self.0.iter().filter(|step| step.is_leaf)
    }

    fn bounded(&self, step: &Step) -> Option<Plan<Analyzed>> {
        let Some(estimate) = step.estimate else { return Some(step.plan.clone()) };
        step.plan.clone().bounded(self.0.get(estimate)?.release.as_ref()?)
    }
}
