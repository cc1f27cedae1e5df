//! What each of the processes does: charge for ever, and tell of it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use noisegate::clock::{Clock, Millis};
use noisegate::ledger::{Ledger, LedgerError, Place, Remembered, Reservation};
use noisegate::source::{NotExecuted, Source};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_postgres::Config;

use crate::asks::{Ask, End, SHOP, Terms, number, payload, question};
use crate::told::micros;

/// Where a process is told who it is.
pub(crate) const CHILD: &str = "NOISEGATE_TEST_CHAOS";
const CLIENTS: u64 = 34;
/// Between two attempts at what failed, and after a refusal.
const PAUSE: Duration = Duration::from_millis(20);

/// How much faster the clocks of the processes run, so that windows end: six hours in a second.
const SPEED: i64 = 6 * 60 * 60;

/// A clock from when it was set.
#[derive(Clone, Copy)]
pub(crate) struct Hand {
    at: i64,
    since: Instant,
}

impl Hand {
    pub(crate) fn at(at: i64) -> Self {
        Self { at, since: Instant::now() }
    }

    pub(crate) fn now(&self) -> i64 {
        self.at + i64::try_from(self.since.elapsed().as_millis()).unwrap() * SPEED
    }
}

/// Somebody who charges.
pub(crate) struct Charger {
    pub(crate) seed: u64,
    pub(crate) ledger: Ledger,
    pub(crate) terms: Arc<Mutex<Terms>>,
    pub(crate) tell: Box<dyn Fn(&str) + Send + Sync>,
}

pub(crate) fn place(url: &str, folder: &Path) -> Place {
    Place::postgres(url, None, Some(folder)).unwrap()
}

/// Runs until it is killed; `who` is the seed, its number, how often it was started before, the
/// ledger's address and `older` or `newer`.
pub(crate) fn run(who: &str) {
    let words: Vec<&str> = who.split(' ').collect();
    let [seed, process, generation] = [0, 1, 2].map(|at| words[at].parse::<u64>().unwrap());
    let (clock, time) = Clock::fixed(Clock::System.now());
    let terms = Arc::new(Mutex::new(Terms { older: words[4] == "older", ..Terms::default() }));
    let (again, mut to_ask_again) = unbounded_channel();
    let hand = Arc::new(Mutex::new(Hand::at(0)));
    listen(Arc::clone(&terms), Arc::clone(&hand), again);
    let move_on = move || time.store(hand.lock().unwrap().now(), Ordering::SeqCst);
    move_on();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(5));
            move_on();
        }
    });
    let ledger = open(words[3], &clock);
    let charger = Arc::new(Charger { seed, ledger, terms, tell: Box::new(tell) });
    Runtime::new().unwrap().block_on(async {
        for client in 0..CLIENTS {
            let charger = Arc::clone(&charger);
            tokio::spawn(async move {
                for sequence in 0.. {
                    charger.ask(number(process, generation, client, sequence)).await;
                }
            });
        }
        while let Some(number) = to_ask_again.recv().await {
            let charger = Arc::clone(&charger);
            tokio::spawn(async move { charger.ask(number).await });
        }
    });
}

fn open(url: &str, clock: &Clock) -> Ledger {
    let folder = std::env::current_dir().unwrap();
    loop {
        match Ledger::open_at(&place(url, &folder), clock.clone()) {
            Ok(ledger) => return ledger,
            // The server may be away. Nothing else may be wrong.
            Err(LedgerError::Store(_)) => std::thread::sleep(5 * PAUSE),
            Err(other) => {
                tell(&format!("wrong {other}"));
                unreachable!("{other}");
            }
        }
    }
}

