//! What a unit of work changed, written with one prepared statement for each kind of row.

use noisegate_privacy::budget::Amount;
use rusqlite::{Connection, params};

use super::super::chain::Link;
use super::super::store::{Changes, Meta, UserRow, WholeCharge};
use super::super::types::LedgerError;

pub(super) fn all(conn: &Connection, changes: &Changes) -> Result<(), LedgerError> {
    charges(conn, &changes.charges)?;
    let mut states = conn.prepare_cached("UPDATE charge SET state = ?2 WHERE id = ?1")?;
    for (charge, state) in &changes.states {
        states.execute(params![charge, state.name()])?;
    }
    accounts(conn, changes)?;
    releases(conn, changes)?;
    users(conn, changes)?;
    tokens(conn, changes)?;
    events(conn, changes)?;
    links(conn, &changes.links)?;
    if let Some(meta) = &changes.meta {
        counters(conn, meta)?;
    }
    Ok(())
}

/// Sums and decisions, each without the other.
fn accounts(conn: &Connection, changes: &Changes) -> Result<(), LedgerError> {
    let mut accounts = conn.prepare_cached(
        "INSERT INTO account (id, window_ms, start_ms, rho, epsilon, delta, gaussian)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET window_ms = excluded.window_ms,
             start_ms = excluded.start_ms, rho = excluded.rho, epsilon = excluded.epsilon,
             delta = excluded.delta, gaussian = excluded.gaussian",
    )?;
    for (id, spent) in &changes.accounts {
        let sum = &spent.sum;
        accounts.execute(params![
            id,
            spent.window_ms,
            spent.start_ms,
            sum.rho.to_string(),
            sum.epsilon.to_string(),
            sum.delta.to_string(),
            sum.gaussian,
        ])?;
    }
    // An account that was never charged is given a window that is nobody's, so that no sum is made up.
    let mut controls = conn.prepare_cached(
        "INSERT INTO account (id, window_ms, start_ms, rho, epsilon, delta, gaussian, version,
             frozen, cap, granted, granted_until, reset_ms)
         VALUES (?1, 0, 1, '0', '0', '0', 0, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET version = excluded.version, frozen = excluded.frozen,
             cap = excluded.cap, granted = excluded.granted,
             granted_until = excluded.granted_until, reset_ms = excluded.reset_ms",
    )?;
    for (id, control) in &changes.controls {
        controls.execute(params![
            id,
            control.version,
            control.frozen,
            control.cap.as_ref().map(Amount::to_string),
            control.granted.to_string(),
            control.granted_until.map(|until| until.0),
            control.reset_at.map(|at| at.0),
        ])?;
    }
    Ok(())
}

