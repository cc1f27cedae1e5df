//! The source side: bounded SQL, made from a charged plan, run read-only.

/// Proof that nothing of a statement was sent to the source.
/// Only this module makes one; the ledger asks for it before it gives a charge back.
#[derive(Debug)]
pub struct NotExecuted(());

impl NotExecuted {
    #[expect(dead_code, reason = "the runner that makes it follows")]
    pub(in crate::source) fn assertion() -> Self {
        Self(())
    }
}
