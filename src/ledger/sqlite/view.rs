//! A connection that reads.

use std::collections::BTreeMap;

use noisegate_privacy::budget::Loss;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::accounts::Spent;
use super::super::store::{ChargeRow, Sum, View as Viewing};
use super::super::types::LedgerError;
use super::{read, rows};
use crate::clock::Millis;
use crate::ids::{Analyst, Question};

pub(super) struct View {
    pub(super) conn: Connection,
}

impl Viewing for View {
    fn recall(
        &mut self,
        question: &Question,
        wall: Millis,
    ) -> Result<Option<Vec<u8>>, LedgerError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT payload FROM release, meta
             WHERE question = ?1 AND expires_ms > max(mark_ms, ?2)",
        )?;
        Ok(statement.query_row(params![question.0, wall.0], |row| row.get(0)).optional()?)
    }

    fn stored(
        &mut self,
        accounts: &[String],
    ) -> Result<(Millis, BTreeMap<String, Spent>), LedgerError> {
        self.conn.prepare_cached("BEGIN")?.execute([])?;
        let mut mark = self.conn.prepare_cached("SELECT mark_ms FROM meta")?;
        let mark = Millis(mark.query_row([], |row| row.get(0))?);
        Ok((mark, read::stored(&self.conn, accounts)?))
    }

    fn sums(&mut self, of: &[(String, i64)]) -> Result<Vec<Sum>, LedgerError> {
        of.iter().map(|(id, start)| read::sum(&self.conn, id, *start)).collect()
    }

    fn end(&mut self) -> Result<(), LedgerError> {
        self.conn.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    fn history(
        &mut self,
        analyst: &Analyst,
        count_max: u32,
    ) -> Result<Vec<(ChargeRow, Vec<Loss>)>, LedgerError> {
        // One moment for all rows; it ends with the guard.
        let moment = self.conn.unchecked_transaction()?;
        let columns = rows::CHARGE;
        let mut charges = moment.prepare_cached(&format!(
            "SELECT {columns} FROM charge WHERE analyst = ?1 ORDER BY id DESC LIMIT ?2"
        ))?;
        let mut leaves =
            moment.prepare_cached("SELECT rho, epsilon, delta FROM leaf WHERE charge = ?1")?;
        let charges = charges.query_map(params![analyst.0, count_max], rows::charge)?;
        charges
            .map(|charge| {
                let charge = charge?;
                let losses = leaves.query_map([charge.id], |row| rows::loss(row, 0))?;
                let losses = losses.collect::<Result<_, _>>()?;
                Ok((charge, losses))
            })
            .collect()
    }

    fn users(&mut self) -> Result<Vec<String>, LedgerError> {
        let mut statement = self.conn.prepare_cached("SELECT name FROM user ORDER BY name")?;
        let names = statement.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    fn verifier(&mut self, name: &str) -> Result<Option<String>, LedgerError> {
        let sql = "SELECT verifier FROM user WHERE name = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }
}
