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
        "api.js"
        "app.js"
        "changes.js"
        "charts.js"
        "dialogs.js"
        "dom.js"
        "format.js"
        "icon.svg"
        "index.html"
        "parts.css"
        "style.css"
        "theme.js"
        "vendor/uPlot.iife.min.js"
        "vendor/uPlot.min.css"
        "views/account.js"
        "views/accounts.js"
        "views/analysts.js"
        "views/audit.js"
        "views/login.js"
        "views/overview.js"
        "views/parts.js"
        "views/people.js"
        "views/policy.js"
        "views/queries.js"
        "views/releases.js"
        "views/spenders.js"
        "views/team.js"
        "views/teams.js"
        "views/tokens.js"
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
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Bytes::from_static(file.bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&file.tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/admin/page"));
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                if path.is_dir() {
                    folders.push(path);
                } else if !name.ends_with("LICENSE") {
                    assert!(FILES.contains_key(name), "{name} is not in the list of this file");
                }
            }
        }
    }
}
