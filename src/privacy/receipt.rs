//! The proof that a leaf was paid for.

use crate::budget::Loss;

/// Made by the ledger when a reservation is durable, consumed by the plan that it paid for.
#[derive(Debug)]
pub struct Receipt {
    loss: Loss,
}

impl Receipt {
    /// Vouches that `loss` was reserved durably. Called in one place, in the ledger.
    pub fn assertion(loss: Loss) -> Self {
        Self { loss }
    }

    /// What was paid.
    pub fn loss(&self) -> &Loss {
        &self.loss
    }
}
