//! A proxy with real databases: each endpoint is called with the document's own example, queries in
//! flight are stopped, and the policy is replaced.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use noisegate::admin::office::Office;
use noisegate::admin::shown::Role;
use noisegate::admin::{Admin, Health};
use noisegate::catalog::Catalog;
use noisegate::demo::{DATABASE, Shop, ShopOptions};
use noisegate::policy::{Finding, LedgerStore, Policy, ServerOverrides, check};
use noisegate::road::{Gate, Opener, Policies};
use noisegate::wire::scram;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_postgres::Config;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::common::{connect, open, run, texts};
use crate::document::{Endpoint, endpoints};
use crate::place::{order, policy_text, start, token};

/// A policy's file, in memory, over a shop's databases.
#[derive(Debug)]
struct InMemory {
    text: Arc<Mutex<String>>,
    overrides: ServerOverrides,
    source: Config,
    shadow: Config,
}

impl Opener for InMemory {
    fn name(&self) -> String {
        "policy.toml".to_owned()
    }

    fn read(&self) -> Result<String, String> {
        Ok(self.text.lock().unwrap().clone())
    }

    fn parse(&self, text: &str) -> Result<Policy, String> {
        let parsed = Policy::parse_with(text, "policy.toml", self.overrides.clone());
        parsed.map_err(|error| error.to_string())
    }

    fn check<'a>(&'a self, policy: &'a Policy) -> BoxFuture<'a, Result<Vec<Finding>, String>> {
        async move {
            let (client, _) = connect(&self.source).await;
            let catalog = Catalog::load(&client).await.map_err(|error| error.to_string())?;
            Ok(check(policy, &catalog))
        }
        .boxed()
    }

    fn open<'a>(&'a self, policy: Policy, beside: &'a Gate) -> BoxFuture<'a, Result<Gate, String>> {
        let opened = beside.open_beside(policy, self.source.clone(), self.shadow.clone());
        async move { opened.await.map_err(|error| error.to_string()) }.boxed()
    }
}

/// A proxy with real databases, an API, and some questions that were paid for.
struct Proxy {
    shop: Shop,
    office: Office,
    client: Client,
    address: SocketAddr,
    text: Arc<Mutex<String>>,
    stop: CancellationToken,
}

impl Proxy {
    fn new() -> Self {
        let shop = open(ShopOptions::new(0.001, &policy_text(), "policy.toml"));
        let ledger = shop.gate.ledger.clone();
        run(ledger.put_user("erin", &scram::verifier("erin").unwrap())).unwrap();
        let text = Arc::new(Mutex::new(policy_text()));
        let server = &shop.gate.policy.server;
        let opener = InMemory {
            text: Arc::clone(&text),
            overrides: ServerOverrides {
                source: Some(server.source.clone()),
                shadow: Some(server.shadow.clone()),
                ledger: Some(LedgerStore::Sqlite(shop.ledger_path.clone())),
                listen: Some(server.listen),
                admin: Some(server.admin),
            },
            source: shop.source_config(),
            shadow: shop.source.config(DATABASE, "postgres"),
        };
        let health = Health::new(opener.source.clone(), opener.shadow.clone(), ledger);
        let gate = Arc::clone(&shop.gate);
        let policies = Policies::reloadable(gate, &policy_text(), Vec::new(), Box::new(opener));
        let office = Office::of_proxy(Arc::new(policies));
        let stop = CancellationToken::new();
        let address = run(start(Admin { health, office: office.clone(), tls: None }, &stop));
        let client = Client::new(address).bearer(&token(&office, Role::Admin));
        Self { shop, office, client, address, text, stop }
    }

    /// An analyst asks, and waits in the source for the lock that is given back.
    fn stuck(&self) -> (JoinHandle<Option<String>>, tokio_postgres::Client) {
        run(async {
            let (holder, _) = connect(&self.shop.source_config()).await;
            holder.batch_execute("BEGIN; LOCK TABLE lineitem").await.unwrap();
            let (analyst, _) = connect(&self.shop.client_config("bob")).await;
            let asked = tokio::spawn(async move {
                let asked = texts(&analyst, "SELECT count(*) FROM lineitem").await;
                let error = asked.err()?;
                Some(error.as_db_error()?.code().code().to_owned())
            });
            (asked, holder)
        })
    }

