//! The session's cookie: an id and a signature of it.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

const NAME: &str = "noisegate_session";
/// Cookies of one request that are looked at; a browser sends one.
const COOKIES_MAX: usize = 20;

/// The id of a session. It is known to its cookie alone.
pub(super) type SessionId = [u8; 32];

/// Signs ids with a key of this process.
pub(super) struct Signer([u8; 32]);

impl Signer {
    /// A signer with a new key; nothing if the system has no random numbers.
    pub(super) fn new() -> Option<Self> {
        random().map(Self)
    }

    fn mac(&self, purpose: &[u8], id: &SessionId) -> Option<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(purpose);
        mac.update(id);
        Some(mac.finalize().into_bytes().into())
    }

    /// The value of a cookie.
    pub(super) fn sign(&self, id: &SessionId) -> Option<String> {
        let mac = self.mac(b"session\0", id)?;
        Some(format!("{}.{}", URL_SAFE_NO_PAD.encode(id), URL_SAFE_NO_PAD.encode(mac)))
    }

    /// The id in a cookie that this process signed.
    fn read(&self, value: &str) -> Option<SessionId> {
        let (id, mac) = value.split_once('.')?;
        let id: SessionId = bytes(id)?;
        let mac: [u8; 32] = bytes(mac)?;
        bool::from(self.mac(b"session\0", &id)?.ct_eq(&mac)).then_some(id)
    }

    /// What a page of the session has to send with each change, and another page cannot know.
    pub(super) fn csrf(&self, id: &SessionId) -> Option<String> {
        self.mac(b"csrf\0", id).map(|mac| URL_SAFE_NO_PAD.encode(mac))
    }

    /// Whether the request has that.
    pub(super) fn has_csrf(&self, id: &SessionId, headers: &HeaderMap) -> bool {
        let Some(sent) = headers.get("x-csrf-token") else { return false };
        let Some(csrf) = self.csrf(id) else { return false };
        bool::from(csrf.as_bytes().ct_eq(sent.as_bytes()))
    }

    /// The id in the request's cookies.
    pub(super) fn id(&self, headers: &HeaderMap) -> Option<SessionId> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let cookies = lines.flat_map(|line| line.split(';')).take(COOKIES_MAX);
        cookies
            .filter_map(|cookie| cookie.trim().strip_prefix(NAME)?.strip_prefix('='))
            .find_map(|value| self.read(value))
    }
}

/// The header that sets the cookie; with no value, that removes it.
pub(super) fn set(value: Option<&str>, seconds: u64, secure: bool) -> Option<HeaderValue> {
    let (value, seconds) = (value.unwrap_or(""), if value.is_some() { seconds } else { 0 });
    let secure = if secure { "; Secure" } else { "" };
    let text =
        format!("{NAME}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).ok()
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    if text.len() > 64 {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// From the system's generator; nothing when it fails.
pub(super) fn random() -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok().map(|()| bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        [(header::COOKIE, HeaderValue::from_str(cookie).unwrap())].into_iter().collect()
    }

    #[test]
    fn only_what_this_process_signed_is_read() {
        let (ours, theirs) = (Signer::new().unwrap(), Signer::new().unwrap());
        let id = random().unwrap();
        let value = ours.sign(&id).unwrap();
        let cookie = headers(&format!("a=b; {NAME}=x.y; {NAME}={value}; c=d"));
        assert_eq!(ours.id(&cookie), Some(id));
        assert_eq!(theirs.id(&cookie), None);
        let other = URL_SAFE_NO_PAD.encode(random().unwrap());
        let (_, mac) = value.split_once('.').unwrap();
        assert_eq!(ours.id(&headers(&format!("{NAME}={other}.{mac}"))), None);
        assert_eq!(ours.id(&headers(&format!("x{NAME}={value}"))), None);
    }

    #[test]
    fn the_page_s_token_is_the_session_s_alone() {
        let signer = Signer::new().unwrap();
        let (one, two) = (random().unwrap(), random().unwrap());
        let csrf = signer.csrf(&one).unwrap();
        let sent: HeaderMap = [("x-csrf-token".parse().unwrap(), csrf.parse().unwrap())]
            .into_iter()
            .collect::<HeaderMap>();
        assert!(signer.has_csrf(&one, &sent));
        assert!(!signer.has_csrf(&two, &sent) && !signer.has_csrf(&one, &HeaderMap::new()));
        assert_ne!(signer.sign(&one).unwrap().split_once('.').unwrap().1, csrf);
    }
}
