//! psycopg 3, in a virtual environment of its own.

use crate::common::tools;
use crate::{SHOP, run};

#[test]
fn does_what_it_does_with_postgresql() {
    let python = tools::python("psycopg", "psycopg[binary]==3.*").join("python");
    let address = &SHOP.address;
    let output = run(async move {
        tokio::process::Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/psycopg_test.py"))
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", address.port().to_string())
            .env("PGUSER", "python")
            .env("PGPASSWORD", "python")
            .env("PGDATABASE", "shop")
            .output()
            .await
            .expect("python runs")
    });
    assert!(
        output.status.success() && output.stdout.ends_with(b"done\n"),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
