//! SCRAM-SHA-256 as the server of it: passwords are never stored, only verifiers of them.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use pgwire::api::auth::sasl::scram::{
    ScramSecret, ScramServerAuth, ScramServerAuthWaitingForClientFinal, gen_salted_password,
};
use pgwire::api::auth::sasl::{SCRAM_SHA_256_METHOD, SCRAM_SHA_256_PLUS_METHOD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::error::WireError;

/// PostgreSQL's own, and what real and made-up verifiers have in common.
const ITERATIONS: usize = 4096;

/// A verifier that asks a client for more work than this is a mistake.
const MOST_ITERATIONS: usize = 1_000_000;

/// Longer passwords than this are not typed by anyone.
const LONGEST_PASSWORD: usize = 1024;

/// The verifier to store for a password, as PostgreSQL would store it.
///
/// The password is normalized as PostgreSQL and its clients do it, and the salt is random.
pub fn verifier(password: &str) -> Result<String, WireError> {
    let refusal = if password.is_empty() {
        "a password cannot be empty"
    } else if password.len() > LONGEST_PASSWORD {
        "a password is at most 1024 bytes long"
    } else if password.contains('\0') {
        "a password cannot hold a zero byte"
    } else {
        return Ok(postgres_protocol::password::scram_sha_256(password.as_bytes()));
    };
    Err(WireError::Setup(refusal.to_owned()))
}

/// Whether a text is a verifier that a login can be checked against.
pub fn is_verifier(text: &str) -> bool {
    parse(text).is_some()
}

/// The parts of `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`.
fn parse(text: &str) -> Option<ScramSecret> {
    let rest = text.strip_prefix("SCRAM-SHA-256$")?;
    let (head, keys) = rest.split_once('$')?;
    let (iterations, salt) = head.split_once(':')?;
    let (stored, server) = keys.split_once(':')?;
    let iterations = iterations.parse().ok().filter(|n| (1..=MOST_ITERATIONS).contains(n))?;
    let salt = STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty())?;
    let stored_key = STANDARD.decode(stored).ok().filter(|key| key.len() == 32)?;
    let server_key = STANDARD.decode(server).ok().filter(|key| key.len() == 32)?;
    Some(ScramSecret::Verifier { salt, iterations, stored_key, server_key })
}

/// A secret of this process, for [`decoy`] when the caller keeps none of its own.
pub fn process_secret() -> Result<[u8; 32], WireError> {
    static SECRET: OnceLock<[u8; 32]> = OnceLock::new();
    if let Some(secret) = SECRET.get() {
        return Ok(*secret);
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| WireError::Io(error.into()))?;
    Ok(*SECRET.get_or_init(|| secret))
}

/// Whether a password is the one of a verifier. Without one it takes the same time, and is not.
///
/// For whoever has the password itself, as from a form; a client of the wire proves it instead.
pub fn verify(user: &str, password: &str, stored: Option<&str>) -> Result<bool, WireError> {
    if password.len() > LONGEST_PASSWORD {
        return Ok(false);
    }
    let known = stored.and_then(parse);
    let exists = known.is_some();
    let secret = match known {
        Some(secret) => Some(secret),
        None => decoy(&process_secret()?, user),
    };
    let Some(ScramSecret::Verifier { salt, iterations, stored_key, .. }) = secret else {
        return Err(WireError::Setup("no verifier can be made".to_owned()));
    };
    let salted = gen_salted_password(password, &salt, iterations);
    let client_key = Hmac::<Sha256>::new_from_slice(&salted).map(|mut mac| {
        mac.update(b"Client Key");
        mac.finalize().into_bytes()
    });
    let client_key = client_key.map_err(|_| WireError::Setup("a key of no length".to_owned()))?;
    let same = Sha256::digest(client_key).ct_eq(&stored_key);
    Ok(bool::from(same) && exists)
}

/// What stands for the verifier of a user who does not exist.
///
/// The same name gets the same salt each time, as a real user would; no password matches.
fn decoy(secret: &[u8; 32], user: &str) -> Option<ScramSecret> {
    let derive = |purpose: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        mac.update(purpose.as_bytes());
        mac.update(user.as_bytes());
        Some(mac.finalize().into_bytes().to_vec())
    };
    let mut salt = derive("salt\0")?;
    salt.truncate(16);
    Some(ScramSecret::Verifier {
        salt,
        iterations: ITERATIONS,
        stored_key: derive("stored key\0")?,
        server_key: derive("server key\0")?,
    })
}

