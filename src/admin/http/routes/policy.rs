//! The policy in force, drafts of another one, and its reload.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Key, Why};
use crate::admin::http::api::Shared;
use crate::admin::http::body::{Sent, SentPolicy};
use crate::admin::http::identity::{Changer, Reader};
use crate::admin::http::problem::{Problem, Problems};
use crate::admin::shown::{Diff, Draft, PolicyText};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(validate))
        .routes(routes!(diff))
        .routes(routes!(reload))
}

/// The policy in force, as it is written.
#[utoipa::path(get, path = "/policy", tag = "policy",
    responses((status = 200, description = "The policy.", body = PolicyText), Problems))]
async fn show(State(api): State<Shared>, _: Reader) -> Result<Json<PolicyText>, Problem> {
    Ok(Json(api.office.policy_text()?))
}

/// A draft of a policy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": include_str!("../../../../budgets/demo.toml")}))]
struct Text {
    /// The whole of it.
    text: String,
}

/// Whether a draft could come into force. It changes nothing.
#[utoipa::path(post, path = "/policy/validate", tag = "policy", request_body = Text,
    responses((status = 200, description = "What is found of it.", body = Draft), Problems))]
async fn validate(
    State(api): State<Shared>,
    _: Reader,
    SentPolicy(Text { text }): SentPolicy<Text>,
) -> Result<Json<Draft>, Problem> {
    let _turn = turn(&api)?;
    Ok(Json(api.office.validate_policy(&text).await?))
}

/// Who could see or spend what under a draft, other than now. It changes nothing.
#[utoipa::path(post, path = "/policy/diff", tag = "policy", request_body = Text,
    responses((status = 200, description = "What it would change.", body = Diff), Problems))]
async fn diff(
    State(api): State<Shared>,
    _: Reader,
    SentPolicy(Text { text }): SentPolicy<Text>,
) -> Result<Json<Diff>, Problem> {
    let turn = turn(&api)?;
    // A long text takes a while, and goes on when who asked is gone.
    let reading = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        api.office.diff_policy(&text)
    });
    let read = reading.await.map_err(|_| Problem::unavailable("The draft could not be read."))?;
    Ok(Json(read?))
}

/// One draft at a time.
fn turn(api: &Shared) -> Result<OwnedSemaphorePermit, Problem> {
    let busy = |_| Problem::too_many("Another draft is being checked; ask again in a moment.");
    Arc::clone(&api.drafts).try_acquire_owned().map_err(busy)
}

/// Reads the policy's file anew. If anything is wrong with it, the one before stays in force.
#[utoipa::path(post, path = "/policy/reload", tag = "policy", params(Key),
    request_body = Why,
    responses((status = 200, description = "The policy in force.", body = PolicyText), Problems))]
async fn reload(
    State(api): State<Shared>,
    changer: Changer,
    Sent(Why { why }): Sent<Why>,
) -> Result<Json<PolicyText>, Problem> {
    Ok(Json(api.office.reload_policy(&changer.order(why)).await?))
}
