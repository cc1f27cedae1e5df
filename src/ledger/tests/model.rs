//! Random histories against a model that keeps every charge in a list and adds it up anew.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use noisegate_privacy::budget::{Accountant, Amount, Loss};

use super::super::store::Needs;
use super::super::{Account, LedgerError, Reservation, Window};
use super::{Fixture, On, account, amount, charge};

const ACCOUNTS: usize = 4;
const WINDOW_MS: i64 = 100;

#[derive(Clone, Debug)]
enum Step {
    Reserve { rho: u64, epsilon: Option<u64>, delta: u64, payers: Vec<usize> },
    Settle(usize),
    Void(usize),
    Drop(usize),
    Wait(i64),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let reserve = (
        1_u64..40,
        proptest::option::weighted(0.8, 1_u64..40),
        0_u64..10,
        proptest::sample::subsequence((0..ACCOUNTS).collect::<Vec<_>>(), 1..=ACCOUNTS),
    );
    prop_oneof![
        8 => reserve.prop_map(|(rho, epsilon, delta, payers)| {
            Step::Reserve { rho, epsilon, delta, payers }
        }),
        2 => any::<usize>().prop_map(Step::Settle),
        3 => any::<usize>().prop_map(Step::Void),
        1 => any::<usize>().prop_map(Step::Drop),
        2 => (-150_i64..150).prop_map(Step::Wait),
        1 => Just(Step::Reopen),
    ]
}

/// Scales a small number so that three quarters of the amounts do not fit 64 bits.
fn big(n: u64) -> Amount {
    amount(u128::from(n) << 70)
}

fn accounts() -> Vec<Account> {
    let make = |n: usize| Account {
        accountant: if n == 0 { Accountant::Pure } else { Accountant::Zcdp },
        epsilon: big(100),
        delta: big(40),
        rho: big(100 + u64::try_from(n).unwrap()),
        window: if n.is_multiple_of(2) {
            Window::Lifetime
        } else {
            Window::Every { ms: WINDOW_MS }
        },
        ..account(&format!("account {n}"), 0)
    };
    (0..ACCOUNTS).map(make).collect()
}

struct Paid {
    at: i64,
    rho: u64,
    epsilon: Option<u64>,
    delta: u64,
    payers: Vec<usize>,
    voided: bool,
}

#[derive(Default)]
struct Model {
    now: i64,
    paid: Vec<Paid>,
}

impl Model {
    /// ρ, ε, δ and the number without ε of an account, in units of `big(1)`.
    fn spent(&self, n: usize) -> (u64, u64, u64, u64) {
        let start = if n.is_multiple_of(2) { 0 } else { self.now / WINDOW_MS * WINDOW_MS };
        let counted = |p: &&Paid| !p.voided && p.at >= start && p.payers.contains(&n);
        self.paid.iter().filter(counted).fold((0, 0, 0, 0), |sum, p| {
            (
                sum.0 + p.rho,
                sum.1 + p.epsilon.unwrap_or(0),
                sum.2 + p.delta,
                sum.3 + u64::from(p.epsilon.is_none()),
            )
        })
    }

    fn accepts(&self, rho: u64, epsilon: Option<u64>, delta: u64, payers: &[usize]) -> bool {
        payers.iter().all(|n| {
            let (spent_rho, spent_epsilon, spent_delta, gaussian) = self.spent(*n);
            let pays = if *n == 0 {
                gaussian == 0 && epsilon.is_some_and(|epsilon| spent_epsilon + epsilon <= 100)
            } else {
                spent_rho + rho <= 100 + u64::try_from(*n).unwrap()
            };
            pays && spent_delta + delta <= 40
        })
    }
}

async fn play(on: On, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut fixture = Fixture::on(on);
    let (mut wall, mut model) = (0_i64, Model::default());
    let mut open: Vec<(usize, Reservation)> = Vec::new();
    let accounts = accounts();
    for step in steps {
        match step {
            Step::Wait(ms) => {
                wall = (wall + ms).max(0);
                fixture.set_time(wall);
                model.now = model.now.max(wall);
                // Time counts for the ledger once it has seen it.
                fixture.ledger.write(Needs::default(), |_| Ok(())).await.unwrap();
            }
            Step::Reopen => fixture.reopen(),
            Step::Reserve { rho, epsilon, delta, payers } => {
                let payers_meant: Vec<_> = payers.iter().map(|n| accounts[*n].clone()).collect();
                let loss = Loss { rho: big(rho), epsilon: epsilon.map(big), delta: big(delta) };
                let outcome = fixture.ledger.reserve(charge(1, loss, &payers_meant)).await;
                let accepted = model.accepts(rho, epsilon, delta, &payers);
                prop_assert_eq!(outcome.is_ok(), accepted, "{:?}", outcome);
                match outcome {
                    Ok(reservation) => {
                        open.push((model.paid.len(), reservation));
                        let at = model.now;
                        model.paid.push(Paid { at, rho, epsilon, delta, payers, voided: false });
                    }
                    Err(LedgerError::Overdrawn(_) | LedgerError::NotPayable(_)) => {}
                    Err(other) => prop_assert!(false, "{other}"),
                }
            }
            Step::Settle(n) | Step::Void(n) | Step::Drop(n) if !open.is_empty() => {
                let (paid, reservation) = open.swap_remove(n % open.len());
                match step {
                    Step::Void(_) => {
                        fixture.ledger.give_back(reservation).await.unwrap();
                        model.paid[paid].voided = true;
                    }
                    Step::Settle(_) => {
                        fixture.ledger.settle(reservation, vec![]).await.unwrap();
                    }
                    _ => drop(reservation),
                }
            }
            Step::Settle(_) | Step::Void(_) | Step::Drop(_) => {}
        }
        for (n, balance) in
            fixture.ledger.balances(accounts.clone()).await.unwrap().iter().enumerate()
        {
            let (rho, epsilon, delta, _) = model.spent(n);
            let spent = (&balance.spent_rho, &balance.spent_epsilon, &balance.spent_delta);
            prop_assert_eq!(spent, (&big(rho), &big(epsilon), &big(delta)), "account {}", n);
        }
    }
    Ok(())
}

/// Plays random histories.
fn histories(on: On, cases: u32) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let histories = proptest::collection::vec(step(), 1..60);
    let outcome = TestRunner::new(config).run(&histories, |steps| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(on, steps))
    });
    outcome.unwrap();
}

#[test]
fn sums_and_verdicts_are_those_of_the_model_in_sqlite() {
    histories(On::Sqlite, 48);
}

#[test]
fn sums_and_verdicts_are_those_of_the_model_in_postgresql() {
    histories(On::Postgres, 16);
}
