//! Stretched budgets: answers get less ε as an account runs down, so that it never ends.
//!
//! The price follows from what was charged before, never from data, and the ledger alone decides
//! whether it is paid: what is found here only says at which ε a statement asks to pay.

use noisegate_privacy::UBig;
use noisegate_privacy::budget::{Accountant, Amount, Epsilon};

use super::account;
use super::gate::{Gate, ledger_fault};
use super::payment::Payment;
use super::refused;
use crate::error::{Code, Error, Refusal};
use crate::ledger::{Balance, LeafCharge, Overdrawn};

/// How often ε is halved at most: to less than a thousandth.
const HALVINGS: u32 = 10;

/// The way down from the ε that the session names, in halves.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    named: Epsilon,
    epsilon: Epsilon,
    halvings: u32,
    /// The account that made it go down last.
    account: Option<String>,
}

impl Ladder {
    /// At its top.
    pub(super) fn new(named: &Epsilon) -> Self {
        Self { named: named.clone(), epsilon: named.clone(), halvings: 0, account: None }
    }

    /// A step down, for an account; the ε there. Nothing at the end.
    pub(super) fn lower(&mut self, account: &str) -> Option<Epsilon> {
        if self.halvings >= HALVINGS {
            return None;
        }
        self.halvings = self.halvings.saturating_add(1);
        self.epsilon = self.epsilon.split(2);
        self.account = Some(account.to_owned());
        Some(self.epsilon.clone())
    }

    /// What is said of it, if it went down.
    pub(super) fn said(&self) -> Option<String> {
        let account = self.account.as_ref()?;
        let Self { named, epsilon, .. } = self;
        Some(format!(
            "epsilon {epsilon} instead of {named}: the budget {account} is stretched, and always \
             keeps enough for more queries like this one"
        ))
    }
}

/// The first stretched account that would not have enough left for so many charges like this.
pub(super) async fn strained(
    gate: &Gate,
    payment: &Payment,
    charges: &[LeafCharge],
) -> Result<Option<Balance>, Error> {
    let stretched: Vec<_> = payment.stretched().collect();
    let accounts = stretched.iter().map(|(account, _)| (*account).clone()).collect();
    let balances = gate.ledger.balances(accounts).await.map_err(ledger_fault)?;
    let mut all = balances.into_iter().zip(stretched);
    Ok(all
        .find(|(balance, (_, queries))| {
            price(balance, charges) * UBig::from(*queries)
                > *account::left(&balance.account, balance).units()
        })
        .map(|(balance, _)| balance))
}

/// What all of it costs an account, in the account's measure.
fn price(balance: &Balance, charges: &[LeafCharge]) -> UBig {
    let account = &balance.account;
    let paid =
        charges.iter().filter(|charge| charge.accounts.iter().any(|one| one.id == account.id));
    let each = paid.map(|charge| match account.accountant {
        Accountant::Zcdp => charge.loss.rho.clone(),
        // What has no price in ε cannot be paid, whatever ε is: the ledger says so.
        Accountant::Pure => charge.loss.epsilon.clone().unwrap_or_default(),
    });
    let all: Amount = each.fold(Amount::ZERO, |sum, one| &sum + &one);
    all.units().clone()
}

/// Whether less ε would help an account that cannot pay: it is stretched, and not out of δ.
pub(super) fn helps(payment: &Payment, overdrawn: &Overdrawn) -> bool {
    let account = &overdrawn.balance.account;
    let stretched = payment.stretched().any(|(one, _)| one.id == account.id);
    let delta = &overdrawn.balance.spent_delta + &overdrawn.needs.delta;
    stretched && delta <= account.delta
}

/// The refusal where ε goes no lower.
pub(super) fn ended(gate: &Gate, payment: &Payment, balance: &Balance) -> Refusal {
    if payment.names_accuracy() {
        return Refusal::new(
            Code::Budget,
            format!(
                "The budget {} is stretched, and noisegate.accuracy asks for more than it gives to \
                 one query.",
                balance.account.id
            ),
            "Set noisegate.accuracy to a larger number, or RESET it: answers then come at a lower \
             epsilon, and say which.",
        );
    }
    refused::overdrawn_by(gate, balance)
}
