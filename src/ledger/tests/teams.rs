//! The teams that administrators make and fill, on each store.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Event, LedgerError, RequestKey, TeamChange, Teams, copy};
use super::office::event;
use super::{Fixture, On, on_both};
use crate::clock::Millis;

fn of_team(team: &str, change: &TeamChange) -> Event {
    let (object, detail) = (team.to_owned(), change.detail().to_string());
    Event { object, detail, ..event(change.kind(), "why") }
}

fn join(analyst: &str) -> TeamChange {
    TeamChange::Join(analyst.to_owned())
}

impl Fixture {
    pub(super) async fn change_team(&self, team: &str, change: TeamChange) {
        let known = self.teams().await;
        let event = of_team(team, &change);
        assert!(self.ledger.change_team(&known, None, event, None).await.unwrap());
    }

    async fn teams(&self) -> Teams {
        self.ledger.teams(&Teams::default()).await.unwrap()
    }
}

fn members(of: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    of.iter().map(|(team, of)| ((*team).to_owned(), names(of))).collect()
}

on_both!(teams_are_what_was_said_of_them);
async fn teams_are_what_was_said_of_them(on: On) {
    let mut fixture = Fixture::on(on);
    let analyst = Some("analyst".to_owned());
    fixture.change_team("guests", TeamChange::Add { role: analyst.clone() }).await;
    for (team, who) in [("guests", "dora"), ("guests", "emil"), ("data", "dora")] {
        fixture.change_team(team, join(who)).await;
    }
    let before = fixture.teams().await;
    assert_eq!(before.made, [("guests".to_owned(), analyst)].into());
    assert_eq!(before.members, members(&[("data", &["dora"]), ("guests", &["dora", "emil"])]));
    // Another handle sees what is new to it, and only that.
    let other = fixture.other();
    fixture.change_team("data", TeamChange::Leave("dora".to_owned())).await;
    fixture.ledger.record(vec![event("login", "why")]).await.unwrap();
    let after = other.teams(&before).await.unwrap();
    assert_eq!(after.members, members(&[("guests", &["dora", "emil"])]));
    assert_eq!(other.teams(&after).await.unwrap(), after);
    // A team that is made again begins with nobody.
    fixture.change_team("guests", TeamChange::Remove).await;
    assert_eq!(fixture.teams().await.members, members(&[]));
    fixture.change_team("guests", TeamChange::Add { role: None }).await;
    fixture.change_team("guests", join("emil")).await;
    fixture.reopen();
    let teams = fixture.teams().await;
    assert_eq!(teams.made, [("guests".to_owned(), None)].into());
    assert_eq!(teams.members, members(&[("guests", &["emil"])]));
    assert_eq!(other.teams(&after).await.unwrap(), teams, "by any way");
}

on_both!(a_change_of_a_team_is_made_once);
async fn a_change_of_a_team_is_made_once(on: On) {
    let fixture = Fixture::on(on);
    let key = |request| Some(RequestKey { key: [1; 32], request: [request; 32] });
    let joins = || of_team("a", &join("dora"));
    let unknown = Teams::default();
    let ask =
        async |known: &Teams, event, key| fixture.ledger.change_team(known, None, event, key).await;
    assert!(ask(&unknown, joins(), key(1)).await.unwrap());
    fixture.change_team("a", TeamChange::Leave("dora".to_owned())).await;
    assert!(ask(&unknown, joins(), key(1)).await.unwrap(), "it was done");
    assert_eq!(fixture.teams().await.members, members(&[]));
    let reused = ask(&unknown, joins(), key(2)).await;
    assert!(matches!(reused, Err(LedgerError::KeyReused)));
    // Decided on teams that are not there any more, it is not done; nor one of two at once.
    assert!(!ask(&unknown, joins(), None).await.unwrap());
    let known = fixture.teams().await;
    let both = futures_util::future::join(ask(&known, joins(), None), ask(&known, joins(), None));
    let (one, other) = both.await;
    assert_ne!(one.unwrap(), other.unwrap());
    let other = Event { kind: "account.grant", ..joins() };
    let other = ask(&fixture.teams().await, other, None).await;
    assert!(matches!(other, Err(LedgerError::Malformed(_))));
}

on_both!(teams_outlive_retention_and_are_copied);
async fn teams_outlive_retention_and_are_copied(on: On) {
    let fixture = Fixture::on(on);
    fixture.change_team("data", join("dora")).await;
    fixture.set_time(1000);
    fixture.ledger.forget_events(Millis(999)).await.unwrap();
    let teams = fixture.teams().await;
    assert_eq!(teams.members, members(&[("data", &["dora"])]));
    let dir = tempfile::tempdir().unwrap();
    let to = match on {
        On::Sqlite => super::Place::sqlite(&dir.path().join("copy.db")),
        On::Postgres => {
            super::Place::postgres(&super::fresh_url(), None, Some(dir.path())).unwrap()
        }
    };
    copy(&fixture.place, &to, Millis(1000)).unwrap();
    let copied = super::Ledger::open_at(&to, fixture.clock.clone()).unwrap();
    assert_eq!(copied.teams(&Teams::default()).await.unwrap(), teams);
}

