//! Queries that are being answered.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Key, Part, Why};
use crate::admin::http::api::Shared;
use crate::admin::http::body::{Asked, Named, Sent};
use crate::admin::http::identity::{Changer, Reader};
use crate::admin::http::problem::{Problem, Problems};
use crate::admin::office::Canceled;
use crate::admin::shown::{List, Query};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(cancel))
}

/// The queries that are being answered, oldest first: those of this proxy, and what others have
/// charged and not yet settled.
#[utoipa::path(get, path = "/queries", tag = "queries", params(Part),
    responses((status = 200, description = "A part of the list.", body = List<Query>), Problems))]
async fn list(
    State(api): State<Shared>,
    _: Reader,
    Asked(part): Asked<Part>,
) -> Result<Json<List<Query>>, Problem> {
    Ok(Json(api.office.queries(&part.into()).await?))
}

/// Stops a query, at another proxy within a few seconds. What was charged for it stays charged.
#[utoipa::path(delete, path = "/queries/{query}", tag = "queries",
    params(("query" = String, Path, description = "Its id.", example = "9f86d081884c7d65"),
        Key),
    request_body = Why,
    responses((status = 204, description = "It is being stopped."),
        (status = 202, description = "The proxy that answers it will stop it."), Problems))]
async fn cancel(
    State(api): State<Shared>,
    changer: Changer,
    Named(query): Named,
    Sent(Why { why }): Sent<Why>,
) -> Result<StatusCode, Problem> {
    Ok(match api.office.cancel(&query, &changer.order(why)).await? {
        Canceled::Now => StatusCode::NO_CONTENT,
        Canceled::Soon => StatusCode::ACCEPTED,
    })
}
