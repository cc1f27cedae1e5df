//! Ways that there were around the bounds, each with its story.

use noisegate::source::shown;
use noisegate_privacy::analyze::{Contribution, Terms, analyze};
use noisegate_privacy::derived::{self, Derived, Frame, Order, Rows, Window, WindowFunction};
use noisegate_privacy::expr::{Column, Expr, Function, Node, TextType, Type};
use noisegate_privacy::interpret::{Database, Table, Value, interpret};
use noisegate_privacy::norms::Norm;
use noisegate_privacy::plan::{
    Bounds, Domain, Exposure, Hop, Joins, Key, Leaf, Relation, Scan, Statistic,
};
use noisegate_privacy::quantiles::Bins;
use noisegate_privacy::{IBig, UBig};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{on_database, terms};

/// A table of customers, or of rows that point to them.
fn leaf(own: bool, keys: Vec<Key>, statistic: Statistic) -> Leaf {
    let hop = Hop {
        column: "customer".to_owned(),
        to_schema: "public".to_owned(),
        to_table: "customers".to_owned(),
        to_column: "id".to_owned(),
    };
    let path = if own { Vec::new() } else { vec![hop] };
    let table = if own { "customers" } else { "orders" };
    let scan = Scan {
        relation: Relation::Table { schema: "public".to_owned(), table: table.to_owned() },
        exposure: Exposure::Private { path, unit: "id".to_owned(), rows_max: 1 },
        unique: vec!["id".to_owned()],
    };
    Leaf {
        scans: vec![scan],
        joins: Joins::Scan(0),
        filter: Vec::new(),
        keys,
        statistics: vec![statistic],
    }
}

fn rows(filter: Option<Expr>) -> Statistic {
    Statistic::Rows { filter, present: None }
}

fn column(name: &str, ty: Type) -> Expr {
    let column = Column { scan: 0, name: name.to_owned(), bounds: None, nullable: true };
    Expr { node: Node::Column(column), ty }
}

fn text() -> Type {
    Type::Text(TextType::Text)
}

/// The answer's cells.
async fn answer(client: &Client, leaf: Leaf, groups_max: u32) -> Vec<Vec<Option<String>>> {
    let sql = shown(&analyze(leaf, &terms(groups_max)).unwrap());
    let messages =
        client.simple_query(&sql).await.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
        }
        _ => None,
    });
    rows.collect()
}

#[test]
fn one_allowed_row_is_enforced() {
    // With max_rows = 1 the plain aggregate of a table with one row for each person was taken, and
    // a person with a thousand orders counted a thousand times.
    on_database("one_row", |client| async move {
        let tables = "CREATE TABLE orders (id int, customer int);
            INSERT INTO orders SELECT n, 1 FROM generate_series(1, 1000) AS n;
            INSERT INTO orders VALUES (1001, 2), (1002, NULL);";
        client.batch_execute(tables).await.unwrap();
        let counted = answer(&client, leaf(false, Vec::new(), rows(None)), 1).await;
        assert_eq!(counted, [[Some("2".to_owned())]]);
    });
}

