//! A connection that reads.

use std::collections::BTreeMap;

use noisegate_privacy::budget::Loss;

use super::super::accounts::Stored;
use super::super::control::Control;
use super::super::event::{AuditCursor, AuditFilter};
use super::super::shown::{
    Bucket, ChargeFilter, ChargeShown, Person, Recalled, ReleaseShown, Spender, Token,
};
use super::super::store::{Changes, ChargeRow, EventRow, Meta, Page, Sum, View as Viewing};
use super::super::types::{LedgerError, State};
use super::connect::Connection;
use super::rows::{self, get};
use super::{pages, read, shown};
use crate::clock::Millis;
use crate::ids::{Analyst, Question};

const MARK: &str = "SELECT mark_ms FROM meta";
const STORED: &str = "SELECT id, window_ms, start_ms, rho::text, epsilon::text, delta::text,
    gaussian, version, frozen, cap::text, granted::text, granted_until, reset_ms
    FROM account WHERE id = ANY($1)";
const CONTROLS: &str = "SELECT id, window_ms, start_ms, rho::text, epsilon::text, delta::text,
    gaussian, version, frozen, cap::text, granted::text, granted_until, reset_ms
    FROM account WHERE version > 0";
const HISTORY: &str = "SELECT id, key, query, analyst, at_ms, state FROM charge
    WHERE analyst = $1 ORDER BY id DESC LIMIT $2";
const LEAVES: &str = "SELECT charge, rho::text, epsilon::text, delta::text FROM leaf
    WHERE charge = ANY($1)";
const TEAM_EVENTS: &str = "SELECT id, at_ms, who, via, kind, object, detail, why, key, request,
        generation
    FROM event WHERE kind LIKE 'team.%' AND id > $1 ORDER BY id LIMIT $2";
const VERIFIER: &str = "SELECT verifier FROM analyst WHERE name = $1";

pub(super) const STATEMENTS: [&str; 6] =
    [shown::RECALL_FOR, MARK, STORED, HISTORY, LEAVES, VERIFIER];

pub(super) struct View {
    pub(super) connection: Connection,
}

impl Viewing for View {
    fn stored(
        &mut self,
        accounts: &[String],
    ) -> Result<(Millis, BTreeMap<String, Stored>), LedgerError> {
        let asked = vec![(MARK, Vec::new()), (STORED, vec![Box::new(accounts.to_vec()) as _])];
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let answers = self.connection.pipeline(begin, asked, &[])?;
        let mut answers = answers.iter();
        let mark = answers.next().and_then(|rows| rows.first());
        let mark = mark.map_or(Ok(0), |row| get(row, 0))?;
        let stored =
            answers.next().map_or_else(|| Ok(BTreeMap::new()), |rows| read::stored(rows))?;
        Ok((Millis(mark), stored))
    }

    fn sums(&mut self, of: &[(String, i64)]) -> Result<Vec<Sum>, LedgerError> {
        read::sums(&mut self.connection, of)
    }

    fn end(&mut self) -> Result<(), LedgerError> {
        self.connection.batch("COMMIT")
    }

    fn history(
        &mut self,
        analyst: &Analyst,
        count_max: u32,
    ) -> Result<Vec<(ChargeRow, Vec<Loss>)>, LedgerError> {
        let parameters: super::connect::Parameters =
            vec![Box::new(analyst.0.clone()), Box::new(i64::from(count_max))];
        let charges = self.connection.query(HISTORY, parameters)?;
        let charges: Vec<ChargeRow> = charges.iter().map(rows::charge).collect::<Result<_, _>>()?;
        let ids: Vec<i64> = charges.iter().map(|charge| charge.id).collect();
        let mut losses: BTreeMap<i64, Vec<Loss>> = BTreeMap::new();
        for row in self.connection.query(LEAVES, vec![Box::new(ids)])? {
            losses.entry(get(&row, 0)?).or_default().push(rows::loss(&row, 1)?);
        }
        let of = |charge: ChargeRow| {
            let losses = losses.remove(&charge.id).unwrap_or_default();
            (charge, losses)
        };
        Ok(charges.into_iter().map(of).collect())
    }

    fn latest(
        &mut self,
        account: &str,
        but: u32,
        after: Millis,
    ) -> Result<Option<Millis>, LedgerError> {
        read::latest(&mut self.connection, account, but, after)
    }

