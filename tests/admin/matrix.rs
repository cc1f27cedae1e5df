//! Who may do what: each endpoint of the document, asked by everybody, beside a file that says what
//! the answer has to be. `UPDATE_EXPECT=1 cargo test --test admin` writes the file anew.

use std::fmt::Write as _;
use std::path::Path;

use noisegate::admin::office::token_digest;
use noisegate::admin::shown::Role;
use noisegate::clock::Millis;
use noisegate::ledger::{Event, Token, Via};

use crate::client::Client;
use crate::common::run;
use crate::document::endpoints;
use crate::place::Place;

const FILE: &str = "tests/admin/matrix.txt";

#[test]
fn everybody_may_do_what_the_file_says() {
    let mut table = String::from(
        "# Whether each may: yes, or the problem that is the answer.\n\
         # A login in a browser comes without (no csrf) and with the token of its page.\n",
    );
    let who = [
        "nobody",
        "unknown token",
        "expired token",
        "auditor's token",
        "admin's token",
        "auditor, no csrf",
        "auditor",
        "admin, no csrf",
        "admin",
    ];
    let head = format!("{:<42}{}", "endpoint", who.map(|who| format!("{who:<19}")).concat());
    writeln!(table, "{}", head.trim_end()).unwrap();
    let place = Place::new();
    let document = place.nobody().get("/openapi.json").expect(200).json();
    let callers = callers(&place);
    let mut all = endpoints(&document);
    // Nobody may be logged out before they are asked about.
    all.sort_by_key(|endpoint| endpoint.path == "/api/v1/session" && endpoint.method == "DELETE");
    for endpoint in all {
        let name = format!("{} {}", endpoint.method, endpoint.path.replace("/api/v1", ""));
        let mut line = format!("{name:<42}");
        for (_, client) in who.iter().zip(&callers) {
            let answer = endpoint.call(client);
            let told = match answer.status {
                200..=299 => "yes".to_owned(),
                // They may, and there is nothing of that name, or no proxy beside the API.
                404 | 409 => "yes".to_owned(),
                // The databases of this place are nowhere, which it says of its own.
                503 if endpoint.path == "/readyz" => "yes".to_owned(),
                _ => answer.problem(),
            };
            write!(line, "{told:<19}").unwrap();
        }
        writeln!(table, "{}", line.trim_end()).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let wrong: Vec<&str> =
        table.lines().filter(|line| !expected.lines().any(|other| other == *line)).collect();
    assert!(
        table == expected,
        "not in the file:\n{}\nIf this is what it should be: UPDATE_EXPECT=1",
        wrong.join("\n")
    );
}

fn callers(place: &Place) -> [Client; 9] {
    let unknown = place.nobody().bearer("ng_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let (erin, carol) = (place.browser("erin"), place.browser("carol"));
    let forged = |client: &Client| client.with("X-CSRF-Token", "AAAA");
    [
        place.nobody(),
        unknown,
        place.nobody().bearer(&expired(place)),
        place.token(Role::Auditor),
        place.token(Role::Admin),
        forged(&erin.without("X-CSRF-Token")),
        erin,
        forged(&carol.without("X-CSRF-Token")),
        carol,
    ]
}

/// The token of an administrator that was good until a moment ago.
fn expired(place: &Place) -> String {
    let secret = "ng_BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let now = place.office.now();
    let token = Token {
        id: "0123456789abcdef".to_owned(),
        hash: token_digest(&secret).unwrap(),
        name: "old".to_owned(),
        role: "admin".to_owned(),
        created_by: "carol".to_owned(),
        created_at: Millis(now.0 - 2),
        expires_at: Millis(now.0 - 1),
    };
    let event = Event {
        who: "carol".to_owned(),
        via: Via::Cli,
        kind: "token.create",
        object: token.id.clone(),
        detail: "{}".to_owned(),
        why: "a test".to_owned(),
    };
    run(place.office.ledger().put_token(token, event)).unwrap();
    secret
}
