//! Reading queries: what kind a statement is, which leaves a canonical query has, and what is
//! left of it once they are released. Only this folder knows `sqlparser`.

// The client's text, then the canonical one.
pub mod parse;
pub mod tokens;
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
mod origin;
mod scope;
// What it computes for each unit before that.
mod derive;
mod grouped;
mod subqueries;
mod windowed;
// Its expressions, an allow-list.
mod functions;
mod literals;
mod lower;
mod refusals;
pub(crate) mod times;
// What stands in its place.
pub mod columns;
pub mod quantiles;
pub mod splice;

pub(crate) use refusals::per_unit;
pub use refusals::rows_refused;
pub use virtual_table::VirtualTable;
