//! The states of a charge as tables: one event a line, what comes of it after the arrow.

use std::collections::BTreeMap;

use noisegate_privacy::budget::{Accountant, Amount, Loss};

use super::super::{Account, LeafCharge, LedgerError, Reservation, Window};
use super::{Fixture, On, account, amount, charge, on_both, question};

/// Runs a table and compares each line with its expectation.
///
/// Losses are `rho/epsilon/delta`, `-` for an ε that Gaussian noise does not have. `reserve NAME
/// LOSS@ACCOUNT+ACCOUNT ...` has one word per leaf.
async fn check(on: On, table: &str) {
    let mut world = World::on(on);
    let (mut seen, mut wanted) = (Vec::new(), Vec::new());
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (event, expected) = line.split_once("->").unwrap_or((line, "ok"));
        let outcome = world.run(event.trim()).await;
        seen.push(format!("{} -> {outcome}", event.trim()));
        wanted.push(format!("{} -> {}", event.trim(), expected.trim()));
    }
    assert_eq!(seen, wanted, "seen (left) and wanted (right) differ");
}

struct World {
    fixture: Fixture,
    accounts: BTreeMap<String, Account>,
    reservations: BTreeMap<String, Reservation>,
}

impl World {
    fn on(on: On) -> Self {
        let (accounts, reservations) = Default::default();
        Self { fixture: Fixture::on(on), accounts, reservations }
    }

    async fn run(&mut self, event: &str) -> String {
        let words: Vec<&str> = event.split_whitespace().collect();
        match words[..] {
            ["account", id, kind, limits, window] => self.account(id, kind, limits, window),
            ["at", ms] => self.fixture.set_time(ms.parse().unwrap()),
            ["reopen"] => self.fixture.reopen(),
            ["accept_clock"] => drop(self.fixture.ledger.accept_clock().await.unwrap()),
            ["drop", name] => drop(self.reservations.remove(name).unwrap()),
            ["reserve", name, ..] => return self.reserve(name, &words[2..]).await,
            ["settle", name] => {
                let reservation = self.reservations.remove(name).unwrap();
                return shown(self.fixture.ledger.settle(reservation, vec![]).await);
            }
            ["void", name] => {
                let reservation = self.reservations.remove(name).unwrap();
                return shown(self.fixture.ledger.give_back(reservation).await);
            }
            ["balance", id] => return self.balance(id).await,
            ["history"] => return self.history().await,
            _ => unreachable!("no such event: {event}"),
        }
        "ok".to_owned()
    }

    fn account(&mut self, id: &str, kind: &str, limits: &str, window: &str) {
        let Loss { rho, epsilon, delta } = loss(limits);
        let accountant = if kind == "pure" { Accountant::Pure } else { Accountant::Zcdp };
        let window = window.parse().map_or(Window::Lifetime, |ms| Window::Every { ms });
        let account = Account {
            accountant,
            rho,
            epsilon: epsilon.unwrap_or_default(),
            delta,
            window,
            ..account(id, 0)
        };
        self.accounts.insert(id.to_owned(), account);
    }

    async fn reserve(&mut self, name: &str, leaves: &[&str]) -> String {
        let leaf = |(position, text): (u64, &&str)| {
            let (cost, payers) = text.split_once('@').unwrap();
            let accounts = payers.split('+').map(|id| self.accounts[id].clone()).collect();
            LeafCharge { question: question(position), loss: loss(cost), accounts }
        };
        let mut charge = charge(1, Loss::default(), &[]);
        charge.leaves = (0..).zip(leaves).map(leaf).collect();
        let losses: Vec<Loss> = charge.leaves.iter().map(|leaf| leaf.loss.clone()).collect();
        match self.fixture.ledger.reserve(charge).await {
            Ok(mut reservation) => {
                let receipts = reservation.receipts();
                assert!(receipts.iter().map(noisegate_privacy::receipt::Receipt::loss).eq(&losses));
                assert!(reservation.receipts().is_empty(), "receipts are handed out once");
                self.reservations.insert(name.to_owned(), reservation);
                "ok".to_owned()
            }
            Err(error) => shown(Err(error)),
        }
    }

    async fn balance(&self, id: &str) -> String {
        let accounts = vec![self.accounts[id].clone()];
        let balance = self.fixture.ledger.balances(accounts).await.unwrap().pop().unwrap();
        let refill = balance.refills_at.map_or("never".to_owned(), |at| at.0.to_string());
        let (rho, epsilon, delta) = (balance.spent_rho, balance.spent_epsilon, balance.spent_delta);
        format!("{rho}/{epsilon}/{delta} refills {refill}")
    }