/// Takes on what the test says of the time and the limit, and what is to be asked again. Nobody
/// charges before the first limit, which is after the first time.
fn listen(terms: Arc<Mutex<Terms>>, hand: Arc<Mutex<Hand>>, again: UnboundedSender<u64>) {
    let take = move |line: &str| {
        let (word, number) = line.split_once(' ').unwrap();
        match word {
            "clock" => *hand.lock().unwrap() = Hand::at(number.parse().unwrap()),
            "limit" => terms.lock().unwrap().shop = number.parse().unwrap(),
            "again" => again.send(number.parse().unwrap()).unwrap(),
            other => unreachable!("{other}"),
        }
    };
    let mut lines = BufReader::new(std::io::stdin()).lines();
    for line in lines.by_ref() {
        let line = line.unwrap();
        take(&line);
        if line.starts_with("limit") {
            break;
        }
    }
    std::thread::spawn(move || {
        while let Some(Ok(line)) = lines.next() {
            take(&line);
        }
        // The test is gone.
        std::process::exit(1);
    });
}

/// One line in one write: a pipe takes it whole or not at all.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

impl Charger {
    fn tell(&self, line: &str) {
        (self.tell)(line);
    }

    /// Asks as often as it takes: under one key it is charged once.
    pub(crate) async fn ask(&self, number: u64) {
        let ask = Ask::of(self.seed, number);
        let mut terms = self.terms.lock().unwrap().clone();
        let policy = if terms.older { "older" } else { "newer" };
        self.tell(&format!("ask {number} {policy} {} {}", terms.shop, micros()));
        let outcome = loop {
            match self.ledger.reserve(ask.charge(&terms)).await {
                Err(LedgerError::Store(why)) => {
                    let full = why.contains("File too large") || why.contains("(53100)");
                    self.tell(if full { "full" } else { "failed" });
                    tokio::time::sleep(5 * PAUSE).await;
                }
                Err(LedgerError::Clock { .. }) => {
                    self.tell("clock");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(LedgerError::Terms { .. }) => {
                    self.tell("terms");
                    self.refresh(&mut terms).await;
                }
                outcome => break outcome,
            }
        };
        match outcome {
            Ok(reservation) => {
                self.tell(&format!("charged {number} {} {}", ask.price(), micros()));
                self.finish(&ask, reservation).await;
            }
            Err(LedgerError::Repeated) => self.tell(&format!("repeated {number}")),
            Err(LedgerError::Overdrawn(overdrawn)) => {
                self.tell(&format!("refused {number} {}", overdrawn.balance.account.id));
                tokio::time::sleep(PAUSE).await;
            }
            Err(LedgerError::Frozen(account)) => {
                self.tell(&format!("frozen {number} {account}"));
                tokio::time::sleep(PAUSE).await;
            }
            Err(other) => self.tell(&format!("wrong {number} {other}")),
        }
    }

    /// Reads what administrators decided, for this charge and for those to come.
    async fn refresh(&self, terms: &mut Terms) {
        let controls = self.ledger.controls().await;
        let balances = self.ledger.balances(vec![terms.account(SHOP)]).await;
        if let (Ok(controls), Ok(balances)) = (controls, balances) {
            terms.controls = controls;
            terms.now = balances[0].now.0;
            let mut known = self.terms.lock().unwrap();
            (known.controls, known.now) = (terms.controls.clone(), terms.now);
        }
    }

    async fn finish(&self, ask: &Ask, reservation: Reservation) {
        let number = ask.number;
        match ask.end {
            End::Dropped => drop(reservation),
            End::Settled => {
                let releases = vec![Remembered {
                    question: question(number, 0),
                    payload: payload(number),
                    expires_at: Millis(i64::MAX),
                }];
                if self.ledger.settle(reservation, releases).await.is_ok() {
                    self.tell(&format!("settled {number}"));
                }
            }
            End::Voided => {
                let proof = unreachable_source().await;
                self.tell(&format!("voiding {number}"));
                if self.ledger.void(reservation, proof).await.is_ok() {
                    self.tell(&format!("voided {number}"));
                }
            }
        }
    }
}

/// The proof that a source was never asked: there is none at this address.
async fn unreachable_source() -> NotExecuted {
    let mut config = Config::new();
    config.host("/nonexistent").user("nobody");
    match Source::new(config, 1000).begin(&[]).await {
        Ok(_) => unreachable!("nobody listens there"),
        Err((_, proof)) => proof,
    }
}
