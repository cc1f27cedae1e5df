//! One way to a PostgreSQL: with TLS, and the server's certificate checked, where the address says
//! `sslmode=require`; in the clear otherwise.

use std::sync::{Arc, OnceLock};

use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres::{CancelToken, Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

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
pub(crate) async fn cancel(config: &Config, token: &CancelToken) -> Result<(), Error> {
    if config.get_ssl_mode() == SslMode::Require {
        return Box::pin(token.cancel_query(tls())).await;
    }
    token.cancel_query(NoTls).await
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
