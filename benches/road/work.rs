//! The kinds of work that are measured.

/// Where the work is sent for comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Straight {
    /// The shadow: the same database as the clients of noisegate see.
    Shadow,
    /// The source: the rows themselves, without noise.
    Source,
}

/// How statements are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// One Query message.
    Simple,
    /// Prepared once for each client, then Bind and Execute.
    Prepared,
    /// No statement: connect, log in, leave.
    Login,
}

/// One line of the table, but for the number of clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) protocol: Protocol,
    /// With `{}` in place of a number that no other statement has, or `$1` for it.
    pub(crate) text: &'static str,
    pub(crate) straight: Straight,
    pub(crate) clients: &'static [usize],
}

const ONE: &str = "SELECT 1";

/// What psql asks for `\d`.
const CATALOGUE: &str = "SELECT n.nspname AS \"Schema\", c.relname AS \"Name\", \
    CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' \
    WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' END \
    AS \"Type\", pg_catalog.pg_get_userbyid(c.relowner) AS \"Owner\" \
    FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', '') AND n.nspname <> 'pg_catalog' \
    AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema' \
    AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1, 2";

/// Asked again and again: charged and answered by the source once.
pub(crate) const REMEMBERED: &str =
    "SELECT o_orderpriority, count(*) FROM orders GROUP BY o_orderpriority";

/// Asked with another number each time: charged, answered by the source and remembered.
pub(crate) const FRESH: &str = "SELECT o_orderpriority, count(*) FROM orders \
    WHERE o_totalprice > {} GROUP BY o_orderpriority";
const FRESH_PREPARED: &str = "SELECT o_orderpriority, count(*) FROM orders \
    WHERE o_totalprice > $1::integer GROUP BY o_orderpriority";

/// Everything that is measured.
pub(crate) fn all() -> Vec<Work> {
    let both =
        |name, simple, prepared, straight| {
            [(Protocol::Simple, simple), (Protocol::Prepared, prepared)]
                .map(|(protocol, text)| Work { name, protocol, text, straight, clients: &[1, 16] })
        };
    let mut all = Vec::new();
    all.extend(both("`SELECT 1`", ONE, ONE, Straight::Shadow));
    all.extend(both("catalogue query", CATALOGUE, CATALOGUE, Straight::Shadow));
    all.extend(both("remembered leaf", REMEMBERED, REMEMBERED, Straight::Source));
    all.extend(both("fresh leaf", FRESH, FRESH_PREPARED, Straight::Source));
    all.push(Work {
        name: "connect, log in, leave",
        protocol: Protocol::Login,
        text: "",
        straight: Straight::Shadow,
        clients: &[1, 16],
    });
    all
}

impl Protocol {
    /// In words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Prepared => "prepared",
            Self::Login => "login",
        }
    }
}
