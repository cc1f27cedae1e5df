//! Statements around a query: COPY, DECLARE, CREATE TABLE … AS, SELECT … INTO and INSERT.
//!
//! Only the query inside takes the road. What stands around it is PostgreSQL's: the statement runs
//! in the client's own shadow session, with the spliced query in the place of the written one.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::tokens::{Kind, Look, word};

/// A statement around a private query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// What it does with the query's rows.
    pub verb: Verb,
    /// What stands before the query.
    pub before: String,
    /// The query. What was taken out of its middle left blanks, so that positions stay.
    pub query: String,
    /// Byte offset of the query in the statement's text.
    pub query_at: usize,
    /// What stands after the query.
    pub after: String,
}

/// What a statement does with the rows of the query inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `COPY (query) TO STDOUT`, which takes no parameters.
    Copy,
    /// `DECLARE … CURSOR FOR query`.
    Cursor,
    /// `CREATE TEMP TABLE … AS query`, or `SELECT … INTO TEMP`.
    Table {
        /// The statement names the table's columns.
        names_columns: bool,
    },
    /// `INSERT INTO … query`.
    Insert,
}

impl Wrapped {
    /// Whether what stands around counts on the query's own columns.
    pub fn fixes_columns(&self) -> bool {
        matches!(self.verb, Verb::Insert | Verb::Table { names_columns: true })
    }

    /// The statement around another query.
    pub fn around(&self, query: &str) -> String {
        format!("{}{query}\n{}", self.before, self.after)
    }
}

/// First words of what can stand in the place of a query.
const QUERIES: [&str; 4] = ["select", "with", "values", "table"];

/// What a statement with this first word is; nothing if it is none of these, or one that is not
/// answered.
pub(super) fn read(verb: &str, look: &Look<'_>) -> Option<Kind> {
    match verb {
        "copy" => copy(look),
        "declare" => declare(look),
        "create" => create(look),
        "insert" => insert(look),
        _ => None,
    }
}

fn copy(look: &Look<'_>) -> Option<Kind> {
    let tokens = look.tokens;
    if tokens.get(1)?.token != Token::LParen {
        return None;
    }
    let close = closing(tokens, 1)?;
    let inner = tokens.get(2..close)?;
    if !starts_query(inner) {
        return None;
    }
    let is = |at: usize, expected: &str| word(tokens.get(at)).as_deref() == Some(expected);
    let to_client = is(close.saturating_add(1), "to") && is(close.saturating_add(2), "stdout");
    let parameters = inner.iter().any(|token| matches!(token.token, Token::Placeholder(_)));
    // A file or a program of the server, or a parameter: PostgreSQL knows what to say.
    if !to_client || parameters || !look.ours(inner) {
        return Some(Kind::Untouched);
    }
    look.wrapped(Verb::Copy, 2, close)
}

fn declare(look: &Look<'_>) -> Option<Kind> {
    let tokens = look.tokens;
    let at = tokens.iter().position(|token| word(Some(token)).as_deref() == Some("for"))?;
    let cursor = tokens.iter().take(at).any(|t| word(Some(t)).as_deref() == Some("cursor"));
    let query = at.checked_add(1)?;
    let inner = tokens.get(query..)?;
    if !cursor || !starts_query(inner) {
        return None;
    }
    if !look.ours(inner) {
        return Some(Kind::Untouched);
    }
    look.wrapped(Verb::Cursor, query, tokens.len())
}

fn create(look: &Look<'_>) -> Option<Kind> {
    let tokens = look.tokens;
    let at = outside(tokens, |at| word(tokens.get(at)).as_deref() == Some("as"))?;
    let head = tokens.get(..at)?;
    let table = head.iter().position(|token| word(Some(token)).as_deref() == Some("table"))?;
    let temporary = is_temporary(head.get(1..table)?);
    let query = at.checked_add(1)?;
    let (end, filled) = without_data(tokens);
    let inner = tokens.get(query..end)?;
    if !temporary || !starts_query(inner) || !look.ours(inner) || look.ours(head) {
        return None;
    }
    // Without data it has the query's columns and nothing else, which the shadow knows.
    if !filled {
        return Some(Kind::Untouched);
    }
    // The first parentheses after the name, unless they are WITH's options.
    let open = head.iter().position(|token| token.token == Token::LParen);
    let names_columns = open.is_some_and(|open| {
        open.checked_sub(1).and_then(|before| word(head.get(before))).as_deref() != Some("with")
    });
    look.wrapped(Verb::Table { names_columns }, query, end)
}

