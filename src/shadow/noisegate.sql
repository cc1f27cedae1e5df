-- The schema through which proxy and shadow work together. The tables are empty for ever: when a
-- statement names one, the proxy puts the asking analyst's own rows in its place.

-- Raises a refusal inside the client's session, so that transactions and pipelines end as they
-- would after any other error.
CREATE OR REPLACE FUNCTION noisegate.refuse(code text, message text, detail text, hint text)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog
AS 'BEGIN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail, HINT = hint;
END';

-- Stands for parameter n in a canonical form. Volatile, and in a language that is not inlined,
-- so that it is never folded into its example.
CREATE OR REPLACE FUNCTION noisegate.param(n integer, example anyelement)
RETURNS anyelement LANGUAGE plpgsql VOLATILE
AS 'BEGIN RETURN example; END';

-- The aggregate that analysts miss in PostgreSQL. Over people it is a percentile like others.
CREATE OR REPLACE FUNCTION noisegate.median_of(double precision[])
RETURNS double precision LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog
AS 'BEGIN
    RETURN (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v) FROM unnest($1) AS v);
END';
CREATE OR REPLACE AGGREGATE public.median(double precision) (
    sfunc = pg_catalog.array_append,
    stype = double precision[],
    finalfunc = noisegate.median_of
);

CREATE TABLE IF NOT EXISTS noisegate.budget (
    account text,
    accountant text,
    epsilon numeric,
    epsilon_left numeric,
    share_left numeric,
    delta numeric,
    renews_at timestamptz,
    share_spent numeric,
    state text,
    queries_left numeric
);
-- What a shadow that was built before has not.
ALTER TABLE noisegate.budget
    ADD COLUMN IF NOT EXISTS share_spent numeric,
    ADD COLUMN IF NOT EXISTS state text,
    ADD COLUMN IF NOT EXISTS queries_left numeric;
CREATE TABLE IF NOT EXISTS noisegate.my_queries (
    query_id text,
    asked_at timestamptz,
    state text,
    epsilon numeric
);
CREATE TABLE IF NOT EXISTS noisegate.releases (
    question text,
    query_id text,
    asked_at timestamptz,
    expires_at timestamptz,
    epsilon numeric
);
CREATE TABLE IF NOT EXISTS noisegate.tables (
    schema text,
    name text,
    kind text,
    unit text,
    path text,
    max_rows bigint,
    bounds text,
    min_group integer
);
CREATE TABLE IF NOT EXISTS noisegate.columns (
    schema text,
    table_name text,
    name text,
    type text,
    class text,
    low text,
    high text,
    key_values text[],
    keys_from text
);
