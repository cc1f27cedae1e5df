//! Real clients against the proxy, and what no polite client sends.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod accuracy;
mod drivers;
mod intervals;
mod names;
mod psql;
mod psycopg;
mod raw;
mod refreshes;
mod refusals;
mod settings;
mod startup;
mod statements;

use std::sync::LazyLock;

use common::{DEMO, cell, open};
use noisegate::demo::{Shop, ShopOptions};
use noisegate::wire::scram;
use tokio_postgres::Client;

/// One analyst for each test that counts charges; each one's password is the name.
const ANALYSTS: [&str; 22] = [
    "accurate", "again", "alice", "bob", "copies", "copying", "cursors", "deep", "draw", "driver",
    "ends", "names", "plans", "python", "raw", "refresh", "settings", "skip", "start", "tables",
    "typed", "widths",
];

/// The demo's policy with budgets that no test exhausts.
fn policy() -> String {
    let mut policy = DEMO.to_owned();
    for budget in ["epsilon = 10\n", "epsilon = 15\n", "epsilon = 40\n"] {
        assert!(policy.contains(budget), "the demo's policy has other budgets");
        policy = policy.replace(budget, "epsilon = 1e6\n");
    }
    let policy = policy.replace("max = 1 }", "max = 2 }");
    // Orders keep to what is declared, so that EXPLAIN knows their noise before.
    let orders = "[tables.\"public.orders\"]\n";
    assert!(policy.contains(orders), "the demo's policy has other tables");
    let policy = policy.replace(orders, &format!("{orders}bounds = \"declared\"\n"));
    policy.replace("[\"alice\", \"bob\"]", &format!("{ANALYSTS:?}"))
}

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let shop = open(ShopOptions::new(0.01, &policy(), "wire.toml"));
    common::run(async {
        for user in ANALYSTS {
            let verifier = scram::verifier(user).expect("a verifier");
            shop.gate.ledger.put_user(user, &verifier).await.expect("a user");
        }
    });
    shop
});

/// Runs a test. The shop opens before, since that blocks.
fn run<T>(test: impl Future<Output = T>) -> T {
    LazyLock::force(&SHOP);
    common::run(test)
}

/// How many questions the analyst was charged for.
async fn charges(client: &Client) -> usize {
    cell(client, "SELECT count(*) FROM noisegate.my_queries").await.parse().expect("a number")
}

/// Two temporary files: a certificate that signs itself and its key.
fn certificate(folder: &std::path::Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    let output = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost", "-out"])
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .expect("openssl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (certificate, key)
}
