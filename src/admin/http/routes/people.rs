//! Analysts and teams.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Key, Part, Why};
use crate::admin::http::api::Shared;
use crate::admin::http::body::{Asked, Named, NamedTwice, Sent};
use crate::admin::http::identity::{Changer, Reader, role};
use crate::admin::http::problem::{Problem, Problems};
use crate::admin::shown::{Analyst, List, Team};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(analysts))
        .routes(routes!(put, remove))
        .routes(routes!(freeze))
        .routes(routes!(thaw))
        .routes(routes!(teams))
        .routes(routes!(team, add_team, remove_team))
        .routes(routes!(join, leave))
}

/// Everybody whom the policy names or who has a password.
#[utoipa::path(get, path = "/analysts", tag = "people", params(Part),
    responses((status = 200, description = "A part of the list.", body = List<Analyst>), Problems))]
async fn analysts(
    State(api): State<Shared>,
    _: Reader,
    Asked(part): Asked<Part>,
) -> Result<Json<List<Analyst>>, Problem> {
    Ok(Json(api.office.analysts(&part.into()).await?))
}

/// A password for somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"password": "correct horse battery", "why": "joins in December"}))]
struct Put {
    /// The password; a verifier of it is kept.
    #[schema(min_length = 1, max_length = 1024, format = Password)]
    password: String,
    /// Why, on record.
    #[schema(min_length = 1, max_length = 500)]
    why: String,
}

/// Lets somebody log in. What they may ask is the policy's to say. A token sets no password of who
/// administers or audits.
#[utoipa::path(put, path = "/analysts/{name}", tag = "people",
    params(("name" = String, Path, description = "The name.", example = "dora"), Key),
    request_body = Put,
    responses((status = 200, description = "The analyst.", body = Analyst), Problems))]
async fn put(
    State(api): State<Shared>,
    changer: Changer,
    Named(name): Named,
    Sent(Put { password, why }): Sent<Put>,
) -> Result<Json<Analyst>, Problem> {
    // Else a token could outlive itself, and act as a person.
    let is_token = changer.caller.session.is_none();
    if is_token && role(&api.office.policy(), &name).is_some() {
        return Err(Problem::forbidden(
            "A token sets no password of who administers or audits; log in for that.",
        ));
    }
    Ok(Json(api.office.put_analyst(&name, password, &changer.order(why)).await?))
}

/// Takes somebody's password away, and takes them out of the teams that administrators put them into.
/// Connections that are open end with the next question.
#[utoipa::path(delete, path = "/analysts/{name}", tag = "people",
    params(("name" = String, Path, description = "The name.", example = "dora"), Key),
    request_body = Why,
    responses((status = 204, description = "They cannot log in any more."), Problems))]
async fn remove(
    State(api): State<Shared>,
    changer: Changer,
    Named(name): Named,
    Sent(Why { why }): Sent<Why>,
) -> Result<StatusCode, Problem> {
    api.office.remove_analyst(&name, &changer.order(why)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Freezes all accounts that are an analyst's own.
#[utoipa::path(post, path = "/analysts/{name}/freeze", tag = "people",
    params(("name" = String, Path, description = "The name.", example = "bob"), Key),
    request_body = Why,
    responses((status = 200, description = "The analyst.", body = Analyst), Problems))]
async fn freeze(
    State(api): State<Shared>,
    changer: Changer,
    Named(name): Named,
    Sent(Why { why }): Sent<Why>,
) -> Result<Json<Analyst>, Problem> {
    Ok(Json(api.office.freeze_analyst(&name, true, &changer.order(why)).await?))
}

/// Lets all accounts that are an analyst's own go on.
#[utoipa::path(post, path = "/analysts/{name}/thaw", tag = "people",
    params(("name" = String, Path, description = "The name.", example = "bob"), Key),
    request_body = Why,
    responses((status = 200, description = "The analyst.", body = Analyst), Problems))]
