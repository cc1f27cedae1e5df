#!/usr/bin/env bash
# A budget administrator who is new to noisegate freezes an analyst, grants 0.5 to a team, finds
# out who spent most in the last week, and exports the audit of a day. She knows --help alone; what
# has an effect on analysts is looked at through the wire, as they see it.
#
# Needs noisegate and psql on the PATH, NOISEGATE_POLICY, and PGHOST, PGPORT and PGDATABASE of a
# proxy under that policy, with the users alice and bob, whose passwords are their names.
set -euo pipefail

fail() { echo "tasks.sh: $*" >&2; exit 1; }

# Prints what an analyst is answered, errors with their SQLSTATE among it.
ask() {
    PGPASSWORD=$1 psql -XAtq -U "$1" -v VERBOSITY=verbose \
        -c 'SET noisegate.notices = off' -c "$2" 2>&1 || true
}

# Runs a command of which --help told the group, the verb, each option, and an example like it.
by_help() {
    local group=$1 verb=$2 help word
    noisegate --help | grep -q "^  $group " || fail "noisegate --help tells of no $group"
    noisegate "$group" --help | grep -q "^  $verb " || fail "no help for $group tells of $verb"
    help=$(noisegate "$group" "$verb" --help)
    grep -q "^  noisegate $group $verb" <<<"$help" || fail "no example of $group $verb"
    for word in "$@"; do
        case $word in
            --*) grep -q -- "^ .*$word" <<<"$help" || fail "no help for $group $verb tells of $word" ;;
        esac
    done
    echo "$ noisegate $*" >&2
    noisegate "$@"
}

is_number() { [[ $1 =~ ^-?[0-9]+$ ]]; }

day=$(date -u +%F)
old="SELECT count(*) FROM orders"
new="SELECT count(*) FROM orders WHERE o_orderstatus = 'F'"
told=$(ask alice "$old")
is_number "$told" || fail "alice is not answered: $told"

# 1. Freeze an analyst.
by_help user freeze alice --why "is on leave"
refused=$(ask alice "$new")
grep -q "ERROR:  53400: " <<<"$refused" || fail "alice is still answered: $refused"
[ "$(ask alice "$old")" = "$told" ] || fail "what alice paid for is lost"
is_number "$(ask bob "$new")" || fail "bob is not answered"
by_help user thaw alice --why "is back"
is_number "$(ask alice "$new")" || fail "alice stays frozen"

# 2. Grant 0.5 to a team.
left="SELECT round(epsilon, 2) FROM noisegate.budget WHERE account = 'data_team/data'"
before=$(ask alice "$left")
by_help budget grant data 0.5 --why "the report of this quarter"
after=$(ask alice "$left")
[ "$before $after" = "15.00 15.50" ] || fail "the team had $before and has $after"

# 3. Find out who spent most in the last week.
spenders=$(by_help budget spenders --last 7d)
most=$(awk '/^ANALYST / { getline; print $1; exit }' <<<"$spenders")
[ "$most" = alice ] || fail "$most spent most: $spenders"

# 4. Export the audit of a day.
by_help audit export --day "$day" --out audit.jsonl
for record in '"kind":"query"' '"kind":"account.freeze"' '"kind":"account.grant"' '"why":"is on leave"'; do
    grep -q "$record" audit.jsonl || fail "the export has no $record"
done
! grep -q "orders" audit.jsonl || fail "the export tells what was asked"
by_help audit verify

echo "all four tasks are done"
