//! EXPLAIN of a query: its options, and where the query begins.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::tokens::{Kind, Lines, folded};

/// The form in which EXPLAIN shows a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines.
    Text,
    /// One document.
    Json,
    /// YAML or XML, which are not written here.
    Other,
}

/// What EXPLAIN explains, and how.
pub(super) fn read(tokens: &[&TokenWithSpan], begin: usize, lines: &Lines<'_>) -> Kind {
    let mut analyze = false;
    let mut format = Format::Text;
    let mut depth = 0_u32;
    for (at, token) in tokens.iter().enumerate().skip(1) {
        let starts = match &token.token {
            Token::LParen if at == 1 => {
                depth = 1;
                false
            }
            Token::RParen if depth == 1 => {
                depth = 0;
                false
            }
            Token::Word(word) => match word.keyword {
                Keyword::ANALYZE => {
                    analyze = true;
                    false
                }
                Keyword::FORMAT if depth == 1 => {
                    format = at.checked_add(1).map_or(Format::Other, |at| form(tokens.get(at)));
                    false
                }
                Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::TABLE => depth == 0,
                _ => false,
            },
            Token::LParen => depth == 0,
            _ => false,
        };
        if starts {
            let query_at = lines.offset(token.span.start).unwrap_or(begin).saturating_sub(begin);
            return Kind::Explain { analyze, query_at, format };
        }
    }
    Kind::Other("explain".to_owned())
}

/// The value of EXPLAIN's option FORMAT.
fn form(token: Option<&&TokenWithSpan>) -> Format {
    let text = match token.map(|token| &token.token) {
        Some(Token::Word(word)) => folded(word),
        Some(Token::SingleQuotedString(text)) => text.clone(),
        _ => return Format::Other,
    };
    match text.to_ascii_lowercase().as_str() {
        "text" => Format::Text,
        "json" => Format::Json,
        _ => Format::Other,
    }
}