    async fn history(&self) -> String {
        let analyst = crate::ids::Analyst("alice".to_owned());
        let entries = self.fixture.ledger.history(&analyst, 100).await.unwrap();
        let text = |e: &super::super::Entry| {
            let epsilon = e.epsilon.as_ref().map_or("-".to_owned(), Amount::to_string);
            format!("{} {:?} {}/{epsilon}/{}", e.at.0, e.state, e.rho, e.delta)
        };
        entries.iter().map(text).collect::<Vec<_>>().join(", ")
    }
}

fn loss(text: &str) -> Loss {
    let parts: Vec<&str> = text.split('/').collect();
    let units = |text: &str| text.parse().map(amount).unwrap();
    let epsilon = Some(parts[1]).filter(|part| *part != "-").map(units);
    Loss { rho: units(parts[0]), epsilon, delta: units(parts[2]) }
}

fn shown(outcome: Result<(), LedgerError>) -> String {
    match outcome {
        Ok(()) => "ok".to_owned(),
        Err(LedgerError::Overdrawn(overdrawn)) => {
            let (balance, needs) = (&overdrawn.balance, &overdrawn.needs);
            let spent = (&balance.spent_rho, &balance.spent_epsilon, &balance.spent_delta);
            let epsilon = needs.epsilon.as_ref().map_or("-".to_owned(), Amount::to_string);
            format!(
                "overdrawn {} {}/{}/{} needs {}/{epsilon}/{}",
                balance.account.id, spent.0, spent.1, spent.2, needs.rho, needs.delta
            )
        }
        Err(LedgerError::NotPayable(id)) => format!("not payable {id}"),
        Err(LedgerError::Clock { mark, now }) => format!("clock {} {}", mark.0, now.0),
        Err(LedgerError::Malformed(what)) => format!("malformed: {what}"),
        Err(other) => other.to_string(),
    }
}

on_both!(pending_and_posted_count_and_voided_does_not);
async fn pending_and_posted_count_and_voided_does_not(on: On) {
    check(
        on,
        "account shop zcdp 10/0/10 lifetime
         reserve a 4/-/1@shop
         balance shop -> 4/0/1 refills never
         reserve b 4/2/1@shop
         balance shop -> 8/2/2 refills never
         reserve c 3/-/1@shop -> overdrawn shop 8/2/2 needs 3/-/1
         void b
         balance shop -> 4/0/1 refills never
         reserve c 6/-/1@shop
         settle c
         settle a
         balance shop -> 10/0/2 refills never
         reserve d 1/-/0@shop -> overdrawn shop 10/0/2 needs 1/-/0
         history -> 0 Posted 6/-/1, 0 Voided 4/2/1, 0 Posted 4/-/1",
    )
    .await;
}

on_both!(all_accounts_of_all_leaves_pay_or_none);
async fn all_accounts_of_all_leaves_pay_or_none(on: On) {
    check(
        on,
        "account shop zcdp 10/0/0 lifetime
         account alice zcdp 5/0/0 lifetime
         account team zcdp 7/0/0 lifetime
         reserve a 6/-/0@shop+team+alice -> overdrawn alice 0/0/0 needs 6/-/0
         reserve a 3/-/0@shop+alice 3/-/0@shop+alice -> overdrawn alice 0/0/0 needs 6/-/0
         balance shop -> 0/0/0 refills never
         balance team -> 0/0/0 refills never
         reserve a 3/-/0@shop+alice 4/-/0@shop+team
         balance shop -> 7/0/0 refills never
         balance alice -> 3/0/0 refills never
         balance team -> 4/0/0 refills never
         reserve b 3/-/0@alice+shop+team -> overdrawn alice 3/0/0 needs 3/-/0
         void a
         balance shop -> 0/0/0 refills never
         balance team -> 0/0/0 refills never
         history -> 0 Voided 7/-/0",
    )
    .await;
}

on_both!(pure_accounts_count_epsilon_and_never_pay_for_gaussian_noise);
async fn pure_accounts_count_epsilon_and_never_pay_for_gaussian_noise(on: On) {
    check(
        on,
        "account shop pure 0/10/0 lifetime
         account lab zcdp 100/0/5 lifetime
         reserve a 1/-/0@lab+shop -> not payable shop
         balance lab -> 0/0/0 refills never
         reserve a 1/6/0@lab+shop
         reserve b 1/6/0@lab+shop -> overdrawn shop 1/6/0 needs 1/6/0
         reserve b 1/4/1@lab+shop -> overdrawn shop 1/6/0 needs 1/4/1
         reserve b 1/4/0@shop
         balance shop -> 2/10/0 refills never
         reserve c 1/-/3@lab
         account lab pure 0/100/5 lifetime
         reserve d 1/1/0@lab -> not payable lab
         void c
         reserve d 1/1/0@lab",
    )
    .await;
}

