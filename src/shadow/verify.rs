//! Asks the shadow what its login can do and whether it is empty, before analysts may enter.

use std::collections::BTreeSet;

use tokio_postgres::Client;

use super::error::{ShadowError, during};
use super::roles::{ANALYST_SETTINGS, DENIED_FUNCTIONS};
use super::schema::{ListedTable, Name};

/// Each row is one power that the login should not have, in words.
const POWERS: &str = include_str!("verify_powerless.sql");

/// Parameters that were granted, which releases before 15 do not have.
const PARAMETERS: &str = "
SELECT 'may set ' || p.parname FROM pg_catalog.pg_parameter_acl p
WHERE pg_catalog.has_parameter_privilege(p.parname, 'SET')
   OR pg_catalog.has_parameter_privilege(p.parname, 'ALTER SYSTEM')";

/// Fails if the login of this connection could change anything lasting, disturb other sessions
/// or reach out of the database. To be asked when a proxy starts and from time to time: a role
/// may always alter its own settings, so what it starts with is checked too.
pub async fn verify_powerless(client: &Client) -> Result<(), ShadowError> {
    let step = during("asking what the shadow's login may do");
    let expected: Vec<String> =
        ANALYST_SETTINGS.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let rows = client.query(POWERS, &[&DENIED_FUNCTIONS, &expected]).await.map_err(&step)?;
    let mut powers: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let release = "SELECT pg_catalog.current_setting('server_version_num')::integer >= 150000";
    if client.query_one(release, &[]).await.map_err(&step)?.get(0) {
        let rows = client.query(PARAMETERS, &[]).await.map_err(&step)?;
        powers.extend(rows.iter().map(|row| row.get::<_, String>(0)));
    }
    if powers.is_empty() {
        return Ok(());
    }
    let role = client.query_one("SELECT current_user::text", &[]).await.map_err(&step)?.get(0);
    Err(ShadowError::TooPowerful { role, powers })
}

/// Fails if a private table of the shadow holds a row, or looks as if it ever did.
pub async fn verify_empty(client: &Client, tables: &[ListedTable]) -> Result<(), ShadowError> {
    let touched = touched(client, tables).await?;
    if touched.is_empty() {
        return Ok(());
    }
    Err(ShadowError::NotEmpty(touched.iter().map(ToString::to_string).collect()))
}

/// Private tables with rows, pages or statistics.
pub(super) async fn touched(
    client: &Client,
    tables: &[ListedTable],
) -> Result<BTreeSet<Name>, ShadowError> {
    let step = during("looking for rows in private tables");
    let mut found = BTreeSet::new();
    for table in tables.iter().filter(|table| table.private).map(ListedTable::key) {
        let name = table.sql();
        let sql = format!(
            "SELECT EXISTS (SELECT FROM {name}) OR c.relpages > 0 OR c.reltuples > 0
             FROM pg_catalog.pg_class c WHERE c.oid = $1::text::regclass"
        );
        if client.query_one(&sql, &[&name]).await.map_err(&step)?.get(0) {
            found.insert(table);
        }
    }
    Ok(found)
}
