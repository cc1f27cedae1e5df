//! The web page: files of the program itself, so that it needs nothing from elsewhere.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// A file of the page.
struct File {
    kind: &'static str,
    bytes: &'static [u8],
    tag: String,
}

macro_rules! files {
    ($($name:literal)*) => {
        [$(($name, include_bytes!(concat!("../page/", $name)).as_slice())),*]
    };
}

static FILES: LazyLock<BTreeMap<&'static str, File>> = LazyLock::new(|| {
    let files = files! {
    };
    let file = |(name, bytes): (&'static str, &'static [u8])| {
        let tag = format!("\"{}\"", hex::encode(Sha256::digest(bytes)));
        (name, File { kind: kind(name), bytes, tag })
    };
    files.into_iter().map(file).collect()
});

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

/// A file of the page, or that there is no such thing.
pub(super) async fn serve(request: Request) -> Response {
    let name = match request.uri().path().trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let Some(file) = FILES.get(name) else {
        return Problem::not_found("Nothing is at this address.").into_response();
    };
    let known = request.headers().get(header::IF_NONE_MATCH);
    let same = known.and_then(|tags| tags.to_str().ok()).is_some_and(|tags| {
        tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == file.tag)
    });
    let mut response = match same {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Bytes::from_static(file.bytes).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&file.tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
