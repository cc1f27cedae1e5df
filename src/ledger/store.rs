//! What a place that keeps a ledger has to do: the whole of what a store knows about budgets.
//!
//! A unit of work begins with the store's one write lock and everything that its jobs said they
//! need, goes on in memory, and ends with all that changed, written at once. So a store over a
//! network needs the same few round trips for a thousand charges as for one, and what a charge
//! means is written once, for every store, in terms of these types.

use std::collections::{BTreeMap, BTreeSet};

use noisegate_privacy::budget::{Amount, Loss};

use super::accounts::{Spent, Stored};
use super::chain::{Head, Link};
use super::control::Control;
use super::event::{AuditCursor, AuditFilter, RequestKey};
use super::flights::Locks;
use super::shown::{
    Bucket, ChargeFilter, ChargeShown, Person, Recalled, ReleaseShown, Spender, Token,
};
use super::types::{LedgerError, State, Window};
use crate::clock::Millis;
use crate::ids::{Analyst, ChargeKey, QueryId, Question};

/// Where a ledger is kept, and how it is reached.
pub(super) trait Backend: Send + Sync {
    /// Whether there is a ledger already.
    fn exists(&self) -> Result<bool, LedgerError>;
    /// Connects, and makes the tables if there are none.
    fn open(&self, now: Millis) -> Result<Box<dyn Store>, LedgerError>;
    /// Connects again after a failure. A ledger that is gone is not made again: that would be one
    /// in which nothing is spent.
    fn reconnect(&self) -> Result<Box<dyn Store>, LedgerError>;
    /// Whether a commit that was not acknowledged, and is found afterwards, is durable once another
    /// one has been. It is where only the acknowledgement can get lost; a local file whose log
    /// could not be synced may look as if it had been.
    fn found_is_durable(&self) -> bool;
    /// Connects for reading.
    fn view(&self) -> Result<Box<dyn View>, LedgerError>;
    /// Connects for the locks of questions in flight.
    fn locks(&self) -> Result<Box<dyn Locks>, LedgerError>;
}

/// A connection that writes.
pub(super) trait Store: Send {
    /// Takes the write lock, and reads the state of the ledger as far as it is needed. `known` is
    /// the generation whose head is wanted.
    fn begin(&mut self, needs: &Needs, known: Option<i64>) -> Result<Loaded, LedgerError>;
    /// The sums of the debits of accounts that are not voided, each from a time on; in order.
    fn sums(&mut self, of: &[(String, i64)]) -> Result<Vec<Sum>, LedgerError>;
    /// When the latest debit of an account but `but` was made, if that was after a time. Charges
    /// that were voided do not count.
    fn latest(
        &mut self,
        account: &str,
        but: u32,
        after: Millis,
    ) -> Result<Option<Millis>, LedgerError>;
    /// How many events from before a time would be forgotten in one step: with all of their
    /// generation, and none of a generation with one that is kept for ever.
    fn old_events(&mut self, before: Millis) -> Result<i64, LedgerError>;
    /// The last change of a team.
    fn last_team_event(&mut self) -> Result<i64, LedgerError>;
    /// The decisions about accounts with a reset after a time.
    fn resets_after(&mut self, at: Millis) -> Result<BTreeMap<String, Control>, LedgerError>;
    /// The first pending charges after an id, and up to one.
    fn pending(&mut self, ids: (i64, i64), count_max: i64) -> Result<Vec<i64>, LedgerError>;
    /// How many bytes of releases have expired.
    fn expired_bytes(&mut self, now: Millis) -> Result<i64, LedgerError>;
    /// The first releases after an id that have not expired, with their sizes.
    fn oldest(
        &mut self,
        after: i64,
        now: Millis,
        count_max: i64,
    ) -> Result<Vec<(i64, i64)>, LedgerError>;
    /// Writes what changed, for the end of a copy to make durable.
    fn write(&mut self, changes: &Changes) -> Result<(), LedgerError>;
    /// Writes what changed and makes it durable. After an error it may be so or not.
    fn commit(&mut self, changes: &Changes) -> Result<(), LedgerError>;
    /// Ends a unit of work that changed nothing.
    fn rollback(&mut self) -> Result<(), LedgerError>;
    /// Says where the ledger was moved to, which ends it; or, with nothing, that it was not.
    fn mark_moved(&mut self, to: Option<&str>) -> Result<(), LedgerError>;
    /// Reads a page of everything, for a copy.
    fn page(&mut self, of: Page) -> Result<Changes, LedgerError>;
    /// Counts the rows of each table, for a copy.
    fn counts(&mut self) -> Result<Counts, LedgerError>;
    /// Puts everything about one ledger in the place of another that is empty.
    fn take_identity(&mut self, meta: &Meta) -> Result<(), LedgerError>;
    /// Whether the connection was lost, so that another one may help.
    fn lost(&self) -> bool {
        false
    }
    /// Runs a statement that a test made up; the first value of what it gives, if that is a number.
    #[cfg(test)]
    fn raw(&mut self, sql: &str) -> Result<Option<i64>, LedgerError>;
}

