//! A hundred clients, and what they have seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use noisegate::demo::DATABASE;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

use crate::common::{run, texts};
use crate::proxies::Ports;
use crate::random::Random;

const SESSIONS: u64 = 100;
pub(crate) const USERS: [&str; 3] = ["alice", "dave", "bob"];
const BOB: usize = 2;
/// So little that the accounts last, and for bob so much that his is empty soon.
const EPSILONS: [&str; 3] = ["0.01", "0.01", "0.5"];
/// What an answer costs: ρ = ε²/2, in 10⁻¹².
const PRICES: [u128; 3] = [50_000_000, 50_000_000, 125_000_000_000];

pub(crate) async fn client(port: u16, user: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).dbname(DATABASE).user(user).password(user);
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    let epsilon = USERS.iter().zip(EPSILONS).find(|(name, _)| **name == user);
    let (_, epsilon) = epsilon.expect("one of the users");
    client.batch_execute(&format!("SET noisegate.epsilon = '{epsilon}'")).await?;
    Ok(client)
}

/// What was seen, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// The price of what each user saw first and nobody else asked.
    pub(crate) by_user: [u128; 3],
    /// The price of all answers that differ.
    pub(crate) all: u128,
    pub(crate) questions: usize,
    /// How many were seen again.
    pub(crate) again: u64,
    /// Questions that several asked at once, and those of them that have more answers than one.
    pub(crate) raced: usize,
    pub(crate) differ: usize,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) left: u64,
}

#[derive(Default)]
struct Heard {
    /// By question: who asked first, whether others asked it at the same time, and the answers.
    answers: BTreeMap<String, (usize, bool, BTreeSet<String>)>,
    /// The questions in the order in which they were first answered.
    order: Vec<String>,
    again: u64,
    refused: u64,
    failed: u64,
    left: u64,
}

pub(crate) struct Sessions {
    heard: Arc<Mutex<Heard>>,
    /// Held while something is asked.
    turns: Arc<RwLock<()>>,
    round: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Sessions {
    pub(crate) fn start(seed: u64, ports: Ports) -> Self {
        let (heard, turns, round, stop, tasks) = Default::default();
        let mut it = Self { heard, turns, round, stop, tasks };
        let session = |number: u64| Session {
            number,
            user: if number.is_multiple_of(10) {
                BOB
            } else {
                usize::from(number.is_multiple_of(2))
            },
            random: Random::of(&[seed, number]),
            ports: Arc::clone(&ports),
            heard: Arc::clone(&it.heard),
            turns: Arc::clone(&it.turns),
            round: Arc::clone(&it.round),
            stop: Arc::clone(&it.stop),
            sequence: 0,
            left: None,
        };
        let sessions: Vec<Session> = (0..SESSIONS).map(session).collect();
        run(async {
            it.tasks.extend(sessions.into_iter().map(|session| tokio::spawn(session.go_on())));
        });
        it
    }

    /// From now on another question is the one that all ask at once.
    pub(crate) fn next_round(&self) {
        self.round.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) async fn all_wait(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.turns).write_owned().await
    }

    pub(crate) async fn stop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks.drain(..) {
            task.await.expect("the same answers");
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        assert!(!self.tasks.iter().any(JoinHandle::is_finished), "a session saw another answer");
        let heard = self.heard.lock().expect("no poison");
        let mut seen = Seen {
            by_user: [0; 3],
            all: 0,
            questions: heard.answers.len(),
            again: heard.again,
            raced: 0,
            differ: 0,
            refused: heard.refused,
            failed: heard.failed,
            left: heard.left,
        };
        for (user, raced, answers) in heard.answers.values() {
            let price = PRICES.get(*user).expect("a user");
            seen.all += price * answers.len() as u128;
            seen.raced += usize::from(*raced);
            seen.differ += usize::from(answers.len() > 1);
            if !raced {
                *seen.by_user.get_mut(*user).expect("a user") += price;
            }
        }
        seen
    }

