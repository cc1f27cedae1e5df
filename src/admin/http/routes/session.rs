//! Logging in with a browser.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::http::api::{Api, Peer, Shared};
use crate::admin::http::body::Sent;
use crate::admin::http::cookie::{SessionId, random, set};
use crate::admin::http::identity::{Reader, digest, role};
use crate::admin::http::problem::{Problem, Problems};
use crate::admin::http::sessions::LIFE;
use crate::admin::office::OfficeError;
use crate::admin::shown::{self, Role};
use crate::clock::Millis;
use crate::ledger::{Event, Via};
use crate::wire::scram;

/// More than any name that can log in, and any password.
const TYPED_BYTES_MAX: usize = 2048;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(log_in, show, log_out))
}

/// A login.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user": "carol", "password": "carol"}))]
struct Login {
    /// The name.
    #[schema(max_length = 63)]
    user: String,
    /// The password.
    #[schema(max_length = 1024, format = Password)]
    password: String,
}

/// Who is logged in.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "user": "carol", "role": "admin", "csrf": "…", "expires_at": "2026-11-30T20:00:00.000Z"
}))]
struct Session {
    /// The name.
    user: String,
    /// What they may do.
    role: Role,
    /// What `X-CSRF-Token` has to be with every change; empty for a token, which needs none.
    csrf: String,
    /// When it ends, used or not.
    expires_at: String,
}

type WithCookie = [(HeaderName, HeaderValue); 1];

fn with_cookie(cookie: Option<HeaderValue>) -> Result<WithCookie, Problem> {
    let lost = || Problem::unavailable("No cookie can be made.");
    Ok([(header::SET_COOKIE, cookie.ok_or_else(lost)?)])
}

/// Begins a session, as a cookie. Members of roles with `admin` or `auditor` get in.
#[utoipa::path(post, path = "/session", tag = "session", request_body = Login, security(()),
    responses((status = 200, description = "Who is logged in.", body = Session), Problems))]
async fn log_in(
    State(api): State<Shared>,
    Extension(Peer(peer)): Extension<Peer>,
    Sent(login): Sent<Login>,
) -> Result<(WithCookie, Json<Session>), Problem> {
    let Login { user, password } = login;
    if user.len() > TYPED_BYTES_MAX || password.len() > TYPED_BYTES_MAX {
        return Err(Problem::wrong_password());
    }
    let locked = |wait: Duration| Problem::locked_out(wait.as_secs().saturating_add(1));
    let attempt = api.lockout.attempt(&user, peer.ip(), Instant::now()).map_err(locked)?;
    let stored = api.office.ledger().verifier(&user).await.map_err(OfficeError::from)?;
    let known = checked(&api, user.clone(), password, stored.clone()).await?;
    let role = role(&api.office.policy(), &user);
    // Whoever guesses is not told which of it was wrong.
    let (Some(verifier), Some(role), true) = (stored.clone(), role, known) else {
        record(&api, "login.failed", if stored.is_some() { &user } else { "" }).await?;
        return Err(Problem::wrong_password());
    };
    let id = random().ok_or_else(|| Problem::unavailable("There are no random numbers."))?;
    if !api.sessions.begin(&id, &user, digest(&verifier), Instant::now()) {
        return Err(Problem::too_many("Too many people are logged in."));
    }
    api.lockout.succeeded(&attempt);
    record(&api, "login", &user).await?;
    api.office.ledger().saw([user.clone()].into()).await.map_err(OfficeError::from)?;
    let cookie = api.signer.sign(&id);
    let cookie = with_cookie(set(cookie.as_deref(), LIFE.as_secs(), api.secure))?;
    Ok((cookie, Json(session(&api, user, role, &id, Instant::now() + LIFE))))
}

/// Checks a password away from the threads that serve others; a few at once.
async fn checked(
    api: &Api,
    user: String,
    password: String,
    stored: Option<String>,
) -> Result<bool, Problem> {
    let lost = || Problem::unavailable("The password could not be checked.");
    let _turn = api.checks.acquire().await.map_err(|_| lost())?;
    let check =
        tokio::task::spawn_blocking(move || scram::verify(&user, &password, stored.as_deref()));
    check.await.map_err(|_| lost())?.map_err(|_| lost())
}

/// Puts a login on record. A name that nobody has may be a password that was typed in the wrong
/// place, so it is not written down.
async fn record(api: &Api, kind: &'static str, user: &str) -> Result<(), Problem> {
    let event = Event {
        who: user.to_owned(),
        via: Via::Http,
        kind,
        object: user.to_owned(),
        detail: "{}".to_owned(),
        why: String::new(),
    };
    Ok(api.office.ledger().record(vec![event]).await.map_err(OfficeError::from)?)
}

fn session(api: &Api, user: String, role: Role, id: &SessionId, ends: Instant) -> Session {
    let left = ends.saturating_duration_since(Instant::now()).as_millis();
    let left = i64::try_from(left).unwrap_or(0);
    Session {
        user,
        role,
        csrf: api.signer.csrf(id).unwrap_or_default(),
        expires_at: shown::time(Millis(api.office.now().0.saturating_add(left))),
    }
}

/// Who is logged in.
#[utoipa::path(get, path = "/session", tag = "session",
    responses((status = 200, description = "Who is logged in.", body = Session), Problems))]
async fn show(State(api): State<Shared>, Reader(caller): Reader) -> Json<Session> {
    match &caller.session {
        Some(browser) => {
            let (id, ends) = (browser.id, browser.ends);
            Json(session(&api, caller.who, caller.role, &id, ends))
        }
        None => Json(Session {
            user: caller.who,
            role: caller.role,
            csrf: String::new(),
            expires_at: shown::time(caller.token_ends.unwrap_or(Millis(0))),
        }),
    }
}

/// Ends the session.
#[utoipa::path(delete, path = "/session", tag = "session",
    responses((status = 204, description = "Nobody is logged in here any more."), Problems))]
async fn log_out(
    State(api): State<Shared>,
    Reader(caller): Reader,
) -> Result<(StatusCode, WithCookie), Problem> {
    if let Some(browser) = &caller.session {
        api.sessions.end(&browser.id);
    }
    Ok((StatusCode::NO_CONTENT, with_cookie(set(None, 0, api.secure))?))
}
