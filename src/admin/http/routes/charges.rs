//! Charges, who made them, and what they left.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::http::api::Shared;
use crate::admin::http::body::Asked;
use crate::admin::http::identity::Reader;
use crate::admin::http::problem::{Problem, Problems};
use crate::admin::office::{ChargeQuery, Page, Span};
use crate::admin::shown::{Charge, List, Release, Spenders};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(charges))
        .routes(routes!(spenders))
        .routes(routes!(releases))
}

/// Which charges to show.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Those of one analyst.
    #[param(max_length = 200, example = "alice")]
    analyst: Option<String>,
    /// Those that this account paid.
    #[param(max_length = 200, example = "shop")]
    account: Option<String>,
    /// From this time or day on.
    #[param(example = "2026-11-01")]
    from: Option<String>,
    /// Before this time or day.
    #[param(example = "2030-01-01")]
    to: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 500, example = 100)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// What was charged, newest first.
#[utoipa::path(get, path = "/charges", tag = "charges", params(Which),
    responses((status = 200, description = "A part of the list.", body = List<Charge>), Problems))]
async fn charges(
    State(api): State<Shared>,
    _: Reader,
    Asked(which): Asked<Which>,
) -> Result<Json<List<Charge>>, Problem> {
    let Which { analyst, account, from, to, limit, cursor } = which;
    let query = ChargeQuery { analyst, account, span: Span { from, to } };
    Ok(Json(api.office.charges(query, &Page { limit, cursor }).await?))
}

/// Whose spending.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// From this time or day on; seven days before `to` if nothing is said.
    #[param(example = "2026-11-01")]
    from: Option<String>,
    /// Before this time or day; until now if nothing is said.
    #[param(example = "2030-01-01")]
    to: Option<String>,
    /// From this account alone.
    #[param(max_length = 512, example = "shop")]
    account: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 500, example = 100)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// Who spent how much, the most first.
#[utoipa::path(get, path = "/spenders", tag = "charges", params(Whose),
    responses((status = 200, description = "A part of those who spent anything.", body = Spenders), Problems))]
async fn spenders(
    State(api): State<Shared>,
    _: Reader,
    Asked(Whose { from, to, account, limit, cursor }): Asked<Whose>,
) -> Result<Json<Spenders>, Problem> {
    let account = account.as_deref().filter(|account| !account.is_empty());
    let page = Page { limit, cursor };
    Ok(Json(api.office.spenders(&Span { from, to }, account, &page).await?))
}

/// Which remembered answers to show.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Made {
    /// Those that one analyst paid first.
    #[param(max_length = 200, example = "alice")]
    analyst: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 500, example = 100)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// The answers that are remembered, newest first, without what they say.
#[utoipa::path(get, path = "/releases", tag = "charges", params(Made),
    responses((status = 200, description = "A part of the list.", body = List<Release>), Problems))]
async fn releases(
    State(api): State<Shared>,
    _: Reader,
    Asked(Made { analyst, limit, cursor }): Asked<Made>,
) -> Result<Json<List<Release>>, Problem> {
    Ok(Json(api.office.releases(analyst, &Page { limit, cursor }).await?))
}
