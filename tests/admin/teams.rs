//! Teams over HTTP: made, filled, and what is refused.

use noisegate::admin::shown::Role;
use noisegate::ledger::{Event, TeamChange, Teams, Via};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::common::run;
use crate::place::Place;

fn put(client: &Client, path: &str, body: &Value) -> Answer {
    client.call("PUT", path, Some(&body.to_string()))
}

fn delete(client: &Client, path: &str) -> Answer {
    client.call("DELETE", path, Some(r#"{"why": "it is over"}"#))
}

fn why() -> Value {
    json!({"why": "it begins"})
}

fn analyst(client: &Client, name: &str) -> Value {
    let all = client.get("/analysts").expect(200).json();
    let all = all["items"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).cloned().unwrap_or_default()
}

#[test]
fn a_team_is_made_filled_and_ended() {
    let place = Place::new();
    let admin = place.token(Role::Admin);
    put(&admin, "/analysts/dora", &json!({"password": "dora dora", "why": "new"})).expect(200);
    assert_eq!(analyst(&admin, "dora")["can_log_in"], false);

    let new = json!({"role": "analyst", "why": "guests"});
    let made = put(&admin, "/teams/guests", &new).expect(200).json();
    let expected = json!({"name": "guests", "made": true, "roles": ["analyst"], "members": [],
                          "added": [], "accounts": []});
    assert_eq!(made, expected);
    let team = put(&admin, "/teams/guests/members/dora", &why()).expect(200).json();
    assert_eq!(team["members"], json!(["dora"]));
    assert_eq!(team["accounts"], json!(["data_team/guests"]));
    assert_eq!(admin.get("/teams/guests").expect(200).json(), team);
    // And so she asks, and pays from the accounts of the team.
    let dora = analyst(&admin, "dora");
    assert_eq!((&dora["can_log_in"], &dora["teams"]), (&json!(true), &json!(["guests"])));
    let pays = json!(["each_analyst/dora", "data_team/guests", "shop"]);
    assert_eq!(dora["accounts"], pays);
    place.spend("dora", "0.5", 1);
    let account = admin.get("/accounts/data_team%2Fguests").expect(200).json();
    let spent = account["spent_epsilon"].clone();
    assert!(spent.as_f64().unwrap() > 0.5, "{account}");

    // The file's team takes her too, and keeps those whom the file names.
    let team = put(&admin, "/teams/data/members/dora", &why()).expect(200).json();
    assert_eq!(team["members"], json!(["alice", "bob", "dora"]));
    assert_eq!((&team["added"], &team["made"]), (&json!(["dora"]), &json!(false)));
    let team = delete(&admin, "/teams/data/members/dora").expect(200).json();
    assert_eq!(team["members"], json!(["alice", "bob"]));

    // Whoever is removed leaves; what is asked for again changes nothing.
    put(&admin, "/teams/guests/members/dora", &why()).expect(200);
    put(&admin, "/teams/guests", &new).expect(200);
    admin.call("DELETE", "/analysts/dora", Some(r#"{"why": "left"}"#)).expect(204);
    assert_eq!(analyst(&admin, "dora"), Value::Null);
    assert_eq!(admin.get("/teams/guests").expect(200).json()["members"], json!([]));
    delete(&admin, "/teams/guests").expect(204);
    assert_eq!(delete(&admin, "/teams/guests").expect(404).problem(), "not_found");
    let records = admin.get("/audit?kind=team").expect(200).json();
    let told = records["items"].as_array().unwrap().iter().map(|record| {
        let [kind, object, why] =
            ["kind", "object", "why"].map(|key| record[key].as_str().unwrap());
        format!("{kind} {object}: {why}")
    });
    let told: Vec<String> = told.collect();
    let expected = [
        "team.remove guests: it is over",
        "team.leave guests: left",
        "team.leave data: it is over",
        "team.join data: it begins",
        "team.join guests: it begins",
        "team.add guests: guests",
    ];
    assert_eq!(told, expected);
    // What the team spent is spent, also for a team of the same name.
    put(&admin, "/teams/guests", &new).expect(200);
    put(&admin, "/analysts/dora", &json!({"password": "dora dora", "why": "again"})).expect(200);
    put(&admin, "/teams/guests/members/dora", &why()).expect(200);
    let account = admin.get("/accounts/data_team%2Fguests").expect(200).json();
    assert_eq!(account["spent_epsilon"], spent);
    assert_eq!(run(place.office.verify()).unwrap().broken, None);
}

#[test]
fn power_is_not_given_by_teams_and_the_file_is_not_overruled() {
    let place = Place::new();
    let admin = place.token(Role::Admin);
    for (role, known) in
        [("budget_admin", false), ("watcher", false), ("nobody", false), ("analyst", true)]
    {
        let made = put(&admin, &format!("/teams/of_{role}"), &json!({"role": role, "why": "w"}));
        if known {
            made.expect(200);
            continue;
        }
        let refused = made.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], "role", "{refused}");
        let message = refused["errors"][0]["message"].as_str().unwrap();
        assert!(message.ends_with("those are analyst"), "{message}");
    }
    // The file's team, its members, and names that are none.
    let conflicts = [
        delete(&admin, "/teams/data"),
        delete(&admin, "/teams/data/members/alice"),
        put(&admin, "/teams/data", &json!({"role": "analyst", "why": "w"})),
        put(&admin, "/teams/of_analyst", &json!({"why": "without a role"})),
        put(&admin, "/teams/of_analyst/members/carol", &why()),
        put(&admin, "/teams/of_analyst/members/erin", &why()),
    ];
    for answer in conflicts {
        answer.expect(409);
    }
    for path in ["/teams/data/members/nobody", "/teams/nothing/members/alice"] {
        put(&admin, path, &why()).expect(404);
        delete(&admin, path).expect(404);
    }
    for name in ["a%20b", "a%2Fb", "a:b", &"x".repeat(64)] {
        put(&admin, &format!("/teams/{name}"), &why()).expect(422);
    }
    put(&admin, "/teams/idle", &json!({"why": ""})).expect(422);
    // alice is in it by the file, so this changes nothing; a reason is needed all the same.
    put(&admin, "/teams/data/members/alice", &json!({"why": " "})).expect(422);
    put(&admin, "/teams/data/members/alice", &why()).expect(200);
    let records = admin.get("/audit?kind=team").expect(200).json();
    assert_eq!(records["items"].as_array().unwrap().len(), 1, "{records}");
    let auditor = place.token(Role::Auditor);
    auditor.get("/teams/data").expect(200);
    put(&auditor, "/teams/data/members/carol", &why()).expect(403);
}

#[test]
fn what_another_policy_says_of_a_team_is_ended_here_too() {
    let place = Place::new();
    let admin = place.token(Role::Admin);
    let ledger = place.office.ledger();
    let join = |team: &str| {
        let change = TeamChange::Join("bob".to_owned());
        let event = Event {
            who: "carol".to_owned(),
            via: Via::Cli,
            kind: change.kind(),
            object: team.to_owned(),
            detail: change.detail().to_string(),
            why: "by a proxy whose file has the team".to_owned(),
        };
        let known = run(ledger.teams(&Teams::default())).unwrap();
        assert!(run(ledger.change_team(&known, None, event, None)).unwrap());
    };
    join("elsewhere");
    join("yonder");
    let left = delete(&admin, "/teams/elsewhere/members/bob").expect(200).json();
    assert_eq!(left["members"], json!([]));
    admin.call("DELETE", "/analysts/bob", Some(r#"{"why": "left"}"#)).expect(204);
    let teams = run(ledger.teams(&Teams::default())).unwrap();
    assert!(teams.members.is_empty(), "{teams:?}");
}

#[test]
fn a_change_is_made_once_under_its_key() {
    let place = Place::new();
    let admin = place.token(Role::Admin).with("Idempotency-Key", "the-same");
    put(&admin, "/analysts/dora", &json!({"password": "dora dora", "why": "new"})).expect(200);
    let admin = place.token(Role::Admin).with("Idempotency-Key", "another");
    for _ in 0..2 {
        put(&admin, "/teams/data/members/dora", &why()).expect(200);
    }
    put(&admin, "/teams/data/members/alice", &why()).expect(409);
    let records = place.token(Role::Auditor).get("/audit?kind=team").expect(200).json();
    assert_eq!(records["items"].as_array().unwrap().len(), 1, "{records}");
}
