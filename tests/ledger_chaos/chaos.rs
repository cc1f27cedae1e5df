//! The processes, the server and all that is known of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use noisegate::clock::Clock;
use noisegate::demo::{Cluster, Options};
use tokio::runtime::Runtime;
use tokio_postgres::{Config, NoTls, Row};

use crate::asks::{SHOP, Terms, payload, question};
use crate::audit::Audit;
use crate::between::Between;
use crate::child::{Charger, Hand};
use crate::faults::FAULTS;
use crate::office::Office;
use crate::process::{Proxy, Whose, login};
use crate::random::Random;
use crate::replay;
use crate::told::Told;

pub(crate) const PROCESSES: usize = 3;
/// What may be spent beyond what is spent already; small, so that refusals are as frequent as
/// charges.
const ROOM: u64 = 800;

pub(crate) struct Chaos {
    pub(crate) random: Random,
    pub(crate) runtime: Runtime,
    pub(crate) server: Cluster,
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) told: Arc<Mutex<Told>>,
    pub(crate) office: Office,
    pub(crate) audit: Audit,
    /// Whether there is time for what takes long.
    pub(crate) long: bool,
    seed: u64,
    folder: tempfile::TempDir,
    limit: u64,
    faults: BTreeMap<&'static str, u64>,
}

impl Chaos {
    pub(crate) fn begin(seed: u64, long: bool) -> Self {
        let options = Options { durable: true, ..Options::default() };
        let server = Cluster::temporary(options).unwrap();
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let socket = server.socket_dir().join(format!(".s.PGSQL.{}", server.port()));
        let between = || runtime.block_on(Between::start(socket.clone()));
        // A login for each, so that it is known whose a connection is.
        for name in ["office".to_owned()].into_iter().chain((0..PROCESSES).map(login)) {
            let sql = format!("CREATE ROLE {name} SUPERUSER LOGIN PASSWORD '{name}'");
            runtime.block_on(rows(&server.config("postgres", "postgres"), &[&sql]));
        }
        let office = Office::open(between(), folder.path());
        let told = Arc::new(Mutex::new(Told { seed, ..Told::default() }));
        let mut proxies = Vec::new();
        for number in 0..PROCESSES {
            let own = folder.path().join(number.to_string());
            std::fs::create_dir(&own).unwrap();
            let whose =
                Whose { seed, number, generation: 0, now: Clock::System.now().0, limit: ROOM };
            proxies.push(whose.start(own, &told, between()));
        }
        Self {
            random: Random::of(&[seed]),
            runtime,
            server,
            proxies,
            told,
            office,
            audit: Audit::default(),
            long,
            seed,
            folder,
            limit: ROOM,
            faults: BTreeMap::new(),
        }
    }

    /// Each fault happens once, in an order that follows from the seed.
    pub(crate) fn each_fails_once(&mut self) {
        self.audit();
        let mut order: Vec<usize> = (0..FAULTS.len()).collect();
        for last in (1..order.len()).rev() {
            let other = self.below(last as u64 + 1);
            order.swap(last, other);
        }
        for fault in order {
            self.fail(fault);
            let (name, _) = FAULTS[fault];
            assert!(self.faults.contains_key(name), "it did not happen: {name}");
        }
    }

    pub(crate) fn something_fails(&mut self) {
        let fault = self.below(FAULTS.len() as u64);
        self.fail(fault);
    }

    fn fail(&mut self, fault: usize) {
        self.pause(20, 300);
        let (name, fail) = FAULTS[fault];
        if fail(self) {
            *self.faults.entry(name).or_default() += 1;
        }
        self.audit();
    }

    pub(crate) fn below(&mut self, bound: u64) -> usize {
        usize::try_from(self.random.below(bound)).unwrap()
    }

    pub(crate) fn pause(&mut self, from_ms: u64, more_ms: u64) {
        std::thread::sleep(Duration::from_millis(from_ms + self.random.below(more_ms)));
    }

