//! The one thread that writes: it commits all that waits in one unit of work.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::batch::Batch;
use super::event;
use super::seen::{self, Mark, Seen};
use super::store::{Backend, Changes, Loaded, Needs, Store};
use super::types::{LedgerError, Restored};
use crate::clock::Clock;
use crate::metrics::LedgerMeters;

/// The most jobs in one unit of work.
pub(super) const JOBS_MAX: usize = 1024;
/// How often the time is noted while nobody asks for anything, so that a quiet month does not
/// look like a jump of the clock.
const IDLE: Duration = Duration::from_hours(1);
/// The part of the last unit of work's time that others are waited for: an eighth.
const GATHERING: u32 = 8;
/// And not longer than this.
const GATHERING_MAX: Duration = Duration::from_micros(500);
/// How many charges that an earlier run left behind are posted in one unit of work.
const PENDING_MAX: i64 = 1024;

/// Something to write. It runs inside a unit of work and is answered once that is durable.
pub(super) trait Job: Send {
    /// What it has to know.
    fn needs(&self) -> &Needs;
    /// Does the work and keeps its outcome. An error here is one of the store, and fails all.
    fn run(&mut self, batch: &mut Batch<'_>) -> Result<(), LedgerError>;
    /// Answers: the outcome, or the failure of the whole unit of work.
    fn answer(self: Box<Self>, failure: Option<&LedgerError>);
}

/// A [`Job`] made of a function.
pub(super) struct Task<T, F> {
    needs: Needs,
    work: Option<F>,
    outcome: Option<Result<T, LedgerError>>,
    reply: oneshot::Sender<Result<T, LedgerError>>,
    /// Its place in the queue, given up with the answer.
    _permit: OwnedSemaphorePermit,
}

impl<T, F> Task<T, F> {
    /// A job that runs `work`.
    pub(super) fn new(
        needs: Needs,
        work: F,
        reply: oneshot::Sender<Result<T, LedgerError>>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self { needs, work: Some(work), outcome: None, reply, _permit: permit }
    }
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Batch<'_>) -> Result<T, LedgerError> + Send,
{
    fn needs(&self) -> &Needs {
        &self.needs
    }

    fn run(&mut self, batch: &mut Batch<'_>) -> Result<(), LedgerError> {
        let Some(work) = self.work.take() else { return Ok(()) };
        match work(batch) {
            Err(error @ LedgerError::Store(_)) => Err(error),
            outcome => {
                self.outcome = Some(outcome);
                Ok(())
            }
        }
    }

    fn answer(self: Box<Self>, failure: Option<&LedgerError>) {
        let outcome = match (failure, self.outcome) {
            (Some(failure), _) => Err(failure.clone()),
            (None, Some(outcome)) => outcome,
            (None, None) => Err(LedgerError::Store("the request was not run".to_owned())),
        };
        // Who asked may be gone: what was reserved for them stays spent.
        let _gone = self.reply.send(outcome);
    }
}

/// The state of the writing thread.
pub(super) struct Writer {
    backend: Arc<dyn Backend>,
    clock: Clock,
    release_bytes_max: i64,
    /// The connection; `None` after the store failed.
    store: Option<Box<dyn Store>>,
    /// The latest state that this writer knows of, and where it is noted.
    last: Mark,
    seen: Option<Seen>,
}

/// How a ledger is opened.
pub(super) struct Opening {
    /// Where it is.
    pub(super) backend: Arc<dyn Backend>,
    /// Where its last state is noted.
    pub(super) seen: PathBuf,
    /// Where the time comes from.
    pub(super) clock: Clock,
    /// The most bytes of releases to remember.
    pub(super) release_bytes_max: i64,
    /// What for.
    pub(super) purpose: Purpose,
}

/// What a ledger is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// For a proxy: what an earlier run left pending is posted.
    Proxy,
    /// For a command: a proxy may be answering what is pending.
    Command,
    /// On an operator's word, any state of the ledger will do.
    AcceptRestored,
}

impl Writer {
    /// Opens the ledger, unless it is another or an older one than was last seen.
    pub(super) fn open(how: Opening) -> Result<Self, LedgerError> {
        let Opening { backend, seen: path, clock, release_bytes_max, purpose } = how;
        let accepts = purpose == Purpose::AcceptRestored;
        let before = if accepts { None } else { seen::read(&path)? };
        let mut writer = Self::connected(backend, clock, release_bytes_max, before)?;
        if purpose != Purpose::Command {
            writer.post_pending()?;
        }
        if accepts {
            writer.unit(&Needs::default(), |batch| {
                batch.note("an operator accepted a restored ledger".to_owned());
                batch.record(&event::of_operator("ledger.accept_restored"), None);
                Ok(())
            })?;
        }
        writer.seen = Some(Seen::begin(&path, &writer.last)?);
        Ok(writer)
    }

