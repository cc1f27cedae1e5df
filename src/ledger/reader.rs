//! The thread that reads, so that a question answered before does not wait for a disk.

use std::path::PathBuf;
use std::sync::mpsc::Receiver;

use rusqlite::Connection;

use super::batch;
use super::store;
use super::types::LedgerError;
use crate::clock::{Clock, Millis};

/// One consistent view of the ledger, at the ledger's time.
pub(super) struct View<'c> {
    /// The connection, inside a read transaction.
    pub(super) conn: &'c Connection,
    /// The time.
    pub(super) now: Millis,
}

/// Something to read: it is given a view or the reason why there is none, and says whether the
/// store is sound.
pub(super) type Look = Box<dyn FnOnce(Result<View<'_>, LedgerError>) -> bool + Send>;

/// The state of the reading thread.
pub(super) struct Reader {
    /// The file.
    pub(super) path: PathBuf,
    /// Where the time comes from.
    pub(super) clock: Clock,
}

impl Reader {
    /// Serves until the last handle of the ledger is dropped. A view begins after the request
    /// arrived, so it shows everything that was acknowledged before.
    pub(super) fn run(self, inbox: &Receiver<Look>) {
        let mut conn = None;
        for look in inbox {
            let sound = match conn.take().map_or_else(|| store::connect_reader(&self.path), Ok) {
                Ok(opened) => self.show(conn.insert(opened), look),
                Err(error) => look(Err(error)),
            };
            if !sound {
                conn = None;
            }
        }
    }

    fn show(&self, conn: &Connection, look: Look) -> bool {
        let transaction = match conn.unchecked_transaction() {
            Ok(transaction) => transaction,
            Err(error) => return look(Err(error.into())),
        };
        match batch::mark(&transaction) {
            Ok(mark) => {
                let now = self.clock.now().max(mark);
                look(Ok(View { conn: &transaction, now }))
            }
            Err(error) => look(Err(error)),
        }
    }
}