on_both!(delta_is_a_limit_of_its_own);
async fn delta_is_a_limit_of_its_own(on: On) {
    check(
        on,
        "account shop zcdp 1000000/0/3 lifetime
         reserve a 1/-/2@shop
         reserve b 1/-/2@shop -> overdrawn shop 1/0/2 needs 1/-/2
         reserve b 1/-/1@shop
         reserve c 1/-/0@shop
         reserve d 1/-/1@shop -> overdrawn shop 3/0/3 needs 1/-/1",
    )
    .await;
}

on_both!(a_window_refills_at_its_end_and_not_before);
async fn a_window_refills_at_its_end_and_not_before(on: On) {
    check(
        on,
        "account shop zcdp 10/0/0 1000
         at 1500
         reserve a 10/-/0@shop
         balance shop -> 10/0/0 refills 2000
         at 1999
         reserve b 1/-/0@shop -> overdrawn shop 10/0/0 needs 1/-/0
         at 2000
         balance shop -> 0/0/0 refills 3000
         reserve b 7/-/0@shop
         balance shop -> 7/0/0 refills 3000
         void a
         balance shop -> 7/0/0 refills 3000
         void b
         balance shop -> 0/0/0 refills 3000",
    )
    .await;
}

on_both!(another_window_does_not_forget_what_was_spent);
async fn another_window_does_not_forget_what_was_spent(on: On) {
    check(
        on,
        "account shop zcdp 10/0/0 1000
         at 900
         reserve a 3/-/0@shop
         at 1100
         reserve b 4/-/0@shop
         reserve v 5/-/0@shop
         void v
         account shop zcdp 10/0/0 lifetime
         balance shop -> 7/0/0 refills never
         reserve c 4/-/0@shop -> overdrawn shop 7/0/0 needs 4/-/0
         reserve c 2/-/0@shop
         account shop zcdp 10/0/0 1000
         balance shop -> 6/0/0 refills 2000
         account shop zcdp 5/0/0 1000
         reserve d 1/-/0@shop -> overdrawn shop 6/0/0 needs 1/-/0",
    )
    .await;
}

on_both!(a_clock_that_goes_back_reopens_nothing);
async fn a_clock_that_goes_back_reopens_nothing(on: On) {
    check(
        on,
        "account shop zcdp 10/0/0 1000
         at 500
         reserve a 10/-/0@shop
         at 1500
         reserve b 10/-/0@shop
         at 500
         reserve c 1/-/0@shop -> overdrawn shop 10/0/0 needs 1/-/0
         balance shop -> 10/0/0 refills 2000
         reopen
         reserve c 1/-/0@shop -> overdrawn shop 10/0/0 needs 1/-/0
         accept_clock
         reserve c 1/-/0@shop -> overdrawn shop 20/0/0 needs 1/-/0
         at 1600
         reserve c 1/-/0@shop -> overdrawn shop 10/0/0 needs 1/-/0
         at 2000
         reserve c 1/-/0@shop",
    )
    .await;
}

on_both!(a_clock_that_jumps_ahead_waits_for_an_operator);
async fn a_clock_that_jumps_ahead_waits_for_an_operator(on: On) {
    check(
        on,
        "account shop zcdp 10/0/0 1000
         at 1000
         reserve a 9/-/0@shop
         reserve b 1/-/0@shop
         at 2764801001
         reserve c 1/-/0@shop -> clock 1000 2764801001
         void b
         settle a
         reopen
         reserve c 1/-/0@shop -> clock 1000 2764801001
         at 1999
         reserve c 2/-/0@shop -> overdrawn shop 9/0/0 needs 2/-/0
         at 2764802000
         reserve c 1/-/0@shop -> clock 1999 2764802000
         accept_clock
         reserve c 10/-/0@shop
         at 4000000000
         reserve d 10/-/0@shop",
    )
    .await;
}

on_both!(what_is_pending_stays_spent_after_a_restart);
async fn what_is_pending_stays_spent_after_a_restart(on: On) {
    check(
        on,
        "account shop zcdp 10/0/0 lifetime
         reserve a 4/-/0@shop
         reserve b 3/-/0@shop
         drop a
         reopen
         history -> 0 Posted 3/-/0, 0 Posted 4/-/0
         balance shop -> 7/0/0 refills never
         void b
         balance shop -> 4/0/0 refills never
         reserve c 7/-/0@shop -> overdrawn shop 4/0/0 needs 7/-/0",
    )
    .await;
}

on_both!(what_makes_no_sense_is_refused);
async fn what_makes_no_sense_is_refused(on: On) {
    check(
        on,
        "account shop zcdp 10/10/10 lifetime
         account odd zcdp 10/10/10 0
         reserve a -> malformed: no leaves, or too many
         reserve a 0/-/0@shop -> malformed: a leaf that costs nothing
         reserve a 0/1/1@shop -> malformed: a leaf that costs nothing
         reserve a 1/0/1@shop -> malformed: a leaf that costs nothing
         reserve a 1/1/1@odd -> malformed: a window without a length
         balance shop -> 0/0/0 refills never
         history -> ",
    )
    .await;
}
