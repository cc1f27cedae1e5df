//! Every state that a small ledger can get into: two proxies, three charges, two windows, and
//! each commit going wrong in each way. It is the code that is tried, not a picture of it; only
//! the store is one in memory, which can be copied.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::super::batch::Batch;
use super::super::seen::Mark;
use super::super::store::Needs;
use super::super::types::{LedgerError, Reservation, State, Window};
use super::super::writer::Writer;
use super::super::{Account, Charge, Restored, charge as charging};
use super::memory::{Commit, Durable, Memory};
use super::{account, amount, charge, loss, remembered};
use crate::clock::{Clock, Millis};
use crate::ids::ChargeKey;

const PROXIES: usize = 2;
const CHARGES: u8 = 3;
const PRICE: u128 = 4;
/// Pays for two charges.
const SHOP: u128 = 10;
/// Pays for one charge in a window.
const OWN: u128 = 5;
const WINDOW_MS: i64 = 100;
const WINDOWS: i64 = 1;

/// What a proxy has in hand.
#[derive(Clone, Debug)]
struct Proxy {
    /// The latest state that it noted, also when it is down.
    seen: Option<Mark>,
    up: bool,
    /// Charges that were acknowledged to it and are not settled: by key, the id in the ledger.
    held: BTreeMap<u8, i64>,
}

/// All there is.
#[derive(Clone, Debug)]
struct World {
    durable: Durable,
    proxies: [Proxy; PROXIES],
    wall: i64,
    /// What came of each key, as those know who watch the store itself.
    fate: BTreeMap<u8, (State, i64)>,
    /// The keys whose answers somebody has seen.
    shown: BTreeSet<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve(usize, u8, Commit),
    Settle(usize, u8, Commit),
    Void(usize, u8, Commit),
    Crash(usize),
    Start(usize, Commit),
    NextWindow,
}

fn accounts() -> [Account; 2] {
    let own = Account { window: Window::Every { ms: WINDOW_MS }, ..account("own", OWN) };
    [account("shop", SHOP), own]
}

fn asked(key: u8) -> Charge {
    Charge { key: ChargeKey([key; 16]), ..charge(u64::from(key), loss(PRICE), &accounts()) }
}

impl World {
    fn new() -> Self {
        let proxy = Proxy { seen: None, up: false, held: BTreeMap::new() };
        let (fate, shown) = Default::default();
        Self { durable: Durable::empty(), proxies: [proxy.clone(), proxy], wall: 0, fate, shown }
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (number, proxy) in self.proxies.iter().enumerate() {
            if !proxy.up {
                steps.extend(Commit::ALL.map(|commit| Step::Start(number, commit)));
                continue;
            }
            steps.push(Step::Crash(number));
            for key in 0..CHARGES {
                // Again and again, also what was charged already.
                steps.extend(Commit::ALL.map(|commit| Step::Reserve(number, key, commit)));
            }
            for key in proxy.held.keys() {
                steps.extend(Commit::ALL.map(|commit| Step::Settle(number, *key, commit)));
                steps.extend(Commit::ALL.map(|commit| Step::Void(number, *key, commit)));
            }
        }
        if self.wall < WINDOWS * WINDOW_MS {
            steps.push(Step::NextWindow);
        }
        steps
    }

    /// The same for all that can happen from here: without the digests, which tell how it came.
    fn key(&self) -> String {
        let held =
            self.proxies.each_ref().map(|proxy| (proxy.up, proxy.held.keys().collect::<Vec<_>>()));
        let (mark, last) = (self.durable.meta.mark.0, self.durable.meta.final_charge);
        let Self { wall, fate, shown, .. } = self;
        format!("{held:?} {wall} {mark} {last} {fate:?} {shown:?} {:?}", self.durable.accounts)
    }

