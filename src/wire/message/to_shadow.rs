//! What the proxy asks of the shadow.
//!
//! Everything that takes text fails when it holds a zero byte, which the protocol cannot carry.

use std::io;

use bytes::{Buf, BytesMut};
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend::{self, BindError};

use super::from_client::{Bind, Kind, Parse};
use crate::wire::error::WireError;
use crate::wire::frame::Frame;

/// `Q`: a query in the simple protocol.
pub fn query(sql: &str) -> Result<Frame, WireError> {
    frame(|buffer| frontend::query(sql, buffer))
}

/// `P`: prepare `query` under `name`.
pub fn parse(parse: &Parse) -> Result<Frame, WireError> {
    frame(|buffer| {
        frontend::parse(&parse.name, &parse.query, parse.type_oids.iter().copied(), buffer)
    })
}

/// `B`: make a portal.
pub fn bind(bind: &Bind) -> Result<Frame, WireError> {
    frame(|buffer| {
        let written = frontend::bind(
            &bind.portal,
            &bind.statement,
            bind.parameter_formats.iter().copied(),
            &bind.parameters,
            |value, buffer| match value {
                Some(value) => {
                    buffer.extend_from_slice(value);
                    Ok(IsNull::No)
                }
                None => Ok(IsNull::Yes),
            },
            bind.result_formats.iter().copied(),
            buffer,
        );
        written.map_err(|error| match error {
            BindError::Serialization(error) => error,
            BindError::Conversion(error) => io::Error::other(error),
        })
    })
}

/// `D`: describe a statement or portal.
pub fn describe(kind: Kind, name: &str) -> Result<Frame, WireError> {
    frame(|buffer| frontend::describe(kind.byte(), name, buffer))
}

/// `C`: forget a statement or portal.
pub fn close(kind: Kind, name: &str) -> Result<Frame, WireError> {
    frame(|buffer| frontend::close(kind.byte(), name, buffer))
}

/// `E`: run a portal, for `max_rows` rows or, with 0, for all.
pub fn execute(portal: &str, max_rows: i32) -> Result<Frame, WireError> {
    frame(|buffer| frontend::execute(portal, max_rows, buffer))
}

/// `f`: no data for COPY FROM STDIN, and why.
pub fn copy_fail(why: &str) -> Result<Frame, WireError> {
    frame(|buffer| frontend::copy_fail(why, buffer))
}

/// `H`: send what you have.
pub const fn flush() -> Frame {
    Frame::empty(b'H')
}

/// `S`: the end of a pipeline.
pub const fn sync() -> Frame {
    Frame::empty(b'S')
}

/// `X`: good-bye.
pub const fn terminate() -> Frame {
    Frame::empty(b'X')
}

/// `p`: a password, or its MD5 digest.
pub(crate) fn password(password: &[u8]) -> Result<Frame, WireError> {
    frame(|buffer| frontend::password_message(password, buffer))
}

/// `p`: the first message of a SCRAM login.
pub(crate) fn sasl_initial(mechanism: &str, data: &[u8]) -> Result<Frame, WireError> {
    frame(|buffer| frontend::sasl_initial_response(mechanism, data, buffer))
}

/// `p`: the second message of a SCRAM login.
pub(crate) fn sasl_response(data: &[u8]) -> Result<Frame, WireError> {
    frame(|buffer| frontend::sasl_response(data, buffer))
}

/// The library writes tag, length and body in one; a frame keeps them apart.
fn frame(write: impl FnOnce(&mut BytesMut) -> io::Result<()>) -> Result<Frame, WireError> {
    let mut buffer = BytesMut::new();
    write(&mut buffer).map_err(|_| WireError::Unsendable("text with a zero byte, or too much"))?;
    let tag = buffer.try_get_u8().map_err(|_| WireError::Unsendable("an empty message"))?;
    buffer.try_get_i32().map_err(|_| WireError::Unsendable("an empty message"))?;
    Ok(Frame::new(tag, buffer))
}
