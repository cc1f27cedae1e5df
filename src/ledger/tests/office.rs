//! What administrators decide and are shown, on each store.

use noisegate_privacy::budget::{Accountant, Amount};

use super::super::{
    Account, AuditFilter, Change, ChargeFilter, Effect, Event, Ledger, LedgerError, QUERY_CANCEL,
    RequestKey, Step, Throttled, Token, Via, Window,
};
use super::{Fixture, On, account, amount, charge, loss, on_both, question};
use crate::clock::Millis;
use crate::ids::Analyst;

pub(super) fn event(kind: &'static str, why: &str) -> Event {
    Event {
        who: "carol".to_owned(),
        via: Via::Http,
        kind,
        object: "shop".to_owned(),
        detail: "{}".to_owned(),
        why: why.to_owned(),
    }
}

fn request(key: u8, request: u8) -> RequestKey {
    RequestKey { key: [key; 32], request: [request; 32] }
}

fn limited(id: &str, rho: u128, control: i64) -> Account {
    Account { control, ..account(id, rho) }
}

impl Fixture {
    pub(super) async fn decide(&self, account: &str, change: Change) -> i64 {
        let decided = self.ledger.change(account, change, None, None, event("account.test", "w"));
        decided.await.unwrap().in_force(Millis(self.time.load(std::sync::atomic::Ordering::SeqCst)))
    }

    async fn pay(&self, n: u64, rho: u128, account: &Account) -> Result<(), LedgerError> {
        let charge = charge(n, loss(rho), std::slice::from_ref(account));
        self.ledger.reserve(charge).await.map(drop)
    }
}

on_both!(a_frozen_account_pays_nothing);
async fn a_frozen_account_pays_nothing(on: On) {
    let mut fixture = Fixture::on(on);
    let in_force = fixture.decide("shop", Change::Freeze).await;
    fixture.reopen();
    let shop = limited("shop", 10, in_force);
    let both = [account("other", 10), shop.clone()];
    let frozen = fixture.ledger.reserve(charge(1, loss(1), &both)).await;
    assert!(matches!(frozen, Err(LedgerError::Frozen(id)) if id == "shop"));
    assert_eq!(fixture.spent_rho(&both[0]).await, amount(0), "all or none");
    let in_force = fixture.decide("shop", Change::Thaw).await;
    assert!(matches!(fixture.pay(2, 1, &shop).await, Err(LedgerError::Terms { .. })));
    fixture.pay(3, 1, &limited("shop", 10, in_force)).await.unwrap();
}

on_both!(limits_are_of_the_decisions_that_hold);
async fn limits_are_of_the_decisions_that_hold(on: On) {
    let fixture = Fixture::on(on);
    let day = Window::Every { ms: 1000 };
    let of = |control| Account { window: day, ..limited("a", 10, control) };
    fixture.pay(1, 1, &of(0)).await.unwrap();
    let grant = Change::Grant { epsilon: amount(5), window: day };
    let granted = fixture.decide("a", grant.clone()).await;
    assert!(matches!(fixture.pay(2, 1, &of(0)).await, Err(LedgerError::Terms { .. })));
    fixture.pay(3, 1, &of(granted)).await.unwrap();
    let more = fixture.decide("a", grant).await;
    let control = fixture.ledger.controls().await.unwrap().remove("a").unwrap();
    assert_eq!(control.granted_at(Millis(999)), amount(10));
    // The grant ends with the window, and limits that count on it are not those that hold.
    fixture.set_time(1000);
    assert_eq!(control.granted_at(Millis(1000)), Amount::ZERO);
    assert!(matches!(fixture.pay(4, 1, &of(more)).await, Err(LedgerError::Terms { .. })));
    fixture.pay(5, 10, &of(control.in_force(Millis(1000)))).await.unwrap();
}

