//! The real program, serving from a folder.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use noisegate::demo::DATABASE;
use tokio_postgres::{Client, Config};

use super::connect;
use super::place::Place;

/// `noisegate serve`; killed when dropped.
pub(crate) struct Served {
    child: Child,
    pub(crate) port: u16,
    pub(crate) admin: u16,
    /// What it said when it was ready.
    pub(crate) line: String,
    _output: BufReader<ChildStdout>,
    log: std::path::PathBuf,
}

impl Served {
    pub(crate) fn new(place: &Place) -> Self {
        // In a file, since a pipe that nobody reads is full at some time.
        let log = place.file("log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_noisegate"))
            .args(["serve", "--policy"])
            .arg(place.file("policy.toml"))
            .env("NOISEGATE_SOURCE_PASSWORD", "noisegate_reader")
            .env("NOISEGATE_SHADOW_ANALYST_PASSWORD", "noisegate_analyst")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a file"))
            .spawn()
            .expect("the program");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let mut ports = line.split("127.0.0.1:").skip(1).filter_map(|rest| {
            rest.split(|sign: char| !sign.is_ascii_digit()).next()?.parse().ok()
        });
        let told = ports.next().zip(ports.next()).ok_or_else(|| std::fs::read_to_string(&log));
        let (port, admin) = told.expect("it serves");
        Self { child, port, admin, line, _output: output, log }
    }

    /// A session of somebody whose password is the name.
    pub(crate) async fn client(&self, user: &str) -> Client {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).dbname(DATABASE).user(user).password(user);
        connect(&config).await.0
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a number"));
        kill(pid, signal).expect("a signal");
    }

    /// Ends it and gives its log.
    pub(crate) fn end(mut self) -> String {
        self.signal(Signal::SIGTERM);
        self.child.wait().expect("its end");
        std::fs::read_to_string(&self.log).expect("its log")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
