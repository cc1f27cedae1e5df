//! The administrators' API of a proxy that runs, as a command asks it.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::args::Server;
use super::error::CliError;
use crate::database;

/// Longer than a proxy takes to say that it took too long.
const PATIENCE: Duration = Duration::from_secs(40);
/// More than any answer that is asked for here.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A proxy, and what is shown to it.
pub(super) struct Remote<'a> {
    host: &'a str,
    port: u16,
    encrypted: bool,
    token: &'a str,
}

impl<'a> Remote<'a> {
    /// The proxy that is named.
    pub(super) fn new(server: &'a Server) -> Result<Self, CliError> {
        let wrong = || {
            let said = "the address of a proxy is written as in http://127.0.0.1:6433";
            CliError::Said(said.to_owned())
        };
        let url = server.url.trim_end_matches('/');
        let (encrypted, rest) = match url.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            _ => return Err(wrong()),
        };
        let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() || host.contains(['/', '@']) {
            return Err(wrong());
        }
        Ok(Self { host, port, encrypted, token: &server.token })
    }

    /// Asks; the answer's JSON, or null if it has none. A problem is told in its own words.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        let answer = tokio::time::timeout(PATIENCE, self.connected(method, path, body)).await;
        answer.unwrap_or_else(|_| Err(self.failed("it does not answer in time")))
    }

    async fn connected(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        let failed = |error| self.failed(error);
        let stream = TcpStream::connect((self.host, self.port)).await.map_err(failed)?;
        if !self.encrypted {
            return self.send(stream, method, path, body).await;
        }
        let name = self.host.to_owned().try_into().map_err(|error| self.failed(error))?;
        let trusts = TlsConnector::from(database::client_config());
        let stream = trusts.connect(name, stream).await.map_err(failed)?;
        self.send(stream, method, path, body).await
    }

    async fn send<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.failed(error))?;
        tokio::spawn(connection);
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_owned() };
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(HOST, format!("{host}:{}", self.port))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        let sent = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.body(sent).map_err(|error| self.failed(error))?;
        let answer = sender.send_request(request).await.map_err(|error| self.failed(error))?;
        let status = answer.status();
        let bytes = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await;
        let bytes = bytes.map_err(|error| self.failed(error))?;
        let json = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
        if status.is_success() {
            return Ok(json);
        }
        let text = |key| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (title, detail) = (text("title"), text("detail"));
        let said = if title.is_empty() { format!("it answers {status}") } else { title };
        Err(CliError::Said(format!("the proxy refuses: {said} {detail}").trim_end().to_owned()))
    }

    fn failed(&self, error: impl std::fmt::Display) -> CliError {
        CliError::Said(format!("the proxy at {}:{} cannot be asked: {error}", self.host, self.port))
    }
}
