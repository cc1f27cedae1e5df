//! Errors as clients read them: RFC 9457, and nothing that the client did not send or may not know.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::admin::office::OfficeError;

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:noisegate:problem:not_found", "title": "There is no such thing.", "status": 404,
    "detail": "there is no account shop2"
}))]
#[schema(as = Problem)]
pub(super) struct Told {
    /// What kind of problem it is.
    #[serde(rename = "type")]
    kind: String,
    /// The same in words.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What it is in this case.
    detail: String,
    /// What is wrong with which part of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Field>,
    #[serde(skip)]
    retry_after: Option<u64>,
    #[serde(skip)]
    allow: Option<HeaderValue>,
}

/// The same, small enough to be returned everywhere.
#[derive(Clone, Debug)]
pub(super) struct Problem(pub(super) Box<Told>);

/// What is wrong with a part of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"field": "why", "message": "is not there; say why in a sentence"}))]
pub(super) struct Field {
    /// The part.
    field: String,
    /// What is wrong with it.
    message: String,
}

impl Problem {
    fn new(status: StatusCode, slug: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Told {
            kind: format!("urn:noisegate:problem:{slug}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            allow: None,
        }))
    }

    pub(super) fn unauthenticated() -> Self {
        let detail = "Log in, or send a token that has not expired.";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Nobody is logged in.", detail)
    }

    pub(super) fn wrong_password() -> Self {
        let detail = "The name or the password is wrong, or has no role for administration.";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Nobody is logged in.", detail)
    }

    pub(super) fn forbidden(detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "This is not allowed.", detail)
    }

    pub(super) fn csrf() -> Self {
        let detail = "X-CSRF-Token is not the one of this session.";
        Self::new(StatusCode::FORBIDDEN, "csrf", "The request may come from another page.", detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing.", detail)
    }

    pub(super) fn method() -> Self {
        let title = "There is no such method here.";
        let detail = "Allow says which methods there are.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", title, detail)
    }

    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "It cannot be done as things are.", detail)
    }

    /// What is changed has no version that could be named.
    pub(super) fn no_version() -> Self {
        let title = "What is changed here has no version.";
        let detail = "Send it without If-Match.";
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", title, detail)
    }

    fn precondition(version: i64) -> Self {
        let detail = format!("It was changed in the meantime; its version is now {version}.");
        let title = "If-Match does not hold.";
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", title, detail)
    }

    pub(super) fn malformed(detail: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read.", detail)
    }

    pub(super) fn too_large() -> Self {
        let detail = "The body is larger than what is read here.";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The request is too large.", detail)
    }

    pub(super) fn unsupported_media() -> Self {
        let detail = "Send JSON, as application/json.";
        let title = "The body has another form than it should.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media", title, detail)
    }

    pub(super) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let field = Field { field: field.into(), message: message.into() };
        let detail = format!("{} {}", field.field, field.message);
        let title = "The request cannot be meant.";
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", title, detail);
        problem.0.errors = vec![field];
        problem
    }

    pub(super) fn locked_out(seconds: u64) -> Self {
        let detail = "There were too many failed logins by this name or from this address.";
        let title = "Logging in is locked for a while.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "locked_out", title, detail).after(seconds)
    }

    pub(super) fn too_many(detail: &'static str) -> Self {
        let title = "There are too many of these at once.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", title, detail).after(1)
    }

    pub(super) fn unavailable(detail: &'static str) -> Self {
        let title = "It cannot be answered now.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title, detail).after(5)
    }

    /// The same, and after how many seconds it may be another answer.
    fn after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// The same, with the methods that there are.
    pub(super) fn allowing(mut self, allow: Option<HeaderValue>) -> Self {
        self.0.allow = allow;
        self
    }
}

impl From<OfficeError> for Problem {
    fn from(error: OfficeError) -> Self {
        match error {
            OfficeError::NotFound { .. } => Self::not_found(error.to_string()),
            OfficeError::Invalid { field, message } => Self::invalid(field, message),
            OfficeError::Conflict(detail) => Self::conflict(detail),
            OfficeError::Stale { version } => Self::precondition(version),
            OfficeError::KeyReused => Self::conflict("The key was used for another request."),
            OfficeError::Ledger(error) => {
                tracing::error!(%error, "an administrator's request failed");
                Self::unavailable("The ledger does not answer; the log says why.")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::BAD_REQUEST);
        let (retry_after, allow) = (self.0.retry_after, self.0.allow.clone());
        let mut response = (status, Json(self.0)).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = allow {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}

/// Every endpoint may answer with a problem, and all problems look alike.
pub(super) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new()
            .description("Why it was not done.")
            .content("application/problem+json", content)
            .build();
        [("default".to_owned(), RefOr::T(response))].into()
    }
}
