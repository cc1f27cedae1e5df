-- The columns of the tables in $1 (schemas) and $2 (names).
-- A domain is read as what it is made of: its CHECK may name people.
SELECT n.nspname::text AS schema,
       c.relname::text AS name,
       a.attname::text AS column_name,
       coalesce(a.attnotnull, false) AS not_null,
       format_type(t.oid, base.typmod) AS data_type,
       coalesce(n_core.nspname = 'pg_catalog' OR core.typtype = 'e', false) AS known,
       CASE WHEN core.typtype = 'e' THEN n_core.nspname::text END AS enum_schema,
       CASE WHEN core.typtype = 'e' THEN core.typname::text END AS enum_name,
       coll.collname::text AS collation_name
FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
JOIN pg_namespace n ON n.nspname = wanted.schema
JOIN pg_class c
  ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN LATERAL (
    WITH RECURSIVE step(type, typmod) AS (
        SELECT a.atttypid, a.atttypmod
        UNION ALL
        SELECT d.typbasetype, d.typtypmod
        FROM step JOIN pg_type d ON d.oid = step.type AND d.typtype = 'd'
    )
    SELECT step.type, step.typmod
    FROM step JOIN pg_type last ON last.oid = step.type AND last.typtype <> 'd'
) base ON true
LEFT JOIN pg_type t ON t.oid = base.type
LEFT JOIN pg_type element ON element.oid = t.typelem AND t.typcategory = 'A'
LEFT JOIN pg_type core ON core.oid = coalesce(element.oid, t.oid)
LEFT JOIN pg_namespace n_core ON n_core.oid = core.typnamespace
LEFT JOIN pg_collation coll
  ON coll.oid = a.attcollation AND a.attcollation <> t.typcollation
 AND coll.collnamespace = 'pg_catalog'::regnamespace
ORDER BY n.nspname, c.relname, a.attnum
