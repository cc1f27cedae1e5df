//! The state of the ledger that was last seen, in a small file that no backup of the ledger brings
//! back: so that an older copy of the ledger does not pass for it.
//!
//! Every commit is noted at once, and synced about once in a second: a crash of the program loses
//! nothing, one of the machine at most the last second. The two places in the file are written in
//! turn, so that one of them is whole at any moment.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::chain::{Head, Link};
use super::store::Loaded;
use super::types::{LedgerError, Restored};

/// The size of one place, in one sector of any disk.
const PLACE_BYTES: usize = 512;
/// How long what is noted may wait to be synced.
const SYNC_AFTER: Duration = Duration::from_secs(1);
const FORMAT: &str = "noisegate-ledger-seen-1";

/// A state of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Which ledger.
    pub(super) ledger: [u8; 16],
    /// The latest generation.
    pub(super) generation: i64,
    /// Its head.
    pub(super) head: Head,
}

impl Mark {
    /// The state of a ledger at a generation.
    pub(super) fn new(ledger: [u8; 16], link: &Link) -> Self {
        Self { ledger, generation: link.generation, head: link.head }
    }

    /// Refuses a ledger that is not this one, or not gone on from this state.
    pub(super) fn check(&self, loaded: &Loaded) -> Result<(), Restored> {
        let seen = self.generation;
        let now = loaded.meta.link.generation;
        if loaded.meta.ledger != self.ledger {
            return Err(Restored::Another { seen });
        }
        if now < seen {
            return Err(Restored::Older { now, seen });
        }
        if loaded.known != Some(self.head) {
            return Err(Restored::Diverged { seen });
        }
        Ok(())
    }

    /// As text that can be read by eye, and that shows whether it is whole.
    fn print(&self) -> Vec<u8> {
        let Self { ledger, generation, head } = self;
        let line = format!("{FORMAT} {} {generation} {}", hex::encode(ledger), hex::encode(head));
        let sum = hex::encode(Sha256::digest(&line));
        let mut bytes = format!("{line} {sum}\n").into_bytes();
        bytes.resize(PLACE_BYTES, b' ');
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.trim_end();
        let (line, sum) = text.rsplit_once(' ')?;
        if hex::encode(Sha256::digest(line)) != sum {
            return None;
        }
        let mut words = line.split(' ');
        if words.next()? != FORMAT {
            return None;
        }
        let mut mark = Self { ledger: [0; 16], generation: 0, head: [0; 32] };
        hex::decode_to_slice(words.next()?, &mut mark.ledger).ok()?;
        mark.generation = words.next()?.parse().ok()?;
        hex::decode_to_slice(words.next()?, &mut mark.head).ok()?;
        Some(mark)
    }
}

/// What was last seen here, if anything was.
pub(super) fn read(path: &Path) -> Result<Option<Mark>, LedgerError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, &error)),
    };
    let mut bytes = [0; 2 * PLACE_BYTES];
    let both = file.read_exact_at(&mut bytes, 0);
    let marks = bytes.chunks(PLACE_BYTES).filter_map(Mark::parse);
    let latest = marks.max_by_key(|mark| mark.generation).filter(|_| both.is_ok());
    let unreadable = || LedgerError::Store(format!("{} cannot be read", path.display()));
    latest.map(Some).ok_or_else(unreadable)
}

/// The open file.
#[derive(Debug)]
pub(super) struct Seen {
    path: PathBuf,
    file: File,
    /// Which of the two places is written next.
    second: bool,
    synced: Instant,
    failing: bool,
}

impl Seen {
    /// Begins with a state, whatever was seen before.
    pub(super) fn begin(path: &Path, mark: &Mark) -> Result<Self, LedgerError> {
        let file = replace(path, mark).map_err(|error| failed(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            second: false,
            synced: Instant::now(),
            failing: false,
        })
    }

    /// Notes a state. The ledger is what counts, so a failure is told and no more.
    pub(super) fn note(&mut self, mark: &Mark) {
        let failed = self.write(mark).err();
        if let Some(error) = failed.as_ref().filter(|_| !self.failing) {
            tracing::warn!(%error, path = %self.path.display(), "the ledger's last state is not noted");
        }
        self.failing = failed.is_some();
    }

    fn write(&mut self, mark: &Mark) -> io::Result<()> {
        // Another process, such as a command, may have put a file of its own there since: what is
        // written to the one that has no name any more, nobody reads.
        if !is_at(&self.file, &self.path) {
            self.file = match OpenOptions::new().write(true).open(&self.path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => replace(&self.path, mark)?,
                Err(error) => return Err(error),
            };
        }
        let place = if self.second { PLACE_BYTES as u64 } else { 0 };
        self.second = !self.second;
        self.file.write_all_at(&mark.print(), place)?;
        if self.synced.elapsed() >= SYNC_AFTER {
            self.file.sync_data()?;
            self.synced = Instant::now();
        }
        Ok(())
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        // The next start finds an earlier state at worst.
        let _lost = self.file.sync_data();
    }
}

/// Whether the file is the one that the path leads to.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// A new file with the same state in both places, under its name only once it is whole.
fn replace(path: &Path, mark: &Mark) -> io::Result<File> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let new = PathBuf::from(name);
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&[mark.print(), mark.print()].concat())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}

fn failed(path: &Path, error: &io::Error) -> LedgerError {
    LedgerError::Store(format!("{}: {error}", path.display()))
}
