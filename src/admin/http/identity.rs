//! Who asks, and what a handler may do for them.

use std::time::Instant;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::api::{Api, Shared};
use super::cookie::SessionId;
use super::problem::Problem;
use crate::admin::office::{Actor, OfficeError, Order, token_digest};
use crate::admin::shown::Role;
use crate::clock::Millis;
use crate::ledger::{RequestKey, Via};
use crate::policy::Policy;

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// A name, or `token:` and the name of a token.
    pub(super) who: String,
    /// What they may do.
    pub(super) role: Role,
    /// The id of their token, if they have one: several may have one name.
    token: Option<String>,
    /// Their session, if they have one.
    pub(super) session: Option<Browser>,
    /// When their token ends, if they have one.
    pub(super) token_ends: Option<Millis>,
}

/// A browser that is logged in.
#[derive(Clone, Debug)]
pub(super) struct Browser {
    pub(super) id: SessionId,
    pub(super) ends: Instant,
    /// Whether the request has the session's token against forged ones.
    has_csrf: bool,
}

impl Caller {
    /// Whose keys of requests are one's own.
    pub(super) fn key(&self) -> String {
        match &self.token {
            Some(id) => format!("token:{id}"),
            None => self.who.clone(),
        }
    }

    /// As the office knows them.
    pub(super) fn actor(&self) -> Actor {
        Actor { who: self.who.clone(), via: Via::Http }
    }
}

/// What was found out about who asks.
#[derive(Clone, Debug)]
pub(super) struct Identity(pub(super) Result<Caller, Problem>);

impl Identity {
    /// Whoever may change things, and has shown all that it takes.
    pub(super) fn changer(&self) -> Option<&Caller> {
        let caller = self.0.as_ref().ok()?;
        let is_forged = caller.session.as_ref().is_some_and(|browser| !browser.has_csrf);
        (caller.role == Role::Admin && !is_forged).then_some(caller)
    }
}

/// Finds out who asks. Whether they may is said by the handlers, in [`Reader`] and [`Changer`].
pub(super) async fn identify(
    State(api): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    let identity = Identity(caller(&api, request.headers()).await);
    request.extensions_mut().insert(identity);
    next.run(request).await
}

async fn caller(api: &Api, headers: &HeaderMap) -> Result<Caller, Problem> {
    match headers.get(header::AUTHORIZATION) {
        // Whoever shows a token means it: a session beside it is not looked at.
        Some(shown) => by_token(api, shown.to_str().unwrap_or("")).await,
        None => by_session(api, headers).await,
    }
}

async fn by_token(api: &Api, shown: &str) -> Result<Caller, Problem> {
    let unknown = Problem::unauthenticated;
    let (scheme, token) = shown.split_once(' ').ok_or_else(unknown)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unknown());
    }
    let digest = token_digest(token.trim()).ok_or_else(unknown)?;
    let found = api.office.ledger().token(&digest).await.map_err(OfficeError::from)?;
    let token = found.filter(|token| bool::from(token.hash.ct_eq(&digest))).ok_or_else(unknown)?;
    if token.expires_at <= api.office.now() {
        return Err(unknown());
    }
    let role = Role::parse(&token.role).ok_or_else(unknown)?;
    let who = format!("token:{}", token.name);
    let (id, token_ends) = (Some(token.id), Some(token.expires_at));
    Ok(Caller { who, role, token: id, session: None, token_ends })
}

async fn by_session(api: &Api, headers: &HeaderMap) -> Result<Caller, Problem> {
    let unknown = Problem::unauthenticated;
    let id = api.signer.id(headers).ok_or_else(unknown)?;
    let session = api.sessions.find(&id, Instant::now()).ok_or_else(unknown)?;
    let verifier = api.office.ledger().verifier(&session.user).await.map_err(OfficeError::from)?;
    let role = role(&api.office.policy(), &session.user);
    // A role or a password that was taken away ends the session.
    let same = verifier.is_some_and(|verifier| digest(&verifier) == session.verifier);
    let Some(role) = role.filter(|_| same) else {
        api.sessions.end(&id);
        return Err(unknown());
    };
    let has_csrf = api.signer.has_csrf(&id, headers);
    let browser = Browser { id, ends: session.ends, has_csrf };
    let (who, session) = (session.user, Some(browser));
    Ok(Caller { who, role, token: None, session, token_ends: None })
}

/// The digest of a verifier, by which a session knows the password that it began with.
pub(super) fn digest(verifier: &str) -> [u8; 32] {
    Sha256::digest(verifier).into()
}

/// What the policy lets somebody do here.
pub(super) fn role(policy: &Policy, user: &str) -> Option<Role> {
    if policy.is_admin(user) {
        return Some(Role::Admin);
    }
    policy.is_auditor(user).then_some(Role::Auditor)
}

/// Somebody who may look at everything.
pub(super) struct Reader(pub(super) Caller);

/// Somebody who may change things, and on what conditions.
pub(super) struct Changer {
    pub(super) caller: Caller,
    /// Only if this is the version that holds.
    expected: Option<i64>,
    /// What makes the request known when it comes again.
    key: Option<RequestKey>,
}

impl Changer {
    /// What is asked, for a reason.
    pub(super) fn order(&self, why: String) -> Order {
        Order { actor: self.caller.actor(), why, expected: self.expected, key: self.key }
    }
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        allowed(parts).map(Self)
    }
}

/// Who may change something that has versions, as `If-Match` names them.
pub(super) struct VersionChanger(pub(super) Changer);

impl<S: Sync> FromRequestParts<S> for VersionChanger {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let expected = expected(&parts.headers);
        parts.headers.remove(header::IF_MATCH);
        let changer = Changer::from_request_parts(parts, state).await?;
        Ok(Self(Changer { expected, ..changer }))
    }
}

impl<S: Sync> FromRequestParts<S> for Changer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = allowed(parts)?;
        if caller.role == Role::Auditor {
            return Err(Problem::forbidden("An auditor reads and changes nothing."));
        }
        // Else somebody would believe to have changed what they saw.
        if expected(&parts.headers).is_some() {
            return Err(Problem::no_version());
        }
        Ok(Self { caller, expected: None, key: parts.extensions.get::<RequestKey>().copied() })
    }
}

/// The version in `If-Match`. One that is none holds never.
fn expected(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(header::IF_MATCH)?.to_str().unwrap_or("").trim();
    if text == "*" {
        return None;
    }
    let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    Some(version.and_then(|text| text.parse().ok()).filter(|version| *version >= 0).unwrap_or(-1))
}

fn allowed(parts: &Parts) -> Result<Caller, Problem> {
    let identity = parts.extensions.get::<Identity>();
    let caller = identity.ok_or_else(Problem::unauthenticated)?.0.clone()?;
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    if !reads && caller.session.as_ref().is_some_and(|browser| !browser.has_csrf) {
        return Err(Problem::csrf());
    }
    Ok(caller)
}
