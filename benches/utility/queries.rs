//! The questions, and how far off others are.

/// A number of a group, from the leaf's columns. Those that no analyst sees come where the
/// aggregate that needs them is written, the count first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// That column.
    Column(usize),
    /// The first by the second.
    Over(usize, usize),
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query {
    pub(crate) name: &'static str,
    /// Keys first, then the numbers.
    pub(crate) text: &'static str,
    pub(crate) numbers: &'static [Number],
    /// Relative errors at scale 1 as published for or measured with others, in per cent: Wilson
    /// et al. with Laplace noise, R2T, Qrlew, SmartNoise.
    pub(crate) peers: [&'static str; 4],
}

use Number::{Column, Over};

const FIRST: &[Number] = &[Column(0)];
const NOBODY: [&str; 4] = ["", "", "", ""];

/// TPC-H's at one level of aggregation (Q), and the plainest ones there are (B).
pub(crate) const QUERIES: &[Query] = &[
    Query {
        name: "Q1 pricing summary of a quarter, 8 numbers",
        text: "SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice), \
            sum(l_extendedprice * (1 - l_discount)), \
            sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)), \
            avg(l_quantity), avg(l_extendedprice), avg(l_discount), count(*) FROM lineitem \
            WHERE l_shipdate BETWEEN date '1995-05-01' AND date '1995-07-31' GROUP BY 1, 2",
        numbers: &[
            Column(0),
            Column(1),
            Column(2),
            Column(3),
            Over(0, 4),
            Over(1, 4),
            Over(5, 4),
            Column(4),
        ],
        peers: NOBODY,
    },
    Query {
        name: "Q3 revenue by month",
        text: "SELECT CASE WHEN o_orderdate < date '1994-12-01' THEN '1994-11' \
            WHEN o_orderdate < date '1995-01-01' THEN '1994-12' \
            WHEN o_orderdate < date '1995-02-01' THEN '1995-01' \
            WHEN o_orderdate < date '1995-03-01' THEN '1995-02' ELSE '1995-03' END, \
            sum(l_extendedprice * (1 - l_discount)) \
            FROM customer JOIN orders ON c_custkey = o_custkey \
            JOIN lineitem ON l_orderkey = o_orderkey \
            WHERE c_mktsegment = 'BUILDING' AND o_orderdate < date '1995-03-15' \
            AND l_shipdate > date '1995-03-15' GROUP BY 1",
        numbers: FIRST,
        peers: ["1.0", "23", "refused or empty", "no join"],
    },
    Query {
        name: "Q4 orders by priority",
        text: "SELECT o_orderpriority, count(*) FROM orders \
            WHERE o_orderdate >= date '1993-07-01' AND o_orderdate < date '1993-10-01' \
            AND EXISTS (SELECT 1 FROM lineitem WHERE l_orderkey = o_orderkey \
            AND l_commitdate < l_receiptdate) GROUP BY 1",
        numbers: FIRST,
        peers: ["0.22", "3.8", "3.0 (without EXISTS)", "0.73 tuned, 24 default"],
    },
    Query {
        name: "Q5 revenue by nation",
        text: "SELECT n_name, sum(l_extendedprice * (1 - l_discount)) \
            FROM customer JOIN orders ON c_custkey = o_custkey \
            JOIN lineitem ON l_orderkey = o_orderkey \
            JOIN supplier ON l_suppkey = s_suppkey AND c_nationkey = s_nationkey \
            JOIN nation ON s_nationkey = n_nationkey JOIN region ON n_regionkey = r_regionkey \
            WHERE r_name = 'ASIA' AND o_orderdate >= date '1994-01-01' \
            AND o_orderdate < date '1995-01-01' GROUP BY 1",
        numbers: FIRST,
        peers: ["0.72", "14", "100", "no join"],
    },
    Query {
        name: "Q6 revenue",
        text: "SELECT sum(l_extendedprice * l_discount) FROM lineitem \
            WHERE l_shipdate >= date '1994-01-01' AND l_shipdate < date '1995-01-01' \
            AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24",
        numbers: FIRST,
        peers: ["0.62", "0.9", "2.3", "no expression"],
    },
    Query {
        // Of all types of parts: Brazil sells ninety lines of the type that Q8 asks for at scale 1.
        name: "Q8 market share by year, of all parts",
        text: "SELECT extract(year FROM o_orderdate), \
            sum(CASE WHEN n2.n_name = 'BRAZIL' THEN l_extendedprice * (1 - l_discount) ELSE 0 END) \
            / sum(l_extendedprice * (1 - l_discount)) \
            FROM lineitem JOIN supplier ON s_suppkey = l_suppkey \
            JOIN orders ON l_orderkey = o_orderkey JOIN customer ON o_custkey = c_custkey \
            JOIN nation n1 ON c_nationkey = n1.n_nationkey \
            JOIN region ON n1.n_regionkey = r_regionkey \
            JOIN nation n2 ON s_nationkey = n2.n_nationkey WHERE r_name = 'AMERICA' \
            AND o_orderdate BETWEEN date '1995-01-01' AND date '1996-12-31' GROUP BY 1",
        numbers: &[Over(0, 1)],
        peers: NOBODY,
    },
    Query {
        name: "Q10 revenue by nation",
        text: "SELECT n_name, sum(l_extendedprice * (1 - l_discount)) \
            FROM customer JOIN orders ON c_custkey = o_custkey \
            JOIN lineitem ON l_orderkey = o_orderkey JOIN nation ON c_nationkey = n_nationkey \
            WHERE o_orderdate >= date '1993-10-01' AND o_orderdate < date '1994-01-01' \
            AND l_returnflag = 'R' GROUP BY 1",
        numbers: FIRST,
        peers: ["0.58", "20", "", ""],
    },
    Query {
        name: "Q12 low-priority lines",
        text: "SELECT l_shipmode, \
            sum(CASE WHEN o_orderpriority <> '1-URGENT' AND o_orderpriority <> '2-HIGH' \
            THEN 1 ELSE 0 END) \
            FROM orders JOIN lineitem ON o_orderkey = l_orderkey \
            WHERE l_shipmode IN ('MAIL', 'SHIP') AND l_commitdate < l_receiptdate \
            AND l_shipdate < l_commitdate AND l_receiptdate >= date '1994-01-01' \
            AND l_receiptdate < date '1995-01-01' GROUP BY 1",
        numbers: FIRST,
        peers: ["0.50", "1.8", "4.7", ""],
    },
    Query {
        name: "Q12 both priorities",
        text: "SELECT l_shipmode, \
            sum(CASE WHEN o_orderpriority = '1-URGENT' OR o_orderpriority = '2-HIGH' \
            THEN 1 ELSE 0 END), \
            sum(CASE WHEN o_orderpriority <> '1-URGENT' AND o_orderpriority <> '2-HIGH' \
            THEN 1 ELSE 0 END) \
            FROM orders JOIN lineitem ON o_orderkey = l_orderkey \
            WHERE l_shipmode IN ('MAIL', 'SHIP') AND l_commitdate < l_receiptdate \
            AND l_shipdate < l_commitdate AND l_receiptdate >= date '1994-01-01' \
            AND l_receiptdate < date '1995-01-01' GROUP BY 1",
        numbers: &[Column(0), Column(1)],
        peers: NOBODY,
    },
    Query {
        name: "Q13 customers by number of orders",
        text: "SELECT c_count, count(*) FROM (SELECT c_custkey, count(o_orderkey) AS c_count \
            FROM customer LEFT JOIN orders ON c_custkey = o_custkey GROUP BY c_custkey) AS c \
            GROUP BY 1",
        numbers: FIRST,
        peers: ["0.05", "0.12", "35", ""],
    },
    Query {
        name: "Q14 promo revenue",
        text: "SELECT sum(CASE WHEN p_type LIKE 'PROMO%' \
            THEN l_extendedprice * (1 - l_discount) ELSE 0 END) \
            / sum(l_extendedprice * (1 - l_discount)) \
            FROM lineitem JOIN part ON l_partkey = p_partkey \
            WHERE l_shipdate >= date '1995-09-01' AND l_shipdate < date '1995-10-01'",
        numbers: &[Over(0, 1)],
        peers: ["0.61", "1.4", "1.6", "refused"],
    },
    Query {
        name: "Q14 promo revenue, the sum alone",
        text: "SELECT sum(CASE WHEN p_type LIKE 'PROMO%' \
            THEN l_extendedprice * (1 - l_discount) ELSE 0 END) \
            FROM lineitem JOIN part ON l_partkey = p_partkey \
            WHERE l_shipdate >= date '1995-09-01' AND l_shipdate < date '1995-10-01'",
        numbers: FIRST,
        peers: NOBODY,
    },
    Query {
        name: "Q14 revenue, the sum alone",
        text: "SELECT sum(l_extendedprice * (1 - l_discount)) \
            FROM lineitem JOIN part ON l_partkey = p_partkey \
            WHERE l_shipdate >= date '1995-09-01' AND l_shipdate < date '1995-10-01'",
        numbers: FIRST,
        peers: NOBODY,
    },
    Query {
        name: "B1 orders by month",
        text: "SELECT extract(year FROM o_orderdate)::int, extract(month FROM o_orderdate)::int, \
            count(*) FROM orders GROUP BY 1, 2",
        numbers: FIRST,
        peers: NOBODY,
    },
    Query {
        name: "B2 customers by nation",
        text: "SELECT n_name, count(DISTINCT c_custkey) FROM customer \
            JOIN orders ON o_custkey = c_custkey JOIN nation ON c_nationkey = n_nationkey \
            WHERE o_orderdate >= date '1995-01-01' AND o_orderdate < date '1996-01-01' GROUP BY 1",
        numbers: FIRST,
        peers: ["0.02", "0.07", "", ""],
    },
    Query {
        name: "B3 sum by status",
        text: "SELECT o_orderstatus, sum(o_totalprice) FROM orders GROUP BY 1",
        numbers: FIRST,
        peers: ["0.27", "0.6", "0.28", ""],
    },
    Query {
        name: "B4 sum by clerk",
        text: "SELECT o_clerk, sum(o_totalprice) FROM orders GROUP BY 1",
        numbers: FIRST,
        peers: NOBODY,
    },
    Query {
        name: "B6 customers by segment",
        text: "SELECT c_mktsegment, count(*) FROM customer GROUP BY 1",
        numbers: FIRST,
        peers: ["0.002", "0.007", "1.0", "0.003"],
    },
    Query {
        name: "B7 orders and large ones by priority",
        text: "SELECT o_orderpriority, count(*), count(*) FILTER (WHERE o_totalprice > 400000) \
            FROM orders GROUP BY 1",
        numbers: &[Column(0), Column(1)],
        peers: NOBODY,
    },
    Query {
        name: "B8 average by status",
        text: "SELECT o_orderstatus, avg(o_totalprice) FROM orders GROUP BY 1",
        numbers: &[Over(1, 0)],
        peers: NOBODY,
    },
];
