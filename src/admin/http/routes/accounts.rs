//! Accounts, and decisions about them.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Conditions, Part, Why};
use crate::admin::http::api::Shared;
use crate::admin::http::body::{Asked, Named, Sent};
use crate::admin::http::identity::{Reader, VersionChanger};
use crate::admin::http::problem::{Problem, Problems};
use crate::admin::office::{AccountFilter, Page, Span};
use crate::admin::shown::{Account, Charge, History, List, Per};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(grant))
        .routes(routes!(cap))
        .routes(routes!(freeze))
        .routes(routes!(thaw))
        .routes(routes!(reset))
        .routes(routes!(history))
        .routes(routes!(charges))
}

/// Which accounts to show.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Those that are shared in this way: `dataset`, `team` or `analyst`.
    #[param(example = "team")]
    per: Option<String>,
    /// Those with this in their name.
    #[param(max_length = 200, example = "data")]
    q: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 500, example = 100)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// All accounts of the policy, those of datasets first.
#[utoipa::path(get, path = "/accounts", tag = "accounts", params(Which),
    responses((status = 200, description = "A part of the list.", body = List<Account>), Problems))]
async fn list(
    State(api): State<Shared>,
    _: Reader,
    Asked(which): Asked<Which>,
) -> Result<Json<List<Account>>, Problem> {
    let per = match which.per.as_deref() {
        None | Some("") => None,
        Some("dataset") => Some(Per::Dataset),
        Some("team") => Some(Per::Team),
        Some("analyst") => Some(Per::Analyst),
        Some(_) => return Err(Problem::invalid("per", "is dataset, team or analyst")),
    };
    let page = Page { limit: which.limit, cursor: which.cursor };
    Ok(Json(api.office.accounts(AccountFilter { per, text: which.q }, &page).await?))
}

/// An account with the version that a change of it may rest on.
type Tagged = ([(HeaderName, String); 1], Json<Account>);

fn tagged(account: Account) -> Tagged {
    ([(header::ETAG, format!("\"{}\"", account.version))], Json(account))
}

/// One account.
#[utoipa::path(get, path = "/accounts/{id}", tag = "accounts",
    params(("id" = String, Path, description = "Its name.", example = "shop")),
    responses((status = 200, description = "The account; its version is the ETag.", body = Account),
        Problems))]
async fn show(State(api): State<Shared>, _: Reader, Named(id): Named) -> Result<Tagged, Problem> {
    Ok(tagged(api.office.account(&id).await?))
}

/// More for an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"epsilon": "0.5", "why": "the report of this quarter"}))]
struct Grant {
    /// How much more, as decimal text.
    #[schema(max_length = 50)]
    epsilon: String,
    /// Why, on record.
    #[schema(min_length = 1, max_length = 500)]
    why: String,
}

/// Gives an account more until its window ends; a lifetime's, for good.
#[utoipa::path(post, path = "/accounts/{id}/grant", tag = "accounts",
    params(("id" = String, Path, description = "Its name.", example = "data_team/data"), Conditions),
    request_body = Grant,
    responses((status = 200, description = "The account as it is now.", body = Account), Problems))]
async fn grant(
    State(api): State<Shared>,
    VersionChanger(changer): VersionChanger,
    Named(id): Named,
    Sent(Grant { epsilon, why }): Sent<Grant>,
) -> Result<Tagged, Problem> {
    Ok(tagged(api.office.grant(&id, &epsilon, &changer.order(why)).await?))
}

/// The most that an account may spend.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"epsilon": "3", "why": "the data will be published in June"}))]
struct Cap {
    /// The most in a window, as decimal text; null for what the policy says.
    #[serde(deserialize_with = "nullable")]
    #[schema(max_length = 50, required)]
    epsilon: Option<String>,
    /// Why, on record.
    #[schema(min_length = 1, max_length = 500)]
    why: String,
}

/// Null has to be said: a cap must not go by being forgotten.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

