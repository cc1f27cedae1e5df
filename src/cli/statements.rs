//! The statements of a file, or of PostgreSQL's log in CSV form.

use std::io::Read;
use std::path::Path;

use super::error::CliError;

/// The columns of PostgreSQL's CSV log that matter here, by their place.
const LOG_TIME: usize = 0;
const LOG_USER: usize = 1;
const LOG_MESSAGE: usize = 13;
const LOG_DETAIL: usize = 14;
/// The longest file that is read.
const BYTES_MAX: u64 = 1 << 30;

/// One statement, and what the log says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Logged {
    /// The text, of one statement or of several.
    pub(super) text: String,
    /// Who sent it.
    pub(super) user: Option<String>,
    /// When, as the log writes it.
    pub(super) time: Option<String>,
    /// The values of its parameters.
    pub(super) parameters: Vec<Option<String>>,
}

/// Reads a file of SQL, or a log if its name ends in `.csv`; `-` is the standard input.
pub(super) fn read(path: &Path) -> Result<Vec<Logged>, CliError> {
    let at = |error| CliError::File { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(BYTES_MAX).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(path)
            .map_err(at)?
            .take(BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(at)?;
    }
    if path.extension().is_some_and(|extension| extension == "csv") {
        return log(&bytes).map_err(|error| at(std::io::Error::other(error)));
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(vec![Logged { text, user: None, time: None, parameters: Vec::new() }])
}

fn log(bytes: &[u8]) -> Result<Vec<Logged>, csv::Error> {
    let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut found = Vec::new();
    for row in rows.byte_records() {
        let row = row?;
        let cell = |at: usize| row.get(at).map(String::from_utf8_lossy).unwrap_or_default();
        let Some(text) = statement(&cell(LOG_MESSAGE)) else { continue };
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        found.push(Logged {
            text,
            user: some(&cell(LOG_USER)),
            time: some(&cell(LOG_TIME)),
            parameters: parameters(&cell(LOG_DETAIL)),
        });
    }
    Ok(found)
}

/// The statement in a message of the log: `statement: …`, `execute name: …`, also after
/// `duration: … ms`.
fn statement(message: &str) -> Option<String> {
    let message = match message.strip_prefix("duration: ") {
        Some(rest) => rest.split_once(" ms").map_or("", |(_, rest)| rest.trim_start()),
        None => message,
    };
    if let Some(text) = message.strip_prefix("statement: ") {
        return Some(text.to_owned());
    }
    let (name, text) = message.strip_prefix("execute ")?.split_once(": ")?;
    // The later parts of a portal are of a statement that is in the log already.
    (!name.starts_with("fetch from ") && !name.contains('\n')).then(|| text.to_owned())
}

/// `parameters: $1 = 'a', $2 = NULL`.
fn parameters(detail: &str) -> Vec<Option<String>> {
    let lower = detail.get(..11).unwrap_or_default().to_ascii_lowercase();
    let Some(mut rest) = detail.get(11..).filter(|_| lower == "parameters:") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    while let Some((_, value)) = rest.split_once(" = ") {
        let Some(quoted) = value.strip_prefix('\'') else {
            found.push(None);
            rest = value.split_once(',').map_or("", |(_, rest)| rest);
            continue;
        };
        let mut text = String::new();
        let mut characters = quoted.char_indices().peekable();
        let mut end = quoted.len();
        while let Some((at, character)) = characters.next() {
            if character != '\'' {
                text.push(character);
            } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
                text.push('\'');
            } else {
                end = at;
                break;
            }
        }
        found.push(Some(text));
        rest = quoted.get(end..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_log_gives_its_statements() {
        let line = |message: &str, detail: &str| {
            let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
            format!(
                "2026-11-25 18:00:16.123 UTC,\"alice\",\"shop\",7,,,1,SELECT,,,0,LOG,00000,{},{},,,,,,,,psql,\n",
                quoted(message),
                quoted(detail)
            )
        };
        let text = [
            line("statement: select \"a\"\nfrom t;", ""),
            line(
                "duration: 0.123 ms  execute <unnamed>: select $1, $2",
                "parameters: $1 = 'it''s, = so', $2 = NULL",
            ),
            line("execute fetch from a/b: select $1, $2", ""),
            line("connection authorized", ""),
            line("duration: 0.123 ms", ""),
        ]
        .concat();
        let found = log(text.as_bytes()).unwrap();
        let texts: Vec<&str> = found.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(texts, ["select \"a\"\nfrom t;", "select $1, $2"]);
        let [_, second] = found.as_slice() else { unreachable!() };
        assert_eq!(second.parameters, [Some("it's, = so".to_owned()), None]);
        assert_eq!(second.user.as_deref(), Some("alice"));
        assert_eq!(second.time.as_deref(), Some("2026-11-25 18:00:16.123 UTC"));
    }
}