    /// One unit of work of a proxy.
    fn unit<T>(
        &mut self,
        number: usize,
        commit: Commit,
        needs: &Needs,
        work: impl FnOnce(&mut Batch<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let memory = Memory::new(self.durable.clone(), commit);
        let (clock, _) = Clock::fixed(Millis(self.wall));
        let last = self.proxies[number].seen.unwrap();
        let mut writer = Writer::resumed(Arc::new(memory.clone()), clock, 1000, last);
        let mut refused = None;
        let outcome = writer.unit(needs, |batch| match work(batch) {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                refused = Some(error);
                Ok(None)
            }
        });
        self.durable = memory.durable();
        self.proxies[number].seen = Some(writer.last());
        match (outcome, refused) {
            (Ok(Some(value)), _) => Ok(value),
            (Ok(None), Some(refused)) => Err(refused),
            (Ok(None), None) => unreachable!("neither done nor refused"),
            (Err(error), _) => Err(error),
        }
    }

    fn takes(&mut self, step: Step) {
        match step {
            Step::NextWindow => self.wall += WINDOW_MS,
            Step::Crash(number) => {
                self.proxies[number].up = false;
                self.proxies[number].held.clear();
            }
            Step::Start(number, commit) => self.starts(number, commit),
            Step::Reserve(number, key, commit) => self.reserves(number, key, commit),
            Step::Settle(number, key, commit) => {
                let id = self.proxies[number].held.remove(&key).unwrap();
                let releases = [remembered(u64::from(key), b"answer", i64::MAX)];
                let question = releases[0].question;
                let needs = Needs {
                    charges: [id].into(),
                    questions: [question].into(),
                    ..Needs::default()
                };
                let settled = self
                    .unit(number, commit, &needs, |batch| charging::settle(batch, id, &releases));
                assert_eq!(settled.is_ok(), acknowledged(commit), "{settled:?}");
                if commit.is_done() {
                    self.fate.get_mut(&key).unwrap().0 = State::Posted;
                }
                if settled.is_ok() {
                    self.shown.insert(key);
                    assert!(self.durable.releases.iter().any(|r| r.question == question));
                }
            }
            Step::Void(number, key, commit) => {
                let id = self.proxies[number].held.remove(&key).unwrap();
                let needs = Needs { voids: [id].into(), ..Needs::default() };
                let voided = self.unit(number, commit, &needs, |batch| charging::void(batch, id));
                assert_eq!(voided.is_ok(), acknowledged(commit), "{voided:?}");
                if commit.is_done() {
                    self.fate.get_mut(&key).unwrap().0 = State::Voided;
                }
            }
        }
    }

    fn starts(&mut self, number: usize, commit: Commit) {
        let memory = Memory::new(self.durable.clone(), commit);
        let (clock, _) = Clock::fixed(Millis(self.wall));
        let seen = self.proxies[number].seen;
        let started = Writer::connected(Arc::new(memory.clone()), clock, 1000, seen)
            .and_then(|mut writer| writer.post_pending().map(|()| writer));
        let changed = memory.durable().chain.len() > self.durable.chain.len();
        self.durable = memory.durable();
        if changed {
            for (state, _) in self.fate.values_mut().filter(|(s, _)| *s == State::Pending) {
                *state = State::Posted;
            }
        }
        if let Ok(writer) = started {
            self.proxies[number].seen = Some(writer.last());
            self.proxies[number].up = true;
        }
    }

    fn reserves(&mut self, number: usize, key: u8, commit: Commit) {
        let charge = asked(key);
        let (now, fits) = (self.wall, self.fits());
        let reserved = self.unit(number, commit, &charging::needs(&charge), |batch| {
            charging::reserve(batch, &charge)
        });
        // Time that passed is written, too, with a refusal.
        let known = self.fate.contains_key(&key);
        match &reserved {
            Ok(Reservation { charge, receipts }) => {
                assert!(!known && fits && acknowledged(commit) && receipts.len() == 1);
                self.proxies[number].held.insert(key, *charge);
            }
            Err(LedgerError::Repeated) => assert!(known),
            Err(LedgerError::Overdrawn(_)) => assert!(!known && !fits),
            Err(LedgerError::Store(_)) => assert!(!acknowledged(commit)),
            Err(other) => unreachable!("{other}"),
        }
        if !known && fits && commit.is_done() {
            self.fate.insert(key, (State::Pending, now));
        }
    }

