//! Questions and the form in which their releases are remembered.

use noisegate_privacy::IBig;
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Plan;
use noisegate_privacy::release::{KeyValue, Release};
use sha2::{Digest, Sha256};

use super::Asked;
use super::gate::Gate;
use super::payment::Payment;
use crate::clock::Millis;
use crate::ids::Question;
use crate::query::given::Given;
use crate::query::leaves::{Bound, BoundLeaf};
use crate::source::shown;

/// The digest of the question that a plan of a leaf asks, which comes with its index and the
/// questions of the leaves before it.
pub(super) fn asked<'a>(
    gate: &'a Gate,
    asked: &'a Asked<'_>,
    payment: &'a Payment,
    bound: &'a Bound,
) -> impl Fn(&Plan<Analyzed>, usize, &[Question]) -> Question {
    move |plan, leaf, before| {
        let given = bound.given.iter().filter(|given| given.leaf == leaf);
        let given = Before {
            given: given.collect(),
            leaves: bound.leaves.iter().zip(before.iter().copied()).collect(),
        };
        question(gate, asked, &payment.noise_key(leaf), plan, &given)
    }
}

/// What a leaf is given, and the leaves before it, which that is computed from.
struct Before<'a> {
    given: Vec<&'a Given>,
    leaves: Vec<(&'a BoundLeaf, Question)>,
}

/// Changes when a release of a question would no longer be read as it was meant: when noise, bounds
/// or shares of a price are made in another way from the same question.
const FORM: &[u8] = b"noisegate question 2";

/// The digest of a question: everything that the answer depends on, but for the data. Bounds that
/// are estimated are data as well: a leaf that waits for them has the digest of one that waits.
fn question(
    gate: &Gate,
    asked: &Asked<'_>,
    noise: &str,
    plan: &Plan<Analyzed>,
    before: &Before<'_>,
) -> Question {
    let sql = shown(plan);
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(bytes);
    };
    part(FORM);
    part(&gate.snapshot.version);
    part(&epoch(gate).to_be_bytes());
    part(noise.as_bytes());
    for (name, value) in asked.settings.for_source() {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    // A leaf's own parameters are part of it; those of the rest of the statement are not.
    if sql.contains("($1)::") {
        part(&asked.time());
    }
    for (at, parameter) in asked.parameters.iter().enumerate() {
        if sql.contains(&format!("(${})::", at.saturating_add(2))) {
            part(&[u8::from(parameter.binary), u8::from(parameter.value.is_none())]);
            part(parameter.value.as_deref().unwrap_or_default());
        }
    }
    // What it is given follows from the text, from the releases before and how they become its
    // columns, and may read parameters and the clock.
    for given in &before.given {
        part(given.text.as_bytes());
        for (leaf, question) in &before.leaves {
            part(&question.0);
            part(format!("{:?}", leaf.columns).as_bytes());
        }
        if reads_clock(&given.text) {
            part(&asked.time());
        }
        for parameter in asked.parameters {
            part(&[u8::from(parameter.binary), u8::from(parameter.value.is_none())]);
            part(parameter.value.as_deref().unwrap_or_default());
        }
    }
    part(sql.as_bytes());
    Question(digest.finalize().into())
}

/// A question, answered under bounds that this release gives.
pub(super) fn under(question: Question, bounds: &Release) -> Question {
    let mut digest = Sha256::new();
    digest.update(question.0);
    digest.update(encode(bounds));
    Question(digest.finalize().into())
}

/// Whether a canonical text asks for the time, or for what hangs on it.
fn reads_clock(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let names = ["now(", "current_", "localtime", "timestamp(", "timeofday(", "age("];
    names.iter().any(|name| text.contains(name))
}

/// Epochs advance by schedule, never because data changed.
fn epoch(gate: &Gate) -> i64 {
    gate.clock.now().0.div_euclid(gate.policy.answers.remember_ms.max(1))
}

/// When what is released now stops to answer.
pub(super) fn expires_at(gate: &Gate) -> Millis {
    let length = gate.policy.answers.remember_ms.max(1);
    Millis(epoch(gate).saturating_add(1).saturating_mul(length))
}

/// The length of a NULL key.
const NULL: u32 = u32::MAX;

/// A release as bytes: counts, then each value with its length.
pub(super) fn encode(release: &Release) -> Vec<u8> {
    let mut out = Vec::new();
    length(&mut out, release.rows().len());
    for row in release.rows() {
        length(&mut out, row.key.len());
        for key in &row.key {
            match key {
                Some(bytes) => {
                    length(&mut out, bytes.len());
                    out.extend_from_slice(bytes);
                }
                None => out.extend_from_slice(&NULL.to_be_bytes()),
            }
        }
        length(&mut out, row.values.len());
        for value in &row.values {
            let text = value.get().to_string();
            length(&mut out, text.len());
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

fn length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX - 1).to_be_bytes());
}

/// Reads what [`encode`] wrote.
pub(super) fn decode(bytes: &[u8]) -> Option<Release> {
    let mut bytes = bytes;
    let count = take_length(&mut bytes)?;
    let mut rows: Vec<(KeyValue, Vec<IBig>)> = Vec::new();
    for _ in 0..count {
        let mut key = Vec::new();
        for _ in 0..take_length(&mut bytes)? {
            let length = take_length(&mut bytes)?;
            let null = length == usize::try_from(NULL).ok()?;
            key.push(if null { None } else { Some(take(&mut bytes, length)?.to_vec()) });
        }
        let mut values = Vec::new();
        for _ in 0..take_length(&mut bytes)? {
            let length = take_length(&mut bytes)?;
            let text = std::str::from_utf8(take(&mut bytes, length)?).ok()?;
            values.push(text.parse().ok()?);
        }
        rows.push((key, values));
    }
    bytes.is_empty().then(|| Release::recalled(rows))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(length)?;
    *bytes = tail;
    Some(head)
}

fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(take(bytes, 4)?.try_into().ok()?)).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let rows = vec![
            (vec![Some(b"a".to_vec()), None], vec![IBig::from(-5), IBig::from(7)]),
            (vec![Some(Vec::new()), Some(vec![0; 300])], vec![IBig::from(10).pow(40), IBig::ZERO]),
        ];
        let release = Release::recalled(rows);
        let bytes = encode(&release);
        assert_eq!(decode(&bytes).unwrap(), release);
        assert_eq!(decode(bytes.get(1..).unwrap()), None);
        assert_eq!(decode(bytes.get(..bytes.len() - 1).unwrap()), None);
    }
}
