//! What the processes said.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::asks::Ask;

/// The clock that all processes of the test share, in microseconds.
pub(crate) fn micros() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// Under what something was asked.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    /// By processes of the older policy only.
    pub(crate) older: bool,
    /// The largest limit of the shop that it was asked under.
    pub(crate) shop: u64,
    /// When it was asked last.
    pub(crate) at: u64,
}

#[derive(Default)]
pub(crate) struct Told {
    pub(crate) seed: u64,
    pub(crate) asked: BTreeMap<u64, Asked>,
    /// What has no outcome yet, and who was asked.
    pub(crate) open: BTreeMap<u64, usize>,
    /// What was charged and acknowledged: between which times.
    pub(crate) charged: BTreeMap<u64, (u64, u64)>,
    /// What turned out to be charged already, which is an acknowledgement too.
    pub(crate) repeated: BTreeSet<u64>,
    /// What was refused, and by which account.
    pub(crate) refused: BTreeMap<u64, String>,
    pub(crate) voiding: BTreeSet<u64>,
    pub(crate) voided: BTreeSet<u64>,
    pub(crate) settled: Vec<u64>,
    /// What each account was charged, as far as it was acknowledged and not to be given back.
    pub(crate) sums: BTreeMap<String, u64>,
    /// How often other things were said.
    pub(crate) counts: BTreeMap<String, u64>,
    /// What no process may say.
    pub(crate) wrong: Vec<String>,
    /// What was said since the last audit.
    pub(crate) news: News,
}

/// What an audit holds against the ledger, one by one.
#[derive(Default)]
pub(crate) struct News {
    pub(crate) acknowledged: Vec<u64>,
    pub(crate) refused: Vec<u64>,
    pub(crate) voided: Vec<u64>,
}

impl Told {
    pub(crate) fn hear(&mut self, process: usize, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = || words[1].parse::<u64>().unwrap();
        match words[0] {
            "ask" => self.hear_ask(process, number(), &words),
            "charged" => {
                let (price, at) = (words[2].parse::<u64>().unwrap(), words[3].parse().unwrap());
                let before = self.charged.insert(number(), (self.asked[&number()].at, at));
                assert!(before.is_none(), "charged twice: {line}");
                assert_eq!(price, Ask::of(self.seed, number()).price(), "the price: {line}");
                self.acknowledge(number());
            }
            "repeated" => {
                assert!(self.repeated.insert(number()), "repeated twice: {line}");
                self.acknowledge(number());
            }
            "refused" | "frozen" => {
                *self.counts.entry(kind_of(words[0], words[2])).or_default() += 1;
                self.refused.insert(number(), words[2].to_owned());
                self.news.refused.push(number());
                self.open.remove(&number());
            }
            "voiding" => {
                self.voiding.insert(number());
                for (account, rho) in Ask::of(self.seed, number()).debits() {
                    *self.sums.get_mut(&account).unwrap() -= rho;
                }
            }
            "voided" => {
                self.voided.insert(number());
                self.news.voided.push(number());
            }
            "settled" => self.settled.push(number()),
            "wrong" => self.wrong.push(line.to_owned()),
            "failed" | "full" | "clock" | "terms" => {
                *self.counts.entry(words[0].to_owned()).or_default() += 1;
            }
            // What the test harness of the process says.
            _ => {}
        }
    }

    fn hear_ask(&mut self, process: usize, number: u64, words: &[&str]) {
        let older = words[2] == "older";
        let (shop, at) = (words[3].parse().unwrap(), words[4].parse().unwrap());
        let asked = self.asked.entry(number).or_insert(Asked { older, shop, at });
        *asked = Asked { older: asked.older && older, shop: asked.shop.max(shop), at };
        self.open.insert(number, process);
    }

    fn acknowledge(&mut self, number: u64) {
        self.open.remove(&number);
        self.news.acknowledged.push(number);
        for (account, rho) in Ask::of(self.seed, number).debits() {
            *self.sums.entry(account).or_default() += rho;
        }
    }

    /// What was asked of a process that gave no answer.
    pub(crate) fn left_by(&self, process: usize) -> Vec<u64> {
        self.open
            .iter()
            .filter(|(_, asked)| **asked == process)
            .map(|(number, _)| *number)
            .collect()
    }

    pub(crate) fn count(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }
}

/// Refusals are counted by the kind of the account.
fn kind_of(word: &str, account: &str) -> String {
    format!("{word} {}", account.split('/').next().unwrap())
}
