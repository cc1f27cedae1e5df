//! What is asked: it follows from the seed and a number, so anybody can ask it again, and anybody
//! knows what it has to cost.

use std::collections::BTreeMap;

use noisegate::clock::Millis;
use noisegate::ids::{Analyst, ChargeKey, QueryId, Question};
use noisegate::ledger::{Account, Charge, Control, LeafCharge, Window};
use noisegate_privacy::budget::{Accountant, Amount, Loss};

use crate::random::Random;

pub(crate) const DAY: i64 = 24 * 60 * 60 * 1000;
pub(crate) const ANALYSTS: u64 = 14;
pub(crate) const TEAMS: u64 = 2;
pub(crate) const SHOP: &str = "shop";

/// What becomes of a reservation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Settled,
    /// It stays spent.
    Dropped,
    /// Given back, since the source could not be reached.
    Voided,
}

pub(crate) struct Ask {
    pub(crate) number: u64,
    pub(crate) end: End,
    /// The price of each leaf, and who pays it.
    leaves: Vec<(u64, Vec<String>)>,
}

/// The number of what the client of a process asks: each is asked for the first time once.
pub(crate) fn number(process: u64, generation: u64, client: u64, sequence: u64) -> u64 {
    (process << 56) | (generation << 40) | (client << 32) | sequence
}

impl Ask {
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut random = Random::of(&[seed, number]);
        let own = format!("each_analyst/{}", random.below(ANALYSTS));
        let team = format!("data_team/{}", random.below(TEAMS));
        let mut first = vec![own.clone(), SHOP.to_owned()];
        if random.below(3) > 0 {
            first.insert(1, team);
        }
        let mut leaves = vec![(random.below(5) + 1, first)];
        if random.below(4) == 0 {
            leaves.push((random.below(3) + 1, vec![own, SHOP.to_owned()]));
        }
        let end = match random.below(8) {
            0 => End::Voided,
            1 | 2 => End::Dropped,
            _ => End::Settled,
        };
        Self { number, end, leaves }
    }

    /// What each account has to pay.
    pub(crate) fn debits(&self) -> BTreeMap<String, u64> {
        let mut debits = BTreeMap::new();
        for (rho, accounts) in &self.leaves {
            for account in accounts {
                *debits.entry(account.clone()).or_default() += rho;
            }
        }
        debits
    }

    /// What the shop has to pay, which pays for all leaves.
    pub(crate) fn price(&self) -> u64 {
        self.leaves.iter().map(|(rho, _)| rho).sum()
    }

    pub(crate) fn charge(&self, terms: &Terms) -> Charge {
        let leaves = self.leaves.iter().zip(0..).map(|((rho, accounts), at)| LeafCharge {
            question: question(self.number, at),
            loss: Loss { rho: amount(*rho), epsilon: None, delta: Amount::ZERO },
            accounts: accounts.iter().map(|id| terms.account(id)).collect(),
        });
        Charge {
            key: key(self.number),
            query: QueryId(self.number.to_le_bytes()),
            analyst: Analyst("alice".to_owned()),
            leaves: leaves.collect(),
        }
    }
}

/// What a process holds its charges against: its policy, and what administrators decided.
#[derive(Clone, Default)]
pub(crate) struct Terms {
    /// Whether its policy is an older one, with smaller limits.
    pub(crate) older: bool,
    pub(crate) shop: u64,
    pub(crate) controls: BTreeMap<String, Control>,
    /// The ledger's time.
    pub(crate) now: i64,
}

impl Terms {
    pub(crate) fn account(&self, id: &str) -> Account {
        let control = self.controls.get(id).cloned().unwrap_or_default();
        let limit = limit(policy(id, self.older, self.shop), &control, Millis(self.now));
        Account {
            id: id.to_owned(),
            accountant: Accountant::Zcdp,
            rho: amount(limit),
            epsilon: Amount::ZERO,
            delta: Amount::ZERO,
            window: window(id),
            throttle: Vec::new(),
            control: control.in_force(Millis(self.now)),
        }
    }
}

/// What the policy allows an account.
pub(crate) fn policy(id: &str, older: bool, shop: u64) -> u64 {
    match (id.split('/').next().unwrap(), older) {
        ("each_analyst", false) => 120,
        ("each_analyst", true) => 80,
        ("data_team", false) => 500,
        ("data_team", true) => 350,
        (_, false) => shop,
        (_, true) => shop.saturating_sub(300),
    }
}

/// The same after what was decided. The policy's unit is that of grants and caps here.
pub(crate) fn limit(policy: u64, control: &Control, now: Millis) -> u64 {
    let granted = policy + units(&control.granted_at(now));
    control.cap.as_ref().map_or(granted, |cap| granted.min(units(cap)))
}

pub(crate) fn window(id: &str) -> Window {
    match id.split('/').next().unwrap() {
        "each_analyst" => Window::Every { ms: DAY },
        "data_team" => Window::Month,
        _ => Window::Lifetime,
    }
}

pub(crate) fn amount(units: u64) -> Amount {
    Amount::parse(&units.to_string()).unwrap()
}

pub(crate) fn units(amount: &Amount) -> u64 {
    amount.to_string().parse().unwrap()
}

pub(crate) fn key(number: u64) -> ChargeKey {
    let mut bytes = [0; 16];
    let (one, other) = bytes.split_at_mut(8);
    one.copy_from_slice(&number.to_be_bytes());
    other.copy_from_slice(&(!number).to_be_bytes());
    ChargeKey(bytes)
}

/// The number that a key was made of.
pub(crate) fn number_of(key: &[u8]) -> u64 {
    let number = u64::from_be_bytes(key[..8].try_into().unwrap());
    assert_eq!(self::key(number).0, key, "a key that nobody made");
    number
}

pub(crate) fn question(number: u64, leaf: u8) -> Question {
    let mut bytes = [leaf; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Question(bytes)
}

pub(crate) fn payload(number: u64) -> Vec<u8> {
    number.to_string().repeat(5).into_bytes()
}
