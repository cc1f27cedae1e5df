//! Refusals, as the client gets them: the sentence, the hint, and where it points.
//!
//! A first line `\c bob` asks as another user: alice is an analyst, bob pays from a pure budget,
//! guest has a password and no role. A block that is answered says so; what is answered in a script of
//! refusals is there to prepare what follows.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use noisegate::clock::{Clock, Millis};
use noisegate::demo::{Shop, ShopOptions};
use tokio_postgres::Client;
use tokio_postgres::error::{DbError, ErrorPosition};

use crate::common::{DEMO, connect, open, run};
use crate::script;

/// Bob pays from a pure budget.
const PURE: &str = r#"
[roles.pure_analyst]
members = ["bob"]
answers = "noisy"
pays    = ["pure_shop"]
epsilon = { default = 0.5, max = 2 }

[budgets.pure_shop]
per        = "dataset"
epsilon    = 10
window     = "lifetime"
accountant = "pure"
"#;

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let policy = DEMO.replace(r#"["alice", "bob"]"#, r#"["alice"]"#);
    let policy = policy.replace("max = 1 }", "max = 2 }") + PURE;
    let mut options = ShopOptions::new(0.001, &policy, "refusals.toml");
    // The first of January 2026, so that windows refill when they always do.
    (options.clock, _) = Clock::fixed(Millis(1_767_225_600_000));
    let shop = open(options);
    let verifier = noisegate::wire::scram::verifier("guest").expect("a verifier");
    run(shop.gate.ledger.put_user("guest", &verifier)).expect("a user");
    shop
});

#[test]
fn refusals() {
    let shop = &*SHOP;
    let (mut refused, mut answered) = (0, Vec::new());
    script::check("refusals", |text| {
        let pieces = script::parse(text);
        let inputs = script::inputs(&pieces);
        let outputs = run(ask(shop, &inputs));
        for (input, output) in inputs.iter().zip(&outputs) {
            if output.starts_with("answered") {
                answered.push(input.clone());
            } else {
                refused += 1;
            }
        }
        script::print(&script::with_outputs(&pieces, outputs))
    });
    assert!(refused >= 80, "{refused} refusals");
    let unasked = |input: &&String| !input.contains("-- prepares");
    let surprising: Vec<_> = answered.iter().filter(unasked).collect();
    assert!(surprising.is_empty(), "these were to be refused: {surprising:#?}");
}

async fn ask(shop: &Shop, inputs: &[String]) -> Vec<String> {
    let mut clients: BTreeMap<String, Client> = BTreeMap::new();
    let mut outputs = Vec::new();
    for input in inputs {
        let (user, sql) = match input.strip_prefix("\\c ").and_then(|rest| rest.split_once('\n')) {
            Some((user, sql)) => (user, sql),
            None => ("alice", input.as_str()),
        };
        if !clients.contains_key(user) {
            let (client, _) = connect(&shop.client_config(user)).await;
            clients.insert(user.to_owned(), client);
        }
        outputs.push(match clients.get(user).expect("a client").simple_query(sql).await {
            Ok(_) => "answered".to_owned(),
            Err(error) => match error.as_db_error() {
                Some(db) => said(sql, db),
                None => format!("LOST {error}"),
            },
        });
    }
    outputs
}

/// An error as psql shows it, with its SQLSTATE.
fn said(sql: &str, error: &DbError) -> String {
    let mut out = String::new();
    if let Some(ErrorPosition::Original(at)) = error.position() {
        out.push_str(&caret(sql, usize::try_from(*at).unwrap_or(0)));
    }
    write!(out, "{} {}: {}", error.severity(), error.code().code(), error.message())
        .expect("a string takes all");
    for (label, text) in [("DETAIL", error.detail()), ("HINT", error.hint())] {
        if let Some(text) = text {
            write!(out, "\n{label}: {text}").expect("a string takes all");
        }
    }
    out
}

/// The line that a position (in characters, from 1) is in, and a caret under it.
fn caret(sql: &str, position: usize) -> String {
    let mut before = position.saturating_sub(1);
    for line in sql.lines() {
        let length = line.chars().count();
        if before <= length {
            return format!("| {line}\n| {}^\n", " ".repeat(before));
        }
        before -= length + 1;
    }
    format!("position {position} is outside of the text\n")
}
