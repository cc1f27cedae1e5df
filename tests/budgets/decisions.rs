//! What administrators decided holds for the next charge, whatever the proxy has read before.

use noisegate::ledger::{Change, Control, Event, Via, Window};
use noisegate_privacy::budget::{Amount, Epsilon};

use crate::{Asker, SHOP, question, run};

const WINDOW: Window = Window::Every { ms: 30 * 86_400_000 };

async fn decide(account: &str, change: Change) -> Control {
    let event = Event {
        who: "carol".to_owned(),
        via: Via::Cli,
        kind: "account.change",
        object: account.to_owned(),
        detail: "{}".to_owned(),
        why: "a test".to_owned(),
    };
    SHOP.gate.ledger.change(account, change, None, None, event).await.expect("a decision")
}

fn epsilon(text: &str) -> Amount {
    Epsilon::parse(text).expect("a number").cost()
}

#[test]
fn a_frozen_account_pays_for_nothing() {
    run(async {
        let asker = Asker::of(&SHOP, "frost").await;
        let (answer, _) = asker.ask(&question(1)).await;
        decide("decided/frost", Change::Freeze).await;
        let refused = asker.refused(&question(2)).await;
        assert_eq!(refused.code, "frozen");
        assert!(refused.message.contains("decided/frost was frozen by an administrator"));
        assert_eq!(asker.budget("decided/frost").await["state"], "frozen");
        assert_eq!(asker.ask(&question(1)).await.0, answer, "what was paid for is there");
        assert_eq!(asker.charges().await, 1);
        decide("decided/frost", Change::Thaw).await;
        assert!(asker.ask(&question(2)).await.1.starts_with("cost epsilon 0.1;"));
        assert_eq!(asker.budget("decided/frost").await["state"], "open");
    });
}

#[test]
fn a_cap_lowers_and_a_grant_raises() {
    run(async {
        let capped = Asker::of(&SHOP, "cap").await;
        capped.ask(&question(1)).await;
        decide("decided/cap", Change::Cap(Some(epsilon("0.15")))).await;
        assert_eq!(capped.refused(&question(2)).await.code, "budget");
        assert_eq!(capped.budget("decided/cap").await["epsilon"], "0.1500");
        decide("decided/cap", Change::Cap(Some(Amount::ZERO))).await;
        let refused = capped.refused(&question(2)).await;
        assert!(refused.message.contains("0.00 spent"), "{}", refused.message);
        let row = capped.budget("decided/cap").await;
        assert_eq!((row["epsilon"].as_str(), row["queries_left"].as_str()), ("0.0000", "0"));
        // A cap above the policy's is none.
        decide("decided/cap", Change::Cap(Some(epsilon("9")))).await;
        capped.ask(&question(2)).await;
        capped.ask(&question(3)).await;
        assert_eq!(capped.refused(&question(4)).await.code, "budget");

        let granted = Asker::of(&SHOP, "grant").await;
        for number in 1..=3 {
            granted.ask(&question(number)).await;
        }
        assert_eq!(granted.refused(&question(4)).await.code, "budget");
        decide("decided/grant", Change::Grant { epsilon: epsilon("0.2"), window: WINDOW }).await;
        assert_eq!(granted.budget("decided/grant").await["queries_left"], "2");
        granted.ask(&question(4)).await;
        granted.ask(&question(5)).await;
        assert_eq!(granted.refused(&question(6)).await.code, "budget");
        assert_eq!(granted.budget("decided/grant").await["share_left"], "0.0000");
        decide("decided/grant", Change::Reset { window: WINDOW }).await;
        assert_eq!(granted.budget("decided/grant").await["queries_left"], "5");
        granted.ask(&question(6)).await;
    });
}

#[test]
fn a_decision_holds_for_a_proxy_that_has_not_read_it() {
    run(async {
        let asker = Asker::of(&SHOP, "eager").await;
        for number in 1..=3 {
            asker.ask(&question(number)).await;
        }
        // The charge is refused for its terms and made anew: the analyst sees the answer.
        decide("decided/eager", Change::Grant { epsilon: epsilon("0.1"), window: WINDOW }).await;
        assert!(asker.ask(&question(4)).await.1.starts_with("cost epsilon 0.1;"));
        // And that takes nothing twice.
        assert_eq!(asker.charges().await, 4);
        decide("decided/eager", Change::Cap(Some(epsilon("0.2")))).await;
        assert_eq!(asker.refused(&question(5)).await.code, "budget");

        // A stretched account is looked at before it is charged.
        let supple = Asker::of(&SHOP, "supple").await;
        supple.ask(&question(701)).await;
        decide("long/supple", Change::Cap(Some(Amount::ZERO))).await;
        assert_eq!(supple.refused(&question(702)).await.code, "budget");
        decide("long/supple", Change::Cap(None)).await;
        assert!(supple.ask(&question(702)).await.1.starts_with("cost epsilon 0.5;"));
    });
}
