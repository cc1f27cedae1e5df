//! The first look at a client's text: where statements end, what kind each is, and whether it
//! names a private table.
//!
//! A wrong guess here costs a clear refusal or an answer over empty tables, never privacy: what is
//! not taken for private goes to the shadow, which has nothing to leak.

use std::collections::BTreeSet;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::explained::{self, Format};
use super::wrapped::{self, Wrapped};

/// The longest text that is looked at.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;
/// The most tokens that are looked at.
pub const TOKENS_MAX: usize = 20_000;

/// One statement of a client's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its text, without the semicolon.
    pub text: String,
    /// How many characters of the client's text stand before it.
    pub offset_chars: usize,
    /// What it is.
    pub kind: Kind,
}

/// What is to be done with a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes to the shadow untouched.
    Untouched,
    /// A query that names a private table or a table of the `noisegate` schema.
    Query,
    /// EXPLAIN of such a query: the options as written, and where the query starts in the text.
    Explain {
        /// ANALYZE was asked for.
        analyze: bool,
        /// Byte offset of the explained query in the statement's text.
        query_at: usize,
        /// The form of the plan.
        format: Format,
    },
    /// Another statement around such a query.
    Wrapped(Wrapped),
    /// Another statement that names a private table, by its first word.
    Other(String),
    /// PREPARE of such a query: for the shadow, but by itself, since it keeps the whole text.
    Prepare,
    /// EXECUTE of a prepared statement, alone or below another statement such as EXPLAIN. Only the
    /// session knows whether that one is private.
    Execute {
        /// The prepared statement.
        name: String,
        /// The texts of its arguments.
        arguments: Vec<String>,
        /// Where `EXECUTE name (arguments)` stands in the statement's text, in bytes.
        place: std::ops::Range<usize>,
    },
    /// A text that cannot be looked at, and that may name a private table.
    Unread,
    /// A statement that would change the login that all analysts share on the shadow.
    Login,
    /// `SHOW` of something that the proxy knows.
    Show(Shown),
    /// `SET noisegate.x = …`: the setting's name and the value's text.
    Setting(String, String),
}

/// What `SHOW noisegate.<name>` shows that is no setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// What each account has left.
    Budget,
    /// How many more queries the accounts pay for.
    QueriesLeft,
}

impl Shown {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Budget, Self::QueriesLeft];

    /// The name after `noisegate.`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::QueriesLeft => "queries_left",
        }
    }
}

/// What the first look at one statement goes by.
pub(super) struct Look<'a> {
    /// The whole text.
    pub(super) text: &'a str,
    /// The statement's tokens.
    pub(super) tokens: &'a [&'a TokenWithSpan],
    private: &'a BTreeSet<String>,
    lines: &'a Lines<'a>,
}

impl Look<'_> {
    /// Whether tokens name a private table, or something in the `noisegate` schema.
    pub(super) fn ours(&self, tokens: &[&TokenWithSpan]) -> bool {
        tokens.windows(2).any(|pair| names_ours(pair, self.private))
            || tokens.windows(3).any(escaped_name)
            || tokens.last().is_some_and(|token| is_private(&token.token, self.private))
    }

    /// Byte offset of a token's start in the whole text.
    pub(super) fn start(&self, at: usize) -> Option<usize> {
        self.lines.offset(self.tokens.get(at)?.span.start)
    }

    /// Byte offset of a token's end in the whole text.
    pub(super) fn end(&self, at: usize) -> Option<usize> {
        self.lines.offset(self.tokens.get(at)?.span.end)
    }
}

/// Splits a client's text into statements. One that is too long or cannot be tokenized stays whole.
pub fn split(text: &str, private: &BTreeSet<String>) -> Vec<Statement> {
    read(text, private).unwrap_or_else(|| {
        let kind = if may_name(text, private) { Kind::Unread } else { Kind::Untouched };
        vec![Statement { text: text.to_owned(), offset_chars: 0, kind }]
    })
}

