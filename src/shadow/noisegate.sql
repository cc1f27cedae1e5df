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

CREATE TABLE IF NOT EXISTS noisegate.budget (
    account text,
    accountant text,
    epsilon numeric,
    epsilon_left numeric,
    share_left numeric,
    delta numeric,
    renews_at timestamptz
);
CREATE TABLE IF NOT EXISTS noisegate.my_queries (
    query_id text,
    asked_at timestamptz,
    state text,
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
