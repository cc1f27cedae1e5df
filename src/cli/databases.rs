//! The logins that a policy names, and connections by them.

use tokio_postgres::{Client, Config};

use super::error::{CliError, describe};
use crate::database;
use crate::policy::{Password, Policy, TableRule};
use crate::shadow::ListedTable;

/// How each login connects.
#[derive(Clone, Debug)]
pub(super) struct Databases {
    /// The reader, on the source.
    pub(super) source: Config,
    /// The analysts' role, on the shadow.
    pub(super) shadow: Config,
    /// The owner of the shadow's tables, where the operator gave its password.
    pub(super) owner: Option<Config>,
}

pub(super) const READER: &str = "the reader of the source";
pub(super) const ANALYST: &str = "the analysts' role of the shadow";
pub(super) const OWNER: &str = "the owner of the shadow";

impl Databases {
    /// Those of a policy, with their passwords.
    pub(super) fn of(policy: &Policy) -> Result<Self, CliError> {
        let server = &policy.server;
        let source = with(parse(READER, &server.source)?, server.source_password()?);
        let owner = parse(OWNER, &server.shadow)?;
        let mut shadow = owner.clone();
        shadow.user(&server.shadow_analyst);
        let shadow = with(shadow, server.shadow_analyst_password()?);
        let owner = server.shadow_password()?.map(|password| with(owner, Some(password)));
        Ok(Self { source, shadow, owner })
    }
}

pub(super) fn parse(login: &'static str, url: &str) -> Result<Config, CliError> {
    let mut config: Config =
        url.parse().map_err(|error| CliError::Url { login, error: describe(&error) })?;
    config.application_name("noisegate");
    config.connect_timeout(std::time::Duration::from_secs(10));
    Ok(config)
}

fn with(mut config: Config, password: Option<Password>) -> Config {
    if let Some(password) = password {
        config.password(password.expose());
    }
    config
}

/// Connects; the connection ends with the client.
pub(super) async fn connect(login: &'static str, config: &Config) -> Result<Client, CliError> {
    let connected = database::connect(config).await;
    connected.map_err(|error| CliError::Connect { login, error: describe(&error) })
}

/// The tables of a policy, as the shadow wants them.
pub(super) fn listed(policy: &Policy) -> Vec<ListedTable> {
    let table = |(name, rule): (&crate::policy::TableName, &TableRule)| ListedTable {
        schema: name.schema.clone(),
        name: name.name.clone(),
        private: matches!(rule, TableRule::Private(_)),
    };
    policy.tables.iter().map(table).collect()
}