    /// Posts what an earlier run left pending.
    pub(super) fn post_pending(&mut self) -> Result<(), LedgerError> {
        while self.unit(&Needs::default(), |batch| batch.post_pending(PENDING_MAX))? {}
        Ok(())
    }

    /// Opens a ledger of which a state was seen before.
    pub(super) fn connected(
        backend: Arc<dyn Backend>,
        clock: Clock,
        release_bytes_max: i64,
        before: Option<Mark>,
    ) -> Result<Self, LedgerError> {
        if let Some(Mark { generation: seen, .. }) = before
            && !backend.exists()?
        {
            return Err(LedgerError::Restored(Restored::Gone { seen }));
        }
        let mut store = backend.open(clock.now())?;
        let loaded = begin(store.as_mut(), &Needs::default(), before.as_ref())?;
        store.rollback()?;
        let last = Mark::new(loaded.meta.ledger, &loaded.meta.link);
        let mut writer = Self::resumed(backend, clock, release_bytes_max, last);
        writer.store = Some(store);
        Ok(writer)
    }

    /// A writer that knows a state of the ledger, and is not connected.
    pub(super) fn resumed(
        backend: Arc<dyn Backend>,
        clock: Clock,
        release_bytes_max: i64,
        last: Mark,
    ) -> Self {
        Self { backend, clock, release_bytes_max, store: None, last, seen: None }
    }

    /// The latest state that this writer knows of.
    #[cfg(test)]
    pub(super) fn last(&self) -> Mark {
        self.last
    }

