//! The office, as the commands of administrators find it: over the policy's ledger, which a proxy
//! may have open too, and for the person at the terminal.

use std::sync::Arc;

use nix::unistd::{Uid, User};
use serde::Serialize;

use super::args::Access;
use super::error::CliError;
use super::output::say;
use super::proxy::{open_beside, place};
use crate::admin::office::{Actor, Office, OfficeError, Order, Page};
use crate::admin::shown::List;
use crate::clock::Clock;
use crate::ledger::Via;
use crate::policy::Policy;

/// As many as the office gives at once.
pub(super) const PAGE: u32 = 500;

/// What is on record where nobody had to say why.
const NO_REASON: &str = "no reason was given";

/// The office over a policy's ledger.
pub(super) struct Desk {
    pub(super) office: Office,
    place: String,
    json: bool,
}

impl Desk {
    /// Opens the ledger, and takes in the teams that are in it.
    pub(super) async fn open(access: &Access) -> Result<Self, CliError> {
        let policy = Policy::load(&access.of.policy)?;
        let place = place(&policy)?.to_string();
        let ledger = open_beside(&policy)?;
        let policy = Arc::new(policy);
        let office = Office::new(policy, ledger, Clock::System);
        let desk = Self { office, place, json: access.json };
        desk.office.follow_teams().await.map_err(|error| desk.said(error))?;
        Ok(desk)
    }

    /// What the office says, in the words of a command.
    pub(super) fn said(&self, error: OfficeError) -> CliError {
        match error {
            OfficeError::Ledger(error) => CliError::Ledger { place: self.place.clone(), error },
            OfficeError::Invalid { field, message } => CliError::Said(format!("{field} {message}")),
            other => CliError::Said(phrase(&other.to_string())),
        }
    }

    /// Prints an answer of the office for programs or, as `table` does, for people.
    pub(super) fn print<T: Serialize>(
        &self,
        answer: &T,
        table: impl FnOnce(&T),
    ) -> Result<(), CliError> {
        if self.json {
            say(serde_json::to_string(answer)?);
        } else {
            table(answer);
        }
        Ok(())
    }

    /// Says something to people only.
    pub(super) fn tell(&self, sentence: impl std::fmt::Display) {
        if !self.json {
            say(sentence);
        }
    }

    /// A list, put together of as many parts as it takes to have `count` of it.
    pub(super) async fn parts<T>(
        &self,
        count: u32,
        mut part: impl AsyncFnMut(&Office, Page) -> Result<List<T>, OfficeError>,
    ) -> Result<List<T>, CliError> {
        let mut all = List { items: Vec::new(), next: None };
        loop {
            let had = u32::try_from(all.items.len()).unwrap_or(u32::MAX);
            let limit = count.saturating_sub(had).min(PAGE);
            let page = Page { limit: Some(limit), cursor: all.next.take() };
            let found = part(&self.office, page).await.map_err(|error| self.said(error))?;
            all.items.extend(found.items);
            all.next = found.next;
            let more = u32::try_from(all.items.len()).is_ok_and(|has| has < count);
            if all.next.is_none() || !more {
                return Ok(all);
            }
        }
    }

    /// As [`Self::parts`], to the end.
    pub(super) async fn all<T>(
        &self,
        part: impl AsyncFnMut(&Office, Page) -> Result<List<T>, OfficeError>,
    ) -> Result<List<T>, CliError> {
        self.parts(u32::MAX, part).await
    }
}

/// A change that the person at the terminal asks for.
pub(super) fn order(why: &str) -> Order {
    let actor = Actor { who: format!("os:{}", person()), via: Via::Cli };
    Order { actor, why: why.to_owned(), expected: None, key: None }
}

/// As [`order`], for what needs no reason.
pub(super) fn order_or_none(why: Option<&str>) -> Order {
    order(why.unwrap_or(NO_REASON))
}

/// A sentence as it follows the program's name.
fn phrase(sentence: &str) -> String {
    let mut rest = sentence.trim_end_matches('.').chars();
    let first = rest.next().map(char::to_lowercase);
    first.into_iter().flatten().chain(rest).collect()
}

/// The operating system's user, by name if there is one.
fn person() -> String {
    let id = Uid::current();
    match User::from_uid(id) {
        Ok(Some(user)) if !user.name.is_empty() => user.name,
        _ => id.to_string(),
    }
}
