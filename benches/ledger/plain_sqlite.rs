//! Plain SQLite at its best: one thread that inserts one row for each request and commits all that
//! wait at once, with the settings of the ledger.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::Running;

/// The most rows in one transaction, as in the ledger.
const ROWS_MAX: usize = 1024;

#[derive(Clone)]
pub(crate) struct Plain {
    inbox: Sender<oneshot::Sender<()>>,
}

impl Plain {
    pub(crate) fn open(path: &Path) -> Self {
        let conn = Connection::open(path).unwrap();
        conn.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
        conn.pragma_update(None, "synchronous", "full").unwrap();
        conn.pragma_update(None, "wal_autocheckpoint", 4000).unwrap();
        conn.execute_batch(
            "CREATE TABLE charge (id INTEGER PRIMARY KEY, query BLOB, analyst TEXT, rho TEXT) STRICT",
        )
        .unwrap();
        let (inbox, requests) = channel();
        std::thread::spawn(move || serve(&conn, &requests));
        Self { inbox }
    }

    pub(crate) async fn run(self, running: Running) {
        while !running.stopped() {
            let (reply, done) = oneshot::channel();
            self.inbox.send(reply).unwrap();
            done.await.unwrap();
            running.did();
        }
    }
}

fn serve(conn: &Connection, requests: &Receiver<oneshot::Sender<()>>) {
    while let Ok(first) = requests.recv() {
        let mut waiting = vec![first];
        waiting.extend(requests.try_iter().take(ROWS_MAX - 1));
        conn.execute_batch("BEGIN IMMEDIATE").unwrap();
        for _ in &waiting {
            conn.prepare_cached("INSERT INTO charge (query, analyst, rho) VALUES (?1, ?2, ?3)")
                .unwrap()
                .execute(params![[7_u8; 40], "analyst 17", "5000000000"])
                .unwrap();
        }
        conn.execute_batch("COMMIT").unwrap();
        for reply in waiting {
            let _gone = reply.send(());
        }
    }
}
