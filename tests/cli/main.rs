//! The commands, as operators and administrators run them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use noisegate::demo::{Cluster, Options};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

mod office;
mod operator;
mod tasks;

use operator::{Operator, Ran, Running};

/// Those with a password, of a list as JSON.
fn users(ran: &Ran) -> Vec<String> {
    let list: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let all = list["items"].as_array().unwrap().iter();
    let with_password = all.filter(|one| !one["added_at"].is_null());
    with_password.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

async fn connect(cluster: &Cluster, database: &str) -> Client {
    let (client, connection) = cluster.config(database, "postgres").connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// From its file to a server; and there it is lost.
#[tokio::test]
async fn a_ledger_moves_and_another_one_is_taken_on_an_operators_word_only() {
    let mut operator = Operator::alone();
    let added = operator.run_with_input(&["user", "add", "alice"], "correct horse\n");
    assert_eq!(added.code, Some(0), "{added:?}");
    let server = Cluster::temporary(Options { durable: true, ..Options::default() }.with_tcp());
    let server = server.unwrap();
    let client = connect(&server, "postgres").await;
    client.batch_execute("CREATE ROLE noisegate_ledger LOGIN PASSWORD 'l-secret'").await.unwrap();
    client.batch_execute("CREATE DATABASE budgets OWNER noisegate_ledger").await.unwrap();
    let url = server.url("budgets", "noisegate_ledger");

    let file = operator.folder.path().join("ledger.db");
    let mut copy = Command::new(env!("CARGO_BIN_EXE_noisegate"));
    copy.args(["ledger", "copy"]).arg(&file).args([&url, "--state"]).arg(operator.folder.path());
    let copied: Ran = copy.env("NOISEGATE_LEDGER_PASSWORD", "l-secret").output().unwrap().into();
    assert!(copied.code == Some(0) && copied.out.contains("1 users"), "{copied:?}");
    let moved = operator.run(&["user", "list", "--json"]);
    assert!(moved.code == Some(1) && moved.errors.contains("was moved to"), "{moved:?}");

    let policy = std::fs::read_to_string(operator.policy()).unwrap();
    std::fs::write(operator.policy(), policy.replace("sqlite:ledger.db", &url)).unwrap();
    operator.environment.push(("NOISEGATE_LEDGER_PASSWORD", "l-secret".to_owned()));
    let listed = operator.run(&["user", "list", "--json"]);
    assert_eq!((listed.code, users(&listed)), (Some(0), vec!["alice".to_owned()]), "{listed:?}");

    let client = connect(&server, "budgets").await;
    client.batch_execute("DROP SCHEMA noisegate_ledger CASCADE").await.unwrap();
    let refused = operator.run(&["user", "list", "--json"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.errors.contains("there is no ledger, and generation"), "{refused:?}");
    assert!(refused.errors.contains("noisegate ledger accept-restored"), "{refused:?}");
    let accepted = operator.run(&["ledger", "accept-restored"]);
    assert_eq!(accepted.code, Some(0), "{accepted:?}");
    let listed = operator.run(&["user", "list", "--json"]);
    assert_eq!((listed.code, users(&listed)), (Some(0), vec![]), "{listed:?}");
    for ran in [copied, moved, listed, refused, accepted] {
        assert!(!format!("{ran:?}").contains("l-secret"), "{ran:?}");
    }
}

#[test]
fn users_come_and_go_and_their_passwords_are_not_kept() {
    let operator = Operator::alone();
    for (name, password) in [("bob", "tr0ub4dor\n"), ("alice", "correct horse"), ("bob", "new\r\n")]
    {
        let ran = operator.run_with_input(&["user", "add", name], password);
        assert_eq!((ran.code, ran.errors.as_str()), (Some(0), ""), "{ran:?}");
    }
    let listed = || users(&operator.run(&["user", "list", "--json"]));
    assert_eq!(listed(), ["alice", "bob"]);
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
    assert_eq!(listed(), ["alice"]);

    let ran = operator.run(&["user", "remove", "bob"]);
    assert_eq!((ran.code, ran.errors.as_str()), (Some(1), "noisegate: bob has no password\n"));
    for (name, password) in [("carol", ""), ("carol", "\n"), ("a/b", "x"), ("", "x")] {
        let ran = operator.run_with_input(&["user", "add", name], password);
        assert_eq!((ran.code, ran.errors.lines().count()), (Some(1), 1), "{ran:?}");
    }
    assert_eq!(listed(), ["alice"]);
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
    let operator = Operator::with_shop(Options::default()).await;
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
    rehearses(&operator);
    serves(&operator).await;
    refuses(&operator, &source).await;
}

/// What would become of statements, from a file and from PostgreSQL's log.
fn rehearses(operator: &Operator) {
    let rehearse = |name: &str, text: &str, options: &[&str]| {
        let file = operator.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let ran = operator.run(&[&["rehearse", file, "--analyst", "alice"], options].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.out
    };
    let text = "select count(*) from orders; SELECT  count(*) FROM orders;
        select n_name from nation; select * from orders limit 3; select sum(c_phone) from customer;
        set noisegate.epsilon = '0.25'; select count(*) from orders where o_orderstatus = 'F'; selec;
        copy (select o_orderstatus, count(*) from orders group by 1) to stdout; delete from orders";
    let out = rehearse("asked.sql", text, &["--json"]);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    let statements = found["statements"].as_array().unwrap();
    let verdicts: Vec<_> = statements.iter().map(|one| one["verdict"].as_str().unwrap()).collect();
    let expected = [
        "answered",
        "remembered",
        "passes",
        "empty preview",
        "wrong",
        "passes",
        "answered",
        "passes",
        "answered",
        "refused",
    ];
    assert_eq!(verdicts, expected, "{out}");
    let epsilon = |at: usize| statements[at]["epsilon"].as_array().unwrap().clone();
    assert_eq!((epsilon(0), epsilon(6)), (vec!["0.5".into()], vec!["0.25".into()]), "{out}");
    assert!(statements[0]["said"][0].as_str().unwrap().starts_with("at most ± "), "{out}");
    let shares = found["accounts"].as_array().unwrap();
    assert_eq!(shares.len(), 3, "{out}");
    assert!(shares.iter().all(|one| one["share_spent"].as_f64().unwrap() > 0.0), "{out}");

    let line = |time: &str, user: &str, message: &str, detail: &str| {
        format!(
            "{time},\"{user}\",\"shop\",7,,,1,SELECT,,,0,LOG,00000,\"{message}\",\"{detail}\",,,,,,,,,\n"
        )
    };
    let log = [
        line("2026-03-01 08:00:00.123 UTC", "bob", "statement: select count(*) from customer", ""),
        line(
            "2026-03-02 08:00:00.123 UTC",
            "somebody",
            "execute <unnamed>: select count(*) from orders where o_orderstatus = $1",
            "parameters: $1 = 'F'",
        ),
    ];
    let out = rehearse("server.csv", &log.concat(), &[]);
    assert!(out.contains("answered, epsilon 0.5  (bob)"), "{out}");
    assert!(out.contains("answered, epsilon 0.5  (alice)"), "{out}");
    assert!(out.contains("each_analyst/bob:") && out.contains("at this rate"), "{out}");
}

/// A proxy, and where it answers.
fn serving(operator: &Operator) -> (Running, SocketAddr) {
    let mut command = operator.command(&["serve"]);
    let mut proxy = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(proxy.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("noisegate answers at ").unwrap().split(';').next().unwrap();
    (proxy, address.parse().unwrap())
}

/// Ends a proxy as an operator does.
fn stopped(mut proxy: Running) {
    kill(Pid::from_raw(proxy.0.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(proxy.0.wait().unwrap().code(), Some(0));
}

/// A proxy, and alice at it.
async fn start(operator: &Operator) -> (Running, Client) {
    let (proxy, address) = serving(operator);
    let url = format!("postgres://alice:sesame@{address}/shop");
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    (proxy, client)
}

/// A proxy answers, and ends when told to.
async fn serves(operator: &Operator) {
    let (proxy, client) = start(operator).await;
    let count = async |sql| client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(count("SELECT count(*) FROM nation").await, 25);
    let customers = count("SELECT count(*) FROM customer").await;
    assert!((50..250).contains(&customers), "{customers}");
    stopped(proxy);
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

/// Lets the server speak TLS, with a certificate for 127.0.0.1, and speak nothing else over TCP.
async fn encrypt(operator: &Operator) -> PathBuf {
    let (certificate, key) =
        (operator.folder.path().join("server.crt"), operator.folder.path().join("server.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=shop"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-out"])
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let server = connect(operator.cluster(), "postgres").await;
    let data = server.query_one("SHOW data_directory", &[]).await.unwrap();
    let data = PathBuf::from(data.get::<_, String>(0));
    let owner = std::fs::metadata(&data).unwrap();
    for file in [&certificate, &key] {
        let there = data.join(file.file_name().unwrap());
        std::fs::copy(file, &there).unwrap();
        std::fs::set_permissions(&there, Permissions::from_mode(0o600)).unwrap();
        chown(&there, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    let rules = "local all postgres trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(data.join("pg_hba.conf"), rules).unwrap();
    server.batch_execute("CREATE ROLE dba SUPERUSER LOGIN PASSWORD 'd-secret'").await.unwrap();
    server.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
    server.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let on = async || {
        let fresh = connect(operator.cluster(), "postgres").await;
        fresh.query_one("SHOW ssl", &[]).await.unwrap().get::<_, &str>(0) == "on"
    };
    until("the server speaks TLS", on).await;
    certificate
}

/// Waits for what comes soon.
async fn until(what: &str, there: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !there().await {
        assert!(Instant::now() < deadline, "{what}: in vain");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_sslmode_require_nothing_goes_in_the_clear() {
    let mut operator = Operator::with_shop(Options::default().with_tcp()).await;
    let certificate = encrypt(&operator).await;
    let source = operator.cluster().url("shop_source", "noisegate_reader");
    assert!(source.contains("@127.0.0.1:"), "{source}");
    operator.environment = vec![("PGUSER", "dba".into()), ("PGPASSWORD", "d-secret".into())];

    // The server insists, so that what follows is not encrypted by chance.
    let ran = operator.run(&["init"]);
    assert!(ran.code == Some(1) && ran.errors.contains("no encryption"), "{ran:?}");

    operator.write_policy(&format!("{source}?sslmode=require"));
    let distrusts = |operator: &Operator| {
        let ran = operator.run(&["init"]);
        let sentences = ran.errors.lines().filter(|line| line.starts_with("noisegate: "));
        assert_eq!((ran.code, sentences.count()), (Some(1), 1), "{ran:?}");
        let sentence = "noisegate: the administrator of the source cannot connect: the server's \
                        certificate is not accepted";
        assert!(ran.errors.contains(sentence), "{ran:?}");
        ran.errors
    };
    assert!(distrusts(&operator).contains("SSL_CERT_FILE"));
    operator.environment.push(("SSL_CERT_FILE", certificate.display().to_string()));
    let elsewhere = source.replace("127.0.0.1", "elsewhere.invalid");
    operator.write_policy(&format!("{elsewhere}?sslmode=require&hostaddr=127.0.0.1"));
    distrusts(&operator);

    operator.write_policy(&format!("{source}?sslmode=require"));
    for args in [&["init", "--harden-source"][..], &["check"]] {
        let ran = operator.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
    }
    assert_eq!(operator.run_with_input(&["user", "add", "alice"], "sesame").code, Some(0));
    serves(&operator).await;
    connections_are_encrypted(&operator).await;
}

/// While a question is held up on the source, all of the proxy's connections are looked at; a
/// cancel arrives there, too.
async fn connections_are_encrypted(operator: &Operator) {
    let (_proxy, alice) = start(operator).await;
    let server = connect(operator.cluster(), "postgres").await;
    let holder = connect(operator.cluster(), "shop_source").await;
    holder.batch_execute("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let cancel = alice.cancel_token();
    let asked =
        tokio::spawn(async move { alice.query("SELECT count(*) FROM orders", &[]).await.err() });
    let reader_waits = async || {
        let waits = "SELECT count(*) FROM pg_stat_activity \
                     WHERE usename = 'noisegate_reader' AND wait_event_type = 'Lock'";
        server.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 1
    };
    until("the reader waits", &reader_waits).await;

    let connections = "SELECT usename::text, bool_and(ssl) FROM pg_stat_ssl \
                       JOIN pg_stat_activity USING (pid) \
                       WHERE usename ~ '^noisegate' GROUP BY 1 ORDER BY 1";
    let found = server.query(connections, &[]).await.unwrap();
    let found: Vec<(String, bool)> = found.iter().map(|row| (row.get(0), row.get(1))).collect();
    for login in ["noisegate_analyst", "noisegate_reader"] {
        assert!(found.contains(&(login.to_owned(), true)), "{found:?}");
    }
    assert!(found.iter().all(|(_, encrypted)| *encrypted), "{found:?}");

    cancel.cancel_query(NoTls).await.unwrap();
    let error = asked.await.unwrap().unwrap();
    assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED));
    until("the reader was stopped", async || !reader_waits().await).await;
}