on_both!(a_reset_begins_a_window_anew_but_no_lifetime);
async fn a_reset_begins_a_window_anew_but_no_lifetime(on: On) {
    let mut fixture = Fixture::on(on);
    let window = Window::Month;
    let of = |control| Account { window, ..limited("a", 10, control) };
    fixture.set_time(5);
    fixture.pay(1, 10, &of(0)).await.unwrap();
    fixture.set_time(9);
    assert!(matches!(fixture.pay(2, 1, &of(0)).await, Err(LedgerError::Overdrawn(_))));
    let reset = fixture.decide("a", Change::Reset { window }).await;
    assert_eq!(fixture.spent_rho(&of(reset)).await, amount(0));
    fixture.pay(3, 9, &of(reset)).await.unwrap();
    fixture.reopen();
    assert_eq!(fixture.spent_rho(&of(reset)).await, amount(9));
    assert!(matches!(fixture.pay(4, 2, &of(reset)).await, Err(LedgerError::Overdrawn(_))));
    let reset = Change::Reset { window: Window::Lifetime };
    let refused = fixture.ledger.change("a", reset, None, None, event("account.reset", "w")).await;
    assert!(matches!(refused, Err(LedgerError::Malformed(_))));
    assert_eq!(fixture.ledger.verify().await.unwrap().broken, None);
}

on_both!(a_decision_is_made_once_and_for_the_version_that_was_seen);
async fn a_decision_is_made_once_and_for_the_version_that_was_seen(on: On) {
    let fixture = Fixture::on(on);
    let grant = || Change::Grant { epsilon: amount(5), window: Window::Lifetime };
    let ledger = &fixture.ledger;
    let ask =
        |expected, key| ledger.change("shop", grant(), expected, key, event("account.grant", "w"));
    let first = ask(Some(0), Some(request(1, 1))).await.unwrap();
    let again = ask(Some(0), Some(request(1, 1))).await.unwrap();
    assert_eq!((first.version, &first), (1, &again));
    assert!(matches!(ask(None, Some(request(1, 2))).await, Err(LedgerError::KeyReused)));
    assert!(matches!(ask(Some(0), None).await, Err(LedgerError::Stale { version: 1 })));
    let both =
        futures_util::future::join(ask(None, Some(request(2, 1))), ask(None, Some(request(2, 1))))
            .await;
    assert_eq!(both.0.unwrap().version, 2);
    assert_eq!(both.1.unwrap().granted, amount(10));
    let filter = AuditFilter { kind: Some("account".to_owned()), ..AuditFilter::default() };
    assert_eq!(ledger.audit(filter, None, 10).await.unwrap().len(), 2);
}

on_both!(steps_slow_an_account_down);
async fn steps_slow_an_account_down(on: On) {
    let mut fixture = Fixture::on(on);
    let step = |rho, effect| Step { rho: amount(rho), epsilon: Amount::ZERO, effect };
    let two_an_hour = Effect::AtMost { charges: 2, in_ms: 1000 };
    let throttle = vec![step(0, Effect::AtMost { charges: 1, in_ms: 10 }), step(4, two_an_hour)];
    let shop = Account { throttle, ..account("shop", 100) };
    let held = |outcome: Result<(), LedgerError>| match outcome {
        Err(LedgerError::Throttled(held)) => *held,
        other => unreachable!("{other:?}"),
    };
    fixture.set_time(100);
    fixture.pay(1, 2, &shop).await.unwrap();
    fixture.set_time(109);
    let spacing = held(fixture.pay(2, 2, &shop).await);
    assert_eq!((spacing.now, spacing.until), (Millis(109), Some(Millis(110))));
    // Those that come together are held apart too.
    fixture.set_time(110);
    let (a, b) =
        futures_util::future::join(fixture.pay(3, 1, &shop), fixture.pay(4, 1, &shop)).await;
    assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1);
    fixture.set_time(120);
    // What is given back does not count.
    let voided =
        fixture.ledger.reserve(charge(5, loss(1), std::slice::from_ref(&shop))).await.unwrap();
    fixture.ledger.give_back(voided).await.unwrap();
    fixture.pay(6, 1, &shop).await.unwrap();
    // Four units are spent: the second step is in force, and two of three charges are too recent.
    fixture.set_time(1109);
    fixture.reopen();
    let second = held(fixture.pay(7, 1, &shop).await);
    assert_eq!(
        second,
        Throttled {
            account: "shop".to_owned(),
            effect: two_an_hour,
            now: Millis(1109),
            until: Some(Millis(1110)),
        }
    );
    let shown = fixture.ledger.balances(vec![shop.clone()]).await.unwrap().pop().unwrap();
    assert_eq!(shown.throttled, Some(second));
    fixture.set_time(1110);
    fixture.pay(8, 1, &shop).await.unwrap();
    let only = Account { throttle: vec![step(5, Effect::RememberedOnly)], ..account("shop", 100) };
    let held = held(fixture.pay(9, 1, &only).await);
    assert_eq!((held.effect, held.until), (Effect::RememberedOnly, None));
    let pure = Account { accountant: Accountant::Pure, ..only };
    assert!(matches!(fixture.pay(9, 1, &pure).await, Err(LedgerError::NotPayable(_))));
}

