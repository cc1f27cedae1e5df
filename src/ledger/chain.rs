//! The chain of generations: each unit of work that changes the ledger is one, and its head is a
//! digest of everything up to it.
//!
//! A ledger that was put back from an older copy lacks the last generations, and one that went on
//! from there has others in their place. Both show when the head that was last seen is looked for.

use noisegate_privacy::budget::{Amount, Loss};
use sha2::{Digest, Sha256};

use super::store::{Changes, WholeCharge};
use super::types::State;
use crate::clock::Millis;

/// The digest of a generation and of all before it.
pub(super) type Head = [u8; 32];

/// Says what is digested, so that no other use of the same bytes gives the same digest.
const CHANGES: &[u8] = b"noisegate ledger changes 1";
const LINK: &[u8] = b"noisegate ledger link 1";
const FIRST: &[u8] = b"noisegate ledger first 1";

/// A generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Its number.
    pub(super) generation: i64,
    /// Its digest.
    pub(super) head: Head,
    /// What an operator should know of it.
    pub(super) note: Option<String>,
}

impl Link {
    /// The first one of a ledger.
    pub(super) fn first(ledger: [u8; 16], note: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(FIRST);
        digest.update(ledger);
        Self { generation: 0, head: digest.finalize().into(), note: Some(note.to_owned()) }
    }

    /// The one after this, which makes these changes at this time.
    pub(super) fn next(&self, changes: &Changes, mark: Millis, note: Option<String>) -> Self {
        let generation = self.generation.saturating_add(1);
        let mut digest = Sha256::new();
        digest.update(LINK);
        digest.update(self.head);
        digest.update(generation.to_be_bytes());
        digest.update(mark.0.to_be_bytes());
        digest.update(of(changes, note.as_deref()));
        Self { generation, head: digest.finalize().into(), note }
    }
}

/// The digest of changes, whichever store makes them.
fn of(changes: &Changes, note: Option<&str>) -> [u8; 32] {
    let mut hash = Canonical(Sha256::new());
    hash.0.update(CHANGES);
    hash.count(changes.charges.len());
    for charge in &changes.charges {
        hash.charge(charge);
    }
    hash.count(changes.states.len());
    for (charge, state) in &changes.states {
        hash.number(*charge);
        hash.state(*state);
    }
    hash.count(changes.accounts.len());
    for (id, spent) in &changes.accounts {
        hash.bytes(id.as_bytes());
        hash.number(spent.window_ms);
        hash.number(spent.start_ms);
        hash.amount(&spent.sum.rho);
        hash.amount(&spent.sum.epsilon);
        hash.amount(&spent.sum.delta);
        hash.number(spent.sum.gaussian);
    }
    hash.option(changes.forget_expired.map(|until| until.0));
    hash.count(changes.forgotten.len());
    for id in &changes.forgotten {
        hash.number(*id);
    }
    hash.count(changes.releases.len());
    for release in &changes.releases {
        hash.number(release.id);
        hash.bytes(&release.question.0);
        hash.number(release.charge);
        hash.number(release.expires.0);
        hash.bytes(&release.payload);
    }
    hash.count(changes.users.len());
    for (name, verifier) in &changes.users {
        hash.bytes(name.as_bytes());
        hash.text(verifier.as_deref());
    }
    hash.text(note);
    hash.0.finalize().into()
}

/// Fields one after the other, each with its length, so that no two lists read alike.
struct Canonical(Sha256);

impl Canonical {
    fn number(&mut self, number: i64) {
        self.0.update(number.to_be_bytes());
    }

    fn count(&mut self, count: usize) {
        self.0.update(u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    fn option(&mut self, number: Option<i64>) {
        self.0.update([u8::from(number.is_some())]);
        self.number(number.unwrap_or(0));
    }

    fn text(&mut self, text: Option<&str>) {
        self.0.update([u8::from(text.is_some())]);
        self.bytes(text.unwrap_or_default().as_bytes());
    }

    fn state(&mut self, state: State) {
        self.bytes(state.name().as_bytes());
    }

    fn amount(&mut self, amount: &Amount) {
        self.bytes(amount.to_string().as_bytes());
    }

    fn loss(&mut self, loss: &Loss) {
        self.amount(&loss.rho);
        self.0.update([u8::from(loss.epsilon.is_some())]);
        if let Some(epsilon) = &loss.epsilon {
            self.amount(epsilon);
        }
        self.amount(&loss.delta);
    }

    fn charge(&mut self, charge: &WholeCharge) {
        let row = &charge.row;
        self.number(row.id);
        self.bytes(row.key.as_ref().map_or(&[], |key| &key.0[..]));
        self.bytes(&row.query.0);
        self.bytes(row.analyst.as_bytes());
        self.number(row.at.0);
        self.state(row.state);
        self.count(charge.leaves.len());
        for (question, loss) in &charge.leaves {
            self.bytes(&question.0);
            self.loss(loss);
        }
        self.count(charge.debits.len());
        for (account, loss) in &charge.debits {
            self.bytes(account.as_bytes());
            self.loss(loss);
        }
    }
}
