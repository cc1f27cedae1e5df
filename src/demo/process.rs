//! Processes of a private cluster: whose they are, and how they end.

use std::fs::File;
use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};

/// Why a private cluster could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No installation was found.
    #[error(
        "no PostgreSQL 14 or later found: install it with `apt install postgresql` (Debian, \
         Ubuntu) or `brew install postgresql@17` (macOS), or name its bin folder in \
         NOISEGATE_PG_BIN"
    )]
    NoBinaries,
    /// `NOISEGATE_PG_BIN` names something else.
    #[error("NOISEGATE_PG_BIN: no initdb and postgres, release 14 or later, in {}", .0.display())]
    WrongBinaries(PathBuf),
    /// We are root, and PostgreSQL does not run as root.
    #[error("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")]
    NoUser,
    /// A program failed; the text is its own.
    #[error("{program} failed: {output}")]
    Program {
        /// The program's name.
        program: &'static str,
        /// The end of what it printed.
        output: String,
    },
    /// The server did not accept connections in time.
    #[error("PostgreSQL did not start within {0:?}; see {path}", path = .1.display())]
    Slow(Duration, PathBuf),
    /// A file or folder could not be made, changed or removed.
    #[error("{}: {error}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// Gives an I/O error the path that it is about.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> ClusterError {
    let path = path.to_path_buf();
    move |error| ClusterError::File { path, error }
}

/// Whom the server runs as: ourselves, or another when we are root.
#[derive(Clone, Debug)]
pub(super) struct Runner {
    other: Option<User>,
}

impl Runner {
    pub(super) fn choose() -> Result<Self, ClusterError> {
        if !geteuid().is_root() {
            return Ok(Self { other: None });
        }
        let found = |name| User::from_name(name).ok().flatten();
        let user = found("postgres").or_else(|| found("nobody")).ok_or(ClusterError::NoUser)?;
        Ok(Self { other: Some(user) })
    }

    /// A command that runs as the server's user, apart from our terminal and settings.
    /// Supplementary groups need no call: the standard library drops them with the user.
    pub(super) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        if let Some(user) = &self.other {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        // PGOPTIONS and its kin are meant for the operator's own clients.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("PG")) {
                command.env_remove(name);
            }
        }
        // Messages in English, and no search for the machine's time zone.
        command.env("LC_ALL", "C").env("TZ", "UTC").stdin(Stdio::null());
        // Ctrl-C reaches the whole group of the terminal; the server must end when we say so.
        command.process_group(0);
        command
    }

    /// Hands a file or folder to the server's user.
    pub(super) fn give(&self, path: &Path) -> Result<(), ClusterError> {
        match &self.other {
            Some(user) => {
                chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(at(path))
            }
            None => Ok(()),
        }
    }
}

/// A running postmaster and the watchdog that ends it if we die first.
#[derive(Debug)]
pub(super) struct Server {
    postmaster: Child,
    watchdog: Child,
}

/// Waits for the end of its standard input, which comes with our death, however we die.
/// It then ends the postmaster, if the lock file still names that one, and removes the files.
const WATCHDOG: &str = r#"
read -r _
lock="$2/postmaster.pid"
if [ "$(head -n 1 "$lock" 2>/dev/null)" = "$1" ]; then
  kill -s QUIT "$1"
  n=0
  while [ -e "$lock" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
fi
shift
[ "$KEEP" = yes ] || { shift; rm -rf -- "$@"; }
"#;

impl Server {
    /// Starts the postmaster as our child (a daemon would be nobody's to end).
    /// `remove` is what the watchdog deletes if we are killed; nothing if it is empty.
    pub(super) fn spawn(
        runner: &Runner,
        postgres: &mut Command,
        data: &Path,
        log: File,
        remove: &[PathBuf],
    ) -> Result<Self, ClusterError> {
        let shell = Path::new("/bin/sh");
        let errors = log.try_clone().map_err(at(data))?;
        let mut postmaster = postgres
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(at(postgres.get_program().as_ref()))?;
        let watchdog = runner
            .command(shell)
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(postmaster.id().to_string())
            .arg(data)
            .args(remove)
            .current_dir("/")
            .env("KEEP", if remove.is_empty() { "yes" } else { "no" })
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match watchdog {
            Ok(watchdog) => Ok(Self { postmaster, watchdog }),
            Err(error) => {
                end(&mut postmaster, &[Signal::SIGQUIT]);
                Err(at(shell)(error))
            }
        }
    }

    /// Whether the postmaster has ended by itself.
    pub(super) fn ended(&mut self) -> bool {
        !matches!(self.postmaster.try_wait(), Ok(None))
    }

    pub(super) fn pid(&self) -> u32 {
        self.postmaster.id()
    }

    /// Ends the postmaster by the first of `signals` that works, then by force, and the watchdog
    /// after it, so that there is no moment without one.
    pub(super) fn stop(mut self, signals: &[Signal]) {
        end(&mut self.postmaster, signals);
        // Failing to end it is harmless: its pipe closes with `self`, and it finds no lock file.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
    }
}

/// How long each signal gets before the next is tried.
const PATIENCE: Duration = Duration::from_secs(10);

fn end(child: &mut Child, signals: &[Signal]) {
    let pid = i32::try_from(child.id()).ok().map(Pid::from_raw);
    for signal in signals {
        // Our own child, not yet waited for: the number cannot belong to anyone else.
        if let Some(pid) = pid
            && matches!(child.try_wait(), Ok(None))
        {
            let _ = kill(pid, *signal);
        }
        if wait_until(PATIENCE, || !matches!(child.try_wait(), Ok(None))) {
            return;
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Polls `done` until it holds, at most for `limit`; says whether it did.
pub(super) fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if done() {
            return true;
        }
        if start.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
