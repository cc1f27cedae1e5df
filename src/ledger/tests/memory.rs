//! A store in memory that can be copied, and whose commits can go wrong in every way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::super::accounts::{Spent, Stored};
use super::super::chain::Link;
use super::super::control::Control;
use super::super::flights::Locks;
use super::super::store::{
    Backend, Changes, Counts, Kept, Known, Loaded, Meta, Needs, Page, Store, Sum, View,
    WholeCharge, WholeRelease,
};
use super::super::types::{LedgerError, State};
use crate::clock::Millis;

/// What is durable.
#[derive(Clone, Debug)]
pub(super) struct Durable {
    pub(super) meta: Meta,
    pub(super) chain: Vec<Link>,
    pub(super) charges: BTreeMap<i64, WholeCharge>,
    pub(super) accounts: BTreeMap<String, Spent>,
    pub(super) releases: Vec<WholeRelease>,
}

/// How a commit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commit {
    /// Done and acknowledged.
    Acknowledged,
    /// Lost on the way: not done.
    Lost,
    /// Done, and the acknowledgement is lost.
    Unheard,
    /// As before, and the store cannot be reached for a while.
    LostAndAway,
    UnheardAndAway,
}

impl Commit {
    pub(super) const ALL: [Self; 5] =
        [Self::Acknowledged, Self::Lost, Self::Unheard, Self::LostAndAway, Self::UnheardAndAway];

    pub(super) fn is_done(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Unheard | Self::UnheardAndAway)
    }

    fn is_away(self) -> bool {
        matches!(self, Self::LostAndAway | Self::UnheardAndAway)
    }
}

#[derive(Clone)]
pub(super) struct Memory(Arc<Mutex<(Durable, Commit, bool)>>);

impl Memory {
    /// What is durable, before a commit that is to end so.
    pub(super) fn new(durable: Durable, commit: Commit) -> Self {
        Self(Arc::new(Mutex::new((durable, commit, false))))
    }

    pub(super) fn durable(&self) -> Durable {
        self.0.lock().unwrap().0.clone()
    }
}

impl Durable {
    pub(super) fn empty() -> Self {
        let link = Link::first([7; 16], "made");
        let meta = Meta {
            ledger: [7; 16],
            mark: Millis(0),
            release_bytes: 0,
            last_charge: 0,
            final_charge: 0,
            last_release: 0,
            last_event: 0,
            link: link.clone(),
            moved: None,
        };
        let (charges, accounts, releases) = Default::default();
        Self { meta, chain: vec![link], charges, accounts, releases }
    }

    /// The debits that count from a time on.
    pub(super) fn sum(&self, id: &str, start: i64) -> Sum {
        let mut sum = Sum::default();
        for charge in self.charges.values() {
            let counts = charge.row.state != State::Voided && charge.row.at.0 >= start;
            for (_, loss) in charge.debits.iter().filter(|(payer, _)| counts && payer == id) {
                sum.add(loss);
            }
        }
        sum
    }

    fn apply(&mut self, changes: &Changes) {
        for charge in &changes.charges {
            assert!(self.charges.insert(charge.row.id, charge.clone()).is_none(), "a new id");
        }
        for (id, state) in &changes.states {
            let row = &mut self.charges.get_mut(id).unwrap().row;
            assert!(row.state != State::Voided, "voided is final");
            row.state = *state;
        }
        self.accounts.extend(changes.accounts.clone());
        self.releases.extend(changes.releases.iter().cloned());
        for link in &changes.links {
            assert_eq!(link.generation, self.meta.link.generation + 1);
            self.chain.push(link.clone());
        }
        if let Some(meta) = &changes.meta {
            self.meta = meta.clone();
        }
    }
}

fn away() -> LedgerError {
    LedgerError::Store("away".to_owned())
}

impl Backend for Memory {
    fn exists(&self) -> Result<bool, LedgerError> {
        Ok(true)
    }

    fn open(&self, _now: Millis) -> Result<Box<dyn Store>, LedgerError> {
        self.reconnect()
    }

    fn reconnect(&self) -> Result<Box<dyn Store>, LedgerError> {
        if self.0.lock().unwrap().2 {
            return Err(away());
        }
        Ok(Box::new(self.clone()))
    }

    fn found_is_durable(&self) -> bool {
        true
    }

    fn view(&self) -> Result<Box<dyn View>, LedgerError> {
        unreachable!("nobody reads here")
    }

    fn locks(&self) -> Result<Box<dyn Locks>, LedgerError> {
        unreachable!("nothing is in flight here")
    }
}

