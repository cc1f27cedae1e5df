//! Tokens of programs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Key, Part, Why};
use crate::admin::http::api::Shared;
use crate::admin::http::body::{Asked, Named, Sent};
use crate::admin::http::identity::{Changer, Reader};
use crate::admin::http::problem::{Problem, Problems};
use crate::admin::office::NewToken;
use crate::admin::shown::{FreshToken, List, Role, Token};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// All tokens, without their secrets.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(Part),
    responses((status = 200, description = "A part of the list.", body = List<Token>), Problems))]
async fn list(
    State(api): State<Shared>,
    _: Reader,
    Asked(part): Asked<Part>,
) -> Result<Json<List<Token>>, Problem> {
    Ok(Json(api.office.tokens(&part.into()).await?))
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(
    {"name": "nightly-report", "role": "auditor", "days": 30, "why": "the nightly report reads spenders"}
))]
struct Create {
    /// What it is called on record.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// What it may do.
    role: Role,
    /// For how many days it is good.
    #[schema(minimum = 1, maximum = 366)]
    days: u32,
    /// Why, on record.
    #[schema(min_length = 1, max_length = 500)]
    why: String,
}

/// Makes a token, which is shown this once. One that is made with a token ends with it at the
/// latest.
#[utoipa::path(post, path = "/tokens", tag = "tokens", params(Key), request_body = Create,
    responses((status = 201, description = "The token with its secret.", body = FreshToken),
        Problems))]
async fn create(
    State(api): State<Shared>,
    changer: Changer,
    Sent(Create { name, role, days, why }): Sent<Create>,
) -> Result<(StatusCode, Json<FreshToken>), Problem> {
    let new = NewToken { name, role, days, not_after: changer.caller.token_ends };
    let made = api.office.create_token(new, &changer.order(why)).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Ends a token.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens",
    params(("id" = String, Path, description = "Its id.", example = "5f2a9c01d4e7b836"), Key),
    request_body = Why,
    responses((status = 204, description = "It is good for nothing any more."), Problems))]
async fn revoke(
    State(api): State<Shared>,
    changer: Changer,
    Named(id): Named,
    Sent(Why { why }): Sent<Why>,
) -> Result<StatusCode, Problem> {
    api.office.revoke_token(&id, &changer.order(why)).await?;
    Ok(StatusCode::NO_CONTENT)
}