    /// Whether the accounts can pay for one more, by what is known of each key.
    fn fits(&self) -> bool {
        let paid = |start: i64| {
            let counted = self.fate.values().filter(|(s, at)| *s != State::Voided && *at >= start);
            counted.count() as u128 * PRICE
        };
        let start = self.wall - self.wall % WINDOW_MS;
        paid(0) + PRICE <= SHOP && paid(start) + PRICE <= OWN
    }

    /// What must hold in every state.
    fn check(&self, before: &Self, step: Step) {
        let durable = &self.durable;
        let paid = |key: u8| {
            let key = ChargeKey([key; 16]);
            let with = durable.charges.values().filter(|c| c.row.key == Some(key));
            with.map(|charge| (charge.row.state, charge.row.at.0)).collect::<Vec<_>>()
        };
        for key in 0..CHARGES {
            // Charged once at most, and what is durable is what was expected.
            assert_eq!(paid(key), self.fate.get(&key).copied().into_iter().collect::<Vec<_>>());
        }
        let spent = durable.sum("shop", 0).rho;
        assert!(spent <= amount(SHOP), "{spent} is spent");
        assert!(amount(self.shown.len() as u128 * PRICE) <= spent, "more is shown than is spent");
        let gives_back = matches!(step, Step::Void(_, _, commit) if commit.is_done());
        assert!(gives_back || before.durable.sum("shop", 0).rho <= spent, "what is spent falls");
        for (id, stored) in &durable.accounts {
            assert_eq!(stored.sum, durable.sum(id, stored.start_ms), "the sum of {id}");
        }
        let held = self.proxies.iter().flat_map(|proxy| proxy.held.keys());
        for key in held {
            assert_ne!(self.fate[key].0, State::Voided);
        }
    }

    /// An older state, put back: whoever saw more does nothing with it, running or starting.
    fn refuses(&self, older: &Durable) {
        for proxy in self.proxies.iter().filter(|proxy| proxy.seen.is_some()) {
            let seen = proxy.seen.unwrap();
            if older.meta.link.generation >= seen.generation {
                continue;
            }
            let memory = Memory::new(older.clone(), Commit::Acknowledged);
            let (clock, _) = Clock::fixed(Millis(self.wall));
            let backend = Arc::new(memory.clone());
            let started = Writer::connected(backend.clone(), clock.clone(), 1000, Some(seen)).err();
            assert!(matches!(started, Some(LedgerError::Restored(Restored::Older { .. }))));
            let mut running = Writer::resumed(backend, clock, 1000, seen);
            let charge = asked(0);
            let outcome =
                running.unit(&charging::needs(&charge), |batch| charging::reserve(batch, &charge));
            assert!(matches!(outcome, Err(LedgerError::Restored(_))), "{outcome:?}");
            assert_eq!(memory.durable().chain, older.chain);
        }
    }
}

/// Whether a proxy hears of success: at once, or when it looks for what it did not hear of.
fn acknowledged(commit: Commit) -> bool {
    matches!(commit, Commit::Acknowledged | Commit::Unheard)
}

#[test]
fn every_state_of_a_small_ledger_is_sound() {
    let mut known = BTreeSet::new();
    let mut ahead = VecDeque::from([World::new()]);
    let mut steps = 0_u64;
    while let Some(world) = ahead.pop_front() {
        for step in world.steps() {
            let mut next = world.clone();
            next.takes(step);
            next.check(&world, step);
            steps += 1;
            if known.insert(next.key()) {
                next.refuses(&world.durable);
                ahead.push_back(next);
            }
        }
    }
    // As many as there are: fewer would mean that something cannot happen any more.
    assert_eq!((known.len(), steps), (7_564, 205_627), "states and steps");
}
