//! Which of a session's prepared statements and portals are private.
//!
//! Names change when a request is forwarded, before the shadow has done it, because what follows
//! in the pipeline depends on them. Where the shadow then fails or skips it, the change is undone.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::WireError;
use super::message::from_client::{Bind, Kind, Named};
use super::private::{Private, Shape};

/// The most prepared statements or portals that one session may have.
const NAMES_MAX: usize = 10_000;

/// Names of a session.
#[derive(Debug, Default)]
pub(super) struct Names {
    statements: HashMap<String, Private>,
    portals: HashMap<String, Portal>,
}

/// A portal of a private statement.
#[derive(Clone, Debug)]
pub(super) struct Portal {
    private: Private,
    bind: Bind,
    /// Its answer has been bound in its place; more rows of it may follow.
    answered: bool,
}

/// What a name meant before.
#[derive(Debug)]
pub(super) enum Undo {
    Statement(String, Option<Box<Private>>),
    Portal(String, Option<Box<Portal>>),
}

impl Names {
    /// A statement was parsed; nothing means that it is not private.
    pub(super) fn parse(
        &mut self,
        name: String,
        private: Option<Private>,
    ) -> Result<Undo, WireError> {
        full(self.statements.len())?;
        let before = replace(&mut self.statements, &name, private);
        Ok(Undo::Statement(name, before))
    }

    /// What stands on the shadow for a prepared statement, and what it means.
    pub(super) fn meant(&self, name: &str) -> Option<(&Arc<str>, &String)> {
        let private = self.statements.get(name)?;
        match &private.shape {
            Shape::Wide(stands) => Some((stands, &private.statement.text)),
            Shape::Open | Shape::Plain => None,
        }
    }

    /// A portal was bound.
    pub(super) fn bind(&mut self, bind: Bind) -> Result<Undo, WireError> {
        full(self.portals.len())?;
        let name = bind.portal.clone();
        let private = self.statements.get(&bind.statement).cloned();
        let portal = private.map(|private| Portal { private, bind, answered: false });
        let before = replace(&mut self.portals, &name, portal);
        Ok(Undo::Portal(name, before))
    }

    /// A statement or portal was closed.
    pub(super) fn close(&mut self, named: Named) -> Undo {
        match named.kind {
            Kind::Statement => {
                let before = replace(&mut self.statements, &named.name, None);
                Undo::Statement(named.name, before)
            }
            Kind::Portal => {
                let before = replace(&mut self.portals, &named.name, None);
                Undo::Portal(named.name, before)
            }
        }
    }

    /// A simple query ends the unnamed statement and portal, as in PostgreSQL.
    pub(super) fn close_unnamed(&mut self) {
        self.statements.remove("");
        self.portals.remove("");
    }

    /// The private statement of a portal that is executed for the first time.
    pub(super) fn unanswered(&mut self, portal: &str) -> Option<(Private, Bind)> {
        let portal = self.portals.get_mut(portal).filter(|portal| !portal.answered)?;
        portal.answered = true;
        Some((portal.private.clone(), portal.bind.clone()))
    }

    /// Takes changes back, the last one first.
    pub(super) fn undo(&mut self, undone: &mut Vec<Undo>) {
        while let Some(undo) = undone.pop() {
            match undo {
                Undo::Statement(name, before) => {
                    replace(&mut self.statements, &name, before.map(|before| *before));
                }
                Undo::Portal(name, before) => {
                    replace(&mut self.portals, &name, before.map(|before| *before));
                }
            }
        }
    }
}

fn replace<T>(names: &mut HashMap<String, T>, name: &str, to: Option<T>) -> Option<Box<T>> {
    let before = match to {
        Some(to) => names.insert(name.to_owned(), to),
        None => names.remove(name),
    };
    before.map(Box::new)
}

fn full(count: usize) -> Result<(), WireError> {
    if count >= NAMES_MAX {
        return Err(WireError::protocol("too many prepared statements or portals"));
    }
    Ok(())
}
