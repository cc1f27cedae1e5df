//! What is wrong with a policy file, where, and what to write instead.

use std::ops::Range;
use std::path::PathBuf;

/// A place in the file, both counted from 1; column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    /// Where a byte of the text stands.
    #[cfg(test)]
    pub(super) fn of(text: &str, offset: usize) -> Self {
        Source::new("", text).place(&(offset..offset))
    }
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("cannot read {path}: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The file says something that is not understood or cannot be meant.
    #[error("{name}:{}:{}: {what}; {fix}", place.line, place.column)]
    Wrong {
        /// The file's name.
        name: String,
        /// Where in it.
        place: Place,
        /// What is wrong.
        what: String,
        /// What to write.
        fix: String,
    },
}

/// The text that is being read, to tell where things stand in it.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    /// Where each line begins: every key's place is asked for.
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(name: &'a str, text: &'a str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { name, text, lines: std::iter::once(0).chain(ends).collect() }
    }
}

impl Source<'_> {
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let offset = span.start.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        Place { line, column: before.chars().count() + 1 }
    }

    pub(super) fn wrong(
        &self,
        span: &Range<usize>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> PolicyError {
        PolicyError::Wrong {
            name: self.name.to_owned(),
            place: self.place(span),
            what: what.into(),
            fix: fix.into(),
        }
    }

    /// What the TOML reader and serde found. Their messages name what was expected; they may also
    /// quote a value of the file, which the operator wrote and reads.
    pub(super) fn toml(&self, error: &toml::de::Error) -> PolicyError {
        let message = error.message().trim().replace('\n', ", ");
        let (what, fix) = match message.split_once(", expected ") {
            Some((what, expected)) => (what.to_owned(), format!("expected {expected}")),
            None => match message.strip_prefix("missing field ") {
                Some(field) => (format!("{field} is missing"), format!("add {field}")),
                None => (message, "see the commented example, budgets/example.toml".to_owned()),
            },
        };
        self.wrong(&error.span().unwrap_or(0..0), what, fix)
    }
}
