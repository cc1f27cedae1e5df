//! Frames between a client and its shadow session, and which reply belongs to which request.
//!
//! Every frame sent to the shadow has an [`Expected`] in a queue, so that replies to requests of
//! the proxy's own are swallowed or captured, and all others go back to the client as they are.

use std::collections::VecDeque;

use bytes::Bytes;

use super::backend::Backend;
use super::error::WireError;
use super::frame::Frame;
use super::message::{from_client, from_shadow, to_client, to_shadow};
use super::names::Undo;
use super::stream::{Reader, Writer};

/// How much may wait for a client or a shadow that does not read.
const BUFFERED_MAX: usize = 1 << 20;

/// Which request a reply is awaited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Parse,
    Bind,
    Describe,
    Execute,
    Close,
    Sync,
    Query,
    /// Not awaited: where the client ended a COPY.
    CopyEnd,
}

/// Where a reply goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// To the client.
    Forward,
    /// To the client as far as a simple query has it: rows and their description.
    Rows,
    /// Nowhere.
    Swallow,
    /// To the proxy: the row of an internal query.
    Capture,
}

/// A reply that is awaited.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) request: Request,
    pub(super) reply: Reply,
    /// Sent to the client before the request's completion.
    pub(super) notices: Vec<Frame>,
    /// How to change an error on its way.
    pub(super) error: ErrorChange,
    /// Whether ReadyForQuery is kept back: the client's query is only a part of the way through.
    pub(super) inner: bool,
    /// What the session must take back if the request fails or is skipped.
    pub(super) undo: Option<Undo>,
}

/// How an error is changed on its way to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ErrorChange {
    /// Not at all.
    #[default]
    Keep,
    /// Its position moves by so many characters: the statement was part of a longer text.
    Shift(usize),
    /// It is a refusal of the proxy's own, with this position in the client's text, if any.
    Refusal(Option<usize>),
}

impl Expected {
    pub(super) fn new(request: Request, reply: Reply) -> Self {
        let error = ErrorChange::Keep;
        Self { request, reply, notices: Vec::new(), error, inner: false, undo: None }
    }
}

/// One client, its shadow session, and what is under way between them.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) client: Reader,
    pub(super) to_client: Writer,
    pub(super) shadow: Backend,
    expected: VecDeque<Expected>,
    /// An error has come and the client's Sync has not: what it sends until then is skipped.
    pub(super) failed: bool,
    /// The transaction status of the last ReadyForQuery.
    pub(super) status: u8,
    /// Whether an error went to the client since this was last reset.
    pub(super) error_seen: bool,
    /// What failed or was skipped, oldest first.
    pub(super) undone: Vec<Undo>,
    captured: Option<Vec<Option<Bytes>>>,
    /// The shadow takes COPY data of an extended query, and ignores Sync until it ends.
    copying: bool,
}

/// What came, from whichever side.
#[derive(Debug)]
pub(super) enum Came {
    Client(Option<Frame>),
    Shadow,
}

impl Relay {
    pub(super) fn new(client: Reader, to_client: Writer, shadow: Backend) -> Self {
        Self {
            client,
            to_client,
            shadow,
            expected: VecDeque::new(),
            failed: false,
            status: b'I',
            error_seen: false,
            undone: Vec::new(),
            captured: None,
            copying: false,
        }
    }

    /// Queues a frame for the shadow together with the reply that it will give.
    pub(super) fn send(&mut self, frame: &Frame, expected: Expected) {
        self.shadow.writer.push(frame);
        if !(self.copying && expected.request == Request::Sync) {
            self.expected.push_back(expected);
        }
    }

    /// Queues the client's end of COPY data, CopyDone or CopyFail.
    pub(super) fn send_copy_end(&mut self, frame: &Frame) {
        self.shadow.writer.push(frame);
        if self.copying {
            self.copying = false;
        } else {
            self.expected.push_back(Expected::new(Request::CopyEnd, Reply::Swallow));
            self.skip_copy_ends();
        }
    }

    fn skip_copy_ends(&mut self) {
        while self.expected.front().is_some_and(|one| one.request == Request::CopyEnd) {
            self.expected.pop_front();
        }
    }

