//! The addresses of the API, each with its description, and the document made of these.

mod accounts;
mod audit;
mod charges;
mod health;
mod overview;
mod people;
mod policy;
mod queries;
mod session;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Deserialize;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::api::Shared;
use super::problem::{Field, Told};
use crate::admin::office::Page;

/// Where the API is.
const BASE: &str = "/api/v1";

/// The address that reads the whole ledger before it answers.
pub(super) const VERIFY: &str = "/api/v1/audit/verify";

/// The reason for a change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"why": "the data team asked for it in the meeting of Monday"}))]
pub(super) struct Why {
    /// Why it is done, on record.
    #[schema(min_length = 1, max_length = 500)]
    pub(super) why: String,
}

/// Which part of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
    /// How many.
    #[param(minimum = 1, maximum = 500, example = 100)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

impl From<Part> for Page {
    fn from(Part { limit, cursor }: Part) -> Self {
        Self { limit, cursor }
    }
}

/// How a change is asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header that is read elsewhere")]
pub(super) struct Key {
    /// The same key with the same request gets the same answer, and it is done once.
    #[param(rename = "Idempotency-Key", max_length = 200, example = "4bf4a3f0-1")]
    idempotency_key: Option<String>,
}

/// On which conditions something that has versions is changed.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes headers that are read elsewhere")]
pub(super) struct Conditions {
    /// The same key with the same request gets the same answer, and it is done once.
    #[param(rename = "Idempotency-Key", max_length = 200, example = "4bf4a3f0-1")]
    idempotency_key: Option<String>,
    /// The ETag of what is changed, as it was seen.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "noisegate",
        description = "Budgets, the people who spend them, and what happened. Amounts are epsilon; \
                       those to show are numbers, those to set are decimal text. Times are UTC."
    ),
    components(schemas(Told, Field)),
    security(("token" = []), ("session" = []))
)]
struct Document;

/// The API and its document.
pub(super) fn api() -> Router<Shared> {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(health::routes())
        .nest(
            BASE,
            OpenApiRouter::new()
                .merge(session::routes())
                .merge(overview::routes())
                .merge(accounts::routes())
                .merge(charges::routes())
                .merge(people::routes())
                .merge(queries::routes())
                .merge(policy::routes())
                .merge(audit::routes())
                .merge(tokens::routes()),
        )
        .split_for_parts();
    if let Some(components) = &mut document.components {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let cookie = ApiKey::Cookie(ApiKeyValue::new("noisegate_session"));
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    }
    let text: Arc<str> = document.to_json().unwrap_or_default().into();
    let show = move || async move {
        ([(header::CONTENT_TYPE, "application/json")], text.to_string()).into_response()
    };
    router.route("/api/v1/openapi.json", get(show))
}
