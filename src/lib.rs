//! noisegate: a differential-privacy gate that speaks PostgreSQL's wire protocol.
//!
//! # The life of one query
//!
//! 1. [`wire::session`] relays between a client and its own session on the *shadow*, an empty twin
//!    of the source. What names no private table passes untouched and is PostgreSQL's to answer.
//! 2. [`shadow::canonical`] lets the shadow read a private query and write it out again, every
//!    name and cast explicit. Mistakes come back in PostgreSQL's own words.
//! 3. [`query::leaves::bind`] finds the leaves, the blocks that aggregate people, and refuses what
//!    would show rows.
//! 4. [`noisegate_privacy::analyze`] says of each leaf how much one person can change it, how much
//!    noise that takes, and what it costs. Nothing so far has seen data.
//! 5. [`ledger::Ledger::reserve`] charges analyst, team and dataset in one durable step, or refuses.
//! 6. [`source::BoundedSql`] is made from the charged plan and runs on the source, read-only.
//! 7. [`noisegate_privacy::release`] adds the noise and withholds small groups.
//! 8. [`ledger::Ledger::settle`] remembers the release; from then on it is public and free.
//! 9. [`query::splice`] puts the releases in the place of the leaves, and the client's shadow
//!    session computes the rest: HAVING, ORDER BY, windows, formats, cursors.
//!
//! [`road::answer`] is steps 2 to 9, in that order. Masked or exact answers, when they come, are outside
//! the guarantee and will carry another type.

pub mod road;
// The stages, in order.
pub mod ledger;
pub mod query;
pub mod shadow;
pub mod source;
pub mod wire;
// What they stand on.
pub mod catalog;
pub mod clock;
mod database;
pub mod error;
pub mod ids;
pub mod live;
pub mod metrics;
pub mod policy;
pub mod quote;
pub mod record;
// A place to try it.
pub mod demo;
// How it is run.
pub mod admin;
pub mod cli;