    /// Tries for a while. Time passes in which others are audited, and may spend more.
    pub(crate) fn until(&mut self, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = Instant::now() + Duration::from_secs(30);
        while !done(self) {
            if Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(50));
            self.audit();
        }
        true
    }

    /// Kills a process, and has the next one ask for what it left without an answer.
    pub(crate) fn kill(&mut self, number: usize) {
        let left = self.end_of(number);
        let next = (number + 1) % PROCESSES;
        for ask in left {
            self.told.lock().unwrap().open.insert(ask, next);
            self.proxies[next].say(&format!("again {ask}"));
        }
    }

    pub(crate) fn start(&mut self, number: usize) {
        let old = self.proxies.remove(number);
        let whose = Whose {
            seed: self.seed,
            number,
            generation: old.generation + 1,
            now: old.clock.now(),
            limit: self.limit,
        };
        let own = self.folder.path().join(number.to_string());
        self.proxies.insert(number, whose.start(own, &self.told, old.between));
    }

    fn end_of(&mut self, number: usize) -> Vec<u64> {
        self.proxies[number].kill();
        self.told.lock().unwrap().left_by(number)
    }

    /// Sets a process's clock.
    pub(crate) fn set_clock(&mut self, number: usize, to: i64) {
        self.proxies[number].clock = Hand::at(to);
        self.proxies[number].say(&format!("clock {to}"));
    }

    pub(crate) fn rows(&self, sql: &str) -> Vec<Row> {
        self.runtime.block_on(rows(&self.server.config("postgres", "postgres"), &[sql])).remove(0)
    }

    pub(crate) fn audit(&mut self) {
        let config = self.server.config("postgres", "postgres");
        let news = std::mem::take(&mut self.told.lock().unwrap().news);
        let sums = self.told.lock().unwrap().sums.clone();
        let questions = self.audit.questions();
        let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
        let looked = self.runtime.block_on(rows(&config, &questions));
        let told = self.told.lock().unwrap();
        assert_eq!(told.wrong, [""; 0]);
        self.audit.hold(&looked, &news, &sums, &told, self.limit, &mut self.office.accepted);
        drop(told);
        // A little more may be spent.
        self.limit = self.limit.max(self.audit.spent(SHOP) + ROOM);
        for proxy in &mut self.proxies {
            proxy.say(&format!("limit {}", self.limit));
        }
    }

    pub(crate) fn end(mut self) {
        let left: Vec<u64> = (0..PROCESSES).flat_map(|number| self.end_of(number)).collect();
        self.audit();
        // What has no answer is asked once more, now that nothing fails.
        let terms = Terms { shop: self.limit, ..Terms::default() };
        let told = Arc::clone(&self.told);
        let charger = Charger {
            seed: self.seed,
            ledger: self.office.ledger.clone(),
            terms: Arc::new(Mutex::new(terms)),
            tell: Box::new(move |line| told.lock().unwrap().hear(PROCESSES, line)),
        };
        self.runtime.block_on(async {
            for number in &left {
                charger.ask(*number).await;
            }
        });
        self.audit();
        let told = self.told.lock().unwrap();
        println!(
            "{:?}; {} audits; {} were left without an answer",
            self.faults,
            self.audit.count,
            left.len()
        );
        println!(
            "{} charged, {} repeated, {} refused, {} given back, {} settled; {:?}",
            told.charged.len(),
            told.repeated.len(),
            told.refused.len(),
            told.voided.len(),
            told.settled.len(),
            told.counts
        );
        assert!(told.open.is_empty(), "still without an answer: {:?}", told.open);
        self.audit.hold_all(&told);
        let config = self.server.config("postgres", "postgres");
        let looked = self.runtime.block_on(rows(&config, &replay::QUESTIONS));
        replay::hold(&looked, &told);
        self.office.hold(&told);
        self.happened(&told);
        self.remembered(&told);
    }

    /// That there was something to hold against the ledger.
    fn happened(&self, told: &Told) {
        let missing: Vec<&str> = FAULTS
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !self.faults.contains_key(name))
            .collect();
        assert_eq!(missing, [""; 0], "did not happen");
        assert!(!told.repeated.is_empty() && !told.voided.is_empty() && !told.settled.is_empty());
        for said in ["failed", "clock", "terms", "refused each_analyst", "refused shop"] {
            assert!(told.count(said) > 0, "nobody said {said}");
        }
        if self.long {
            assert!(told.count("refused data_team") > 0, "no team was refused");
        }
    }

    /// Each release that was acknowledged is there, and the whole ledger is as its chain says.
    fn remembered(&self, told: &Told) {
        let ledger = &self.office.ledger;
        self.runtime.block_on(async {
            for number in &told.settled {
                let recalled = ledger.recall(question(*number, 0)).await.unwrap();
                assert_eq!(recalled, Some(payload(*number)), "release {number}");
            }
            let verified = ledger.verify().await.unwrap();
            assert_eq!(verified.broken, None);
            println!("{verified:?}");
        });
    }
}

/// What statements show, all at one moment, of a server that may be about to crash or to recover.
pub(crate) async fn rows(config: &Config, sql: &[&str]) -> Vec<Vec<Row>> {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let asked = async {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
            let mut rows = Vec::new();
            for sql in sql {
                rows.push(client.query(*sql, &[]).await?);
            }
            client.batch_execute("COMMIT").await?;
            Ok::<_, tokio_postgres::Error>(rows)
        };
        match asked.await {
            Ok(rows) => return rows,
            Err(error) if Instant::now() > end => unreachable!("no answer: {error:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
