//! What is in flight, as locks of single bytes of a file beside the ledger, which stays empty: the
//! system gives back those of a process that ended.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::super::flights::Locks;
use super::super::types::LedgerError;

/// The file that has the locks.
pub(super) struct Bytes {
    file: File,
}

impl Bytes {
    pub(super) fn open(ledger: &Path) -> Result<Self, LedgerError> {
        let mut path = ledger.as_os_str().to_owned();
        path.push(".flights");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        Ok(Self { file: options.open(Path::new(&path))? })
    }

    /// Locks or unlocks the byte of a key; whether nobody else has it.
    #[expect(clippy::cast_possible_truncation, reason = "constants that are made for the field")]
    fn set(&self, key: i64, kind: libc::c_int) -> Result<bool, LedgerError> {
        let lock = libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: (key.cast_unsigned() >> 1).cast_signed(),
            l_len: 1,
            l_pid: 0,
        };
        match fcntl(&self.file, FcntlArg::F_OFD_SETLK(&lock)) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(error) => Err(std::io::Error::from(error).into()),
        }
    }
}

impl Locks for Bytes {
    fn take(&mut self, keys: &[i64]) -> Result<bool, LedgerError> {
        for (count, key) in keys.iter().enumerate() {
            if !self.set(*key, libc::F_WRLCK)? {
                self.give(keys.get(..count).unwrap_or_default())?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn take_one(&mut self, keys: &[i64]) -> Result<Option<i64>, LedgerError> {
        for key in keys {
            if self.set(*key, libc::F_WRLCK)? {
                return Ok(Some(*key));
            }
        }
        Ok(None)
    }

    fn give(&mut self, keys: &[i64]) -> Result<(), LedgerError> {
        keys.iter().try_for_each(|key| self.set(*key, libc::F_UNLCK).map(drop))
    }
}
