//! Statements of one analyst at once.

use std::time::Duration;

use crate::common::connect;
use crate::{Asker, SHOP, run};

#[test]
fn a_statement_too_many_is_refused_and_may_come_again() {
    run(async {
        let (first, second) = (Asker::of(&SHOP, "held").await, Asker::of(&SHOP, "held").await);
        let (owner, _) = connect(&SHOP.source_config()).await;
        owner
            .batch_execute("begin; lock table held in access exclusive mode")
            .await
            .expect("a lock");
        let asking = "select count(*) from held";
        let waiting = first.client.simple_query(asking);
        let refused = async {
            // Until the first one is in flight the second might take its turn; it waits then.
            let mut tries = 0;
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                let other =
                    second.client.simple_query("select count(*) from people where age > 30");
                if let Err(error) = other.await {
                    break error;
                }
                tries += 1;
                assert!(tries < 20, "nothing is refused");
            }
        };
        let (first, error) = tokio::join!(waiting, async {
            let error = refused.await;
            owner.batch_execute("commit").await.expect("the lock is given up");
            error
        });
        first.expect("an answer");
        let db = error.as_db_error().expect("an error of the database");
        assert_eq!((db.code().code(), db.detail()), ("53400", Some("noisegate: concurrent")));
        assert_eq!(db.message(), "At most 1 of your statements is answered at once.");
        assert!(db.hint().is_some_and(|hint| hint.starts_with("Retry after 1 second")));
        second.ask("select count(*) from people where age > 31").await;
    });
}
