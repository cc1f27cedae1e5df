//! `noisegate.accuracy`: the ε follows from how far off a number may be.

use tokio_postgres::Client;

use crate::common::{cell, connect, error, texts};
use crate::{SHOP, charges, run};

/// What EXPLAIN says the first leaf costs, and the widths of its columns.
async fn plan(client: &Client, sql: &str) -> (f64, Vec<f64>) {
    let rows = texts(client, &format!("explain {sql}")).await.expect("a plan");
    let lines: Vec<&str> = rows.iter().filter_map(|row| row[0].as_deref()).collect();
    let found = |what: &str| {
        let line = lines.iter().find_map(|line| line.trim().strip_prefix(what));
        line.expect("a line").to_owned()
    };
    let price = found("Price: epsilon ");
    let price = price.split(' ').next().expect("a number").parse().expect("a number");
    let error = found("Expected error: 95 % within ");
    let widths = error.split("± ").skip(1);
    let width = |part: &str| part.split(' ').next().expect("a number").parse().expect("a number");
    (price, widths.map(width).collect())
}

#[test]
fn the_least_epsilon_that_is_enough_is_paid() {
    run(async {
        let (client, notices) = connect(&SHOP.client_config("accurate")).await;
        assert_eq!(cell(&client, "show noisegate.accuracy").await, "");
        let queries = [
            "select count(*) from orders where o_totalprice > 9000",
            "select o_orderpriority, count(*), count(distinct o_custkey) from orders group by 1",
            "select sum(o_totalprice), avg(o_totalprice) from orders",
            "select count(*) from customer",
        ];
        for (accuracy, sql) in ["50", "200.5", "30000000.5", "2.5"].iter().zip(queries) {
            client
                .batch_execute(&format!("set noisegate.accuracy = '{accuracy}'"))
                .await
                .expect("set");
            let (epsilon, widths) = plan(&client, sql).await;
            let most: f64 = accuracy.parse().expect("a number");
            let worst = widths.iter().copied().fold(0.0, f64::max);
            assert!(worst <= most && epsilon <= 2.0, "{sql}: {widths:?} at {epsilon}");
            // A step less of ε, in the third digit, and it is not enough.
            let step = 10_f64.powf(epsilon.log10().floor() - 2.0);
            let less = format!("{:.12}", epsilon - step);
            client
                .batch_execute(&format!(
                    "reset noisegate.accuracy; set noisegate.epsilon = '{less}'"
                ))
                .await
                .expect("set");
            let (_, widths) = plan(&client, sql).await;
            let worst = widths.iter().copied().fold(0.0, f64::max);
            assert!(worst > most, "{sql}: {widths:?} at {less}, and {epsilon} was chosen");
            client.batch_execute("reset noisegate.epsilon").await.expect("reset");
        }
        assert_eq!(charges(&client).await, 0);

        // It is charged, told, and the same question as with this ε by name.
        client.batch_execute("set noisegate.accuracy = 50").await.expect("set");
        let (epsilon, _) = plan(&client, queries[0]).await;
        let answer = cell(&client, queries[0]).await;
        let said = std::mem::take(&mut *notices.lock().expect("no poison")).join("\n");
        let cost = format!("cost epsilon {epsilon}, chosen for an accuracy of 50;");
        assert!(said.contains(&cost), "{said}");
        let paid = "select epsilon from noisegate.my_queries order by asked_at desc limit 1";
        assert_eq!(cell(&client, paid).await, format!("{epsilon:.4}"));
        let named = format!("set noisegate.accuracy = ''; set noisegate.epsilon = '{epsilon}'");
        client.batch_execute(&named).await.expect("set");
        assert_eq!(cell(&client, queries[0]).await, answer);
        assert_eq!(charges(&client).await, 1, "remembered");
        // It goes before an ε that is named; each leaf has its own.
        client.batch_execute("set noisegate.accuracy = '60'").await.expect("set");
        let both = "select (select count(*) from orders where o_totalprice > 9001), \
            (select count(*) from customer where c_acctbal > 9001)";
        notices.lock().expect("no poison").clear();
        cell(&client, both).await;
        let said = std::mem::take(&mut *notices.lock().expect("no poison")).join("\n");
        let costs = said.split("cost epsilon ").nth(1).expect("a cost").split(',').next();
        let costs: Vec<f64> = costs
            .expect("a cost")
            .split(" and ")
            .map(|cost| cost.parse().expect("a number"))
            .collect();
        assert!(costs.len() == 2 && costs[0] > 2.0 * costs[1], "{said}");
        // With values, their intervals are as narrow.
        client.batch_execute("set noisegate.intervals = on").await.expect("set");
        let row = client.query_one(queries[0], &[]).await.expect("a row");
        let [n, low, high] = [0, 1, 2].map(|at| row.get::<_, i64>(at));
        assert!(n - low <= 60 && high - n <= 60 && high > low, "{low} {n} {high}");
        // Groups alone show no number: the ε that is named counts.
        let groups = texts(&client, "select distinct o_orderpriority from orders").await;
        assert_eq!(groups.expect("rows").len(), 5);

        let before = charges(&client).await;
        for value in ["0", "-1", "'x'", "'NaN'", "'1e400'"] {
            let set = format!("set noisegate.accuracy = {value}");
            assert_eq!(error(&client, &set).await.0, "22023", "{value}");
            let set = format!(
                "select set_config('noisegate.accuracy', '{}', false)",
                value.trim_matches('\'')
            );
            cell(&client, &set).await;
            assert_eq!(error(&client, queries[3]).await.0, "22023", "{value}");
        }
        client.batch_execute("set noisegate.accuracy = 1").await.expect("set");
        let (state, message) = error(&client, queries[0]).await;
        assert_eq!(state, "22023");
        assert!(message.contains("more than epsilon 2"), "{message}");
        let mean = "select avg(o_totalprice) from orders";
        assert!(error(&client, mean).await.1.contains("an average"));
        assert_eq!(charges(&client).await, before);
    });
}
