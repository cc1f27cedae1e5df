//! Reads the schema from `pg_catalog`, in one snapshot.

use std::collections::BTreeMap;

use tokio_postgres::{Client, Row};

use super::table::{Catalog, Column, EnumType, ForeignKey, Kind, Table};
use crate::policy::TableName;

/// The most rows that one of the queries below may return.
const MOST_ROWS: usize = 500_000;

/// Why the schema could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// PostgreSQL did not answer.
    #[error("cannot read the schema: {0}")]
    Postgres(#[from] tokio_postgres::Error),
    /// There is more of it than anybody reads.
    #[error("the schema has more than {MOST_ROWS} {0}")]
    TooLarge(&'static str),
    /// A kind of relation that the query did not ask for.
    #[error("unknown kind of relation {0}")]
    Kind(i8),
}

/// What the search path is set to, so that every type outside of `pg_catalog` prints its schema.
const BEGIN: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog";

const TABLES: &str = "
SELECT c.oid, n.nspname, c.relname, c.relkind
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast\\_temp\\_%'";

/// A domain over a domain is followed down to the type that its values have.
const COLUMNS: &str = "
WITH RECURSIVE below(oid, base) AS (
    SELECT oid, oid FROM pg_type WHERE typtype <> 'd'
    UNION ALL
    SELECT d.oid, b.base FROM pg_type d JOIN below b ON b.oid = d.typbasetype WHERE d.typtype = 'd'
)
SELECT a.attrelid, a.attname, a.attnum, a.atttypid, format_type(a.atttypid, a.atttypmod), a.atttypmod,
       b.base, format_type(b.base, NULL), a.attnotnull, a.attgenerated <> '', a.attidentity <> '',
       a.attcollation IN (0, 'pg_catalog.\"default\"'::regcollation)
       AND (t.typtype = 'e' OR t.typtype = 'b' AND t.typnamespace = 'pg_catalog'::regnamespace
            AND (t.typcategory IN ('B', 'D', 'I', 'N', 'S', 'T', 'V')
                 OR t.typname IN ('uuid', 'bytea', 'jsonb', 'macaddr', 'macaddr8'))),
       a.attcollation IN (0, 'pg_catalog.\"default\"'::regcollation)
       AND t.typcategory = 'A' AND t.typnamespace = 'pg_catalog'::regnamespace
       AND e.typtype = 'b' AND e.typnamespace = 'pg_catalog'::regnamespace
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN below b ON b.oid = a.atttypid
     JOIN pg_type t ON t.oid = b.base LEFT JOIN pg_type e ON e.oid = t.typelem
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY a.attrelid, a.attnum";

/// Only whole, valid indexes on plain columns. An index WITHOUT OVERLAPS (PostgreSQL 18) says that
/// it is unique and is not, in its key columns taken alone; it is an exclusion.
const UNIQUES: &str = "
SELECT i.indrelid, i.indisprimary,
       (SELECT array_agg(a.attname::text ORDER BY k.place)
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE k.place <= i.indnkeyatts)
FROM pg_index i
WHERE i.indisunique AND i.indisvalid AND NOT i.indisexclusion AND i.indpred IS NULL AND i.indexprs IS NULL
  AND NOT EXISTS (SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
                  WHERE h.inhparent = i.indrelid AND p.relkind = 'r')
ORDER BY i.indrelid, NOT i.indisprimary, i.indexrelid";

/// Only keys that are enforced: validated, with no trigger of theirs switched off. Left out are the
/// copies that PostgreSQL keeps per partition of the target, and temporal keys (PostgreSQL 18).
const FOREIGN_KEYS: &str = "
SELECT c.conrelid, c.confrelid,
       (SELECT array_agg(a.attname::text ORDER BY k.place)
        FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum),
       (SELECT array_agg(a.attname::text ORDER BY k.place)
        FROM unnest(c.confkey) WITH ORDINALITY AS k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum)
FROM pg_constraint c
WHERE c.contype = 'f' AND c.convalidated AND coalesce(to_jsonb(c) ->> 'conperiod', 'false') = 'false'
  AND NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = c.conparentid AND p.conrelid = c.conrelid)
  AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = c.oid AND t.tgenabled NOT IN ('O', 'A'))
  AND NOT EXISTS (SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
                  WHERE h.inhparent = c.conrelid AND p.relkind = 'r')
ORDER BY c.conrelid, c.oid";

const DEPENDENCIES: &str = "
SELECT DISTINCT r.ev_class, d.refobjid
FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class";

const PARENTS: &str = "SELECT inhrelid, inhparent FROM pg_inherits ORDER BY inhrelid, inhseqno";

const ENUMS: &str = "
SELECT n.nspname, t.typname, t.oid, t.typarray, array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
GROUP BY n.nspname, t.typname, t.oid, t.typarray ORDER BY n.nspname, t.typname";

