//! Parsing, guarded: the parser recurses and its trees do, so length and depth are bounded before.

use sqlparser::ast::{Expr, Query, Statement};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::refusals::unsupported;
use super::tokens::{TEXT_BYTES_MAX, TOKENS_MAX, plain_trims};
use crate::error::Refusal;

/// The canonical form is longer than the client's text by its parentheses and qualified names.
const CANONICAL_BYTES_MAX: usize = 8 * TEXT_BYTES_MAX;
/// Operators in one text: a chain of them makes a tree as deep as it is long.
const OPERATORS_MAX: usize = 500;
/// How deep parentheses may nest.
const NESTING_MAX: usize = 100;

/// The stack of what recurses over a query. A worker's own has 2 MB, and who called has used some.
const STACK_BYTES: usize = 32 << 20;

/// Runs `work`, which recurses over a query within the limits above, on a stack that is deep
/// enough for it: an overflow would end the whole process.
pub fn deeply<T>(work: impl FnOnce() -> T) -> T {
    stacker::grow(STACK_BYTES, work)
}

/// Parses one query.
pub fn query(text: &str) -> Result<Query, Refusal> {
    guard(text)?;
    let trimmed = plain_trims(text);
    let text = trimmed.as_deref().unwrap_or(text);
    let mut statements = Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(NESTING_MAX.saturating_mul(2))
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|_| unreadable())?;
    match (statements.pop(), statements.pop()) {
        (Some(Statement::Query(query)), None) => Ok(*query),
        _ => Err(unreadable()),
    }
}

/// Parses one expression that this program wrote.
pub(crate) fn expression(text: &str) -> Result<Expr, Refusal> {
    Parser::new(&PostgreSqlDialect {})
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_expr())
        .map_err(|_| unreadable())
}

fn guard(text: &str) -> Result<(), Refusal> {
    let too_large = || unsupported("a query this large", Some("Split it into smaller queries."));
    if text.len() > CANONICAL_BYTES_MAX {
        return Err(too_large());
    }
    let tokens =
        Tokenizer::new(&PostgreSqlDialect {}, text).tokenize().map_err(|_| unreadable())?;
    let (mut operators, mut nesting, mut count) = (0_usize, 0_usize, 0_usize);
    for token in &tokens {
        match token {
            Token::Whitespace(_) => continue,
            Token::LParen => nesting = nesting.saturating_add(1),
            Token::RParen => nesting = nesting.saturating_sub(1),
            Token::Word(word) => {
                let chains = ["and", "or", "union", "intersect", "except", "not", "join"];
                if chains.contains(&word.value.to_ascii_lowercase().as_str()) {
                    operators = operators.saturating_add(1);
                }
            }
            Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Comma
            | Token::Period
            | Token::DoubleColon => {}
            _ => operators = operators.saturating_add(1),
        }
        count = count.saturating_add(1);
        if nesting > NESTING_MAX || operators > OPERATORS_MAX || count > 8 * TOKENS_MAX {
            return Err(too_large());
        }
    }
    Ok(())
}

fn unreadable() -> Refusal {
    unsupported("a construct of this query", Some("Rewrite the query in plainer SQL."))
}
