//! What administrators look at. Amounts are text, which SQLite cannot add, so they are added here.

use std::collections::BTreeMap;

use noisegate_privacy::budget::Loss;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::super::charge::both;
use super::super::event::{AuditCursor, AuditFilter};
use super::super::shown::{
    Bucket, ChargeFilter, ChargeShown, Person, Recalled, ReleaseShown, Spender, Token,
};
use super::super::store::{ChargeRow, EventRow, Sum};
use super::super::types::{LedgerError, State};
use super::rows;
use crate::clock::Millis;
use crate::ids::{Analyst, Question};

/// Conditions of a query, with their parameters.
#[derive(Default)]
struct Conditions(Vec<String>, Vec<Value>);

impl Conditions {
    /// Adds a condition; `?` stands for its parameter, however often it is there.
    fn and(&mut self, condition: &str, parameter: impl Into<Value>) {
        self.1.push(parameter.into());
        self.0.push(condition.replace('?', &format!("?{}", self.1.len())));
    }

    fn and_some(&mut self, condition: &str, parameter: Option<impl Into<Value>>) {
        if let Some(parameter) = parameter {
            self.and(condition, parameter);
        }
    }

    /// Those before a place in the order of time.
    fn before(&mut self, at: Millis, id: i64) {
        let first = self.1.len() + 1;
        self.1.extend([at.0.into(), id.into()]);
        self.0.push(format!("(at_ms, id) < (?{first}, ?{})", first + 1));
    }

    fn text(&self) -> String {
        self.0.join(" AND ")
    }
}

pub(super) fn recall_for(
    conn: &Connection,
    question: &Question,
    analyst: &Analyst,
    wall: Millis,
) -> Result<Option<Recalled>, LedgerError> {
    // A release can be settled after a later charge for the same question, so all charges of the
    // analyst from the one that paid for it on are looked at, the latest ten thousand of them: who
    // asked more in between may pay again. That one may have asked under another name: what is
    // answered under bounds that were not known yet is remembered with them. One that is pending
    // may still be given back.
    let mut statement = conn.prepare_cached(
        "SELECT payload,
             EXISTS (SELECT 1 FROM charge
                     WHERE id = release.charge AND analyst = ?2 AND state = 'posted')
             OR EXISTS (SELECT 1 FROM (SELECT id, state FROM charge
                                       WHERE analyst = ?2 AND id >= release.charge
                                       ORDER BY id DESC LIMIT 10000) AS own
                        JOIN leaf ON leaf.charge = own.id
                        WHERE leaf.question = ?1 AND own.state = 'posted')
         FROM release, meta WHERE question = ?1 AND expires_ms > max(meta.mark_ms, ?3)",
    )?;
    let recalled = statement.query_row(params![question.0, analyst.0, wall.0], |row| {
        Ok(Recalled { payload: row.get(0)?, paid: row.get(1)? })
    });
    Ok(recalled.optional()?)
}

pub(super) fn buckets(
    conn: &Connection,
    account: &str,
    (from, to): (Millis, Millis),
    bucket_ms: i64,
) -> Result<Vec<Bucket>, LedgerError> {
    let mut statement = conn.prepare_cached(
        "SELECT debit.at_ms, debit.rho, debit.epsilon, debit.delta
         FROM debit JOIN charge ON charge.id = debit.charge
         WHERE debit.account = ?1 AND debit.at_ms >= ?2 AND debit.at_ms < ?3
             AND charge.state <> 'voided' ORDER BY debit.at_ms",
    )?;
    let mut rows = statement.query(params![account, from.0, to.0])?;
    let mut sums: BTreeMap<i64, (i64, Sum)> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let at: i64 = row.get(0)?;
        let (count, sum) = sums.entry(at - at.rem_euclid(bucket_ms)).or_default();
        *count += 1;
        sum.add(&rows::loss(row, 1)?);
    }
    let bucket = |(start, (charges, Sum { rho, epsilon, delta, .. }))| Bucket {
        start: Millis(start),
        charges,
        rho,
        epsilon,
        delta,
    };
    Ok(sums.into_iter().map(bucket).collect())
}

