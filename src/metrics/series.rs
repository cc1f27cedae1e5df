//! The labels of series. Their values are words of noisegate's own, and names of budgets.

use prometheus_client::encoding::EncodeLabelSet;

/// What became of a statement about people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The source was asked, or the policy or the catalogue had the answer.
    Answered,
    /// Everything in it had been answered before.
    Remembered,
    /// It was refused.
    Refused,
    /// Something failed.
    Fault,
    /// It was canceled, or its client left.
    Canceled,
}

impl Outcome {
    pub(super) const ALL: [Self; 5] =
        [Self::Answered, Self::Remembered, Self::Refused, Self::Fault, Self::Canceled];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Remembered => "remembered",
            Self::Refused => "refused",
            Self::Fault => "fault",
            Self::Canceled => "canceled",
        }
    }
}

/// A stage of the road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The shadow writes the query out.
    Canonical,
    /// Its leaves are found.
    Bind,
    /// Its price is found, with what is remembered of it.
    Analyze,
    /// The ledger charges it.
    Reserve,
    /// The source is asked. This depends on its rows, so it is told in whole steps.
    Source,
    /// The ledger remembers the releases.
    Settle,
    /// The releases are put in the place of the leaves.
    Splice,
}

impl Stage {
    pub(super) const ALL: [Self; 7] = [
        Self::Canonical,
        Self::Bind,
        Self::Analyze,
        Self::Reserve,
        Self::Source,
        Self::Settle,
        Self::Splice,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Canonical => "canonical",
            Self::Bind => "bind",
            Self::Analyze => "analyze",
            Self::Reserve => "reserve",
            Self::Source => "source",
            Self::Settle => "settle",
            Self::Splice => "splice",
        }
    }
}

/// What the proxy stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// The operator's database.
    Source,
    /// Its empty twin.
    Shadow,
    /// The ledger's store.
    Ledger,
}

impl Upstream {
    pub(super) const ALL: [Self; 3] = [Self::Source, Self::Shadow, Self::Ledger];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Shadow => "shadow",
            Self::Ledger => "ledger",
        }
    }
}

/// What is left of the accounts of one budget.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetFigures {
    /// The budget.
    pub budget: String,
    /// Who shares an account: `analyst`, `team` or `dataset`.
    pub per: &'static str,
    /// How many accounts there are.
    pub accounts: usize,
    /// How many of them have nothing left.
    pub exhausted: usize,
    /// The largest share that is spent of one of them.
    pub spent: f64,
    /// The smallest ε that is left of one of them.
    pub remaining: f64,
    /// The largest rate of spending beside the one that the window allows, where it ends.
    pub burn: Option<f64>,
}

pub(super) const OK: &str = "ok";
pub(super) const FAILED: &str = "failed";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByOutcome {
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByCode {
    pub(super) code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByStage {
    pub(super) stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByUpstream {
    pub(super) upstream: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByResult {
    pub(super) result: &'static str,
}

impl ByResult {
    pub(super) fn of(ok: bool) -> Self {
        Self { result: if ok { OK } else { FAILED } }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByBudget {
    pub(super) budget: String,
    pub(super) per: &'static str,
}