impl Store for Memory {
    fn begin(&mut self, needs: &Needs, known: Option<i64>) -> Result<Loaded, LedgerError> {
        let durable = &self.0.lock().unwrap().0;
        let charges = needs.charges.union(&needs.voids).filter_map(|id| {
            let WholeCharge { row, debits, .. } = durable.charges.get(id)?;
            Some((*id, Known { state: row.state, at: row.at, debits: debits.clone() }))
        });
        let releases = durable.releases.iter().filter(|r| needs.questions.contains(&r.question));
        let kept = |r: &WholeRelease| Kept {
            id: r.id,
            expires: r.expires,
            bytes: i64::try_from(r.payload.len()).unwrap(),
        };
        let keys = durable.charges.values().filter_map(|charge| charge.row.key);
        let known = known.and_then(|generation| {
            let link = durable.chain.iter().find(|link| link.generation == generation)?;
            Some(link.head)
        });
        Ok(Loaded {
            meta: durable.meta.clone(),
            accounts: durable
                .accounts
                .iter()
                .map(|(id, spent)| {
                    let control = Control::default();
                    (id.clone(), Stored { spent: spent.clone(), control })
                })
                .collect(),
            charges: charges.collect(),
            keys: keys.filter(|key| needs.keys.contains(key)).collect(),
            releases: releases.map(|r| (r.question, kept(r))).collect(),
            users: needs.users.clone(),
            requests: BTreeMap::new(),
            tokens: needs.tokens.clone(),
            known,
        })
    }

    fn sums(&mut self, of: &[(String, i64)]) -> Result<Vec<Sum>, LedgerError> {
        let durable = &self.0.lock().unwrap().0;
        Ok(of.iter().map(|(id, start)| durable.sum(id, *start)).collect())
    }

    fn latest(
        &mut self,
        _account: &str,
        _but: u32,
        _after: Millis,
    ) -> Result<Option<Millis>, LedgerError> {
        unreachable!("nothing is throttled here")
    }

    fn old_events(&mut self, _before: Millis) -> Result<i64, LedgerError> {
        unreachable!("nothing is forgotten here")
    }

    fn last_team_event(&mut self) -> Result<i64, LedgerError> {
        Ok(0)
    }

    fn resets_after(&mut self, _at: Millis) -> Result<BTreeMap<String, Control>, LedgerError> {
        unreachable!("nothing is reset here")
    }

    fn pending(
        &mut self,
        (after, last): (i64, i64),
        _count_max: i64,
    ) -> Result<Vec<i64>, LedgerError> {
        let durable = &self.0.lock().unwrap().0;
        let pending = durable.charges.range(after + 1..).filter(|(id, _)| **id <= last);
        let pending = pending.filter(|(_, charge)| charge.row.state == State::Pending);
        Ok(pending.map(|(id, _)| *id).collect())
    }

    fn expired_bytes(&mut self, _now: Millis) -> Result<i64, LedgerError> {
        unreachable!("nothing is forgotten here")
    }

    fn oldest(
        &mut self,
        _after: i64,
        _now: Millis,
        _count_max: i64,
    ) -> Result<Vec<(i64, i64)>, LedgerError> {
        unreachable!("nothing is forgotten here")
    }

    fn write(&mut self, _changes: &Changes) -> Result<(), LedgerError> {
        unreachable!("nothing is copied here")
    }

    fn commit(&mut self, changes: &Changes) -> Result<(), LedgerError> {
        let (durable, next, is_away) = &mut *self.0.lock().unwrap();
        // It was about one commit; what the writer does to find out about that one goes well.
        let commit = std::mem::replace(next, Commit::Acknowledged);
        if commit.is_done() {
            durable.apply(changes);
        }
        *is_away = commit.is_away();
        if commit == Commit::Acknowledged { Ok(()) } else { Err(away()) }
    }

    fn rollback(&mut self) -> Result<(), LedgerError> {
        Ok(())
    }

    fn mark_moved(&mut self, _to: Option<&str>) -> Result<(), LedgerError> {
        unreachable!("nothing is copied here")
    }

    fn page(&mut self, _of: Page) -> Result<Changes, LedgerError> {
        unreachable!("nothing is copied here")
    }

    fn counts(&mut self) -> Result<Counts, LedgerError> {
        unreachable!("nothing is copied here")
    }

    fn take_identity(&mut self, _meta: &Meta) -> Result<(), LedgerError> {
        unreachable!("nothing is copied here")
    }

    fn raw(&mut self, _sql: &str) -> Result<Option<i64>, LedgerError> {
        unreachable!("there is no SQL here")
    }
}
