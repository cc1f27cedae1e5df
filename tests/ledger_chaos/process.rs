//! One of the processes, as the test has it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::between::Between;
use crate::child::{CHILD, Hand};
use crate::told::Told;

/// The process whose policy is an older one.
const OLDER: usize = 2;

pub(crate) struct Proxy {
    child: Child,
    stdin: ChildStdin,
    listening: Option<JoinHandle<()>>,
    pub(crate) generation: u64,
    pub(crate) clock: Hand,
    pub(crate) between: Between,
}

impl Proxy {
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.listening.take().unwrap().join().unwrap();
    }

    /// Tells a process something. One that was killed hears nothing.
    pub(crate) fn say(&mut self, line: &str) {
        let _gone = self.stdin.write_all(format!("{line}\n").as_bytes());
    }
}

/// What a process is started with.
pub(crate) struct Whose {
    pub(crate) seed: u64,
    pub(crate) number: usize,
    pub(crate) generation: u64,
    pub(crate) now: i64,
    pub(crate) limit: u64,
}

impl Whose {
    pub(crate) fn start(self, own: PathBuf, told: &Arc<Mutex<Told>>, between: Between) -> Proxy {
        let Self { seed, number, generation, now, limit } = self;
        let url = url(&login(number), &between);
        let policy = if number == OLDER { "older" } else { "newer" };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture", "--quiet"])
            .env(CHILD, format!("{seed} {number} {generation} {url} {policy}"))
            .current_dir(own)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let told = Arc::clone(told);
        let listening = std::thread::spawn(move || {
            for line in lines.lines() {
                // Killed in the middle of a line, it said nothing.
                let Ok(line) = line else { return };
                told.lock().unwrap().hear(number, &line);
            }
        });
        let listening = Some(listening);
        let mut proxy =
            Proxy { child, stdin, listening, generation, clock: Hand::at(now), between };
        proxy.say(&format!("clock {now}"));
        proxy.say(&format!("limit {limit}"));
        proxy
    }
}

pub(crate) fn login(number: usize) -> String {
    format!("proxy_{number}")
}

pub(crate) fn url(login: &str, between: &Between) -> String {
    format!("postgres://{login}:{login}@127.0.0.1:{}/postgres", between.port)
}
