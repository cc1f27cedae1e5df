//! Three proxies share one ledger in PostgreSQL, and a hundred sessions ask them, while proxies are
//! killed, the ledger's server crashes, its disk is full, clocks are set, and connections end in every
//! way.
//!
//! It is the real program, `noisegate serve`, before databases that stay. At every audit, with SQL
//! of the test's own: what was seen is at most what is spent, that is at most the limit, and it
//! never falls. Now and then everybody waits, and what was seen is asked again of each proxy: the
//! same answer, and nothing is spent. The proxies' clocks are set ahead and back by libfaketime, less
//! far than a window lasts; further jumps, and what an operator says of them, are in
//! `tests/ledger_chaos`.
//!
//! `NOISEGATE_CHAOS_SECONDS` says for how long. What fails and what is asked follow from
//! `NOISEGATE_SEED`.

#![expect(clippy::print_stdout, reason = "a test, which tells its seed and what happened")]

mod common;

#[path = "common/between.rs"]
mod between;
#[path = "common/limits.rs"]
mod limits;
#[path = "proxies_chaos/proxies.rs"]
mod proxies;
#[path = "common/random.rs"]
mod random;
#[path = "proxies_chaos/sessions.rs"]
mod sessions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use between::Order;
use common::run;
use noisegate::ids::QueryId;
use noisegate_privacy::budget::{Accountant, Delta, Epsilon, Limit};
use proxies::{PROXIES, Proxies, Spent};
use random::Random;
use sessions::{Sessions, USERS};

/// How long this runs in an ordinary run of all tests.
const USUAL_SECONDS: u64 = 12;
/// As far as clocks are set.
const CLOCK_SECONDS: u64 = 15 * 60;
/// Rounds from one time that everybody waits to the next.
const ROUNDS: u64 = 5;

const FAULTS: [&str; 8] = [
    "proxies killed",
    "servers crashed",
    "ledger's sessions ended",
    "ledger's sockets cut",
    "ledger's connections half open",
    "disks full",
    "clocks set",
    "acknowledgements lost",
];

