//! What goes into the ledger and what comes out of it.

use chrono::{DateTime, Datelike, Months, NaiveTime};
use noisegate_privacy::budget::{Accountant, Amount, Loss};
use noisegate_privacy::receipt::Receipt;

use crate::clock::Millis;
use crate::ids::{Analyst, ChargeKey, QueryId, Question};

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
    /// What happens before it is empty.
    pub throttle: Vec<Step>,
    /// The limits that were meant, as [`Control::in_force`](super::Control::in_force) names them.
    pub control: i64,
}

/// What holds once so much is spent, in the measure that the account counts in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// From this much ρ on; for zCDP.
    pub rho: Amount,
    /// From this much ε on; for pure accounts.
    pub epsilon: Amount,
    /// What holds then.
    pub effect: Effect,
}

/// How a step slows an account down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// No more than so many charges in any so many milliseconds.
    AtMost {
        /// How many; at least one.
        charges: u32,
        /// In how many milliseconds.
        in_ms: i64,
    },
    /// No charges: only what is remembered is answered.
    RememberedOnly,
}

/// A step that holds an account back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// The account.
    pub account: String,
    /// What holds it back.
    pub effect: Effect,
    /// The ledger's time.
    pub now: Millis,
    /// When it may be charged again, if time alone helps.
    pub until: Option<Millis>,
}

/// When an account refills. Nothing is carried over from one window to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Never.
    Lifetime,
    /// At every multiple of `ms` since 1970 UTC.
    Every {
        /// The length of a window in milliseconds.
        ms: i64,
    },
    /// With each month of the calendar, in UTC.
    Month,
}

/// How a calendar month is stored, where other windows have a length.
const MONTH: i64 = -1;

impl Window {
    /// The start of the window that `now` lies in.
    pub(crate) fn start(self, now: Millis) -> Millis {
        match self {
            Self::Every { ms } if ms > 0 => Millis(now.0 - now.0.rem_euclid(ms)),
            Self::Every { .. } | Self::Lifetime => Millis(0),
            Self::Month => month(now, 0),
        }
    }

    /// The length as stored; a lifetime is 0.
    pub(in crate::ledger) fn ms(self) -> i64 {
        match self {
            Self::Lifetime => 0,
            Self::Every { ms } => ms,
            Self::Month => MONTH,
        }
    }

    /// How long it is at most; a lifetime does not end.
    pub fn ms_max(self) -> Option<i64> {
        match self {
            Self::Lifetime => None,
            Self::Every { ms } => Some(ms),
            Self::Month => Some(31 * 24 * 60 * 60 * 1000),
        }
    }

    /// When the window that `now` lies in ends.
    pub(crate) fn refills_at(self, now: Millis) -> Option<Millis> {
        match self {
            Self::Lifetime => None,
            Self::Every { ms } => Some(Millis(self.start(now).0.saturating_add(ms))),
            Self::Month => Some(month(now, 1)),
        }
    }
}

/// The beginning of a month: of the one that `now` lies in, or of one that comes so many after it.
/// A time that no calendar has is in a month that never ends.
fn month(now: Millis, later: u32) -> Millis {
    let end = Millis(if later == 0 { 0 } else { i64::MAX });
    let Some(at) = DateTime::from_timestamp_millis(now.0) else { return end };
    let first =
        at.date_naive().with_day(1).and_then(|day| day.checked_add_months(Months::new(later)));
    first.map_or(end, |day| Millis(day.and_time(NaiveTime::MIN).and_utc().timestamp_millis()))
}

/// What one statement asks to pay. The time is the ledger's.
#[derive(Clone, Debug)]
pub struct Charge {
    /// What makes this one charge: asked for again under the same key, it is not charged twice.
    pub key: ChargeKey,
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
    /// The ledger's time.
    pub now: Millis,
    /// From when on debits count.
    pub window_start: Millis,
    /// When the window ends.
    pub refills_at: Option<Millis>,
    /// What holds the account back now, if anything does.
    pub throttled: Option<Throttled>,
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

impl State {
    /// As it is stored.
    pub(in crate::ledger) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Posted => "posted",
            Self::Voided => "voided",
        }
    }

    /// Reads what [`Self::name`] wrote.
    pub(in crate::ledger) fn parse(text: &str) -> Result<Self, LedgerError> {
        [Self::Pending, Self::Posted, Self::Voided]
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| LedgerError::Store("a charge in an unknown state".to_owned()))
    }
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
    /// An administrator froze the account. Nothing was charged.
    #[error("account {0} is frozen")]
    Frozen(String),
    /// A step of the account's throttle is in force. Nothing was charged.
    #[error("account {} is throttled", .0.account)]
    Throttled(Box<Throttled>),
    /// The limits of an account were computed with another [`Control`](super::Control) than the
    /// one that holds. Nothing was charged.
    #[error("the limits of account {account} are not the latest")]
    Terms {
        /// The account.
        account: String,
    },
    /// A change was made for another version than the one that holds. Nothing was changed.
    #[error("changed in the meantime; the version is now {version}")]
    Stale {
        /// The version that holds.
        version: i64,
    },
    /// A request with the key of another one.
    #[error("the key was used for another request")]
    KeyReused,
    /// A charge whose key was charged before. Nothing was charged now; what was charged then
    /// stays spent, since nothing tells what became of it.
    #[error("this was charged before")]
    Repeated,
    /// Another ledger than the one last seen, or an older or another state of it.
    #[error(
        "{0}. If an operator means this, `noisegate ledger accept-restored` goes on from here, \
         after each account was lowered to what is left at worst"
    )]
    Restored(Restored),
    /// The ledger was moved, and goes on elsewhere.
    #[error("this ledger was moved to {0}, and nothing may be charged here")]
    Moved(String),
    /// A ledger cannot be copied to where something has happened already.
    #[error("{0} is not empty")]
    NotEmpty(String),
    /// The address of a PostgreSQL is not one.
    #[error("the address of the ledger cannot be read")]
    Address,
    /// The request makes no sense; a mistake in the caller.
    #[error("malformed request: {0}")]
    Malformed(&'static str),
    /// The store failed. What was asked is not done, or is done and not acknowledged.
    #[error("store: {0}")]
    Store(String),
}

/// How a ledger differs from the one last seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Restored {
    /// It is not there.
    #[error("there is no ledger, and generation {seen} of one was last seen here")]
    Gone {
        /// The generation last seen.
        seen: i64,
    },
    /// It was made anew, or belongs to others.
    #[error("this is not the ledger that was last seen here, of which generation {seen} was known")]
    Another {
        /// The generation last seen.
        seen: i64,
    },
    /// An older copy was put back.
    #[error(
        "the ledger is at generation {now}, and generation {seen} was last seen here: it was put \
         back from an older copy, and does not know what was spent since"
    )]
    Older {
        /// Its generation.
        now: i64,
        /// The generation last seen.
        seen: i64,
    },
    /// An older copy was put back and went on.
    #[error(
        "generation {seen} of the ledger is not the one that was last seen here: it was put back \
         from an older copy and went on from there, and does not know all that was spent"
    )]
    Diverged {
        /// The generation last seen.
        seen: i64,
    },
}

impl From<std::io::Error> for LedgerError {
    fn from(error: std::io::Error) -> Self {
        Self::Store(error.to_string())
    }
}
