-- Keys and foreign keys of the tables in $1 (schemas) and $2 (names), if they were checked.
-- Columns that PostgreSQL 14 or 17 lacks are looked up by name.
SELECT n.nspname::text AS schema,
       c.relname::text AS name,
       k.conname::text AS constraint_name,
       k.contype = 'p' AS primary,
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_not_distinct,
       (SELECT array_agg(a.attname::text ORDER BY position)
        FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, position)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum) AS columns,
       n_to.nspname::text AS to_schema,
       c_to.relname::text AS to_name,
       (SELECT array_agg(a.attname::text ORDER BY position)
        FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, position)
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum) AS to_columns
FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
JOIN pg_namespace n ON n.nspname = wanted.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('p', 'u', 'f') AND k.convalidated
LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype <> 'f'
LEFT JOIN pg_class c_to ON c_to.oid = k.confrelid
LEFT JOIN pg_namespace n_to ON n_to.oid = c_to.relnamespace
WHERE NOT coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false)
ORDER BY n.nspname, c.relname, k.conname
