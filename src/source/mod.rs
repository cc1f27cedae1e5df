//! The source side: bounded SQL, made from a charged plan, run read-only.
//!
//! No text that an analyst wrote comes here. A [`BoundedSql`] is made from a `Plan<Charged>` and
//! nothing else, and what it answers is [`noisegate_privacy::Exact`] from the moment it is decoded.

mod branches;
mod decode;
mod emit;
mod listed;
mod print;
mod relation;
mod run;

pub use decode::RawParameter;
pub use emit::{BoundedSql, shown};
#[doc(hidden)]
pub use listed::{plain, printed};
pub(crate) use run::describe;
pub use run::{Snapshot, Source};

/// Proof that nothing of a statement was sent to the source.
/// Only this module makes one; the ledger asks for it before it gives a charge back.
#[derive(Debug)]
pub struct NotExecuted(());

impl NotExecuted {
    pub(in crate::source) fn assertion() -> Self {
        Self(())
    }
}