pub(super) fn spenders(
    conn: &Connection,
    account: Option<&str>,
    (from, to): (Millis, Millis),
) -> Result<Vec<Spender>, LedgerError> {
    let sql = match account {
        Some(_) => {
            "SELECT analyst, charge.id, debit.rho, debit.epsilon, debit.delta
             FROM debit JOIN charge ON charge.id = debit.charge
             WHERE debit.account = ?3 AND debit.at_ms >= ?1 AND debit.at_ms < ?2
                 AND charge.state <> 'voided'"
        }
        None => {
            "SELECT analyst, charge.id, leaf.rho, leaf.epsilon, leaf.delta
             FROM charge JOIN leaf ON leaf.charge = charge.id
             WHERE charge.at_ms >= ?1 AND charge.at_ms < ?2 AND charge.state <> 'voided'
                 AND ?3 IS NULL ORDER BY charge.at_ms, charge.id"
        }
    };
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params![from.0, to.0, account])?;
    let mut sums: BTreeMap<String, (i64, i64, Sum)> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(1)?;
        let (count, last, sum) = sums.entry(row.get(0)?).or_default();
        if *last != id {
            (*last, *count) = (id, *count + 1);
        }
        sum.add(&rows::loss(row, 2)?);
    }
    let spender = |(analyst, (charges, _, Sum { rho, epsilon, delta, .. }))| Spender {
        analyst,
        charges,
        rho,
        epsilon,
        delta,
    };
    Ok(sums.into_iter().map(spender).collect())
}

pub(super) fn charges(
    conn: &Connection,
    filter: &ChargeFilter,
    before: i64,
    count_max: u32,
) -> Result<Vec<ChargeShown>, LedgerError> {
    let mut conditions = Conditions::default();
    conditions.and("id < ?", before);
    conditions.and_some("analyst = ?", filter.analyst.clone());
    let paid = "EXISTS (SELECT 1 FROM debit WHERE debit.charge = charge.id AND debit.account = ?)";
    conditions.and_some(paid, filter.account.clone());
    conditions.and_some("at_ms >= ?", filter.from.map(|at| at.0));
    conditions.and_some("at_ms < ?", filter.to.map(|at| at.0));
    found_charges(conn, conditions, "id DESC", count_max)
}

pub(super) fn charges_by_time(
    conn: &Connection,
    filter: &AuditFilter,
    state: Option<State>,
    before: AuditCursor,
    count_max: u32,
) -> Result<Vec<ChargeShown>, LedgerError> {
    let mut conditions = Conditions::default();
    // Among those of one time, charges come before events.
    let id = if before.is_event { i64::MAX } else { before.id };
    conditions.before(before.at, id);
    conditions.and_some("at_ms >= ?", filter.from.map(|at| at.0));
    conditions.and_some("at_ms < ?", filter.to.map(|at| at.0));
    conditions.and_some("analyst = ?", filter.who.clone());
    conditions.and_some("state = ?", state.map(|state| state.name().to_owned()));
    conditions.and_some("lower(hex(query)) = ?", filter.object.clone());
    conditions.and_some("instr(lower(hex(query)), lower(?)) > 0", filter.text.clone());
    found_charges(conn, conditions, "at_ms DESC, id DESC", count_max)
}

fn found_charges(
    conn: &Connection,
    mut conditions: Conditions,
    order: &str,
    count_max: u32,
) -> Result<Vec<ChargeShown>, LedgerError> {
    conditions.1.push(i64::from(count_max).into());
    let (columns, text, limit) = (rows::CHARGE, conditions.text(), conditions.1.len());
    let sql = format!("SELECT {columns} FROM charge WHERE {text} ORDER BY {order} LIMIT ?{limit}");
    // One moment for all rows; it ends with the guard.
    let moment = conn.unchecked_transaction()?;
    let mut statement = moment.prepare_cached(&sql)?;
    let charges = statement.query_map(params_from_iter(conditions.1), rows::charge)?;
    charges.map(|charge| whole(&moment, charge?)).collect()
}

fn whole(conn: &Connection, row: ChargeRow) -> Result<ChargeShown, LedgerError> {
    let mut leaves = conn.prepare_cached(
        "SELECT question, rho, epsilon, delta FROM leaf WHERE charge = ?1 ORDER BY position",
    )?;
    let leaves =
        leaves.query_map([row.id], |leaf| Ok((Question(leaf.get(0)?), rows::loss(leaf, 1)?)))?;
    let (questions, losses): (Vec<Question>, Vec<Loss>) =
        leaves.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let Loss { rho, epsilon, delta } =
        losses.into_iter().reduce(|a, b| both(&a, &b)).unwrap_or_default();
    let mut debits =
        conn.prepare_cached("SELECT account FROM debit WHERE charge = ?1 ORDER BY account")?;
    let accounts = debits.query_map([row.id], |debit| debit.get(0))?;
    let accounts = accounts.collect::<Result<_, _>>()?;
    let ChargeRow { id, query, analyst, at, state, .. } = row;
    Ok(ChargeShown { id, query, analyst, at, state, questions, rho, epsilon, delta, accounts })
}

