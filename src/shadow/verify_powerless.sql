-- $1: pattern of the functions that nobody but an administrator may call.
-- $2: settings that the role starts with, as name=value.
WITH me AS (
    SELECT oid, rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
    FROM pg_catalog.pg_roles WHERE rolname IN (current_user, session_user)
), place AS (
    SELECT oid, nspname FROM pg_catalog.pg_namespace
    WHERE nspname !~ '^pg_(toast_)?temp_' AND nspname <> 'pg_toast'
)
SELECT 'is a superuser' FROM me WHERE rolsuper
UNION ALL
SELECT 'may create roles' FROM me WHERE rolcreaterole
UNION ALL
SELECT 'may create databases' FROM me WHERE rolcreatedb
UNION ALL
SELECT 'may replicate' FROM me WHERE rolreplication
UNION ALL
SELECT 'passes row security' FROM me WHERE rolbypassrls
UNION ALL
SELECT 'is a member of ' || r.rolname FROM pg_catalog.pg_auth_members m
JOIN me ON me.oid = m.member JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
UNION ALL
SELECT 'may create schemas' WHERE pg_catalog.has_database_privilege(
    pg_catalog.current_database(), 'CREATE')
UNION ALL
SELECT 'owns the database' FROM pg_catalog.pg_database d JOIN me ON me.oid = d.datdba
WHERE d.datname = pg_catalog.current_database()
UNION ALL
SELECT 'may create in the schema ' || nspname FROM place
WHERE pg_catalog.has_schema_privilege(oid, 'CREATE')
UNION ALL
SELECT 'owns ' || c.relname FROM pg_catalog.pg_class c
JOIN place ON place.oid = c.relnamespace JOIN me ON me.oid = c.relowner
UNION ALL
SELECT 'owns the function ' || p.proname FROM pg_catalog.pg_proc p
JOIN place ON place.oid = p.pronamespace JOIN me ON me.oid = p.proowner
UNION ALL
-- pg_settings is written by SET, and its rule changes this session alone.
SELECT 'may write ' || place.nspname || '.' || c.relname FROM pg_catalog.pg_class c
JOIN place ON place.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (place.nspname, c.relname) <> ('pg_catalog', 'pg_settings')
  AND (pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES')
       OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES'))
UNION ALL
SELECT 'may use the sequence ' || c.relname FROM pg_catalog.pg_class c
JOIN place ON place.oid = c.relnamespace
-- CASE, because the function fails on anything else and WHERE has no order.
WHERE CASE WHEN c.relkind = 'S'
           THEN pg_catalog.has_sequence_privilege(c.oid, 'USAGE, SELECT, UPDATE') END
UNION ALL
SELECT 'may write functions in ' || lanname FROM pg_catalog.pg_language
WHERE pg_catalog.has_language_privilege(oid, 'USAGE') AND lanpltrusted
UNION ALL
SELECT DISTINCT 'may call ' || p.proname FROM pg_catalog.pg_proc p
WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND p.proname ~ $1::text
  AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
UNION ALL
SELECT 'may act as the owner of ' || p.proname FROM pg_catalog.pg_proc p
JOIN place ON place.oid = p.pronamespace
WHERE p.prosecdef AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
UNION ALL
SELECT 'finds the extension ' || extname FROM pg_catalog.pg_extension
WHERE extname IN ('dblink', 'postgres_fdw', 'file_fdw', 'adminpack', 'pg_stat_statements',
                  'plpython3u', 'plperlu', 'pltclu', 'pg_cron', 'http')
UNION ALL
SELECT 'may use the server ' || srvname FROM pg_catalog.pg_foreign_server
WHERE pg_catalog.has_server_privilege(oid, 'USAGE')
UNION ALL
SELECT 'starts with ' || setting
FROM pg_catalog.pg_db_role_setting s, LATERAL pg_catalog.unnest(s.setconfig) AS setting
WHERE s.setrole IN (SELECT oid FROM me) AND NOT setting = ANY ($2::text[])
UNION ALL
SELECT 'does not start with ' || wanted FROM pg_catalog.unnest($2::text[]) AS wanted
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_db_role_setting s
    WHERE s.setrole IN (SELECT oid FROM me) AND wanted = ANY (s.setconfig))
ORDER BY 1
