//! What a unit of work changed, as a few statements: one for each kind of row, with all of them.

use noisegate_privacy::budget::{Amount, Loss};

use super::super::chain::{Link, MadeOf};
use super::super::event::RequestKey;
use super::super::store::{Changes, EventRow, Meta, WholeCharge};
use super::connect::Parameters;

const CHARGES: &str = "INSERT INTO charge (id, query, analyst, at_ms, state, key)
    SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::bigint[], $5::text[],
        $6::bytea[])";
const LEAVES: &str = "INSERT INTO leaf
    SELECT charge, position, question, rho::numeric, epsilon::numeric, delta::numeric
    FROM unnest($1::bigint[], $2::integer[], $3::bytea[], $4::text[], $5::text[], $6::text[])
        AS new (charge, position, question, rho, epsilon, delta)";
const DEBITS: &str = "INSERT INTO debit
    SELECT account, at_ms, charge, rho::numeric, epsilon::numeric, delta::numeric
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
        AS new (account, at_ms, charge, rho, epsilon, delta)";
const STATES: &str = "UPDATE charge SET state = new.state
    FROM unnest($1::bigint[], $2::text[]) AS new (id, state) WHERE charge.id = new.id";
const ACCOUNTS: &str =
    "INSERT INTO account (id, window_ms, start_ms, rho, epsilon, delta, gaussian)
    SELECT id, window_ms, start_ms, rho::numeric, epsilon::numeric, delta::numeric, gaussian
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
        $7::bigint[]) AS new (id, window_ms, start_ms, rho, epsilon, delta, gaussian)
    ON CONFLICT (id) DO UPDATE SET window_ms = excluded.window_ms, start_ms = excluded.start_ms,
        rho = excluded.rho, epsilon = excluded.epsilon, delta = excluded.delta,
        gaussian = excluded.gaussian";
// An account that was never charged is given a window that is nobody's, so that no sum is made up.
const CONTROLS: &str =
    "INSERT INTO account (id, window_ms, start_ms, rho, epsilon, delta, gaussian,
        version, frozen, cap, granted, granted_until, reset_ms)
    SELECT id, 0, 1, 0, 0, 0, 0, version, frozen, cap::numeric, granted::numeric, granted_until,
        reset_ms
    FROM unnest($1::text[], $2::bigint[], $3::boolean[], $4::text[], $5::text[], $6::bigint[],
        $7::bigint[]) AS new (id, version, frozen, cap, granted, granted_until, reset_ms)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, frozen = excluded.frozen,
        cap = excluded.cap, granted = excluded.granted, granted_until = excluded.granted_until,
        reset_ms = excluded.reset_ms";
const EXPIRED: &str = "DELETE FROM release WHERE expires_ms <= $1";
const FORGOTTEN: &str = "DELETE FROM release WHERE id = ANY($1)";
const RELEASES: &str = "INSERT INTO release (id, question, charge, expires_ms, payload)
    SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[])";
const USERS: &str = "INSERT INTO analyst
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
    ON CONFLICT (name) DO UPDATE SET verifier = excluded.verifier";
const GONE: &str = "DELETE FROM analyst WHERE name = ANY($1)";
const SEEN: &str = "UPDATE analyst SET seen_ms = new.seen_ms
    FROM unnest($1::text[], $2::bigint[]) AS new (name, seen_ms) WHERE analyst.name = new.name";
const TOKENS: &str = "INSERT INTO token SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[],
    $4::text[], $5::text[], $6::bigint[], $7::bigint[])";
const REVOKED: &str = "DELETE FROM token WHERE id = ANY($1)";
const OLD: &str = concat!(old_events!(), " DELETE FROM event WHERE id IN (SELECT id FROM oldest)");
const EVENTS: &str = "INSERT INTO event SELECT * FROM unnest($1::bigint[], $2::bigint[],
    $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[],
    $10::bytea[], $11::bigint[])";
const LINKS: &str = "INSERT INTO chain SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[],
    $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[], $8::bytea[], $9::bytea[])";
const META: &str = "UPDATE meta SET mark_ms = $1, release_bytes = $2, last_charge = $3,
    final_charge = $4, last_release = $5, generation = $6, head = $7, last_event = $8";

