//! What administrators look at. What is not asked for is NULL.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::super::event::{AuditCursor, AuditFilter};
use super::super::shown::{
    Bucket, ChargeFilter, ChargeShown, Person, Recalled, ReleaseShown, Spender, Token,
};
use super::super::store::EventRow;
use super::super::types::{LedgerError, State};
use super::connect::{Connection, Parameters};
use super::rows::{self, amount, bytes, get, question, questions};
use crate::clock::Millis;
use crate::ids::{Analyst, QueryId, Question};

// A release can be settled after a later charge for the same question, so all charges of the
// analyst from the one that paid for it on are looked at, the latest ten thousand of them: who asked
// more in between may pay again. That one may have asked under another name: what is answered under
// bounds that were not known yet is remembered with them. One that is pending may still be given back.
pub(super) const RECALL_FOR: &str = "SELECT payload,
        EXISTS (SELECT FROM charge
                WHERE id = release.charge AND analyst = $2 AND state = 'posted')
        OR EXISTS (SELECT FROM (SELECT id, state FROM charge
                                WHERE analyst = $2 AND id >= release.charge
                                ORDER BY id DESC LIMIT 10000) AS own
                   JOIN leaf ON leaf.charge = own.id
                   WHERE leaf.question = $1 AND own.state = 'posted')
    FROM release, meta WHERE question = $1 AND expires_ms > greatest(meta.mark_ms, $3)";
const BUCKETS: &str = "SELECT debit.at_ms - debit.at_ms % $4, count(*), sum(debit.rho)::text,
        coalesce(sum(debit.epsilon), 0)::text, sum(debit.delta)::text
    FROM debit JOIN charge ON charge.id = debit.charge
    WHERE debit.account = $1 AND debit.at_ms >= $2 AND debit.at_ms < $3
        AND charge.state <> 'voided' GROUP BY 1 ORDER BY 1";
const SPENDERS_OF: &str = "SELECT analyst, count(*), sum(debit.rho)::text,
        coalesce(sum(debit.epsilon), 0)::text, sum(debit.delta)::text
    FROM debit JOIN charge ON charge.id = debit.charge
    WHERE debit.account = $1 AND debit.at_ms >= $2 AND debit.at_ms < $3
        AND charge.state <> 'voided' GROUP BY analyst ORDER BY analyst";
const SPENDERS: &str = "SELECT analyst, count(DISTINCT charge.id), sum(leaf.rho)::text,
        coalesce(sum(leaf.epsilon), 0)::text, sum(leaf.delta)::text
    FROM charge JOIN leaf ON leaf.charge = charge.id
    WHERE charge.at_ms >= $1 AND charge.at_ms < $2 AND charge.state <> 'voided'
    GROUP BY analyst ORDER BY analyst";
const CHARGES: &str = "SELECT id, query, analyst, at_ms, state, leaves.questions, leaves.rho::text,
        CASE WHEN leaves.priced THEN leaves.epsilon::text END, leaves.delta::text, debits.accounts
    FROM (SELECT * FROM charge
          WHERE id < $1 AND ($2::text IS NULL OR analyst = $2)
              AND ($3::text IS NULL OR EXISTS (SELECT FROM debit
                       WHERE debit.charge = charge.id AND debit.account = $3))
              AND ($4::bigint IS NULL OR at_ms >= $4) AND ($5::bigint IS NULL OR at_ms < $5)
          ORDER BY id DESC LIMIT $6) AS charge,
        LATERAL (SELECT coalesce(array_agg(question ORDER BY position), '{}') AS questions,
                     sum(rho) AS rho, sum(epsilon) AS epsilon,
                     count(epsilon) = count(*) AS priced, sum(delta) AS delta
                 FROM leaf WHERE leaf.charge = charge.id) AS leaves,
        LATERAL (SELECT coalesce(array_agg(account ORDER BY account), '{}') AS accounts
                 FROM debit WHERE debit.charge = charge.id) AS debits
    ORDER BY id DESC";
const CHARGES_BY_TIME: &str = "SELECT id, query, analyst, at_ms, state, leaves.questions,
        leaves.rho::text, CASE WHEN leaves.priced THEN leaves.epsilon::text END,
        leaves.delta::text, debits.accounts
    FROM (SELECT * FROM charge
          WHERE (at_ms, id) < ($1, $2)
              AND ($3::bigint IS NULL OR at_ms >= $3) AND ($4::bigint IS NULL OR at_ms < $4)
              AND ($5::text IS NULL OR analyst = $5)
              AND ($6::text IS NULL OR encode(query, 'hex') = $6)
              AND ($7::text IS NULL OR strpos(encode(query, 'hex'), lower($7)) > 0)
              AND ($8::text IS NULL OR state = $8)
          ORDER BY at_ms DESC, id DESC LIMIT $9) AS charge,
        LATERAL (SELECT coalesce(array_agg(question ORDER BY position), '{}') AS questions,
                     sum(rho) AS rho, sum(epsilon) AS epsilon,
                     count(epsilon) = count(*) AS priced, sum(delta) AS delta
                 FROM leaf WHERE leaf.charge = charge.id) AS leaves,
        LATERAL (SELECT coalesce(array_agg(account ORDER BY account), '{}') AS accounts
                 FROM debit WHERE debit.charge = charge.id) AS debits
    ORDER BY at_ms DESC, id DESC";