#[test]
fn a_group_is_released_once_however_its_key_is_written() {
    // CASE … THEN 1.0 WHEN … THEN 1.00 … has a hundred values that are equal. Each had a row, and
    // a hundred noisy answers for the price of one.
    on_database("equal_keys", |client| async move {
        client
            .batch_execute(
                "CREATE TABLE customers (id int, n numeric, d date, t bpchar);
            INSERT INTO customers SELECT n, 1, '2020-01-02', 'a' FROM generate_series(1, 50) AS n;
            CREATE TABLE levels (level double precision);
            INSERT INTO levels VALUES (1), (1.0000000000000002), (2);",
            )
            .await
            .unwrap();
        let some = |text: &str| Some(text.to_owned());
        let cases = [
            (
                "n",
                Type::Numeric(None),
                vec![some("1"), some("1.0"), some("1.00"), some("1e0"), some("2")],
            ),
            ("d", Type::Date, vec![some("2020-01-02"), some("2020-1-2"), some("20200102"), None]),
            ("t", Type::Text(TextType::Bpchar), vec![some("a"), some("a "), some("b")]),
        ];
        for (name, ty, values) in cases {
            let key = Key { expr: column(name, ty), domain: Domain::Declared(values) };
            let answer = answer(&client, leaf(true, vec![key], rows(None)), 1).await;
            assert_eq!(answer.len(), 2, "{answer:?}");
            assert!(answer.iter().filter(|row| row[1].as_deref() == Some("50")).count() == 1);
        }
        // The values of a public column of another type are those of the key's type.
        let domain =
            Domain::PublicColumn("public".to_owned(), "levels".to_owned(), "level".to_owned());
        let key = Key { expr: column("n", Type::Numeric(None)), domain };
        let answer = answer(&client, leaf(true, vec![key], rows(None)), 1).await;
        assert_eq!(answer.len(), 2, "{answer:?}");
    });
}

