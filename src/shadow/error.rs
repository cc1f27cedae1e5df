//! What can go wrong while the shadow is built, refreshed or checked.

/// For the operator; none of it reaches a client.
#[derive(Debug, thiserror::Error)]
pub enum ShadowError {
    /// A listed table is not there.
    #[error("the source has no table {}", .0.join(", "))]
    MissingTables(Vec<String>),
    /// A schema that noisegate or PostgreSQL keeps for itself.
    #[error("the schema {0} cannot be listed: its name is reserved")]
    ReservedSchema(String),
    /// The database given as the shadow has tables that noisegate did not make.
    #[error(
        "the database {database} is not a shadow: it holds {table}, which noisegate did not make; \
         give an empty database"
    )]
    NotAShadow {
        /// The database.
        database: String,
        /// One of the tables.
        table: String,
    },
    /// Source and shadow are the same database.
    #[error("the source and the shadow are the same database, {0}")]
    SameDatabase(String),
    /// A login can do more than it must.
    #[error("the login {role} has too much power: {}", .powers.join("; "))]
    TooPowerful {
        /// The login.
        role: String,
        /// What it can do.
        powers: Vec<String>,
    },
    /// A private table of the shadow is not empty, or PostgreSQL remembers that it was not.
    #[error("the shadow holds facts about private rows in {}", .0.join(", "))]
    NotEmpty(Vec<String>),
    /// A database answered with an error.
    #[error("{step}: {error}")]
    Database {
        /// What was being done.
        step: &'static str,
        /// The database's words.
        error: String,
    },
}

/// Names the step in which a database error happened.
pub(super) fn during(step: &'static str) -> impl Fn(tokio_postgres::Error) -> ShadowError {
    move |error| {
        let error = error.as_db_error().map_or_else(
            || error.to_string(),
            |db| format!("{} ({})", db.message(), db.code().code()),
        );
        ShadowError::Database { step, error }
    }
}
