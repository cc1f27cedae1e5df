//! What time does: steps, spacing and windows, on a clock that the test sets.

use std::sync::atomic::Ordering;

use noisegate::clock::{Clock, Millis};

use crate::{Asker, TABLES, open, pure_role, question};

const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;
/// 2025-03-13 01:00 UTC: an hour into a window of 30 days.
const START: i64 = 1_741_824_000_000 + HOUR;

#[test]
fn accounts_slow_down_and_refill() {
    let policy = [
        TABLES.to_owned(),
        pure_role(
            "slow",
            &["slow"],
            "1",
            "window = \"30d\"\nthrottle = [{ at = 0.3, queries_per_hour = 2 }, \
             { at = 0.6, answer = \"remembered only\" }]",
        ),
        pure_role("spaced", &["spaced"], "1", "window = \"1h\"\nspacing = \"10s\""),
        pure_role("monthly", &["monthly", "other"], "0.2", "window = \"month\""),
        "[answers]\nrelease = \"at once\"\nremember = \"1h\"\nsecond_analyst = \"free\"\n"
            .to_owned(),
    ];
    let (clock, hand) = Clock::fixed(Millis(START));
    let shop = open(&policy.join("\n"), &["slow", "spaced", "monthly", "other"], clock);
    let at = |ms: i64| hand.store(START + ms, Ordering::SeqCst);
    crate::common::run(async {
        let slow = Asker::of(&shop, "slow").await;
        for number in 1..=3 {
            slow.ask(&question(number)).await;
        }
        assert_eq!(
            slow.budget("slow/slow").await["state"],
            "throttled until 2025-03-13 02:00:00 UTC"
        );
        let refused = slow.refused(&question(4)).await;
        assert_eq!(refused.code, "throttled");
        assert!(
            refused.message.contains("at most 2 new answers in an hour"),
            "{}",
            refused.message
        );
        let hint = "Retry after 3600 seconds (2025-03-13 02:00:00 UTC).";
        assert!(refused.hint.starts_with(hint), "{}", refused.hint);
        let (_, said) = slow.ask(&question(3)).await;
        assert!(said.starts_with("cost nothing (remembered)"), "{said}");

        let spaced = Asker::of(&shop, "spaced").await;
        spaced.ask(&question(101)).await;
        let refused = spaced.refused(&question(102)).await;
        assert!(refused.message.contains("one new answer in 10 seconds"), "{}", refused.message);
        assert!(refused.hint.starts_with("Retry after 10 seconds ("), "{}", refused.hint);
        spaced.ask(&question(101)).await;
        at(10 * SECOND - 1);
        assert!(spaced.refused(&question(102)).await.hint.starts_with("Retry after 1 second ("));
        at(10 * SECOND);
        assert!(spaced.ask(&question(102)).await.1.starts_with("cost epsilon 0.1;"));

        let (monthly, other) = (Asker::of(&shop, "monthly").await, Asker::of(&shop, "other").await);
        let (answer, _) = monthly.ask(&question(201)).await;
        monthly.ask(&question(202)).await;
        let refused = monthly.refused(&question(203)).await;
        assert_eq!(refused.code, "budget");
        assert!(refused.hint.contains("18 d 22 h (2025-04-01 00:00:00 UTC)"), "{}", refused.hint);
        // Under this policy what another analyst bought is free.
        let (same, said) = other.ask(&question(201)).await;
        assert!(same == answer && said.starts_with("cost nothing (remembered)"), "{said}");
        assert_eq!(other.charges().await, 0);

        at(HOUR - 1);
        assert!(slow.refused(&question(4)).await.hint.starts_with("Retry after 1 second ("));
        at(HOUR);
        slow.ask(&question(4)).await;
        slow.ask(&question(5)).await;
        assert_eq!(slow.refused(&question(6)).await.code, "throttled");
        at(2 * HOUR);
        slow.ask(&question(6)).await;
        let refused = slow.refused(&question(7)).await;
        assert!(
            refused.message.contains("only answers that you have paid for"),
            "{}",
            refused.message
        );
        assert!(refused.hint.contains("(2025-04-12 00:00:00 UTC)"), "{}", refused.hint);
        assert!(slow.ask(&question(6)).await.1.starts_with("cost nothing"));

        let april = 19 * 24 * HOUR - HOUR;
        at(april - SECOND);
        assert_eq!(monthly.refused(&question(203)).await.code, "budget");
        at(april);
        assert!(monthly.ask(&question(203)).await.1.starts_with("cost epsilon 0.1;"));
        assert_eq!(slow.refused(&question(7)).await.code, "throttled");
    });
}

#[test]
fn an_epoch_ends_by_schedule() {
    let policy = [
        TABLES.to_owned(),
        pure_role("epoch", &["epoch"], "1", "window = \"30d\""),
        "[answers]\nrelease = \"at once\"\nremember = \"1h\"\n".to_owned(),
    ];
    let (clock, hand) = Clock::fixed(Millis(START));
    let shop = open(&policy.join("\n"), &["epoch"], clock);
    let at = |ms: i64| hand.store(START + ms, Ordering::SeqCst);
    crate::common::run(async {
        let asker = Asker::of(&shop, "epoch").await;
        at(HOUR / 2);
        let (answer, said) = asker.ask(&question(1)).await;
        assert!(said.starts_with("cost epsilon"), "{said}");
        at(HOUR - 1);
        let (same, said) = asker.ask(&question(1)).await;
        assert!(same == answer && said.starts_with("cost nothing"), "{said}");
        // Half an hour after it was first asked: the schedule counts, and not the question.
        at(HOUR);
        assert!(asker.ask(&question(1)).await.1.starts_with("cost epsilon"));
        assert_eq!(asker.charges().await, 2);
        at(2 * HOUR - 1);
        assert!(asker.ask(&question(1)).await.1.starts_with("cost nothing"));
    });
}