    /// COPY data of an extended query begins: every Sync that the client sent before its end is
    /// ignored by PostgreSQL, and has no reply.
    fn copy_begins(&mut self) {
        self.copying = true;
        let mut before_end = true;
        self.expected.retain(|one| {
            let ended = before_end && one.request == Request::CopyEnd;
            let ignored = before_end && one.request == Request::Sync;
            before_end &= !ended;
            !ended && !ignored
        });
        self.copying = before_end;
    }

    /// Queues a simple query that is one part of the client's: its ReadyForQuery stays here.
    pub(super) fn send_inner_query(&mut self, frame: &Frame, mut expected: Expected) {
        expected.inner = true;
        self.send(frame, expected);
    }

    /// Queues a frame that has no reply of its own.
    pub(super) fn send_silent(&mut self, frame: &Frame) {
        self.shadow.writer.push(frame);
    }

    /// Waits for a frame of either side; what the shadow says is relayed before this returns.
    ///
    /// Cancel safe: frames are only taken whole, and writes continue where they stopped.
    pub(super) async fn next(&mut self) -> Result<Came, WireError> {
        if self.shadow.writer.buffered() < BUFFERED_MAX
            && let Some(frame) = self.client.try_next()?
        {
            return Ok(Came::Client(Some(frame)));
        }
        self.to_client.flush().await?;
        let writing = self.shadow.writer.buffered() > 0;
        tokio::select! {
            biased;
            frame = self.shadow.reader.next() => {
                self.relay(frame?)?;
                self.drain_shadow()?;
                Ok(Came::Shadow)
            }
            written = self.shadow.writer.flush(), if writing => {
                written?;
                Ok(Came::Shadow)
            }
            frame = self.client.next(), if !writing => Ok(Came::Client(frame?)),
        }
    }

    /// Relays until every awaited reply has come.
    pub(super) async fn drain(&mut self) -> Result<(), WireError> {
        while !self.expected.is_empty() {
            self.pump().await?;
        }
        self.to_client.flush().await
    }

    /// Relays until an internal query's row has come; nothing if an error came instead.
    pub(super) async fn capture(&mut self) -> Result<Option<Vec<Option<Bytes>>>, WireError> {
        loop {
            let waiting = self.expected.iter().any(|one| one.reply == Reply::Capture);
            if !waiting {
                return Ok(self.captured.take());
            }
            self.pump().await?;
        }
    }

    async fn pump(&mut self) -> Result<(), WireError> {
        let writing = self.shadow.writer.buffered() > 0;
        tokio::select! {
            biased;
            frame = self.shadow.reader.next() => {
                self.relay(frame?)?;
                self.drain_shadow()
            }
            written = self.shadow.writer.flush(), if writing => written,
        }?;
        if self.to_client.buffered() > BUFFERED_MAX {
            self.to_client.flush().await?;
        }
        Ok(())
    }

    /// Relays what has already been read, up to a full buffer.
    fn drain_shadow(&mut self) -> Result<(), WireError> {
        while self.to_client.buffered() < BUFFERED_MAX {
            match self.shadow.reader.try_next()? {
                Some(frame) => self.relay(Some(frame))?,
                None => break,
            }
        }
        Ok(())
    }

    fn relay(&mut self, frame: Option<Frame>) -> Result<(), WireError> {
        let Some(frame) = frame else { return Err(WireError::Closed) };
        match frame.tag {
            // Notices, settings and notifications belong to no request.
            b'N' | b'S' | b'A' => self.to_client.push(&frame),
            b'E' => return self.error(&frame),
            _ => self.reply(&frame)?,
        }
        Ok(())
    }