/// A connection that reads. It sees everything that was acknowledged before it is asked.
pub(super) trait View: Send {
    /// The ledger's mark and the stored sums of accounts. What follows up to [`Self::end`] is of
    /// the same moment where the store can do that.
    fn stored(
        &mut self,
        accounts: &[String],
    ) -> Result<(Millis, BTreeMap<String, Stored>), LedgerError>;
    /// As [`Store::latest`].
    fn latest(
        &mut self,
        account: &str,
        but: u32,
        after: Millis,
    ) -> Result<Option<Millis>, LedgerError>;
    /// As [`Store::sums`].
    fn sums(&mut self, of: &[(String, i64)]) -> Result<Vec<Sum>, LedgerError>;
    /// Ends what [`Self::stored`] began.
    fn end(&mut self) -> Result<(), LedgerError>;
    /// The latest charges of an analyst with the losses of their leaves, newest first.
    fn history(
        &mut self,
        analyst: &Analyst,
        count_max: u32,
    ) -> Result<Vec<(ChargeRow, Vec<Loss>)>, LedgerError>;
    /// The payload of the unexpired release that answers a question, and whether an analyst has
    /// paid for it or since.
    fn recall_for(
        &mut self,
        question: &Question,
        analyst: &Analyst,
        wall: Millis,
    ) -> Result<Option<Recalled>, LedgerError>;
    /// The decisions about accounts.
    fn controls(&mut self) -> Result<BTreeMap<String, Control>, LedgerError>;
    /// What was debited from an account in each part of a time, in order.
    fn buckets(
        &mut self,
        account: &str,
        time: (Millis, Millis),
        bucket_ms: i64,
    ) -> Result<Vec<Bucket>, LedgerError>;
    /// What analysts spent in a time: of an account, or all leaves.
    fn spenders(
        &mut self,
        account: Option<&str>,
        time: (Millis, Millis),
    ) -> Result<Vec<Spender>, LedgerError>;
    /// Charges before an id, newest first.
    fn charges(
        &mut self,
        filter: &ChargeFilter,
        before: i64,
        count_max: u32,
    ) -> Result<Vec<ChargeShown>, LedgerError>;
    /// Charges before a place in the audit, newest first; those in a state, or in any.
    fn charges_by_time(
        &mut self,
        filter: &AuditFilter,
        state: Option<State>,
        before: AuditCursor,
        count_max: u32,
    ) -> Result<Vec<ChargeShown>, LedgerError>;
    /// Events before a place in the audit, newest first.
    fn events_by_time(
        &mut self,
        filter: &AuditFilter,
        before: AuditCursor,
        count_max: u32,
    ) -> Result<Vec<EventRow>, LedgerError>;
    /// The first changes of teams after an id, in order.
    fn team_events(&mut self, after: i64, count_max: u32) -> Result<Vec<EventRow>, LedgerError>;
    /// Unexpired releases before an id, newest first.
    fn releases(
        &mut self,
        analyst: Option<&Analyst>,
        before: i64,
        count_max: u32,
        wall: Millis,
    ) -> Result<Vec<ReleaseShown>, LedgerError>;
    /// The unexpired releases of questions.
    fn releases_of(
        &mut self,
        questions: &[Question],
        wall: Millis,
    ) -> Result<Vec<ReleaseShown>, LedgerError>;
    /// All users, in order.
    fn people(&mut self) -> Result<Vec<Person>, LedgerError>;
    /// All tokens, in order of making.
    fn tokens(&mut self) -> Result<Vec<Token>, LedgerError>;
    /// The token with a digest.
    fn token(&mut self, hash: &[u8; 32]) -> Result<Option<Token>, LedgerError>;
    /// The ledger itself.
    fn meta(&mut self) -> Result<Meta, LedgerError>;
    /// The voided charges after an id.
    fn voided(&mut self, after: i64, count_max: i64) -> Result<Vec<i64>, LedgerError>;
    /// As [`Store::page`].
    fn page(&mut self, of: Page) -> Result<Changes, LedgerError>;
    /// The names of all users, in order.
    fn users(&mut self) -> Result<Vec<String>, LedgerError>;
    /// The verifier of a user.
    fn verifier(&mut self, name: &str) -> Result<Option<String>, LedgerError>;
    /// Whether the connection was lost, so that another one may help.
    fn lost(&self) -> bool {
        false
    }
}

