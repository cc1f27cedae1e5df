//! The analyst's own settings and tables.

use crate::common::{cell, connect, error, texts};
use crate::{SHOP, charges, run};

#[test]
fn settings_budgets_and_plans() {
    run(async {
        let (client, notices) = connect(&SHOP.client_config("settings")).await;
        let heard = || std::mem::take(&mut *notices.lock().expect("no poison")).join("\n");
        let price = async |sql: &str| {
            heard();
            cell(&client, sql).await;
            heard()
        };
        let asked = |n: u32| format!("select count(*) from orders where o_totalprice > {n}");
        assert!(price(&asked(1)).await.contains("cost epsilon 0.5;"));
        client.batch_execute("set noisegate.epsilon = '0.25'").await.expect("set");
        assert!(
            price(&asked(1)).await.contains("cost epsilon 0.25;"),
            "another ε is another question"
        );
        assert!(price(&asked(1)).await.contains("cost nothing (remembered)"));
        client.batch_execute("begin; set local noisegate.epsilon = 1").await.expect("set");
        assert!(price(&asked(2)).await.contains("cost epsilon 1;"));
        client.batch_execute("rollback").await.expect("rolled back");
        assert_eq!(cell(&client, "show noisegate.epsilon").await, "0.25");
        assert!(price(&asked(3)).await.contains("cost epsilon 0.25;"));
        cell(&client, "select set_config('noisegate.epsilon', '0.125', false)").await;
        assert!(price(&asked(3)).await.contains("cost epsilon 0.125;"));
        client.batch_execute("reset noisegate.epsilon").await.expect("reset");
        assert!(price(&asked(4)).await.contains("cost epsilon 0.5;"));
        let charged = charges(&client).await;

        for value in [
            "'0'", "0", "-1", "'-1'", "'NaN'", "'inf'", "2.5", "'1e400'", "'1e-400'", "'x'",
            "'0,5'",
        ] {
            let (state, message) =
                error(&client, &format!("set noisegate.epsilon = {value}")).await;
            assert_eq!(state, "22023", "{value}: {message}");
        }
        assert_eq!(error(&client, "set noisegate.epsilonn = 1").await.0, "22023");
        assert_eq!(error(&client, "set noisegate.notices = perhaps").await.0, "22023");
        for value in ["0", "-1", "NaN", "1e9", "x"] {
            cell(&client, &format!("select set_config('noisegate.epsilon', '{value}', false)"))
                .await;
            assert_eq!(error(&client, &asked(5)).await.0, "22023", "{value}");
        }
        client
            .batch_execute("reset noisegate.epsilon; set noisegate.notices = off")
            .await
            .expect("set");
        assert_eq!(price(&asked(1)).await, "", "quiet");
        client.batch_execute("set noisegate.notices = on").await.expect("set");

        let line = cell(&client, "show noisegate.budget").await;
        assert!(line.starts_with("each_analyst/settings: 99.9 % (epsilon "), "{line}");
        let rows = texts(
            &client,
            "select account, epsilon_left < epsilon, delta from noisegate.budget \
            where account like 'each%'",
        )
        .await
        .expect("rows");
        assert_eq!(
            rows,
            [["each_analyst/settings", "t", "0.000000010000000000"]
                .map(|t| Some(t.to_owned()))
                .to_vec()]
        );
        let joined = "select b.account, n.n_name from noisegate.budget b join nation n on n.n_nationkey = 0 \
            where b.renews_at is null";
        assert_eq!(texts(&client, joined).await.expect("rows").len(), 1);
        let history = "select state, epsilon from noisegate.my_queries order by asked_at limit 2";
        let rows = texts(&client, history).await.expect("rows");
        assert_eq!(rows[0][1].as_deref(), Some("0.5000"), "{rows:?}");
        assert_eq!(rows[1][1].as_deref(), Some("0.2500"), "{rows:?}");

        for explain in ["explain", "explain (costs off)", "explain verbose"] {
            let plan = texts(&client, &format!("{explain} {}", asked(77))).await.expect("a plan");
            let plan: Vec<&str> = plan.iter().filter_map(|row| row[0].as_deref()).collect();
            assert!(plan.join("\n").contains("Price: epsilon 0.5"), "{plan:?}");
        }
        assert_eq!(charges(&client).await, charged, "none of this costs anything");
    });
}
