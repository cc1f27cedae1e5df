//! One way to a PostgreSQL: with TLS, and the server's certificate checked, where the address says
//! `sslmode=require`; in the clear otherwise.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres::{CancelToken, Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long the request to stop what runs may take.
const STOP: Duration = Duration::from_secs(2);

/// Connects; the connection is driven until its client is dropped.
///
/// What it takes to shake hands is large, so it is boxed rather than part of each caller's future.
pub(crate) async fn connect(config: &Config) -> Result<Client, Error> {
    if config.get_ssl_mode() == SslMode::Require {
        let (client, connection) = Box::pin(config.connect(tls())).await?;
        tokio::spawn(drive(connection));
        return Ok(client);
    }
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(drive(connection));
    Ok(client)
}

/// Asks the server to stop what a connection of `config` runs.
async fn cancel(config: &Config, token: &CancelToken) -> Result<(), Error> {
    if config.get_ssl_mode() == SslMode::Require {
        return Box::pin(token.cancel_query(tls())).await;
    }
    token.cancel_query(NoTls).await
}

/// A connection that runs what may have to be stopped. Dropped before it has ended, the server is
/// told to stop, since PostgreSQL does not look whether its client is still there while a statement
/// runs, and the connection is closed after that.
#[derive(Debug)]
pub(crate) struct Busy {
    config: Config,
    /// There until it has ended.
    client: Option<Client>,
}

impl Busy {
    /// `client` is a connection of `config`.
    pub(crate) fn new(config: Config, client: Client) -> Self {
        Self { config, client: Some(client) }
    }

    /// The connection, until it has ended.
    pub(crate) fn client(&self) -> Option<&Client> {
        self.client.as_ref()
    }

    /// The connection, on which nothing runs any more.
    pub(crate) fn ended(mut self) -> Option<Client> {
        self.client.take()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let config = self.config.clone();
        runtime.spawn(async move {
            let stop = client.cancel_token();
            let stopped = tokio::time::timeout(STOP, cancel(&config, &stop)).await;
            if !matches!(stopped, Ok(Ok(()))) && !client.is_closed() {
                tracing::warn!("what runs on a server could not be stopped before its timeout");
            }
        });
    }
}

async fn drive(connection: impl Future<Output = Result<(), Error>>) {
    if let Err(error) = connection.await {
        // Its text may quote what the server said.
        let sqlstate = error.code().map_or("none", tokio_postgres::error::SqlState::code);
        tracing::debug!(sqlstate, "a connection ended");
    }
}

fn tls() -> MakeRustlsConnect {
    MakeRustlsConnect::new(client_config().as_ref().clone())
}

/// What a server's certificate is checked against: the system's roots, or those of the file that
/// the environment variable `SSL_CERT_FILE` names. Without any, no certificate is good.
pub(crate) fn client_config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (trusted, _unreadable) = roots.add_parsable_certificates(found.certs);
        for error in &found.errors {
            tracing::warn!(%error, "root certificates cannot be read");
        }
        if trusted == 0 {
            tracing::warn!("no root certificates were found: sslmode=require cannot succeed");
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = match builder.with_safe_default_protocol_versions() {
            Ok(builder) => builder,
            // The provider is compiled in and has them; the compiler does not know that.
            Err(_) => ClientConfig::builder(),
        };
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    });
    Arc::clone(config)
}