on_both!(months_are_those_of_the_calendar);
async fn months_are_those_of_the_calendar(on: On) {
    let fixture = Fixture::on(on);
    let shop = Account { window: Window::Month, ..account("shop", 10) };
    // The last millisecond of February 2028, and the first of March.
    let (march, april) = (1_835_481_600_000, 1_838_160_000_000);
    // The ledger follows a clock that runs ahead once an operator says so.
    fixture.set_time(march - 1);
    fixture.ledger.accept_clock().await.unwrap();
    fixture.pay(1, 10, &shop).await.unwrap();
    assert!(fixture.pay(2, 1, &shop).await.is_err());
    fixture.set_time(march);
    fixture.pay(3, 7, &shop).await.unwrap();
    let balance = fixture.ledger.balances(vec![shop]).await.unwrap().pop().unwrap();
    assert_eq!(balance.spent_rho, amount(7));
    assert_eq!((balance.window_start, balance.refills_at), (Millis(march), Some(Millis(april))));
}

on_both!(who_has_paid_for_a_question_is_known);
async fn who_has_paid_for_a_question_is_known(on: On) {
    let fixture = Fixture::on(on);
    fixture.answer(1, b"one", 1000).await;
    let paid = async |name: &str| {
        let analyst = Analyst(name.to_owned());
        let recalled = fixture.ledger.recall_for(question(1), &analyst).await.unwrap();
        recalled.map(|recalled| (recalled.payload, recalled.paid))
    };
    assert_eq!(paid("alice").await, Some((b"one".to_vec(), true)));
    assert_eq!(paid("bob").await, Some((b"one".to_vec(), false)));
    let of_bob = |n| super::super::Charge {
        analyst: Analyst("bob".to_owned()),
        ..charge(n, loss(1), &[account("each_analyst/bob", 100)])
    };
    let voided = fixture.ledger.reserve(of_bob(1)).await.unwrap();
    fixture.ledger.give_back(voided).await.unwrap();
    let other = fixture.ledger.reserve(of_bob(2)).await.unwrap();
    fixture.ledger.settle(other, Vec::new()).await.unwrap();
    assert_eq!(paid("bob").await, Some((b"one".to_vec(), false)));
    let own = fixture.ledger.reserve(of_bob(1)).await.unwrap();
    fixture.ledger.settle(own, Vec::new()).await.unwrap();
    assert_eq!(paid("bob").await, Some((b"one".to_vec(), true)));
    // A later release of the question has to be paid for again.
    fixture.set_time(1000);
    assert_eq!(paid("bob").await, None);
    fixture.answer(1, b"two", 2000).await;
    assert_eq!(paid("bob").await, Some((b"two".to_vec(), false)));
}

on_both!(what_was_asked_under_another_name_is_paid_for);
async fn what_was_asked_under_another_name_is_paid_for(on: On) {
    let fixture = Fixture::on(on);
    let asked = fixture.ledger.reserve(charge(1, loss(1), &[account("shop", 100)])).await.unwrap();
    // As an answer is whose bounds were not known when it was charged.
    let release = super::super::Remembered {
        question: question(9),
        payload: b"nine".to_vec(),
        expires_at: Millis(1000),
    };
    fixture.ledger.settle(asked, vec![release]).await.unwrap();
    for (name, paid) in [("alice", true), ("bob", false)] {
        let analyst = Analyst(name.to_owned());
        let recalled = fixture.ledger.recall_for(question(9), &analyst).await.unwrap();
        assert_eq!(recalled.map(|recalled| recalled.paid), Some(paid), "{name}");
    }
}

