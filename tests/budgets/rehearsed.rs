//! A rehearsal says what the road would: who pays, and at which epsilon.

use noisegate::road::{Rehearsal, Rehearsed, Verdict};
use noisegate_privacy::budget::Epsilon;

use crate::{SHOP, question, run};

async fn rehearse(rehearsal: &mut Rehearsal, analyst: &str, sql: &str) -> Rehearsed {
    let found = rehearsal.text(&SHOP.gate, analyst, sql, &[]).await.expect("a rehearsal");
    found.into_iter().next().expect("a statement")
}

#[test]
fn a_second_analyst_pays_and_epsilon_falls() {
    run(async {
        let mut rehearsal = Rehearsal::default();
        for analyst in ["dry", "drier"] {
            let found = rehearse(&mut rehearsal, analyst, &question(601)).await;
            assert_eq!(
                (found.verdict, found.paid.as_slice()),
                (Verdict::Answered, &["0.5".to_owned()][..])
            );
            let found = rehearse(&mut rehearsal, analyst, &question(601)).await;
            assert_eq!((found.verdict, found.paid.len()), (Verdict::Remembered, 0));
        }
        // Not where there is no account of one's own.
        for (analyst, verdict) in [("lonely", Verdict::Answered), ("lonelier", Verdict::Remembered)]
        {
            assert_eq!(rehearse(&mut rehearsal, analyst, &question(602)).await.verdict, verdict);
        }
        let mut before = Epsilon::parse("0.5").expect("a number");
        for number in 610..650 {
            let found = rehearse(&mut rehearsal, "elastic", &question(number)).await;
            assert_eq!(found.verdict, Verdict::Answered, "{:?}", found.said);
            let paid = Epsilon::parse(&found.paid[0]).expect("a number");
            let is_told = found.said.iter().any(|said| said.starts_with("answered at epsilon"));
            assert!(paid <= before && is_told == (found.paid[0] != "0.5"), "{:?}", found.said);
            before = paid;
        }
        assert!(before.to_string() != "0.5");
    });
}
