//! psql, as a person uses it.

use std::process::{Command, Output};

use noisegate::demo::{Shop, ShopOptions};

use crate::common::open;
use crate::{SHOP, certificate, policy};

/// What psql printed: its output and its errors.
fn psql(shop: &Shop, arguments: &[&str]) -> (String, String) {
    let Output { stdout, stderr, .. } = Command::new("psql")
        .args(["-X", "-At", "-h", "127.0.0.1", "-d", "shop", "-U", "alice", "-p"])
        .arg(shop.address.port().to_string())
        .args(arguments)
        .env("PGPASSWORD", "alice")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("psql runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(stdout), text(stderr))
}

#[test]
fn describes_what_there_is() {
    let (tables, _) = psql(&SHOP, &["-c", "\\dt"]);
    let names: Vec<&str> = tables.lines().filter_map(|line| line.split('|').nth(1)).collect();
    let expected =
        ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"];
    assert_eq!(names, expected);
    let (all, _) = psql(&SHOP, &["-c", "\\d"]);
    assert_eq!(all.lines().count(), 8, "{all}");
    let (orders, _) = psql(&SHOP, &["-c", "\\d orders"]);
    assert!(orders.contains("o_totalprice|numeric(15,2)||not null|"), "{orders}");
    let (budget, _) = psql(&SHOP, &["-c", "\\d noisegate.budget"]);
    assert!(budget.contains("epsilon_left|numeric|"), "{budget}");
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("script.sql");
    let text = "select count(*) as n, avg(o_totalprice) from orders \\gdesc\n";
    std::fs::write(&script, text).expect("written");
    let (described, errors) = psql(&SHOP, &["-f", script.to_str().expect("UTF-8")]);
    assert_eq!((described.as_str(), errors.as_str()), ("n|bigint\navg|numeric\n", ""));
}

#[test]
fn several_statements_in_one_text() {
    let quiet = "set noisegate.notices = off; ";
    let text = format!("{quiet}select 1; select count(*) from orders; select 'x'; ");
    let (out, errors) = psql(&SHOP, &["-c", &text]);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines.len(), lines.first(), lines.last()), (4, Some(&"SET"), Some(&"x")), "{out}");
    let count: i64 = lines.get(2).and_then(|line| line.parse().ok()).expect("a count");
    assert!((10_000..20_000).contains(&count), "{count}");
    assert_eq!(errors, "");

    let (out, errors) =
        psql(&SHOP, &["-c", "select 1; select bool_or(o_totalprice > 1) from orders; select 2"]);
    assert_eq!(out, "1\n", "nothing after the error");
    assert!(errors.contains("no noisy form"), "{errors}");
    let text =
        "select count(*) from orders; create temp table x (a int); copy x from stdin; select 2";
    let (_, errors) = psql(&SHOP, &["-c", text]);
    assert!(errors.contains("COPY must be sent by itself"), "{errors}");
}

/// psql marks the place of an error under the line that it repeats.
fn marked(text: &str, word: &str) {
    let (_, errors) = psql(&SHOP, &["-c", text]);
    let lines: Vec<&str> = errors.lines().filter(|line| !line.starts_with("NOTICE")).collect();
    let line = lines.iter().position(|line| line.starts_with("LINE ")).expect(&errors);
    let column = lines[line + 1].chars().position(|c| c == '^').expect("a mark");
    let at: String = lines[line].chars().skip(column).collect();
    assert!(at.starts_with(word), "{errors}");
}

#[test]
fn errors_point_at_their_place() {
    marked("select nope from orders", "nope");
    marked("select 1; select cuont(*) from orders; select 2", "cuont");
    marked("select 'é→'; select 'ü', nope from orders", "nope");
    marked("select 'é→'; select 'ü', max(o_clerk) from orders", "max");
    marked("select count(*) from orders; select nope", "nope");
    marked("select count(*),\n  sum(o_totalprice)\nfrom orders where c > 1", "c > 1");
    marked("explain select max(o_clerk) from orders", "max");
    marked("prepare p as select count(*) from orders where nope", "nope");
}

#[test]
fn transactions_fail_as_in_postgresql() {
    let script = "begin; select count(*) from orders; savepoint a; select * from orders; ";
    let (_, errors) = psql(&SHOP, &["-v", "VERBOSITY=verbose", "-c", script]);
    assert!(errors.contains("42501: Rows of people are not shown."), "{errors}");
    let commands = [
        "set noisegate.notices = off",
        "begin",
        "select count(*) > 0 from orders",
        "savepoint a",
        "select * from orders",
        "select 7",
        "select count(*) from orders",
        "execute nothing",
        "rollback to a",
        "select count(*) > 0 from orders",
        "commit",
    ];
    let mut arguments = vec!["-v", "VERBOSITY=sqlstate"];
    arguments.extend(commands.iter().flat_map(|command| ["-c", command]));
    let (out, errors) = psql(&SHOP, &arguments);
    assert_eq!(out, "SET\nBEGIN\nt\nSAVEPOINT\nROLLBACK\nt\nCOMMIT\n");
    let states: Vec<&str> =
        errors.lines().map(|line| line.trim_start_matches("ERROR:  ")).collect();
    assert_eq!(states, ["42501", "25P02", "25P02", "25P02"]);
    let (out, _) = psql(&SHOP, &["-c", "begin", "-c", "select * from orders", "-c", "commit"]);
    assert_eq!(out, "BEGIN\nROLLBACK\n", "a refusal aborts the transaction");
}

#[test]
fn tls_works_and_is_real() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = ShopOptions::new(0.001, &policy(), "wire.toml");
    let (certificate, key) = certificate(folder.path());
    options.tls = Some((certificate.clone(), key));
    let shop = open(options);
    let address = format!("host=127.0.0.1 port={} dbname=shop user=alice", shop.address.port());
    let one = |mode: &str| {
        let (out, errors) = psql(
            &shop,
            &[
                "-d",
                &format!("{address} {mode}"),
                "-c",
                "\\conninfo",
                "-c",
                "select count(*) >= 0 or true from customer",
            ],
        );
        (out, errors)
    };
    let (out, errors) = one("sslmode=require");
    assert!(
        out.contains("SSL connection (protocol: TLSv1.3") && out.ends_with("t\n"),
        "{out}{errors}"
    );
    let verified = format!("sslmode=verify-ca sslrootcert={}", certificate.display());
    assert!(one(&verified).0.ends_with("t\n"), "the certificate is the one that was given");
    let (out, _) = one("sslmode=disable");
    assert!(!out.contains("SSL") && out.ends_with("t\n"), "{out}");
    let (_, errors) = psql(
        &SHOP,
        &[
            "-d",
            &format!(
                "host=127.0.0.1 port={} user=alice dbname=shop sslmode=require",
                SHOP.address.port()
            ),
            "-c",
            "select 1",
        ],
    );
    assert!(errors.contains("server does not support SSL"), "{errors}");
}