/// What jobs have to know before they run.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    /// Accounts, with the window that they are about to be used with.
    pub(super) accounts: BTreeMap<String, Window>,
    /// Charges, of which the state is needed.
    pub(super) charges: BTreeSet<i64>,
    /// Charges that may be given back, of which the debits are needed too.
    pub(super) voids: BTreeSet<i64>,
    /// Keys that may have been charged already.
    pub(super) keys: BTreeSet<ChargeKey>,
    /// Questions that may have an answer already.
    pub(super) questions: BTreeSet<Question>,
    /// Users that there may be already.
    pub(super) users: BTreeSet<String>,
    /// Accounts of which only the decisions are needed.
    pub(super) controls: BTreeSet<String>,
    /// Requests that may have been done already.
    pub(super) requests: BTreeSet<[u8; 32]>,
    /// Tokens that there may be.
    pub(super) tokens: BTreeSet<String>,
}

impl Needs {
    /// Takes in what another job needs.
    pub(super) fn add(&mut self, other: &Self) {
        for (id, window) in &other.accounts {
            // Two windows in one batch: the second is summed when it is asked for.
            self.accounts.entry(id.clone()).or_insert(*window);
        }
        self.charges.extend(&other.charges);
        self.voids.extend(&other.voids);
        self.keys.extend(&other.keys);
        self.questions.extend(&other.questions);
        self.users.extend(other.users.iter().cloned());
        self.controls.extend(other.controls.iter().cloned());
        self.requests.extend(&other.requests);
        self.tokens.extend(other.tokens.iter().cloned());
    }
}

/// What the store says at the beginning of a unit of work.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    /// The ledger itself.
    pub(super) meta: Meta,
    /// The stored rows of the accounts, also of those that pay for [`Needs::voids`].
    pub(super) accounts: BTreeMap<String, Stored>,
    /// The charges that there are, of those that were asked for.
    pub(super) charges: BTreeMap<i64, Known>,
    /// The keys that were charged already.
    pub(super) keys: BTreeSet<ChargeKey>,
    /// The releases that are stored, expired or not.
    pub(super) releases: BTreeMap<Question, Kept>,
    /// The users that there are.
    pub(super) users: BTreeSet<String>,
    /// What was asked under the keys of requests that were done.
    pub(super) requests: BTreeMap<[u8; 32], [u8; 32]>,
    /// The tokens that there are.
    pub(super) tokens: BTreeSet<String>,
    /// The head of the generation that was asked for.
    pub(super) known: Option<Head>,
}

/// What there is once in a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    /// Which ledger this is; a copy is the same one.
    pub(super) ledger: [u8; 16],
    /// The latest time that the ledger knows.
    pub(super) mark: Millis,
    /// The size of what is remembered.
    pub(super) release_bytes: i64,
    /// The latest id of a charge.
    pub(super) last_charge: i64,
    /// Up to this id no charge is pending. So those that are can be found without an index of
    /// them, which each charge would have to enter and leave.
    pub(super) final_charge: i64,
    /// The latest id of a release.
    pub(super) last_release: i64,
    /// The latest id of an event.
    pub(super) last_event: i64,
    /// The latest generation.
    pub(super) link: Link,
    /// Where the ledger was moved to.
    pub(super) moved: Option<String>,
}

/// A charge as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// What became of it so far.
    pub(super) state: State,
    /// When it was made.
    pub(super) at: Millis,
    /// Who paid what, if that was asked for.
    pub(super) debits: Vec<(String, Loss)>,
}

/// A release as it is stored, without its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    /// Its place in the order of storing.
    pub(super) id: i64,
    /// From when on it does not answer any more.
    pub(super) expires: Millis,
    /// The size of its payload.
    pub(super) bytes: i64,
}

/// A sum of debits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// Σρ.
    pub(super) rho: Amount,
    /// Σε of those that have a price in it.
    pub(super) epsilon: Amount,
    /// Σδ.
    pub(super) delta: Amount,
    /// How many have no price in ε.
    pub(super) gaussian: i64,
}

/// The row of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChargeRow {
    /// In the order of charging.
    pub(super) id: i64,
    /// What makes a second try of it known; not in ledgers that are older than keys.
    pub(super) key: Option<ChargeKey>,
    /// The statement.
    pub(super) query: QueryId,
    /// Who asks.
    pub(super) analyst: String,
    /// When.
    pub(super) at: Millis,
    /// What became of it.
    pub(super) state: State,
}

