//! `init`, `check`, `user` and `serve`, as an operator runs them on databases of the own.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use noisegate::demo::{Cluster, Options, fill};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

const DEMO: &str = include_str!("../budgets/demo.toml");

struct Operator {
    folder: TempDir,
    /// With databases, or none for commands that need no database.
    cluster: Option<Cluster>,
}

impl Operator {
    /// One who has a policy and no database.
    fn alone() -> Self {
        let it = Self { folder: tempfile::tempdir().unwrap(), cluster: None };
        it.write_policy("postgres://noisegate_reader@nowhere.invalid/shop_source");
        it
    }

    /// One who has a small shop.
    async fn with_shop() -> Self {
        let cluster = Cluster::temporary(Options::default()).unwrap();
        let server = connect(&cluster, "postgres").await;
        server.batch_execute("CREATE DATABASE shop_source").await.unwrap();
        fill(&mut connect(&cluster, "shop_source").await, 0.001, |_| ()).await.unwrap();
        let source = cluster.url("shop_source", "noisegate_reader");
        let it = Self { folder: tempfile::tempdir().unwrap(), cluster: Some(cluster) };
        it.write_policy(&source);
        it
    }

    fn write_policy(&self, source: &str) {
        let shadow = source.replace("noisegate_reader", "noisegate_shadow");
        let shadow = shadow.replace("shop_source", "shop");
        let server = format!(
            "\n[server]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nsource = \"{source}\"\n\
             shadow = \"{shadow}\"\nledger = \"sqlite:ledger.db\"\n"
        );
        std::fs::write(self.policy(), format!("{DEMO}{server}")).unwrap();
    }

    fn policy(&self) -> PathBuf {
        self.folder.path().join("policy.toml")
    }

    fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_noisegate"));
        command.args(args).arg("--policy").arg(self.policy());
        for (name, value) in [("SOURCE", "r"), ("SHADOW", "o"), ("SHADOW_ANALYST", "a")] {
            command.env(format!("NOISEGATE_{name}_PASSWORD"), format!("{value}-secret"));
        }
        command.env_remove("PGUSER").env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().unwrap().into()
    }

    fn run_with_input(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }
}

#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    errors: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code();
        Self { code, out: text(output.stdout), errors: text(output.stderr) }
    }
}

/// Ended when the test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn connect(cluster: &Cluster, database: &str) -> Client {
    let (client, connection) = cluster.config(database, "postgres").connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[test]
fn users_come_and_go_and_their_passwords_are_not_kept() {
    let operator = Operator::alone();
    for (name, password) in [("bob", "tr0ub4dor\n"), ("alice", "correct horse"), ("bob", "new\r\n")]
    {
        let ran = operator.run_with_input(&["user", "add", name], password);
        assert_eq!((ran.code, ran.errors.as_str()), (Some(0), ""), "{ran:?}");
    }
    assert_eq!(operator.run(&["user", "list"]).out, "alice\nbob\n");
    for file in std::fs::read_dir(operator.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("tr0ub4dor") && !text.contains("correct horse"));
    }
    let ran = operator.run_with_input(&["user", "add", "mallory"], "x");
    assert_eq!(ran.code, Some(0));
    assert!(ran.errors.contains("no role of the policy"), "{ran:?}");
    for name in ["bob", "mallory"] {
        assert_eq!(operator.run(&["user", "remove", name]).code, Some(0));
    }
    assert_eq!(operator.run(&["user", "list"]).out, "alice\n");

    let ran = operator.run(&["user", "remove", "bob"]);
    assert_eq!((ran.code, ran.errors.as_str()), (Some(1), "noisegate: there is no user bob\n"));
    for (name, password) in [("carol", ""), ("carol", "\n"), ("a/b", "x"), ("", "x")] {
        let ran = operator.run_with_input(&["user", "add", name], password);
        assert_eq!((ran.code, ran.errors.lines().count()), (Some(1), 1), "{ran:?}");
    }
    assert_eq!(operator.run(&["user", "list"]).out, "alice\n");
}

