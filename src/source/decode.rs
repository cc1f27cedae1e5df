//! Values to and from the source: parameters as the client sent them, answers as exact values.

use std::error::Error;

use bytes::{BufMut, Bytes, BytesMut};
use noisegate_privacy::release::ExactRow;
use noisegate_privacy::{Exact, IBig, layout};
use postgres_types::{Format, FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::Row;

use super::emit::Shape;
use crate::error::Fault;

/// A parameter in the bytes and the format that the client sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RawParameter {
    /// The value; `None` is NULL.
    pub value: Option<Bytes>,
    /// Whether it is in binary format.
    pub binary: bool,
}

impl ToSql for RawParameter {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match &self.value {
            Some(value) => {
                out.put_slice(value);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        if self.binary { Format::Binary } else { Format::Text }
    }

    to_sql_checked!();
}

/// The bytes of a cell, of whatever type.
struct Raw(Option<Vec<u8>>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(raw.to_vec())))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// One row of a leaf's answer.
pub(super) fn exact_row(row: &Row, keys: usize, statistics: &[Shape]) -> Result<ExactRow, Fault> {
    let shape = || Fault::Source("the answer to a leaf has not the shape of its plan".to_owned());
    if row.len() != keys.saturating_add(statistics.len()) {
        return Err(shape());
    }
    let mut key = Vec::with_capacity(keys);
    for at in 0..keys {
        key.push(row.try_get::<_, Raw>(at).map_err(|_| shape())?.0);
    }
    let mut values = Vec::with_capacity(statistics.len());
    for (at, statistic) in (keys..row.len()).zip(statistics) {
        let text = row.try_get::<_, &str>(at).map_err(|_| shape())?;
        values.push(match statistic {
            // Sums are carried as whole steps; a point would mean a float or a wrong grid.
            Shape::Number => vec![Exact::new(text.parse::<IBig>().map_err(|_| shape())?)],
            Shape::Counts(bins) => {
                counts(text, *bins).ok_or_else(shape)?.into_iter().map(Exact::new).collect()
            }
        });
    }
    Ok(ExactRow { key: Exact::new(key), values: layout::row(values) })
}

/// The counts of all bins, of `bin:count,…` for those that have rows.
fn counts(text: &str, bins: usize) -> Option<Vec<IBig>> {
    let mut counts = vec![IBig::ZERO; bins];
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (bin, count) = pair.split_once(':')?;
        *counts.get_mut(bin.parse::<usize>().ok()?)? = count.parse().ok()?;
    }
    Some(counts)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn bins_without_rows_are_zero() {
        let read = |text| {
            counts(text, 4)
                .map(|counts| counts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(read("").unwrap(), "0 0 0 0");
        assert_eq!(read("3:17,0:2").unwrap(), "2 0 0 17");
        for wrong in ["4:1", "-1:1", "1", "1:x", "a:1"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
