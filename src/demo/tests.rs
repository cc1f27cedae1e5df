//! The cluster's promises, kept by a real server.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::process::Command;

use tokio_postgres::{Client, Config, Error, NoTls};

use super::{Cluster, Options};

async fn connect(config: &Config) -> Result<Client, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn runs(pid: u32) -> bool {
    Command::new("kill").args(["-0", &pid.to_string()]).output().unwrap().status.success()
}

async fn one(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_cluster_leaves_no_process_and_no_file() {
    let cluster = Cluster::temporary(Options::default()).unwrap();
    let client = connect(&cluster.config("postgres", "postgres")).await.unwrap();
    assert_eq!(one(&client, "SHOW server_encoding").await, "UTF8");
    assert_eq!(one(&client, "SHOW fsync").await, "off");

    let pid = cluster.pid().unwrap();
    let folder = cluster.log_path().parent().unwrap().to_path_buf();
    assert!(runs(pid) && folder.join("data").is_dir());
    drop(cluster);
    assert!(!runs(pid));
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn data_survives_a_crash_and_a_restart() {
    let mut cluster = Cluster::temporary(Options::default().with("log_statement", "all")).unwrap();
    let config = cluster.config("postgres", "postgres");
    let client = connect(&config).await.unwrap();
    client.batch_execute("CREATE TABLE kept AS SELECT 'here'::text AS word").await.unwrap();
    client.batch_execute("CHECKPOINT").await.unwrap();

    cluster.kill();
    assert!(client.batch_execute("SELECT 1").await.is_err());
    assert!(connect(&config).await.is_err());
    assert_eq!(cluster.pid(), None);

    cluster.restart().unwrap();
    let client = connect(&config).await.unwrap();
    assert_eq!(one(&client, "SELECT word FROM kept").await, "here");
    let log = std::fs::read_to_string(cluster.log_path()).unwrap();
    assert!(log.contains("statement: CHECKPOINT"), "{log}");
    assert!(log.contains("automatic recovery") || log.contains("not properly shut down"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_superuser_comes_without_a_password_and_only_by_the_socket() {
    let cluster = Cluster::temporary(Options::default().with_tcp()).unwrap();
    let admin = connect(&cluster.config("postgres", "postgres")).await.unwrap();
    admin.batch_execute("CREATE ROLE ann LOGIN PASSWORD 'secret'").await.unwrap();

    let mut socket = cluster.config("postgres", "ann");
    assert!(connect(&socket).await.is_err());
    assert!(connect(socket.password("wrong")).await.is_err());
    let ann = connect(socket.password("secret")).await.unwrap();
    assert_eq!(one(&ann, "SELECT current_user::text").await, "ann");

    let mut tcp: Config = cluster.url("postgres", "ann").parse().unwrap();
    assert!(matches!(tcp.get_hosts(), [tokio_postgres::config::Host::Tcp(_)]));
    let ann = connect(tcp.password("secret")).await.unwrap();
    assert_eq!(one(&ann, "SELECT host(inet_client_addr())").await, "127.0.0.1");
    assert!(connect(tcp.user("postgres")).await.is_err());

    let by_url: Config = cluster.url("postgres", "postgres").parse().unwrap();
    let admin = connect(&by_url).await.unwrap();
    assert_eq!(one(&admin, "SELECT current_user::text").await, "postgres");
}

#[test]
fn a_wrong_setting_is_reported_in_the_servers_words() {
    let error = Cluster::temporary(Options::default().with("no_such_setting", "1")).unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[test]
fn a_kept_cluster_starts_again_in_its_folder() {
    let parent = tempfile::Builder::new().prefix("noisegate-kept-").tempdir_in("/tmp").unwrap();
    // The server's user must be able to reach what is inside.
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o711);
    std::fs::set_permissions(parent.path(), mode).unwrap();
    let dir = parent.path().join("a-long-name".repeat(9));
    let options = Options { keep: true, ..Options::default() };
    let first = Cluster::start(&dir, options.clone()).unwrap();
    let sockets = first.socket_dir().to_path_buf();
    assert!(!sockets.starts_with(&dir), "too long for a socket: {}", sockets.display());
    drop(first);
    assert!(dir.join("data/PG_VERSION").is_file());
    assert!(!sockets.exists());

    let marker = dir.join("data/marker");
    std::fs::write(&marker, "").unwrap();
    let second = Cluster::start(&dir, Options::default()).unwrap();
    assert!(second.pid().is_some() && marker.exists());
    drop(second);
    assert!(!dir.join("data").exists());
}

/// Run by the next test in a process of its own.
#[test]
fn helper_that_is_killed() {
    let Some(report) = std::env::var_os("NOISEGATE_TEST_REPORT") else { return };
    let cluster = Cluster::temporary(Options::default()).unwrap();
    let folder = cluster.log_path().parent().unwrap();
    let text = format!("{}\n{}", cluster.pid().unwrap(), folder.display());
    std::fs::write(&report, text).unwrap();
    std::thread::sleep(std::time::Duration::from_mins(1));
}

#[test]
fn a_cluster_does_not_outlive_a_killed_owner() {
    let report = tempfile::NamedTempFile::new().unwrap();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "demo::tests::helper_that_is_killed"])
        .env("NOISEGATE_TEST_REPORT", report.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let read = || {
        let text = std::fs::read_to_string(report.path()).unwrap();
        let (pid, folder) = text.split_once('\n')?;
        Some((pid.parse::<u32>().unwrap(), PathBuf::from(folder)))
    };
    let limit = std::time::Duration::from_mins(1);
    assert!(super::process::wait_until(limit, || read().is_some()));
    let (pid, folder) = read().unwrap();
    assert!(runs(pid) && folder.exists());
    owner.kill().unwrap();
    owner.wait().unwrap();
    let gone = || !folder.exists() && !folder.join("data").exists();
    assert!(super::process::wait_until(limit, gone), "{}", folder.display());
}
