//! Who pays for a statement, and how much it may cost.

use noisegate_privacy::RBig;
use noisegate_privacy::accuracy::Accuracy;
use noisegate_privacy::analyze::{Analyzed, Contribution, Rejection, Terms, analyze};
use noisegate_privacy::budget::{Accountant, Amount, Delta, Epsilon};
use noisegate_privacy::plan::{Leaf, Plan, Relation, Scan};

use super::account::{self, policy_number};
use super::gate::Gate;
use super::settings::checked_epsilon;
use super::stretch::Ladder;
use super::{Asked, accuracy};
use crate::error::{Code, Error, Fault, Refusal};
use crate::ledger::Account;
use crate::policy::{Bounding, Budget, Per, Policy, SecondAnalyst, TableName, TableRule};
use crate::query::leaves::BoundLeaf;

/// How many selections of groups an account's share of δ pays for.
const SELECTIONS: u32 = 1000;

/// The terms of one statement.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    /// All of them pay.
    pub(super) accounts: Vec<Account>,
    /// Their budgets, in the same order.
    pays: Vec<(String, Budget)>,
    /// Whether what another analyst bought is paid again, from the analyst's own accounts.
    second_pays: bool,
    /// How far the budgets' stretch has lowered ε.
    pub(super) ladder: Ladder,
    /// What each leaf costs, where that is chosen for an accuracy.
    chosen: Vec<Epsilon>,
    /// For each leaf, whether its bounds are declared ones for an accuracy's sake alone.
    declared: Vec<bool>,
    accuracy: Option<Accuracy>,
    /// The most that one statement may cost.
    max: Epsilon,
    terms: Terms,
}

/// The payment for what is asked.
pub(super) async fn of(gate: &Gate, asked: &Asked<'_>) -> Result<Payment, Error> {
    let terms = gate.policy.terms(&asked.analyst.0).ok_or_else(no_analyst)?;
    let max = Epsilon::parse(&terms.epsilon_max).map_err(|_| policy_number())?;
    let accuracy = asked.settings.accuracy.as_deref().map(accuracy::parse).transpose()?;
    let epsilon = match &asked.settings.epsilon {
        Some(text) => checked_epsilon(text, &max)?,
        None => Epsilon::parse(&terms.epsilon_default).map_err(|_| policy_number())?,
    };
    let pays = terms.pays;
    // A charge finds out whether decisions still hold; a stretched budget is looked at before.
    let anew = pays.iter().any(|(_, budget)| budget.stretch.is_some());
    let accounts = account::accounts(gate, &pays, anew).await?;
    let pure = accounts.iter().any(|account| account.accountant == Accountant::Pure);
    let delta = selection_delta(&accounts);
    let terms = Terms {
        epsilon,
        accountant: if pure { Accountant::Pure } else { Accountant::Zcdp },
        delta: delta.ok_or(Fault::Unreachable("an account without delta"))?,
        group_min: gate.policy.defaults.min_group,
        groups_max: gate.policy.defaults.max_groups,
        contribution: Contribution::Declared,
    };
    let has_own = pays.iter().any(|(_, budget)| budget.per == Per::Analyst);
    let second_pays = has_own && gate.policy.answers.second_analyst == SecondAnalyst::Pays;
    let ladder = Ladder::new(&terms.epsilon);
    let (chosen, declared) = (Vec::new(), Vec::new());
    Ok(Payment { accounts, pays, second_pays, ladder, chosen, declared, accuracy, max, terms })
}

/// The δ of one selection: a thousandth of the smallest account's share, at least one unit.
fn selection_delta(accounts: &[Account]) -> Option<Delta> {
    let least = accounts
        .iter()
        .filter(|account| account.accountant == Accountant::Zcdp)
        .map(|account| account.delta.units() / SELECTIONS)
        .min()
        .unwrap_or_default();
    let units = least.max(noisegate_privacy::UBig::ONE);
    Delta::from_cost(&Amount::from_units(units))
}

impl Payment {
    /// Reads the decisions of administrators anew, and so the limits.
    pub(super) async fn read_anew(&mut self, gate: &Gate) -> Result<(), Fault> {
        self.accounts = account::accounts(gate, &self.pays, true).await?;
        Ok(())
    }

