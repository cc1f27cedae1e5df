//! An API over a ledger of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use noisegate::admin::office::{Actor, NewToken, Office, Order};
use noisegate::admin::shown::Role;
use noisegate::admin::{Admin, Health, serve};
use noisegate::clock::Clock;
use noisegate::ids::{Analyst, ChargeKey, QueryId, Question};
use noisegate::ledger::{Charge, LeafCharge, Ledger, Via};
use noisegate::policy::{LedgerStore, Policy, ServerOverrides};
use noisegate::road;
use noisegate::wire::scram;
use noisegate::wire::tls::TlsAcceptor;
use noisegate_privacy::budget::{Epsilon, Loss, Rho};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::common::{DEMO, run};

/// The demo's policy with an auditor.
pub(crate) fn policy_text() -> String {
    format!("{DEMO}\n[roles.watcher]\nmembers = [\"erin\"]\nauditor = true\n")
}

/// An API with its ledger. Names are passwords.
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) office: Office,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    /// The same with a certificate.
    pub(crate) fn encrypted(tls: TlsAcceptor) -> Self {
        Self::with(Some(tls))
    }

    fn with(tls: Option<TlsAcceptor>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.db");
        let overrides = ServerOverrides {
            source: Some("postgres://noisegate_reader@nowhere.invalid/shop".to_owned()),
            shadow: Some("postgres://noisegate_shadow@nowhere.invalid/shop".to_owned()),
            ledger: Some(LedgerStore::Sqlite(file.clone())),
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            admin: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        };
        let policy =
            Arc::new(Policy::parse_with(&policy_text(), "policy.toml", overrides).unwrap());
        let ledger = Ledger::open(&file, Clock::System).unwrap();
        for user in ["alice", "bob", "carol", "erin"] {
            run(ledger.put_user(user, &scram::verifier(user).unwrap())).unwrap();
        }
        let office = Office::new(policy, ledger.clone(), Clock::System);
        let nowhere = tokio_postgres::Config::new();
        let health = Health::new(nowhere.clone(), nowhere, ledger);
        let stop = CancellationToken::new();
        let address = run(start(Admin { health, office: office.clone(), tls }, &stop));
        Self { address, office, stop, _folder: folder }
    }

    /// Somebody who is not known.
    pub(crate) fn nobody(&self) -> Client {
        Client::new(self.address)
    }

    /// Somebody with a token.
    pub(crate) fn token(&self, role: Role) -> Client {
        self.nobody().bearer(&token(&self.office, role))
    }

    /// Somebody who logged in; with what the page sends beside the cookie.
    pub(crate) fn browser(&self, user: &str) -> Client {
        let login = serde_json::json!({"user": user, "password": user});
        let answer = self.nobody().post("/session", &login).expect(200);
        let cookie = answer.header("set-cookie").split(';').next().unwrap();
        let csrf = answer.json()["csrf"].as_str().unwrap().to_owned();
        self.nobody().with("Cookie", cookie).with("X-CSRF-Token", &csrf)
    }

    /// Charges an analyst for a question, at so much ε.
    pub(crate) fn spend(&self, analyst: &str, epsilon: &str, question: u8) {
        spend(&self.office, analyst, epsilon, question);
    }
}

/// Begins to serve.
pub(crate) async fn start(admin: Admin, stop: &CancellationToken) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, admin, stop.clone()));
    address
}

/// Who decides in tests, beside the API.
pub(crate) fn order(why: &str) -> Order {
    let actor = Actor { who: "carol".to_owned(), via: Via::Cli };
    Order { actor, why: why.to_owned(), expected: None, key: None }
}

/// A token that was made by a command.
pub(crate) fn token(office: &Office, role: Role) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let new = NewToken { name: format!("{role}-{number}"), role, days: 60, not_after: None };
    run(office.create_token(new, &order("a test"))).unwrap().secret
}

fn spend(office: &Office, analyst: &str, epsilon: &str, question: u8) {
    let policy = office.policy();
    let controls = run(office.ledger().controls()).unwrap();
    let pays = policy.terms(analyst).unwrap().pays;
    let account = |(id, budget): &(String, _)| {
        road::account(id, budget, controls.get(id), office.now()).unwrap()
    };
    let epsilon = Epsilon::parse(epsilon).unwrap();
    let rho = Rho::of_epsilon(&epsilon).cost();
    let charge = Charge {
        key: ChargeKey::fresh(office.now().0),
        query: QueryId([question; 8]),
        analyst: Analyst(analyst.to_owned()),
        leaves: vec![LeafCharge {
            question: Question([question; 32]),
            loss: Loss { rho, ..Loss::default() },
            accounts: pays.iter().map(account).collect(),
        }],
    };
    let reservation = run(office.ledger().reserve(charge)).unwrap();
    run(office.ledger().settle(reservation, Vec::new())).unwrap();
}
