//! The administrators' API of a proxy that runs, as a command asks it.

use std::net::IpAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
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
use super::table::harmless;
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
        let is_here = host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !encrypted && !is_here {
            return Err(CliError::Said(
                "a token is sent in the clear to this machine only; write https".to_owned(),
            ));
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
        let sent = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = request.body(Full::new(sent)).map_err(|error| self.failed(error))?;
        let answer = sender.send_request(request).await.map_err(|error| self.failed(error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let bytes = body.map_err(|error| self.failed(error))?.to_bytes();
        if status.is_success() {
            let none = bytes.is_empty();
            let json = if none { Ok(Value::Null) } else { serde_json::from_slice(&bytes) };
            return json.map_err(|error| self.failed(error));
        }
        let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |key| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (title, detail) = (text("title"), text("detail"));
        let said = if title.is_empty() { format!("it answers {status}") } else { title };
        let said = format!("the proxy refuses: {said} {detail}");
        Err(CliError::Said(harmless(said.trim_end())))
    }

    fn failed(&self, error: impl std::fmt::Display) -> CliError {
        let said = format!("the proxy at {}:{} cannot be asked: {error}", self.host, self.port);
        CliError::Said(harmless(&said))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn remote(url: &str) -> Result<String, String> {
        let server = Server { url: url.to_owned(), token: "ng_secret".to_owned(), json: false };
        let remote = Remote::new(&server).map_err(|error| error.to_string())?;
        Ok(format!("{} {} {}", remote.encrypted, remote.host, remote.port))
    }

    #[test]
    fn a_token_leaves_the_machine_encrypted_only() {
        for (url, meant) in [
            ("http://127.0.0.1:6433", "false 127.0.0.1 6433"),
            ("http://localhost:1/", "false localhost 1"),
            ("http://[::1]:6433", "false ::1 6433"),
            ("https://gate.example:443", "true gate.example 443"),
        ] {
            assert_eq!(remote(url).as_deref(), Ok(meant), "{url}");
        }
        for url in
            ["http://gate.example:6433", "http://10.0.0.1:6433", "http://127.0.0.1.example:1"]
        {
            assert!(remote(url).unwrap_err().contains("write https"), "{url}");
        }
        for url in [
            "",
            "127.0.0.1:1",
            "ftp://localhost:1",
            "http://localhost",
            "http://a@b:1",
            "https://:1",
        ] {
            assert!(remote(url).unwrap_err().contains("is written as in"), "{url}");
        }
    }

    #[tokio::test]
    async fn what_a_server_says_moves_no_cursor() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = tokio::spawn(async move {
            for body in ["{\"title\": \"a\\u001b[2Jb\", \"detail\": \"\"}", "<html>"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let head = format!("HTTP/1.1 502 Bad\r\nContent-Length: {}\r\n\r\n", body.len());
                let mut request = [0; 1024];
                let _read = tokio::io::AsyncReadExt::read(&mut stream, &mut request).await;
                let sent = (head + body).into_bytes();
                tokio::io::AsyncWriteExt::write_all(&mut stream, &sent).await.unwrap();
            }
        });
        let server = Server { url, token: "ng_secret".to_owned(), json: false };
        let remote = Remote::new(&server).unwrap();
        let mut said = Vec::new();
        for _ in 0..2 {
            said.push(remote.ask(Method::GET, "/queries", None).await.unwrap_err().to_string());
        }
        answers.await.unwrap();
        assert!(
            said.iter().all(|text| !text.contains(['\u{1b}']) && !text.contains("ng_")),
            "{said:?}"
        );
        assert!(said.last().unwrap().contains("502"), "{said:?}");
    }
}