on_both!(what_is_unsettled_and_what_is_canceled_is_found);
async fn what_is_unsettled_and_what_is_canceled_is_found(on: On) {
    let fixture = Fixture::on(on);
    let ledger = &fixture.ledger;
    let shops = [account("shop", 100)];
    let settled = ledger.reserve(charge(1, loss(1), &shops)).await.unwrap();
    let pending = ledger.reserve(charge(2, loss(1), &shops)).await.unwrap();
    let voided = ledger.reserve(charge(3, loss(1), &shops)).await.unwrap();
    ledger.settle(settled, Vec::new()).await.unwrap();
    ledger.give_back(voided).await.unwrap();
    let beside = Ledger::open_beside(&fixture.place, fixture.clock.clone()).unwrap();
    for handle in [ledger, &beside] {
        let found = handle.unsettled(Millis(0)).await.unwrap();
        assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [pending.charge]);
        let at = found[0].at;
        assert_eq!(handle.unsettled(Millis(at.0 + 1)).await.unwrap(), []);
    }
    let cancel = event(QUERY_CANCEL, "it holds others up");
    let about = Event { object: "00".repeat(8), ..cancel };
    ledger.record(vec![about.clone(), event("query.other", "w")]).await.unwrap();
    let found = beside.canceled(Millis(0)).await.unwrap();
    assert_eq!(found, [about.object].into());
    assert!(beside.canceled(Millis(i64::MAX)).await.unwrap().is_empty());
    // A proxy that starts takes it for one that was left behind.
    let _proxy = fixture.other();
    assert_eq!(ledger.unsettled(Millis(0)).await.unwrap(), []);
}

on_both!(spending_is_shown_by_time_and_by_analyst);
async fn spending_is_shown_by_time_and_by_analyst(on: On) {
    let fixture = Fixture::on(on);
    let shop = account("shop", 1000);
    for (time, name, rho) in
        [(10, "alice", 1), (20, "bob", 5), (1010, "alice", 2), (2000, "eve", 9)]
    {
        fixture.set_time(time);
        let accounts = [shop.clone(), account(&format!("each/{name}"), 1000)];
        let charge = charge(u64::try_from(time).unwrap(), loss(rho), &accounts);
        let charge = super::super::Charge { analyst: Analyst(name.to_owned()), ..charge };
        let reservation = fixture.ledger.reserve(charge).await.unwrap();
        if name == "eve" {
            fixture.ledger.give_back(reservation).await.unwrap();
        }
    }
    let ledger = &fixture.ledger;
    let buckets = ledger.spent_by_time("shop", Millis(0), Millis(5000), 1000).await.unwrap();
    let shown: Vec<_> = buckets.iter().map(|b| (b.start.0, b.charges, b.rho.to_string())).collect();
    assert_eq!(shown, [(0, 2, "6".to_owned()), (1000, 1, "2".to_owned())]);
    assert!(ledger.spent_by_time("shop", Millis(0), Millis(i64::MAX), 1).await.is_err());
    let names = async |account: Option<&str>, from, to| {
        let spenders = ledger.spenders(account, Millis(from), Millis(to)).await.unwrap();
        spenders
            .into_iter()
            .map(|s| format!("{} {} {}", s.analyst, s.charges, s.rho))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(None, 0, 5000).await, ["bob 1 5", "alice 2 3"]);
    assert_eq!(names(Some("each/alice"), 0, 5000).await, ["alice 2 3"]);
    assert_eq!(names(Some("shop"), 21, 1010).await, Vec::<String>::new());
    let charges = async |filter, before, count| {
        let charges = ledger.charges(filter, before, count).await.unwrap();
        charges.into_iter().map(|c| (c.id, c.analyst, c.accounts.len())).collect::<Vec<_>>()
    };
    let all = ChargeFilter::default();
    assert_eq!(
        charges(all.clone(), None, 2).await,
        [(4, "eve".to_owned(), 2), (3, "alice".to_owned(), 2)]
    );
    assert_eq!(
        charges(all, Some(3), 9).await,
        [(2, "bob".to_owned(), 2), (1, "alice".to_owned(), 2)]
    );
    let alice = ChargeFilter {
        analyst: Some("alice".to_owned()),
        account: Some("shop".to_owned()),
        from: Some(Millis(11)),
        to: Some(Millis(1011)),
    };
    assert_eq!(charges(alice, None, 9).await, [(3, "alice".to_owned(), 2)]);
}