#[test]
fn check_says_where_and_what_to_write() {
    let operator = Operator::alone();
    let text = std::fs::read_to_string(operator.policy()).unwrap();
    let broken = text.replacen(
        r#"c_acctbal    = { class = "sensitive""#,
        r#"c_acctbal    = { class = "secret""#,
        1,
    );
    assert_ne!(text, broken);
    std::fs::write(operator.policy(), &broken).unwrap();
    let before = broken.split("\"secret\"").next().unwrap();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().len() + 1;

    let ran = operator.run(&["check"]);
    assert_eq!(ran.code, Some(1));
    let place = format!("{}:{line}:{column}: error: ", operator.policy().display());
    assert!(ran.out.starts_with(&place), "{ran:?}");
    assert!(ran.out.lines().nth(1).unwrap().starts_with("  fix: "), "{ran:?}");
    assert_eq!(ran.errors, "noisegate: the policy must not be used: 1 error to mend\n");

    std::fs::write(operator.policy(), &text).unwrap();
    let ran = operator.run(&["check"]);
    assert_eq!((ran.code, ran.errors.lines().count()), (Some(1), 1), "{ran:?}");
    assert!(ran.errors.starts_with("noisegate: the reader of the source cannot connect"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_goes_from_nothing_to_a_proxy() {
    let operator = Operator::with_shop().await;
    let source = connect(operator.cluster(), "shop_source").await;
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname ~ '^noisegate'";

    let ran = operator.run(&["init", "--print"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in ["CREATE ROLE", "CREATE DATABASE \"shop\"", "CREATE TABLE", "GRANT SELECT"] {
        assert!(ran.out.contains(part), "{part}");
    }
    assert!(!ran.out.contains("-secret"));
    assert_eq!(source.query_one(roles, &[]).await.unwrap().get::<_, i64>(0), 0);

    for made in ["8 made", "0 made"] {
        let ran = operator.run(&["init", "--harden-source"]);
        assert!(ran.code == Some(0) && ran.out.contains(made), "{ran:?}");
    }
    let ran = operator.run(&["check"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(operator.run(&["check", "--data"]).code, Some(0));

    assert_eq!(operator.run_with_input(&["user", "add", "alice"], "sesame").code, Some(0));
    serves(&operator).await;
    refuses(&operator, &source).await;
}

/// A proxy answers, and ends when told to.
async fn serves(operator: &Operator) {
    let mut command = operator.command(&["serve"]);
    let mut proxy = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(proxy.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("noisegate answers at ").unwrap().split(';').next().unwrap();
    let url = format!("postgres://alice:sesame@{address}/shop");
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let count = async |sql| client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(count("SELECT count(*) FROM nation").await, 25);
    let customers = count("SELECT count(*) FROM customer").await;
    assert!((50..250).contains(&customers), "{customers}");
    kill(Pid::from_raw(proxy.0.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(proxy.0.wait().unwrap().code(), Some(0));
}

/// What breaks the guarantee keeps a proxy from starting, and `init` mends what is its own.
async fn refuses(operator: &Operator, source: &Client) {
    let refused = |sentence: &str| {
        let ran = operator.run(&["serve"]);
        assert!(ran.code == Some(1) && ran.errors.contains(sentence), "{sentence}: {ran:?}");
        assert_eq!(operator.run(&["check"]).code, Some(1), "{sentence}");
    };
    source.batch_execute("GRANT DELETE ON customer TO noisegate_reader").await.unwrap();
    refused("can write to public.customer");
    let shadow = connect(operator.cluster(), "shop").await;
    shadow.batch_execute("GRANT CREATE ON SCHEMA public TO noisegate_analyst").await.unwrap();
    refused("has too much power");
    shadow.batch_execute("REVOKE CREATE ON SCHEMA public FROM noisegate_analyst").await.unwrap();
    let mut row = String::from("INSERT INTO customer VALUES (1, 'x', 'x', 1, 'x', 1, ");
    write!(row, "'BUILDING', 'x')").unwrap();
    shadow.batch_execute(&row).await.unwrap();
    let ran = operator.run(&["init"]);
    assert!(ran.code == Some(0) && ran.out.contains("1 made"), "{ran:?}");
    assert_eq!(operator.run(&["check"]).code, Some(0));
    shadow.batch_execute(&row).await.unwrap();
    refused("facts about private rows");
}
