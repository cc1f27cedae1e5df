//! The refusals of statements that the ledger did not charge: each a function of past charges and
//! of what administrators decided.

use chrono::DateTime;

use super::gate::{Gate, ledger_fault};
use super::spoken::share_left;
use crate::clock::Millis;
use crate::error::{Code, Error, Refusal};
use crate::ledger::{Balance, Effect, LedgerError, Throttled};

/// What the ledger's refusal means to the client.
pub(super) fn refused(gate: &Gate, error: LedgerError) -> Error {
    match error {
        LedgerError::Overdrawn(overdrawn) => overdrawn_by(gate, &overdrawn.balance).into(),
        LedgerError::Frozen(account) => frozen(&account).into(),
        LedgerError::Throttled(throttled) => self::throttled(&throttled).into(),
        other => ledger_fault(other).into(),
    }
}

/// The refusal of a statement that an account cannot pay.
pub(super) fn overdrawn_by(gate: &Gate, balance: &Balance) -> Refusal {
    let when = match balance.refills_at {
        Some(at) => format!("It renews in {} ({}).", duration(balance.now, at), moment(at)),
        None => "It is for the lifetime of the data and does not refill.".to_owned(),
    };
    Refusal::new(
        Code::Budget,
        format!(
            "The budget {} has too little left: {}.",
            balance.account.id,
            share_left(gate, balance)
        ),
        format!("{when} A smaller noisegate.epsilon costs less; remembered answers cost nothing."),
    )
}

fn frozen(account: &str) -> Refusal {
    Refusal::new(
        Code::Frozen,
        format!("The budget {account} was frozen by an administrator, and pays for nothing."),
        "Ask the budget's administrator; answers that you have paid for cost nothing.",
    )
}

fn throttled(throttled: &Throttled) -> Refusal {
    let account = &throttled.account;
    let sentence = match throttled.effect {
        Effect::AtMost { charges, in_ms } => format!(
            "The budget {account} pays for at most {} in {} now.",
            answers(charges),
            length(in_ms)
        ),
        Effect::RememberedOnly => format!(
            "The budget {account} is nearly spent: only answers that you have paid for are given \
             now."
        ),
    };
    let hint = match throttled.until {
        Some(until) => {
            format!("{} Remembered answers cost nothing.", retry(throttled.now, until))
        }
        None => "It is for the lifetime of the data and does not refill; remembered answers cost \
                 nothing."
            .to_owned(),
    };
    Refusal::new(Code::Throttled, sentence, hint)
}

/// When to come back, in a form that programs can read.
fn retry(now: Millis, until: Millis) -> String {
    let ms = until.0.saturating_sub(now.0).max(1);
    // Up to the next second: a second early would be refused again.
    let seconds = ms.saturating_add(999).div_euclid(1000);
    let plural = if seconds == 1 { "" } else { "s" };
    format!("Retry after {seconds} second{plural} ({}).", moment(until))
}

/// A moment in UTC, up to the next second.
pub(super) fn moment(at: Millis) -> String {
    let seconds = at.0.saturating_add(999).div_euclid(1000);
    DateTime::from_timestamp(seconds, 0).map_or_else(String::new, |at| at.to_string())
}

fn answers(charges: u32) -> String {
    if charges == 1 { "one new answer".to_owned() } else { format!("{charges} new answers") }
}

/// A span of time in the largest unit in which it is a whole number.
fn length(ms: i64) -> String {
    let units = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second")];
    let whole = units.iter().find(|(unit, _)| ms >= *unit && ms % unit == 0);
    match whole {
        Some((unit, name)) if ms == *unit => format!("a {name}").replace("a hour", "an hour"),
        Some((unit, name)) => format!("{} {name}s", ms / unit),
        None => format!("{ms} ms"),
    }
}

/// How long until then, roughly.
fn duration(now: Millis, at: Millis) -> String {
    let minutes = at.0.saturating_sub(now.0).max(0) / 60_000;
    match (minutes / 1440, minutes / 60, minutes) {
        (0, 0, minutes) => format!("{} min", minutes.saturating_add(1)),
        (0, hours, _) => format!("{hours} h"),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(effect: Effect, until: Option<i64>) -> Refusal {
        let (account, now) = ("each/alice".to_owned(), Millis(1_000));
        throttled(&Throttled { account, effect, now, until: until.map(Millis) })
    }

    #[test]
    fn a_throttled_client_is_told_when_to_come_back() {
        let refusal = at(Effect::AtMost { charges: 6, in_ms: 3_600_000 }, Some(43_500));
        assert_eq!(refusal.code.sqlstate(), "53400");
        assert!(refusal.sentence.contains("at most 6 new answers in an hour"), "{refusal}");
        assert!(
            refusal.hint.starts_with("Retry after 43 seconds (1970-01-01 00:00:44 UTC)."),
            "{refusal}"
        );
        // Never now, which would be refused again.
        let refusal = at(Effect::AtMost { charges: 1, in_ms: 10_000 }, Some(1_000));
        assert!(refusal.sentence.contains("one new answer in 10 seconds"), "{refusal}");
        assert!(refusal.hint.starts_with("Retry after 1 second ("), "{refusal}");
        let refusal = at(Effect::RememberedOnly, None);
        assert!(!refusal.hint.contains("Retry"), "{refusal}");
        assert_eq!(length(90_000), "90 seconds");
        assert_eq!(length(1_500), "1500 ms");
    }
}
