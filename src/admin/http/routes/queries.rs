//! Queries of this proxy that are being answered.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Key, Why};
use crate::admin::http::api::Shared;
use crate::admin::http::body::{Asked, Named, Sent};
use crate::admin::http::identity::{Changer, Reader};
use crate::admin::http::problem::{Problem, Problems};
use crate::admin::office::Page;
use crate::admin::shown::{List, Query};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(cancel))
}

/// Which part.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Part {
    /// How many.
    #[param(minimum = 1, maximum = 500, example = 100)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// The queries of this proxy that are being answered, oldest first.
#[utoipa::path(get, path = "/queries", tag = "queries", params(Part),
    responses((status = 200, description = "A part of the list.", body = List<Query>), Problems))]
async fn list(
    State(api): State<Shared>,
    _: Reader,
    Asked(Part { limit, cursor }): Asked<Part>,
) -> Result<Json<List<Query>>, Problem> {
    Ok(Json(api.office.queries(&Page { limit, cursor })?))
}

/// Stops a query. What was charged for it stays charged.
#[utoipa::path(delete, path = "/queries/{query}", tag = "queries",
    params(("query" = String, Path, description = "Its id.", example = "9f86d081884c7d65"),
        Key),
    request_body = Why,
    responses((status = 204, description = "It is being stopped."), Problems))]
async fn cancel(
    State(api): State<Shared>,
    changer: Changer,
    Named(query): Named,
    Sent(Why { why }): Sent<Why>,
) -> Result<StatusCode, Problem> {
    api.office.cancel(&query, &changer.order(why)).await?;
    Ok(StatusCode::NO_CONTENT)
}