#[test]
fn what_was_seen_was_paid_whichever_proxy_fails() {
    let number =
        |name, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let seconds = number("NOISEGATE_CHAOS_SECONDS", USUAL_SECONDS);
    let seed = number("NOISEGATE_SEED", u64::from_le_bytes(QueryId::fresh().0));
    println!("{seconds} s, NOISEGATE_SEED={seed}");
    let mut chaos = Chaos::begin(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    for round in 0.. {
        if round >= FAULTS.len() as u64 && Instant::now() > end {
            break;
        }
        // Each once, and then at random.
        let drawn = chaos.random.below(FAULTS.len() as u64);
        chaos.fail(if round < FAULTS.len() as u64 { round } else { drawn });
        chaos.audit();
        if round % ROUNDS == ROUNDS - 1 {
            chaos.asked_again(3, 10);
        }
        chaos.sessions.next_round();
    }
    chaos.end();
}

struct Chaos {
    random: Random,
    proxies: Proxies,
    sessions: Sessions,
    spent: BTreeMap<String, Spent>,
    faults: BTreeMap<&'static str, u64>,
    audits: u64,
}

impl Chaos {
    fn begin(seed: u64) -> Self {
        let proxies = Proxies::start();
        let sessions = Sessions::start(seed, Arc::clone(&proxies.ports));
        // Nothing fails before there is somebody to whom it can.
        let end = Instant::now() + Duration::from_mins(1);
        while sessions.seen().questions < 20 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(50));
        }
        let (spent, faults) = Default::default();
        Self { random: Random::of(&[seed]), proxies, sessions, spent, faults, audits: 0 }
    }

    fn pause(&mut self) {
        std::thread::sleep(Duration::from_millis(200 + self.random.below(600)));
    }

    fn fail(&mut self, fault: u64) {
        self.pause();
        let which = usize::try_from(self.random.below(PROXIES as u64)).expect("a few");
        let time = Duration::from_millis(300 + self.random.below(1000));
        let proxies = &mut self.proxies;
        let happened = match fault {
            0 => {
                proxies.kill(which);
                proxies.serve(which);
                true
            }
            1 => {
                proxies.server.kill();
                std::thread::sleep(time);
                proxies.server.restart().expect("the server is back");
                true
            }
            2 => proxies.end_sessions(which),
            3 => proxies.order(which, Order::Cut),
            4 => {
                let order = [Order::ServerGone(time), Order::ClientGone(time), Order::Silent(time)];
                let order = order.get(which).copied().unwrap_or(Order::Cut);
                proxies.order(which, order)
            }
            5 => proxies.fill_disk(),
            6 => {
                let seconds = i64::try_from(self.random.below(2 * CLOCK_SECONDS)).expect("a few");
                proxies.step_clock(which, seconds - i64::try_from(CLOCK_SECONDS).expect("a few"))
            }
            _ => {
                let is_away = time.subsec_millis().is_multiple_of(2);
                proxies.lose_acknowledgement(which, time / 4 * u32::from(is_away))
            }
        };
        if let Some(name) =
            FAULTS.get(usize::try_from(fault).expect("one of a few")).filter(|_| happened)
        {
            *self.faults.entry(name).or_default() += 1;
        }
    }

    fn audit(&mut self) {
        // First what was seen: it can only be less than what is spent by then.
        let seen = self.sessions.seen();
        let spent = run(self.proxies.spent());
        for (user, paid) in USERS.iter().zip(&seen.by_user) {
            let account = format!("each_analyst/{user}");
            let counts = spent.get(&account).map_or(0, |spent| spent.counts);
            assert!(*paid <= counts, "{user}: {paid} seen, {counts} spent");
        }
        for account in ["data_team/data", "shop"] {
            let counts = spent.get(account).map_or(0, |spent| spent.counts);
            assert!(seen.all <= counts, "{account}: {} seen, {counts} spent", seen.all);
        }
        for (account, Spent { all, in_window, .. }) in &spent {
            let limit = limit(account);
            assert!(*in_window <= limit, "{account}: {in_window} spent of {limit}");
            let before = self.spent.get(account).map_or(0, |before| before.all);
            assert!(before <= *all, "{account}: {before} was charged, {all} is");
        }
        self.spent = spent;
        self.audits += 1;
    }

    /// While everybody waits: what was seen is given again, some of it by each proxy and more of it
    /// by one of them, and costs nothing.
    fn asked_again(&mut self, by_each: usize, more: usize) {
        let waiting = run(self.sessions.all_wait());
        let before = run(self.proxies.spent());
        let sample = self.sessions.sample(&mut self.random, by_each + more);
        for (at, (user, sql, answers, is_raced)) in sample.into_iter().enumerate() {
            let proxies = if at < by_each { 0..PROXIES } else { at % PROXIES..at % PROXIES + 1 };
            let mut given: Vec<String> = Vec::new();
            for proxy in proxies {
                given.push(run(self.proxies.ask(proxy, user, &sql)));
            }
            let first = given.first().expect("an answer");
            assert!(given.iter().all(|answer| answer == first), "{sql}: {given:?}");
            assert!(is_raced || answers.contains(first), "{sql}: {answers:?}, {first}");
        }
        assert_eq!(run(self.proxies.spent()), before, "what was seen is free");
        self.audits += 1;
        drop(waiting);
    }

    fn end(mut self) {
        run(self.sessions.stop());
        self.audit();
        self.asked_again(20, 200);
        let seen = self.sessions.seen();
        println!("{:?}; {} audits; {seen:?}; {:?}", self.faults, self.audits, self.spent);
        let missing: Vec<&str> =
            FAULTS.into_iter().filter(|name| !self.faults.contains_key(name)).collect();
        assert_eq!(missing, [""; 0], "did not happen");
        assert!(seen.questions > 50 && seen.again > 0 && seen.raced > 0, "too little to tell");
        // Where proxies did not know of each other, most had as many answers as askers.
        assert!(seen.differ * 10 <= seen.raced, "{} of {} differ", seen.differ, seen.raced);
        assert!(seen.refused > 0, "nobody came to a limit");
        assert!(seen.failed > 0 && seen.left > 0, "no session failed, or left in the middle");
        run(self.proxies.verify());
    }
}

/// What an account may spend under the demo's policy.
fn limit(account: &str) -> u128 {
    let (epsilon, delta) = match account.split('/').next() {
        Some("each_analyst") => ("10", "1e-7"),
        Some("data_team") => ("15", "1e-7"),
        _ => ("40", "1e-6"),
    };
    let epsilon = Epsilon::parse(epsilon).expect("an epsilon");
    let delta = Delta::parse(delta).expect("a delta");
    let limit = Limit::new(Accountant::Zcdp, &epsilon, &delta, (1, 10));
    limit.rho.to_string().parse().expect("a number")
}