#[test]
fn a_shown_key_does_not_look_like_one_persons_row() {
    // Among a hundred 1.0 the one 1.00 could be what the group was shown as.
    on_database("looks", |client| async move {
        client.batch_execute("CREATE TABLE customers
                (id int, n numeric, f double precision, iv interval, bp bpchar, j jsonb);
            INSERT INTO customers VALUES (0, 1.00, '-0', '30 days', 'a  ', '1.00');
            INSERT INTO customers SELECT n, 1.0, '0', '1 mon', 'a', '1.0' FROM generate_series(1, 50) AS n;")
            .await.unwrap();
        // Rewritten alike …
        for (name, ty, shown) in [("n", Type::Numeric(None), "1"), ("f", Type::Float(8), "0")] {
            let key = Key { expr: column(name, ty), domain: Domain::Found };
            let answer = answer(&client, leaf(true, vec![key], rows(None)), 1).await;
            let cell = |text: &str| Some(text.to_owned());
            assert_eq!(answer, [[cell(shown), cell("51")]]);
        }
        // … or told apart, so that each look has its own threshold.
        let others = [
            ("iv", Type::Interval),
            ("bp", Type::Text(TextType::Bpchar)),
            ("j", Type::Other("jsonb".to_owned())),
        ];
        for (name, ty) in others {
            let key = Key { expr: column(name, ty), domain: Domain::Found };
            let mut answer = answer(&client, leaf(true, vec![key], rows(None)), 1).await;
            answer.sort_by(|a, b| a[1].cmp(&b[1]));
            let counts: Vec<_> = answer.iter().map(|row| row[1].clone().unwrap()).collect();
            assert_eq!(counts, ["1", "50"], "{name}");
        }
    });
}

#[test]
fn patterns_mean_what_postgresql_says_they_mean() {
    // A lone escape character at the end raises, but an escaped one is a backslash.
    on_database("patterns", |client| async move {
        client
            .batch_execute(
                r"CREATE TABLE customers (id int, t text);
            INSERT INTO customers VALUES (1, 'a\'), (2, 'a'), (3, 'ab'), (4, 'a\\'), (5, '');",
            )
            .await
            .unwrap();
        let patterns = [
            (r"a\\", 1),
            (r"a\\\\", 1),
            (r"%\\", 2),
            (r"a", 1),
            (r"a\", 1),
            (r"a\\\", 1),
            (r"\", 1),
            ("a_", 2),
        ];
        for (pattern, expected) in patterns {
            let args = vec![column("t", text()), Expr::constant(pattern, text())];
            let filter = Expr::call(Function::Like, args, Type::Bool);
            let answer = answer(&client, leaf(true, Vec::new(), rows(Some(filter))), 1).await;
            let found: IBig = answer[0][0].as_ref().unwrap().parse().unwrap();
            assert_eq!(found, IBig::from(expected), "{pattern}");
        }
    });
}

#[test]
fn a_cast_of_a_constant_cannot_tell_whether_a_row_was_read() {
    // A cast that depends on the time zone is made when the first row reaches it, and the date is
    // out of range: WHERE name = 'Alice' AND born < that raised if there is an Alice.
    on_database("constants", |client| async move {
        client
            .batch_execute(
                "CREATE TABLE customers (id int, born timestamptz);
            INSERT INTO customers VALUES (1, '2000-01-01');",
            )
            .await
            .unwrap();
        let far = Expr::constant("5874897-12-31", Type::Date);
        let far = Expr::call(Function::Cast, vec![far], Type::TimestampTz);
        let filter =
            Expr::call(Function::Lt, vec![column("born", Type::TimestampTz), far], Type::Bool);
        let answer = answer(&client, leaf(true, Vec::new(), rows(Some(filter))), 1).await;
        assert_eq!(answer, [[Some("0".to_owned())]]);
    });
}

#[test]
fn one_persons_many_rows_count_a_few_times_in_a_histogram() {
    on_database("histogram", |client| async move {
        let tables = "CREATE TABLE orders (id int, customer int, n numeric);
            INSERT INTO orders SELECT n, 1, n FROM generate_series(1, 1000) AS n;
            INSERT INTO orders VALUES (1001, 2, -7), (1002, 3, 'NaN'), (1003, 4, NULL), (1004, NULL, 5);";
        client.batch_execute(tables).await.unwrap();
        let mut value = column("n", Type::Numeric(None));
        if let Node::Column(column) = &mut value.node {
            column.bounds = Some(("0".to_owned(), "999".to_owned()));
        }
        let bins = Bins::over(0, IBig::from(0), IBig::from(999), 10);
        let statistic = Statistic::Histogram { filter: None, value, bins };
        let mut leaf = leaf(false, Vec::new(), statistic);
        if let Exposure::Private { rows_max, .. } = &mut leaf.scans[0].exposure {
            *rows_max = 7;
        }
        let answer = answer(&client, leaf, 1).await;
        let counts = super::counts(answer[0][0].as_deref().unwrap(), 10);
        // Seven rows of the first, and the others' at the ends of the range.
        let total: IBig = counts.iter().sum();
        assert_eq!(total, IBig::from(9), "{counts:?}");
        assert!(counts[0] >= IBig::ONE && counts[9] >= IBig::ONE, "{counts:?}");
    });
}

#[test]
fn one_persons_many_values_count_a_few_times() {
    // Values that others have as well are not taken away with a person, and a person's own count
    // up to what they may have rows.
    on_database("distinct_values", |client| async move {
        let tables = "CREATE TABLE orders (id int, customer int, n numeric, k int);
            INSERT INTO orders SELECT n, 1, n, n % 2 FROM generate_series(1, 1000) AS n;
            INSERT INTO orders VALUES (1001, 2, 5000.0, 0), (1002, 3, 5000.00, 0), (1003, 4, NULL, 1);";
        client.batch_execute(tables).await.unwrap();
        let distinct = |most| Statistic::Distinct {
            filter: None,
            value: column("n", Type::Numeric(None)),
            most,
        };
        let scanned = |statistic, rows_max, keys| {
            let mut leaf = leaf(false, keys, statistic);
            if let Exposure::Private { rows_max: rows, .. } = &mut leaf.scans[0].exposure {
                *rows = rows_max;
            }
            leaf
        };
        let cell = |text: &str| Some(text.to_owned());
        let one = answer(&client, scanned(distinct(None), 7, Vec::new()), 1).await;
        assert_eq!(one, [[cell("8")]]);
        let few = answer(&client, scanned(distinct(Some(3)), 7, Vec::new()), 1).await;
        assert_eq!(few, [[cell("4")]]);
        // A person in two groups, of which one counts.
        let key = Key { expr: column("k", Type::Int(4)), domain: Domain::Found };
        let mut groups = answer(&client, scanned(distinct(None), 7, vec![key]), 1).await;
        groups.sort();
        let counted: Vec<_> = groups.iter().map(|row| row[1].clone().unwrap()).collect();
        assert!(counted == ["1", "7"] || counted == ["8", "0"], "{counted:?}");
    });
}

#[test]
fn a_norm_of_many_digits_is_rounded_up_all_the_same() {
    // From about seventeen digits on PostgreSQL rounds a square root to whole numbers, and half of
    // them come out below the norm. A vector scaled by such a norm would be longer than its bound.
    on_database("long_norms", |client| async move {
        client
            .batch_execute("CREATE TABLE orders (id int, customer int, status int, v numeric)")
            .await
            .unwrap();
        let number = |text: &str| text.parse::<IBig>().unwrap();
        let statuses = ["1", "2", "3"].map(|status| Some(status.to_owned()));
        for seed in 0..60_u32 {
            let cells: Vec<IBig> = (1..4_u32)
                .map(|at| {
                    let digits = (u128::from(seed * 3 + at) * 0x9E37_79B9_7F4A_7C15_F39C_C060)
                        % 10_u128.pow(27);
                    IBig::from(digits)
                })
                .collect();
            let rows = cells.iter().zip(1..).map(|(cell, at)| format!("(1, 1, {at}, {cell})"));
            let rows: Vec<String> = rows.collect();
            let fill = format!("TRUNCATE orders; INSERT INTO orders VALUES {}", rows.join(", "));
            client.batch_execute(&fill).await.unwrap();
            let bounds = Bounds {
                scale: 0,
                low: IBig::ZERO,
                high: number("1000000000000000000000000000"),
                centre: IBig::ZERO,
            };
            let sum = Statistic::Sum {
                filter: None,
                value: column("v", Type::Numeric(Some((40, 0)))),
                bounds,
            };
            let key = Key {
                expr: column("status", Type::Int(4)),
                domain: Domain::Declared(statuses.to_vec()),
            };
            // A bound just below the norm, where one more or less in the norm shows.
            let square = Norm::L2.sum(cells.iter()) * UBig::from(1024_u32 * 1024);
            let bound = Norm::L2.of_sum(square) - UBig::from(3_u8);
            let terms =
                Terms { contribution: Contribution::Known(vec![bound.clone()]), ..terms(1) };
            let plan = analyze(leaf(false, vec![key], sum), &terms).unwrap();
            let found = super::answer(&client, &plan).await;
            let values: Vec<IBig> = found.values().map(|values| values[0].clone()).collect();
            assert!(Norm::L2.sum(values.iter()) <= Norm::L2.of_bound(&bound), "{}", shown(&plan));
            let columns = ["id", "customer", "status", "v"].map(str::to_owned).to_vec();
            let rows = cells.iter().zip(1..).map(|(cell, at)| {
                vec![
                    Value::int(1),
                    Value::int(1),
                    Value::int(at),
                    Value::Number(cell.clone().into()),
                ]
            });
            let orders = Table { columns, rows: rows.collect() };
            let name = |table: &str| ("public".to_owned(), table.to_owned());
            let customers =
                Table { columns: vec!["id".to_owned()], rows: vec![vec![Value::int(1)]] };
            let tables = [(name("orders"), orders), (name("customers"), customers)];
            let database = Database { tables: tables.into() };
            assert_eq!(found, interpret(&plan, &database).unwrap(), "{}", shown(&plan));
        }
    });
}

/// How many orders are numbered alike by two windows.
async fn alike(client: &Client) -> i64 {
    let dear = || {
        let five = Expr::constant("5", Type::Int(4));
        Expr::call(Function::Gt, vec![column("price", Type::Int(4)), five], Type::Bool)
    };
    let customer = || column("customer", Type::Int(4));
    let window = |partition: Vec<Expr>, descending| Window {
        function: WindowFunction::RowNumber,
        argument: None,
        partition,
        order: vec![Order { expr: dear(), descending, nulls_first: false }],
        frame: Frame::Peers,
        ty: Type::Int(8),
    };
    let mut orders = leaf(false, Vec::new(), rows(None)).scans;
    if let Exposure::Private { rows_max, .. } = &mut orders[0].exposure {
        *rows_max = 30;
    }
    let windowed = Derived::Windowed {
        rows: Rows { scans: orders, joins: Joins::Scan(0), filter: Vec::new() },
        columns: Vec::new(),
        windows: vec![window(vec![customer()], false), window(vec![dear(), customer()], true)],
    };
    let mut leaf = leaf(false, Vec::new(), rows(None));
    leaf.scans = vec![derived::scan(windowed).unwrap()];
    let places = vec![column("w1", Type::Int(8)), column("w2", Type::Int(8))];
    leaf.filter = vec![Expr::call(Function::Eq, places, Type::Bool)];
    answer(client, leaf, 1).await[0][0].as_deref().unwrap().parse().unwrap()
}

#[test]
fn rows_that_are_alike_have_one_place_in_all_windows() {
    // Each window put rows that are alike into an order of its own. One more customer, and
    // PostgreSQL's sort took another way, so that thousands of other people's rows were numbered
    // alike or not.
    on_database("places", |client| async move {
        client
            .batch_execute(
                "CREATE TABLE orders (id int, customer int, price int);
                INSERT INTO orders SELECT n, 1 + (n - 1) / 8, 1 FROM generate_series(1, 8000) AS n;",
            )
            .await
            .unwrap();
        let without = alike(&client).await;
        client.batch_execute("INSERT INTO orders VALUES (0, 0, 1), (0, 0, 9)").await.unwrap();
        let with = alike(&client).await;
        assert!((with - without).abs() <= 30, "{without} without one person, {with} with");
    });
}

#[test]
fn instants_that_look_alike_have_places_of_their_own() {
    // In the hour in which Moscow put its clocks back both times were called MSK. Rows were told
    // apart by how they look, and which of two instants came first hung on other people.
    on_database("instants", |client| async move {
        client
            .batch_execute(
                "SET TimeZone = 'Europe/Moscow'; SET DateStyle = 'SQL, DMY';
                CREATE TABLE orders (id int, customer int, region int, at timestamptz);
                INSERT INTO orders SELECT n, 1 + (n - 1) / 8, 1,
                    timestamptz '2014-10-25 21:30Z' + (n % 2) * interval '1 hour'
                FROM generate_series(1, 8000) AS n;",
            )
            .await
            .unwrap();
        let without = early(&client).await;
        let other = "INSERT INTO orders VALUES (0, 0, 9, '2014-10-25 22:30Z'),
                (0, 0, 1, '2014-10-25 21:30Z'), (0, 0, 5, '2014-10-25 22:30Z')";
        client.batch_execute(other).await.unwrap();
        let with = early(&client).await;
        assert!((with - without).abs() <= 30, "{without} without one person, {with} with");
    });
}

/// How many orders are of customers whose first one is the earlier instant.
async fn early(client: &Client) -> i64 {
    let mut orders = leaf(false, Vec::new(), rows(None)).scans;
    if let Exposure::Private { rows_max, .. } = &mut orders[0].exposure {
        *rows_max = 30;
    }
    let order =
        Order { expr: column("region", Type::Int(4)), descending: false, nulls_first: false };
    let first = Window {
        function: WindowFunction::FirstValue,
        argument: Some(column("at", Type::TimestampTz)),
        partition: vec![column("customer", Type::Int(4))],
        order: vec![order],
        frame: Frame::Peers,
        ty: Type::TimestampTz,
    };
    let windowed = Derived::Windowed {
        rows: Rows { scans: orders, joins: Joins::Scan(0), filter: Vec::new() },
        columns: Vec::new(),
        windows: vec![first],
    };
    let mut leaf = leaf(false, Vec::new(), rows(None));
    leaf.scans = vec![derived::scan(windowed).unwrap()];
    let instant = Expr::constant("2014-10-25 21:30Z", Type::TimestampTz);
    let same = vec![column("w1", Type::TimestampTz), instant];
    leaf.filter = vec![Expr::call(Function::Eq, same, Type::Bool)];
    answer(client, leaf, 1).await[0][0].as_deref().unwrap().parse().unwrap()
}
