//! The demo's shop: a private PostgreSQL with TPC-H data, its shadow, and the proxy before it.
//!
//! What the tests run is this too, so that they go the road that a newcomer goes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use super::{Cluster, FillError, Options, Progress, fill};
use crate::clock::Clock;
use crate::database;
use crate::ledger::{Ledger, LedgerError};
use crate::policy::{LedgerStore, Policy, PolicyError, ServerOverrides, TableRule};
use crate::road::{Gate, GateError, Policies};
use crate::shadow::{InitOptions, ListedTable, Login, Logins, ShadowError, create_database, init};
use crate::wire::{Server, Target, WireError, scram, serve, tls};

/// The shadow's name, and so the name of the database to clients.
pub const DATABASE: &str = "shop";
const SOURCE_DATABASE: &str = "shop_source";
/// The demo's users; each one's password is the name.
pub const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// How a shop is set up.
#[derive(Debug)]
pub struct ShopOptions {
    /// TPC-H's scale factor.
    pub scale: f64,
    /// SQL that fills the source instead of TPC-H.
    pub seed: Option<String>,
    /// The policy's text, without a `[server]` section.
    pub policy: String,
    /// Its name in errors.
    pub policy_name: String,
    /// Where clients connect; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where administrators connect.
    pub admin: SocketAddr,
    /// Where everything is kept; a temporary folder if there is none.
    pub dir: Option<PathBuf>,
    /// The shadow on a server of its own, as is best in production.
    pub separate_shadow: bool,
    /// The source writes each statement to its log.
    pub log_statements: bool,
    /// The time that the ledger lives in.
    pub clock: Clock,
    /// Certificate and key in PEM form, for TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
}

impl ShopOptions {
    /// A shop of this scale and policy, on a free port of this machine.
    pub fn new(scale: f64, policy: &str, policy_name: &str) -> Self {
        Self {
            scale,
            seed: None,
            policy: policy.to_owned(),
            policy_name: policy_name.to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            dir: None,
            separate_shadow: false,
            log_statements: false,
            clock: Clock::System,
            tls: None,
        }
    }
}