on_both!(people_tokens_and_releases_are_listed);
async fn people_tokens_and_releases_are_listed(on: On) {
    let fixture = Fixture::on(on);
    let ledger = &fixture.ledger;
    fixture.set_time(50);
    ledger.put_user("bob", "v").await.unwrap();
    fixture.set_time(60);
    ledger.saw(["bob".to_owned()].into()).await.unwrap();
    ledger.saw(["nobody".to_owned()].into()).await.unwrap();
    ledger.put_user("bob", "w").await.unwrap();
    let people = ledger.people().await.unwrap();
    assert_eq!(people.len(), 1);
    assert_eq!((people[0].added_at, people[0].seen_at), (Some(Millis(50)), Some(Millis(60))));
    let token = Token {
        id: "t1".to_owned(),
        hash: [7; 32],
        name: "ci".to_owned(),
        role: "auditor".to_owned(),
        created_by: "carol".to_owned(),
        created_at: Millis(60),
        expires_at: Millis(99),
    };
    ledger.put_token(token.clone(), event("token.create", "w")).await.unwrap();
    assert!(ledger.put_token(token.clone(), event("token.create", "w")).await.is_err());
    assert_eq!(ledger.token(&[7; 32]).await.unwrap(), Some(token.clone()));
    assert_eq!(ledger.token(&[8; 32]).await.unwrap(), None);
    assert_eq!(ledger.tokens().await.unwrap(), [token]);
    assert!(ledger.remove_token("t1", event("token.revoke", "w")).await.unwrap());
    assert!(!ledger.remove_token("t1", event("token.revoke", "w")).await.unwrap());
    assert_eq!(ledger.tokens().await.unwrap(), []);
    fixture.answer(1, b"one", 70).await;
    fixture.answer(2, b"four", 90).await;
    let releases = ledger.releases(None, None, 9).await.unwrap();
    let shown: Vec<_> = releases.iter().map(|r| (r.id, r.question, r.made_at, r.bytes)).collect();
    assert_eq!(shown, [(2, question(2), Millis(60), 4), (1, question(1), Millis(60), 3)]);
    assert_eq!(ledger.releases(Some(&Analyst("bob".to_owned())), None, 9).await.unwrap(), []);
    fixture.set_time(70);
    assert_eq!(ledger.releases(None, None, 9).await.unwrap().len(), 1);
}

on_both!(the_audit_is_in_order_and_can_be_searched);
async fn the_audit_is_in_order_and_can_be_searched(on: On) {
    let fixture = Fixture::on(on);
    let ledger = &fixture.ledger;
    for time in 1..=5 {
        fixture.set_time(time);
        fixture.answer(u64::try_from(time).unwrap(), b"x", 100).await;
        ledger.record(vec![event("login", "a Reason"), event("login.failed", "b")]).await.unwrap();
    }
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let page = ledger.audit(AuditFilter::default(), before, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.cursor);
        all.extend(page);
    }
    let shown: Vec<_> = all.iter().map(|r| format!("{} {}", r.at.0, r.kind)).collect();
    assert_eq!(shown[..4], ["5 login.failed", "5 login", "5 query", "4 login.failed"]);
    assert_eq!(shown.len(), 15);
    let count = async |filter| ledger.audit(filter, None, 100).await.unwrap().len();
    let some = |text: &str| Some(text.to_owned());
    let none = AuditFilter::default();
    assert_eq!(count(AuditFilter { kind: some("login"), ..none.clone() }).await, 10);
    assert_eq!(count(AuditFilter { kind: some("login.failed"), ..none.clone() }).await, 5);
    assert_eq!(count(AuditFilter { kind: some("query"), ..none.clone() }).await, 5);
    assert_eq!(count(AuditFilter { who: some("alice"), ..none.clone() }).await, 5);
    assert_eq!(count(AuditFilter { text: some("A REASON"), ..none.clone() }).await, 5);
    let query = all.iter().find(|record| record.kind == "query").unwrap().object.clone();
    assert_eq!(count(AuditFilter { object: Some(query), ..none.clone() }).await, 1);
    let time = AuditFilter { from: Some(Millis(2)), to: Some(Millis(4)), ..none };
    assert_eq!(count(time).await, 6);
    let long = Event { why: "x".repeat(3000), ..event("login", "") };
    assert!(matches!(ledger.record(vec![long]).await, Err(LedgerError::Malformed(_))));
}
