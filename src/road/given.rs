//! Leaves within leaves: what a leaf is given by those before it, computed on the shadow.

use std::collections::BTreeMap;

use bytes::Bytes;
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Plan;
use noisegate_privacy::release::Release;
use tokio_postgres::types::{Kind, Type};

use super::Asked;
use super::asked::encode;
use super::gate::Gate;
use crate::catalog::snapshot::type_of_name;
use crate::error::{Code, Error, Fault, Refusal};
use crate::query::given::{Described, Given};
use crate::query::leaves::{self, Bound, Unbound};
use crate::query::{parse, splice};
use crate::shadow::canonical::{Canonical, CanonicalError};
use crate::shadow::given::ShadowQuery;
use crate::source::RawParameter;

/// The characters of one value that a leaf may be given.
const CELL_CHARACTERS_MAX: usize = 1_000_000;
/// How often a query is bound again, with more of its subqueries described.
const ROUNDS_MAX: u32 = 32;

/// The canonical query, understood.
pub(super) async fn bound(
    gate: &Gate,
    asked: &Asked<'_>,
    canonical: &Canonical,
) -> Result<Bound, Error> {
    let mut described = Described::new();
    for _ in 0..ROUNDS_MAX {
        let attempt = parse::deeply(|| {
            let tree = parse::query(&canonical.text)?;
            leaves::bind(tree, &gate.snapshot, canonical.parameters.len(), &described)
        });
        match attempt {
            Ok(bound) => return Ok(bound),
            Err(Unbound::Refusal(refusal)) => return Err(refusal.into()),
            Err(Unbound::Describe(texts)) => {
                for text in texts {
                    let columns = describe(gate, asked, canonical, &text).await?;
                    described.insert(text, columns);
                }
            }
        }
    }
    Err(too_deep().into())
}

fn too_deep() -> Refusal {
    Refusal::new(
        Code::Unsupported,
        "Over private rows, aggregates within aggregates this deep are not supported.",
        "Ask for the inner aggregates first and use their values.",
    )
}

async fn describe(
    gate: &Gate,
    asked: &Asked<'_>,
    canonical: &Canonical,
    text: &str,
) -> Result<Vec<(String, noisegate_privacy::expr::Type)>, Error> {
    let types = types(canonical, text, &BTreeMap::new());
    let query = ShadowQuery { text, types: &types };
    let work = async { Ok(gate.canonical.describe(&query, asked.settings).await) };
    let columns = asked.in_time(gate, work).await?.map_err(shadow_error)?;
    // They travel as text, and are read where only PostgreSQL's own types have a name.
    let plain = |ty: &Type| {
        ty.schema() == "pg_catalog" && matches!(ty.kind(), Kind::Simple | Kind::Array(_))
    };
    if !columns.iter().all(|(_, ty)| plain(ty)) {
        return Err(Refusal::new(
            Code::Unsupported,
            "Over private rows, a subquery that gives values of this type is not supported.",
            "Cast its columns to plain numbers, text, dates or times.",
        )
        .into());
    }
    Ok(columns.into_iter().map(|(name, ty)| (name, type_of_name(ty.name()))).collect())
}

fn shadow_error(error: CanonicalError) -> Error {
    match error {
        CanonicalError::Fault(fault) => Error::Fault(fault),
        CanonicalError::Database(error) => Error::Database(error),
    }
}

/// The types of the parameters up to the last that the text reads. One that it does not read is
/// text, since PostgreSQL wants to know.
fn types(canonical: &Canonical, text: &str, arrays: &BTreeMap<usize, Bytes>) -> Vec<Type> {
    let read = |number: usize| reads(text, number);
    let last = arrays.keys().next_back().copied().unwrap_or(0).max(canonical.parameters.len());
    let last =
        (last..last.saturating_add(2_000)).rev().find(|number| read(*number)).unwrap_or(last);
    (1..=last)
        .map(|number| match number.checked_sub(1).and_then(|at| canonical.parameters.get(at)) {
            Some(ty) => ty.clone(),
            None if read(number) => Type::UNKNOWN,
            None => Type::TEXT,
        })
        .collect()
}

/// Whether a text of ours reads a parameter: it always casts it.
pub(super) fn reads(text: &str, number: usize) -> bool {
    text.contains(&format!("${number}::")) || text.contains(&format!("(${number})::"))
}

