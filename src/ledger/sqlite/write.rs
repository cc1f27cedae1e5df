//! What a unit of work changed, written with one prepared statement for each kind of row.

use noisegate_privacy::budget::Amount;
use rusqlite::{Connection, params};

use super::super::chain::Link;
use super::super::store::{Changes, Meta, WholeCharge};
use super::super::types::LedgerError;

pub(super) fn all(conn: &Connection, changes: &Changes) -> Result<(), LedgerError> {
    charges(conn, &changes.charges)?;
    let mut states = conn.prepare_cached("UPDATE charge SET state = ?2 WHERE id = ?1")?;
    for (charge, state) in &changes.states {
        states.execute(params![charge, state.name()])?;
    }
    let mut accounts =
        conn.prepare_cached("INSERT OR REPLACE INTO account VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
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
    releases(conn, changes)?;
    users(conn, changes)?;
    links(conn, &changes.links)?;
    if let Some(meta) = &changes.meta {
        counters(conn, meta)?;
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
    for (name, verifier) in &changes.users {
        match verifier {
            Some(verifier) => conn
                .prepare_cached("INSERT OR REPLACE INTO user VALUES (?1, ?2)")?
                .execute(params![name, verifier])?,
            None => conn.prepare_cached("DELETE FROM user WHERE name = ?1")?.execute([name])?,
        };
    }
    Ok(())
}

/// Adds generations.
pub(super) fn links(conn: &Connection, links: &[Link]) -> Result<(), LedgerError> {
    let mut statement = conn.prepare_cached("INSERT INTO chain VALUES (?1, ?2, ?3)")?;
    for link in links {
        statement.execute(params![link.generation, link.head, link.note])?;
    }
    Ok(())
}

fn counters(conn: &Connection, meta: &Meta) -> Result<(), LedgerError> {
    conn.prepare_cached(
        "UPDATE meta SET mark_ms = ?1, release_bytes = ?2, last_charge = ?3, final_charge = ?4,
             last_release = ?5",
    )?
    .execute([
        meta.mark.0,
        meta.release_bytes,
        meta.last_charge,
        meta.final_charge,
        meta.last_release,
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