    /// The accounts that pay for what another analyst has bought; none if it costs nothing.
    pub(super) fn own_accounts(&self) -> Vec<Account> {
        let own = |(_, (_, budget)): &(&Account, &(String, Budget))| budget.per == Per::Analyst;
        let all = self.accounts.iter().zip(&self.pays).filter(own);
        all.filter(|_| self.second_pays).map(|(account, _)| account.clone()).collect()
    }

    /// The accounts that are stretched, with the queries that they have to be enough for.
    pub(super) fn stretched(&self) -> impl Iterator<Item = (&Account, u32)> {
        let all = self.accounts.iter().zip(&self.pays);
        all.filter_map(|(account, (_, budget))| Some((account, budget.stretch?)))
    }

    /// Goes down to half the ε, for an account that is stretched. Nothing changes and nothing is
    /// returned where that is not for the ladder to do: at its end, and where an accuracy is asked
    /// for, which names its ε.
    pub(super) fn lower(&mut self, account: &str) -> Option<()> {
        if self.accuracy.is_some() {
            return None;
        }
        self.terms.epsilon = self.ladder.lower(account)?;
        Some(())
    }

    /// Whether what another analyst bought is paid again.
    pub(super) fn second_pays(&self) -> bool {
        self.second_pays
    }

    /// Whether the session names an accuracy.
    pub(super) fn names_accuracy(&self) -> bool {
        self.accuracy.is_some()
    }

    /// Analyzes each leaf under these terms; where an accuracy is asked for, chooses its ε.
    pub(super) fn analyze(
        &mut self,
        policy: &Policy,
        leaves: &[BoundLeaf],
    ) -> Result<Vec<Plan<Analyzed>>, Refusal> {
        let mut chosen = Vec::new();
        if let Some(accuracy) = &self.accuracy {
            for leaf in leaves {
                let analyzed = |epsilon: &Epsilon| self.analyzed(policy, leaf, epsilon);
                let epsilon = accuracy::epsilon(accuracy, &self.max, leaf, analyzed)?;
                chosen.push(epsilon.unwrap_or_else(|| self.terms.epsilon.clone()));
            }
        }
        self.chosen = chosen;
        let estimated =
            |leaf: &BoundLeaf| contribution(policy, &leaf.leaf.scans) == Contribution::Automatic;
        let declared = leaves.iter().map(|leaf| self.accuracy.is_some() && estimated(leaf));
        self.declared = declared.collect();
        let leaves = leaves.iter().enumerate();
        leaves.map(|(at, leaf)| self.analyzed(policy, leaf, self.epsilon(at))).collect()
    }

    fn analyzed(
        &self,
        policy: &Policy,
        leaf: &BoundLeaf,
        epsilon: &Epsilon,
    ) -> Result<Plan<Analyzed>, Refusal> {
        // How far off an answer may be is known beforehand only under declared bounds.
        let contribution = match self.accuracy {
            Some(_) => Contribution::Declared,
            None => contribution(policy, &leaf.leaf.scans),
        };
        self.bounded(leaf, epsilon, contribution)
    }

    /// A leaf at its price under declared bounds, whatever the policy says.
    pub(super) fn declared(&self, leaf: &BoundLeaf, at: usize) -> Result<Plan<Analyzed>, Refusal> {
        self.bounded(leaf, self.epsilon(at), Contribution::Declared)
    }

    fn bounded(
        &self,
        leaf: &BoundLeaf,
        epsilon: &Epsilon,
        contribution: Contribution,
    ) -> Result<Plan<Analyzed>, Refusal> {
        let terms = Terms { epsilon: epsilon.clone(), contribution, ..self.terms.clone() };
        analyze(leaf.leaf.clone(), &terms).map_err(|rejection| rejected(&leaf.leaf, rejection))
    }

    /// What a leaf costs.
    pub(super) fn epsilon(&self, leaf: usize) -> &Epsilon {
        self.chosen.get(leaf).unwrap_or(&self.terms.epsilon)
    }

    /// The ε of the leaf that is asked at the largest, to be shown.
    pub(super) fn largest_epsilon(&self, leaves: usize) -> f64 {
        let each = (0..leaves).map(|at| self.epsilon(at).value().to_f64().value());
        each.fold(0.0, f64::max)
    }

    /// What keys a question besides the leaf: the noise it is answered with.
    pub(super) fn noise_key(&self, leaf: usize) -> String {
        // How a contribution is bounded is the policy's, whose version is in the key besides, but
        // for an accuracy that is asked for.
        let Terms { accountant, delta, group_min, groups_max, .. } = &self.terms;
        let epsilon = self.epsilon(leaf);
        let declared = self.declared.get(leaf).copied().unwrap_or(false);
        format!("{epsilon} {accountant:?} {} {group_min} {groups_max} {declared}", delta.cost())
    }

