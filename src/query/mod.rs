//! Reading queries: what kind a statement is, which leaves a canonical query has, and what is
//! left of it once they are released. Only this folder knows `sqlparser`.

// The client's text, then the canonical one.
pub mod explained;
pub mod parse;
pub mod tokens;
pub mod wrapped;
// Its leaves.
pub mod leaves;
mod probe;
mod virtual_table;
// What a leaf reads and computes.
mod aggregates;
mod bounds;
mod direct;
mod joins;
mod keys;
mod scope;
// Its expressions, an allow-list.
mod functions;
mod literals;
mod lower;
mod refusals;
mod times;
// What stands in its place.
mod blocks;
pub mod columns;
pub mod intervals;
pub mod splice;

pub use refusals::rows_refused;
pub use virtual_table::VirtualTable;
