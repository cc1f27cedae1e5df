//! What a login may do, and who may reach a database.

use std::collections::BTreeSet;

use tokio_postgres::Client;

use super::load::CatalogError;
use crate::policy::TableName;

/// What the login of a connection may do in its database, by any way that PostgreSQL knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Its name.
    pub name: String,
    /// Whether it may do everything. Then nothing else is listed.
    pub superuser: bool,
    /// Attributes and memberships that let it do more than its privileges say.
    pub powers: Vec<String>,
    /// Databases and schemas in which it may create things.
    pub creates: Vec<String>,
    /// Tables and sequences that it may change, and views that it may change tables through.
    pub writes: Vec<TableName>,
    /// Tables of which it may read at least one column.
    pub reads: BTreeSet<TableName>,
}

/// Who may reach the shadow, and whether it holds what it must not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShadowState {
    /// Logins that may connect, but for superusers and the one that asked.
    pub logins: Vec<String>,
    /// Private tables with rows.
    pub filled: Vec<TableName>,
}

const POWERS: &str = "
SELECT power FROM pg_roles r, LATERAL (VALUES
    (r.rolcreaterole, 'CREATEROLE'), (r.rolcreatedb, 'CREATEDB'), (r.rolreplication, 'REPLICATION'),
    (r.rolbypassrls, 'BYPASSRLS')) AS p(has, power)
WHERE r.rolname = current_user AND p.has
UNION ALL
SELECT g.rolname::text FROM pg_roles g
WHERE g.rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files',
                    'pg_execute_server_program', 'pg_maintain', 'pg_database_owner')
  AND pg_has_role(current_user, g.oid, 'MEMBER')
ORDER BY 1";

const CREATES: &str = "
SELECT 'database ' || current_database() WHERE has_database_privilege(current_database(), 'CREATE')
UNION ALL
SELECT 'schema ' || nspname FROM pg_namespace
WHERE nspname NOT LIKE 'pg\\_temp\\_%' AND has_schema_privilege(oid, 'CREATE')
ORDER BY 1";

/// A privilege on a table in a schema that the login may not use is worth nothing.
const RELATIONS: &str = "
SELECT n.nspname, c.relname, read, write
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (
    SELECT c.relkind <> 'S' AND has_any_column_privilege(c.oid, 'SELECT') AS read,
           CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'USAGE, UPDATE')
                ELSE has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES')
                     OR has_table_privilege(c.oid, 'DELETE, TRUNCATE, TRIGGER') END AS write) AS may
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND (may.read OR may.write)
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND has_schema_privilege(n.oid, 'USAGE')
ORDER BY 1, 2";

const STRANGERS: &str = "
SELECT rolname FROM pg_roles
WHERE rolcanlogin AND NOT rolsuper AND rolname NOT IN (current_user, session_user)
  AND has_database_privilege(oid, current_database(), 'CONNECT')
ORDER BY 1";

impl Login {
    /// Asks what the client's own login may do.
    pub async fn load(client: &Client) -> Result<Self, CatalogError> {
        let role = client
            .query_one("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user", &[])
            .await?;
        let mut login =
            Self { name: role.try_get(0)?, superuser: role.try_get(1)?, ..Self::default() };
        if login.superuser {
            return Ok(login);
        }
        for row in client.query(POWERS, &[]).await? {
            login.powers.push(row.try_get(0)?);
        }
        for row in client.query(CREATES, &[]).await? {
            login.creates.push(row.try_get(0)?);
        }
        for row in client.query(RELATIONS, &[]).await? {
            let table = TableName { schema: row.try_get(0)?, name: row.try_get(1)? };
            if row.try_get(3)? {
                login.writes.push(table.clone());
            }
            if row.try_get(2)? {
                login.reads.insert(table);
            }
        }
        Ok(login)
    }
}

impl ShadowState {
    /// Asks the shadow, by its owner's login, about these private tables. One that is not there
    /// holds nothing.
    pub async fn load(client: &Client, private: &[TableName]) -> Result<Self, CatalogError> {
        let mut state = Self::default();
        for row in client.query(STRANGERS, &[]).await? {
            state.logins.push(row.try_get(0)?);
        }
        for table in private {
            let there =
                client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&table.quoted()]).await?;
            if there.try_get(0)?
                && holds(client, &format!("SELECT EXISTS (SELECT FROM {})", table.quoted())).await?
            {
                state.filled.push(table.clone());
            }
        }
        Ok(state)
    }
}

/// The answer to a statement that returns one boolean.
pub async fn holds(client: &Client, sql: &str) -> Result<bool, CatalogError> {
    Ok(client.query_one(sql, &[]).await?.try_get(0)?)
}
