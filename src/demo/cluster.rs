//! A private PostgreSQL: made in a folder, reached by a socket in it, gone with its handle.
//!
//! The superuser is `postgres`. It needs no password, but can only come through the Unix socket,
//! whose folder nobody else may enter. All other logins come with a SCRAM password.
//!
//! The postmaster is our child in a process group of its own: Ctrl-C does not reach it, and
//! [`Cluster`] ends it when dropped. If we are killed without a chance to do so, a small shell
//! notices that our end of a pipe closed, ends the postmaster and removes the files.
//!
//! The functions block (starting takes about a second): wrap them in `spawn_blocking` where
//! that matters.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::binaries::Binaries;
use super::process::{ClusterError, Runner, Server, at, wait_until};

/// Who administers the cluster.
const SUPERUSER: &str = "postgres";

/// `sun_path` holds 104 bytes on macOS and 108 on Linux, and `/.s.PGSQL.65535` and a NUL
/// must fit behind the folder.
const MAX_SOCKET_FOLDER: usize = 104 - 16;

/// How long a start may take; recovery after a crash is part of it.
const START_LIMIT: Duration = Duration::from_mins(1);

/// The socket comes first: whoever owns the folder is the superuser.
const HBA: &str = "\
# who  database  user      address    method
local  all       postgres             trust
local  all       all                  scram-sha-256
host   all       postgres  all        reject
host   all       all       127.0.0.1/32 scram-sha-256
";

/// What a cluster is for decides how it runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Listen on a free port of 127.0.0.1 too.
    pub tcp: bool,
    /// Write through to the disk. Off, a crash of the machine loses the data.
    pub durable: bool,
    /// Leave the files when the handle is dropped.
    pub keep: bool,
    /// Settings of the server, applied last.
    pub settings: Vec<(String, String)>,
}

impl Options {
    /// Adds a setting, such as `("log_statement", "all")`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Listens on TCP too.
    #[must_use]
    pub fn with_tcp(mut self) -> Self {
        self.tcp = true;
        self
    }
}

/// A running private PostgreSQL, or one that was stopped and can be restarted.
#[derive(Debug)]
pub struct Cluster {
    binaries: Binaries,
    runner: Runner,
    options: Options,
    data: PathBuf,
    sockets: PathBuf,
    log: PathBuf,
    port: u16,
    server: Option<Server>,
    /// Folders that go when we do; dropped after `Drop` has stopped the server.
    folders: Vec<TempDir>,
}

impl Cluster {
    /// Makes a cluster in `dir`, or takes the one that [`Options::keep`] left there, and starts it.
    /// The folder is made if it does not exist; as root, its owner becomes the server's user.
    pub fn start(dir: &Path, options: Options) -> Result<Self, ClusterError> {
        Self::start_in(dir, options, Vec::new())
    }

    /// Makes a cluster in a temporary folder and starts it.
    pub fn temporary(options: Options) -> Result<Self, ClusterError> {
        // Not the system's choice: on macOS that is too long for a socket.
        let folder = short_folder()?;
        let dir = folder.path().to_path_buf();
        Self::start_in(&dir, options, vec![folder])
    }

    fn start_in(
        dir: &Path,
        options: Options,
        mut folders: Vec<TempDir>,
    ) -> Result<Self, ClusterError> {
        let binaries = Binaries::find()?;
        let runner = Runner::choose()?;
        make_folder(dir, &runner)?;
        let dir = dir.canonicalize().map_err(at(dir))?;
        let mut sockets = dir.join("socket");
        if sockets.as_os_str().len() > MAX_SOCKET_FOLDER {
            let folder = short_folder()?;
            sockets = folder.path().to_path_buf();
            folders.push(folder);
        }
        make_folder(&sockets, &runner)?;
        let (data, log) = (dir.join("data"), dir.join("postgres.log"));
        let port = 5432;
        let mut cluster =
            Self { binaries, runner, options, data, sockets, log, port, server: None, folders };
        cluster.init()?;
        cluster.choose_port_and_launch()?;
        Ok(cluster)
    }

    /// Runs `initdb`, unless there is a cluster already.
    fn init(&self) -> Result<(), ClusterError> {
        if self.data.join("PG_VERSION").is_file() {
            return Ok(());
        }
        // macOS does not have the first one. Both sort by code point.
        let tried = self.initdb("C.UTF-8").or_else(|_| self.initdb("C"));
        tried?;
        let hba = self.data.join("pg_hba.conf");
        std::fs::write(&hba, HBA).map_err(at(&hba))
    }

    fn initdb(&self, locale: &str) -> Result<(), ClusterError> {
        let program = self.binaries.program("initdb");
        let output = self
            .runner
            .command(&program)
            .args(["--no-sync", "--no-instructions", "--encoding=UTF8", "--auth=trust"])
            .args(["--username", SUPERUSER, "--locale", locale, "--pgdata"])
            .arg(&self.data)
            .current_dir(&self.sockets)
            .output()
            .map_err(at(&program))?;
        if output.status.success() {
            return Ok(());
        }
        let output = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        Err(ClusterError::Program { program: "initdb", output })
    }

    /// Between our look at a port and the server's, another may take it: then try again.
    fn choose_port_and_launch(&mut self) -> Result<(), ClusterError> {
        const ATTEMPTS: usize = 5;
        let mut result = Ok(());
        for _ in 0..ATTEMPTS {
            if self.options.tcp {
                self.port = free_port().map_err(at(Path::new("127.0.0.1")))?;
            }
            result = self.launch();
            match &result {
                Err(ClusterError::Program { output, .. }) if output.contains("could not bind") => {}
                _ => break,
            }
        }
        result
    }

