//! Certificates: the proxy's own towards clients, and those it trusts in a server.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::error::WireError;

/// What it takes to speak TLS with clients.
#[derive(Clone)]
pub struct TlsAcceptor {
    inner: tokio_rustls::TlsAcceptor,
    /// The certificate in PEM, from which channel binding is computed.
    pub(super) certificate: Arc<[u8]>,
}

impl TlsAcceptor {
    /// Reads the certificate chain and the key from their PEM files.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, WireError> {
        let pem = std::fs::read(certificate).map_err(|error| unreadable(certificate, error))?;
        let chain = certificates(certificate, &pem)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| WireError::Setup(format!("TLS: {error}")))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| WireError::Setup(format!("certificate and key: {error}")))?;
        Ok(Self { inner: Arc::new(config).into(), certificate: pem.into() })
    }

    /// Runs the handshake.
    pub async fn accept(
        &self,
        stream: tokio::net::TcpStream,
    ) -> std::io::Result<tokio_rustls::server::TlsStream<tokio::net::TcpStream>> {
        self.inner.accept(stream).await
    }
}

impl std::fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsAcceptor")
    }
}

/// What it takes to speak TLS with a server whose certificate one of `roots` has signed.
pub fn connector(roots: &Path) -> Result<tokio_rustls::TlsConnector, WireError> {
    let pem = std::fs::read(roots).map_err(|error| unreadable(roots, error))?;
    let mut store = RootCertStore::empty();
    for certificate in certificates(roots, &pem)? {
        store.add(certificate).map_err(|error| unreadable(roots, error))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| WireError::Setup(format!("TLS: {error}")))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, WireError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| unreadable(path, error))?;
    if chain.is_empty() {
        return Err(unreadable(path, "it holds no certificate"));
    }
    Ok(chain)
}

fn unreadable(path: &Path, error: impl std::fmt::Display) -> WireError {
    WireError::Setup(format!("{}: {error}", path.display()))
}
