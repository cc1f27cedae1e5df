//! Automatic bounds, end to end: an estimate is bought once and with the leaf, EXPLAIN says what it
//! said, and the noise of an answer is that of the bound, over what the bound leaves of the rows.

#![expect(clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "common/fit.rs"]
#[expect(dead_code, reason = "each test binary uses a part of this")]
mod fit;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use common::{DEMO, cell, connect, error, open, run, texts};
use fit::Law;
use noisegate::demo::{Shop, ShopOptions};
use noisegate::source::shown;
use noisegate_privacy::IBig;
use noisegate_privacy::noise::Noise;
use tokio_postgres::Client;

/// Alice, carol and dave pay under zCDP, bob pays pure epsilon. Several tests ask as alice.
const PEOPLE: &str = r#"
[roles.gauss]
members = ["alice", "carol", "dave"]
answers = "noisy"
pays    = ["gauss"]
epsilon = { default = 0.5, max = 1e6 }

[roles.laplace]
members = ["bob"]
answers = "noisy"
pays    = ["laplace"]
epsilon = { default = 0.5, max = 1e6 }

[budgets.gauss]
per     = "analyst"
epsilon = 1e15
delta   = 0.99
window  = "lifetime"

[budgets.laplace]
per        = "analyst"
epsilon    = 1e15
window     = "lifetime"
accountant = "pure"

[answers]
remember = "7d"
preview  = "empty"
release  = "at once"
timeout  = "60s"
"#;

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let (tables, _) = DEMO.split_once("# ---- People and budgets.").expect("the demo's people");
    // Lines keep to what is declared, and whatever reads them does.
    let lines = "[tables.\"public.lineitem\"]\n";
    assert!(tables.contains(lines));
    let tables = tables.replace(lines, &format!("{lines}bounds = \"declared\"\n"));
    open(ShopOptions::new(0.01, &format!("{tables}{PEOPLE}"), "bounds.toml"))
});

async fn explained(client: &Client, sql: &str) -> String {
    let rows = texts(client, &format!("EXPLAIN {sql}")).await.expect("a plan");
    let lines: Vec<String> = rows.into_iter().filter_map(|row| row[0].clone()).collect();
    lines.join("\n")
}

/// What is released less what the bounded rows hold, in thousandths of the noise's scale.
async fn noises(user: &str, questions: impl Iterator<Item = String>) -> Vec<i64> {
    let shop = &*SHOP;
    let (proxy, _) = connect(&shop.client_config(user)).await;
    let (postgres, _) = connect(&shop.source_config()).await;
    let mut noises = Vec::new();
    for sql in questions {
        let released = texts(&proxy, &sql).await.expect("an answer");
        // The estimate is in the ledger by now, so this plan has its bounds.
        let inspected = common::inspect(shop, user, &sql).await.expect("a plan");
        let plan = &inspected.leaves[0].plan;
        assert!(plan.estimate().is_none(), "{sql}");
        let exact: BTreeMap<_, _> = texts(&postgres, &shown(plan))
            .await
            .expect("exact numbers")
            .into_iter()
            .map(|row| (row[..3].to_vec(), row))
            .collect();
        for row in released {
            let exact = &exact[&row[..3]];
            for (column, at) in inspected.leaves[0].bound.columns.values.iter().zip(3..) {
                let one = &plan.analysis().statistics[column.statistic];
                assert!(one.bound.is_some() && column.centre.is_none());
                let scale = match &one.noise {
                    Noise::Gaussian { sigma } => sigma.value().to_f64().value(),
                    Noise::Laplace { scale } => scale.value().to_f64().value(),
                };
                let steps = row[at].as_ref().expect("a number").replace('.', "");
                let steps: IBig = steps.parse().expect("a number");
                let exact: IBig = exact[at].as_ref().expect("a sum").parse().expect("a number");
                let noise = steps * IBig::from(one.grains) - exact;
                let noise: f64 = noise.to_string().parse().expect("a number");
                assert!(scale > 3.0 * f64::from(one.grains), "rounding would show: {scale}");
                #[expect(clippy::cast_possible_truncation, reason = "a few thousand")]
                noises.push((noise / scale * 1000.0) as i64);
            }
        }
    }
    noises
}

/// Many cells each, so that few questions make many draws.
fn question(at: usize) -> String {
    format!(
        "SELECT o_orderpriority, o_orderstatus, c_mktsegment, count(*), sum(o_totalprice) \
         FROM orders JOIN customer ON o_custkey = c_custkey \
         WHERE o_totalprice < {} GROUP BY 1, 2, 3",
        100_000 + at
    )
}

const QUESTIONS: usize = 110;

#[test]
fn the_noise_is_that_of_the_bound() {
    run(async {
        let draws = noises("alice", (0..QUESTIONS).map(question)).await;
        assert_eq!(draws.len(), QUESTIONS * 75 * 2);
        Law::Gaussian(1000.0).check("norms in L2", &draws);
        let draws = noises("bob", (0..QUESTIONS).map(question)).await;
        Law::Laplace(1000.0).check("norms in L1", &draws);
    });
}

