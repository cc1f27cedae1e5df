//! How long texts can get.

use super::{Arg, Signature, SizeRule};
use crate::expr::{Expr, Function, Node, Type};

/// A text that is worked on is held to so many bytes, those of its first characters.
pub const HELD: u64 = 10 * 1024 * 1024;
/// The most characters that are sure to fit.
pub const HELD_CHARACTERS: u64 = HELD / 4;
/// What a text of the list may have at most: some functions take eight bytes for one, and
/// PostgreSQL gives a gigabyte at once.
const TEXT_MAX: u64 = 100 * 1024 * 1024;

/// The bytes that a text has at most, where that is sure: for others, a function that needs it
/// takes the text held to [`HELD`].
pub fn text_bytes(expr: &Expr) -> Option<u64> {
    let of = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
    match &expr.node {
        Node::Constant(text) => Some(text.as_deref().map_or(0, of)),
        Node::Column(_) | Node::Parameter(_) | Node::Exists(_) => None,
        Node::Call(Function::Listed(row), args) => listed_bytes(row, args),
        Node::Call(Function::Cast, args) => args.first().and_then(|arg| match &arg.ty {
            Type::Text(_) => text_bytes(arg),
            _ => Some(200_000),
        }),
        Node::Call(_, args) => {
            let texts = args.iter().filter(|arg| arg.ty.is_text());
            texts.map(text_bytes).try_fold(0, |most, one| Some(one?.max(most)))
        }
    }
}

fn held(expr: &Expr) -> u64 {
    text_bytes(expr).unwrap_or(HELD)
}

fn listed_bytes(row: &Signature, args: &[Expr]) -> Option<u64> {
    let constant = |at: usize| match args.get(at).map(|arg| &arg.node) {
        Some(Node::Constant(Some(text))) => text.as_str(),
        _ => "",
    };
    let bytes_of = |at: usize| u64::try_from(constant(at).len()).unwrap_or(u64::MAX);
    let first = args.first();
    match row.size {
        SizeRule::Free => None,
        SizeRule::Bytes(bytes) => Some(bytes),
        SizeRule::Times(times) => Some(held(first?).saturating_mul(times)),
        SizeRule::Repeated => {
            let times = constant(1).parse::<u64>().unwrap_or(0);
            Some(held(first?).saturating_mul(times))
        }
        SizeRule::Replaced => {
            let longer = bytes_of(2).div_ceil(bytes_of(1).max(1)).max(1);
            Some(held(first?).saturating_mul(longer))
        }
        SizeRule::Joined => {
            let between = u64::try_from(args.len()).unwrap_or(u64::MAX);
            let all = args.iter().skip(1).map(held).fold(0, u64::saturating_add);
            Some(held(first?).saturating_mul(between).saturating_add(all))
        }
        SizeRule::Characters => {
            let most = constant(args.len().saturating_sub(1)).parse::<u64>();
            let most = most.ok().and_then(|most| most.checked_mul(4));
            match (text_bytes(first?), most) {
                (Some(whole), Some(most)) => Some(whole.min(most)),
                (whole, most) => whole.or(most),
            }
        }
        // What is not held on the way in is at most as long on the way out.
        _ if row.args.first() != Some(&Arg::Held) && !row.repeats => text_bytes(first?),
        _ => {
            let texts = args.iter().filter(|arg| arg.ty.is_text());
            Some(texts.map(held).fold(0, u64::saturating_add))
        }
    }
}

/// Whether the text that a call gives can be held in memory by whatever is done with it.
pub fn text_fits(expr: &Expr) -> bool {
    !expr.ty.is_text() || text_bytes(expr).is_none_or(|bytes| bytes <= TEXT_MAX)
}
