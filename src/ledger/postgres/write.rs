//! What a unit of work changed, as a few statements: one for each kind of row, with all of them.

use noisegate_privacy::budget::{Amount, Loss};

use super::super::chain::Link;
use super::super::store::{Changes, Meta, WholeCharge};
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
const ACCOUNTS: &str = "INSERT INTO account
    SELECT id, window_ms, start_ms, rho::numeric, epsilon::numeric, delta::numeric, gaussian
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
        $7::bigint[]) AS new (id, window_ms, start_ms, rho, epsilon, delta, gaussian)
    ON CONFLICT (id) DO UPDATE SET window_ms = excluded.window_ms, start_ms = excluded.start_ms,
        rho = excluded.rho, epsilon = excluded.epsilon, delta = excluded.delta,
        gaussian = excluded.gaussian";
const EXPIRED: &str = "DELETE FROM release WHERE expires_ms <= $1";
const FORGOTTEN: &str = "DELETE FROM release WHERE id = ANY($1)";
const RELEASES: &str = "INSERT INTO release (id, question, charge, expires_ms, payload)
    SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[])";
const USERS: &str = "INSERT INTO analyst SELECT * FROM unnest($1::text[], $2::text[])
    ON CONFLICT (name) DO UPDATE SET verifier = excluded.verifier";
const GONE: &str = "DELETE FROM analyst WHERE name = ANY($1)";
const LINKS: &str = "INSERT INTO chain SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[])";
const META: &str = "UPDATE meta SET mark_ms = $1, release_bytes = $2, last_charge = $3,
    final_charge = $4, last_release = $5, generation = $6, head = $7";

pub(super) const STATEMENTS: [&str; 12] = [
    CHARGES, LEAVES, DEBITS, STATES, ACCOUNTS, EXPIRED, FORGOTTEN, RELEASES, USERS, GONE, LINKS,
    META,
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
    for (name, verifier) in &changes.users {
        match verifier {
            Some(verifier) => {
                names.push(name.clone());
                verifiers.push(verifier.clone());
            }
            None => gone.push(name.clone()),
        }
    }
    [(USERS, vec![Box::new(names), Box::new(verifiers)]), (GONE, vec![Box::new(gone)])]
}

/// Adds generations.
pub(super) fn links(links: &[Link]) -> (&'static str, Parameters) {
    let generations: Vec<i64> = links.iter().map(|link| link.generation).collect();
    let heads: Vec<Vec<u8>> = links.iter().map(|link| link.head.to_vec()).collect();
    let notes: Vec<Option<String>> = links.iter().map(|link| link.note.clone()).collect();
    (LINKS, vec![Box::new(generations), Box::new(heads), Box::new(notes)])
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
    ];
    (META, parameters)
}
