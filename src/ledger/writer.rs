//! The one thread that writes: it commits all that waits in one transaction.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::batch::Batch;
use super::store;
use super::types::LedgerError;
use crate::clock::Clock;

/// The most jobs in one transaction.
const JOBS_MAX: usize = 1024;
/// How often the time is noted while nobody asks for anything, so that a quiet month does not
/// look like a jump of the clock.
const IDLE: Duration = Duration::from_hours(1);

/// Something to write. It runs inside a transaction and is answered once that is on disk.
pub(super) trait Job: Send {
    /// Does the work and keeps its outcome; whether the store is sound.
    fn run(&mut self, batch: &mut Batch<'_>) -> Result<Health, LedgerError>;
    /// Answers: the outcome, or the failure of the whole batch.
    fn answer(self: Box<Self>, failure: Option<&LedgerError>);
}

/// Whether a job met an error of the store that the rest of its batch survived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It did not.
    Sound,
    /// It did; a new connection may help.
    Doubtful,
}

/// A [`Job`] made of a function.
pub(super) struct Task<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, LedgerError>>,
    reply: oneshot::Sender<Result<T, LedgerError>>,
    /// Its place in the queue, given up with the answer.
    _permit: OwnedSemaphorePermit,
}

impl<T, F> Task<T, F> {
    /// A job that runs `work`.
    pub(super) fn new(
        work: F,
        reply: oneshot::Sender<Result<T, LedgerError>>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self { work: Some(work), outcome: None, reply, _permit: permit }
    }
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Batch<'_>) -> Result<T, LedgerError> + Send,
{
    fn run(&mut self, batch: &mut Batch<'_>) -> Result<Health, LedgerError> {
        let Some(work) = self.work.take() else { return Ok(Health::Sound) };
        let outcome = batch.isolated(work)?;
        let doubtful = matches!(outcome, Err(LedgerError::Store(_)));
        self.outcome = Some(outcome);
        Ok(if doubtful { Health::Doubtful } else { Health::Sound })
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
    /// The file.
    pub(super) path: PathBuf,
    /// Where the time comes from.
    pub(super) clock: Clock,
    /// The most bytes of releases to remember.
    pub(super) release_bytes_max: i64,
    /// Which file it was when it was opened.
    pub(super) identity: store::Identity,
    /// The connection; `None` after the store failed.
    pub(super) conn: Option<Connection>,
}

impl Writer {
    /// Serves until the last handle of the ledger is dropped.
    pub(super) fn run(mut self, inbox: &Receiver<Box<dyn Job>>) {
        loop {
            let mut jobs = match inbox.recv_timeout(IDLE) {
                Ok(first) => vec![first],
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            jobs.extend(inbox.try_iter().take(JOBS_MAX - 1));
            let failure = self.commit(&mut jobs).err();
            if let Some(error) = &failure {
                tracing::error!(%error, jobs = jobs.len(), "the ledger's store failed");
            }
            for job in jobs {
                job.answer(failure.as_ref());
            }
        }
    }

    /// One transaction. After a failure the connection is closed, which rolls back, and the next
    /// batch opens another: when the disk has room again, the ledger goes on by itself.
    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), LedgerError> {
        self.identity.check(&self.path)?;
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => store::reconnect(&self.path)?,
        };
        let mut batch = Batch::begin(&conn, self.clock.now(), self.release_bytes_max)?;
        let mut health = Health::Sound;
        for job in jobs {
            if job.run(&mut batch)? == Health::Doubtful {
                health = Health::Doubtful;
            }
        }
        batch.commit()?;
        self.conn = Some(conn).filter(|_| health == Health::Sound);
        Ok(())
    }
}