    /// Some of what was seen: who saw it, what was asked, the answers, and whether others asked it
    /// at the same time. Proxies wait for each other; where the session with a proxy's locks ends in
    /// the middle, each answers, each is paid, and the first is remembered.
    pub(crate) fn sample(
        &self,
        random: &mut Random,
        count: usize,
    ) -> Vec<(&'static str, String, BTreeSet<String>, bool)> {
        let heard = self.heard.lock().expect("no poison");
        let drawn = (0..count).filter_map(|_| heard.draw(random));
        let named = |user: usize| *USERS.get(user).expect("a user");
        drawn.map(|(sql, user, is_raced, answers)| (named(user), sql, answers, is_raced)).collect()
    }
}

impl Heard {
    fn draw(&self, random: &mut Random) -> Option<(String, usize, bool, BTreeSet<String>)> {
        let drawn = random.below(self.order.len().max(1) as u64);
        let sql = self.order.get(usize::try_from(drawn).ok()?)?;
        let (user, raced, answers) = self.answers.get(sql)?;
        Some((sql.clone(), *user, *raced, answers.clone()))
    }
}

struct Session {
    number: u64,
    user: usize,
    random: Random,
    ports: Ports,
    heard: Arc<Mutex<Heard>>,
    turns: Arc<RwLock<()>>,
    round: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    sequence: u64,
    /// What was asked and has no answer.
    left: Option<String>,
}

impl Session {
    /// Asks until it is stopped, of one proxy after the other.
    async fn go_on(mut self) {
        let user = *USERS.get(self.user).expect("a user");
        while !self.stop.load(Ordering::SeqCst) {
            let at = usize::try_from(self.random.below(3)).expect("a proxy");
            let port = self.ports.lock().expect("no poison").get(at).copied().flatten();
            let connected = match port {
                Some(port) => client(port, user).await.ok(),
                None => None,
            };
            match connected {
                Some(client) => {
                    while !self.stop.load(Ordering::SeqCst) && self.ask(&client).await {}
                }
                None => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// One question; whether the session goes on.
    async fn ask(&mut self, client: &Client) -> bool {
        let _turn = Arc::clone(&self.turns).read_owned().await;
        let (sql, is_raced) = self.question();
        // Now and then a client leaves in the middle, and longer than this no answer takes.
        let leaves = self.random.below(40) == 0;
        let patience = if leaves { self.random.below(30) } else { 40_000 };
        let asked = texts(client, &sql);
        match tokio::time::timeout(Duration::from_millis(patience), asked).await {
            Ok(Ok(rows)) => {
                self.note(sql, is_raced, format!("{rows:?}"));
                true
            }
            Ok(Err(error)) if error.as_db_error().is_some_and(|db| db.code().code() == "53400") => {
                assert_eq!(self.user, BOB, "an account that lasts: {error:?}");
                self.heard.lock().expect("no poison").refused += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
                true
            }
            Ok(Err(_)) => {
                self.heard.lock().expect("no poison").failed += 1;
                self.left = Some(sql);
                false
            }
            Err(_) => {
                self.heard.lock().expect("no poison").left += 1;
                self.left = Some(sql);
                false
            }
        }
    }

    /// What to ask, and whether others may be asking it too.
    fn question(&mut self) -> (String, bool) {
        let sql =
            |name: String| format!("SELECT count(*) FROM customer WHERE c_mktsegment <> '{name}'");
        // The one that left may still be being answered.
        if let Some(left) = self.left.take() {
            return (left, true);
        }
        let drawn = self.random.below(10);
        if self.user != BOB && drawn == 0 {
            return (sql(format!("round {}", self.round.load(Ordering::SeqCst))), true);
        }
        let known = self.heard.lock().expect("no poison").draw(&mut self.random);
        if let Some((again, asker, is_raced, _)) = known.filter(|_| drawn < 4)
            // For others of another ε it is another question.
            && (asker == BOB) == (self.user == BOB)
        {
            return (again, is_raced);
        }
        self.sequence += 1;
        (sql(format!("{} {}", self.number, self.sequence)), false)
    }

    fn note(&self, sql: String, is_raced: bool, answer: String) {
        let mut heard = self.heard.lock().expect("no poison");
        let heard = &mut *heard;
        let Some((_, raced, answers)) = heard.answers.get_mut(&sql) else {
            heard.order.push(sql.clone());
            heard.answers.insert(sql, (self.user, is_raced, [answer].into()));
            return;
        };
        heard.again += 1;
        assert!(*raced || answers.contains(&answer), "{sql}: {answers:?}, and now {answer}");
        answers.insert(answer);
    }
}
