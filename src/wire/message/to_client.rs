//! What the proxy tells a client.

use bytes::{Bytes, BytesMut};
use pgwire::messages::Message;
use pgwire::messages::data::{DataRow, FieldDescription, ParameterDescription, RowDescription};
use pgwire::messages::response::{CommandComplete, ErrorResponse, NoticeResponse};
use pgwire::messages::startup::{Authentication, ParameterStatus};

use super::Field;
use crate::wire::error::WireError;
use crate::wire::frame::Frame;

/// An error or notice in the making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    fields: Vec<(u8, String)>,
}

impl Report {
    /// A report with the three fields that each one has.
    pub fn new(severity: &str, sqlstate: &str, message: impl Into<String>) -> Self {
        let fields = vec![
            (b'S', severity.to_owned()),
            (b'V', severity.to_owned()),
            (b'C', sqlstate.to_owned()),
            (b'M', message.into()),
        ];
        Self { fields }
    }

    /// Adds DETAIL.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        self.with(b'D', detail.into())
    }

    /// Adds HINT.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        self.with(b'H', hint.into())
    }

    /// Adds the position in the statement's text, in characters from 1.
    #[must_use]
    pub fn position(self, position: usize) -> Self {
        self.with(b'P', position.to_string())
    }

    /// Adds any field by its letter.
    #[must_use]
    pub fn with(mut self, letter: u8, value: String) -> Self {
        self.fields.push((letter, value));
        self
    }

    /// The report as an error.
    pub fn into_error(self) -> Frame {
        error_response(self.fields)
    }

    /// The report as a notice.
    pub fn into_notice(self) -> Frame {
        notice_response(self.fields)
    }
}

/// `E`: an error from its fields.
pub fn error_response(fields: Vec<(u8, String)>) -> Frame {
    encode(b'E', &ErrorResponse::new(printable(fields)))
}

/// `N`: a notice from its fields.
pub fn notice_response(fields: Vec<(u8, String)>) -> Frame {
    encode(b'N', &NoticeResponse::new(printable(fields)))
}

/// `N`: a notice from what it says.
pub fn notice(
    severity: &str,
    sqlstate: &str,
    message: &str,
    detail: Option<&str>,
    hint: Option<&str>,
) -> Frame {
    let mut report = Report::new(severity, sqlstate, message);
    if let Some(detail) = detail {
        report = report.detail(detail);
    }
    if let Some(hint) = hint {
        report = report.hint(hint);
    }
    report.into_notice()
}

/// `Z`: ready, with `I` (idle), `T` (in a transaction) or `E` (in a failed one).
pub fn ready_for_query(status: u8) -> Frame {
    Frame::new(b'Z', vec![status])
}

/// `S`: the value of a setting that clients follow.
pub fn parameter_status(name: &str, value: &str) -> Frame {
    encode(b'S', &ParameterStatus::new(before_zero(name.into()), before_zero(value.into())))
}

/// `K`: the key with which this session can be canceled.
pub fn backend_key_data(pid: i32, secret: &[u8]) -> Frame {
    let mut body = pid.to_be_bytes().to_vec();
    body.extend_from_slice(secret);
    Frame::new(b'K', body)
}

/// `C`: a statement is done.
pub fn command_complete(tag: &str) -> Frame {
    encode(b'C', &CommandComplete::new(before_zero(tag.into())))
}

/// `T`: the columns of the rows to come.
pub fn row_description(fields: &[Field]) -> Result<Frame, WireError> {
    count(fields.len())?;
    let fields = fields.iter().map(|field| {
        FieldDescription::new(
            before_zero(field.name.clone()),
            field.table_oid.cast_signed(),
            field.column,
            field.type_oid,
            field.type_size,
            field.typmod,
            field.format,
        )
    });
    Ok(encode(b'T', &RowDescription::new(fields.collect())))
}

/// `t`: the types of a statement's parameters.
pub fn parameter_description(oids: &[u32]) -> Result<Frame, WireError> {
    u16::try_from(oids.len()).map_err(|_| WireError::Unsendable("too many parameters"))?;
    Ok(encode(b't', &ParameterDescription::new(oids.to_vec())))
}

/// `D`: one row.
pub fn data_row(values: &[Option<Bytes>]) -> Result<Frame, WireError> {
    let count = count(values.len())?;
    let mut data = BytesMut::new();
    for value in values {
        let length = value.as_ref().map_or(Ok(-1), |value| i32::try_from(value.len()));
        let length = length.map_err(|_| WireError::Unsendable("a value of 2 GiB or more"))?;
        data.extend_from_slice(&length.to_be_bytes());
        data.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    Ok(encode(b'D', &DataRow::new(data, count)))
}

/// `R`: a step of the login.
pub(crate) fn authentication(step: &Authentication) -> Frame {
    encode(b'R', step)
}

/// `v`: an older minor version than asked for, and the options that are not known.
pub(crate) fn negotiate_version(minor: u16, unknown: &[String]) -> Frame {
    let version = (3 << 16) | u32::from(minor);
    let mut body = version.to_be_bytes().to_vec();
    let count = u32::try_from(unknown.len()).unwrap_or(u32::MAX);
    body.extend_from_slice(&count.to_be_bytes());
    for name in unknown {
        body.extend_from_slice(name.as_bytes());
        body.push(0);
    }
    Frame::new(b'v', body)
}

fn count(columns: usize) -> Result<i16, WireError> {
    i16::try_from(columns).map_err(|_| WireError::Unsendable("too many columns"))
}

fn printable(fields: Vec<(u8, String)>) -> Vec<(u8, String)> {
    let fields = fields.into_iter().filter(|(letter, _)| *letter != 0);
    fields.map(|(letter, value)| (letter, before_zero(value))).collect()
}

/// The protocol ends text with a zero byte, so text cannot hold one.
fn before_zero(mut text: String) -> String {
    if let Some(end) = text.find('\0') {
        text.truncate(end);
    }
    text
}

fn encode(tag: u8, message: &impl Message) -> Frame {
    let mut body = BytesMut::with_capacity(message.message_length());
    if let Err(error) = message.encode_body(&mut body) {
        // None of the types used here fails to encode; should a later one, the log says which.
        tracing::error!(tag = %char::from(tag), %error, "message could not be encoded");
    }
    Frame::new(tag, body)
}
