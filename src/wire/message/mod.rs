//! Messages, by who says them to whom.
//!
//! What comes in is read by code of our own, strictly; what goes out is written by the two
//! protocol libraries.

mod body;
pub mod from_client;
pub mod from_shadow;
pub mod to_client;
pub mod to_shadow;

#[cfg(test)]
mod tests;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// The table it comes from, or 0.
    pub table_oid: u32,
    /// Its number in that table, or 0.
    pub column: i16,
    /// Its type.
    pub type_oid: u32,
    /// The size of its type in bytes; negative for a varying one.
    pub type_size: i16,
    /// The modifier of its type, or -1.
    pub typmod: i32,
    /// 0 is text, 1 is binary.
    pub format: i16,
}
