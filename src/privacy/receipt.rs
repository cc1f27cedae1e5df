//! The proof that a loss was paid.

use crate::budget::Loss;

/// Proof that a loss was charged, durably, to every account that it concerns.
/// It is not `Clone`: one charge pays for one release.
///
/// ```compile_fail
/// fn twice(receipt: noisegate_privacy::receipt::Receipt) -> [noisegate_privacy::receipt::Receipt; 2] {
///     [receipt.clone(), receipt]
/// }
/// ```
#[derive(Debug)]
#[must_use = "a charge that pays for no release is lost"]
pub struct Receipt {
    loss: Loss,
}

impl Receipt {
    /// Asserts that `loss` was charged. It is what turns an analyzed plan into a charged one, so
    /// it has one call site: the ledger, where a reservation is made (`ledger/charge.rs`).
    pub fn assertion(loss: Loss) -> Self {
        Self { loss }
    }

    /// What was paid.
    pub fn loss(&self) -> &Loss {
        &self.loss
    }
}
