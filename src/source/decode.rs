//! Values to and from the source: parameters as the client sent them, answers as exact values.

use std::error::Error;

use bytes::{BufMut, Bytes, BytesMut};
use noisegate_privacy::release::ExactRow;
use noisegate_privacy::{Exact, IBig};
use postgres_types::{Format, FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::Row;

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
pub(super) fn exact_row(row: &Row, keys: usize, statistics: usize) -> Result<ExactRow, Fault> {
    let shape = || Fault::Source("the answer to a leaf has not the shape of its plan".to_owned());
    if row.len() != keys.saturating_add(statistics) {
        return Err(shape());
    }
    let mut key = Vec::with_capacity(keys);
    for at in 0..keys {
        key.push(row.try_get::<_, Raw>(at).map_err(|_| shape())?.0);
    }
    let mut values = Vec::with_capacity(statistics);
    for at in keys..row.len() {
        let text = row.try_get::<_, &str>(at).map_err(|_| shape())?;
        // Sums are carried as whole steps; a point would mean a float or a wrong grid.
        let steps = text.parse::<IBig>().map_err(|_| shape())?;
        values.push(Exact::new(steps));
    }
    Ok(ExactRow { key: Exact::new(key), values })
}
