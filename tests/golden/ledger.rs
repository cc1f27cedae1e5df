//! Ledger tables: one event a line, what came of it after an arrow.
//!
//! ```text
//! fresh                                        a new ledger, at time 0
//! account shop zcdp rho=10 delta=3 every=1000  limits of an account; no `every`: for a lifetime
//! reserve c1 alice q1:4:1 shop,team            a charge of one leaf: question:rho[:delta[:epsilon]]
//! reserve c2 alice q1:4+q2:4 shop              … of two
//! settle c1 q1=hello until=1000                what it is remembered as, and how long
//! void c1                                      gives it back: the source could not be reached
//! drop c1                                      loses it, as a crash would
//! recall q1, balance shop, history alice       what is remembered, spent, charged
//! at 500                                       sets the clock
//! reopen                                       closes the ledger and opens it again
//! accept-clock                                 the operator's word that the clock is right
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use noisegate::clock::{Clock, Millis};
use noisegate::ids::{Analyst, ChargeKey, QueryId, Question};
use noisegate::ledger::{
    Account, Charge, LeafCharge, Ledger, LedgerError, Remembered, Reservation, State, Window,
};
use noisegate::source::{NotExecuted, Source};
use noisegate_privacy::budget::{Accountant, Amount, Loss};
use tempfile::TempDir;

use crate::common::run;
use crate::script;

#[test]
fn ledger() {
    script::check("ledger", |text| run(table(text)));
}

async fn table(text: &str) -> String {
    let mut world = World::fresh();
    let mut out = String::new();
    for line in text.lines() {
        let event = line.split("->").next().unwrap_or_default().trim();
        if event.is_empty() || line.starts_with('#') {
            out.push_str(line);
        } else {
            let status = world.does(event).await;
            write!(out, "{event:<48} -> {status}").expect("a string takes all");
        }
        out.push('\n');
    }
    out
}

struct World {
    folder: TempDir,
    clock: Clock,
    hand: Arc<AtomicI64>,
    ledger: Ledger,
    accounts: BTreeMap<String, Account>,
    charges: BTreeMap<String, (Reservation, Vec<String>)>,
    names: Vec<String>,
}

impl World {
    fn fresh() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (clock, hand) = Clock::fixed(Millis(0));
        let ledger = Ledger::open(&folder.path().join("ledger.db"), clock.clone());
        let ledger = ledger.expect("a ledger");
        let (accounts, charges, names) = Default::default();
        Self { folder, clock, hand, ledger, accounts, charges, names }
    }

    async fn does(&mut self, event: &str) -> String {
        let words: Vec<&str> = event.split_whitespace().collect();
        let outcome = match words.as_slice() {
            ["fresh"] => {
                *self = Self::fresh();
                return "ok".to_owned();
            }
            ["at", time] => {
                self.hand.store(number(time), Ordering::SeqCst);
                return "ok".to_owned();
            }
            ["account", name, accountant, limits @ ..] => {
                self.accounts.insert((*name).to_owned(), account(name, accountant, limits));
                return "ok".to_owned();
            }
            ["drop", name] => {
                let lost = self.charges.remove(*name);
                assert!(lost.is_some(), "a charge that was reserved");
                drop(lost);
                return "ok".to_owned();
            }
            ["reopen"] => Ledger::open(&self.folder.path().join("ledger.db"), self.clock.clone())
                .map(|ledger| {
                    self.ledger = ledger;
                    "ok".to_owned()
                }),
            ["reserve", name, analyst, leaves, accounts] => {
                self.reserve(name, analyst, leaves, accounts).await
            }
            ["settle", name, releases @ ..] => self.settle(name, releases).await,
            ["void", name] => {
                let (reservation, _) = self.charges.remove(*name).expect("a reserved charge");
                let voided = self.ledger.void(reservation, unreachable_source().await).await;
                voided.map(|()| "ok".to_owned())
            }
            ["recall", name] => self.ledger.recall(question(name)).await.map(|found| {
                found.map_or("nothing".to_owned(), |bytes| {
                    String::from_utf8_lossy(&bytes).into_owned()
                })
            }),
            ["balance", name] => self.balance(name).await,
            ["history", analyst] => self.history(analyst).await,
            ["accept-clock"] => {
                self.ledger.accept_clock().await.map(|now| format!("ok, at {}", now.0))
            }
            _ => panic!("an event that is not known: {event}"),
        };
        outcome.unwrap_or_else(|error| said(&error))
    }

    async fn reserve(
        &mut self,
        name: &str,
        analyst: &str,
        leaves: &str,
        accounts: &str,
    ) -> Result<String, LedgerError> {
        let pays: Vec<Account> = accounts
            .split(',')
            .map(|account| self.accounts.get(account).expect("a declared account").clone())
            .collect();
        let asked: Vec<&str> = leaves.split('+').collect();
        let leaves = asked.iter().map(|leaf| {
            let mut parts = leaf.split(':');
            let question = question(parts.next().unwrap_or_default());
            let rho = amount(parts.next().expect("a rho"));
            let delta = parts.next().map(amount).unwrap_or_default();
            let loss = Loss { rho, delta, epsilon: parts.next().map(amount) };
            LeafCharge { question, loss, accounts: pays.clone() }
        });
        self.names.push(name.to_owned());
        let charge = Charge {
            key: ChargeKey::fresh(0),
            query: QueryId(u64::try_from(self.names.len()).unwrap_or(0).to_be_bytes()),
            analyst: Analyst(analyst.to_owned()),
            leaves: leaves.collect(),
        };
        let reservation = self.ledger.reserve(charge).await?;
        self.charges.insert(name.to_owned(), (reservation, Vec::new()));
        Ok("ok".to_owned())
    }

    async fn settle(&mut self, name: &str, words: &[&str]) -> Result<String, LedgerError> {
        let (reservation, _) = self.charges.remove(name).expect("a charge that was reserved");
        let mut expires_at = Millis(i64::MAX);
        let mut releases = Vec::new();
        for word in words {
            let (key, value) = word.split_once('=').expect("key=value");
            if key == "until" {
                expires_at = Millis(number(value));
            } else {
                releases.push((question(key), value.as_bytes().to_vec()));
            }
        }
        let remembered = releases.into_iter().map(|(question, payload)| Remembered {
            question,
            payload,
            expires_at,
        });
        self.ledger.settle(reservation, remembered.collect()).await?;
        Ok("ok".to_owned())
    }

    async fn balance(&self, name: &str) -> Result<String, LedgerError> {
        let account = self.accounts.get(name).expect("a declared account").clone();
        let balances = self.ledger.balances(vec![account]).await?;
        let balance = balances.first().expect("one balance");
        let of = |spent: &Amount, limit: &Amount| format!("{spent} of {limit}");
        let account = &balance.account;
        let main = match account.accountant {
            Accountant::Zcdp => format!("rho {}", of(&balance.spent_rho, &account.rho)),
            Accountant::Pure => format!("epsilon {}", of(&balance.spent_epsilon, &account.epsilon)),
        };
        let refills =
            balance.refills_at.map_or(String::new(), |at| format!(", refills at {}", at.0));
        Ok(format!("{main}, delta {}{refills}", of(&balance.spent_delta, &account.delta)))
    }

    async fn history(&self, analyst: &str) -> Result<String, LedgerError> {
        let entries = self.ledger.history(&Analyst(analyst.to_owned()), 10).await?;
        let lines: Vec<String> = entries
            .iter()
            .map(|entry| {
                let at = usize::try_from(u64::from_be_bytes(entry.query.0)).unwrap_or(0);
                let name = self.names.get(at.saturating_sub(1)).expect("a charge");
                let state = match entry.state {
                    State::Pending => "pending",
                    State::Posted => "posted",
                    State::Voided => "voided",
                };
                format!("{name} {state} {}", entry.rho)
            })
            .collect();
        Ok(if lines.is_empty() { "nothing".to_owned() } else { lines.join("; ") })
    }
}

