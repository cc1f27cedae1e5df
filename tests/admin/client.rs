//! A client of the API that speaks real HTTP.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::HeaderMap;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The answer, if it has this status.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// What kind of problem it is.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], self.status, "{self:?}");
        let kind = json["type"].as_str().unwrap();
        kind.strip_prefix("urn:noisegate:problem:").unwrap().to_owned()
    }
}

/// Somebody who asks, with the headers that say who it is.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    agent: Agent,
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

impl Client {
    /// Somebody unknown.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_mins(1)));
        Self { agent: config.build().into(), address, headers: Vec::new() }
    }

    /// The same with another header.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    /// The same without a header.
    pub(crate) fn without(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.headers.retain(|(known, _)| known != name);
        other
    }

    pub(crate) fn bearer(&self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, Some(&body.to_string()))
    }

    /// Asks for an address of the API.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        self.at(method, &format!("/api/v1{path}"), body)
    }

    /// Asks for any address.
    pub(crate) fn at(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let url = format!("http://{}{path}", self.address);
        let request = match method {
            "POST" => self.agent.post(url),
            "PUT" => self.agent.put(url),
            "PATCH" => self.agent.patch(url),
            "DELETE" => self.agent.delete(url).force_send_body(),
            "GET" => return self.bare(self.agent.get(url)),
            "HEAD" => return self.bare(self.agent.head(url)),
            other => panic!("no method {other}"),
        };
        let request = self
            .headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name.as_str(), value.as_str()));
        let typed = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let request = match body {
            Some(_) if !typed => request.header("Content-Type", "application/json"),
            _ => request,
        };
        answer(request.send(body.unwrap_or("")).unwrap())
    }

    fn bare(&self, request: ureq::RequestBuilder<ureq::typestate::WithoutBody>) -> Answer {
        let request = self
            .headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name.as_str(), value.as_str()));
        answer(request.call().unwrap())
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Answer {
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.body_mut().read_to_string().unwrap(),
    }
}

/// What a server says to these bytes, until it closes the connection.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let _closed_early = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
