//! What a client asked, and what the relay is told to do about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use tokio_postgres::types::Type;
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::given;
use crate::clock::Millis;
use crate::error::{Error, Fault, Refusal};
use crate::ids::{Analyst, QueryId};
use crate::policy::Preview;
use crate::query::leaves::{Answer as Kind, Bound};
use crate::query::rows_refused;
use crate::query::splice::{self, Array};
use crate::query::{parse, tokens};
use crate::shadow::canonical::{Canonical, CanonicalError};
use crate::shadow::settings::Settings;
use crate::source::RawParameter;

/// PostgreSQL's own types have numbers below this one.
const FIRST_USER_OID: u32 = 16_384;
/// Rows with at most this LIMIT are a preview.
const PREVIEW_ROWS_MAX: u64 = 10_000;

/// One statement of one client.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The statement's id.
    pub id: QueryId,
    /// Who asks.
    pub analyst: &'a Analyst,
    /// The text.
    pub text: &'a str,
    /// The parameter types that the client declared; 0 for unknown.
    pub types: &'a [u32],
    /// The parameters, as the client sent them.
    pub parameters: &'a [RawParameter],
    /// The session's settings.
    pub settings: &'a Settings,
    /// When it was asked: what `now()` is below a leaf.
    pub at: Millis,
    /// Fires when the client cancels.
    pub canceled: &'a CancellationToken,
}

/// What to do about a private statement.
#[derive(Debug)]
pub enum Answer {
    /// Let the shadow answer the statement as it is, with a warning if there is one.
    Forward(Option<String>),
    /// Run this instead, in the client's own shadow session.
    Spliced {
        /// The statement; its first parameters are the client's.
        text: String,
        /// The types of all parameters; 0 where the text casts them itself.
        types: Vec<u32>,
        /// The array parameters, in binary form.
        arrays: Vec<Bytes>,
        /// The names of their elements' types.
        elements: Vec<String>,
        /// What to tell the client besides.
        notices: Vec<String>,
        /// The source was not asked for it.
        remembered: bool,
    },
}

impl Answer {
    /// The same, as one that the source was not asked for.
    pub(super) fn remembered(mut self) -> Self {
        if let Self::Spliced { remembered, .. } = &mut self {
            *remembered = true;
        }
        self
    }
}

impl Asked<'_> {
    /// The canonical form of the text.
    pub(super) async fn canonical(&self, gate: &Gate) -> Result<Arc<Canonical>, Error> {
        let read = async { Ok(gate.canonical.read(self.text, self.types, self.settings).await) };
        self.in_time(gate, read).await?.map_err(|error| match error {
            CanonicalError::Fault(fault) => Error::Fault(fault),
            CanonicalError::Database(error) => Error::Database(error),
        })
    }

    /// The parameters of a leaf on the source: the statement's time, then the client's, then what
    /// the leaf is given.
    pub(super) fn source_parameters(
        &self,
        canonical: &Canonical,
        mut given: BTreeMap<usize, RawParameter>,
    ) -> (Vec<Type>, Vec<RawParameter>) {
        let mut types = vec![Type::TIMESTAMPTZ];
        types.extend(canonical.parameters.iter().map(|ty| {
            // A type of the user's own has another number on the source; the cast around the
            // parameter says there which it is.
            if ty.oid() < FIRST_USER_OID { ty.clone() } else { Type::UNKNOWN }
        }));
        let mut values = vec![RawParameter { value: Some(self.time()), binary: true }];
        values.extend(self.parameters.iter().cloned());
        let last = given.keys().next_back().copied().unwrap_or(0);
        for number in values.len()..=last {
            let value = given.remove(&number);
            types.push(if value.is_some() { Type::UNKNOWN } else { Type::TEXT });
            values.push(value.unwrap_or(RawParameter { value: None, binary: false }));
        }
        (types, values)
    }

    /// The statement's time in PostgreSQL's binary form: microseconds since 2000.
    pub(super) fn time(&self) -> Bytes {
        const FROM_1970_TO_2000_MS: i64 = 946_684_800_000;
        let micros = self.at.0.saturating_sub(FROM_1970_TO_2000_MS).saturating_mul(1000);
        Bytes::copy_from_slice(&micros.to_be_bytes())
    }

    /// Runs `work` until the policy's deadline or the client's cancel.
    pub(super) async fn in_time<T>(
        &self,
        gate: &Gate,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let timed = async {
            tokio::time::timeout(gate.timeout(), work).await.unwrap_or(Err(Fault::Deadline))
        };
        self.unless_canceled(timed).await
    }

    /// Runs `work` until the client's cancel.
    pub(super) async fn unless_canceled<T, E: From<Fault>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::select! {
            () = self.canceled.cancelled() => Err(Fault::Canceled.into()),
            done = work => done,
        }
    }

    /// The refusal with the position of what it is about.
    pub fn positioned(&self, mut refusal: Refusal) -> Refusal {
        if refusal.position.is_none() {
            let word = refusal.near.as_deref().filter(|word| !word.is_empty());
            refusal.position = word.and_then(|word| tokens::position_of(self.text, word));
        }
        refusal
    }
}