    fn launch(&mut self) -> Result<(), ClusterError> {
        let log = self.open_log()?;
        let log_start = log.metadata().map_err(at(&self.log))?.len();
        let program = self.binaries.program("postgres");
        let mut command = self.runner.command(&program);
        command.arg("-D").arg(&self.data).current_dir(&self.data);
        for (name, value) in self.settings() {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // A lock file of a postmaster that was killed would be read as a start's progress.
        let lock = self.data.join("postmaster.pid");
        let mut server =
            Server::spawn(&self.runner, &mut command, &self.data, log, &self.removed_if_killed())?;
        let pid = server.pid();
        let mut ended = false;
        let ready = wait_until(START_LIMIT, || {
            ended = server.ended();
            ended || is_ready(&lock, pid)
        });
        if ready && !ended {
            self.server = Some(server);
            return Ok(());
        }
        server.stop(&[Signal::SIGQUIT]);
        if ended {
            let output = read_from(&self.log, log_start).unwrap_or_default();
            return Err(ClusterError::Program { program: "postgres", output });
        }
        Err(ClusterError::Slow(START_LIMIT, self.log.clone()))
    }

    fn settings(&self) -> Vec<(String, String)> {
        let sockets = self.sockets.display().to_string();
        let port = self.port.to_string();
        let mut settings: Vec<(&str, &str)> = vec![
            ("listen_addresses", if self.options.tcp { "127.0.0.1" } else { "" }),
            ("port", &port),
            ("unix_socket_directories", &sockets),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            ("shared_buffers", "32MB"),
            ("wal_level", "minimal"),
            ("max_wal_senders", "0"),
            ("log_line_prefix", "%m [%p] %q%u@%d "),
        ];
        if !self.options.durable {
            settings.extend([
                ("fsync", "off"),
                ("synchronous_commit", "off"),
                ("full_page_writes", "off"),
            ]);
        }
        let own = settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        own.chain(self.options.settings.iter().cloned()).collect()
    }

    fn open_log(&self) -> Result<File, ClusterError> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.log);
        let file = file.map_err(at(&self.log))?;
        self.runner.give(&self.log)?;
        Ok(file)
    }

    fn removed_if_killed(&self) -> Vec<PathBuf> {
        if self.options.keep {
            return Vec::new();
        }
        let own = [self.data.clone(), self.sockets.clone(), self.log.clone()];
        own.into_iter().chain(self.folders.iter().map(|f| f.path().to_path_buf())).collect()
    }

    /// The folder of the Unix socket.
    pub fn socket_dir(&self) -> &Path {
        &self.sockets
    }

    /// The port, of the socket's name and of TCP if it is on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's log.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// The release of the server: 15 for 15.4.
    pub fn major(&self) -> u32 {
        self.binaries.major()
    }

    /// The process of the postmaster, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// How to connect, through the Unix socket. All but `postgres` need a password added.
    pub fn config(&self, dbname: &str, user: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&self.sockets).port(self.port).dbname(dbname).user(user);
        config
    }

    /// The same as a URL, through TCP where that is on and the user may.
    pub fn url(&self, dbname: &str, user: &str) -> String {
        let host = if self.options.tcp && user != SUPERUSER {
            "127.0.0.1".to_owned()
        } else {
            percent_encoded(&self.sockets.display().to_string())
        };
        let (user, dbname) = (percent_encoded(user), percent_encoded(dbname));
        format!("postgres://{user}@{host}:{}/{dbname}", self.port)
    }

    /// Ends the server in order: open transactions are rolled back, clients are told.
    pub fn stop(&mut self) {
        self.end(&[Signal::SIGINT, Signal::SIGQUIT]);
    }

    /// Ends the server as a crash would: the next start recovers from the log.
    /// Not by SIGKILL, which would leave its shared memory in the system for good.
    pub fn kill(&mut self) {
        self.end(&[Signal::SIGQUIT]);
    }

    /// Stops the server if it runs, and starts it on the same port with the same settings.
    pub fn restart(&mut self) -> Result<(), ClusterError> {
        self.stop();
        self.launch()
    }

    fn end(&mut self, signals: &[Signal]) {
        if let Some(server) = self.server.take() {
            server.stop(signals);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.options.keep {
            self.stop();
            for folder in self.folders.drain(..) {
                // Only a socket's folder can be left out of what is kept; it is empty now.
                if folder.path() != self.sockets {
                    let _ = folder.keep();
                }
            }
            return;
        }
        self.kill();
        // Nobody is left to tell about a failure; the folders may be the caller's to remove.
        let _ = std::fs::remove_dir_all(&self.data);
        let _ = std::fs::remove_dir_all(&self.sockets);
        let _ = std::fs::remove_file(&self.log);
    }
}

/// The postmaster's lock file says who it is and, in its eighth line, how far it got.
fn is_ready(lock: &Path, pid: u32) -> bool {
    let Ok(text) = std::fs::read_to_string(lock) else { return false };
    let mut lines = text.lines();
    let ours = lines.next().is_some_and(|line| line.trim() == pid.to_string());
    ours && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

fn short_folder() -> Result<TempDir, ClusterError> {
    let parent = Path::new("/tmp");
    tempfile::Builder::new().prefix("noisegate-").tempdir_in(parent).map_err(at(parent))
}

/// Makes a folder that only the server's user may enter, or hands over the one that is there.
fn make_folder(path: &Path, runner: &Runner) -> Result<(), ClusterError> {
    match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        Ok(()) => runner.give(path),
        Err(error) => Err(at(path)(error)),
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The part of a log from `start`, at most its last 4 KiB.
fn read_from(path: &Path, start: u64) -> io::Result<String> {
    const MAX: u64 = 4096;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(start.max(length.saturating_sub(MAX))))?;
    let mut bytes = Vec::new();
    file.take(MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// Encodes all but the characters that are safe in every part of a URL.
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
