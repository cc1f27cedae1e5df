//! Frames: a tag, a length, a body. Everything after the first packet of a connection is one.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::error::WireError;

/// What a client may send before it has logged in, as in PostgreSQL.
pub const LIMIT_BEFORE_LOGIN: usize = 10_000;

/// What a client may send in one message once it has logged in.
pub const LIMIT_FROM_CLIENT: usize = 16 << 20;

/// What the shadow may send in one message: a row with a large value.
pub const LIMIT_FROM_SHADOW: usize = 64 << 20;

/// A tag, and the length that counts itself.
const HEADER: usize = 5;

/// Memory is taken in steps of this size as bytes arrive, never because a length announces them.
const STEP: usize = 16 << 10;
/// What is read ahead of its turn, to see whether the other end is still there.
const AHEAD_MAX: usize = 1 << 20;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its type.
    pub tag: u8,
    /// What follows the length.
    pub body: Bytes,
}

impl Frame {
    /// A message from its parts.
    pub fn new(tag: u8, body: impl Into<Bytes>) -> Self {
        Self { tag, body: body.into() }
    }

    /// A message without a body.
    pub const fn empty(tag: u8) -> Self {
        Self { tag, body: Bytes::new() }
    }
}

/// Cuts a stream of bytes into frames.
#[derive(Debug)]
pub struct FrameReader<R> {
    inner: R,
    buffer: BytesMut,
    limit: usize,
}

impl<R> FrameReader<R> {
    /// Reads from `inner`, and refuses messages longer than `limit` (length word included).
    pub fn new(inner: R, limit: usize) -> Self {
        Self { inner, buffer: BytesMut::new(), limit }
    }

    /// Changes the limit, for the messages from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// A frame that has already arrived, without waiting.
    pub fn try_next(&mut self) -> Result<Option<Frame>, WireError> {
        let Some((tag, length)) = self.header()? else { return Ok(None) };
        if self.buffer.len() <= length {
            return Ok(None);
        }
        self.buffer.advance(HEADER);
        Ok(Some(Frame { tag, body: self.buffer.split_to(length - 4).freeze() }))
    }

