//! A part of a list, and where the next one begins.

use serde::Serialize;
use utoipa::ToSchema;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct List<T> {
    /// What is in this part.
    pub items: Vec<T>,
    /// Given as `cursor`, it gives the next part; null where there is none.
    pub next: Option<String>,
}
