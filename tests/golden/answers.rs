//! Answers as psql shows them, under the policy whose noise is nothing. Each script is one
//! session of alice.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use noisegate::clock::{Clock, Millis};
use noisegate::demo::{Binaries, DATABASE, Shop, ShopOptions};

use crate::common::{TRUTH, open};
use crate::script;

const MARK: &str = "@@ next block @@";

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let mut options = ShopOptions::new(0.001, TRUTH, "truth.toml");
    // The first of January 2026, so that windows end and answers expire when they always do.
    (options.clock, _) = Clock::fixed(Millis(1_767_225_600_000));
    open(options)
});

#[test]
fn answers() {
    let shop = &*SHOP;
    script::check("answers", |text| {
        let pieces = script::parse(text);
        let outputs = psql(shop, &script::inputs(&pieces));
        script::print(&script::with_outputs(&pieces, outputs))
    });
}

/// One psql for all blocks; what it prints between marks belongs to one block.
fn psql(shop: &Shop, inputs: &[String]) -> Vec<String> {
    let program = Binaries::find().expect("PostgreSQL is installed").program("psql");
    let mut text = String::new();
    for input in inputs {
        writeln!(text, "{input}\n\\echo {MARK}").expect("a string takes all");
    }
    // psql flushes one before it writes to the other, so in one file they are in order.
    let both = tempfile::NamedTempFile::new().expect("a file");
    let stream = || Stdio::from(both.as_file().try_clone().expect("another handle"));
    let mut child = Command::new(program)
        .args(["-X", "-P", "null=NULL", "-P", "pager=off", "-h", "127.0.0.1", "-U", "alice"])
        .args(["-p", &shop.address.port().to_string(), "-d", DATABASE])
        .env("PGPASSWORD", "alice")
        .env("PGTZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(stream())
        .stderr(stream())
        .spawn()
        .expect("psql starts");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("psql reads");
    let status = child.wait().expect("psql ends");
    let printed = std::fs::read_to_string(both.path()).expect("what it printed");
    assert!(status.success(), "psql: {status}\n{printed}");
    let mut outputs: Vec<String> = printed.split(&format!("{MARK}\n")).map(masked).collect();
    let rest = outputs.pop();
    assert_eq!((outputs.len(), rest.as_deref()), (inputs.len(), Some("")), "{printed}");
    outputs
}

/// Hides ids of queries, which are random, and numbers that nobody can read.
fn masked(text: &str) -> String {
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let digits = |word: &str| word.chars().take_while(char::is_ascii_digit).count();
    let word = |word: &str| match word.len() == 16 && word.chars().all(hex) {
        true => "<id>            ".to_owned(),
        // This policy's numbers are beyond reason, and beyond the digits of a float.
        false if digits(word) > 18 => {
            format!("<huge>{}", word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'))
        }
        false => word.to_owned(),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}
