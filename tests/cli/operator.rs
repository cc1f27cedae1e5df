//! An operator, and what the commands say to one.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use noisegate::demo::{Cluster, Options, fill};
use tempfile::TempDir;

use super::connect;

const DEMO: &str = include_str!("../../budgets/demo.toml");

pub(crate) struct Operator {
    pub(crate) folder: TempDir,
    /// With databases, or none for commands that need no database.
    pub(crate) cluster: Option<Cluster>,
    /// What the commands find in their environment besides passwords.
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Operator {
    /// One who has a policy and no database.
    pub(crate) fn alone() -> Self {
        let it = Self::new(None);
        it.write_policy("postgres://noisegate_reader@nowhere.invalid/shop_source");
        it
    }

    pub(crate) fn new(cluster: Option<Cluster>) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), cluster, environment: Vec::new() }
    }

    /// One who has a small shop.
    pub(crate) async fn with_shop(options: Options) -> Self {
        let cluster = Cluster::temporary(options).unwrap();
        let server = connect(&cluster, "postgres").await;
        server.batch_execute("CREATE DATABASE shop_source").await.unwrap();
        fill(&mut connect(&cluster, "shop_source").await, 0.001, |_| ()).await.unwrap();
        let source = cluster.url("shop_source", "noisegate_reader");
        let it = Self::new(Some(cluster));
        it.write_policy(&source);
        it
    }

    pub(crate) fn write_policy(&self, source: &str) {
        let shadow = source.replace("noisegate_reader", "noisegate_shadow");
        let shadow = shadow.replace("shop_source", "shop");
        let server = format!(
            "\n[server]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nsource = \"{source}\"\n\
             shadow = \"{shadow}\"\nledger = \"sqlite:ledger.db\"\n"
        );
        std::fs::write(self.policy(), format!("{DEMO}{server}")).unwrap();
    }

    pub(crate) fn policy(&self) -> PathBuf {
        self.folder.path().join("policy.toml")
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_noisegate"));
        command.args(args).arg("--policy").arg(self.policy());
        for (name, value) in [("SOURCE", "r"), ("SHADOW", "o"), ("SHADOW_ANALYST", "a")] {
            command.env(format!("NOISEGATE_{name}_PASSWORD"), format!("{value}-secret"));
        }
        for name in ["PGUSER", "RUST_LOG", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().cloned()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().unwrap().into()
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that refuses its arguments may be over before it reads.
        let _gone = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    }
}

#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) errors: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code();
        Self { code, out: text(output.stdout), errors: text(output.stderr) }
    }
}

/// Ended when the test fails.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