/// Whether the bytes of a name that matters stand anywhere in the text.
fn may_name(text: &str, private: &BTreeSet<String>) -> bool {
    let lower = text.to_ascii_lowercase();
    let names = private.iter().map(|name| name.to_ascii_lowercase().replace('"', "\"\""));
    names
        .chain(["noisegate".to_owned(), "u&\"".to_owned(), "alter".to_owned()])
        .any(|name| lower.contains(&name))
}

fn read(text: &str, private: &BTreeSet<String>) -> Option<Vec<Statement>> {
    // Where a backslash stands before a quote, PostgreSQL and the tokenizer can disagree on where a
    // string ends: it depends on a setting, and on strings that go on in the next line.
    if text.len() > TEXT_BYTES_MAX || text.contains("\\'") {
        return None;
    }
    let tokens = tokenize(text)?;
    if tokens.len() > TOKENS_MAX {
        return None;
    }
    let lines = Lines::new(text);
    let mut statements = Vec::new();
    let mut start = 0;
    let mut current: Vec<&TokenWithSpan> = Vec::new();
    for token in &tokens {
        if token.token == Token::SemiColon {
            let end = lines.offset(token.span.start)?;
            statements.extend(statement(text, start, end, &current, private, &lines));
            start = end.checked_add(1)?;
            current.clear();
        } else {
            current.push(token);
        }
    }
    statements.extend(statement(text, start, text.len(), &current, private, &lines));
    Some(statements)
}

/// Where in the text (in characters, from 1) a word stands outside of strings and comments.
pub fn position_of(text: &str, word: &str) -> Option<usize> {
    let tokens = tokenize(text)?;
    let lines = Lines::new(text);
    let found = tokens.iter().find(|token| match &token.token {
        Token::Word(found) => found.value.eq_ignore_ascii_case(word),
        other => other.to_string() == word,
    })?;
    let offset = lines.offset(found.span.start)?;
    Some(text.get(..offset)?.chars().count().saturating_add(1))
}

/// The text with each `$n` replaced by what `replace` gives for n.
pub fn replace_parameters(text: &str, replace: &dyn Fn(usize) -> Option<String>) -> Option<String> {
    let lines = Lines::new(text);
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for token in tokenize(text)? {
        let Token::Placeholder(name) = &token.token else { continue };
        let Some(number) = name.strip_prefix('$').and_then(|digits| digits.parse().ok()) else {
            continue;
        };
        let at = lines.offset(token.span.start)?;
        result.push_str(text.get(done..at)?);
        result.push_str(&replace(number)?);
        done = at.checked_add(name.len())?;
    }
    result.push_str(text.get(done..)?);
    Some(result)
}

/// The canonical form writes `trim(x)` as `TRIM(BOTH FROM x)`, which the parser does not read; this
/// writes the function that it is.
pub(crate) fn plain_trims(text: &str) -> Option<String> {
    let tokens = tokenize(text)?;
    let lines = Lines::new(text);
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for four in tokens.windows(4) {
        let [trim, open, side, from] = four else { continue };
        let name = match (word(Some(&trim)).as_deref(), word(Some(&side)).as_deref()) {
            (Some("trim"), Some("both")) => "btrim(",
            (Some("trim"), Some("leading")) => "ltrim(",
            (Some("trim"), Some("trailing")) => "rtrim(",
            _ => continue,
        };
        if open.token == Token::LParen && word(Some(&from)).as_deref() == Some("from") {
            result.push_str(text.get(done..lines.offset(trim.span.start)?)?);
            result.push_str(name);
            done = lines.offset(from.span.end)?;
        }
    }
    result.push_str(text.get(done..)?);
    Some(result)
}

fn tokenize(text: &str) -> Option<Vec<TokenWithSpan>> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location().ok()?;
    Some(tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect())
}

fn statement(
    text: &str,
    start: usize,
    end: usize,
    tokens: &[&TokenWithSpan],
    private: &BTreeSet<String>,
    lines: &Lines<'_>,
) -> Option<Statement> {
    let first = tokens.first()?;
    let begin = lines.offset(first.span.start)?.max(start);
    Some(Statement {
        text: text.get(begin..end)?.to_owned(),
        offset_chars: text.get(..begin)?.chars().count(),
        kind: kind(text, tokens, private, begin, lines),
    })
}

