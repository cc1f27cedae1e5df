//! Who asks what another analyst bought pays from the own account, once, and nobody else does.

use noisegate::clock::Millis;
use noisegate::ledger::ChargeFilter;
use noisegate_privacy::budget::Amount;

use crate::common::texts;
use crate::{Asker, SHOP, question, run};

pub(crate) const POLICY: &str = r#"
[roles.pair]
members = ["one", "two", "three", "dry", "drier"]
answers = "noisy"
pays    = ["pair", "pair_all"]
epsilon = { default = 0.5, max = 1 }

[budgets.pair]
per     = "analyst"
epsilon = 50
delta   = 1e-4
window  = "30d"

[budgets.pair_all]
per     = "dataset"
epsilon = 50
delta   = 1e-4
window  = "lifetime"

[roles.lone]
members = ["lone", "upright", "lonely", "lonelier"]
answers = "noisy"
pays    = ["lone_all"]
epsilon = { default = 0.25, max = 1 }

[budgets.lone_all]
per     = "dataset"
epsilon = 50
delta   = 1e-4
window  = "lifetime"
"#;

/// What was said but for the account's name and shares.
fn shape(said: &str) -> Vec<String> {
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    said.lines()
        .map(|line| line.replace("/one", "").replace("/two", "").replace(digits, ""))
        .collect()
}

/// What an account has paid for an analyst's questions.
async fn spent(account: &str, analyst: &str) -> Amount {
    let time = (Millis(0), Millis(i64::MAX));
    let spenders = SHOP.gate.ledger.spenders(Some(account), time.0, time.1).await;
    let mut spenders = spenders.expect("spenders").into_iter();
    spenders.find(|one| one.analyst == analyst).map_or(Amount::ZERO, |one| one.rho)
}

#[test]
fn a_second_analyst_pays_once_and_alone() {
    run(async {
        let (one, two) = (Asker::of(&SHOP, "one").await, Asker::of(&SHOP, "two").await);
        let own = async |asker: &Asker, name: &str| {
            asker.budget(&format!("pair/{name}")).await["epsilon_left"]
                .parse::<f64>()
                .expect("a number")
        };
        // Bounds that are declared, and bounds that are bought with the answer.
        for sql in [question(201), "select sum(pieces) from bought".to_owned()] {
            let (answer, first) = one.ask(&sql).await;
            assert!(one.ask(&sql).await.1.starts_with("cost nothing (remembered)"));
            let (mine, charges) = (own(&two, "two").await, two.charges().await);
            let (same, said) = two.ask(&sql).await;
            assert_eq!(same, answer);
            assert_eq!(shape(&said), shape(&first), "a hit looks as a miss does");
            assert!(own(&two, "two").await < mine, "{said}");
            assert_eq!(
                spent("pair_all", "two").await,
                Amount::ZERO,
                "the people have paid already"
            );
            assert_eq!(two.charges().await, charges + 1);
            // The same price as that of the first.
            let paid = "select epsilon from noisegate.my_queries order by asked_at desc limit 1";
            let price = crate::common::cell(&two.client, paid).await;
            assert_eq!(price, "0.5000");
            let mine = own(&two, "two").await;
            let (same, said) = two.ask(&sql).await;
            assert!(same == answer && said.starts_with("cost nothing (remembered)"), "{said}");
            assert!((own(&two, "two").await - mine).abs() < 1e-9);
            // Both have it among what they paid for, each by a statement of their own.
            let listed = "select r.question, q.query_id from noisegate.releases r \
                join noisegate.my_queries q using (query_id) order by r.asked_at desc";
            let rows = async |asker: &Asker| texts(&asker.client, listed).await.expect("rows");
            let (ones, twos) = (rows(&one).await, rows(&two).await);
            let both = ones.iter().find(|row| row[0] == twos[0][0]).expect("the same release");
            assert_ne!(both[1], twos[0][1]);
        }
    });
}

/// An estimate of bounds is a release, too: EXPLAIN shows it to who has paid for it.
#[test]
fn a_plan_does_not_show_what_others_bought() {
    run(async {
        let (one, three) = (Asker::of(&SHOP, "one").await, Asker::of(&SHOP, "three").await);
        let sql = "select sum(pieces) from bought where pieces <> 7";
        let plan = async |asker: &Asker| {
            let rows = crate::common::texts(&asker.client, &format!("explain {sql}")).await;
            let lines = rows.expect("a plan").into_iter().filter_map(|mut row| row.remove(0));
            lines.filter(|line| !line.contains("SQL for the source")).collect::<Vec<_>>().join("\n")
        };
        let before = plan(&three).await;
        assert!(before.contains("buys the bounds first"), "{before}");
        one.ask(sql).await;
        assert!(plan(&one).await.contains("the bounds were bought before"));
        assert_eq!(plan(&three).await, before);
    });
}

#[test]
fn what_is_new_and_what_is_known_is_one_charge() {
    run(async {
        let (one, three) = (Asker::of(&SHOP, "one").await, Asker::of(&SHOP, "three").await);
        let (known, _) = one.ask(&question(301)).await;
        let both = format!("select ({}) || ' ' || ({})", question(301), question(302));
        let (answer, said) = three.ask(&both).await;
        assert!(answer.starts_with(&format!("{known} ")), "{answer}");
        assert!(said.starts_with("cost epsilon 0.5 for each of 2 aggregates;"), "{said}");
        assert_eq!(three.charges().await, 1, "one reservation");
        // What only three has asked is what the people paid for in it.
        let filter = ChargeFilter { analyst: Some("three".to_owned()), ..ChargeFilter::default() };
        let charges = SHOP.gate.ledger.charges(filter, None, 10).await.expect("charges");
        assert_eq!(charges[0].questions.len(), 2);
        let (own, people) = (spent("pair/three", "three").await, spent("pair_all", "three").await);
        assert_eq!(own.units(), &(people.units() * 2_u8), "twice what the people paid");
        let (_, said) = three.ask(&both).await;
        assert!(said.starts_with("cost nothing (remembered)"), "{said}");
    });
}

#[test]
fn without_an_account_of_ones_own_it_costs_nothing() {
    run(async {
        let (lone, upright) = (Asker::of(&SHOP, "lone").await, Asker::of(&SHOP, "upright").await);
        let (answer, said) = lone.ask(&question(401)).await;
        assert!(said.starts_with("cost epsilon 0.25;"), "{said}");
        let (same, said) = upright.ask(&question(401)).await;
        assert!(same == answer && said.starts_with("cost nothing (remembered)"), "{said}");
        assert_eq!(upright.charges().await, 0);
    });
}
