//! Plans: what becomes of a query before anything is asked or paid.

use std::fmt::Write;
use std::sync::LazyLock;

use noisegate::demo::{Shop, ShopOptions};
use noisegate::error::Error;

use crate::common::{DEMO, declared, inspect, open, run};
use crate::script;

static SHOP: LazyLock<Shop> =
    LazyLock::new(|| open(ShopOptions::new(0.001, &declared(DEMO), "demo.toml")));

/// The demo as it is: bounds are estimated.
static AUTOMATIC: LazyLock<Shop> =
    LazyLock::new(|| open(ShopOptions::new(0.001, DEMO, "demo.toml")));

#[test]
fn plans() {
    assert!(all("plans", &SHOP) >= 60);
}

#[test]
fn automatic_bounds() {
    assert!(all("bounds", &AUTOMATIC) >= 8);
}

fn all(folder: &str, shop: &Shop) -> usize {
    let mut count = 0;
    script::check(folder, |text| {
        let pieces = script::parse(text);
        let inputs = script::inputs(&pieces);
        count += inputs.len();
        let outputs = inputs.iter().map(|input| run(plan(shop, input))).collect();
        script::print(&script::with_outputs(&pieces, outputs))
    });
    count
}

async fn plan(shop: &Shop, input: &str) -> String {
    let sql = input.trim_end().trim_end_matches(';');
    let inspected = match inspect(shop, "alice", sql).await {
        Ok(inspected) => inspected,
        Err(Error::Refusal(refusal)) => return format!("REFUSED {refusal}"),
        Err(error) => return format!("FAILED {error}"),
    };
    let mut out = "Canonical\n".to_owned();
    for line in inspected.canonical.text.lines() {
        writeln!(out, "  {}", line.trim()).expect("a string takes all");
    }
    for line in inspected.lines() {
        writeln!(out, "{line}").expect("a string takes all");
    }
    write!(out, "Spliced\n  {}", inspected.spliced).expect("a string takes all");
    out
}
