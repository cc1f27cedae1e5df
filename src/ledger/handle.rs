//! The handle that the rest of noisegate holds.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;

use tokio::sync::{Semaphore, oneshot};

use super::batch::Batch;
use super::event::{self, Event};
use super::flights::{Flight, Flights, Order, Take, Wanted};
use super::place::Place;
use super::reader::{Glance, Look, Reader, Sight};
use super::store::{Backend, Needs};
use super::types::{Account, Balance, Charge, Entry, LedgerError, Remembered, Reservation};
use super::writer::{Job, Opening, Purpose, Task, Writer};
use super::{Teams, charge, history, users};
use crate::clock::{Clock, Millis};
use crate::ids::{Analyst, Question};
use crate::metrics::LedgerMeters;
use crate::source::NotExecuted;

/// The most bytes of releases to remember, unless said otherwise.
const RELEASE_BYTES_MAX: i64 = 256 * 1024 * 1024;
/// The most requests that may wait, to write and to read; more wait for their turn.
const WAITING_MAX: usize = 4096;
/// The most looks at once on connections of their own.
const LOOKS_APART_MAX: usize = 2;
/// The most accounts in one look at balances.
const BALANCES_MAX: usize = 4096;

/// The ledger of budgets. A clone is another handle to the same one.
///
/// Every method may be cancelled; what it asked for may then happen all the same. A reservation
/// that is lost in this way stays spent.
#[derive(Clone)]
pub struct Ledger {
    jobs: Sender<Box<dyn Job>>,
    looks: Sender<Box<dyn Look>>,
    flights: Sender<Order>,
    waiting: Arc<Semaphore>,
    apart: Arc<Apart>,
    meters: LedgerMeters,
}

/// What looks of their own need.
struct Apart {
    backend: Arc<dyn Backend>,
    clock: Clock,
    places: Arc<Semaphore>,
    /// For a look at everything, which takes too long to be one of the others.
    whole: Arc<Semaphore>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

impl Ledger {
    /// Opens a ledger in a file, as [`Self::open_at`] does.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, LedgerError> {
        Self::open_at(&Place::sqlite(path), clock)
    }

    /// Opens a ledger, and makes it, for its owner only, if it is not there and never was.
    /// Charges that an earlier run left pending are posted: they stay spent.
    /// Several processes may have one ledger open.
    pub fn open_at(place: &Place, clock: Clock) -> Result<Self, LedgerError> {
        Self::open_sized(place, clock, RELEASE_BYTES_MAX)
    }

    /// The same for a command, which leaves pending what a proxy may be answering.
    pub fn open_beside(place: &Place, clock: Clock) -> Result<Self, LedgerError> {
        Self::open_as(place, clock, RELEASE_BYTES_MAX, Purpose::Command)
    }

    /// Opens a ledger that remembers at most so many bytes of releases.
    pub fn open_sized(
        place: &Place,
        clock: Clock,
        release_bytes_max: i64,
    ) -> Result<Self, LedgerError> {
        Self::open_as(place, clock, release_bytes_max, Purpose::Proxy)
    }

    /// Opens a ledger after [`LedgerError::Restored`], on an operator's word: whatever its state
    /// is, it goes on from there. What was spent since has to be taken from the limits by hand.
    pub fn accept_restored(place: &Place, clock: Clock) -> Result<Self, LedgerError> {
        Self::open_as(place, clock, RELEASE_BYTES_MAX, Purpose::AcceptRestored)
    }

    /// A look that may take long, on a connection of its own, so that logins and answers do not wait
    /// for it. A few at a time.
    pub(in crate::ledger) async fn read_apart<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Sight<'_>) -> Result<T, LedgerError> + Send + 'static,
    {
        self.look(Arc::clone(&self.apart.places), work).await
    }

    /// A look at the whole ledger, one at a time and beside those that may take long: two of them
    /// would leave no place for the lists that people wait for.
    pub(in crate::ledger) async fn read_whole<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Sight<'_>) -> Result<T, LedgerError> + Send + 'static,
    {
        self.look(Arc::clone(&self.apart.whole), work).await
    }

