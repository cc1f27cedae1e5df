//! GROUP BY with its sets: ROLLUP, CUBE and GROUPING SETS.
//!
//! A leaf is asked once, for the groups of all its keys together. Totals are sums over these
//! groups, made above the leaf by PostgreSQL itself, which keeps the GROUP BY as it was written. So
//! they agree with their parts, and cost nothing.

use sqlparser::ast::{
    Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Select,
};

use super::lower::{function_name, strip};
use super::refusals::unsupported;
use crate::error::Refusal;

/// The most sets that one GROUP BY may list, which is PostgreSQL's own limit.
const SETS_MAX: usize = 4096;

/// What a block groups by.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// The expressions, each once.
    pub(crate) keys: Vec<Ast>,
    /// Whether there are sets of them, and so totals.
    pub(crate) totals: bool,
}

impl Groups {
    /// Reads a GROUP BY. Sets within sets are written out, since the parser does not know them.
    pub(crate) fn of(select: &mut Select) -> Result<Self, Refusal> {
        let GroupByExpr::Expressions(exprs, modifiers) = &mut select.group_by else {
            return Err(unsupported("GROUP BY ALL", None));
        };
        if !modifiers.is_empty() {
            return Err(unsupported("GROUP BY with modifiers", None));
        }
        let mut groups = Self::default();
        for expr in exprs {
            match expr {
                Ast::Tuple(parts) if parts.is_empty() => groups.totals = true,
                Ast::Rollup(sets) | Ast::Cube(sets) => {
                    groups.totals = true;
                    sets.iter().flatten().for_each(|key| groups.key(key));
                }
                Ast::GroupingSets(sets) => {
                    groups.totals = true;
                    *sets = written_out(sets)?;
                    sets.iter().flatten().for_each(|key| groups.key(key));
                }
                Ast::Tuple(_) => return Err(unsupported("GROUP BY of a row of values", None)),
                key => groups.key(key),
            }
        }
        Ok(groups)
    }

    fn key(&mut self, key: &Ast) {
        let key = strip(key);
        if !self.keys.contains(key) {
            self.keys.push(key.clone());
        }
    }
}

/// What a block of a subquery groups by, which has no sets.
pub(crate) fn group_expressions(select: &Select) -> Result<Vec<Ast>, Refusal> {
    let groups = Groups::of(&mut select.clone())?;
    if groups.totals {
        return Err(unsupported(
            "GROUPING SETS, ROLLUP or CUBE inside a subquery",
            Some("Use a plain GROUP BY there."),
        ));
    }
    Ok(groups.keys)
}

fn written_out(sets: &[Vec<Ast>]) -> Result<Vec<Vec<Ast>>, Refusal> {
    let too_many = || unsupported("a GROUP BY of this many sets", None);
    let mut all = Vec::new();
    for set in sets {
        match nested(set) {
            Some((true, parts)) => all.extend(subsets(&parts).ok_or_else(too_many)?),
            Some((false, parts)) => {
                let set = |length: usize| parts.iter().take(length).flatten().cloned().collect();
                all.extend((0..=parts.len()).rev().map(set));
            }
            None => all.push(set.clone()),
        }
        if all.len() > SETS_MAX {
            return Err(too_many());
        }
    }
    Ok(all)
}

/// A CUBE (`true`) or ROLLUP inside of GROUPING SETS, which the parser takes for a function.
fn nested(set: &[Ast]) -> Option<(bool, Vec<Vec<Ast>>)> {
    let [Ast::Function(function)] = set else { return None };
    let quoted = |part: &sqlparser::ast::ObjectNamePart| {
        part.as_ident().is_none_or(|name| name.quote_style.is_some())
    };
    let cube = match function_name(function).as_str() {
        _ if function.name.0.iter().any(quoted) => return None,
        "cube" => true,
        "rollup" => false,
        _ => return None,
    };
    let FunctionArguments::List(list) = &function.args else { return None };
    let part = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Ast::Tuple(parts))) => Some(parts.clone()),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(part)) => Some(vec![part.clone()]),
        _ => None,
    };
    list.args.iter().map(part).collect::<Option<_>>().map(|parts| (cube, parts))
}

/// All subsets, the whole first.
fn subsets(parts: &[Vec<Ast>]) -> Option<Vec<Vec<Ast>>> {
    let count = 1_usize.checked_shl(u32::try_from(parts.len()).ok()?)?;
    if count > SETS_MAX {
        return None;
    }
    let set = |mask: usize| {
        let chosen = parts.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0);
        chosen.flat_map(|(_, part)| part.iter().cloned()).collect::<Vec<Ast>>()
    };
    Some((0..count).rev().map(set).collect())
}