/// The answer to a query without leaves: public, a shape probe, a preview, or refused.
pub(super) fn without_leaves(gate: &Gate, bound: &Bound) -> Result<Answer, Error> {
    match bound.answer {
        Kind::Public | Kind::Released => Ok(Answer::Forward(None)),
        Kind::Rows { probe: true, .. } => Ok(Answer::Forward(None)),
        Kind::Rows { limit: Some(limit), .. }
            if limit <= PREVIEW_ROWS_MAX && gate.policy.answers.preview == Preview::Empty =>
        {
            Ok(Answer::Forward(Some(
                "Rows of people are not shown: this preview is empty by policy, whatever the \
                 table holds."
                    .to_owned(),
            )))
        }
        Kind::Rows { .. } => Err(rows_refused().into()),
    }
}

/// The spliced statement with its arrays, which come with the number of their first parameter.
pub(super) async fn spliced(
    gate: &Gate,
    canonical: &Canonical,
    bound: Bound,
    names: &[String],
    mut arrays: Vec<(usize, Vec<Array>)>,
    notices: Vec<String>,
) -> Result<Answer, Error> {
    let text = parse::deeply(|| splice::text(bound.query, names))?;
    arrays.sort_by_key(|(first, _)| *first);
    let (mut encoded, mut elements) = (Vec::new(), Vec::new());
    for array in arrays.into_iter().flat_map(|(_, arrays)| arrays) {
        elements.push(match &array {
            Array::Keys { type_name, .. } => type_name.clone(),
            Array::Numbers(_) | Array::Texts(_) => "text".to_owned(),
        });
        encoded.push(encode(gate, array).await?);
    }
    let mut types: Vec<u32> = canonical.parameters.iter().map(Type::oid).collect();
    // What only another leaf was given is not read by the rest, and PostgreSQL wants a type.
    let client = types.len();
    let all = encoded.iter_mut().zip(&mut elements).enumerate();
    for (at, (array, element)) in all {
        let read = given::reads(&text, client.saturating_add(at).saturating_add(1));
        types.push(if read { 0 } else { Type::TEXT_ARRAY.oid() });
        if !read {
            *array = text_array(&[]);
            "text".clone_into(element);
        }
    }
    Ok(Answer::Spliced { text, types, arrays: encoded, elements, notices, remembered: false })
}

/// Texts as a binary `text[]`.
pub fn text_array(texts: &[String]) -> Bytes {
    let elements = texts.iter().map(|text| Some(text.clone().into_bytes())).collect();
    binary_array(Type::TEXT.oid(), elements).unwrap_or_default()
}

/// Texts, some of them NULL, as a binary `text[]`.
pub(super) fn nullable_texts(texts: Vec<Option<String>>) -> Result<Bytes, Fault> {
    binary_array(Type::TEXT.oid(), texts.into_iter().map(|t| t.map(String::into_bytes)).collect())
}

/// An array in PostgreSQL's binary form.
pub(super) async fn encode(gate: &Gate, array: Array) -> Result<Bytes, Fault> {
    let (oid, elements) = match array {
        Array::Keys { type_name, elements } => {
            (gate.canonical.type_oid(&type_name).await?, elements)
        }
        Array::Numbers(numbers) => (
            Type::TEXT.oid(),
            numbers.into_iter().map(|number| Some(number.into_bytes())).collect(),
        ),
        Array::Texts(texts) => {
            (Type::TEXT.oid(), texts.into_iter().map(|t| t.map(String::into_bytes)).collect())
        }
    };
    binary_array(oid, elements)
}

fn binary_array(oid: u32, elements: Vec<Option<Vec<u8>>>) -> Result<Bytes, Fault> {
    let too_long = || Fault::Unreachable("an array longer than its form allows");
    let mut out = BytesMut::new();
    if elements.is_empty() {
        out.put_i32(0);
        out.put_i32(0);
        out.put_u32(oid);
        return Ok(out.freeze());
    }
    out.put_i32(1);
    out.put_i32(i32::from(elements.iter().any(Option::is_none)));
    out.put_u32(oid);
    out.put_i32(i32::try_from(elements.len()).map_err(|_| too_long())?);
    out.put_i32(1);
    for element in elements {
        match element {
            Some(bytes) => {
                out.put_i32(i32::try_from(bytes.len()).map_err(|_| too_long())?);
                out.put_slice(&bytes);
            }
            None => out.put_i32(-1),
        }
    }
    Ok(out.freeze())
}

/// The same answer without parameters, for statements that take none: the arrays are written into
/// the text, in the form that PostgreSQL itself gives them.
pub async fn inlined(gate: &Gate, answer: Answer) -> Result<Answer, Error> {
    let Answer::Spliced { text, types, arrays, elements, notices, remembered } = answer else {
        return Ok(answer);
    };
    let given = types.len().saturating_sub(arrays.len());
    let named: Vec<(String, Bytes)> = elements.iter().cloned().zip(arrays).collect();
    let literals = gate.canonical.literals(&named).await?;
    let replaced = tokens::replace_parameters(&text, &|number| {
        literals.get(number.checked_sub(given)?.checked_sub(1)?).cloned()
    });
    let text = replaced.ok_or(Fault::Unreachable("a spliced query that cannot be read"))?;
    let (types, arrays, elements) = (Vec::new(), Vec::new(), Vec::new());
    Ok(Answer::Spliced { text, types, arrays, elements, notices, remembered })
}
