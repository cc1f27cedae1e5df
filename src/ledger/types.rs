//! What goes into the ledger and what comes out of it.

use noisegate_privacy::budget::{Accountant, Amount, Loss};
use noisegate_privacy::receipt::Receipt;

use crate::clock::Millis;
use crate::ids::{Analyst, QueryId, Question};

/// A budget, as the policy means it. The ledger stores only what was spent, so a limit can
/// change from one charge to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name, the same in every proxy: `shop`, `each_analyst/alice`.
    pub id: String,
    /// How it adds up losses, and so which of the limits hold: ρ and δ, or ε and δ.
    pub accountant: Accountant,
    /// The most ρ that may be spent in a window.
    pub rho: Amount,
    /// The most ε that may be spent in a window.
    pub epsilon: Amount,
    /// The most δ that may be spent in a window.
    pub delta: Amount,
    /// When it refills.
    pub window: Window,
}

/// When an account refills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Never.
    Lifetime,
    /// At every multiple of `ms` since 1970 UTC.
    Every {
        /// The length of a window in milliseconds.
        ms: i64,
    },
}

impl Window {
    /// The start of the window that `now` lies in.
    pub(in crate::ledger) fn start(self, now: Millis) -> Millis {
        match self {
            Self::Every { ms } if ms > 0 => Millis(now.0 - now.0.rem_euclid(ms)),
            Self::Every { .. } | Self::Lifetime => Millis(0),
        }
    }

    /// The length as stored; a lifetime is 0.
    pub(in crate::ledger) fn ms(self) -> i64 {
        match self {
            Self::Lifetime => 0,
            Self::Every { ms } => ms,
        }
    }

    /// When the window that `now` lies in ends.
    pub(in crate::ledger) fn refills_at(self, now: Millis) -> Option<Millis> {
        match self {
            Self::Lifetime => None,
            Self::Every { ms } => Some(Millis(self.start(now).0.saturating_add(ms))),
        }
    }
}

/// What one statement asks to pay. The time is the ledger's.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The statement.
    pub query: QueryId,
    /// Who asks.
    pub analyst: Analyst,
    /// Its leaves that were not answered before.
    pub leaves: Vec<LeafCharge>,
}

/// What one leaf asks to pay.
#[derive(Clone, Debug)]
pub struct LeafCharge {
    /// What is asked.
    pub question: Question,
    /// What it costs.
    pub loss: Loss,
    /// Who pays; each of them pays all of the loss.
    pub accounts: Vec<Account>,
}

/// A charge that is on disk and counts as spent. Dropped, it stays spent.
#[derive(Debug)]
#[must_use = "a reservation that is dropped stays spent"]
pub struct Reservation {
    pub(in crate::ledger) charge: i64,
    pub(in crate::ledger) receipts: Vec<Receipt>,
}

impl Reservation {
    /// The receipts, one for each leaf in order. They are handed out once; a second call
    /// returns none.
    pub fn receipts(&mut self) -> Vec<Receipt> {
        std::mem::take(&mut self.receipts)
    }
}

/// A release to remember.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// What it answers.
    pub question: Question,
    /// The release, in a form that the ledger does not read.
    pub payload: Vec<u8>,
    /// From when on it does not answer any more.
    pub expires_at: Millis,
}

/// What an account has spent in the window of the ledger's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The account with its limits.
    pub account: Account,
    /// ρ spent.
    pub spent_rho: Amount,
    /// ε spent, as far as it has a price in ε.
    pub spent_epsilon: Amount,
    /// δ spent.
    pub spent_delta: Amount,
    /// When the window ends.
    pub refills_at: Option<Millis>,
}

/// One charge in an analyst's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The statement.
    pub query: QueryId,
    /// When it was charged.
    pub at: Millis,
    /// What became of it.
    pub state: State,
    /// Σρ over its leaves.
    pub rho: Amount,
    /// Σε over its leaves, unless one of them has no price in ε.
    pub epsilon: Option<Amount>,
    /// Σδ over its leaves.
    pub delta: Amount,
}

/// What became of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Reserved: it counts as spent.
    Pending,
    /// Settled, or left behind by a crash: spent.
    Posted,
    /// Given back, because the source was never asked.
    Voided,
}

/// Which account cannot pay, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdrawn {
    /// The first account that cannot pay, before this charge.
    pub balance: Balance,
    /// What the statement needs from that account, over all its leaves.
    pub needs: Loss,
}

/// Why the ledger did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerError {
    /// An account cannot pay. Nothing was charged.
    #[error("account {} cannot pay", .0.balance.account.id)]
    Overdrawn(Box<Overdrawn>),
    /// A pure account and a loss that has no price in ε, now or earlier in its window.
    /// Nothing was charged.
    #[error("account {0} counts pure epsilon and cannot pay for Gaussian noise")]
    NotPayable(String),
    /// The machine's clock is far ahead of the ledger's, so windows could refill by mistake.
    #[error(
        "the clock ({} ms) is more than 32 days ahead of the ledger's last mark ({} ms); \
         an operator has to confirm it", now.0, mark.0
    )]
    Clock {
        /// The latest time that the ledger knows.
        mark: Millis,
        /// What the machine's clock says.
        now: Millis,
    },
    /// The request makes no sense; a mistake in the caller.
    #[error("malformed request: {0}")]
    Malformed(&'static str),
    /// The store failed. What was asked is not done, or is done and not acknowledged.
    #[error("store: {0}")]
    Store(String),
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<std::io::Error> for LedgerError {
    fn from(error: std::io::Error) -> Self {
        Self::Store(error.to_string())
    }
}
