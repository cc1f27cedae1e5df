//! Reading queries: what kind a statement is, which leaves a canonical query has, and what is
//! left of it once they are released. Only this folder knows `sqlparser`.

pub mod tokens;
pub mod leaves;
pub mod splice;
pub mod aggregates;
pub mod parse;
mod direct;
mod functions;
mod keys;
mod lower;
mod scope;