    /// A look on a connection of its own, at one of these places. It keeps its place until it has
    /// ended, also when nobody waits for it any more.
    async fn look<T, F>(&self, places: Arc<Semaphore>, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Sight<'_>) -> Result<T, LedgerError> + Send + 'static,
    {
        let apart = Arc::clone(&self.apart);
        let permit = places.acquire_owned().await.map_err(|_| ended())?;
        let (reply, answer) = oneshot::channel();
        // On a thread of its own: a store may need a runtime, which cannot be inside another one.
        spawn("ledger-look", move || {
            let seen = apart.backend.view().and_then(|mut view| {
                work(&mut Sight { view: view.as_mut(), wall: apart.clock.now() })
            });
            let _gone = reply.send(seen);
            drop(permit);
        })?;
        answer.await.map_err(|_| ended())?
    }

    fn open_as(
        place: &Place,
        clock: Clock,
        release_bytes_max: i64,
        purpose: Purpose,
    ) -> Result<Self, LedgerError> {
        let backend = place.backend();
        let how = Opening {
            backend: Arc::clone(&backend),
            seen: place
                .seen()
                .ok_or(LedgerError::Malformed("no place for what is seen"))?
                .to_owned(),
            clock: clock.clone(),
            release_bytes_max,
            purpose,
        };
        let (jobs, inbox) = mpsc::channel();
        let meters = LedgerMeters::default();
        let counted = meters.clone();
        // On its own thread from the beginning: a store may need a runtime of its own, which
        // cannot be inside another one.
        let (ready, opened) = mpsc::channel();
        spawn("ledger-writer", move || match Writer::open(how) {
            Ok(writer) => {
                let _waiting = ready.send(Ok(()));
                writer.run(&inbox, &counted);
            }
            Err(error) => {
                let _waiting = ready.send(Err(error));
            }
        })?;
        opened.recv().map_err(|_| ended())??;
        let apart = Apart {
            backend: Arc::clone(&backend),
            clock: clock.clone(),
            places: Arc::new(Semaphore::new(LOOKS_APART_MAX)),
            whole: Arc::new(Semaphore::new(1)),
        };
        let (looks, inbox) = mpsc::channel();
        let reader = Reader { backend: Arc::clone(&backend), clock };
        spawn("ledger-reader", move || reader.run(&inbox))?;
        let (orders, inbox) = mpsc::channel();
        let flights = Flights::new(backend);
        spawn("ledger-flights", move || flights.run(&inbox))?;
        Ok(Self {
            jobs,
            looks,
            flights: orders,
            apart: Arc::new(apart),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            meters,
        })
    }

    /// What its writer counts.
    pub fn meters(&self) -> &LedgerMeters {
        &self.meters
    }

    /// Charges all accounts of all leaves, or none. When this returns, the charge is on disk and
    /// counts as spent.
    ///
    /// A key that was charged before is refused, and not charged again: so a charge whose
    /// acknowledgement was lost may be asked for again, and costs once.
    pub async fn reserve(&self, charge: Charge) -> Result<Reservation, LedgerError> {
        charge::validate(&charge)?;
        self.write(charge::needs(&charge), move |batch| charge::reserve(batch, &charge)).await
    }

    /// Posts a charge and remembers its releases, in one durable step. Only then may they be
    /// shown. A question with an unexpired release keeps that one; what is remembered is bounded
    /// (all expired releases go first, then the oldest).
    pub async fn settle(
        &self,
        reservation: Reservation,
        releases: Vec<Remembered>,
    ) -> Result<(), LedgerError> {
        let needs = Needs {
            charges: [reservation.charge].into(),
            questions: releases.iter().map(|release| release.question).collect(),
            ..Needs::default()
        };
        self.write(needs, move |batch| charge::settle(batch, reservation.charge, &releases)).await
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
        let needs = Needs { voids: [reservation.charge].into(), ..Needs::default() };
        self.write(needs, move |batch| charge::void(batch, reservation.charge)).await
    }

    /// The unexpired release that answers a question, whoever has paid for it.
    pub async fn recall(&self, question: Question) -> Result<Option<Vec<u8>>, LedgerError> {
        let recalled = self.recall_for(question, &Analyst(String::new())).await?;
        Ok(recalled.map(|recalled| recalled.payload))
    }

    /// What accounts have spent in their windows.
    pub async fn balances(&self, accounts: Vec<Account>) -> Result<Vec<Balance>, LedgerError> {
        if accounts.len() > BALANCES_MAX {
            return Err(LedgerError::Malformed("too many accounts to look at"));
        }
        self.read(move |sight| sight.balances(&accounts)).await
    }

    /// The latest charges of an analyst, newest first.
    pub async fn history(&self, analyst: &Analyst, limit: u32) -> Result<Vec<Entry>, LedgerError> {
        let analyst = analyst.clone();
        self.read(move |sight| history::of(sight.view, &analyst, limit)).await
    }

    /// Adds a user, or gives a known one another SCRAM verifier.
    pub async fn put_user(&self, name: &str, verifier: &str) -> Result<(), LedgerError> {
        let event = Event { object: name.to_owned(), ..event::of_operator(users::PUT) };
        self.put_user_as(name, verifier, None, event).await
    }

    /// Removes a user; whether there was one.
    pub async fn remove_user(&self, name: &str) -> Result<bool, LedgerError> {
        let event = Event { object: name.to_owned(), ..event::of_operator(users::REMOVE) };
        loop {
            let known = self.teams(&Teams::default()).await?;
            let removed = self.remove_user_as(name, event.clone(), (&known, Vec::new())).await?;
            if let Some(known) = removed {
                return Ok(known);
            }
        }
    }

    /// The names of all users, in order.
    pub async fn users(&self) -> Result<Vec<String>, LedgerError> {
        self.read(|sight| sight.view.users()).await
    }

    /// The SCRAM verifier of a user.
    pub async fn verifier(&self, name: &str) -> Result<Option<String>, LedgerError> {
        // Whoever connects may give any name.
        if users::validate(name, "any").is_err() {
            return Ok(None);
        }
        let name = name.to_owned();
        self.read(move |sight| sight.view.verifier(&name)).await
    }

    /// Takes the machine's clock as it is, on an operator's word, after [`LedgerError::Clock`];
    /// returns the ledger's time from now on. A clock set back reopens no window.
    pub async fn accept_clock(&self) -> Result<Millis, LedgerError> {
        self.write(Needs::default(), |batch| {
            let now = batch.accept_clock()?;
            batch.record(&event::of_operator("ledger.accept_clock"), None);
            Ok(now)
        })
        .await
    }

    /// Has the writer run a job, and waits until it is on disk.
    pub(in crate::ledger) async fn write<T, F>(
        &self,
        needs: Needs,
        work: F,
    ) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Batch<'_>) -> Result<T, LedgerError> + Send + 'static,
    {
        let permit = Arc::clone(&self.waiting).acquire_owned().await.map_err(|_| ended())?;
        let (reply, answer) = oneshot::channel();
        let task: Box<dyn Job> = Box::new(Task::new(needs, work, reply, permit));
        self.jobs.send(task).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// A flight, if it can have the locks that it wants now.
    pub(in crate::ledger) async fn try_flight(
        &self,
        wanted: Wanted,
    ) -> Result<Option<Flight>, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let order = Order::Take(Take { wanted, orders: self.flights.clone(), reply });
        self.flights.send(order).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    pub(in crate::ledger) async fn read<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: Fn(&mut Sight<'_>) -> Result<T, LedgerError> + Send + 'static,
    {
        let permit = Arc::clone(&self.waiting).acquire_owned().await.map_err(|_| ended())?;
        let (reply, answer) = oneshot::channel();
        let look: Box<dyn Look> = Box::new(Glance::new(work, reply, permit));
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
