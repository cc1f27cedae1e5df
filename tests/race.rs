//! A hundred connections at once: the account pays for as many answers as it can and not one
//! more, and a question that many ask at once is answered once.

mod common;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use common::{DEMO, open, run, texts};
use noisegate::demo::{Shop, ShopOptions};
use noisegate::ids::Analyst;
use noisegate::ledger::State;
use tokio_postgres::{Client, NoTls};

/// How many answers of ε 0.1 the account of ε 2 pays for.
const FITS: usize = 20;
const CONNECTIONS: usize = 100;

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    // For who looks into a failure.
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_test_writer();
    log.try_init().expect("a log");
    let policy = DEMO.replace(
        "per     = \"analyst\"\nepsilon = 10\ndelta   = 1e-7",
        "per     = \"analyst\"\naccountant = \"pure\"\nepsilon = 2",
    );
    assert_ne!(policy, DEMO);
    let role = "epsilon = { default = 0.5, max = 1 }";
    assert!(policy.contains(role));
    let policy = policy.replace(role, &format!("concurrent = {CONNECTIONS}\n{role}"));
    open(ShopOptions::new(0.001, &policy, "demo.toml"))
});

async fn clients(shop: &Shop, user: &str) -> Vec<Arc<Client>> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let (client, connection) =
            shop.client_config(user).connect(NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client.batch_execute("SET noisegate.epsilon = '0.1'").await.expect("a setting");
        clients.push(Arc::new(client));
    }
    clients
}

/// What comes of one statement for each client, all at once.
async fn at_once(
    clients: &[Arc<Client>],
    statement: impl Fn(usize) -> String,
) -> Vec<Result<String, tokio_postgres::Error>> {
    let asking: Vec<_> = clients
        .iter()
        .cloned()
        .enumerate()
        .map(|(number, client)| {
            let sql = statement(number);
            tokio::spawn(async move {
                let rows = texts(&client, &sql).await?;
                Ok(rows.into_iter().flatten().flatten().collect())
            })
        })
        .collect();
    let mut answers = Vec::new();
    for asked in asking {
        answers.push(asked.await.expect("no panic"));
    }
    answers
}

#[test]
fn an_account_pays_for_as_many_answers_as_fit_however_many_ask_at_once() {
    let shop = &*SHOP;
    run(async {
        let clients = clients(shop, "alice").await;
        let history = || async {
            let charges = shop.gate.ledger.history(&Analyst("alice".to_owned()), 1000).await;
            charges.expect("a history")
        };

        // The same question: one charge, one draw.
        let same = |_| "SELECT count(*) FROM customer WHERE c_mktsegment = 'BUILDING'".to_owned();
        let answers = at_once(&clients, same).await;
        let answers: BTreeSet<String> =
            answers.into_iter().map(|answer| answer.expect("an answer for everybody")).collect();
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!(history().await.len(), 1);

        // Distinct ones: exactly as many as are paid for.
        let distinct = |number| format!("SELECT count(*) FROM customer WHERE c_acctbal > {number}");
        let mut answered = 1;
        for asked in at_once(&clients, distinct).await {
            match asked {
                Ok(_) => answered += 1,
                Err(error) => assert_overdrawn(&error),
            }
        }
        assert_eq!(answered, FITS);
        let charges = history().await;
        assert_eq!(charges.len(), FITS, "a refusal leaves no charge");
        assert!(charges.iter().all(|entry| entry.state == State::Posted));
    });
}

/// Nothing is left, and the refusal says so, and until when.
fn assert_overdrawn(error: &tokio_postgres::Error) {
    let error = error.as_db_error().expect("an error of the database");
    assert_eq!(error.code().code(), "53400", "{error:?}");
    assert_eq!(error.detail(), Some("noisegate: budget"));
    assert!(error.message().contains("each_analyst/alice"), "{error:?}");
    assert!(error.message().contains(" 0.0 %"), "{error:?}");
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("renews in") && hint.contains(" d "), "{hint}");
}
