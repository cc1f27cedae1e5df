//! The live schema of the source, and the picture that it makes with the policy.
//!
//! Only what the source *enforces* is taken for true: indexes that are valid and whole, foreign keys
//! that are validated and whose triggers fire. The snapshot holds names and types, no rows; enum
//! labels are part of types, so whoever hands a catalog on hands them on too.

mod load;
mod login;
mod table;
// With the policy: what queries are read against.
pub mod snapshot;

pub use load::CatalogError;
pub use login::{Login, ShadowState, holds};
pub use table::{Catalog, Column, EnumType, ForeignKey, Kind, Table};

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
pub(crate) mod tests;
