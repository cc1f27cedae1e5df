//! What the shadow answers.

use bytes::Bytes;

use super::Field;
use super::body::Body;
use crate::wire::error::WireError;

/// The fields of an error (`E`) or notice (`N`), letter by letter.
///
/// Servers send errors before an encoding is agreed on, so bytes that are not UTF-8 are replaced.
pub fn error_fields(body: &Bytes) -> Result<Vec<(u8, String)>, WireError> {
    let mut body = Body::new(body);
    let mut fields = Vec::new();
    loop {
        match body.u8()? {
            0 => break,
            letter => {
                fields.push((letter, String::from_utf8_lossy(&body.cstring()?).into_owned()));
            }
        }
    }
    body.end()?;
    Ok(fields)
}

/// The value of one field of an error or notice.
pub fn error_field(fields: &[(u8, String)], letter: u8) -> Option<&str> {
    fields.iter().find(|(found, _)| *found == letter).map(|(_, value)| value.as_str())
}

/// The columns of a RowDescription (`T`).
pub fn row_description(body: &Bytes) -> Result<Vec<Field>, WireError> {
    let mut body = Body::new(body);
    let count = body.count()?;
    let fields = body.many(count, 19, |body| {
        Ok(Field {
            name: body.text()?,
            table_oid: body.u32()?,
            column: body.i16()?,
            type_oid: body.u32()?,
            type_size: body.i16()?,
            typmod: body.i32()?,
            format: body.i16()?,
        })
    })?;
    body.end()?;
    Ok(fields)
}

/// The types of a ParameterDescription (`t`).
pub fn parameter_description(body: &Bytes) -> Result<Vec<u32>, WireError> {
    let mut body = Body::new(body);
    let count = body.count()?;
    let oids = body.many(count, 4, Body::u32)?;
    body.end()?;
    Ok(oids)
}

/// The values of a DataRow (`D`).
pub fn data_row(body: &Bytes) -> Result<Vec<Option<Bytes>>, WireError> {
    let mut body = Body::new(body);
    let count = body.count()?;
    let values = body.many(count, 4, Body::value)?;
    body.end()?;
    Ok(values)
}

/// The tag of a CommandComplete (`C`).
pub fn command_complete(body: &Bytes) -> Result<String, WireError> {
    let mut body = Body::new(body);
    let tag = body.text()?;
    body.end()?;
    Ok(tag)
}

/// The name and value of a ParameterStatus (`S`).
pub fn parameter_status(body: &Bytes) -> Result<(String, String), WireError> {
    let mut body = Body::new(body);
    let status = (body.text()?, body.text()?);
    body.end()?;
    Ok(status)
}

/// The process and secret of a BackendKeyData (`K`).
pub fn backend_key_data(body: &Bytes) -> Result<(i32, Vec<u8>), WireError> {
    let mut body = Body::new(body);
    let pid = body.i32()?;
    let secret = body.rest();
    if !(4..=256).contains(&secret.len()) {
        return Err(WireError::protocol("invalid cancel key"));
    }
    Ok((pid, secret.to_vec()))
}

/// The status of a ReadyForQuery (`Z`): `I`, `T` or `E`.
pub fn ready_for_query(body: &Bytes) -> Result<u8, WireError> {
    let mut body = Body::new(body);
    let status = body.u8()?;
    body.end()?;
    if matches!(status, b'I' | b'T' | b'E') {
        Ok(status)
    } else {
        Err(WireError::protocol("invalid transaction status"))
    }
}