/// The proof that a source was never asked: there is none at this address.
async fn unreachable_source() -> NotExecuted {
    let mut config = tokio_postgres::Config::new();
    config.host("/nonexistent").user("nobody");
    let source = Source::new(config, 1000);
    match source.begin(&[]).await {
        Ok(_) => unreachable!("nobody listens there"),
        Err((_, proof)) => proof,
    }
}

fn account(name: &str, accountant: &str, limits: &[&str]) -> Account {
    let accountant = match accountant {
        "zcdp" => Accountant::Zcdp,
        "pure" => Accountant::Pure,
        other => panic!("accountant {other}"),
    };
    let mut account = Account {
        id: name.to_owned(),
        accountant,
        rho: Amount::ZERO,
        epsilon: Amount::ZERO,
        delta: Amount::ZERO,
        window: Window::Lifetime,
        throttle: Vec::new(),
        control: 0,
    };
    for limit in limits {
        let (key, value) = limit.split_once('=').expect("key=value");
        match key {
            "rho" => account.rho = amount(value),
            "epsilon" => account.epsilon = amount(value),
            "delta" => account.delta = amount(value),
            "every" => account.window = Window::Every { ms: number(value) },
            other => panic!("limit {other}"),
        }
    }
    account
}

fn said(error: &LedgerError) -> String {
    match error {
        LedgerError::Overdrawn(overdrawn) => {
            let account = &overdrawn.balance.account;
            let needs = match (account.accountant, &overdrawn.needs.epsilon) {
                (Accountant::Pure, Some(epsilon)) => format!("epsilon {epsilon}"),
                _ => format!("rho {}", overdrawn.needs.rho),
            };
            format!("overdrawn: {} cannot pay {needs}, delta {}", account.id, overdrawn.needs.delta)
        }
        LedgerError::NotPayable(account) => format!("not payable: {account}"),
        LedgerError::Clock { mark, now } => format!("clock: {} is far ahead of {}", now.0, mark.0),
        other => other.to_string(),
    }
}

fn question(name: &str) -> Question {
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    Question(bytes)
}

fn amount(digits: &str) -> Amount {
    Amount::parse(digits).expect("digits")
}

fn number(digits: &str) -> i64 {
    digits.parse().expect("a number")
}
