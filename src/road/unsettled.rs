//! A charge whose statement may be dropped at any moment, when its client leaves.

use tokio::runtime::Handle;

use crate::error::Fault;
use crate::ledger::{Ledger, Reservation};

/// A charge that is settled without releases when this is dropped: it stays spent, and nobody takes
/// its statement for one in flight.
#[derive(Debug)]
pub(super) struct Unsettled {
    ledger: Ledger,
    reservation: Option<Reservation>,
}

impl Unsettled {
    pub(super) fn new(ledger: &Ledger, reservation: Reservation) -> Self {
        Self { ledger: ledger.clone(), reservation: Some(reservation) }
    }

    /// The charge, for who settles it or gives it back.
    pub(super) fn end(mut self) -> Result<Reservation, Fault> {
        self.reservation.take().ok_or(Fault::Unreachable("a charge that ended before"))
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        let Some(reservation) = self.reservation.take() else { return };
        let ledger = self.ledger.clone();
        // Without a runtime, or if this fails, it is pending until a proxy starts.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = ledger.settle(reservation, Vec::new()).await {
                tracing::error!(%error, "the charge of a client that left stays pending");
            }
        });
    }
}
