//! Real servers and certificates for the tests of this folder.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use tempfile::TempDir;

use super::target::{Credentials, HostKind, Target};

/// A certificate for `localhost` that signs itself, and its key.
pub(super) struct Certificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Certificate {
    pub(super) fn make(directory: &Path) -> Self {
        let made = Self { certificate: directory.join("tls.crt"), key: directory.join("tls.key") };
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-out")
            .arg(&made.certificate)
            .arg("-keyout")
            .arg(&made.key)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        made
    }
}

/// A throw-away PostgreSQL server on a socket in its own folder and on a port of 127.0.0.1.
///
/// `postgres` gets in without a password; `scrammy`, `hashed` and `clear` with "right", by
/// SCRAM, MD5 and in clear text.
pub(super) struct Cluster {
    server: Child,
    folder: TempDir,
    port: u16,
}

impl Cluster {
    pub(super) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("ng").tempdir().unwrap();
        let data = folder.path().join("data");
        Certificate::make(folder.path());
        std::fs::set_permissions(folder.path().join("tls.key"), PermissionsExt::from_mode(0o600))
            .unwrap();
        for name in ["", "tls.crt", "tls.key"] {
            give_away(&folder.path().join(name));
        }
        let output = program("initdb")
            .args(["--username=postgres", "--auth=trust", "--no-sync", "--no-instructions"])
            .args(["--encoding=UTF8", "--locale=C", "--pgdata"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let access =
            "all postgres trust|all scrammy scram-sha-256|all hashed md5|all clear password";
        let access = access.split('|').flat_map(|rule| {
            let mut words = rule.split(' ');
            let (database, user, method) =
                (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            [
                format!("local {database} {user} {method}\n"),
                format!("host {database} {user} 127.0.0.1/32 {method}\n"),
            ]
        });
        std::fs::write(data.join("pg_hba.conf"), access.collect::<String>()).unwrap();

        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let setting = |name: &str, value: &str| format!("{name}={value}");
        let server = program("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "ssl=on"])
            .args(["-c", &setting("port", &port.to_string())])
            .args(["-c", &setting("unix_socket_directories", folder.path().to_str().unwrap())])
            .args([
                "-c",
                &setting("ssl_cert_file", folder.path().join("tls.crt").to_str().unwrap()),
            ])
            .args(["-c", &setting("ssl_key_file", folder.path().join("tls.key").to_str().unwrap())])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let cluster = Self { server, folder, port };
        cluster.wait_until_ready();
        cluster.sql(
            "create role scrammy login password 'right';
             create role clear login password 'right';
             set password_encryption = 'md5';
             create role hashed login password 'right';",
        );
        cluster
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.psql("select 1").status.success() {
            assert!(Instant::now() < deadline, "the server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn psql(&self, sql: &str) -> std::process::Output {
        Command::new("psql")
            .args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-p"])
            .arg(self.port.to_string())
            .arg("-h")
            .arg(self.folder.path())
            .args(["-c", sql])
            .output()
            .unwrap()
    }

    /// Runs statements as the superuser.
    pub(super) fn sql(&self, sql: &str) -> String {
        let output = self.psql(sql);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(super) fn socket(&self) -> Target {
        Target { host: HostKind::Unix(self.folder.path().into()), port: self.port, tls: None }
    }

    pub(super) fn tcp(&self, tls: bool) -> Target {
        let tls = tls.then(|| super::tls::connector(&self.folder.path().join("tls.crt")).unwrap());
        Target { host: HostKind::Tcp("localhost".into()), port: self.port, tls }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let pid = i32::try_from(self.server.id()).unwrap();
        // SIGINT is PostgreSQL's fast shutdown, after which nothing of it is left.
        let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
        let _ = self.server.wait();
    }
}

pub(super) fn login(user: &str, password: Option<&str>) -> Credentials {
    let password = password.map(str::to_owned);
    Credentials { user: user.into(), password, database: "postgres".into() }
}

/// PostgreSQL refuses to run as root; its own user is there for that.
fn owner() -> Option<User> {
    geteuid().is_root().then(|| User::from_name("postgres").unwrap().unwrap())
}

fn give_away(path: &Path) {
    if let Some(user) = owner() {
        chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    }
}

fn program(name: &str) -> Command {
    let mut command = Command::new(find(name));
    command.current_dir("/");
    if let Some(user) = owner() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

/// On the path, or where distributions put the server's programs.
fn find(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.map(|version| version.unwrap().path().join("bin")));
    }
    folders.iter().map(|folder| folder.join(name)).find(|path| path.exists()).unwrap()
}