/// Why a shop could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// PostgreSQL could not be started.
    #[error("{0}")]
    Cluster(#[from] super::ClusterError),
    /// The data could not be loaded.
    #[error("the data could not be loaded: {0}")]
    Fill(#[from] FillError),
    /// The policy is wrong.
    #[error("{0}")]
    Policy(#[from] PolicyError),
    /// The shadow could not be built.
    #[error("the shadow could not be built: {0}")]
    Shadow(#[from] ShadowError),
    /// The ledger could not be opened.
    #[error("the ledger could not be opened: {0}")]
    Ledger(#[from] LedgerError),
    /// The gate could not be opened.
    #[error("{0}")]
    Gate(#[from] GateError),
    /// A connection failed.
    #[error("connection: {0}")]
    Database(#[from] tokio_postgres::Error),
    /// The proxy's side of the wire failed.
    #[error("{0}")]
    Wire(#[from] WireError),
    /// Files or sockets failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// A shop that is open.
#[derive(Debug)]
pub struct Shop {
    /// Where clients connect.
    pub address: SocketAddr,
    /// What the proxy runs on.
    pub gate: Arc<Gate>,
    /// The policy, which stays.
    pub policies: Arc<Policies>,
    /// The source's server.
    pub source: Cluster,
    /// The shadow's server, if it has one of its own.
    pub shadow: Option<Cluster>,
    /// The ledger's file.
    pub ledger_path: PathBuf,
    stop: CancellationToken,
    server: Option<JoinHandle<std::io::Result<()>>>,
}

impl Shop {
    /// Starts everything. `progress` hears how the loading goes.
    pub async fn open(
        options: ShopOptions,
        progress: impl FnMut(Progress),
    ) -> Result<Self, ShopError> {
        // First, so that an address in use is told before minutes go into loading.
        let listener = listen(options.listen).await?;
        let address = listener.local_addr()?;
        let (source, shadow) = clusters(&options)?;
        // The one folder that always goes with the server, even if we are killed.
        let ledger_path = source.socket_dir().join("ledger.db");
        let policy = policy(&options, &ledger_path)?;
        fill_source(&source, &options, progress).await?;
        let logins = logins();
        build_shadow(&source, shadow.as_ref().unwrap_or(&source), &policy, &logins).await?;
        let ledger = Ledger::open(&ledger_path, options.clock.clone())?;
        for user in USERS {
            ledger.put_user(user, &scram::verifier(user)?).await?;
        }
        let shadow_cluster = shadow.as_ref().unwrap_or(&source);
        let reader =
            with_password(source.config(SOURCE_DATABASE, &logins.reader.role), &logins.reader);
        let analyst =
            with_password(shadow_cluster.config(DATABASE, &logins.analyst.role), &logins.analyst);
        let (target, login) = Target::from_config(&analyst, None)?;
        let gate = Gate::open(policy, reader, analyst, ledger, options.clock.clone()).await?;
        let gate = Arc::new(gate);
        let acceptor = match &options.tls {
            Some((cert, key)) => Some(tls::TlsAcceptor::from_files(cert, key)?),
            None => None,
        };
        let policies = Arc::new(Policies::fixed(Arc::clone(&gate), &options.policy));
        policies.follow_teams().await?;
        let stop = CancellationToken::new();
        let server = Server {
            policies: Arc::clone(&policies),
            shadow: target,
            login,
            tls: acceptor,
            tls_required: false,
        };
        let server = tokio::spawn(serve(listener, server, stop.clone()));
        let server = Some(server);
        Ok(Self { address, gate, policies, source, shadow, ledger_path, stop, server })
    }

    /// How a client connects as this user.
    pub fn client_config(&self, user: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.address.port()).dbname(DATABASE);
        config.user(user).password(user);
        config
    }

    /// How to reach the source as its superuser, to compare answers with the truth.
    pub fn source_config(&self) -> tokio_postgres::Config {
        self.source.config(SOURCE_DATABASE, "postgres")
    }

    /// Stops serving and ends the servers.
    pub async fn close(&mut self) {
        self.stop.cancel();
        if let Some(server) = self.server.take() {
            let _ended = server.await;
        }
        self.source.stop();
        if let Some(shadow) = &mut self.shadow {
            shadow.stop();
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn policy(options: &ShopOptions, ledger: &std::path::Path) -> Result<Policy, ShopError> {
    let overrides = ServerOverrides {
        source: Some(format!("postgres://noisegate_reader@localhost/{SOURCE_DATABASE}")),
        shadow: Some(format!("postgres://noisegate_shadow@localhost/{DATABASE}")),
        ledger: Some(LedgerStore::Sqlite(ledger.to_path_buf())),
        listen: Some(options.listen),
        admin: Some(options.admin),
    };
    Ok(Policy::parse_with(&options.policy, &options.policy_name, overrides)?)
}

async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        std::io::Error::new(error.kind(), format!("cannot listen at {address}: {error}"))
    })
}

fn clusters(options: &ShopOptions) -> Result<(Cluster, Option<Cluster>), ShopError> {
    let mut source = Options::default().with("max_connections", "200");
    if options.log_statements {
        source = source.with("log_statement", "all").with("log_line_prefix", "%d %u ");
    }
    let start = |name: &str, how: Options| match &options.dir {
        Some(dir) => Cluster::start(&dir.join(name), how),
        None => Cluster::temporary(how),
    };
    let source = start("source", source)?;
    let shadow = options
        .separate_shadow
        .then(|| start("shadow", Options::default().with("max_connections", "200")))
        .transpose()?;
    Ok((source, shadow))
}

async fn connect(config: &tokio_postgres::Config) -> Result<Client, tokio_postgres::Error> {
    database::connect(config).await
}

async fn fill_source(
    source: &Cluster,
    options: &ShopOptions,
    progress: impl FnMut(Progress),
) -> Result<(), ShopError> {
    let server = connect(&source.config("postgres", "postgres")).await?;
    server.batch_execute(&format!("CREATE DATABASE {SOURCE_DATABASE}")).await?;
    let mut client = connect(&source.config(SOURCE_DATABASE, "postgres")).await?;
    match &options.seed {
        Some(seed) => client.batch_execute(seed).await?,
        None => fill(&mut client, options.scale, progress).await?,
    }
    Ok(())
}

/// Logins that nobody but this process uses; the servers listen on a private socket only.
fn logins() -> Logins {
    let login = |role: &str| Login::with_password(role, role);
    Logins {
        reader: login("noisegate_reader"),
        analyst: login("noisegate_analyst"),
        owner: login("noisegate_shadow"),
        ..Logins::default()
    }
}

fn with_password(mut config: tokio_postgres::Config, login: &Login) -> tokio_postgres::Config {
    if let Some(password) = &login.password {
        config.password(password);
    }
    config
}

async fn build_shadow(
    source: &Cluster,
    shadow: &Cluster,
    policy: &Policy,
    logins: &Logins,
) -> Result<(), ShopError> {
    let mut from = connect(&source.config(SOURCE_DATABASE, "postgres")).await?;
    let server = connect(&shadow.config("postgres", "postgres")).await?;
    create_database(&from, &server, DATABASE, logins).await?;
    let mut to = connect(&shadow.config(DATABASE, "postgres")).await?;
    let tables = policy
        .tables
        .iter()
        .map(|(name, rule)| ListedTable {
            schema: name.schema.clone(),
            name: name.name.clone(),
            private: matches!(rule, TableRule::Private(_)),
        })
        .collect();
    let options = InitOptions { tables, logins: logins.clone(), harden_source: true };
    init(&mut from, &mut to, &options).await?;
    Ok(())
}
