//! What an administrator sees first.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::http::api::Shared;
use crate::admin::http::identity::Reader;
use crate::admin::http::problem::{Problem, Problems};
use crate::admin::shown::Overview;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(overview))
}

/// What an administrator sees first.
#[utoipa::path(get, path = "/overview", tag = "overview",
    responses((status = 200, description = "Budgets, spenders and refusals.", body = Overview),
        Problems))]
async fn overview(State(api): State<Shared>, _: Reader) -> Result<Json<Overview>, Problem> {
    Ok(Json(api.office.overview().await?))
}