/// `SELECT … INTO TEMP name …`, read as CREATE TEMP TABLE name AS.
pub(super) fn select_into(look: &Look<'_>) -> Option<Kind> {
    let tokens = look.tokens;
    let into = outside(tokens, |at| word(tokens.get(at)).as_deref() == Some("into"))?;
    let mut at = into.checked_add(1)?;
    let mut temporary = false;
    while let Some(word) = word(tokens.get(at)) {
        match word.as_str() {
            "temp" | "temporary" => temporary = true,
            "local" | "global" | "table" => {}
            _ => break,
        }
        at = at.checked_add(1)?;
    }
    let name = at;
    at = at.checked_add(1)?;
    while tokens.get(at).is_some_and(|token| token.token == Token::Period) {
        at = at.checked_add(2)?;
    }
    if !temporary || look.ours(tokens.get(into..at)?) {
        return None;
    }
    let (begin, end) = (look.start(0)?, look.end(tokens.len().checked_sub(1)?)?);
    let (cut, rest) = (look.start(into)?, look.end(at.checked_sub(1)?)?);
    let blanks = " ".repeat(look.text.get(cut..rest)?.chars().count());
    let query = format!("{}{blanks}{}", look.text.get(begin..cut)?, look.text.get(rest..end)?);
    let before = format!("CREATE TEMP TABLE {} AS ", look.text.get(look.start(name)?..rest)?);
    let verb = Verb::Table { names_columns: false };
    Some(Kind::Wrapped(Wrapped { verb, before, query, query_at: 0, after: String::new() }))
}

fn insert(look: &Look<'_>) -> Option<Kind> {
    let tokens = look.tokens;
    let query = outside(tokens, |at| tokens.get(at..).is_some_and(starts_query) && at > 2)?;
    let end = outside(tokens, |at| {
        let first = word(tokens.get(at));
        let conflict = || {
            word(at.checked_add(1).and_then(|next| tokens.get(next))).as_deref() == Some("conflict")
        };
        at > query
            && (first.as_deref() == Some("returning")
                || (first.as_deref() == Some("on") && conflict()))
    });
    let end = end.unwrap_or(tokens.len());
    let inner = tokens.get(query..end)?;
    if !look.ours(inner) || look.ours(tokens.get(..query)?) || look.ours(tokens.get(end..)?) {
        return None;
    }
    look.wrapped(Verb::Insert, query, end)
}

/// Whether a query begins here, in parentheses or not.
fn starts_query(tokens: &[&TokenWithSpan]) -> bool {
    let first = tokens.iter().find(|token| token.token != Token::LParen);
    word(first).is_some_and(|word| QUERIES.contains(&word.as_str()))
}

fn is_temporary(words: &[&TokenWithSpan]) -> bool {
    words.iter().any(|token| matches!(word(Some(token)).as_deref(), Some("temp" | "temporary")))
}

/// Where the query of CREATE TABLE … AS ends, and whether the table is filled with it.
fn without_data(tokens: &[&TokenWithSpan]) -> (usize, bool) {
    let back = |by: usize| word(tokens.len().checked_sub(by).and_then(|at| tokens.get(at)));
    let is = |by: usize, expected: &str| back(by).as_deref() == Some(expected);
    if is(1, "data") && is(2, "with") {
        (tokens.len().saturating_sub(2), true)
    } else if is(1, "data") && is(2, "no") && is(3, "with") {
        (tokens.len().saturating_sub(3), false)
    } else {
        (tokens.len(), true)
    }
}

/// The first place outside of parentheses for which `found` holds. An opening one is outside.
fn outside(tokens: &[&TokenWithSpan], found: impl Fn(usize) -> bool) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if token.token == Token::RParen {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 && found(at) {
            return Some(at);
        }
        if token.token == Token::LParen {
            depth = depth.saturating_add(1);
        }
    }
    None
}

