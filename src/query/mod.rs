//! Reading queries: what kind a statement is, which leaves a canonical query has, and what is
//! left of it once they are released. Only this folder knows `sqlparser`.

pub mod aggregates;
mod direct;
mod functions;
mod keys;
pub mod leaves;
mod lower;
pub mod parse;
mod scope;
pub mod splice;
pub mod tokens;
