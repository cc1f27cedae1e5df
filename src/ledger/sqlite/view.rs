//! A connection that reads.

use std::collections::BTreeMap;

use noisegate_privacy::budget::Loss;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::accounts::Stored;
use super::super::control::Control;
use super::super::event::{AuditCursor, AuditFilter};
use super::super::shown::{
    Bucket, ChargeFilter, ChargeShown, Person, Recalled, ReleaseShown, Spender, Token,
};
use super::super::store::{Changes, ChargeRow, EventRow, Meta, Page, Sum, View as Viewing};
use super::super::types::{LedgerError, State};
use super::{pages, read, rows, shown};
use crate::clock::Millis;
use crate::ids::{Analyst, Question};

pub(super) struct View {
    pub(super) conn: Connection,
}

impl Viewing for View {
    fn stored(
        &mut self,
        accounts: &[String],
    ) -> Result<(Millis, BTreeMap<String, Stored>), LedgerError> {
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

    fn latest(
        &mut self,
        account: &str,
        but: u32,
        after: Millis,
    ) -> Result<Option<Millis>, LedgerError> {
        read::latest(&self.conn, account, but, after)
    }

    fn recall_for(
        &mut self,
        question: &Question,
        analyst: &Analyst,
        wall: Millis,
    ) -> Result<Option<Recalled>, LedgerError> {
        shown::recall_for(&self.conn, question, analyst, wall)
    }

    fn controls(&mut self) -> Result<BTreeMap<String, Control>, LedgerError> {
        let columns = rows::ACCOUNT;
        let sql = format!("SELECT {columns} FROM account WHERE version > 0");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let found = statement.query_map([], rows::account)?;
        found.map(|row| Ok(row.map(|(id, stored)| (id, stored.control))?)).collect()
    }

    fn buckets(
        &mut self,
        account: &str,
        time: (Millis, Millis),
        bucket_ms: i64,
    ) -> Result<Vec<Bucket>, LedgerError> {
        shown::buckets(&self.conn, account, time, bucket_ms)
    }

    fn spenders(
        &mut self,
        account: Option<&str>,
        time: (Millis, Millis),
    ) -> Result<Vec<Spender>, LedgerError> {
        shown::spenders(&self.conn, account, time)
    }

    fn charges(
        &mut self,
        filter: &ChargeFilter,
        before: i64,
        count_max: u32,
    ) -> Result<Vec<ChargeShown>, LedgerError> {
        shown::charges(&self.conn, filter, before, count_max)
    }

    fn charges_by_time(
        &mut self,
        filter: &AuditFilter,
        state: Option<State>,
        before: AuditCursor,
        count_max: u32,
    ) -> Result<Vec<ChargeShown>, LedgerError> {
        shown::charges_by_time(&self.conn, filter, state, before, count_max)
    }

    fn events_by_time(
        &mut self,
        filter: &AuditFilter,
        before: AuditCursor,
        count_max: u32,
    ) -> Result<Vec<EventRow>, LedgerError> {
        shown::events_by_time(&self.conn, filter, before, count_max)
    }

    fn team_events(&mut self, after: i64, count_max: u32) -> Result<Vec<EventRow>, LedgerError> {
        shown::team_events(&self.conn, after, count_max)
    }

    fn releases(
        &mut self,
        analyst: Option<&Analyst>,
        before: i64,
        count_max: u32,
        wall: Millis,
    ) -> Result<Vec<ReleaseShown>, LedgerError> {
        shown::releases(&self.conn, analyst, before, count_max, wall)
    }

    fn releases_of(
        &mut self,
        questions: &[Question],
        wall: Millis,
    ) -> Result<Vec<ReleaseShown>, LedgerError> {
        shown::releases_of(&self.conn, questions, wall)
    }

    fn people(&mut self) -> Result<Vec<Person>, LedgerError> {
        shown::people(&self.conn)
    }

    fn tokens(&mut self) -> Result<Vec<Token>, LedgerError> {
        shown::tokens(&self.conn)
    }

    fn token(&mut self, hash: &[u8; 32]) -> Result<Option<Token>, LedgerError> {
        shown::token(&self.conn, hash)
    }

    fn meta(&mut self) -> Result<Meta, LedgerError> {
        read::meta(&self.conn)
    }

    fn voided(&mut self, after: i64, count_max: i64) -> Result<Vec<i64>, LedgerError> {
        let sql = "SELECT id FROM charge WHERE id > ?1 AND state = 'voided' ORDER BY id LIMIT ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let ids = statement.query_map([after, count_max], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    fn page(&mut self, of: Page) -> Result<Changes, LedgerError> {
        pages::read(&self.conn, of)
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
