//! Names of things that outlive a function call.

use std::fmt;

use sha2::{Digest, Sha256};

/// One statement of one client; printed in faults and in the operator's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueryId(pub [u8; 8]);

impl QueryId {
    /// A fresh id from the system's generator; all zeros when it fails, which only costs
    /// the operator a look at the clock beside it.
    pub fn fresh() -> Self {
        let mut bytes = [0; 8];
        if getrandom::fill(&mut bytes).is_err() {
            bytes = [0; 8];
        }
        Self(bytes)
    }
}

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// What makes a charge one charge, however often it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChargeKey(pub [u8; 16]);

impl ChargeKey {
    /// A fresh key. It begins with the time in milliseconds, so that stores find keys that were
    /// made together in one place; the rest is from the system's generator. All zeros there, if
    /// that fails, means that no second charge is made in that millisecond.
    pub fn fresh(now_ms: i64) -> Self {
        let mut bytes = [0; 16];
        let (time, random) = bytes.split_at_mut(8);
        if getrandom::fill(random).is_err() {
            random.fill(0);
        }
        time.copy_from_slice(&now_ms.to_be_bytes());
        Self(bytes)
    }
}

/// The digest of a question: canonical leaf, parameters, settings, policy version, noise, epoch.
/// Equal questions have equal answers, which is what a remembered release rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question(pub [u8; 32]);

/// What a statement asks, as short as it is shown: equal for statements with equal questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 8]);

impl Fingerprint {
    /// Of one question its first bytes, as its release is known; of several a digest of them all.
    /// None of nothing.
    pub fn of(questions: &[Question]) -> Option<Self> {
        let digest = match questions {
            [] => return None,
            [one] => one.0,
            several => {
                let mut digest = Sha256::new();
                for question in several {
                    digest.update(question.0);
                }
                digest.finalize().into()
            }
        };
        digest.first_chunk().copied().map(Self)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The name of an analyst, as authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Analyst(pub String);

impl fmt::Display for Analyst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
