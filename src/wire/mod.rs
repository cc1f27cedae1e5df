//! Both ends of the wire: clients log in here, and each session has a connection to the shadow.
//!
//! Frames and messages first, then the login from either side, then cancel keys.

mod accept;
pub mod backend;
mod cancel;
mod counted;
mod error;
mod frame;
pub mod message;
pub mod scram;
mod startup;
mod stream;
mod target;
pub mod tls;
// The sessions.
mod executed;
mod names;
mod outcome;
mod private;
mod relay;
mod serve;
pub mod session;

#[cfg(test)]
mod testing;

pub use accept::{Accepted, Client, Verifiers, accept};
pub use backend::Backend;
pub use cancel::{Canceler, Cancels, Running};
pub use error::WireError;
pub use frame::{Frame, FrameReader, FrameWriter};
pub use frame::{LIMIT_BEFORE_LOGIN, LIMIT_FROM_CLIENT, LIMIT_FROM_SHADOW};
pub use serve::{Server, serve};
pub use stream::{Reader, Stream, Writer};
pub use target::{Credentials, HostKind, Target};
