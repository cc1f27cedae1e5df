//! The administrators' page in a real browser, against the real program.

mod common;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::place::Place;
use common::served::Served;
use common::{DEMO, connect, error, open, run, texts, tools};
use noisegate::demo::ShopOptions;

/// The demo's policy with an auditor, and with a throttle to be shown.
fn policy() -> String {
    let analysts = "[budgets.each_analyst]\n";
    assert!(DEMO.contains(analysts), "the demo's policy has other budgets");
    let throttle = "throttle = [{ at = 0.5, queries_per_hour = 60 }, \
                    { at = 0.9, answer = \"remembered only\" }]\n";
    let policy = DEMO.replace(analysts, &format!("{analysts}{throttle}"));
    // A query is in flight until it is canceled on the page.
    let policy = policy.replace("timeout  = \"60s\"", "timeout  = \"20m\"");
    assert!(policy.contains("20m"), "the demo's policy has another timeout");
    format!("{policy}\n[roles.watcher]\nmembers = [\"erin\"]\nauditor = true\n")
}

fn chromium() -> OsString {
    std::env::var_os("NOISEGATE_PAGE_CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into())
}

fn assert_there_is_a_browser() {
    for program in [OsString::from("node"), OsString::from("npm"), chromium()] {
        let runs = Command::new(&program).arg("--version").output();
        assert!(
            runs.is_ok_and(|output| output.status.success()),
            "{} is needed for this test and does not run; on Debian and Ubuntu, install nodejs, \
             npm and chromium, or name another Chromium in NOISEGATE_PAGE_CHROMIUM",
            program.display()
        );
    }
}

/// A copy of `tests/page` with the packages that it needs, out of the sources' way.
fn copy() -> PathBuf {
    let (copy, _lock) = tools::folder("page");
    std::fs::create_dir_all(&copy).expect("a folder");
    for entry in
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page")).expect("tests")
    {
        let file = entry.expect("a file");
        if file.file_type().expect("a type").is_file() {
            std::fs::copy(file.path(), copy.join(file.file_name())).expect("a copy");
        }
    }
    let wanted = std::fs::read_to_string(copy.join("package-lock.json")).expect("a lock file");
    let stamp = copy.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return copy;
    }
    let npm = ["ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
    let output = Command::new("npm").args(npm).current_dir(&copy).output().expect("npm runs");
    assert!(
        output.status.success(),
        "the packages of tests/page are needed and could not be installed (a package index is \
         needed): {}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::write(&stamp, wanted).expect("a stamp");
    copy
}

#[test]
fn does_in_a_browser_what_it_promises() {
    assert_there_is_a_browser();
    let copy = copy();
    let options = ShopOptions::new(0.001, DEMO, "demo.toml");
    let mut shop = open(ShopOptions { separate_shadow: true, ..options });
    let place = Place::with(&shop, &policy(), &["alice", "bob", "carol", "erin"]);
    let proxy = Served::new(&place);
    let (asked, _locked) = run(async {
        let alice = proxy.client("alice").await;
        texts(&alice, "SELECT count(*) FROM customer").await.expect("an answer");
        assert_eq!(error(&alice, "SELECT c_name FROM customer").await.0, "42501");
        let (locked, _) = connect(&shop.source_config()).await;
        locked.batch_execute("BEGIN; LOCK TABLE lineitem").await.expect("a lock");
        let bob = proxy.client("bob").await;
        let asked = tokio::spawn(async move {
            texts(&bob, "SET noisegate.epsilon = '0.1'").await.expect("a price");
            error(&bob, "SELECT count(*) FROM lineitem").await.0
        });
        (asked, locked)
    });
    let output = Command::new("node")
        .args(["--test-reporter=tap", "run.mjs"])
        .current_dir(&copy)
        .env("NOISEGATE_PAGE_URL", format!("http://127.0.0.1:{}", proxy.admin))
        .env("NOISEGATE_PAGE_PASSWORD", "carol")
        .env("NOISEGATE_PAGE_AUDITOR", "erin")
        .env("NOISEGATE_PAGE_AUDITOR_PASSWORD", "erin")
        .env("NOISEGATE_PAGE_POLICY", place.file("policy.toml"))
        .env("NOISEGATE_PAGE_CHROMIUM", chromium())
        .output()
        .expect("node runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let log = proxy.end();
    assert!(output.status.success(), "{said}\n{errors}\nThe log of the proxy:\n{log}");
    // The same that a client's own cancel leads to.
    assert_eq!(run(asked).expect("no panic"), "57014");
    assert!(said.contains("\n# skipped 0\n") && !said.contains("\n# tests 0\n"), "{said}");
    run(shop.close());
}