    /// Refuses a statement whose fresh leaves cost more than one statement may.
    pub(super) fn within_cap(&self, fresh: &[bool]) -> Result<(), Refusal> {
        let paid = fresh.iter().enumerate().filter(|(_, fresh)| **fresh).map(|(at, _)| at);
        let (mut count, mut sum, mut squares) = (0_usize, RBig::ZERO, RBig::ZERO);
        for at in paid {
            let epsilon = self.epsilon(at).value();
            count = count.saturating_add(1);
            sum += epsilon;
            squares += epsilon.sqr();
        }
        // Under zCDP leaves of ε₁, …, εₙ cost ρ = Σεᵢ²/2, what one answer of √Σεᵢ² would.
        let max = self.max.value();
        let fits = match self.terms.accountant {
            Accountant::Zcdp => squares <= max.sqr(),
            Accountant::Pure => sum <= *max,
        };
        if fits {
            return Ok(());
        }
        Err(Refusal::new(
            Code::Budget,
            format!("The {count} aggregates of this statement together cost more than one may."),
            match &self.accuracy {
                None => format!(
                    "Set noisegate.epsilon lower (the most for a statement is {}), or ask in parts.",
                    self.max
                ),
                Some(_) => "Set noisegate.accuracy to a larger number, or ask in parts.".to_owned(),
            },
        ))
    }
}

/// Estimated, unless a table that is read says that what is declared has to do.
fn contribution(policy: &Policy, scans: &[Scan]) -> Contribution {
    if scans.iter().any(|scan| is_declared(policy, scan)) {
        Contribution::Declared
    } else {
        Contribution::Automatic
    }
}

fn is_declared(policy: &Policy, scan: &Scan) -> bool {
    match &scan.relation {
        Relation::Table { schema, table } => {
            let name = TableName { schema: schema.clone(), name: table.clone() };
            match policy.tables.get(&name) {
                Some(TableRule::Private(table)) => {
                    table.bounds.unwrap_or(policy.defaults.bounds) == Bounding::Declared
                }
                Some(TableRule::Public { .. }) | None => false,
            }
        }
        Relation::Derived(derived) => {
            let mut scans = derived.bodies().into_iter().flat_map(|rows| &rows.scans);
            scans.any(|scan| is_declared(policy, scan))
        }
        Relation::Given { .. } => false,
    }
}

fn rejected(leaf: &Leaf, rejection: Rejection) -> Refusal {
    let name = |scan: &usize| leaf.scans.get(*scan).map_or("?", Scan::name);
    match rejection {
        Rejection::OffUnitJoin { left, right } => Refusal::new(
            Code::Join,
            format!(
                "\"{}\" and \"{}\" are joined on something else than the person they belong to.",
                name(&left),
                name(&right)
            ),
            "Join private tables on their declared keys, such as the foreign key to the person.",
        )
        .near(name(&right)),
        Rejection::OffUnitSubquery { scan } => Refusal::new(
            Code::Join,
            format!("EXISTS or IN over \"{}\" looks at rows of other people.", name(&scan)),
            "Compare a declared key inside it with that of the outer row, such as the foreign key \
             to the person.",
        )
        .near(name(&scan)),
        Rejection::NotPerUnit => crate::query::per_unit(&Rejection::NotPerUnit),
        Rejection::PublicLeftJoin => Refusal::new(
            Code::Join,
            "A public table on the left of a LEFT JOIN would add rows that belong to nobody.",
            "Put the private table on the left, or use an inner join.",
        ),
        Rejection::KeysUnderPure => Refusal::new(
            Code::Keys,
            "These groups would have to be found in the data, which a pure budget cannot pay for.",
            "Group by columns with declared values, or by columns of public tables.",
        ),
        Rejection::NotPrivate | Rejection::Malformed => Refusal::new(
            Code::Unsupported,
            "This query could not be understood well enough to answer it.",
            "Rewrite it in plainer SQL.",
        ),
    }
}

pub(super) fn no_analyst() -> Refusal {
    Refusal::new(
        Code::Rows,
        "You have no role that gets answers about people.",
        "Ask the policy's owner to make you a member of an analyst role.",
    )
}
