//! Stretched budgets never end: answers get less epsilon in time.

use noisegate_privacy::budget::Epsilon;

use crate::{Asker, SHOP, question, run};

pub(crate) const POLICY: &str = r#"
[roles.long]
members = ["long", "elastic", "supple"]
answers = "noisy"
pays    = ["long", "all"]
epsilon = { default = 0.5, max = 1 }

[budgets.long]
per     = "analyst"
epsilon = 10
delta   = 1e-4
window  = "lifetime"
stretch = 5

[roles.narrow]
members = ["narrow"]
answers = "noisy"
pays    = ["narrow"]
epsilon = { default = 0.5, max = 1 }

[budgets.narrow]
per        = "analyst"
epsilon    = 5
window     = "lifetime"
accountant = "pure"
stretch    = 8
"#;

/// The ε that an answer was paid at.
fn paid(said: &str) -> Epsilon {
    let cost = said.strip_prefix("cost epsilon ").expect("a cost");
    Epsilon::parse(cost.split(';').next().expect("a number")).expect("a number")
}

async fn left(asker: &Asker, account: &str) -> f64 {
    asker.budget(account).await["share_left"].parse().expect("a number")
}

#[test]
fn a_stretched_budget_does_not_end() {
    run(async {
        for (user, queries, pure) in [("long", 5_u32, false), ("narrow", 8, true)] {
            let account = format!("{user}/{user}");
            let asker = Asker::of(&SHOP, user).await;
            let (first, said) = asker.ask(&question(1)).await;
            assert_eq!(paid(&said).to_string(), "0.5", "{said}");
            assert!(!said.contains("instead of"), "{said}");
            let (mut before, mut lowered) = (paid(&said), 0);
            for number in 2..60 {
                let (_, said) = asker.ask(&question(number)).await;
                let epsilon = paid(&said);
                assert!(epsilon <= before, "{said}");
                let is_less = epsilon.to_string() != "0.5";
                let told = format!(
                    "answered at epsilon {epsilon} instead of 0.5: the budget {account} is stretched"
                );
                assert_eq!(said.contains(&told), is_less, "{said}");
                lowered += u32::from(epsilon < before);
                before = epsilon;
                assert!(asker.share_spent(&account).await < 1.0);
            }
            assert!(lowered > 2, "{user}: {lowered}");
            // What is left pays for as many more as were promised, at the last price.
            asker
                .client
                .batch_execute(&format!("set noisegate.epsilon = '{before}'"))
                .await
                .expect("set");
            let after =
                asker.budget(&account).await["queries_left"].parse::<u32>().expect("a number");
            assert!(after >= queries - 1, "{after}");
            asker.client.batch_execute("reset noisegate.epsilon").await.expect("reset");
            // What was bought at a larger epsilon is answered from memory.
            let (again, said) = asker.ask(&question(1)).await;
            assert!(again == first && said.starts_with("cost nothing (remembered)"), "{said}");
            assert!(!said.contains("instead of"), "{said}");
            plans_and_accuracies(&asker, pure).await;
        }
    });
}

/// EXPLAIN says the same price; an accuracy names its epsilon, and is refused.
async fn plans_and_accuracies(asker: &Asker, pure: bool) {
    let rows = crate::texts(&asker.client, &format!("explain {}", question(61))).await;
    let lines: Vec<String> =
        rows.expect("a plan").into_iter().filter_map(|row| row[0].clone()).collect();
    let plan = lines.join("\n");
    let price = plan.split("Price: epsilon ").nth(1).and_then(|rest| rest.split(' ').next());
    let price = price.expect("a price").to_owned();
    assert!(plan.contains(&format!("Answered at epsilon {price} instead of 0.5")), "{plan}");
    let (_, said) = asker.ask(&question(61)).await;
    assert_eq!(paid(&said).to_string(), price, "{said}");
    let accuracy = if pure { "4" } else { "3" };
    asker.client.batch_execute(&format!("set noisegate.accuracy = {accuracy}")).await.expect("set");
    let charges = asker.charges().await;
    let refused = asker.refused(&question(62)).await;
    assert!(
        refused.code == "budget" && refused.message.contains("stretched"),
        "{}",
        refused.message
    );
    assert_eq!(asker.charges().await, charges);
    asker.client.batch_execute("set noisegate.accuracy = 100000").await.expect("set");
    let cheap = asker.ask(&question(62)).await.1;
    assert!(cheap.contains("chosen for an accuracy"), "{cheap}");
    asker.client.batch_execute("reset noisegate.accuracy").await.expect("reset");
    assert!(left(asker, if pure { "narrow/narrow" } else { "long/long" }).await > 0.0);
}