pub(super) fn word(token: Option<&&TokenWithSpan>) -> Option<String> {
    match &token?.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_lowercase()),
        _ => None,
    }
}

fn kind(
    text: &str,
    tokens: &[&TokenWithSpan],
    private: &BTreeSet<String>,
    begin: usize,
    lines: &Lines<'_>,
) -> Kind {
    if let Some(what) = shown(tokens) {
        return Kind::Show(what);
    }
    if let Some((name, value)) = setting(tokens) {
        return Kind::Setting(name, value);
    }
    if alters_login(tokens) {
        return Kind::Login;
    }
    let look = Look { text, tokens, private, lines };
    let ours = look.ours(tokens);
    let reads = READING.contains(&word(tokens.first()).unwrap_or_default().as_str());
    let fills = reads && tokens.iter().any(|token| is_virtual(&token.token));
    if !ours && !fills {
        return execute(&look, begin).unwrap_or(Kind::Untouched);
    }
    match word(tokens.first()).as_deref() {
        Some("select" | "with") if selects_into(tokens) => {
            wrapped::select_into(&look).unwrap_or_else(|| Kind::Other("select into".to_owned()))
        }
        Some("select" | "with" | "values" | "table") => Kind::Query,
        None if tokens.first().is_some_and(|token| token.token == Token::LParen) => Kind::Query,
        Some("explain") => explained::read(tokens, begin, lines),
        Some("prepare") => Kind::Prepare,
        Some("execute") => execute(&look, begin).unwrap_or(Kind::Untouched),
        // These only name a table or a prepared statement; PostgreSQL knows what to say.
        Some("set" | "show" | "reset" | "deallocate" | "fetch" | "move" | "close") => {
            Kind::Untouched
        }
        Some(other) => wrapped::read(other, &look).unwrap_or_else(|| Kind::Other(other.to_owned())),
        None => Kind::Other(String::new()),
    }
}

/// ALTER ROLE or ALTER USER: all analysts share one login on the shadow, and PostgreSQL lets a login
/// change its own password and start-up settings.
fn alters_login(tokens: &[&TokenWithSpan]) -> bool {
    word(tokens.first()).as_deref() == Some("alter")
        && matches!(word(tokens.get(1)).as_deref(), Some("role" | "user"))
}

/// A private table's name, or a name in the `noisegate` schema (its functions are the proxy's own).
fn names_ours(pair: &[&TokenWithSpan], private: &BTreeSet<String>) -> bool {
    let [first, second] = pair else { return false };
    let schema = matches!(&first.token, Token::Word(word) if folded(word) == "noisegate");
    is_private(&first.token, private) || (schema && second.token == Token::Period)
}

/// First words of statements that may read the `noisegate` schema without naming it.
const READING: [&str; 5] = ["select", "with", "values", "table", "explain"];

/// A table of the `noisegate` schema, which the search path may lead to.
fn is_virtual(token: &Token) -> bool {
    matches!(token, Token::Word(word) if matches!(folded(word).as_str(), "budget" | "my_queries" | "releases"))
}

/// `U&"…"`: a name with escapes, which only PostgreSQL can read.
fn escaped_name(three: &[&TokenWithSpan]) -> bool {
    let [first, second, third] = three else { return false };
    matches!(&first.token, Token::Word(word) if word.value.eq_ignore_ascii_case("u"))
        && second.token == Token::Ampersand
        && matches!(&third.token, Token::Word(word) if word.quote_style.is_some())
}