    /// The tag and length of the frame at the head of the buffer, once they are there.
    fn header(&self) -> Result<Option<(u8, usize)>, WireError> {
        let mut head = self.buffer.as_ref();
        if head.len() < HEADER {
            return Ok(None);
        }
        let tag = head.get_u8();
        let length = usize::try_from(head.get_i32())
            .ok()
            .filter(|length| *length >= 4)
            .ok_or_else(|| WireError::protocol("invalid message length"))?;
        if length > self.limit {
            return Err(WireError::TooLong { length, limit: self.limit });
        }
        Ok(Some((tag, length)))
    }
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// The next frame, or `None` when the other end has closed between two frames.
    ///
    /// Dropping the future loses nothing: what has arrived stays in the buffer.
    pub async fn next(&mut self) -> Result<Option<Frame>, WireError> {
        loop {
            if let Some(frame) = self.try_next()? {
                return Ok(Some(frame));
            }
            self.buffer.reserve(STEP);
            if read(&mut self.inner, &mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(WireError::Closed) };
            }
        }
    }
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Waits until the other end is gone. What it sends meanwhile is kept for [`Self::next`], up
    /// to a bound; behind more than that, its end is not seen.
    ///
    /// Dropping the future loses nothing.
    pub async fn gone(&mut self) {
        while self.buffer.len() < AHEAD_MAX {
            self.buffer.reserve(STEP);
            if !matches!(read(&mut self.inner, &mut self.buffer).await, Ok(1..)) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

/// Reads what is there, 0 bytes at the end.
///
/// Many clients end an encrypted connection without saying so in TLS. Cutting one off gains
/// nothing here, since every message carries its length.
async fn read(inner: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> io::Result<usize> {
    match inner.read_buf(buffer).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        result => result,
    }
}

/// Collects frames and writes them together.
#[derive(Debug)]
pub struct FrameWriter<W> {
    inner: W,
    buffer: BytesMut,
    too_long: Option<usize>,
}

impl<W> FrameWriter<W> {
    /// Writes to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, buffer: BytesMut::new(), too_long: None }
    }

    /// Adds a frame; nothing is sent before [`flush`](Self::flush).
    pub fn push(&mut self, frame: &Frame) {
        let Ok(length) = i32::try_from(frame.body.len() + 4) else {
            self.too_long = Some(frame.body.len());
            return;
        };
        self.buffer.reserve(HEADER + frame.body.len());
        self.buffer.put_u8(frame.tag);
        self.buffer.put_i32(length);
        self.buffer.put_slice(&frame.body);
    }

    /// Adds bytes that are not a frame, or are several.
    pub fn push_raw(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
    }

    /// How many bytes wait to be sent.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// Sends everything that was added.
    ///
    /// When the future is dropped half-way, the rest is still there for the next call.
    pub async fn flush(&mut self) -> Result<(), WireError> {
        if let Some(length) = self.too_long {
            return Err(WireError::TooLong { length, limit: i32::MAX as usize });
        }
        while self.buffer.has_remaining() {
            if self.inner.write_buf(&mut self.buffer).await? == 0 {
                return Err(WireError::Closed);
            }
        }
        self.inner.flush().await?;
        Ok(())
    }

    /// Sends everything and closes this direction.
    pub async fn close(&mut self) -> Result<(), WireError> {
        self.flush().await?;
        self.inner.shutdown().await?;
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tokio::io::duplex;

    use super::*;

    fn sample() -> (Vec<Frame>, BytesMut) {
        let frames = vec![
            Frame::new(b'Q', &b"select 1\0"[..]),
            Frame::empty(b'S'),
            Frame::new(b'D', vec![7; 300]),
        ];
        let mut writer = FrameWriter::new(Vec::<u8>::new());
        for frame in &frames {
            writer.push(frame);
        }
        (frames, writer.buffer)
    }

    #[tokio::test]
    async fn frames_survive_a_split_at_each_byte() {
        let (frames, bytes) = sample();
        for cut in 0..=bytes.len() {
            let (mut far, near) = duplex(4096);
            let mut reader = FrameReader::new(near, 1000);
            let (head, tail) = bytes.split_at(cut);
            far.write_all(head).await.unwrap();
            let mut read = Vec::new();
            // A frame that is not complete yet waits; dropping that wait must lose nothing.
            while let Ok(frame) =
                tokio::time::timeout(std::time::Duration::ZERO, reader.next()).await
            {
                read.push(frame.unwrap().unwrap());
            }
            far.write_all(tail).await.unwrap();
            drop(far);
            while let Some(frame) = reader.next().await.unwrap() {
                read.push(frame);
            }
            assert_eq!(read, frames, "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn the_limit_holds_before_the_body_arrives() {
        let mut reader = FrameReader::new(&b"Q\x00\x00\x27\x11"[..], LIMIT_BEFORE_LOGIN);
        let error = reader.next().await.unwrap_err();
        assert!(matches!(error, WireError::TooLong { length: 10_001, limit: 10_000 }));

        let mut reader = FrameReader::new(&b"Q\x00\x00\x27\x10"[..], LIMIT_BEFORE_LOGIN);
        assert!(matches!(reader.next().await.unwrap_err(), WireError::Closed));
    }

    #[tokio::test]
    async fn lengths_below_four_are_refused() {
        for length in [0, 3, -1, i32::MIN] {
            let mut bytes = vec![b'Q'];
            bytes.put_i32(length);
            bytes.put_slice(&[0; 8]);
            let error = FrameReader::new(bytes.as_slice(), 1000).next().await.unwrap_err();
            assert_eq!(error.sqlstate(), "08P01", "length {length}");
        }
    }

    #[tokio::test]
    async fn the_end_between_frames_is_no_error() {
        let (_, bytes) = sample();
        let mut reader = FrameReader::new(bytes.as_ref(), 1000);
        for _ in 0..3 {
            assert!(reader.next().await.unwrap().is_some());
        }
        assert!(reader.next().await.unwrap().is_none());
        assert!(reader.try_next().unwrap().is_none());
    }
}
