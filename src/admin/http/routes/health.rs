//! What a monitoring system asks, without a login: whether the process lives, whether it could
//! answer, and the metrics.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::health::{self, Answers};
use crate::admin::http::api::Shared;
use crate::admin::http::problem::{Problem, Problems};
use crate::admin::metrics;
use crate::metrics::CONTENT_TYPE;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(lives)).routes(routes!(ready)).routes(routes!(scrape))
}

/// Whether a part can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Part {
    Ok,
    Unreachable,
}

/// What an answer to an analyst needs, each with whether it can be reached.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"ledger": "ok", "shadow": "ok", "source": "ok"}))]
struct Ready {
    /// Where budgets are kept.
    ledger: Part,
    /// The empty copy that analysts talk to.
    shadow: Part,
    /// Where the data is.
    source: Part,
}

/// That the process lives.
#[utoipa::path(get, path = "/healthz", tag = "health", security(()),
    responses((status = 200, description = "It lives.", body = str, content_type = "text/plain"),
        Problems))]
async fn lives() -> &'static str {
    "ok"
}

/// Whether what it stands on can be reached.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()),
    responses((status = 200, description = "All can be reached.", body = Ready),
        (status = 503, description = "Something cannot.", body = Ready), Problems))]
async fn ready(State(api): State<Shared>) -> (StatusCode, Json<Ready>) {
    let Answers { ledger, shadow, source } = health::ask_all(&api.health).await;
    let status =
        if ledger && shadow && source { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let part = |answers| if answers { Part::Ok } else { Part::Unreachable };
    (status, Json(Ready { ledger: part(ledger), shadow: part(shadow), source: part(source) }))
}

/// The metrics, as Prometheus reads them.
#[utoipa::path(get, path = "/metrics", tag = "health", security(()),
    responses((status = 200, description = "The metrics.", body = str, content_type = "text/plain"),
        Problems))]
async fn scrape(
    State(api): State<Shared>,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let nothing = || Problem::not_found("No proxy runs beside this address.");
    let scraped = api.scraped.as_ref().ok_or_else(nothing)?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics::render(scraped).await))
}