#[test]
fn an_estimate_is_bought_once_and_with_its_leaf() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("carol")).await;
        let sql = "SELECT o_orderstatus, sum(o_totalprice) FROM orders GROUP BY 1";
        let before = explained(&proxy, sql).await;
        assert!(before.contains("Price: epsilon 0.5 (rho 0.125, delta 0)"), "{before}");
        assert!(before.contains("Estimate: of this, rho 0.0125 buys the bounds first"), "{before}");
        assert!(before.contains("how much one person adds is estimated first"), "{before}");
        assert!(before.contains("Expected error: known once the bounds are estimated"), "{before}");
        assert!(!before.contains("standard deviation"), "{before}");
        texts(&proxy, sql).await.expect("an answer");
        let paid = "SELECT count(*) || ' ' || max(epsilon) FROM noisegate.my_queries";
        assert_eq!(cell(&proxy, paid).await, "1 0.5000");
        // What stands above the leaf does not ask for another.
        let above = format!("{sql} HAVING sum(o_totalprice) > 0 ORDER BY 2 DESC");
        assert_eq!(texts(&proxy, &above).await.expect("an answer").len(), 3);
        assert_eq!(cell(&proxy, paid).await, "1 0.5000");
        let after = explained(&proxy, sql).await;
        assert!(after.contains("as the root of their squares (estimated)"), "{after}");
        assert!(after.contains("Price: below epsilon 0.5 (rho 0.1125"), "{after}");
        assert!(after.contains("Expected error: 95 % within ±"), "{after}");
        // Another leaf of the same rows, keys and sum has its bounds already, and costs less.
        let more = "SELECT o_orderstatus, sum(o_totalprice) FROM orders GROUP BY o_orderstatus \
                    HAVING count(DISTINCT o_custkey) > 0";
        let other = explained(&proxy, more).await;
        assert!(
            other.contains("is estimated first"),
            "two statistics are another estimate: {other}"
        );
        // At another price it is another estimate.
        proxy.batch_execute("SET noisegate.epsilon = '0.4'").await.expect("a setting");
        assert!(explained(&proxy, sql).await.contains("is estimated first"));
        texts(&proxy, sql).await.expect("an answer");
        assert_eq!(cell(&proxy, paid).await, "2 0.5000");
    });
}

/// Its numbers can only be read with the bounds that they were made under.
#[test]
fn an_answer_is_forgotten_with_its_bounds() {
    let shop = &*SHOP;
    run(async {
        let verifier = noisegate::wire::scram::verifier("dave").expect("a verifier");
        shop.gate.ledger.put_user("dave", &verifier).await.expect("a user");
        let (proxy, _) = connect(&shop.client_config("dave")).await;
        let sql = "SELECT sum(o_totalprice) FROM orders WHERE o_orderdate > '1995-06-07'";
        let paid = "SELECT count(*) FROM noisegate.my_queries";
        let first = cell(&proxy, sql).await;
        let ledger = rusqlite::Connection::open(&shop.ledger_path).expect("the ledger");
        ledger.busy_timeout(std::time::Duration::from_secs(5)).expect("patience");
        let estimate = "DELETE FROM release WHERE id = (SELECT min(release.id) FROM release \
                        JOIN charge ON charge.id = release.charge WHERE analyst = 'dave')";
        assert_eq!(ledger.execute(estimate, []).expect("a release that is gone"), 1);
        let second = cell(&proxy, sql).await;
        assert_ne!(first, second);
        assert_eq!(cell(&proxy, paid).await, "2");
        // The first answer is still there, and is of other bounds.
        assert_eq!(cell(&proxy, sql).await, second);
        assert_eq!(cell(&proxy, paid).await, "2");
    });
}

#[test]
fn a_bound_is_near_what_people_add() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("alice")).await;
        let (postgres, _) = connect(&shop.source_config()).await;
        let sql = "SELECT sum(o_totalprice) FROM orders WHERE o_orderdate > '1994-02-03'";
        texts(&proxy, sql).await.expect("an answer");
        let inspected = common::inspect(shop, "alice", sql).await.expect("a plan");
        let bound = inspected.leaves[0].plan.analysis().statistics[0].bound.clone();
        let bound: f64 = bound.expect("a bound").to_string().parse().expect("a number");
        let most = "SELECT max(s)::float8 FROM (SELECT sum(o_totalprice) AS s FROM orders \
                    WHERE o_orderdate > '1994-02-03' GROUP BY o_custkey) AS t";
        let most: f64 = cell(&postgres, most).await.parse().expect("a number");
        // Declared are 30 times 600,000.
        let bound = bound / 100.0;
        assert!(bound > most / 4.0 && bound < most * 2.0, "{bound} where somebody adds {most}");
    });
}

#[test]
fn declared_tables_are_not_estimated() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("alice")).await;
        for sql in [
            "SELECT sum(l_quantity) FROM lineitem",
            "SELECT sum(l_quantity) FROM lineitem JOIN orders ON l_orderkey = o_orderkey",
        ] {
            let plan = explained(&proxy, sql).await;
            assert!(plan.contains("sensitivity 6000.00 per group; noise"), "{plan}");
            assert!(!plan.contains("estimate"), "{plan}");
        }
        // The range of a type is no bound where nothing is estimated.
        let sum = "SELECT sum(length(l_comment)) FROM lineitem";
        let (_, message) = error(&proxy, sum).await;
        assert!(message.contains("needs bounds"), "{message}");
    });
}

/// Three leaves, two of them equal: charged as two.
#[test]
fn leaves_of_one_statement_share_estimates() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("alice")).await;
        let leaf = |above: i64| {
            format!("(SELECT sum(o_totalprice) FROM orders WHERE o_totalprice > {above})")
        };
        let sql = format!("SELECT {} - {}, {} > 0", leaf(77), leaf(77), leaf(78));
        proxy.batch_execute("SET noisegate.epsilon = '1'").await.expect("a setting");
        let row = &texts(&proxy, &sql).await.expect("an answer")[0];
        assert_eq!(row[0].as_deref(), Some("0.00"));
        let paid = "SELECT count(*) FROM noisegate.my_queries WHERE epsilon::text = '1.4142'";
        assert_eq!(cell(&proxy, paid).await, "1");
    });
}