pub(super) fn events_by_time(
    conn: &Connection,
    filter: &AuditFilter,
    before: AuditCursor,
    count_max: u32,
) -> Result<Vec<EventRow>, LedgerError> {
    let mut conditions = Conditions::default();
    // Among those of one time, events come after charges.
    let id = if before.is_event { before.id } else { 0 };
    conditions.before(before.at, id);
    conditions.and_some("at_ms >= ?", filter.from.map(|at| at.0));
    conditions.and_some("at_ms < ?", filter.to.map(|at| at.0));
    conditions.and_some("who = ?", filter.who.clone());
    conditions
        .and_some("(kind = ? OR substr(kind, 1, length(?) + 1) = ? || '.')", filter.kind.clone());
    conditions.and_some("object = ?", filter.object.clone());
    let text = "instr(lower(object || char(10) || detail || char(10) || why), lower(?)) > 0";
    conditions.and_some(text, filter.text.clone());
    conditions.1.push(i64::from(count_max).into());
    let (columns, text, limit) = (rows::EVENT, conditions.text(), conditions.1.len());
    let sql = format!(
        "SELECT {columns} FROM event WHERE {text} ORDER BY at_ms DESC, id DESC LIMIT ?{limit}"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let found = statement.query_map(params_from_iter(conditions.1), rows::event)?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn team_events(
    conn: &Connection,
    after: i64,
    count_max: u32,
) -> Result<Vec<EventRow>, LedgerError> {
    let columns = rows::EVENT;
    // Without the hint the way would lead through all events.
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {columns} FROM event INDEXED BY event_team
         WHERE kind GLOB 'team.*' AND id > ?1 ORDER BY id LIMIT ?2"
    ))?;
    let found = statement.query_map(params![after, count_max], rows::event)?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn releases(
    conn: &Connection,
    analyst: Option<&Analyst>,
    before: i64,
    count_max: u32,
    wall: Millis,
) -> Result<Vec<ReleaseShown>, LedgerError> {
    let mut statement = conn.prepare_cached(
        "SELECT release.id, question, charge, analyst, at_ms, expires_ms, length(payload)
         FROM meta, release JOIN charge ON charge.id = release.charge
         WHERE release.id < ?1 AND expires_ms > max(meta.mark_ms, ?2)
             AND (?3 IS NULL OR analyst = ?3)
         ORDER BY release.id DESC LIMIT ?4",
    )?;
    let analyst = analyst.map(|analyst| &analyst.0);
    let found = statement.query_map(params![before, wall.0, analyst, count_max], release)?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn releases_of(
    conn: &Connection,
    questions: &[Question],
    wall: Millis,
) -> Result<Vec<ReleaseShown>, LedgerError> {
    let mut statement = conn.prepare_cached(
        "SELECT release.id, question, charge, analyst, at_ms, expires_ms, length(payload)
         FROM meta, release JOIN charge ON charge.id = release.charge
         WHERE question = ?1 AND expires_ms > max(meta.mark_ms, ?2)",
    )?;
    let mut one = |question: &Question| {
        Ok(statement.query_row(params![question.0, wall.0], release).optional()?)
    };
    questions.iter().filter_map(|question| one(question).transpose()).collect()
}

fn release(row: &Row<'_>) -> rusqlite::Result<ReleaseShown> {
    Ok(ReleaseShown {
        id: row.get(0)?,
        question: Question(row.get(1)?),
        charge: row.get(2)?,
        analyst: Analyst(row.get(3)?),
        made_at: Millis(row.get(4)?),
        expires_at: Millis(row.get(5)?),
        bytes: row.get(6)?,
    })
}

pub(super) fn people(conn: &Connection) -> Result<Vec<Person>, LedgerError> {
    let sql = "SELECT name, added_ms, seen_ms FROM user ORDER BY name";
    let mut statement = conn.prepare_cached(sql)?;
    let at = |row: &Row<'_>, column| {
        Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(Millis))
    };
    let found = statement.query_map([], |row| {
        Ok(Person { name: row.get(0)?, added_at: at(row, 1)?, seen_at: at(row, 2)? })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn tokens(conn: &Connection) -> Result<Vec<Token>, LedgerError> {
    let columns = rows::TOKEN;
    let sql = format!("SELECT {columns} FROM token ORDER BY created_ms, id");
    let mut statement = conn.prepare_cached(&sql)?;
    let found = statement.query_map([], rows::token)?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn token(conn: &Connection, hash: &[u8; 32]) -> Result<Option<Token>, LedgerError> {
    let columns = rows::TOKEN;
    let mut statement =
        conn.prepare_cached(&format!("SELECT {columns} FROM token WHERE hash = ?1"))?;
    Ok(statement.query_row([hash], rows::token).optional()?)
}
