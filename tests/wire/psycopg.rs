//! psycopg 3, in a virtual environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{SHOP, run};

/// The environment, made by the first test run. Several may want to make it at once.
fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(target).expect("a folder");
    let lock = std::fs::File::create(target.join("venv.lock")).expect("a lock file");
    lock.lock().expect("a lock");
    let venv = target.join("venv");
    let python = venv.join("bin/python");
    let works = |code: &str| {
        let done = Command::new(&python).args(["-c", code]).output();
        done.is_ok_and(|output| output.status.success())
    };
    if !works("import psycopg; psycopg.pq.__impl__") {
        let install = ["-m", "pip", "install", "--quiet", "psycopg[binary]==3.*"];
        for (program, arguments) in [
            (
                Path::new("python3"),
                ["-m", "venv", "--clear", venv.to_str().expect("UTF-8")].as_slice(),
            ),
            (python.as_path(), install.as_slice()),
        ] {
            let output = Command::new(program).args(arguments).output();
            let said = output.as_ref().map_or_else(ToString::to_string, |output| {
                String::from_utf8_lossy(&output.stderr).into_owned()
            });
            assert!(
                output.is_ok_and(|output| output.status.success()),
                "psycopg is needed for this test and could not be installed (python3 with venv and \
                 pip, and a package index, are needed): {said}"
            );
        }
    }
    python
}

#[test]
fn does_what_it_does_with_postgresql() {
    let python = python();
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
