//! Reading queries: what kind a statement is, which leaves a canonical query has, and what is
//! left of it once they are released. Only this folder knows `sqlparser`.

// The client's text, then the canonical one.
pub mod explained;
pub mod parse;
pub mod tokens;
pub mod wrapped;
// Its leaves.
mod decorrelate;
pub mod leaves;
mod probe;
mod virtual_table;
// What a leaf reads and computes.
mod aggregate_list;
mod aggregates;
mod bounds;
mod direct;
mod free;
mod grouping;
mod joins;
mod keys;
mod moments;
mod origin;
mod scope;
mod variable;
// What it computes for each unit before that.
mod derive;
pub mod given;
mod grouped;
mod subqueries;
mod unused;
mod windowed;
// Its expressions, an allow-list.
mod functions;
mod literals;
mod lower;
mod refusals;
mod special;
pub(crate) mod times;
// What stands in its place.
mod blocks;
pub mod columns;
pub mod estimate;
pub mod intervals;
pub mod quantiles;
pub mod splice;

pub(crate) use refusals::per_unit;
pub use refusals::rows_refused;
pub use virtual_table::VirtualTable;
