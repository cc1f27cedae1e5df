//! What can go wrong on a connection.

use std::io;

/// A failure of a connection, on either side.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The socket failed.
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    /// The other end closed in the middle of something.
    #[error("connection closed by the other end")]
    Closed,
    /// Login took too long.
    #[error("login took longer than {0} seconds")]
    Deadline(u64),
    /// A message announces more bytes than this connection takes.
    #[error("message of {length} bytes is longer than the limit of {limit}")]
    TooLong {
        /// What the message announces.
        length: usize,
        /// What is allowed here.
        limit: usize,
    },
    /// A message that does not follow the protocol.
    #[error("{detail} ({sqlstate})")]
    Malformed {
        /// The SQLSTATE for the client.
        sqlstate: &'static str,
        /// One sentence for the client; it quotes nothing that was sent.
        detail: &'static str,
    },
    /// A login that was refused; the client has been told.
    #[error("login refused: {message} ({sqlstate})")]
    Refused {
        /// The SQLSTATE that was sent.
        sqlstate: &'static str,
        /// The message that was sent.
        message: String,
    },
    /// The server behind answered a login with an error.
    #[error("server: {message} ({sqlstate})")]
    Server {
        /// Its SQLSTATE.
        sqlstate: String,
        /// Its message.
        message: String,
    },
    /// The server behind asks for a login that this side does not do.
    #[error("server login: {0}")]
    Authentication(&'static str),
    /// An address or certificate that cannot be used.
    #[error("{0}")]
    Setup(String),
    /// The proxy is being stopped.
    #[error("shutting down")]
    ShuttingDown,
    /// Something that cannot be written as a message.
    #[error("cannot be sent: {0}")]
    Unsendable(&'static str),
}

impl WireError {
    /// A message that breaks the protocol, 08P01.
    pub(crate) fn protocol(detail: &'static str) -> Self {
        Self::Malformed { sqlstate: "08P01", detail }
    }

    /// Text that is not UTF-8, 22021.
    pub(crate) fn encoding() -> Self {
        Self::Malformed { sqlstate: "22021", detail: "invalid byte sequence for encoding \"UTF8\"" }
    }

    /// The SQLSTATE with which a client should hear of it.
    pub fn sqlstate(&self) -> &str {
        match self {
            Self::ShuttingDown => "57P01",
            Self::Io(_) | Self::Closed => "08006",
            Self::Deadline(_) => "57014",
            Self::TooLong { .. } => "54000",
            Self::Malformed { sqlstate, .. } | Self::Refused { sqlstate, .. } => sqlstate,
            Self::Server { sqlstate, .. } => sqlstate,
            Self::Authentication(_) | Self::Setup(_) => "08001",
            Self::Unsendable(_) => "XX000",
        }
    }
}