    fn recall_for(
        &mut self,
        question: &Question,
        analyst: &Analyst,
        wall: Millis,
    ) -> Result<Option<Recalled>, LedgerError> {
        shown::recall_for(&mut self.connection, question, analyst, wall)
    }

    fn controls(&mut self) -> Result<BTreeMap<String, Control>, LedgerError> {
        let rows = self.connection.query(CONTROLS, Vec::new())?;
        let stored = read::stored(&rows)?.into_iter();
        Ok(stored.map(|(id, stored)| (id, stored.control)).collect())
    }

    fn buckets(
        &mut self,
        account: &str,
        time: (Millis, Millis),
        bucket_ms: i64,
    ) -> Result<Vec<Bucket>, LedgerError> {
        shown::buckets(&mut self.connection, account, time, bucket_ms)
    }

    fn spenders(
        &mut self,
        account: Option<&str>,
        time: (Millis, Millis),
    ) -> Result<Vec<Spender>, LedgerError> {
        shown::spenders(&mut self.connection, account, time)
    }

    fn charges(
        &mut self,
        filter: &ChargeFilter,
        before: i64,
        count_max: u32,
    ) -> Result<Vec<ChargeShown>, LedgerError> {
        shown::charges(&mut self.connection, filter, before, count_max)
    }

    fn charges_by_time(
        &mut self,
        filter: &AuditFilter,
        state: Option<State>,
        before: AuditCursor,
        count_max: u32,
    ) -> Result<Vec<ChargeShown>, LedgerError> {
        shown::charges_by_time(&mut self.connection, filter, state, before, count_max)
    }

    fn events_by_time(
        &mut self,
        filter: &AuditFilter,
        before: AuditCursor,
        count_max: u32,
    ) -> Result<Vec<EventRow>, LedgerError> {
        shown::events_by_time(&mut self.connection, filter, before, count_max)
    }

    fn team_events(&mut self, after: i64, count_max: u32) -> Result<Vec<EventRow>, LedgerError> {
        let parameters: super::connect::Parameters =
            vec![Box::new(after), Box::new(i64::from(count_max))];
        self.connection.query(TEAM_EVENTS, parameters)?.iter().map(rows::event).collect()
    }

    fn releases(
        &mut self,
        analyst: Option<&Analyst>,
        before: i64,
        count_max: u32,
        wall: Millis,
    ) -> Result<Vec<ReleaseShown>, LedgerError> {
        shown::releases(&mut self.connection, analyst, before, count_max, wall)
    }

    fn releases_of(
        &mut self,
        questions: &[Question],
        wall: Millis,
    ) -> Result<Vec<ReleaseShown>, LedgerError> {
        shown::releases_of(&mut self.connection, questions, wall)
    }

    fn people(&mut self) -> Result<Vec<Person>, LedgerError> {
        shown::people(&mut self.connection)
    }

    fn tokens(&mut self) -> Result<Vec<Token>, LedgerError> {
        shown::tokens(&mut self.connection)
    }

    fn token(&mut self, hash: &[u8; 32]) -> Result<Option<Token>, LedgerError> {
        shown::token(&mut self.connection, hash)
    }

    fn meta(&mut self) -> Result<Meta, LedgerError> {
        read::meta_now(&mut self.connection)
    }

    fn voided(&mut self, after: i64, count_max: i64) -> Result<Vec<i64>, LedgerError> {
        let sql = "SELECT id FROM charge WHERE id > $1 AND state = 'voided' ORDER BY id LIMIT $2";
        let rows = self.connection.query(sql, vec![Box::new(after), Box::new(count_max)])?;
        rows.iter().map(|row| get(row, 0)).collect()
    }

    fn page(&mut self, of: Page) -> Result<Changes, LedgerError> {
        pages::read(&mut self.connection, of)
    }

    fn users(&mut self) -> Result<Vec<String>, LedgerError> {
        let rows = self.connection.query("SELECT name FROM analyst ORDER BY name", Vec::new())?;
        rows.iter().map(|row| get(row, 0)).collect()
    }

    fn verifier(&mut self, name: &str) -> Result<Option<String>, LedgerError> {
        let rows = self.connection.query(VERIFIER, vec![Box::new(name.to_owned())])?;
        rows.first().map(|row| get(row, 0)).transpose()
    }

    fn lost(&self) -> bool {
        self.connection.lost()
    }
}