    /// The one query in flight, once it asks the source.
    fn asking(&self) -> Value {
        for _ in 0..200 {
            let queries = self.client.get("/queries").expect(200).json();
            let found = queries["items"].as_array().unwrap().first().cloned();
            if let Some(query) = found.filter(|query| query["stage"] == "asking") {
                return query;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("nothing asks the source: {}", self.client.get("/charges").text);
    }

    fn close(mut self) {
        self.stop.cancel();
        run(self.shop.close());
    }
}

#[test]
fn every_endpoint_answers_its_own_example() {
    let proxy = Proxy::new();
    for user in ["alice", "bob"] {
        run(async {
            let (client, _) = connect(&proxy.shop.client_config(user)).await;
            texts(&client, "SELECT count(*) FROM customer").await.unwrap();
            texts(&client, "SELECT count(*) FROM orders").await.unwrap();
        });
    }
    let (_asked, _holder) = proxy.stuck();
    // Before anything is frozen that pays for it.
    proxy.asking();
    let document = proxy.client.get("/openapi.json").expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut all = endpoints(&document);
    // What an example ends has to be there first.
    all.sort_by_key(|endpoint| (endpoint.method == "DELETE", endpoint.path.ends_with("/freeze")));
    for endpoint in &all {
        let endpoint = prepared(&proxy, endpoint);
        let answer = endpoint.call(&proxy.client);
        let status = answer.status.to_string();
        assert!(endpoint.statuses.contains(&status), "{endpoint:?}: {answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let text = ["/api/v1/audit/export", "/healthz", "/metrics"];
        if answer.status != 204 && !text.contains(&endpoint.path.as_str()) {
            assert!(answer.json().is_object(), "{endpoint:?}: {answer:?}");
        }
    }
    let overview = proxy.client.get("/overview").expect(200).json();
    assert_eq!(overview["top_spenders_7d"].as_array().unwrap().len(), 2, "{overview}");
    let releases = proxy.client.get("/releases").expect(200).json();
    assert!(releases["items"].as_array().unwrap().len() >= 2, "{releases}");
    let ready = proxy.client.at("GET", "/readyz", None).expect(200).json();
    assert_eq!(ready["ledger"], "ok");
    proxy.close();
}

/// The same with what its path names, where that cannot be known beforehand.
fn prepared(proxy: &Proxy, endpoint: &Endpoint) -> Endpoint {
    let mut endpoint = endpoint.clone();
    let named = match endpoint.path.as_str() {
        "/api/v1/tokens/{id}" => {
            token(&proxy.office, Role::Auditor);
            let tokens = run(proxy.office.ledger().tokens()).unwrap();
            tokens.into_iter().find(|token| token.role == "auditor").map(|token| token.id)
        }
        "/api/v1/queries/{query}" => proxy.asking()["query"].as_str().map(str::to_owned),
        _ => None,
    };
    if let Some(named) = named {
        let (before, _) = endpoint.path.split_once('{').unwrap();
        endpoint.example = format!("{before}{named}");
    }
    let removes = endpoint.method == "DELETE" && endpoint.example.ends_with("/dora");
    if removes || endpoint.path.ends_with("/members/{analyst}") {
        let order = order("so that there is somebody to remove");
        run(proxy.office.put_analyst("dora", "secret".to_owned(), &order)).unwrap();
        if removes {
            run(proxy.office.join_team("data", "dora", &order)).unwrap();
        }
    }
    endpoint
}

#[test]
fn a_query_in_flight_is_shown_and_stopped() {
    let proxy = Proxy::new();
    let (asked, holder) = proxy.stuck();
    let query = proxy.asking();
    assert_eq!((query["analyst"].as_str(), query["epsilon"].as_f64()), (Some("bob"), Some(0.5)));
    assert_eq!(proxy.client.get("/overview").json()["in_flight"], 1);
    let id = query["query"].as_str().unwrap();
    let why = json!({"why": "it holds others up"}).to_string();
    proxy.client.call("DELETE", &format!("/queries/{id}"), Some(&why)).expect(204);
    // 57014: the same that a client's own cancel leads to.
    assert_eq!(run(asked).unwrap().as_deref(), Some("57014"));
    assert_eq!(proxy.client.get("/queries").json()["items"], json!([]));
    let gone = proxy.client.call("DELETE", &format!("/queries/{id}"), Some(&why)).expect(404);
    assert_eq!(gone.problem(), "not_found");
    let audit = proxy.client.get("/audit?kind=query.cancel").json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{audit}");
    assert_eq!(audit["items"][0]["detail"]["analyst"], "bob");
    drop(holder);
    proxy.close();
}

#[test]
fn a_policy_is_checked_compared_and_replaced() {
    let proxy = Proxy::new();
    let client = &proxy.client;
    let shown = client.get("/policy").expect(200).json();
    assert_eq!(
        (shown["text"].as_str(), shown["last_error"].clone()),
        (Some(policy_text().as_str()), Value::Null)
    );
    let larger = policy_text().replace("epsilon = 40", "epsilon = 41");
    let draft =
        |text: &str| client.post("/policy/validate", &json!({"text": text})).expect(200).json();
    assert_eq!(draft(&larger)["valid"], true);
    let wrong = draft("version = 2");
    assert_eq!(wrong["valid"], false);
    assert!(wrong["error"].as_str().unwrap().contains("policy.toml:1"), "{wrong}");
    let diff = client.post("/policy/diff", &json!({"text": larger})).expect(200).json();
    let changes = diff["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{diff}");
    assert_eq!(changes[0]["kind"], "spend");
    assert!(changes[0]["sentence"].as_str().unwrap().contains("41"), "{diff}");
    let refused = client.post("/policy/diff", &json!({"text": "version = 2"})).expect(422);
    assert_eq!(refused.problem(), "invalid");

    let why = json!({"why": "the new year"});
    *proxy.text.lock().unwrap() = "version = 2".to_owned();
    assert_eq!(client.post("/policy/reload", &why).expect(422).problem(), "invalid");
    assert_eq!(client.get("/accounts/shop").json()["policy_epsilon"], 40.0);
    assert!(client.get("/policy").json()["last_error"].is_string());
    *proxy.text.lock().unwrap() = larger;
    let now = client.post("/policy/reload", &why).expect(200).json();
    assert_eq!(now["last_error"], Value::Null);
    assert_eq!(client.get("/accounts/shop").json()["policy_epsilon"], 41.0);
    let audit = client.get("/audit?kind=policy").json();
    let kinds: Vec<&str> =
        audit["items"].as_array().unwrap().iter().map(|r| r["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["policy.reload", "policy.reload.failed"]);

    let large = json!({"text": "#".repeat(1024 * 1024)});
    assert_eq!(client.post("/policy/diff", &large).expect(413).problem(), "too_large");
    proxy.close();
}

#[test]
fn a_role_that_is_taken_away_ends_the_session() {
    let proxy = Proxy::new();
    let login = json!({"user": "carol", "password": "carol"});
    let nobody = Client::new(proxy.address);
    let answer = nobody.post("/session", &login).expect(200);
    let carol = nobody.with("Cookie", answer.header("set-cookie").split(';').next().unwrap());
    carol.get("/session").expect(200);
    let without = policy_text().replace("members = [\"carol\"]", "members = [\"bob\"]");
    *proxy.text.lock().unwrap() = without;
    proxy.client.post("/policy/reload", &json!({"why": "carol leaves"})).expect(200);
    carol.get("/session").expect(401);
    *proxy.text.lock().unwrap() = policy_text();
    proxy.client.post("/policy/reload", &json!({"why": "carol is back"})).expect(200);
    // What has ended does not come back.
    carol.get("/session").expect(401);
    proxy.close();
}

#[test]
fn metrics_tell_of_budgets_and_of_nobody() {
    let proxy = Proxy::new();
    run(async {
        let (client, _) = connect(&proxy.shop.client_config("alice")).await;
        texts(&client, "SELECT count(*) FROM customer").await.unwrap();
    });
    let answer = Client::new(proxy.address).at("GET", "/metrics", None).expect(200);
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let value = |series: &str| -> f64 {
        let mut lines = answer.text.lines();
        let line = lines
            .find_map(|line| line.strip_prefix(series))
            .unwrap_or_else(|| panic!("{series} in {}", answer.text));
        line.trim().parse().unwrap()
    };
    let of = |name: &str, budget: &str, per: &str| {
        value(&format!("noisegate_budget_{name}{{budget=\"{budget}\",per=\"{per}\"}}"))
    };
    let alice = proxy.client.get("/accounts/each_analyst%2Falice").expect(200).json();
    let spent = of("spent_ratio", "each_analyst", "analyst");
    assert!((spent - alice["spent_fraction"].as_f64().unwrap()).abs() < 1e-9);
    let left = of("remaining_epsilon", "each_analyst", "analyst");
    assert!((left - alice["left_epsilon"].as_f64().unwrap()).abs() < 1e-4);
    assert!((of("accounts", "each_analyst", "analyst") - 2.0).abs() < 1e-9);
    assert!(of("exhausted_accounts", "shop", "dataset").abs() < 1e-9);
    assert!(of("burn_ratio", "each_analyst", "analyst") > 1.0);
    for name in ["alice", "bob", "carol", "erin"] {
        assert!(!answer.text.contains(name), "{name}");
    }
    proxy.close();
}