    fn reply(&mut self, frame: &Frame) -> Result<(), WireError> {
        let Some(front) = self.expected.front_mut() else {
            return Err(WireError::protocol("a reply that nothing asked for"));
        };
        if front.inner && frame.tag == b'G' {
            // What the client sends is not read before its whole query is done.
            self.shadow.writer.push(&to_shadow::copy_fail("COPY must be sent by itself")?);
            return Ok(());
        }
        let copies = frame.tag == b'G' && front.request == Request::Execute;
        match front.reply {
            Reply::Forward if front.inner && frame.tag == b'Z' => {}
            Reply::Forward => {
                if matches!(frame.tag, b'C' | b's' | b'I') {
                    for notice in front.notices.drain(..) {
                        self.to_client.push(&notice);
                    }
                }
                self.to_client.push(frame);
            }
            Reply::Rows if matches!(frame.tag, b'T' | b'D') => self.to_client.push(frame),
            Reply::Capture if frame.tag == b'D' => {
                self.captured = Some(from_shadow::data_row(&frame.body)?);
            }
            Reply::Capture | Reply::Rows | Reply::Swallow => {}
        }
        if frame.tag == b'Z' {
            self.status = from_shadow::ready_for_query(&frame.body)?;
        }
        if ends(front.request, frame.tag) {
            if front.request == Request::Sync {
                self.failed = false;
            }
            self.expected.pop_front();
            self.skip_copy_ends();
        }
        if copies {
            self.copy_begins();
        }
        Ok(())
    }

    fn error(&mut self, frame: &Frame) -> Result<(), WireError> {
        self.error_seen = true;
        self.copying = false;
        let change = self.expected.front().map(|one| one.error).unwrap_or_default();
        self.to_client.push(&changed(frame, change)?);
        // PostgreSQL's own FATAL errors come without a request; the connection ends after them.
        if self.expected.front().is_some_and(|one| one.request != Request::Query) {
            // Everything up to the next Sync is skipped there, so its replies will not come.
            while self.expected.front().is_some_and(|one| one.request != Request::Sync) {
                let skipped = self.expected.pop_front();
                self.undone.extend(skipped.and_then(|skipped| skipped.undo));
            }
            self.failed = self.expected.is_empty();
        }
        Ok(())
    }
}

/// Whether a frame is the last of a request's reply.
fn ends(request: Request, tag: u8) -> bool {
    match request {
        Request::Parse => tag == b'1',
        Request::Bind => tag == b'2',
        Request::Close => tag == b'3',
        Request::Describe => matches!(tag, b'T' | b'n'),
        Request::Execute => matches!(tag, b'C' | b'I' | b's'),
        Request::Sync | Request::Query => tag == b'Z',
        Request::CopyEnd => false,
    }
}

fn changed(frame: &Frame, change: ErrorChange) -> Result<Frame, WireError> {
    let mut fields = from_shadow::error_fields(&frame.body)?;
    match change {
        ErrorChange::Keep => return Ok(frame.clone()),
        ErrorChange::Shift(by) => {
            for (letter, value) in &mut fields {
                if *letter == b'P'
                    && let Ok(position) = value.parse::<usize>()
                {
                    *value = position.saturating_add(by).to_string();
                }
            }
        }
        ErrorChange::Refusal(position) => {
            // Where PL/pgSQL raised it is the proxy's own affair.
            fields.retain(|(letter, value)| {
                matches!(letter, b'S' | b'V' | b'C' | b'M')
                    || (matches!(letter, b'D' | b'H') && !value.is_empty())
            });
            fields.extend(position.map(|position| (b'P', position.to_string())));
        }
    }
    Ok(to_client::error_response(fields))
}

/// The request that a frame with this tag is.
pub(super) fn tagged(tag: u8) -> Option<Request> {
    match tag {
        b'Q' => Some(Request::Query),
        b'P' => Some(Request::Parse),
        b'B' => Some(Request::Bind),
        b'D' => Some(Request::Describe),
        b'E' => Some(Request::Execute),
        b'C' => Some(Request::Close),
        b'S' => Some(Request::Sync),
        _ => None,
    }
}

/// The request that a frame of the client is, as far as a reply is awaited for it.
pub(super) fn request(frame: &from_client::Request) -> Option<Request> {
    use from_client::Request as From;
    match frame {
        From::Query(_) => Some(Request::Query),
        From::Parse(_) => Some(Request::Parse),
        From::Bind(_) => Some(Request::Bind),
        From::Describe(_) => Some(Request::Describe),
        From::Execute(_) => Some(Request::Execute),
        From::Close(_) => Some(Request::Close),
        From::Sync => Some(Request::Sync),
        _ => None,
    }
}
