#!/usr/bin/env bash
# Runs once, when the ledger's server is made: the login of the proxies, and their schema.
set -euo pipefail

# The password goes in on the standard input, so no list of processes shows it; it is hexadecimal.
{
    printf "\\\\set password '%s'\n" "$(cat /run/secrets/ledger)"
    cat <<'SQL'
CREATE ROLE noisegate_ledger LOGIN PASSWORD :'password' CONNECTION LIMIT 20;
REVOKE ALL ON DATABASE budgets FROM PUBLIC;
GRANT CONNECT ON DATABASE budgets TO noisegate_ledger;
CREATE SCHEMA noisegate_ledger AUTHORIZATION noisegate_ledger;
SQL
} | psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB"