pub(super) const STATEMENTS: [&str; 14] = [
    CHARGES, LEAVES, DEBITS, STATES, ACCOUNTS, EXPIRED, FORGOTTEN, RELEASES, USERS, GONE, SEEN,
    EVENTS, LINKS, META,
];

/// The statements that make these changes.
pub(super) fn statements(changes: &Changes) -> Vec<(&'static str, Parameters)> {
    let mut list = Vec::new();
    if !changes.charges.is_empty() {
        list.extend([charges(&changes.charges), leaves(&changes.charges)]);
        list.push(debits(&changes.charges));
    }
    if !changes.states.is_empty() {
        let ids: Vec<i64> = changes.states.keys().copied().collect();
        let states: Vec<&'static str> = changes.states.values().map(|s| s.name()).collect();
        list.push((STATES, vec![Box::new(ids), Box::new(states)]));
    }
    if !changes.accounts.is_empty() {
        list.push(accounts(changes));
    }
    if !changes.controls.is_empty() {
        list.push(controls(changes));
    }
    if let Some(until) = changes.forget_expired {
        list.push((EXPIRED, vec![Box::new(until.0)]));
    }
    if !changes.forgotten.is_empty() {
        list.push((FORGOTTEN, vec![Box::new(changes.forgotten.clone())]));
    }
    if !changes.releases.is_empty() {
        list.push(releases(changes));
    }
    if !changes.users.is_empty() {
        list.extend(users(changes));
    }
    if !changes.seen.is_empty() {
        let names: Vec<String> = changes.seen.keys().cloned().collect();
        let times: Vec<i64> = changes.seen.values().map(|at| at.0).collect();
        list.push((SEEN, vec![Box::new(names), Box::new(times)]));
    }
    if !changes.tokens.is_empty() {
        list.extend(tokens(changes));
    }
    if let Some(before) = changes.forget_events {
        list.push((OLD, vec![Box::new(before.0)]));
    }
    if !changes.events.is_empty() {
        list.push(events(&changes.events));
    }
    if !changes.links.is_empty() {
        list.push(links(&changes.links));
    }
    list.extend(changes.meta.as_ref().map(counters));
    list
}

fn charges(charges: &[WholeCharge]) -> (&'static str, Parameters) {
    let rows = || charges.iter().map(|charge| &charge.row);
    let ids: Vec<i64> = rows().map(|row| row.id).collect();
    let queries: Vec<Vec<u8>> = rows().map(|row| row.query.0.to_vec()).collect();
    let analysts: Vec<String> = rows().map(|row| row.analyst.clone()).collect();
    let times: Vec<i64> = rows().map(|row| row.at.0).collect();
    let states: Vec<&'static str> = rows().map(|row| row.state.name()).collect();
    let keys: Vec<Option<Vec<u8>>> = rows().map(|row| row.key.map(|key| key.0.to_vec())).collect();
    let parameters: Parameters = vec![
        Box::new(ids),
        Box::new(queries),
        Box::new(analysts),
        Box::new(times),
        Box::new(states),
        Box::new(keys),
    ];
    (CHARGES, parameters)
}

fn leaves(charges: &[WholeCharge]) -> (&'static str, Parameters) {
    let (mut ids, mut positions, mut questions) = (Vec::new(), Vec::new(), Vec::new());
    let mut losses = Losses::default();
    for charge in charges {
        for (position, (question, loss)) in (0_i32..).zip(&charge.leaves) {
            ids.push(charge.row.id);
            positions.push(position);
            questions.push(question.0.to_vec());
            losses.push(loss);
        }
    }
    let mut parameters: Parameters = vec![Box::new(ids), Box::new(positions), Box::new(questions)];
    parameters.extend(losses.parameters());
    (LEAVES, parameters)
}

