//! Reading and writing the parts of a message's body.
//!
//! The library's own decoders replace bytes that are not UTF-8 and panic on short bodies, so
//! what comes from outside is read here: each part checks that it is there, and
//! [`Body::end`] that nothing is left.

use bytes::{Buf, Bytes};

use crate::wire::error::WireError;

/// The longest name of a statement or portal.
///
/// PostgreSQL tells longer names apart only by their first 63 bytes; a proxy that did not
/// would take two statements for one, or one for two.
const LONGEST_NAME: usize = 63;

/// What is left of a body.
pub(super) struct Body(Bytes);

impl Body {
    pub(super) fn new(bytes: &Bytes) -> Self {
        Self(bytes.clone())
    }

    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        self.0.try_get_u8().map_err(|_| short())
    }

    pub(super) fn i16(&mut self) -> Result<i16, WireError> {
        self.0.try_get_i16().map_err(|_| short())
    }

    /// A count: PostgreSQL reads these without a sign.
    pub(super) fn count(&mut self) -> Result<usize, WireError> {
        self.0.try_get_u16().map(usize::from).map_err(|_| short())
    }

    pub(super) fn i32(&mut self) -> Result<i32, WireError> {
        self.0.try_get_i32().map_err(|_| short())
    }

    pub(super) fn u32(&mut self) -> Result<u32, WireError> {
        self.0.try_get_u32().map_err(|_| short())
    }

    /// `count` items of `size` bytes or more, which must all fit into what is left.
    pub(super) fn many<T>(
        &mut self,
        count: usize,
        size: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        if count.saturating_mul(size) > self.0.len() {
            return Err(short());
        }
        (0..count).map(|_| item(self)).collect()
    }

    /// A value with its length before it; -1 is NULL.
    pub(super) fn value(&mut self) -> Result<Option<Bytes>, WireError> {
        let length = self.i32()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| short())?;
        if length > self.0.len() {
            return Err(short());
        }
        Ok(Some(self.0.split_to(length)))
    }

    /// Bytes up to a zero.
    pub(super) fn cstring(&mut self) -> Result<Bytes, WireError> {
        let end = self
            .0
            .iter()
            .position(|byte| *byte == 0)
            .ok_or_else(|| WireError::protocol("invalid string in message"))?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        Ok(text)
    }

    /// Text up to a zero, in UTF-8.
    pub(super) fn text(&mut self) -> Result<String, WireError> {
        let bytes = self.cstring()?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| WireError::encoding())
    }

    /// The name of a statement or portal.
    pub(super) fn name(&mut self) -> Result<String, WireError> {
        let name = self.text()?;
        if name.len() > LONGEST_NAME {
            let detail = "names of statements and portals are at most 63 bytes long";
            return Err(WireError::Malformed { sqlstate: "42622", detail });
        }
        Ok(name)
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> Bytes {
        self.0.split_to(self.0.len())
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), WireError> {
        if self.0.is_empty() { Ok(()) } else { Err(WireError::protocol("invalid message format")) }
    }
}

fn short() -> WireError {
    WireError::protocol("insufficient data left in message")
}
