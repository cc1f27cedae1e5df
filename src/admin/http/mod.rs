//! The API over HTTP: who asks, in which form, and the answers' form.
//!
//! A request passes, in this order: limits of time and connections ([`serve`]), the names that this
//! address answers to ([`host`]), who asks ([`identity`]), and whether it came before ([`once`]).
//! Each handler then says in the types of its arguments who may call it.

mod api;
mod body;
mod cookie;
mod head;
mod host;
mod identity;
mod lockout;
mod once;
mod page;
mod places;
mod problem;
mod routes;
mod serve;
mod sessions;
mod steady;

pub use serve::{Admin, serve};