on_both!(who_is_removed_leaves_teams_in_the_same_step);
async fn who_is_removed_leaves_teams_in_the_same_step(on: On) {
    let fixture = Fixture::on(on);
    let ledger = &fixture.ledger;
    let before = fixture.teams().await;
    fixture.change_team("data", join("dora")).await;
    let leave = || vec![of_team("data", &TeamChange::Leave("dora".to_owned()))];
    let remove = async |known: &Teams, leaves| {
        let event = event("analyst.remove", "left");
        ledger.remove_user_as("dora", event, (known, leaves)).await.unwrap()
    };
    // Decided on teams of before she joined, nothing is done.
    assert_eq!(remove(&before, Vec::new()).await, None);
    assert_eq!(fixture.teams().await.members, members(&[("data", &["dora"])]));
    let now = fixture.teams().await;
    assert_eq!(remove(&now, leave()).await, Some(true), "without a password");
    let now = fixture.teams().await;
    assert_eq!(now.members, members(&[]));
    assert_eq!(remove(&now, Vec::new()).await, Some(false));
    // And who is gone does not join, if that is asked for.
    let joins = async || {
        let event = of_team("data", &join("dora"));
        ledger.change_team(&now, Some("dora"), event, None).await.unwrap()
    };
    assert!(!joins().await);
    ledger.put_user("dora", "v").await.unwrap();
    assert!(joins().await);
}

on_both!(a_team_that_was_changed_by_other_hands_shows);
async fn a_team_that_was_changed_by_other_hands_shows(on: On) {
    let fixture = Fixture::on(on);
    fixture.change_team("data", join("dora")).await;
    fixture.tamper(on, "UPDATE event SET detail = '{\"analyst\":\"eve\"}'").await;
    assert!(fixture.broken().await.unwrap().contains("event 1 was changed"));
}

/// As the tables of the version before were.
const BEFORE_SQLITE: &str = "DROP INDEX event_team; DROP INDEX event_kept;
    CREATE INDEX event_kept ON event (generation)
        WHERE kind = 'charge.void' OR kind GLOB 'account.*';
    CREATE TRIGGER event_decided BEFORE DELETE ON event
        WHEN old.kind = 'charge.void' OR old.kind GLOB 'account.*'
        BEGIN SELECT raise(ABORT, 'what was voided and decided is kept'); END;
    ALTER TABLE chain DROP COLUMN marks;
    PRAGMA user_version = 3";
const BEFORE_POSTGRES: &str = "DROP INDEX event_team; DROP INDEX event_kept;
    DROP TRIGGER event_kept ON event;
    CREATE INDEX event_kept ON event (generation)
        WHERE kind = 'charge.void' OR kind LIKE 'account.%';
    CREATE TRIGGER event_kept BEFORE DELETE ON event
        FOR EACH ROW WHEN (old.kind = 'charge.void' OR old.kind LIKE 'account.%')
        EXECUTE FUNCTION final();
    ALTER TABLE chain DROP COLUMN marks;
    UPDATE meta SET version = 2";

on_both!(a_ledger_from_before_teams_is_brought_up_to_date);
async fn a_ledger_from_before_teams_is_brought_up_to_date(on: On) {
    let mut fixture = Fixture::on(on);
    fixture.answer(1, b"x", 1000).await;
    fixture.ledger.record(vec![event("login", "why")]).await.unwrap();
    let before = match on {
        On::Sqlite => BEFORE_SQLITE,
        On::Postgres => BEFORE_POSTGRES,
    };
    fixture.tamper(on, before).await;
    fixture.reopen();
    // As a program of before writes that goes on beside: nothing.
    let link =
        "INSERT INTO chain VALUES (99, zeroblob(32), NULL, 1, 1, 1, zeroblob(32), zeroblob(32))";
    if on == On::Sqlite {
        let conn = rusqlite::Connection::open(fixture.path()).unwrap();
        assert!(conn.execute(link, []).is_err());
    }
    fixture.change_team("data", join("dora")).await;
    assert_eq!(fixture.teams().await.members, members(&[("data", &["dora"])]));
    assert_eq!(fixture.broken().await, None);
    fixture.set_time(100);
    fixture.ledger.forget_events(Millis(99)).await.unwrap();
    assert_eq!(fixture.teams().await.members, members(&[("data", &["dora"])]));
}
