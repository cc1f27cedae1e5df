//! A dashboard that is refreshed, sorted, rounded and drawn in other ways asks the same again.

use crate::common::{cell, connect, texts};
use crate::{SHOP, charges, run};

/// The same question in a hundred forms: they differ in HAVING, ORDER BY, LIMIT, rounding, order of
/// columns, names, totals and in what is wrapped around.
fn variants() -> Vec<String> {
    let having =
        ["", "having count(*) > 0", "having (count(1) > 100)", "having sum(o_totalprice) > 1e6"];
    let order =
        ["", "order by 1", "order by count(*) desc, 1", "order by avg(o_totalprice) limit 3"];
    let shown = [
        "o_orderstatus, o_orderpriority, count(*), sum(o_totalprice), avg(o_totalprice)",
        "o_orderpriority as x, o_orderstatus as y, round(avg(o_totalprice)) as z, \
         round(sum(o_totalprice) / 1000, 1), count(1)",
        "o_orderstatus, sum(o_totalprice), o_orderpriority, 100.0 * count(*) / sum(count(*)) over (), \
         avg(o_totalprice)::int",
        "upper(o_orderpriority), sum(1), o_orderstatus, rank() over (order by sum(o_totalprice)), \
         round(avg(o_totalprice), 2)",
    ];
    let mut variants = Vec::new();
    for shown in shown {
        for having in having {
            for order in order {
                variants.push(format!(
                    "select {shown} from orders where o_totalprice > 1000 \
                     group by o_orderstatus, o_orderpriority {having} {order}"
                ));
            }
        }
    }
    let first = variants[0].clone();
    for limit in 1..=10 {
        variants.push(format!("select * from ({first}) as t limit {limit}"));
        variants.push(format!(
            "select count(*) from ({first}) as t where not (t.count is null) offset {}",
            limit - 1
        ));
    }
    for sets in ["rollup (1, 2)", "rollup (2, 1)", "cube (1, 2)", "grouping sets ((1), (2), ())"] {
        for having in having {
            variants.push(format!(
                "select o_orderstatus, o_orderpriority, count(*), sum(o_totalprice), \
                 avg(o_totalprice) from public.orders as o where (o.o_totalprice > 1000) \
                 group by {sets} {having} order by 1, 2"
            ));
        }
    }
    variants
}

#[test]
fn a_hundred_refreshes_cost_as_much_as_one() {
    run(async {
        let (client, notices) = connect(&SHOP.client_config("refresh")).await;
        let spent = "select epsilon_left::text from noisegate.budget where account = \
                     'each_analyst/refresh'";
        let variants = variants();
        assert!(variants.len() >= 100, "{}", variants.len());
        let whole = cell(&client, spent).await;
        texts(&client, &variants[0]).await.expect("an answer");
        let (left, charged) = (cell(&client, spent).await, charges(&client).await);
        assert!(left != whole && charged == 1, "{whole} {left} {charged}");
        notices.lock().expect("no poison").clear();
        for variant in &variants {
            client
                .query(variant.as_str(), &[])
                .await
                .unwrap_or_else(|e| panic!("{variant}: {e:?}"));
        }
        let heard = notices.lock().expect("no poison").join("\n");
        assert!(!heard.contains("cost epsilon"), "{heard}");
        assert_eq!(charges(&client).await, charged);
        assert_eq!(cell(&client, spent).await, left);
        // Totals are the sums of the parts that were shown before.
        let sum = format!("select sum(count) from ({}) as parts", variants[0]);
        let total = "select count(*), sum(o_totalprice), avg(o_totalprice) from orders \
                     where o_totalprice > 1000 \
                     group by grouping sets ((), (o_orderstatus, o_orderpriority)) \
                     order by grouping(o_orderstatus) desc limit 1";
        assert_eq!(cell(&client, &sum).await, cell(&client, total).await);
        assert_eq!(charges(&client).await, charged);
    });
}
