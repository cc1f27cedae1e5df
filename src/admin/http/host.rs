//! Which names this address answers to, and which pages may change something.
//!
//! A page of another site can let its own name lead to this machine and then reads what it likes,
//! unless the name in the request is looked at.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::api::{Api, Shared};
use super::problem::Problem;

/// Refuses requests to other names and changes by other pages.
pub(super) async fn guard(State(api): State<Shared>, request: Request, next: Next) -> Response {
    match check(&api, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(api: &Api, request: &Request) -> Result<(), Problem> {
    let host = host(request).ok_or_else(|| Problem::malformed("It has no Host."))?;
    if api.address.ip().is_loopback() && !is_here(&host, api.address.ip()) {
        return Err(Problem::forbidden("This address answers to names of this machine only."));
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads || same_origin(request.headers(), &host, api.secure) {
        return Ok(());
    }
    Err(Problem::forbidden("A page of another site may not change anything here."))
}

/// The one name and port that the request is for.
fn host(request: &Request) -> Option<Authority> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?.parse::<Authority>().ok()?;
    let in_target = request.uri().authority().is_none_or(|authority| *authority == host);
    (hosts.next().is_none() && in_target && !host.as_str().contains('@')).then_some(host)
}

fn is_here(host: &Authority, configured: IpAddr) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback() || ip == configured)
}

/// What a browser says of the page that sends a change; a program says nothing.
fn same_origin(headers: &HeaderMap, host: &Authority, secure: bool) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let scheme = if secure { "https" } else { "http" };
    origin.to_str().is_ok_and(|origin| origin.eq_ignore_ascii_case(&format!("{scheme}://{host}")))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_are_its_loopback_ones() {
        let here = |host: &str| is_here(&host.parse().unwrap(), "127.0.0.2".parse().unwrap());
        for host in ["localhost", "LOCALHOST:6433", "127.0.0.1:6433", "127.9.9.9", "[::1]:1"] {
            assert!(here(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "10.0.0.1", "127.0.0.1.nip.example"]
        {
            assert!(!here(host), "{host}");
        }
    }

    #[test]
    fn only_the_page_itself_changes_anything() {
        let host: Authority = "localhost:6433".parse().unwrap();
        let with = |origin: &str| {
            let headers = [(header::ORIGIN, origin.parse().unwrap())].into_iter().collect();
            same_origin(&headers, &host, false)
        };
        assert!(same_origin(&HeaderMap::new(), &host, false) && with("http://localhost:6433"));
        for other in ["null", "http://localhost", "https://localhost:6433", "http://evil.example"] {
            assert!(!with(other), "{other}");
        }
    }
}
