//! Both ends of the wire: clients log in here, and each session has a connection to the shadow.
//!
//! Frames and messages first, then the login from either side, then cancel keys.

mod error;
mod frame;
pub mod message;
mod stream;

pub use error::WireError;
pub use frame::{Frame, FrameReader, FrameWriter};
pub use frame::{LIMIT_BEFORE_LOGIN, LIMIT_FROM_CLIENT, LIMIT_FROM_SHADOW};
pub use stream::{Reader, Stream, Writer};