    /// Serves until the last handle of the ledger is dropped.
    pub(super) fn run(mut self, inbox: &Receiver<Box<dyn Job>>, meters: &LedgerMeters) {
        let mut jobs: Vec<Box<dyn Job>> = Vec::new();
        let mut expected = 1;
        let mut took = Duration::ZERO;
        loop {
            if jobs.is_empty() {
                match inbox.recv_timeout(IDLE) {
                    Ok(first) => jobs.push(first),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
            gather(inbox, &mut jobs, expected, took);
            let start = Instant::now();
            let mut needs = Needs::default();
            for job in &jobs {
                needs.add(job.needs());
            }
            let failure =
                self.unit(&needs, |batch| jobs.iter_mut().try_for_each(|job| job.run(batch)));
            if let Err(error) = &failure {
                tracing::error!(%error, jobs = jobs.len(), "the ledger's store failed");
            }
            took = start.elapsed();
            meters.committed(took, failure.is_ok());
            // Before anybody is answered, who then comes again.
            let waiting: Vec<_> = inbox.try_iter().take(JOBS_MAX).collect();
            expected = jobs.len() + waiting.len();
            for job in std::mem::replace(&mut jobs, waiting) {
                job.answer(failure.as_ref().err());
            }
        }
    }

    /// One unit of work. After a failure the connection is closed, which rolls back, and the next
    /// one opens another: when the disk has room again, the ledger goes on by itself.
    pub(super) fn unit<T>(
        &mut self,
        needs: &Needs,
        work: impl FnOnce(&mut Batch<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let (mut store, loaded) = self.begin(needs)?;
        let ledger = loaded.meta.ledger;
        let other = Mark::new(ledger, &loaded.meta.link);
        let (wall, max) = (self.clock.now(), self.release_bytes_max);
        let mut batch = Batch::new(store.as_mut(), loaded, needs, wall, max)?;
        let outcome = work(&mut batch)?;
        let mut made = None;
        let finished = batch.finish(&mut made);
        let made = made.map(|link| Mark::new(ledger, &link));
        match (finished, &made) {
            (Ok(()), _) => self.store = Some(store),
            (Err(error), None) => return Err(error),
            (Err(error), Some(made)) => {
                drop(store);
                self.resolve(made, error)?;
            }
        }
        // Others may have written since the last time.
        let latest = made.unwrap_or(other);
        if latest != self.last {
            self.last = latest;
            if let Some(seen) = &mut self.seen {
                seen.note(&latest);
            }
        }
        Ok(outcome)
    }

    /// Begins a unit of work, on a new connection if one was lost in the meantime: nothing has been
    /// done yet that could be done twice.
    fn begin(&mut self, needs: &Needs) -> Result<(Box<dyn Store>, Loaded), LedgerError> {
        let mut store = self.store.take().map_or_else(|| self.backend.reconnect(), Ok)?;
        let mut begun = begin(store.as_mut(), needs, Some(&self.last));
        if begun.is_err() && store.lost() {
            store = self.backend.reconnect()?;
            begun = begin(store.as_mut(), needs, Some(&self.last));
        }
        Ok((store, begun?))
    }

    /// Finds out whether a commit that was not acknowledged happened. Under the lock it either did
    /// or never will; and where nobody answers, it counts as not acknowledged: who asked is told
    /// of a failure, and what was charged, if it was, stays spent.
    fn resolve(&mut self, made: &Mark, error: LedgerError) -> Result<(), LedgerError> {
        if !self.backend.found_is_durable() {
            return Err(error);
        }
        let mut store = self.backend.reconnect().map_err(|_| error.clone())?;
        let loaded = store.begin(&Needs::default(), Some(made.generation));
        let loaded = loaded.map_err(|_| error.clone())?;
        // Not rolled back: what was found may not have reached a standby yet, and a commit waits for
        // all that came before it.
        store.commit(&Changes::default()).map_err(|_| error.clone())?;
        self.store = Some(store);
        if loaded.meta.ledger == made.ledger && loaded.known == Some(made.head) {
            tracing::warn!(%error, "a commit of the ledger was not acknowledged, and happened");
            return Ok(());
        }
        Err(error)
    }
}

/// Takes what waits. Where many asked the last time, most of them will ask again in a moment: for
/// a part of the time that a unit of work takes they are waited for, so that all share one commit.
/// Otherwise two halves of them would take turns, with twice as many commits.
fn gather(
    inbox: &Receiver<Box<dyn Job>>,
    jobs: &mut Vec<Box<dyn Job>>,
    expected: usize,
    took: Duration,
) {
    jobs.extend(inbox.try_iter().take(JOBS_MAX.saturating_sub(jobs.len())));
    let end = Instant::now() + (took / GATHERING).min(GATHERING_MAX);
    while !jobs.is_empty() && jobs.len() < expected.min(JOBS_MAX) {
        match inbox.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(job) => jobs.push(job),
            Err(_) => return,
        }
    }
}

/// Takes the lock, and refuses a ledger that was moved, or that is not the one last seen.
fn begin(store: &mut dyn Store, needs: &Needs, last: Option<&Mark>) -> Result<Loaded, LedgerError> {
    let loaded = store.begin(needs, last.map(|mark| mark.generation))?;
    if let Some(to) = loaded.meta.moved {
        return Err(LedgerError::Moved(to));
    }
    if let Some(last) = last {
        last.check(&loaded).map_err(LedgerError::Restored)?;
    }
    Ok(loaded)
}