/// Lowers what an account may spend, or lets the policy decide again.
#[utoipa::path(post, path = "/accounts/{id}/cap", tag = "accounts",
    params(("id" = String, Path, description = "Its name.", example = "shop"), Conditions),
    request_body = Cap,
    responses((status = 200, description = "The account as it is now.", body = Account), Problems))]
async fn cap(
    State(api): State<Shared>,
    VersionChanger(changer): VersionChanger,
    Named(id): Named,
    Sent(Cap { epsilon, why }): Sent<Cap>,
) -> Result<Tagged, Problem> {
    Ok(tagged(api.office.cap(&id, epsilon.as_deref(), &changer.order(why)).await?))
}

/// Stops an account: nothing is charged to it, and nobody who pays from it is answered anew.
#[utoipa::path(post, path = "/accounts/{id}/freeze", tag = "accounts",
    params(("id" = String, Path, description = "Its name.", example = "each_analyst/bob"), Conditions),
    request_body = Why,
    responses((status = 200, description = "The account as it is now.", body = Account), Problems))]
async fn freeze(
    State(api): State<Shared>,
    VersionChanger(changer): VersionChanger,
    Named(id): Named,
    Sent(Why { why }): Sent<Why>,
) -> Result<Tagged, Problem> {
    Ok(tagged(api.office.freeze(&id, &changer.order(why)).await?))
}

/// Lets an account go on.
#[utoipa::path(post, path = "/accounts/{id}/thaw", tag = "accounts",
    params(("id" = String, Path, description = "Its name.", example = "each_analyst/bob"), Conditions),
    request_body = Why,
    responses((status = 200, description = "The account as it is now.", body = Account), Problems))]
async fn thaw(
    State(api): State<Shared>,
    VersionChanger(changer): VersionChanger,
    Named(id): Named,
    Sent(Why { why }): Sent<Why>,
) -> Result<Tagged, Problem> {
    Ok(tagged(api.office.thaw(&id, &changer.order(why)).await?))
}

/// Starts the window of an account anew. A lifetime has no window, and is refused.
#[utoipa::path(post, path = "/accounts/{id}/reset", tag = "accounts",
    params(("id" = String, Path, description = "Its name.", example = "data_team/data"), Conditions),
    request_body = Why,
    responses((status = 200, description = "The account as it is now.", body = Account), Problems))]
async fn reset(
    State(api): State<Shared>,
    VersionChanger(changer): VersionChanger,
    Named(id): Named,
    Sent(Why { why }): Sent<Why>,
) -> Result<Tagged, Problem> {
    Ok(tagged(api.office.reset(&id, &changer.order(why)).await?))
}

/// Which time.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct When {
    /// From this time or day on; thirty days before `to` if nothing is said.
    #[param(example = "2026-11-01")]
    from: Option<String>,
    /// Before this time or day; until now if nothing is said.
    #[param(example = "2026-12-01T00:00:00Z")]
    to: Option<String>,
    /// `hour` or `day`.
    #[param(example = "day")]
    bucket: Option<String>,
}

/// What was spent from an account over time.
#[utoipa::path(get, path = "/accounts/{id}/history", tag = "accounts",
    params(("id" = String, Path, description = "Its name.", example = "shop"), When),
    responses((status = 200, description = "What was spent in each part.", body = History),
        Problems))]
async fn history(
    State(api): State<Shared>,
    _: Reader,
    Named(id): Named,
    Asked(When { from, to, bucket }): Asked<When>,
) -> Result<Json<History>, Problem> {
    Ok(Json(api.office.history(&id, &Span { from, to }, bucket.as_deref()).await?))
}

/// What an account paid for, newest first.
#[utoipa::path(get, path = "/accounts/{id}/charges", tag = "accounts",
    params(("id" = String, Path, description = "Its name.", example = "each_analyst/alice"), Part),
    responses((status = 200, description = "A part of the list.", body = List<Charge>), Problems))]
async fn charges(
    State(api): State<Shared>,
    _: Reader,
    Named(id): Named,
    Asked(part): Asked<Part>,
) -> Result<Json<List<Charge>>, Problem> {
    Ok(Json(api.office.charges_of(&id, &part.into()).await?))
}
