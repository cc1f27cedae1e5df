//! The name of a table: schema and name, as PostgreSQL stores them.

use crate::quote::{ident, qualified};
use std::fmt;
use std::str::FromStr;

/// A table of the source. Names are compared as stored: `Orders` is not `orders`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The schema.
    pub schema: String,
    /// The table.
    pub name: String,
}

/// Why a text names no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name of the form schema.table")]
pub struct NameError(String);

impl TableName {
    /// A name from its two parts.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// The name as SQL, always in quotes, so that it means this table whatever it holds.
    pub fn quoted(&self) -> String {
        qualified(&self.schema, &self.name)
    }
}

/// The parts of `a.b.c`; a part in double quotes may hold anything.
pub(super) fn split_dotted(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = if let Some(quoted) = rest.strip_prefix('"') {
            split_quoted(quoted)?
        } else {
            let (part, after) = rest.split_at_checked(rest.find('.').unwrap_or(rest.len()))?;
            (part.to_owned(), after)
        };
        let plain = !rest.starts_with('"');
        let unclear = |c: char| c.is_whitespace() || matches!(c, '"' | '>');
        if part.is_empty()
            || part.len() > 63
            || part.contains('\0')
            || (plain && part.contains(unclear))
        {
            return None;
        }
        parts.push(part);
        if after.is_empty() {
            return Some(parts);
        }
        rest = after.strip_prefix('.')?;
    }
}

/// What stands before the closing quote, and what after it.
fn split_quoted(text: &str) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            part.push(c);
        } else if chars.next_if(|&(_, next)| next == '"').is_some() {
            part.push('"');
        } else {
            return Some((part, text.get(at + 1..)?));
        }
    }
    None
}

/// One part as the policy file would write it.
pub(super) fn plain(part: &str) -> String {
    let unclear = |c: char| c.is_whitespace() || matches!(c, '.' | '"' | '>');
    if part.is_empty() || part.contains(unclear) { ident(part) } else { part.to_owned() }
}

impl FromStr for TableName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match split_dotted(text).map(<[String; 2]>::try_from) {
            Some(Ok([schema, name])) => Ok(Self { schema, name }),
            _ => Err(NameError(text.to_owned())),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", plain(&self.schema), plain(&self.name))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_printed() {
        for (schema, name) in
            [("public", "orders"), ("Sales", "a.b"), ("s", "it\"s > odd"), ("ä", "💡")]
        {
            let table = TableName::new(schema, name);
            assert_eq!(table.to_string().parse::<TableName>().unwrap(), table);
        }
        assert_eq!("public.orders".parse::<TableName>().unwrap().quoted(), "\"public\".\"orders\"");
        assert_eq!(TableName::new("s", "a\"b").quoted(), "\"s\".\"a\"\"b\"");
    }

    #[test]
    fn what_is_no_name() {
        for text in ["", "orders", "a.b.c", ".b", "a.", "a. b", "a.\"b", "a.\"b\"c", "a.b\""] {
            assert!(text.parse::<TableName>().is_err(), "{text}");
        }
    }
}
