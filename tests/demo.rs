//! `noisegate demo` as a newcomer runs it: the real program, its real databases, real signals.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio_postgres::{NoTls, SimpleQueryMessage};

struct Demo {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Demo {
    fn start(more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_noisegate"))
            .args(["demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Reads on to a line that holds this.
    fn line(&mut self, part: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if line.contains(part) {
                return line;
            }
            line.clear();
        }
        panic_with(&format!("no line with {part}"))
    }

    /// The folder of the server that the demo started.
    fn data_folder(&self) -> PathBuf {
        let ours = format!("{} ", self.child.id());
        let mut found = None;
        wait_for("the server", || {
            found = processes().into_iter().find_map(|process| {
                let args = process.trim_start().strip_prefix(&ours)?.to_owned();
                Some(PathBuf::from(args.split(" -D ").nth(1)?.split(' ').next()?))
            });
            found.is_some()
        });
        found.unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Only if the test has failed; the watchdog then takes care of the rest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::panic, reason = "tests")]
fn panic_with(text: &str) -> ! {
    panic!("{text}")
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// All processes: the parent's number, then the arguments.
fn processes() -> Vec<String> {
    let output = Command::new("ps").args(["-axww", "-o", "ppid=,args="]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn is_gone(folder: &Path) -> bool {
    let name = folder.to_str().unwrap();
    !folder.exists() && !processes().iter().any(|process| process.contains(name))
}

/// The body of an answer to GET.
fn get(url: &str) -> String {
    use std::io::{Read, Write};
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

async fn first_cell(url: &str, sql: &str) -> Result<String, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    let messages = client.simple_query(sql).await?;
    let cell = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap().to_owned()),
        _ => None,
    });
    Ok(cell.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_asks_and_leaves_nothing_behind() {
    let parent = tempfile::tempdir().unwrap();
    // PostgreSQL's user must be able to pass through.
    open_to_all(parent.path());
    let dir = parent.path().join("demo");
    let mut demo = Demo::start(&["--scale", "0.001", "--dir", dir.to_str().unwrap()]);
    let psql = demo.line("psql ");
    let url = psql.split('"').nth(1).unwrap().to_owned();
    let health = demo.line("/readyz");
    let health = health.split(' ').find(|word| word.starts_with("http")).unwrap();
    let health = health.trim_end_matches(['.', '\n']);

    assert_eq!(first_cell(&url, "SELECT current_database()").await.unwrap(), "shop");
    // 150 customers; the noise of epsilon 0.5 is a few of them.
    let customers = first_cell(&url, "SELECT count(*) FROM shop.public.customer").await.unwrap();
    let customers: i64 = customers.parse().unwrap();
    assert!((50..250).contains(&customers), "{customers}");
    let of_bob = url.replace("alice", "bob");
    assert_eq!(first_cell(&of_bob, "SELECT count(*) FROM nation").await.unwrap(), "25");
    // Who administers and asks nothing is nobody here.
    assert!(first_cell(&url.replace("alice", "carol"), "SELECT 1").await.is_err());
    assert!(first_cell(&url.replace("alice:alice", "alice:bob"), "SELECT 1").await.is_err());
    assert!(get(health).starts_with("HTTP/1.1 200 "), "{}", get(health));
    assert!(get(health).contains(r#""source":"ok""#));

    demo.signal(Signal::SIGINT);
    assert_eq!(demo.child.wait().unwrap().code(), Some(0));
    assert!(is_gone(&dir));
    assert!(std::fs::read_dir(parent.path()).unwrap().next().is_none());
}

#[test]
fn a_client_that_stays_does_not_hold_up_the_end() {
    let mut demo = Demo::start(&["--scale", "0.001"]);
    let psql = demo.line("psql ");
    let address = psql.split('@').nth(1).unwrap().split('/').next().unwrap();
    let silent = std::net::TcpStream::connect(address).unwrap();
    let data = demo.data_folder();
    let start = Instant::now();
    demo.signal(Signal::SIGTERM);
    assert_eq!(demo.child.wait().unwrap().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(is_gone(data.parent().unwrap()));
    drop(silent);
}

#[test]
fn a_second_signal_ends_it_at_once_and_still_leaves_nothing() {
    let mut demo = Demo::start(&["--scale", "0.001"]);
    let psql = demo.line("psql ");
    let address = psql.split('@').nth(1).unwrap().split('/').next().unwrap();
    // Somebody in the middle of a login is given a few seconds.
    let silent = std::net::TcpStream::connect(address).unwrap();
    let data = demo.data_folder();
    demo.signal(Signal::SIGINT);
    std::thread::sleep(Duration::from_millis(500));
    demo.signal(Signal::SIGINT);
    assert_eq!(demo.child.wait().unwrap().code(), Some(130));
    wait_for("the end of everything", || is_gone(data.parent().unwrap()));
    drop(silent);
}

#[test]
fn signals_while_loading_leave_nothing_behind() {
    for (signal, code) in
        [(Signal::SIGINT, Some(0)), (Signal::SIGTERM, Some(0)), (Signal::SIGKILL, None)]
    {
        let mut demo = Demo::start(&["--scale", "1"]);
        let data = demo.data_folder();
        wait_for("the server's start", || data.join("postmaster.pid").exists());
        demo.signal(signal);
        assert_eq!(demo.child.wait().unwrap().code(), code, "{signal}");
        // After SIGKILL the watchdog does it, a moment later.
        wait_for("the end of everything", || is_gone(data.parent().unwrap()));
    }
}

#[test]
fn what_cannot_be_done_is_one_sentence() {
    let full = tempfile::tempdir().unwrap();
    std::fs::write(full.path().join("thesis.tex"), "x").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    let dir = full.path().to_str().unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["--listen", free, "--admin", free, "--dir", dir], "is not empty"),
        (&["--listen", &taken, "--admin", free], "cannot listen at 127.0.0.1:"),
        (&["--listen", free, "--admin", &taken], "cannot listen at 127.0.0.1:"),
        (&["--listen", free, "--admin", free, "--scale", "0"], "must be from 0.001 to 1000"),
        (&["--listen", free, "--admin", free, "--policy", "/nowhere.toml"], "/nowhere.toml: "),
    ];
    for (args, part) in cases {
        let program = env!("CARGO_BIN_EXE_noisegate");
        let output = Command::new(program).arg("demo").args(args).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.starts_with("noisegate: ") && errors.contains(part), "{errors}");
    }
    let without = Command::new(env!("CARGO_BIN_EXE_noisegate"))
        .args(["demo", "--listen", free, "--admin", free])
        .env("NOISEGATE_PG_BIN", full.path())
        .output()
        .unwrap();
    let errors = String::from_utf8(without.stderr).unwrap();
    assert!(errors.contains("NOISEGATE_PG_BIN") && errors.lines().count() == 1, "{errors}");
    assert!(full.path().join("thesis.tex").exists());
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
