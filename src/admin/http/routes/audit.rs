//! The audit: to look through, to take away, to verify.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::http::api::Shared;
use crate::admin::http::body::Asked;
use crate::admin::http::identity::Reader;
use crate::admin::http::problem::{Problem, Problems};
use crate::admin::office::{AuditQuery, ExportFormat, Page, Span};
use crate::admin::shown::{List, Record, Verified};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(export)).routes(routes!(verify))
}

/// Which records to show.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// From this time or day on.
    #[param(example = "2026-11-01")]
    from: Option<String>,
    /// Before this time or day.
    #[param(example = "2030-01-01")]
    to: Option<String>,
    /// By this person.
    #[param(max_length = 200, example = "carol")]
    who: Option<String>,
    /// Of this kind, or of all kinds that begin so.
    #[param(max_length = 200, example = "account")]
    kind: Option<String>,
    /// About this.
    #[param(max_length = 200, example = "shop")]
    object: Option<String>,
    /// With this text in object, detail or reason.
    #[param(max_length = 200, example = "quarter")]
    q: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 500, example = 100)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// What happened, newest first.
#[utoipa::path(get, path = "/audit", tag = "audit", params(Which),
    responses((status = 200, description = "A part of the list.", body = List<Record>), Problems))]
async fn search(
    State(api): State<Shared>,
    _: Reader,
    Asked(which): Asked<Which>,
) -> Result<Json<List<Record>>, Problem> {
    let Which { from, to, who, kind, object, q, limit, cursor } = which;
    let query = AuditQuery { span: Span { from, to }, who, kind, object, text: q };
    Ok(Json(api.office.audit(query, &Page { limit, cursor }).await?))
}

/// What to take away.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Taken {
    /// From this time or day on.
    #[param(example = "2026-11-01")]
    from: Option<String>,
    /// Before this time or day.
    #[param(example = "2030-01-01")]
    to: Option<String>,
    /// `jsonl` or `csv`.
    #[param(example = "csv")]
    format: Option<String>,
}

/// All records of a time, oldest first.
#[utoipa::path(get, path = "/audit/export", tag = "audit", params(Taken),
    responses((status = 200, description = "The records, as a file.",
        content((String = "application/jsonl"), (String = "text/csv"))), Problems))]
async fn export(
    State(api): State<Shared>,
    _: Reader,
    Asked(Taken { from, to, format }): Asked<Taken>,
) -> Result<Response, Problem> {
    let (format, kind, name) = match format.as_deref() {
        None | Some("" | "jsonl") => (ExportFormat::Jsonl, "application/jsonl", "audit.jsonl"),
        Some("csv") => (ExportFormat::Csv, "text/csv; charset=utf-8", "audit.csv"),
        Some(_) => return Err(Problem::invalid("format", "is jsonl or csv")),
    };
    let records = api.office.export(&Span { from, to }, format)?;
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(records)).into_response())
}

/// Holds everything against the chain of generations; one at a time.
#[utoipa::path(get, path = "/audit/verify", tag = "audit",
    responses((status = 200, description = "What was found.", body = Verified), Problems))]
async fn verify(State(api): State<Shared>, _: Reader) -> Result<Json<Verified>, Problem> {
    let busy = |_| Problem::too_many("The ledger is being verified; ask again when it is done.");
    let turn = Arc::clone(&api.verifying).try_acquire_owned().map_err(busy)?;
    // In a task of its own: who leaves early does not stop what reads the ledger, so the turn has
    // to last as long as that.
    let verified = tokio::spawn(async move {
        let verified = api.office.verify().await;
        drop(turn);
        verified
    });
    let stopped = |_| Problem::unavailable("The ledger could not be verified.");
    Ok(Json(verified.await.map_err(stopped)??))
}