async fn thaw(
    State(api): State<Shared>,
    changer: Changer,
    Named(name): Named,
    Sent(Why { why }): Sent<Why>,
) -> Result<Json<Analyst>, Problem> {
    Ok(Json(api.office.freeze_analyst(&name, false, &changer.order(why)).await?))
}

/// All teams: those of the policy, and those that administrators made.
#[utoipa::path(get, path = "/teams", tag = "people", params(Part),
    responses((status = 200, description = "A part of the list.", body = List<Team>), Problems))]
async fn teams(
    State(api): State<Shared>,
    _: Reader,
    Asked(part): Asked<Part>,
) -> Result<Json<List<Team>>, Problem> {
    Ok(Json(api.office.teams(&part.into()).await?))
}

/// One team.
#[utoipa::path(get, path = "/teams/{name}", tag = "people",
    params(("name" = String, Path, description = "The name.", example = "data")),
    responses((status = 200, description = "The team.", body = Team), Problems))]
async fn team(
    State(api): State<Shared>,
    _: Reader,
    Named(name): Named,
) -> Result<Json<Team>, Problem> {
    Ok(Json(api.office.team(&name).await?))
}

/// A new team.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "analyst", "why": "guests of this winter"}))]
struct NewTeam {
    /// The role that its members hold, of those that only ask; without it, none.
    role: Option<String>,
    /// Why, on record.
    #[schema(min_length = 1, max_length = 500)]
    why: String,
}

/// Makes a team, with nobody in it. Power is not given by teams: its role only asks.
#[utoipa::path(put, path = "/teams/{name}", tag = "people",
    params(("name" = String, Path, description = "The name.", example = "guests"), Key),
    request_body = NewTeam,
    responses((status = 200, description = "The team.", body = Team), Problems))]
async fn add_team(
    State(api): State<Shared>,
    changer: Changer,
    Named(name): Named,
    Sent(NewTeam { role, why }): Sent<NewTeam>,
) -> Result<Json<Team>, Problem> {
    Ok(Json(api.office.add_team(&name, role.as_deref(), &changer.order(why)).await?))
}

/// Ends a team that an administrator made. What its accounts spent stays spent.
#[utoipa::path(delete, path = "/teams/{name}", tag = "people",
    params(("name" = String, Path, description = "The name.", example = "guests"), Key),
    request_body = Why,
    responses((status = 204, description = "There is no such team any more."), Problems))]
async fn remove_team(
    State(api): State<Shared>,
    changer: Changer,
    Named(name): Named,
    Sent(Why { why }): Sent<Why>,
) -> Result<StatusCode, Problem> {
    api.office.remove_team(&name, &changer.order(why)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts an analyst into a team, for the questions that begin afterwards; in other proxies within a
/// few seconds.
#[utoipa::path(put, path = "/teams/{name}/members/{analyst}", tag = "people",
    params(("name" = String, Path, description = "The team.", example = "data"),
        ("analyst" = String, Path, description = "The analyst.", example = "dora"), Key),
    request_body = Why,
    responses((status = 200, description = "The team.", body = Team), Problems))]
async fn join(
    State(api): State<Shared>,
    changer: Changer,
    NamedTwice(name, analyst): NamedTwice,
    Sent(Why { why }): Sent<Why>,
) -> Result<Json<Team>, Problem> {
    Ok(Json(api.office.join_team(&name, &analyst, &changer.order(why)).await?))
}

/// Takes an analyst out of a team whom an administrator put into it.
#[utoipa::path(delete, path = "/teams/{name}/members/{analyst}", tag = "people",
    params(("name" = String, Path, description = "The team.", example = "data"),
        ("analyst" = String, Path, description = "The analyst.", example = "dora"), Key),
    request_body = Why,
    responses((status = 200, description = "The team.", body = Team), Problems))]
async fn leave(
    State(api): State<Shared>,
    changer: Changer,
    NamedTwice(name, analyst): NamedTwice,
    Sent(Why { why }): Sent<Why>,
) -> Result<Json<Team>, Problem> {
    Ok(Json(api.office.leave_team(&name, &analyst, &changer.order(why)).await?))
}
