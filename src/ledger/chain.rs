//! The chain of generations: each unit of work that changes the ledger is one, and its head is a
//! digest of everything up to it.
//!
//! A ledger that was put back from an older copy lacks the last generations, and one that went on
//! from there has others in their place. Both show when the head that was last seen is looked for.

use noisegate_privacy::budget::{Amount, Loss};
use sha2::{Digest, Sha256};

use super::control::Control;
use super::event::is_kept;
use super::store::{Changes, EventRow, WholeCharge};
use super::types::State;
use crate::clock::Millis;

/// The digest of a generation and of all before it.
pub(super) type Head = [u8; 32];

// Each says what is digested, so that no other use of the same bytes gives the same digest.
const CHARGES: &[u8] = b"noisegate ledger charges 2";
const EVENTS: &[u8] = b"noisegate ledger events 2";
const REST: &[u8] = b"noisegate ledger rest 2";
const LINK: &[u8] = b"noisegate ledger link 2";
/// How the note of the generation begins that brought a ledger of an older version up to date.
pub(super) const BROUGHT: &str = "brought from version ";
/// How the note of a generation ends whose events are kept for ever: their absence shows.
pub(super) const KEPT: &str = "its events are kept";
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
    /// What its digest was made of; not in those of older versions, and where only the digest is
    /// needed. The first one that has it after such ones stands for all charges before.
    pub(super) made_of: Option<MadeOf>,
    /// A mark of each of its charges and then of its events, in order, so that what was changed can
    /// be told among many. Its digest does not need it; nothing in those of older versions.
    pub(super) marks: Vec<u8>,
}

/// The bytes of a mark.
const MARK_BYTES: usize = 8;

/// Which of some records is not the one that was marked, of those whose marks begin at one.
pub(super) fn unmarked<T>(
    marks: &[u8],
    first: usize,
    records: &[T],
    mark: impl Fn(&T) -> [u8; MARK_BYTES],
) -> Option<usize> {
    let (marks, _) = marks.as_chunks::<MARK_BYTES>();
    let marks = marks.get(first..)?.iter();
    marks.zip(records).position(|(marked, record)| *marked != mark(record))
}

/// The mark of a charge.
pub(super) fn charge_mark(charge: &WholeCharge) -> [u8; MARK_BYTES] {
    let mut hash = Canonical(Sha256::new());
    hash.0.update(CHARGES);
    hash.charge(charge);
    first_bytes(hash)
}

/// The mark of an event.
pub(super) fn event_mark(event: &EventRow) -> [u8; MARK_BYTES] {
    let mut hash = Canonical(Sha256::new());
    hash.0.update(EVENTS);
    hash.event(event);
    first_bytes(hash)
}

fn first_bytes(hash: Canonical) -> [u8; MARK_BYTES] {
    hash.0.finalize().first_chunk().copied().unwrap_or_default()
}

fn marks(changes: &Changes) -> Vec<u8> {
    let charges = changes.charges.iter().map(charge_mark);
    charges.chain(changes.events.iter().map(event_mark)).flatten().collect()
}

/// What the digest of a generation is made of, besides the one before and the rows themselves: so
/// that anybody can make it again from what the ledger holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MadeOf {
    /// The ledger's time.
    pub(super) mark: Millis,
    /// The latest charge. Those since the generation before are part of this one.
    pub(super) last_charge: i64,
    /// The latest event, likewise.
    pub(super) last_event: i64,
    /// The digest of the events, which may be forgotten later.
    pub(super) events: [u8; 32],
    /// The digest of what does not stay: states, sums, releases, users, tokens, decisions.
    pub(super) rest: [u8; 32],
}

impl Link {
    /// The first one of a ledger.
    pub(super) fn first(ledger: [u8; 16], note: &str) -> Self {
        let (events, rest) = (events(&[]), rest(&Changes::default()));
        let made_of = MadeOf { mark: Millis(0), last_charge: 0, last_event: 0, events, rest };
        Self { made_of: Some(made_of), ..Self::first_of_old(ledger, note) }
    }

    /// The first one of a ledger of before there were generations.
    pub(super) fn first_of_old(ledger: [u8; 16], note: &str) -> Self {
        let head = first_head(ledger);
        let note = Some(note.to_owned());
        Self { generation: 0, head, note, made_of: None, marks: Vec::new() }
    }

