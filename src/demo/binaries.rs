//! Finds the server programs of a PostgreSQL installation.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::ClusterError;

/// The oldest release that works: earlier ones hash passwords with MD5 by default
/// and lack parts of the catalog that the shadow is built from.
const MIN_MAJOR: u32 = 14;

/// The folder that holds `initdb` and `postgres`, and their release.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
    major: u32,
}

impl Binaries {
    /// Looks at `NOISEGATE_PG_BIN`, then PATH, `pg_config`, and the places where
    /// Debian, Red Hat, Homebrew, MacPorts and Postgres.app install.
    /// The variable is an order, not a hint: if it is wrong, nothing else is tried.
    pub fn find() -> Result<Self, ClusterError> {
        if let Some(folder) = std::env::var_os("NOISEGATE_PG_BIN") {
            let folder = PathBuf::from(folder);
            return Self::at(&folder).ok_or(ClusterError::WrongBinaries(folder));
        }
        let on_path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&on_path).collect::<Vec<_>>();
        on_path
            .iter()
            .find_map(|folder| Self::at(folder))
            .or_else(|| Self::at(&bindir_of_pg_config()?))
            .or_else(|| installed().iter().find_map(|folder| Self::at(folder)))
            .ok_or(ClusterError::NoBinaries)
    }

    /// The installation in `folder`, if it is whole and recent enough.
    fn at(folder: &Path) -> Option<Self> {
        // A link on PATH (Homebrew makes them) leads to the real folder, where the pair is.
        let postgres = folder.join("postgres").canonicalize().ok()?;
        let folder = postgres.parent()?.to_path_buf();
        if is_script(&postgres) || !folder.join("initdb").is_file() {
            return None;
        }
        let major = major_of(&postgres)?;
        (major >= MIN_MAJOR).then_some(Self { folder, major })
    }

    /// The path of one program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The release: 15 for 15.4.
    pub fn major(&self) -> u32 {
        self.major
    }
}

/// A wrapper would stand between us and the server, and take the signals meant for it.
fn is_script(program: &Path) -> bool {
    let mut head = [0_u8; 2];
    let read = std::fs::File::open(program).and_then(|mut file| file.read_exact(&mut head));
    read.is_err() || head == *b"#!"
}

fn major_of(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres).arg("--version").output().ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

/// Reads `postgres (PostgreSQL) 15.4 (Debian …)`, and `17beta1` in its place.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split_whitespace().find(|word| word.starts_with(char::is_numeric))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn bindir_of_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(folder.trim_end()))
}

/// Usual places, the newest release of each first.
fn installed() -> Vec<PathBuf> {
    const PLACES: [(&str, &str, &str); 6] = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
        ("/opt/local/lib", "postgresql", "bin"),
    ];
    PLACES.iter().flat_map(|(parent, prefix, bin)| versions_in(parent, prefix, bin)).collect()
}

fn versions_in(parent: &str, prefix: &str, bin: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let major = version_of_name(&entry.file_name(), prefix)?;
            Some((major, entry.path().join(bin)))
        })
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn version_of_name(name: &OsStr, prefix: &str) -> Option<u32> {
    name.to_str()?.strip_prefix(prefix)?.parse().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_from_what_the_server_prints() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.4 (Debian 15.4-1)\n"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(parse_major("no version"), None);
    }

    #[test]
    fn a_wrapper_script_is_not_a_server() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["postgres", "initdb"] {
            std::fs::write(folder.path().join(name), "#!/bin/sh\necho 'postgres 15.1'\n").unwrap();
        }
        assert!(Binaries::at(folder.path()).is_none());
    }

    #[test]
    fn an_installation_is_found_here() {
        let found = Binaries::find().unwrap();
        assert!(found.major() >= MIN_MAJOR);
        assert!(found.program("initdb").is_file());
    }
}
