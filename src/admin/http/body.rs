//! What a request holds, read with limits and told about in problems.

use axum::body::to_bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// The largest body of a request, but for the text of a policy.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024;
/// The largest body with the text of a policy.
pub(super) const POLICY_BYTES_MAX: usize = 1024 * 1024;

/// A JSON body.
pub(super) struct Sent<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request, BODY_BYTES_MAX).await.map(Self)
    }
}

/// A JSON body with the text of a policy.
pub(super) struct SentPolicy<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for SentPolicy<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request, POLICY_BYTES_MAX).await.map(Self)
    }
}

async fn read<T: DeserializeOwned>(request: Request, bytes_max: usize) -> Result<T, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::unsupported_media());
    }
    let bytes = to_bytes(request.into_body(), bytes_max).await;
    parse(&bytes.map_err(|_| Problem::too_large())?)
}

/// Whether the body says that it is JSON. A form cannot say so without asking first.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return false };
    let Ok(kind) = kind.to_str() else { return false };
    let kind = kind.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// What is wrong is told by the name of the field alone: a value may be a password.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // A list would be read as the fields in order.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        return Err(Problem::invalid("body", "is an object in braces"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = match error.path().to_string() {
            path if path == "." => "body".to_owned(),
            path => path.chars().take(100).collect(),
        };
        if !error.inner().is_data() {
            return Problem::malformed("The body is not JSON.");
        }
        let missing = error.inner().to_string();
        match missing.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
            Some(name) => Problem::invalid(name, "is missing"),
            None => Problem::invalid(field, "has another form than it should, or is not known"),
        }
    })?;
    json.end().map_err(|_| Problem::malformed("Something follows the JSON."))?;
    Ok(parsed)
}

/// What the query of an address says.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        let wrong = |_: QueryRejection| {
            Problem::invalid("query", "has a part that is not known or has another form")
        };
        query.map(|Query(query)| Self(query)).map_err(wrong)
    }
}

/// A name in the path of an address.
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(name) = path.map_err(|_| unreadable())?;
        Ok(Self(possible(name)?))
    }
}

/// Two names in the path of an address.
pub(super) struct NamedTwice(pub(super) String, pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for NamedTwice {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((first, second)) = path.map_err(|_| unreadable())?;
        Ok(Self(possible(first)?, possible(second)?))
    }
}

fn unreadable() -> Problem {
    Problem::not_found("The name in the path cannot be read.")
}

/// No store takes these, and nothing has such a name.
fn possible(name: String) -> Result<String, Problem> {
    if name.len() > 512 || name.contains('\0') {
        return Err(Problem::not_found("Nothing has such a name."));
    }
    Ok(name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Login {
        #[expect(dead_code, reason = "read by nobody")]
        password: String,
    }

    #[test]
    fn a_problem_names_the_field_and_never_its_value() {
        let told = |text: &str| {
            let problem = parse::<Login>(text.as_bytes()).unwrap_err();
            serde_json::to_string(&problem.0).unwrap()
        };
        let wrong = told(r#"{"password": 271828}"#);
        assert!(wrong.contains(r#""field":"password""#) && !wrong.contains("271828"), "{wrong}");
        assert!(told("{}").contains("password is missing"));
        assert!(told(r#"{"pasword": "x"}"#).contains(":422"));
        for text in ["", "{", "{\"password\": \"a\"} x", "\u{feff}{}"] {
            assert!(told(text).contains("problem:malformed"), "{text}");
        }
    }
}