impl Catalog {
    /// Reads the schema of the database that the client is connected to. The client must not be in
    /// a transaction; it is not in one afterwards, unless the call was dropped half-way.
    pub async fn load(client: &Client) -> Result<Self, CatalogError> {
        client.batch_execute(BEGIN).await?;
        let read = read(client).await;
        let ended = client.batch_execute("ROLLBACK").await;
        let catalog = read?;
        ended?;
        Ok(catalog)
    }
}

async fn read(client: &Client) -> Result<Catalog, CatalogError> {
    let mut tables = BTreeMap::new();
    for row in rows(client, TABLES, "tables").await? {
        let table = table(&row)?;
        tables.insert(table.oid, table);
    }
    let names: BTreeMap<u32, TableName> =
        tables.iter().map(|(oid, table)| (*oid, table.name.clone())).collect();
    for row in rows(client, COLUMNS, "columns").await? {
        if let Some(table) = tables.get_mut(&row.try_get(0)?) {
            table.columns.push(column(&row)?);
        }
    }
    for row in rows(client, UNIQUES, "indexes").await? {
        let Some(table) = tables.get_mut(&row.try_get(0)?) else { continue };
        let columns: Vec<String> = row.try_get(2)?;
        if row.try_get(1)? {
            table.primary_key.clone_from(&columns);
        }
        if !table.uniques.contains(&columns) {
            table.uniques.push(columns);
        }
    }
    for row in rows(client, FOREIGN_KEYS, "foreign keys").await? {
        if let (Some(table), Some(target)) =
            (tables.get_mut(&row.try_get(0)?), names.get(&row.try_get(1)?))
        {
            let (columns, target_columns) = (row.try_get(2)?, row.try_get(3)?);
            table.foreign_keys.push(ForeignKey { columns, target: target.clone(), target_columns });
        }
    }
    for row in rows(client, DEPENDENCIES, "dependencies").await? {
        if let (Some(view), Some(name)) =
            (tables.get_mut(&row.try_get(0)?), names.get(&row.try_get(1)?))
        {
            view.depends_on.push(name.clone());
        }
    }
    for row in rows(client, PARENTS, "partitions").await? {
        if let (Some(child), Some(name)) =
            (tables.get_mut(&row.try_get(0)?), names.get(&row.try_get(1)?))
        {
            child.parents.push(name.clone());
        }
    }
    let enums =
        rows(client, ENUMS, "enum types").await?.iter().map(enum_type).collect::<Result<_, _>>()?;
    let mut tables: BTreeMap<TableName, Table> =
        tables.into_values().map(|table| (table.name.clone(), table)).collect();
    for table in tables.values_mut() {
        table.depends_on.sort();
    }
    Ok(Catalog { tables, enums })
}

async fn rows(client: &Client, sql: &str, what: &'static str) -> Result<Vec<Row>, CatalogError> {
    let rows = client.query(&format!("{sql} LIMIT {}", MOST_ROWS + 1), &[]).await?;
    if rows.len() > MOST_ROWS { Err(CatalogError::TooLarge(what)) } else { Ok(rows) }
}

fn table(row: &Row) -> Result<Table, CatalogError> {
    let kind: i8 = row.try_get(3)?;
    let kind = match kind.cast_unsigned() {
        b'r' => Kind::Table,
        b'p' => Kind::Partitioned,
        b'v' => Kind::View,
        b'm' => Kind::MaterializedView,
        b'f' => Kind::Foreign,
        _ => return Err(CatalogError::Kind(kind)),
    };
    Ok(Table {
        name: TableName { schema: row.try_get(1)?, name: row.try_get(2)? },
        oid: row.try_get(0)?,
        kind,
        columns: Vec::new(),
        primary_key: Vec::new(),
        uniques: Vec::new(),
        foreign_keys: Vec::new(),
        depends_on: Vec::new(),
        parents: Vec::new(),
    })
}

fn column(row: &Row) -> Result<Column, CatalogError> {
    Ok(Column {
        name: row.try_get(1)?,
        number: row.try_get(2)?,
        type_oid: row.try_get(3)?,
        type_name: row.try_get(4)?,
        typmod: row.try_get(5)?,
        base_oid: row.try_get(6)?,
        base_name: row.try_get(7)?,
        not_null: row.try_get(8)?,
        generated: row.try_get(9)?,
        identity: row.try_get(10)?,
        admitted: row.try_get(11)?,
        readable: row.try_get::<_, Option<bool>>(12)?.unwrap_or(false),
    })
}

fn enum_type(row: &Row) -> Result<EnumType, CatalogError> {
    Ok(EnumType {
        schema: row.try_get(0)?,
        name: row.try_get(1)?,
        oid: row.try_get(2)?,
        array_oid: row.try_get(3)?,
        labels: row.try_get(4)?,
    })
}
