//! A shop for a test binary, on a runtime that outlives each test.

#![expect(dead_code, reason = "each test binary uses a part of this")]

use std::future::Future;
use std::sync::{Arc, LazyLock, Mutex};

use noisegate::demo::{Shop, ShopOptions};
use noisegate::error::Error;
use noisegate::ids::{Analyst, QueryId};
use noisegate::road::{self, Asked, Inspected};
use noisegate::shadow::settings::Settings;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use tokio_util::sync::CancellationToken;

pub(crate) mod place;
pub(crate) mod served;
pub(crate) mod tools;

/// The policy of the demo.
pub(crate) const DEMO: &str = include_str!("../../budgets/demo.toml");
/// The policy under which answers are exact.
pub(crate) const TRUTH: &str = include_str!("../../budgets/truth.toml");

/// The policy with the bounds that it declares and no others, so that noise is known beforehand.
pub(crate) fn declared(policy: &str) -> String {
    assert!(policy.contains("[defaults]\n"));
    policy.replacen("[defaults]\n", "[defaults]\nbounds = \"declared\"\n", 1)
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::new().expect("a runtime for the tests"));

/// Runs a test on the binary's runtime.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    RUNTIME.block_on(test)
}

/// Opens a shop.
pub(crate) fn open(options: ShopOptions) -> Shop {
    run(Shop::open(options, |_| {})).expect("the shop opens")
}

/// A connection, driven in the background, with the notices that come.
pub(crate) async fn connect(config: &Config) -> (Client, Arc<Mutex<Vec<String>>>) {
    let (client, mut connection) = config.connect(NoTls).await.expect("a connection");
    let notices = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&notices);
    RUNTIME.spawn(async move {
        loop {
            let message = std::future::poll_fn(|context| connection.poll_message(context)).await;
            match message {
                Some(Ok(tokio_postgres::AsyncMessage::Notice(notice))) => {
                    heard.lock().expect("no poison").push(notice.message().to_owned());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
    });
    (client, notices)
}

/// The rows of a simple query as text.
pub(crate) async fn texts(
    client: &Client,
    sql: &str,
) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    let messages = client.simple_query(sql).await?;
    Ok(messages
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        })
        .collect())
}

/// The one cell of a query that has one.
pub(crate) async fn cell(client: &Client, sql: &str) -> String {
    let rows = texts(client, sql).await.expect("an answer");
    rows.first().and_then(|row| row.first()).cloned().flatten().expect("a cell")
}

/// The SQLSTATE and message of a query that must fail.
pub(crate) async fn error(client: &Client, sql: &str) -> (String, String) {
    let error = client.simple_query(sql).await.expect_err("an error");
    let db = error.as_db_error().expect("an error of the database");
    (db.code().code().to_owned(), db.message().to_owned())
}

/// How a query of this user would be answered, with the settings of a fresh session.
pub(crate) async fn inspect(shop: &Shop, user: &str, sql: &str) -> Result<Inspected, Error> {
    let settings = Settings::default();
    let asked = Asked {
        id: QueryId::fresh(),
        analyst: &Analyst(user.to_owned()),
        text: sql,
        types: &[],
        parameters: &[],
        settings: &settings,
        at: shop.gate.clock.now(),
        canceled: &CancellationToken::new(),
    };
    Ok(Box::pin(road::inspect(&shop.gate, &asked)).await?.expect("a query with leaves"))
}