const EVENTS_BY_TIME: &str = "SELECT id, at_ms, who, via, kind, object, detail, why, key, request,
        generation
    FROM event WHERE (at_ms, id) < ($1, $2)
        AND ($3::bigint IS NULL OR at_ms >= $3) AND ($4::bigint IS NULL OR at_ms < $4)
        AND ($5::text IS NULL OR who = $5)
        AND ($6::text IS NULL OR kind = $6 OR starts_with(kind, $6 || '.'))
        AND ($7::text IS NULL OR object = $7)
        AND ($8::text IS NULL
             OR strpos(lower(concat_ws(E'\\n', object, detail, why)), lower($8)) > 0)
    ORDER BY at_ms DESC, id DESC LIMIT $9";
const RELEASES: &str = "SELECT release.id, question, charge, analyst, at_ms, expires_ms,
        length(payload)::bigint
    FROM meta, release JOIN charge ON charge.id = release.charge
    WHERE release.id < $1 AND expires_ms > greatest(meta.mark_ms, $2)
        AND ($3::text IS NULL OR analyst = $3)
    ORDER BY release.id DESC LIMIT $4";
const RELEASES_OF: &str = "SELECT release.id, question, charge, analyst, at_ms, expires_ms,
        length(payload)::bigint
    FROM meta, release JOIN charge ON charge.id = release.charge
    WHERE question = ANY($1::bytea[]) AND expires_ms > greatest(meta.mark_ms, $2)";
const PEOPLE: &str = "SELECT name, added_ms, seen_ms FROM analyst ORDER BY name";
const TOKENS: &str = "SELECT id, hash, name, role, created_by, created_ms, expires_ms FROM token
    ORDER BY created_ms, id";
const TOKEN: &str = "SELECT id, hash, name, role, created_by, created_ms, expires_ms FROM token
    WHERE hash = $1";

pub(super) fn recall_for(
    connection: &mut Connection,
    question: &Question,
    analyst: &Analyst,
    wall: Millis,
) -> Result<Option<Recalled>, LedgerError> {
    let parameters: Parameters =
        vec![Box::new(question.0.to_vec()), Box::new(analyst.0.clone()), Box::new(wall.0)];
    let rows = connection.query(RECALL_FOR, parameters)?;
    let recalled = |row: &Row| Ok(Recalled { payload: get(row, 0)?, paid: get(row, 1)? });
    rows.first().map(recalled).transpose()
}

pub(super) fn buckets(
    connection: &mut Connection,
    account: &str,
    (from, to): (Millis, Millis),
    bucket_ms: i64,
) -> Result<Vec<Bucket>, LedgerError> {
    let parameters: Parameters =
        vec![Box::new(account.to_owned()), Box::new(from.0), Box::new(to.0), Box::new(bucket_ms)];
    let bucket = |row: &Row| {
        Ok(Bucket {
            start: Millis(get(row, 0)?),
            charges: get(row, 1)?,
            rho: amount(row, 2)?,
            epsilon: amount(row, 3)?,
            delta: amount(row, 4)?,
        })
    };
    connection.query(BUCKETS, parameters)?.iter().map(bucket).collect()
}

pub(super) fn spenders(
    connection: &mut Connection,
    account: Option<&str>,
    (from, to): (Millis, Millis),
) -> Result<Vec<Spender>, LedgerError> {
    let mut parameters: Parameters = vec![Box::new(from.0), Box::new(to.0)];
    let rows = match account {
        Some(account) => {
            parameters.insert(0, Box::new(account.to_owned()));
            connection.query(SPENDERS_OF, parameters)?
        }
        None => connection.query(SPENDERS, parameters)?,
    };
    let spender = |row: &Row| {
        Ok(Spender {
            analyst: get(row, 0)?,
            charges: get(row, 1)?,
            rho: amount(row, 2)?,
            epsilon: amount(row, 3)?,
            delta: amount(row, 4)?,
        })
    };
    rows.iter().map(spender).collect()
}

pub(super) fn charges(
    connection: &mut Connection,
    filter: &ChargeFilter,
    before: i64,
    count_max: u32,
) -> Result<Vec<ChargeShown>, LedgerError> {
    let parameters: Parameters = vec![
        Box::new(before),
        Box::new(filter.analyst.clone()),
        Box::new(filter.account.clone()),
        at(filter.from),
        at(filter.to),
        Box::new(i64::from(count_max)),
    ];
    connection.query(CHARGES, parameters)?.iter().map(charge).collect()
}

