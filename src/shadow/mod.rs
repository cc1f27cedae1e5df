//! The shadow: the twin that analysts talk to.

pub mod settings;
pub mod canonical;
