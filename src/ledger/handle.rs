//! The handle that the rest of noisegate holds.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;

use tokio::sync::{Semaphore, oneshot};

use super::accounts::Spent;
use super::batch::Batch;
use super::reader::{Look, Reader, View};
use super::types::{Account, Balance, Charge, Entry, LedgerError, Remembered, Reservation};
use super::writer::{Job, Task, Writer};
use super::{charge, history, releases, store, users};
use crate::clock::{Clock, Millis};
use crate::ids::{Analyst, Question};
use crate::source::NotExecuted;

/// The most bytes of releases to remember, unless said otherwise.
const RELEASE_BYTES_MAX: i64 = 256 * 1024 * 1024;
/// The most requests that may wait, to write and to read; more wait for their turn.
const WAITING_MAX: usize = 4096;
/// The most accounts in one look at balances.
const BALANCES_MAX: usize = 4096;

/// The ledger of budgets. A clone is another handle to the same one.
///
/// Every method may be cancelled; what it asked for may then happen all the same. A reservation
/// that is lost in this way stays spent.
#[derive(Clone)]
pub struct Ledger {
    jobs: Sender<Box<dyn Job>>,
    looks: Sender<Look>,
    waiting: Arc<Semaphore>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

impl Ledger {
    /// Opens a ledger file, and makes it, readable by its owner only, if it is not there.
    /// Charges that an earlier run left pending are posted: they stay spent.
    /// Several processes may have one ledger open.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, LedgerError> {
        Self::open_sized(path, clock, RELEASE_BYTES_MAX)
    }

    /// Opens a ledger that remembers at most so many bytes of releases.
    pub fn open_sized(
        path: &Path,
        clock: Clock,
        release_bytes_max: i64,
    ) -> Result<Self, LedgerError> {
        let conn = Some(store::open(path, clock.now())?);
        let identity = store::Identity::of(path)?;
        let path = path.to_owned();
        let (jobs, inbox) = mpsc::channel();
        let writer =
            Writer { path: path.clone(), clock: clock.clone(), release_bytes_max, identity, conn };
        spawn("ledger-writer", move || writer.run(&inbox))?;
        let (looks, inbox) = mpsc::channel();
        let reader = Reader { path, clock };
        spawn("ledger-reader", move || reader.run(&inbox))?;
        Ok(Self { jobs, looks, waiting: Arc::new(Semaphore::new(WAITING_MAX)) })
    }

    /// Charges all accounts of all leaves, or none. When this returns, the charge is on disk and
    /// counts as spent.
    pub async fn reserve(&self, charge: Charge) -> Result<Reservation, LedgerError> {
        self.write(move |batch| charge::reserve(batch, &charge)).await
    }

    /// Posts a charge and remembers its releases, in one durable step. Only then may they be
    /// shown. A question with an unexpired release keeps that one; what is remembered is bounded
    /// (all expired releases go first, then the oldest).
    pub async fn settle(
        &self,
        reservation: Reservation,
        releases: Vec<Remembered>,
    ) -> Result<(), LedgerError> {
        self.write(move |batch| charge::settle(batch, reservation.charge, &releases)).await
    }

    /// Gives a charge back, on proof that the source was never asked.
    pub async fn void(
        &self,
        reservation: Reservation,
        _proof: NotExecuted,
    ) -> Result<(), LedgerError> {
        self.give_back(reservation).await
    }

    /// The part of [`Self::void`] after the proof.
    pub(in crate::ledger) async fn give_back(
        &self,
        reservation: Reservation,
    ) -> Result<(), LedgerError> {
        self.write(move |batch| charge::void(batch, reservation.charge)).await
    }

    /// The unexpired release that answers a question. It does not wait for writes.
    pub async fn recall(&self, question: Question) -> Result<Option<Vec<u8>>, LedgerError> {
        self.read(move |view| releases::recall(view.conn, &question, view.now)).await
    }

    /// What accounts have spent in their windows.
    pub async fn balances(&self, accounts: Vec<Account>) -> Result<Vec<Balance>, LedgerError> {
        if accounts.len() > BALANCES_MAX {
            return Err(LedgerError::Malformed("too many accounts to look at"));
        }
        let balance = |view: &View<'_>, account: Account| {
            let spent = Spent::load(view.conn, &account, view.now)?;
            Ok(spent.balance(account, view.now))
        };
        self.read(move |view| accounts.into_iter().map(|a| balance(view, a)).collect()).await
    }

    /// The latest charges of an analyst, newest first.
    pub async fn history(&self, analyst: &Analyst, limit: u32) -> Result<Vec<Entry>, LedgerError> {
        let analyst = analyst.clone();
        self.read(move |view| history::of(view.conn, &analyst, limit)).await
    }

    /// Adds a user, or gives a known one another SCRAM verifier.
    pub async fn put_user(&self, name: &str, verifier: &str) -> Result<(), LedgerError> {
        let (name, verifier) = (name.to_owned(), verifier.to_owned());
        self.write(move |batch| users::put(batch.conn, &name, &verifier)).await
    }

    /// Removes a user; whether there was one.
    pub async fn remove_user(&self, name: &str) -> Result<bool, LedgerError> {
        let name = name.to_owned();
        self.write(move |batch| users::remove(batch.conn, &name)).await
    }

    /// The names of all users, in order.
    pub async fn users(&self) -> Result<Vec<String>, LedgerError> {
        self.read(|view| users::names(view.conn)).await
    }

    /// The SCRAM verifier of a user.
    pub async fn verifier(&self, name: &str) -> Result<Option<String>, LedgerError> {
        let name = name.to_owned();
        self.read(move |view| users::verifier(view.conn, &name)).await
    }

    /// Takes the machine's clock as it is, on an operator's word, after [`LedgerError::Clock`];
    /// returns the ledger's time from now on. A clock set back reopens no window.
    pub async fn accept_clock(&self) -> Result<Millis, LedgerError> {
        self.write(|batch| Ok(batch.accept_clock())).await
    }

    /// Has the writer run a job, and waits until it is on disk.
    pub(in crate::ledger) async fn write<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Batch<'_>) -> Result<T, LedgerError> + Send + 'static,
    {
        let permit = Arc::clone(&self.waiting).acquire_owned().await.map_err(|_| ended())?;
        let (reply, answer) = oneshot::channel();
        let task: Box<dyn Job> = Box::new(Task::new(work, reply, permit));
        self.jobs.send(task).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    async fn read<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&View<'_>) -> Result<T, LedgerError> + Send + 'static,
    {
        let permit = Arc::clone(&self.waiting).acquire_owned().await.map_err(|_| ended())?;
        let (reply, answer) = oneshot::channel();
        let look: Look = Box::new(move |view| {
            let outcome = view.and_then(|view| work(&view));
            let sound = !matches!(outcome, Err(LedgerError::Store(_)));
            let _gone = reply.send(outcome);
            drop(permit);
            sound
        });
        self.looks.send(look).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), LedgerError> {
    thread::Builder::new().name(name.to_owned()).spawn(work)?;
    Ok(())
}

fn ended() -> LedgerError {
    LedgerError::Store("the ledger's thread has ended".to_owned())
}
