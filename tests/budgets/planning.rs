//! What analysts can look up to plan with.

use crate::common::{cell, texts};
use crate::{Asker, SHOP, question, run};

pub(crate) const POLICY: &str = r#"
[roles.planner]
members = ["plan", "left"]
answers = "noisy"
pays    = ["planned", "shared"]
epsilon = { default = 0.1, max = 1 }

[roles.visitor]
members = ["guest"]
answers = "noisy"
pays    = ["shared"]
epsilon = { default = 0.1, max = 1 }

[budgets.planned]
per        = "analyst"
epsilon    = 1
accountant = "pure"
window     = "month"

[budgets.shared]
per        = "dataset"
by_role    = true
epsilon    = 5
accountant = "pure"
window     = "lifetime"
"#;

#[test]
fn each_role_has_its_own_account() {
    run(async {
        let (plan, guest) = (Asker::of(&SHOP, "plan").await, Asker::of(&SHOP, "guest").await);
        plan.ask(&question(501)).await;
        let names = "select account from noisegate.budget order by 1";
        let of = async |asker: &Asker| {
            let rows = texts(&asker.client, names).await.expect("rows");
            rows.into_iter().filter_map(|row| row[0].clone()).collect::<Vec<_>>()
        };
        assert_eq!(of(&plan).await, ["planned/plan", "shared:planner"]);
        assert_eq!(of(&guest).await, ["shared:visitor"]);
        assert_eq!(plan.budget("shared:visitor").await.len(), 0);
        assert_ne!(plan.budget("shared:planner").await["share_spent"], "0.0000");
    });
}

#[test]
fn what_is_left_and_what_is_remembered() {
    run(async {
        let left = Asker::of(&SHOP, "left").await;
        assert_eq!(
            cell(&left.client, "show noisegate.queries_left").await,
            "10 at epsilon 0.1, by planned/left; a count of people is 95 % within ± 30"
        );
        left.client.batch_execute("set noisegate.epsilon = '0.3'").await.expect("set");
        assert_eq!(
            cell(&left.client, "show noisegate.queries_left").await,
            "3 at epsilon 0.3, by planned/left; a count of people is 95 % within ± 10"
        );
        // As EXPLAIN says of one.
        let plan =
            texts(&left.client, &format!("explain {}", question(511))).await.expect("a plan");
        let says = |line: &Vec<Option<String>>| {
            line[0].as_ref().is_some_and(|line| line.contains("95 % within ± 10"))
        };
        assert!(plan.iter().any(says), "{plan:?}");
        left.ask(&question(511)).await;
        let row = left.budget("planned/left").await;
        assert_eq!((row["queries_left"].as_str(), row["share_spent"].as_str()), ("2", "0.3000"));
        assert!(row["state"] == "open" && row["renews_at"].contains("-01T00:00:00"), "{row:?}");
        let releases = "select length(r.question), q.epsilon, r.epsilon, r.expires_at > r.asked_at \
            from noisegate.releases r join noisegate.my_queries q using (query_id)";
        let rows = texts(&left.client, releases).await.expect("rows");
        let row = ["64", "0.3000", "0.3000", "t"].map(|text| Some(text.to_owned()));
        assert_eq!(rows, [row.to_vec()]);
        // Those of others are not shown.
        let others = Asker::of(&SHOP, "guest").await;
        others.ask(&question(512)).await;
        assert_eq!(cell(&left.client, "select count(*) from noisegate.releases").await, "1");
        let columns = "select column_name from information_schema.columns where table_schema = 'noisegate' \
            and table_name = 'budget' order by ordinal_position";
        assert_eq!(texts(&left.client, columns).await.expect("rows").len(), 10);
    });
}
