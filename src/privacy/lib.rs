//! The trusted core of noisegate.

pub mod budget;
pub mod convert;
pub mod exact;
pub mod noise;
pub mod receipt;
pub mod threshold;