fn debits(charges: &[WholeCharge]) -> (&'static str, Parameters) {
    let (mut accounts, mut times, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    let mut losses = Losses::default();
    for charge in charges {
        for (account, loss) in &charge.debits {
            accounts.push(account.clone());
            times.push(charge.row.at.0);
            ids.push(charge.row.id);
            losses.push(loss);
        }
    }
    let mut parameters: Parameters = vec![Box::new(accounts), Box::new(times), Box::new(ids)];
    parameters.extend(losses.parameters());
    (DEBITS, parameters)
}

/// Columns of losses, as decimal digits.
#[derive(Default)]
struct Losses {
    rho: Vec<String>,
    epsilon: Vec<Option<String>>,
    delta: Vec<String>,
}

impl Losses {
    fn push(&mut self, loss: &Loss) {
        self.rho.push(loss.rho.to_string());
        self.epsilon.push(loss.epsilon.as_ref().map(Amount::to_string));
        self.delta.push(loss.delta.to_string());
    }

    fn parameters(self) -> Parameters {
        vec![Box::new(self.rho), Box::new(self.epsilon), Box::new(self.delta)]
    }
}

fn accounts(changes: &Changes) -> (&'static str, Parameters) {
    let spent = || changes.accounts.values();
    let texts = |of: fn(&super::super::store::Sum) -> &Amount| -> Vec<String> {
        spent().map(|spent| of(&spent.sum).to_string()).collect()
    };
    let ids: Vec<String> = changes.accounts.keys().cloned().collect();
    let windows: Vec<i64> = spent().map(|spent| spent.window_ms).collect();
    let starts: Vec<i64> = spent().map(|spent| spent.start_ms).collect();
    let gaussian: Vec<i64> = spent().map(|spent| spent.sum.gaussian).collect();
    let parameters: Parameters = vec![
        Box::new(ids),
        Box::new(windows),
        Box::new(starts),
        Box::new(texts(|sum| &sum.rho)),
        Box::new(texts(|sum| &sum.epsilon)),
        Box::new(texts(|sum| &sum.delta)),
        Box::new(gaussian),
    ];
    (ACCOUNTS, parameters)
}

fn controls(changes: &Changes) -> (&'static str, Parameters) {
    let of = || changes.controls.values();
    let ids: Vec<String> = changes.controls.keys().cloned().collect();
    let versions: Vec<i64> = of().map(|control| control.version).collect();
    let frozen: Vec<bool> = of().map(|control| control.frozen).collect();
    let caps: Vec<Option<String>> =
        of().map(|control| control.cap.as_ref().map(Amount::to_string)).collect();
    let granted: Vec<String> = of().map(|control| control.granted.to_string()).collect();
    let until: Vec<Option<i64>> =
        of().map(|control| control.granted_until.map(|until| until.0)).collect();
    let resets: Vec<Option<i64>> = of().map(|control| control.reset_at.map(|at| at.0)).collect();
    let parameters: Parameters = vec![
        Box::new(ids),
        Box::new(versions),
        Box::new(frozen),
        Box::new(caps),
        Box::new(granted),
        Box::new(until),
        Box::new(resets),
    ];
    (CONTROLS, parameters)
}

fn tokens(changes: &Changes) -> [(&'static str, Parameters); 2] {
    let new = || changes.tokens.values().flatten();
    let ids: Vec<String> = new().map(|token| token.id.clone()).collect();
    let hashes: Vec<Vec<u8>> = new().map(|token| token.hash.to_vec()).collect();
    let names: Vec<String> = new().map(|token| token.name.clone()).collect();
    let roles: Vec<String> = new().map(|token| token.role.clone()).collect();
    let by: Vec<String> = new().map(|token| token.created_by.clone()).collect();
    let created: Vec<i64> = new().map(|token| token.created_at.0).collect();
    let expires: Vec<i64> = new().map(|token| token.expires_at.0).collect();
    let gone = changes.tokens.iter().filter(|(_, token)| token.is_none());
    let gone: Vec<String> = gone.map(|(id, _)| id.clone()).collect();
    let parameters: Parameters = vec![
        Box::new(ids),
        Box::new(hashes),
        Box::new(names),
        Box::new(roles),
        Box::new(by),
        Box::new(created),
        Box::new(expires),
    ];
    [(TOKENS, parameters), (REVOKED, vec![Box::new(gone)])]
}

fn events(events: &[EventRow]) -> (&'static str, Parameters) {
    let texts = |of: fn(&EventRow) -> &String| -> Vec<String> {
        events.iter().map(|event| of(event).clone()).collect()
    };
    let digests = |of: fn(&RequestKey) -> &[u8; 32]| -> Vec<Option<Vec<u8>>> {
        events.iter().map(|event| event.request.as_ref().map(|key| of(key).to_vec())).collect()
    };
    let ids: Vec<i64> = events.iter().map(|event| event.id).collect();
    let times: Vec<i64> = events.iter().map(|event| event.at.0).collect();
    let generations: Vec<i64> = events.iter().map(|event| event.generation).collect();
    let parameters: Parameters = vec![
        Box::new(ids),
        Box::new(times),
        Box::new(texts(|event| &event.who)),
        Box::new(texts(|event| &event.via)),
        Box::new(texts(|event| &event.kind)),
        Box::new(texts(|event| &event.object)),
        Box::new(texts(|event| &event.detail)),
        Box::new(texts(|event| &event.why)),
        Box::new(digests(|key| &key.key)),
        Box::new(digests(|key| &key.request)),
        Box::new(generations),
    ];
    (EVENTS, parameters)
}

fn releases(changes: &Changes) -> (&'static str, Parameters) {
    let new = || changes.releases.iter();
    let ids: Vec<i64> = new().map(|release| release.id).collect();
    let questions: Vec<Vec<u8>> = new().map(|release| release.question.0.to_vec()).collect();
    let charges: Vec<i64> = new().map(|release| release.charge).collect();
    let expires: Vec<i64> = new().map(|release| release.expires.0).collect();
    let payloads: Vec<Vec<u8>> = new().map(|release| release.payload.clone()).collect();
    let parameters: Parameters = vec![
        Box::new(ids),
        Box::new(questions),
        Box::new(charges),
        Box::new(expires),
        Box::new(payloads),
    ];
    (RELEASES, parameters)
}

fn users(changes: &Changes) -> [(&'static str, Parameters); 2] {
    let (mut names, mut verifiers, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    let (mut added, mut seen) = (Vec::new(), Vec::new());
    for (name, user) in &changes.users {
        match user {
            Some(user) => {
                names.push(name.clone());
                verifiers.push(user.verifier.clone());
                added.push(user.added.map(|at| at.0));
                seen.push(user.seen.map(|at| at.0));
            }
            None => gone.push(name.clone()),
        }
    }
    let parameters: Parameters =
        vec![Box::new(names), Box::new(verifiers), Box::new(added), Box::new(seen)];
    [(USERS, parameters), (GONE, vec![Box::new(gone)])]
}

/// Adds generations.
pub(super) fn links(links: &[Link]) -> (&'static str, Parameters) {
    let generations: Vec<i64> = links.iter().map(|link| link.generation).collect();
    let heads: Vec<Vec<u8>> = links.iter().map(|link| link.head.to_vec()).collect();
    let notes: Vec<Option<String>> = links.iter().map(|link| link.note.clone()).collect();
    let of = || links.iter().map(|link| link.made_of.as_ref());
    let number = |of_one: fn(&MadeOf) -> i64| -> Vec<Option<i64>> {
        of().map(|of| of.map(of_one)).collect()
    };
    let digest = |of_one: fn(&MadeOf) -> [u8; 32]| -> Vec<Option<Vec<u8>>> {
        of().map(|of| of.map(|of| of_one(of).to_vec())).collect()
    };
    let parameters: Parameters = vec![
        Box::new(generations),
        Box::new(heads),
        Box::new(notes),
        Box::new(number(|of| of.mark.0)),
        Box::new(number(|of| of.last_charge)),
        Box::new(number(|of| of.last_event)),
        Box::new(digest(|of| of.events)),
        Box::new(digest(|of| of.rest)),
        Box::new(links.iter().map(|link| link.marks.clone()).collect::<Vec<_>>()),
    ];
    (LINKS, parameters)
}

/// What there is once in the ledger.
pub(super) fn counters(meta: &Meta) -> (&'static str, Parameters) {
    let parameters: Parameters = vec![
        Box::new(meta.mark.0),
        Box::new(meta.release_bytes),
        Box::new(meta.last_charge),
        Box::new(meta.final_charge),
        Box::new(meta.last_release),
        Box::new(meta.link.generation),
        Box::new(meta.link.head.to_vec()),
        Box::new(meta.last_event),
    ];
    (META, parameters)
}
