//! Requests that come again: with the key of one before, a request gets that one's answer.
//!
//! The answers of the last hour are kept here. Beyond that, and in other proxies, the ledger knows
//! the keys of decisions about accounts and of passwords, and does nothing twice.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::api::Shared;
use super::body::POLICY_BYTES_MAX;
use super::identity::{Caller, Identity};
use super::problem::Problem;
use crate::ledger::RequestKey;

const KEPT_FOR: Duration = Duration::from_hours(1);
const KEPT_MAX: usize = 1000;
const ANSWER_BYTES_MAX: u64 = 256 * 1024;
const KEY_BYTES_MAX: usize = 200;

/// An answer that may be given again.
#[derive(Clone)]
struct Kept {
    request: [u8; 32],
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// A key that was used, with its answer when there is one.
#[derive(Clone)]
struct Slot {
    since: Instant,
    /// Held while the request is answered, so that the same one waits.
    answer: Arc<tokio::sync::Mutex<Option<Kept>>>,
}

/// Answers of the last hour by the digest of who asked and of their key.
#[derive(Default)]
pub(super) struct Once(Mutex<HashMap<[u8; 32], Slot>>);

impl Once {
    /// The slot of a key; nothing if there is no room.
    fn slot(&self, key: [u8; 32], now: Instant) -> Option<Slot> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.contains_key(&key);
        if !known && all.len() >= KEPT_MAX {
            all.retain(|_, slot| now.saturating_duration_since(slot.since) < KEPT_FOR);
        }
        if !known && all.len() >= KEPT_MAX {
            let oldest = all.iter().min_by_key(|(_, slot)| slot.since).map(|(key, _)| *key);
            let idle = oldest.filter(|key| all.get(key).is_some_and(Slot::is_idle));
            all.remove(&idle?);
        }
        let fresh = || Slot { since: now, answer: Arc::default() };
        let slot = all.entry(key).or_insert_with(fresh);
        if now.saturating_duration_since(slot.since) >= KEPT_FOR && slot.is_idle() {
            *slot = fresh();
        }
        Some(slot.clone())
    }
}

impl Slot {
    fn is_idle(&self) -> bool {
        self.answer.try_lock().is_ok()
    }
}

/// Gives a request with a known key the answer that it had before.
pub(super) async fn once(State(api): State<Shared>, request: Request, next: Next) -> Response {
    match again(&api, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn again(api: &Shared, request: Request, next: Next) -> Result<Response, Problem> {
    // Nothing is given again to who could not ask for it now; the handler says so.
    let caller = request.extensions().get::<Identity>().and_then(Identity::changer);
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let Some(who) = caller.filter(|_| !reads).map(Caller::key) else {
        return Ok(next.run(request).await);
    };
    let Some(given) = given(request.headers())? else {
        return to_its_end(async move { Ok(next.run(request).await) }).await;
    };
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, POLICY_BYTES_MAX).await.map_err(|_| Problem::too_large())?;
    let what = format!("{} {}", parts.method, parts.uri);
    let if_match = parts.headers.get(header::IF_MATCH).map(HeaderValue::as_bytes);
    let if_match = if_match.unwrap_or_default();
    let key = RequestKey {
        key: digest(&[b"key", who.as_bytes(), given.as_bytes()]),
        request: digest(&[what.as_bytes(), if_match, without_password(&body).as_bytes()]),
    };
    parts.extensions.insert(key);
    // Here the password counts too; what the ledger keeps must not help to guess it.
    let request_here = digest(&[&key.request, &body]);
    let full = || Problem::too_many("Too many requests with keys are being answered.");
    let slot = api.once.slot(key.key, Instant::now()).ok_or_else(full)?;
    let mut answer = slot.answer.lock_owned().await;
    if let Some(kept) = answer.as_ref() {
        return kept.again(request_here);
    }
    to_its_end(async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        let (response, kept) = keep(response, request_here).await?;
        *answer = kept;
        Ok(response)
    })
    .await
}

