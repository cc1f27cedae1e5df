//! Tokens: what a program shows instead of a password. Only a digest of one is kept.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::accounts::short;
use super::request::DAY_MS;
use super::{Office, OfficeError, Order, Page};
use crate::admin::shown::{self, FreshToken, List, Role, Token};
use crate::clock::Millis;
use crate::ledger;

const PREFIX: &str = "ng_";
const SECRET_BYTES: usize = 32;
/// 32 bytes in base64 without padding.
const SECRET_CHARS: usize = 43;
const NAME_CHARS_MAX: usize = 64;
const DAYS_MAX: u32 = 366;
const TOKENS_MAX: usize = 500;

/// A token to make.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is called on record.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// For how many days.
    pub days: u32,
    /// It ends with this one at the latest: the token that makes it.
    pub not_after: Option<Millis>,
}

/// The digest of a token as it was sent, if it has the form of one.
pub fn token_digest(token: &str) -> Option<[u8; 32]> {
    let secret = token.strip_prefix(PREFIX).filter(|secret| secret.len() == SECRET_CHARS)?;
    let bytes = URL_SAFE_NO_PAD.decode(secret).ok()?;
    (bytes.len() == SECRET_BYTES).then(|| Sha256::digest(token).into())
}

impl Office {
    /// All tokens, expired or not.
    pub async fn tokens(&self, page: &Page) -> Result<List<Token>, OfficeError> {
        let tokens = self.ledger.tokens().await?;
        page.of_named(tokens.iter().filter_map(shown).collect(), |token| token.id.clone())
    }

    /// Makes a token.
    pub async fn create_token(
        &self,
        new: NewToken,
        order: &Order,
    ) -> Result<FreshToken, OfficeError> {
        validate(&new)?;
        let now = self.now();
        let expires_at = Millis(now.0.saturating_add(i64::from(new.days).saturating_mul(DAY_MS)));
        if new.not_after.is_some_and(|last| expires_at > last) {
            return Err(OfficeError::invalid(
                "days",
                "is longer than the token that asks for it is good for",
            ));
        }
        let all = self.ledger.tokens().await?;
        if all.iter().filter(|token| token.expires_at > now).count() >= TOKENS_MAX {
            return Err(OfficeError::Conflict(
                "There are too many tokens; revoke some.".to_owned(),
            ));
        }
        // What it does is on record under its name.
        if all.iter().any(|token| token.expires_at > now && token.name == new.name) {
            return Err(OfficeError::Conflict(format!("There is a token {} already.", new.name)));
        }
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>()?));
        let token = ledger::Token {
            id: hex::encode(random::<8>()?),
            hash: Sha256::digest(&secret).into(),
            name: new.name,
            role: new.role.name().to_owned(),
            created_by: order.actor.who.clone(),
            created_at: now,
            expires_at,
        };
        let detail = json!({
            "name": token.name, "role": token.role, "expires_at": shown::time(expires_at)
        });
        let event = order.event("token.create", &token.id, &detail)?;
        let shown =
            shown(&token).ok_or_else(|| OfficeError::invalid("role", "is admin or auditor"))?;
        self.ledger.put_token(token, event).await?;
        Ok(FreshToken { token: shown, secret })
    }

    /// Ends a token.
    pub async fn revoke_token(&self, id: &str, order: &Order) -> Result<(), OfficeError> {
        let not_found = || OfficeError::NotFound { what: "token", name: short(id) };
        let all = self.ledger.tokens().await?;
        let token = all.into_iter().find(|token| token.id == id).ok_or_else(not_found)?;
        let event = order.event("token.revoke", id, &json!({"name": token.name}))?;
        if self.ledger.remove_token(id, event).await? { Ok(()) } else { Err(not_found()) }
    }
}

fn validate(new: &NewToken) -> Result<(), OfficeError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name = &new.name;
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(plain) {
        return Err(OfficeError::invalid(
            "name",
            "is 1 to 64 letters, digits, dots, dashes or underscores",
        ));
    }
    if !(1..=DAYS_MAX).contains(&new.days) {
        return Err(OfficeError::invalid("days", format!("is from 1 to {DAYS_MAX}")));
    }
    Ok(())
}

/// One whose role is not known any more is not shown, and is good for nothing.
fn shown(token: &ledger::Token) -> Option<Token> {
    Some(Token {
        id: token.id.clone(),
        name: token.name.clone(),
        role: Role::parse(&token.role)?,
        created_at: shown::time(token.created_at),
        expires_at: shown::time(token.expires_at),
        created_by: token.created_by.clone(),
    })
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], OfficeError> {
    let mut bytes = [0; BYTES];
    let filled = getrandom::fill(&mut bytes);
    filled.map_err(|_| OfficeError::Conflict("The system has no random numbers.".to_owned()))?;
    Ok(bytes)
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_form() {
        let secret = URL_SAFE_NO_PAD.encode([7; SECRET_BYTES]);
        let digest = token_digest(&format!("ng_{secret}"));
        assert_eq!(digest, Some(Sha256::digest(format!("ng_{secret}")).into()));
        for wrong in [
            secret.clone(),
            format!("ng_{secret}A"),
            "ng_".to_owned(),
            format!("NG_{secret}"),
            format!("ng_{}", "+".repeat(43)),
        ] {
            assert_eq!(token_digest(&wrong), None, "{wrong}");
        }
    }
}