/// The parenthesis that closes the one at `open`.
pub(super) fn closing(tokens: &[&TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth = depth.checked_add(1)?,
            Token::RParen => depth = depth.checked_sub(1)?,
            _ => continue,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

impl Look<'_> {
    /// A statement around the tokens from `from` up to `to`.
    fn wrapped(&self, verb: Verb, from: usize, to: usize) -> Option<Kind> {
        let last = self.tokens.len().checked_sub(1)?;
        let (begin, end) = (self.start(0)?, self.end(last)?);
        let (query_at, query_end) = (self.start(from)?, self.end(to.checked_sub(1)?)?);
        Some(Kind::Wrapped(Wrapped {
            verb,
            before: self.text.get(begin..query_at)?.to_owned(),
            query: self.text.get(query_at..query_end)?.to_owned(),
            query_at: query_at.checked_sub(begin)?,
            after: self.text.get(query_end..end)?.to_owned(),
        }))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::super::tokens::split;
    use super::*;

    fn kind(text: &str) -> Kind {
        let private = BTreeSet::from(["orders".to_owned()]);
        split(text, &private).pop().unwrap().kind
    }

    fn parts(text: &str) -> (Verb, String, String, String) {
        match kind(text) {
            Kind::Wrapped(Wrapped { verb, before, query, query_at, after }) => {
                let is_cut = before.starts_with("CREATE TEMP TABLE");
                assert!(is_cut || text.trim_start().get(query_at..).unwrap().starts_with(&query));
                (verb, before, query, after)
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_query_is_found() {
        for (text, verb, query, after) in [
            (
                " copy (select count(*) from orders) to stdout (format csv)",
                Verb::Copy,
                "select count(*) from orders",
                ") to stdout (format csv)",
            ),
            (
                "declare c no scroll cursor with hold for\n(table orders)",
                Verb::Cursor,
                "(table orders)",
                "",
            ),
            (
                "create temporary table if not exists t on commit drop as with o as (select 1 from orders) select * from o with data",
                Verb::Table { names_columns: false },
                "with o as (select 1 from orders) select * from o",
                " with data",
            ),
            (
                "create temp table t (a, b) with (fillfactor = 50) as select 1 from orders",
                Verb::Table { names_columns: true },
                "select 1 from orders",
                "",
            ),
            (
                "create temp table t with (fillfactor = 50) as select 1 from orders",
                Verb::Table { names_columns: false },
                "select 1 from orders",
                "",
            ),
            (
                "insert into t (a, \"select\") (select 1 from orders x join orders y on true) on conflict do nothing returning a",
                Verb::Insert,
                "(select 1 from orders x join orders y on true)",
                " on conflict do nothing returning a",
            ),
            (
                "insert into t values ((select 1 from orders))",
                Verb::Insert,
                "values ((select 1 from orders))",
                "",
            ),
        ] {
            let found = parts(text);
            assert_eq!((found.0, found.2.as_str(), found.3.as_str()), (verb, query, after));
        }
    }

    #[test]
    fn select_into_is_create_table_as() {
        let (verb, before, query, after) =
            parts("select a, 'é' into temp table pg_temp.\"T x\" from orders");
        assert_eq!(verb, Verb::Table { names_columns: false });
        assert_eq!(before, "CREATE TEMP TABLE pg_temp.\"T x\" AS ");
        let blanks = "into temp table pg_temp.\"T x\"".len();
        assert_eq!(query, format!("select a, 'é' {} from orders", " ".repeat(blanks)));
        assert_eq!(after, "");
    }

    #[test]
    fn what_is_not_answered_is_told_apart() {
        for text in [
            "copy orders to stdout",
            "copy orders from stdin",
            "create table t as select 1 from orders",
            "create temp view v as select 1 from orders",
            "create materialized view v as select 1 from orders",
            "create temp table orders as select 1 from orders",
            "create temp table t (like orders)",
            "insert into orders select 1 from orders",
            "insert into t default values returning (select 1 from orders)",
            "select 1 into t from orders",
            "update t set a = (select count(*) from orders)",
        ] {
            assert!(matches!(kind(text), Kind::Other(_)), "{text}: {:?}", kind(text));
        }
        for text in [
            "copy (select 1 from orders) to '/tmp/x'",
            "copy (select 1 from orders where a = $1) to stdout",
            "copy (select 1) to stdout (force_quote (orders))",
            "declare orders cursor for select 1",
            "create temp table t as table orders with no data",
        ] {
            assert_eq!(kind(text), Kind::Untouched, "{text}");
        }
    }
}