/// Runs a change that a client does not have to wait for: left half done it would not be on record,
/// and the next try would do it twice.
async fn to_its_end(
    change: impl Future<Output = Result<Response, Problem>> + Send + 'static,
) -> Result<Response, Problem> {
    let done = tokio::spawn(change).await;
    done.unwrap_or_else(|_| Err(Problem::unavailable("The request was not finished.")))
}

impl Kept {
    fn again(&self, request: [u8; 32]) -> Result<Response, Problem> {
        if self.request != request {
            return Err(Problem::conflict("The key was used for another request."));
        }
        let mut response = (self.status, self.body.clone()).into_response();
        *response.headers_mut() = self.headers.clone();
        Ok(response)
    }
}

/// The answer, and what is kept of it: nothing if it may be another one next time.
async fn keep(response: Response, request: [u8; 32]) -> Result<(Response, Option<Kept>), Problem> {
    let status = response.status();
    if !status.is_success() {
        return Ok((response, None));
    }
    // A long one, as a policy is, is not kept: the ledger knows what it was for.
    let is_short = response.body().size_hint().upper().is_some_and(|most| most <= ANSWER_BYTES_MAX);
    if !is_short {
        return Ok((response, None));
    }
    let (parts, body) = response.into_parts();
    let lost = || Problem::unavailable("The answer could not be kept.");
    let body = to_bytes(body, usize::MAX).await.map_err(|_| lost())?;
    let kept = Kept { request, status, headers: parts.headers.clone(), body: body.clone() };
    Ok((Response::from_parts(parts, Body::from(body)), Some(kept)))
}

/// The key that a client gave.
fn given(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let bytes = key.as_bytes();
    if bytes.is_empty() || bytes.len() > KEY_BYTES_MAX || !bytes.iter().all(u8::is_ascii_graphic) {
        let message = format!("is 1 to {KEY_BYTES_MAX} visible ASCII characters");
        return Err(Problem::invalid("Idempotency-Key", message));
    }
    Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
}

/// The body with its fields in order, and without a password.
fn without_password(body: &[u8]) -> String {
    let Ok(mut json) = serde_json::from_slice::<serde_json::Value>(body) else {
        return String::new();
    };
    if let Some(fields) = json.as_object_mut() {
        fields.remove("password");
    }
    json.to_string()
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_the_ledger_keeps_does_not_depend_on_the_password() {
        let one = without_password(br#"{"why": "new", "password": "one"}"#);
        assert_eq!(one, without_password(br#"{"password":"two","why":"new"}"#));
        assert_ne!(one, without_password(br#"{"why": "old", "password": "one"}"#));
    }

    #[test]
    fn keys_have_a_form() {
        let read = |key: &[u8]| {
            let value = HeaderValue::from_bytes(key).unwrap();
            given(&[("idempotency-key".parse().unwrap(), value)].into_iter().collect::<HeaderMap>())
        };
        assert_eq!(read(b"a-1").unwrap().as_deref(), Some("a-1"));
        for wrong in [&b""[..], b"a b", b"\xc3\xa4", &[b'x'; 201]] {
            assert!(read(wrong).is_err());
        }
        assert_eq!(given(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (once, now) = (Once::default(), Instant::now());
        for n in 0..KEPT_MAX + 50 {
            let at = now + Duration::from_millis(u64::try_from(n).unwrap());
            assert!(once.slot(digest(&[&n.to_be_bytes()]), at).is_some());
        }
        assert_eq!(once.0.lock().unwrap().len(), KEPT_MAX);
        // One that is kept stays, however full it is.
        let oldest =
            once.0.lock().unwrap().iter().min_by_key(|(_, slot)| slot.since).map(|(k, _)| *k);
        let before = once.slot(oldest.unwrap(), now).unwrap();
        let again = once.slot(oldest.unwrap(), now).unwrap();
        assert!(Arc::ptr_eq(&before.answer, &again.answer));
    }
}