/// SELECT … INTO, which makes a table.
fn selects_into(tokens: &[&TokenWithSpan]) -> bool {
    let mut depth = 0_usize;
    tokens.iter().any(|token| {
        match &token.token {
            Token::LParen => depth = depth.saturating_add(1),
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && word(Some(token)).as_deref() == Some("into")
    })
}

/// The EXECUTE of a statement, wherever it stands.
fn execute(look: &Look<'_>, begin: usize) -> Option<Kind> {
    let tokens = look.tokens;
    let at = tokens.iter().position(|token| word(Some(token)).as_deref() == Some("execute"))?;
    let named = at.checked_add(1)?;
    let Token::Word(name) = &tokens.get(named)?.token else { return None };
    let next = at.checked_add(2)?;
    let rest = tokens.get(next..).unwrap_or_default();
    let listed = tokens.get(next).is_some_and(|token| token.token == Token::LParen);
    let last = if listed { wrapped::closing(tokens, next)? } else { named };
    let arguments = if listed { arguments(look.text, rest, look.lines)? } else { Vec::new() };
    let place = look.start(at)?.checked_sub(begin)?..look.end(last)?.checked_sub(begin)?;
    Some(Kind::Execute { name: folded(name), arguments, place })
}

/// The texts between the commas of a list in parentheses.
fn arguments(text: &str, tokens: &[&TokenWithSpan], lines: &Lines<'_>) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for token in tokens {
        let before = depth;
        match &token.token {
            Token::LParen | Token::LBracket => depth = depth.checked_add(1)?,
            Token::RParen | Token::RBracket => depth = depth.checked_sub(1)?,
            Token::Comma => {}
            _ => continue,
        }
        if before.max(depth) != 1 {
            continue;
        }
        let at = lines.offset(token.span.start)?;
        if before == 1 {
            found.push(text.get(start..at)?.to_owned());
        }
        if depth == 0 {
            break;
        }
        start = at.checked_add(1)?;
    }
    found.retain(|argument| !argument.trim().is_empty());
    Some(found)
}

/// The query of `PREPARE name (types) AS query`; the text itself if it is no PREPARE.
pub fn prepared_query(text: &str) -> Option<&str> {
    let tokens = tokenize(text)?;
    let is =
        |token: &TokenWithSpan, expected: &str| word(Some(&token)).as_deref() == Some(expected);
    if !tokens.first().is_some_and(|token| is(token, "prepare")) {
        return Some(text);
    }
    let at = tokens.iter().position(|token| is(token, "as"))?;
    let query = tokens.get(at.checked_add(1)?)?;
    text.get(Lines::new(text).offset(query.span.start)?..)
}

fn is_private(token: &Token, private: &BTreeSet<String>) -> bool {
    matches!(token, Token::Word(word) if private.contains(&folded(word)))
}

pub(super) fn folded(word: &sqlparser::tokenizer::Word) -> String {
    if word.quote_style.is_some() { word.value.clone() } else { word.value.to_ascii_lowercase() }
}

fn shown(tokens: &[&TokenWithSpan]) -> Option<Shown> {
    let [show, schema, period, name] = tokens else { return None };
    let ours = word(Some(show)).as_deref() == Some("show")
        && word(Some(schema)).as_deref() == Some("noisegate")
        && period.token == Token::Period;
    let name = word(Some(name)).filter(|_| ours)?;
    Shown::ALL.into_iter().find(|shown| shown.name() == name)
}

fn setting(tokens: &[&TokenWithSpan]) -> Option<(String, String)> {
    let mut rest = tokens;
    if word(rest.first())? != "set" {
        return None;
    }
    rest = rest.get(1..)?;
    if matches!(word(rest.first()).as_deref(), Some("session" | "local")) {
        rest = rest.get(1..)?;
    }
    if word(rest.first())? != "noisegate" || rest.get(1)?.token != Token::Period {
        return None;
    }
    let name = word(rest.get(2))?;
    let assigns = rest.get(3)?.token == Token::Eq || word(rest.get(3)).as_deref() == Some("to");
    let value: String = rest
        .get(4..)?
        .iter()
        .map(|token| match &token.token {
            Token::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        })
        .collect();
    assigns.then_some((name, value))
}

/// Byte offsets of the tokenizer's lines and columns.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1));
        Self { text, starts }
    }

    pub(super) fn offset(&self, location: Location) -> Option<usize> {
        let line = usize::try_from(location.line.checked_sub(1)?).ok()?;
        let start = *self.starts.get(line)?;
        let column = usize::try_from(location.column.checked_sub(1)?).ok()?;
        let rest = self.text.get(start..)?;
        let within = rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
        start.checked_add(within)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