/// What is known of a leaf: its plan and its release.
pub(super) type Known = Option<(Plan<Analyzed>, Release)>;

/// What one leaf is given, by the numbers of its parameters.
pub(super) async fn values(
    gate: &Gate,
    asked: &Asked<'_>,
    canonical: &Canonical,
    bound: &Bound,
    leaf: usize,
    releases: &[Known],
) -> Result<BTreeMap<usize, RawParameter>, Error> {
    let mut values = BTreeMap::new();
    for given in bound.given.iter().filter(|given| given.leaf == leaf) {
        let columns = columns(gate, asked, canonical, bound, given, releases).await?;
        for (at, column) in columns.into_iter().enumerate() {
            let value = if given.scalar {
                let text = column.into_iter().next().flatten();
                RawParameter { value: text.map(Bytes::from), binary: false }
            } else {
                RawParameter { value: Some(super::asked::nullable_texts(column)?), binary: true }
            };
            values.insert(given.parameter.saturating_add(at), value);
        }
    }
    Ok(values)
}

/// The columns of a given query, as text.
async fn columns(
    gate: &Gate,
    asked: &Asked<'_>,
    canonical: &Canonical,
    bound: &Bound,
    given: &Given,
    releases: &[Known],
) -> Result<Vec<Vec<Option<String>>>, Error> {
    let mut arrays = BTreeMap::new();
    for (leaf, release) in bound.leaves.iter().zip(releases) {
        let first = leaf.columns.first_parameter;
        let width = leaf.columns.width();
        if !(0..width).any(|at| reads(&given.text, first.saturating_add(at))) {
            continue;
        }
        let before = || Fault::Unreachable("a value before its release");
        let (plan, release) = release.as_ref().ok_or_else(before)?;
        for (at, array) in splice::arrays(leaf, plan.analysis(), release).into_iter().enumerate() {
            arrays.insert(first.saturating_add(at), encode(gate, array).await?);
        }
    }
    let types = types(canonical, &given.text, &arrays);
    let parameters: Vec<RawParameter> = (1..=types.len())
        .map(|number| match arrays.get(&number) {
            Some(array) => RawParameter { value: Some(array.clone()), binary: true },
            None => number
                .checked_sub(1)
                .and_then(|at| asked.parameters.get(at).cloned())
                .unwrap_or(RawParameter { value: None, binary: false }),
        })
        .collect();
    let text = in_text(given);
    let query = ShadowQuery { text: &text, types: &types };
    let (shadow, limit) = (&gate.canonical, gate.timeout());
    let work = async { Ok(shadow.rows(&query, &parameters, asked.settings, limit).await) };
    let rows = asked.in_time(gate, work).await?.map_err(shadow_error)?;
    let mut columns = vec![Vec::with_capacity(rows.len()); given.columns.len()];
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            if cell.as_ref().is_some_and(|cell| cell.chars().count() > CELL_CHARACTERS_MAX) {
                return Err(Fault::Shadow("a subquery gives a value too long".to_owned()).into());
            }
            column.push(cell);
        }
    }
    Ok(columns)
}

/// The query with all its columns as text.
fn in_text(given: &Given) -> String {
    let Given { text, scalar, columns, .. } = given;
    // Of a longer one the first too many are read, and refused.
    let held = |cell: &str, ty: &noisegate_privacy::expr::Type| {
        let cell = if ty.is_time() {
            // In the one form that is read the same whatever the settings are.
            format!("pg_catalog.to_jsonb({cell}) #>> '{{}}'")
        } else {
            format!("({cell})::text")
        };
        format!("pg_catalog.left({cell}, {})", CELL_CHARACTERS_MAX.saturating_add(1))
    };
    if let (true, [(_, ty)]) = (*scalar, columns.as_slice()) {
        return format!("SELECT {}", held(&format!("({text})"), ty));
    }
    let names: Vec<String> = (1..=columns.len()).map(|at| format!("c{at}")).collect();
    let cells = names.iter().zip(columns);
    let cast: Vec<String> = cells.map(|(name, (_, ty))| held(&format!("g.{name}"), ty)).collect();
    format!("SELECT {} FROM ({text}) AS g({})", cast.join(", "), names.join(", "))
}
