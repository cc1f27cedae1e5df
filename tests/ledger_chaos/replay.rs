//! Goes through the ledger generation by generation, and asks of each charge whether it was within
//! what was in force then: the policy of who asked, the decisions of administrators, and all that
//! was spent since the beginning of the window, also in what was the future.

use std::collections::BTreeMap;

use noisegate::clock::Millis;
use noisegate::ledger::Control;
use serde_json::Value;
use tokio_postgres::Row;

use crate::asks::{Ask, DAY, amount, limit, number_of, policy};
use crate::told::Told;

/// How far a clock may jump.
const JUMP: i64 = 32 * DAY;

/// The generations, the charges, and what was decided.
pub(crate) const QUESTIONS: [&str; 3] = [
    "SELECT mark_ms, last_charge, last_event FROM noisegate_ledger.chain
     WHERE generation > 0 ORDER BY generation",
    "SELECT id, key, at_ms, state = 'voided', (extract(epoch FROM date_trunc('month',
         to_timestamp(at_ms / 1000.0) AT TIME ZONE 'UTC')) * 1000)::bigint
     FROM noisegate_ledger.charge ORDER BY id",
    "SELECT id, kind, object, detail FROM noisegate_ledger.event ORDER BY id",
];

struct Replay<'t> {
    told: &'t Told,
    /// What counts, by account and the beginning of the window.
    spent: BTreeMap<String, BTreeMap<i64, u64>>,
    controls: BTreeMap<String, Control>,
}

pub(crate) fn hold(looked: &[Vec<Row>], told: &Told) {
    let [links, charges, events] = looked else { unreachable!() };
    let mut replay = Replay { told, spent: BTreeMap::new(), controls: BTreeMap::new() };
    let (mut charges, mut events) = (charges.iter().peekable(), events.iter().peekable());
    let mut before: Option<i64> = None;
    for link in links {
        let (mark, last_charge, last_event): (i64, i64, i64) =
            (link.get(0), link.get(1), link.get(2));
        // In which order things happened within one generation is not known.
        let mut decided: BTreeMap<String, Vec<Control>> = BTreeMap::new();
        let mut accepted = false;
        while let Some(event) = events.next_if(|row| row.get::<_, i64>(0) <= last_event) {
            accepted |= event.get::<_, &str>(1) == "ledger.accept_clock";
            if event.get::<_, &str>(1).starts_with("account.") {
                replay.decide(event, &mut decided);
            }
        }
        if let Some(before) = before.filter(|_| !accepted) {
            assert!(
                (before..=before + JUMP).contains(&mark),
                "the time went from {before} to {mark}"
            );
        }
        before = Some(mark);
        while let Some(charge) = charges.next_if(|row| row.get::<_, i64>(0) <= last_charge) {
            assert!(accepted || charge.get::<_, i64>(2) == mark, "the time of a charge");
            replay.charge(charge, &decided);
        }
    }
    assert!(charges.next().is_none() && events.next().is_none(), "more than the chain tells of");
}

impl Replay<'_> {
    /// Takes a decision; those that may be in force in this generation are the one before it and
    /// all that it makes.
    fn decide(&mut self, event: &Row, decided: &mut BTreeMap<String, Vec<Control>>) {
        let account: String = event.get(2);
        let control = control(event.get(3));
        let before = self.controls.insert(account.clone(), control.clone()).unwrap_or_default();
        assert_eq!(control.version, before.version + 1, "each decision is made once");
        decided.entry(account).or_insert_with(|| vec![before]).push(control);
    }

    fn charge(&mut self, charge: &Row, decided: &BTreeMap<String, Vec<Control>>) {
        let (number, at): (u64, i64) = (number_of(charge.get(1)), charge.get(2));
        let (voided, month): (bool, i64) = (charge.get(3), charge.get(4));
        let asked = self.told.asked[&number];
        for (account, rho) in Ask::of(self.told.seed, number).debits() {
            let now = vec![self.controls.get(&account).cloned().unwrap_or_default()];
            let holding = decided.get(&account).unwrap_or(&now);
            let policy = policy(&account, asked.older, asked.shop);
            let allowed = holding.iter().filter(|control| !control.frozen);
            let allowed = allowed.map(|control| limit(policy, control, Millis(at))).max();
            assert!(allowed.is_some(), "{number}: {account} was frozen");
            let start = match account.split('/').next().unwrap() {
                "each_analyst" => at - at % DAY,
                "data_team" => month,
                _ => 0,
            };
            let spent = self.spent.entry(account.clone()).or_default();
            let sum: u64 = spent.range(start..).map(|(_, rho)| rho).sum();
            assert!(
                Some(sum + rho) <= allowed,
                "{number}: {account} had spent {sum} of {allowed:?} and paid {rho}"
            );
            if !voided {
                *spent.entry(start).or_default() += rho;
            }
        }
    }
}

/// The control that a record says is in force.
fn control(detail: &str) -> Control {
    let detail: Value = serde_json::from_str(detail).unwrap();
    let control = &detail["control"];
    let units = |value: &Value| amount(value.as_str().unwrap().parse().unwrap());
    Control {
        version: control["version"].as_i64().unwrap(),
        frozen: control["frozen"].as_bool().unwrap(),
        cap: Some(&control["cap"]).filter(|cap| !cap.is_null()).map(units),
        granted: units(&control["granted"]),
        granted_until: control["granted_until"].as_i64().map(Millis),
        reset_at: control["reset_at"].as_i64().map(Millis),
    }
}