/// A charge with all that it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WholeCharge {
    /// Itself.
    pub(super) row: ChargeRow,
    /// What was asked, and what it costs.
    pub(super) leaves: Vec<(Question, Loss)>,
    /// Who pays what.
    pub(super) debits: Vec<(String, Loss)>,
}

/// The row of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventRow {
    /// In the order of writing.
    pub(super) id: i64,
    /// The generation that it is part of.
    pub(super) generation: i64,
    /// When.
    pub(super) at: Millis,
    /// See [`super::event::Event`].
    pub(super) who: String,
    pub(super) via: String,
    pub(super) kind: String,
    pub(super) object: String,
    pub(super) detail: String,
    pub(super) why: String,
    /// The request that it was done for, if that can come again.
    pub(super) request: Option<RequestKey>,
}

/// The row of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserRow {
    /// What proves the password.
    pub(super) verifier: String,
    /// When the user was added.
    pub(super) added: Option<Millis>,
    /// When the user was seen last.
    pub(super) seen: Option<Millis>,
}

/// A release with its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WholeRelease {
    /// Its place in the order of storing.
    pub(super) id: i64,
    /// What it answers.
    pub(super) question: Question,
    /// The charge that paid for it.
    pub(super) charge: i64,
    /// From when on it does not answer any more.
    pub(super) expires: Millis,
    /// The release.
    pub(super) payload: Vec<u8>,
}

/// All that a unit of work changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// New charges, in order.
    pub(super) charges: Vec<WholeCharge>,
    /// New states of charges that were there.
    pub(super) states: BTreeMap<i64, State>,
    /// New sums of accounts.
    pub(super) accounts: BTreeMap<String, Spent>,
    /// New decisions about accounts.
    pub(super) controls: BTreeMap<String, Control>,
    /// New events, in order.
    pub(super) events: Vec<EventRow>,
    /// Forget the oldest events from before then, as [`Store::old_events`] counts them.
    pub(super) forget_events: Option<Millis>,
    /// Tokens, or that they are gone.
    pub(super) tokens: BTreeMap<String, Option<Token>>,
    /// When users were seen last.
    pub(super) seen: BTreeMap<String, Millis>,
    /// Forget all releases that expire up to then.
    pub(super) forget_expired: Option<Millis>,
    /// Forget these releases; before new ones are stored.
    pub(super) forgotten: Vec<i64>,
    /// New releases, in order.
    pub(super) releases: Vec<WholeRelease>,
    /// Users, or that they are gone.
    pub(super) users: BTreeMap<String, Option<UserRow>>,
    /// New generations; one, except for a copy.
    pub(super) links: Vec<Link>,
    /// The ledger as it is afterwards; not for a page of a copy.
    pub(super) meta: Option<Meta>,
}

impl Changes {
    /// Takes rows of accounts apart into sums and decisions.
    pub(super) fn take_accounts(&mut self, rows: impl IntoIterator<Item = (String, Stored)>) {
        for (id, Stored { spent, control }) in rows {
            if control.version > 0 {
                self.controls.insert(id.clone(), control);
            }
            self.accounts.insert(id, spent);
        }
    }

    /// Whether nothing but the ledger's time and counters may have changed.
    pub(super) fn is_empty(&self) -> bool {
        self.charges.is_empty()
            && self.states.is_empty()
            && self.accounts.is_empty()
            && self.controls.is_empty()
            && self.events.is_empty()
            && self.forget_events.is_none()
            && self.tokens.is_empty()
            && self.seen.is_empty()
            && self.forget_expired.is_none()
            && self.forgotten.is_empty()
            && self.releases.is_empty()
            && self.users.is_empty()
            && self.links.is_empty()
    }
}

/// What a copy reads next, after what it has.
#[derive(Clone, Debug)]
pub(super) enum Page {
    /// Charges after an id, with leaves and debits.
    Charges(i64),
    /// Accounts after a name.
    Accounts(String),
    /// Releases after an id.
    Releases(i64),
    /// Users after a name.
    Users(String),
    /// Tokens after an id.
    Tokens(String),
    /// Events after an id.
    Events(i64),
    /// Generations after one.
    Links(i64),
}

/// How many rows each table has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Charges.
    pub(super) charges: i64,
    /// Leaves of charges.
    pub(super) leaves: i64,
    /// Debits of charges.
    pub(super) debits: i64,
    /// Accounts.
    pub(super) accounts: i64,
    /// Releases.
    pub(super) releases: i64,
    /// Users.
    pub(super) users: i64,
    /// Tokens.
    pub(super) tokens: i64,
    /// Events.
    pub(super) events: i64,
    /// Generations.
    pub(super) links: i64,
}
