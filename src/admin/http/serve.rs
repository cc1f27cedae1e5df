//! The listener: connections, their encryption and their limits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::api::{Api, Peer, Shared};
use super::cookie::Signer;
use super::places::Places;
use super::problem::Problem;
use super::steady::Steady;
use super::{head, host, identity, once, page, routes};
use crate::admin::health::Health;
use crate::admin::office::Office;
use crate::wire::tls::TlsAcceptor;

/// How long a client may take to send the head of a request, and how long it may be silent.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long a handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// How long an answer may take, with the reading of the request's body.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to hold a ledger against its chain.
const VERIFY_PATIENCE: Duration = Duration::from_mins(10);
/// How long a write of an answer may make no progress.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// How long a connection may last, whatever it is for: an export of the audit is read in less.
const LIFE: Duration = Duration::from_hours(1);
/// How long a connection whose end has come has for the answer that it waits for.
const END_PATIENCE: Duration = Duration::from_secs(30);
/// The largest head of a request.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// What administrators are answered with.
#[derive(Debug)]
pub struct Admin {
    /// Whether the proxy lives and could answer.
    pub health: Health,
    /// What administrators do.
    pub office: Office,
    /// The certificate, if connections are encrypted.
    pub tls: Option<TlsAcceptor>,
}

/// Answers until `stop` fires.
pub async fn serve(
    listener: TcpListener,
    admin: Admin,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let Admin { health, office, tls } = admin;
    let signer = Signer::new().ok_or_else(|| std::io::Error::other("no random numbers"))?;
    let api = Arc::new(Api::new(office, health, signer, tls.is_some()));
    let router = router(api);
    let places = Arc::new(Places::default());
    let tracker = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            // Too many files are open, say; others are answered meanwhile.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Who has too many is not kept waiting: those that wait would be in the way of others.
        let Some(place) = places.take(peer.ip()) else { continue };
        let (router, tls, stop) = (router.clone(), tls.clone(), stop.clone());
        tracker.spawn(async move {
            connection(stream, peer, tls, router, stop).await;
            drop(place);
        });
    }
    tracker.close();
    tracker.wait().await;
    Ok(())
}

/// Answers one client. Whatever goes wrong with it is its own business.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) {
    let _nodelay = stream.set_nodelay(true);
    match tls {
        None => answer(stream, peer, router, stop).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE_PATIENCE, tls.accept(stream)).await {
            Ok(Ok(stream)) => answer(stream, peer, router, stop).await,
            Ok(Err(_)) | Err(_) => tracing::debug!("an administrator's handshake failed"),
        },
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Steady::new(stream, WRITE_PATIENCE)), service);
    let mut connection = std::pin::pin!(connection);
    let ends = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LIFE) => {}
        }
    };
    let served = tokio::select! {
        served = connection.as_mut() => Ok(served),
        () = ends => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(END_PATIENCE, connection).await
        }
    };
    let Ok(served) = served else {
        return tracing::debug!("an administrator's connection was cut at its end");
    };
    if let Err(error) = served {
        tracing::debug!(%error, "an administrator's connection ended");
    }
}

/// All addresses. What stands lowest here is passed first.
fn router(api: Shared) -> Router {
    let no_page = Router::new().route("/api", any(nothing)).route("/api/{*rest}", any(nothing));
    let page =
        Router::new().fallback_service(get(page::serve).fallback(async || Problem::method()));
    Router::new()
        .merge(routes::api())
        .merge(no_page)
        .fallback_service(page)
        .layer(middleware::from_fn_with_state(Arc::clone(&api), once::once))
        .layer(middleware::from_fn_with_state(Arc::clone(&api), identity::identify))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(Arc::clone(&api), host::guard))
        .layer(middleware::map_response(told))
        .layer(middleware::from_fn_with_state(Arc::clone(&api), head::add))
        .with_state(api)
}

async fn nothing() -> Problem {
    Problem::not_found("Nothing is at this address.")
}

async fn in_time(request: Request, next: Next) -> Response {
    let whole = request.uri().path() == routes::VERIFY;
    let patience = if whole { VERIFY_PATIENCE } else { ANSWER_PATIENCE };
    match tokio::time::timeout(patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("It took too long.").into_response(),
    }
}

/// What the router itself refuses is a problem too.
async fn told(response: Response) -> Response {
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allow = response.headers().get(header::ALLOW).cloned();
        return Problem::method().allowing(allow).into_response();
    }
    response
}