/// The server's side of one login.
///
/// The library compares `SHA256(ClientKey)` with the stored key in variable time. That tells
/// nothing: who does not know the stored key cannot steer the hash, and who does has no more
/// to learn from it.
pub(super) struct Login {
    server: ScramServerAuth,
    known: bool,
    secret: ScramSecret,
}

/// A login that waits for the client's proof.
pub(super) struct Challenge {
    waiting: ScramServerAuthWaitingForClientFinal,
    known: bool,
}

impl Login {
    /// A login of `user`; with a certificate, in PEM, channel binding is offered as well.
    pub(super) fn new(
        user: &str,
        verifier: Option<&str>,
        decoy_secret: &[u8; 32],
        certificate: Option<&[u8]>,
    ) -> Result<Self, WireError> {
        let stored = verifier.and_then(parse);
        let known = stored.is_some();
        if verifier.is_some() && !known {
            tracing::warn!(user, "the stored verifier cannot be read, so this user cannot log in");
        }
        let secret = stored
            .or_else(|| decoy(decoy_secret, user))
            .ok_or_else(|| WireError::Setup("no verifier can be made".to_owned()))?;
        let mut server = ScramServerAuth::new();
        if let Some(certificate) = certificate {
            // Some signature algorithms define no hash for channel binding; then it is not offered.
            if server.configure_certificate(certificate).is_err() {
                tracing::debug!("certificate has no digest for channel binding");
            }
        }
        Ok(Self { server, known, secret })
    }

    /// The mechanisms to offer, best first.
    pub(super) fn mechanisms(&self) -> Vec<String> {
        let mut mechanisms = vec![SCRAM_SHA_256_METHOD.to_owned()];
        if self.server.supports_channel_binding() {
            mechanisms.insert(0, SCRAM_SHA_256_PLUS_METHOD.to_owned());
        }
        mechanisms
    }

    /// Takes the client's first message; gives the answer to send.
    pub(super) fn begin(
        self,
        mechanism: &str,
        message: &[u8],
    ) -> Result<(String, Challenge), WireError> {
        if !self.mechanisms().iter().any(|offered| offered == mechanism) {
            return Err(WireError::protocol("client selected an invalid SASL mechanism"));
        }
        if (mechanism == SCRAM_SHA_256_PLUS_METHOD) != message.starts_with(b"p=") {
            return Err(malformed());
        }
        let (answer, waiting) = self
            .server
            .on_client_first_message_with_secret(message, self.secret)
            .map_err(|_| malformed())?;
        Ok((answer, Challenge { waiting, known: self.known }))
    }
}

impl Challenge {
    /// Takes the client's proof; gives the server's own, or `None` when it is wrong.
    pub(super) fn finish(&self, message: &[u8]) -> Option<String> {
        // The same work for a user who does not exist, so that the time tells nothing.
        let answer = self.waiting.on_client_final_message(message).ok();
        answer.filter(|_| self.known)
    }
}