fn charges(conn: &Connection, charges: &[WholeCharge]) -> Result<(), LedgerError> {
    let mut charge = conn.prepare_cached(
        "INSERT INTO charge (id, query, analyst, at_ms, state, key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut leaf = conn.prepare_cached("INSERT INTO leaf VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let mut debit = conn.prepare_cached("INSERT INTO debit VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for WholeCharge { row, leaves, debits } in charges {
        charge.execute(params![
            row.id,
            row.query.0,
            row.analyst,
            row.at.0,
            row.state.name(),
            row.key.map(|key| key.0),
        ])?;
        for (position, (question, loss)) in (0_i64..).zip(leaves) {
            let (rho, delta) = (loss.rho.to_string(), loss.delta.to_string());
            let epsilon = loss.epsilon.as_ref().map(Amount::to_string);
            leaf.execute(params![row.id, position, question.0, rho, epsilon, delta])?;
        }
        for (account, loss) in debits {
            let (rho, delta) = (loss.rho.to_string(), loss.delta.to_string());
            let epsilon = loss.epsilon.as_ref().map(Amount::to_string);
            debit.execute(params![account, row.at.0, row.id, rho, epsilon, delta])?;
        }
    }
    Ok(())
}

fn releases(conn: &Connection, changes: &Changes) -> Result<(), LedgerError> {
    if let Some(until) = changes.forget_expired {
        conn.prepare_cached("DELETE FROM release WHERE expires_ms <= ?1")?.execute([until.0])?;
    }
    let mut forget = conn.prepare_cached("DELETE FROM release WHERE id = ?1")?;
    for id in &changes.forgotten {
        forget.execute([id])?;
    }
    let mut store = conn.prepare_cached(
        "INSERT INTO release (id, question, charge, expires_ms, payload)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for new in &changes.releases {
        let (question, expires) = (new.question.0, new.expires.0);
        store.execute(params![new.id, question, new.charge, expires, new.payload])?;
    }
    Ok(())
}

fn users(conn: &Connection, changes: &Changes) -> Result<(), LedgerError> {
    for (name, user) in &changes.users {
        match user {
            Some(UserRow { verifier, added, seen }) => conn
                .prepare_cached(
                    "INSERT INTO user VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (name) DO UPDATE SET verifier = excluded.verifier",
                )?
                .execute(params![name, verifier, added.map(|at| at.0), seen.map(|at| at.0)])?,
            None => conn.prepare_cached("DELETE FROM user WHERE name = ?1")?.execute([name])?,
        };
    }
    let mut seen = conn.prepare_cached("UPDATE user SET seen_ms = ?2 WHERE name = ?1")?;
    for (name, at) in &changes.seen {
        seen.execute(params![name, at.0])?;
    }
    Ok(())
}

fn tokens(conn: &Connection, changes: &Changes) -> Result<(), LedgerError> {
    for (id, token) in &changes.tokens {
        match token {
            Some(token) => conn
                .prepare_cached("INSERT INTO token VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
                .execute(params![
                    id,
                    token.hash,
                    token.name,
                    token.role,
                    token.created_by,
                    token.created_at.0,
                    token.expires_at.0,
                ])?,
            None => conn.prepare_cached("DELETE FROM token WHERE id = ?1")?.execute([id])?,
        };
    }
    Ok(())
}

fn events(conn: &Connection, changes: &Changes) -> Result<(), LedgerError> {
    if let Some(before) = changes.forget_events {
        let sql = concat!(old_events!(), " DELETE FROM event WHERE id IN (SELECT id FROM oldest)");
        conn.prepare_cached(sql)?.execute([before.0])?;
    }
    let mut statement = conn.prepare_cached(
        "INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for event in &changes.events {
        statement.execute(params![
            event.id,
            event.at.0,
            event.who,
            event.via,
            event.kind,
            event.object,
            event.detail,
            event.why,
            event.request.map(|request| request.key),
            event.request.map(|request| request.request),
            event.generation,
        ])?;
    }
    Ok(())
}

/// Adds generations.
pub(super) fn links(conn: &Connection, links: &[Link]) -> Result<(), LedgerError> {
    let sql = "INSERT INTO chain VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let mut statement = conn.prepare_cached(sql)?;
    for link in links {
        let of = link.made_of.as_ref();
        statement.execute(params![
            link.generation,
            link.head,
            link.note,
            of.map(|of| of.mark.0),
            of.map(|of| of.last_charge),
            of.map(|of| of.last_event),
            of.map(|of| of.events),
            of.map(|of| of.rest),
            link.marks,
        ])?;
    }
    Ok(())
}

fn counters(conn: &Connection, meta: &Meta) -> Result<(), LedgerError> {
    conn.prepare_cached(
        "UPDATE meta SET mark_ms = ?1, release_bytes = ?2, last_charge = ?3, final_charge = ?4,
             last_release = ?5, last_event = ?6",
    )?
    .execute([
        meta.mark.0,
        meta.release_bytes,
        meta.last_charge,
        meta.final_charge,
        meta.last_release,
        meta.last_event,
    ])?;
    Ok(())
}

/// Makes an empty ledger the same one as another, whose generations come afterwards.
pub(super) fn identity(conn: &Connection, meta: &Meta) -> Result<(), LedgerError> {
    // The only generation that ever goes: the first one of a ledger that is none yet.
    conn.execute_batch("DROP TRIGGER chain_kept; DELETE FROM chain")?;
    conn.execute_batch(
        "CREATE TRIGGER chain_kept BEFORE DELETE ON chain
         BEGIN SELECT raise(ABORT, 'generations are never deleted'); END",
    )?;
    conn.execute("UPDATE meta SET ledger = ?1", [meta.ledger])?;
    counters(conn, meta)
}