    /// The one after this, which makes these changes at this time. `counters` are the latest ids
    /// of a charge and of an event.
    pub(super) fn next(
        &self,
        changes: &Changes,
        mark: Millis,
        counters: (i64, i64),
        note: Option<String>,
    ) -> Self {
        let (last_charge, last_event) = counters;
        let (events, rest) = (events(&changes.events), rest(changes));
        let made_of = MadeOf { mark, last_charge, last_event, events, rest };
        let generation = self.generation.saturating_add(1);
        let kept = changes.events.iter().any(|event| is_kept(&event.kind));
        let note = match note {
            Some(note) if kept => Some(format!("{note}; {KEPT}")),
            None if kept => Some(KEPT.to_owned()),
            note => note,
        };
        let head =
            head(&self.head, generation, &made_of, &charges(&changes.charges), note.as_deref());
        Self { generation, head, note, made_of: Some(made_of), marks: marks(changes) }
    }
}

/// The digest of the first generation.
pub(super) fn first_head(ledger: [u8; 16]) -> Head {
    let mut digest = Sha256::new();
    digest.update(FIRST);
    digest.update(ledger);
    digest.finalize().into()
}

/// The digest of a generation.
pub(super) fn head(
    before: &Head,
    generation: i64,
    made_of: &MadeOf,
    charges: &[u8; 32],
    note: Option<&str>,
) -> Head {
    let mut hash = Canonical(Sha256::new());
    hash.0.update(LINK);
    hash.0.update(before);
    hash.number(generation);
    hash.number(made_of.mark.0);
    hash.number(made_of.last_charge);
    hash.number(made_of.last_event);
    hash.0.update(charges);
    hash.0.update(made_of.events);
    hash.0.update(made_of.rest);
    hash.text(note);
    hash.0.finalize().into()
}

/// The digest of charges, as they were made: what became of them later is not in it.
pub(super) fn charges(charges: &[WholeCharge]) -> [u8; 32] {
    let mut hash = Canonical(Sha256::new());
    hash.0.update(CHARGES);
    hash.count(charges.len());
    for charge in charges {
        hash.charge(charge);
    }
    hash.0.finalize().into()
}

/// The digest of events.
pub(super) fn events(events: &[EventRow]) -> [u8; 32] {
    let mut hash = Canonical(Sha256::new());
    hash.0.update(EVENTS);
    hash.count(events.len());
    for event in events {
        hash.event(event);
    }
    hash.0.finalize().into()
}

/// The digest of all other changes, whichever store makes them.
fn rest(changes: &Changes) -> [u8; 32] {
    let mut hash = Canonical(Sha256::new());
    hash.0.update(REST);
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
    hash.count(changes.controls.len());
    for (id, control) in &changes.controls {
        hash.bytes(id.as_bytes());
        hash.control(control);
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
    for (name, user) in &changes.users {
        hash.bytes(name.as_bytes());
        hash.text(user.as_ref().map(|user| user.verifier.as_str()));
    }
    hash.count(changes.tokens.len());
    for (id, token) in &changes.tokens {
        hash.bytes(id.as_bytes());
        hash.bytes(token.as_ref().map_or(&[], |token| &token.hash[..]));
    }
    hash.option(changes.forget_events.map(|before| before.0));
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
        self.count(charge.leaves.len());
        for (question, loss) in &charge.leaves {
            self.bytes(&question.0);
            self.loss(loss);
        }
        // They are read back in this order.
        let mut debits: Vec<&(String, Loss)> = charge.debits.iter().collect();
        debits.sort_by(|a, b| a.0.cmp(&b.0));
        self.count(debits.len());
        for (account, loss) in debits {
            self.bytes(account.as_bytes());
            self.loss(loss);
        }
    }

    fn event(&mut self, event: &EventRow) {
        self.number(event.id);
        self.number(event.at.0);
        let EventRow { who, via, kind, object, detail, why, .. } = event;
        for text in [who, via, kind, object, detail, why] {
            self.bytes(text.as_bytes());
        }
        self.bytes(event.request.as_ref().map_or(&[], |request| &request.key[..]));
        self.bytes(event.request.as_ref().map_or(&[], |request| &request.request[..]));
    }

    fn control(&mut self, control: &Control) {
        self.number(control.version);
        self.0.update([u8::from(control.frozen)]);
        self.text(control.cap.as_ref().map(Amount::to_string).as_deref());
        self.amount(&control.granted);
        self.option(control.granted_until.map(|until| until.0));
        self.option(control.reset_at.map(|at| at.0));
    }
}