pub(super) fn charges_by_time(
    connection: &mut Connection,
    filter: &AuditFilter,
    state: Option<State>,
    before: AuditCursor,
    count_max: u32,
) -> Result<Vec<ChargeShown>, LedgerError> {
    // Among those of one time, charges come before events.
    let id = if before.is_event { i64::MAX } else { before.id };
    let parameters: Parameters = vec![
        Box::new(before.at.0),
        Box::new(id),
        at(filter.from),
        at(filter.to),
        Box::new(filter.who.clone()),
        Box::new(filter.object.clone()),
        Box::new(filter.text.clone()),
        Box::new(state.map(State::name)),
        Box::new(i64::from(count_max)),
    ];
    connection.query(CHARGES_BY_TIME, parameters)?.iter().map(charge).collect()
}

fn at(time: Option<Millis>) -> Box<dyn ToSql + Send + Sync> {
    Box::new(time.map(|at| at.0))
}

fn charge(row: &Row) -> Result<ChargeShown, LedgerError> {
    let epsilon: Option<&str> = get(row, 7)?;
    Ok(ChargeShown {
        id: get(row, 0)?,
        query: QueryId(bytes(row, 1)?),
        analyst: get(row, 2)?,
        at: Millis(get(row, 3)?),
        state: State::parse(get(row, 4)?)?,
        questions: questions(row, 5)?,
        rho: amount(row, 6)?,
        epsilon: epsilon.map(|_| amount(row, 7)).transpose()?,
        delta: amount(row, 8)?,
        accounts: get(row, 9)?,
    })
}

pub(super) fn events_by_time(
    connection: &mut Connection,
    filter: &AuditFilter,
    before: AuditCursor,
    count_max: u32,
) -> Result<Vec<EventRow>, LedgerError> {
    // Among those of one time, events come after charges.
    let id = if before.is_event { before.id } else { 0 };
    let parameters: Parameters = vec![
        Box::new(before.at.0),
        Box::new(id),
        at(filter.from),
        at(filter.to),
        Box::new(filter.who.clone()),
        Box::new(filter.kind.clone()),
        Box::new(filter.object.clone()),
        Box::new(filter.text.clone()),
        Box::new(i64::from(count_max)),
    ];
    connection.query(EVENTS_BY_TIME, parameters)?.iter().map(rows::event).collect()
}

pub(super) fn releases(
    connection: &mut Connection,
    analyst: Option<&Analyst>,
    before: i64,
    count_max: u32,
    wall: Millis,
) -> Result<Vec<ReleaseShown>, LedgerError> {
    let parameters: Parameters = vec![
        Box::new(before),
        Box::new(wall.0),
        Box::new(analyst.map(|analyst| analyst.0.clone())),
        Box::new(i64::from(count_max)),
    ];
    connection.query(RELEASES, parameters)?.iter().map(release).collect()
}

pub(super) fn releases_of(
    connection: &mut Connection,
    questions: &[Question],
    wall: Millis,
) -> Result<Vec<ReleaseShown>, LedgerError> {
    let questions: Vec<Vec<u8>> = questions.iter().map(|one| one.0.to_vec()).collect();
    let parameters: Parameters = vec![Box::new(questions), Box::new(wall.0)];
    connection.query(RELEASES_OF, parameters)?.iter().map(release).collect()
}

fn release(row: &Row) -> Result<ReleaseShown, LedgerError> {
    Ok(ReleaseShown {
        id: get(row, 0)?,
        question: question(row, 1)?,
        charge: get(row, 2)?,
        analyst: Analyst(get(row, 3)?),
        made_at: Millis(get(row, 4)?),
        expires_at: Millis(get(row, 5)?),
        bytes: get(row, 6)?,
    })
}

pub(super) fn people(connection: &mut Connection) -> Result<Vec<Person>, LedgerError> {
    let at = |row: &Row, column| Ok::<_, LedgerError>(get::<Option<i64>>(row, column)?.map(Millis));
    let person =
        |row: &Row| Ok(Person { name: get(row, 0)?, added_at: at(row, 1)?, seen_at: at(row, 2)? });
    connection.query(PEOPLE, Vec::new())?.iter().map(person).collect()
}

pub(super) fn tokens(connection: &mut Connection) -> Result<Vec<Token>, LedgerError> {
    connection.query(TOKENS, Vec::new())?.iter().map(rows::token).collect()
}

pub(super) fn token(
    connection: &mut Connection,
    hash: &[u8; 32],
) -> Result<Option<Token>, LedgerError> {
    let rows = connection.query(TOKEN, vec![Box::new(hash.to_vec())])?;
    rows.first().map(rows::token).transpose()
}