fn malformed() -> WireError {
    WireError::protocol("malformed SCRAM message")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
    use proptest::prelude::*;

    use super::*;

    const SECRET: [u8; 32] = [7; 32];

    /// A whole login with the client's side of the other library.
    fn login(verifier: Option<&str>, password: &str) -> Option<String> {
        let mut client = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        let server = Login::new("ann", verifier, &SECRET, None).unwrap();
        let (answer, challenge) = server.begin("SCRAM-SHA-256", client.message()).unwrap();
        client.update(answer.as_bytes()).unwrap();
        let answer = challenge.finish(client.message())?;
        client.finish(answer.as_bytes()).unwrap();
        Some(answer)
    }

    #[test]
    fn only_the_right_password_gets_in() {
        let stored = verifier("correct horse").unwrap();
        assert!(stored.starts_with("SCRAM-SHA-256$4096:") && is_verifier(&stored));
        assert_ne!(stored, verifier("correct horse").unwrap(), "the salt is random");
        assert!(login(Some(&stored), "correct horse").is_some());
        assert!(login(Some(&stored), "correct hors").is_none());
        assert!(login(None, "correct horse").is_none());
    }

    #[test]
    fn passwords_are_normalized() {
        // U+00AA is compatible with "a", U+00AD is dropped: RFC 4013's own examples.
        let stored = verifier("I\u{ad}X\u{aa}").unwrap();
        assert!(login(Some(&stored), "IXa").is_some());
    }

    #[test]
    fn a_verifier_of_postgresql_is_taken() {
        // RFC 7677's example: user "user", password "pencil".
        let stored = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        assert!(login(Some(stored), "pencil").is_some());
        for broken in ["", "md5abc", "SCRAM-SHA-256$0:AAAA$AAAA:AAAA", &stored.replace("$W", "$")] {
            assert!(!is_verifier(broken), "{broken}");
            assert!(login(Some(broken), "pencil").is_none());
        }
    }

    #[test]
    fn an_unknown_user_looks_like_a_known_one() {
        let first = |user: &str, secret: &[u8; 32]| {
            let server = Login::new(user, None, secret, None).unwrap();
            let (answer, _) = server.begin("SCRAM-SHA-256", b"n,,n=,r=nonce").unwrap();
            let (_, salt) = answer.split_once(",s=").unwrap();
            salt.to_owned()
        };
        assert_eq!(first("ann", &SECRET), first("ann", &SECRET));
        assert_ne!(first("ann", &SECRET), first("bob", &SECRET));
        assert_ne!(first("ann", &SECRET), first("ann", &[8; 32]));
        // 16 bytes of salt and the usual iterations, as for a real user.
        assert_eq!(first("ann", &SECRET).len(), "W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".len());
    }

    #[test]
    fn channel_binding_is_refused_where_it_is_not_offered() {
        for message in [&b"p=tls-server-end-point,,n=,r=x"[..], b"p=x", b"", b"n,,", b"\xff"] {
            let server = Login::new("ann", None, &SECRET, None).unwrap();
            assert!(server.begin("SCRAM-SHA-256", message).is_err());
        }
        let server = Login::new("ann", None, &SECRET, None).unwrap();
        assert!(server.begin("SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,n=,r=x").is_err());
    }

    #[test]
    fn a_password_itself_is_checked_as_its_proof_is() {
        let stored = verifier("correct horse").unwrap();
        let check = |password: &str, stored: Option<&str>| verify("ann", password, stored).unwrap();
        assert!(check("correct horse", Some(&stored)));
        for wrong in ["correct hors", "", "Correct horse", "correct horse "] {
            assert!(!check(wrong, Some(&stored)), "{wrong}");
        }
        assert!(!check("correct horse", None) && !check("correct horse", Some("md5abc")));
        assert!(!check(&"x".repeat(1025), Some(&stored)));
        // RFC 4013: U+00AD is dropped, and U+00AA is compatible with "a".
        assert!(check("I\u{ad}X\u{aa}", Some(&verifier("IXa").unwrap())));
        // RFC 7677's example, made by others.
        let theirs = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        assert!(check("pencil", Some(theirs)) && !check("pencils", Some(theirs)));
    }

    #[test]
    fn passwords_have_limits() {
        assert!(verifier("").is_err());
        assert!(verifier("a\0b").is_err());
        assert!(verifier(&"x".repeat(1025)).is_err());
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(
            first in "(n,,|y,,|p=[a-z-]{0,22},,)?[ -~]{0,20}(n=)?[,ä]{0,2}(r=[!-+]{0,9})?",
            last in "(c=[A-Za-z0-9=]{0,8},)?(r=[ -~]{0,9})?(,p=[A-Za-z0-9+/=]{0,50})?[ä,]{0,3}",
        ) {
            for message in [first.as_str(), "n,,n=,r=x"] {
                let server = Login::new("ann", None, &SECRET, None).unwrap();
                if let Ok((answer, challenge)) = server.begin("SCRAM-SHA-256", message.as_bytes()) {
                    // With the right nonce the proof is read too.
                    let nonce = answer.split(',').next().unwrap();
                    let proof = last.rsplit(",p=").next().unwrap();
                    let full = format!("c=biws,{nonce},p={proof}");
                    prop_assert!(challenge.finish(full.as_bytes()).is_none());
                    prop_assert!(challenge.finish(last.as_bytes()).is_none());
                }
            }
        }
    }
}
