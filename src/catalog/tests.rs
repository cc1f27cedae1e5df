//! The schema of a real PostgreSQL, started for the test and stopped when it ends.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use super::*;
use crate::policy::TableName;

/// A PostgreSQL of its own, reached by a socket in a folder that goes away with it.
pub(crate) struct Postgres {
    folder: TempDir,
    server: Child,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("ng").tempdir_in("/tmp").unwrap();
        let owner = nix::unistd::User::from_name("nobody").unwrap().unwrap();
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(
                folder.path(),
                Some(owner.uid.as_raw()),
                Some(owner.gid.as_raw()),
            )
            .unwrap();
        }
        let data = folder.path().join("data");
        let run = |program: &str| {
            let mut command = Command::new(binary(program));
            command
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if nix::unistd::geteuid().is_root() {
                command.uid(owner.uid.as_raw()).gid(owner.gid.as_raw());
            }
            command
        };
        let made = run("initdb")
            .args([
                "--auth=trust",
                "--username=postgres",
                "--no-sync",
                "--locale=C",
                "--encoding=UTF8",
                "-D",
            ])
            .arg(&data)
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        let server = run("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=8MB", "-k"])
            .arg(folder.path())
            .spawn()
            .unwrap();
        Self { folder, server }
    }

    pub(crate) async fn connect(&self, user: &str) -> Client {
        let config = format!("host={} user={user} dbname=postgres", self.folder.path().display());
        let give_up = Instant::now() + Duration::from_secs(30);
        loop {
            match tokio_postgres::connect(&config, NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return client;
                }
                Err(error) => {
                    assert!(Instant::now() < give_up, "PostgreSQL does not start: {error}");
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGQUIT: the server ends at once and takes its children along, which SIGKILL would leave.
        if let Ok(id) = i32::try_from(self.server.id()) {
            let _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(id),
                nix::sys::signal::Signal::SIGQUIT,
            );
        }
        let _ = self.server.wait();
    }
}

/// The program of the newest PostgreSQL where Debian puts it, else whatever the path finds.
fn binary(program: &str) -> PathBuf {
    (14..=18)
        .rev()
        .map(|version| Path::new("/usr/lib/postgresql").join(format!("{version}/bin/{program}")))
        .find(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from(program))
}

const SCHEMA: &str = "
CREATE SCHEMA sales;
CREATE TYPE sales.mood AS ENUM ('low', 'high', 'Ünusual');
CREATE DOMAIN money_amount AS numeric(15,2);
CREATE DOMAIN price AS money_amount CHECK (VALUE >= 0);
CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE, dropped int,
    income numeric(15,2) NOT NULL, \"Mood\" sales.mood, twice numeric GENERATED ALWAYS AS (income * 2) STORED);
ALTER TABLE customers DROP COLUMN dropped;
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint REFERENCES customers, amount price, tag varchar(7),
    tags text[], a int, b int, UNIQUE (a, b) INCLUDE (tag));
CREATE UNIQUE INDEX ON orders (tag) WHERE amount > 0;
CREATE UNIQUE INDEX ON orders (lower(tag));
CREATE TABLE loose (customer_id bigint, other bigint REFERENCES customers (id));
CREATE TABLE unproven (customer_id bigint);
ALTER TABLE unproven ADD FOREIGN KEY (customer_id) REFERENCES customers (id) NOT VALID;
ALTER TABLE loose DISABLE TRIGGER ALL;
CREATE TABLE events (id int, day date, customer_id bigint REFERENCES customers, PRIMARY KEY (id, day))
    PARTITION BY RANGE (day);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE notes (id int, day date, FOREIGN KEY (id, day) REFERENCES events (id, day));
CREATE TABLE parent (id int PRIMARY KEY, customer_id bigint REFERENCES customers);
CREATE TABLE child (extra int) INHERITS (parent);
CREATE VIEW rich AS SELECT id FROM customers WHERE income > 10;
CREATE VIEW sales.richest AS SELECT r.id, o.amount FROM rich r JOIN orders o ON o.customer_id = r.id;
CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS n FROM customers;
CREATE TEMP TABLE passing (x int);
";

fn name(text: &str) -> TableName {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_schema_is_read_as_it_is_enforced() {
    let postgres = Postgres::start();
    let client = postgres.connect("postgres").await;
    client.batch_execute(SCHEMA).await.unwrap();
    let catalog = Catalog::load(&client).await.unwrap();
    let names: Vec<String> = catalog.tables.keys().map(ToString::to_string).collect();
    let expected = [
        "public.child",
        "public.customers",
        "public.events",
        "public.events_2024",
        "public.kept",
        "public.loose",
        "public.notes",
        "public.orders",
        "public.parent",
        "public.rich",
        "public.unproven",
        "sales.richest",
    ];
    assert_eq!(names, expected);
    columns_and_types(&catalog);
    keys(&catalog);
    relations(&catalog);
    // The transaction is over, and another snapshot sees what has changed since.
    client.batch_execute("DROP TABLE notes").await.unwrap();
    assert!(!Catalog::load(&client).await.unwrap().tables.contains_key(&name("public.notes")));
}

fn columns_and_types(catalog: &Catalog) {
    let customers = &catalog.tables[&name("public.customers")];
    let shown: Vec<String> = customers
        .columns
        .iter()
        .map(|c| format!("{} {} {} {}", c.number, c.name, c.type_name, c.not_null))
        .collect();
    let expected = [
        "1 id bigint true",
        "2 email text false",
        "4 income numeric(15,2) true",
        "5 Mood sales.mood false",
        "6 twice numeric false",
    ];
    assert_eq!(shown, expected);
    assert!(
        customers.column("id").unwrap().identity && customers.column("twice").unwrap().generated
    );
    let mood = customers.column("Mood").unwrap();
    assert_eq!((mood.type_oid, mood.type_oid), (catalog.enums[0].oid, mood.base_oid));
    assert_eq!(catalog.enums[0].labels, ["low", "high", "Ünusual"]);
    assert!(catalog.enums[0].array_oid != 0);

    let orders = &catalog.tables[&name("public.orders")];
    let amount = orders.column("amount").unwrap();
    assert_eq!((amount.type_name.as_str(), amount.base_name.as_str()), ("public.price", "numeric"));
    assert_eq!(orders.column("tag").unwrap().type_name, "character varying(7)");
    assert_eq!(orders.column("tags").unwrap().base_name, "text[]");
    assert_eq!(orders.column("none"), None);
}

fn keys(catalog: &Catalog) {
    let customers = &catalog.tables[&name("public.customers")];
    let orders = &catalog.tables[&name("public.orders")];
    assert_eq!(orders.primary_key, ["id"]);
    assert_eq!(
        orders.uniques,
        [vec!["id"], vec!["a", "b"]],
        "neither partial nor expression indexes"
    );
    assert!(
        orders.is_unique(&["b", "x", "a"])
            && !orders.is_unique(&["a"])
            && !orders.is_unique(&["tag"])
    );
    assert!(customers.is_unique(&["email"]));
    assert!(orders.points_to("customer_id", &name("public.customers"), "id"));

    let loose = &catalog.tables[&name("public.loose")];
    assert_eq!(loose.foreign_keys, [], "its triggers are switched off");
    assert_eq!(catalog.tables[&name("public.unproven")].foreign_keys, [], "not validated");
    let notes = &catalog.tables[&name("public.notes")];
    assert_eq!(notes.foreign_keys.len(), 1, "not once more for each partition");
    assert_eq!(notes.foreign_keys[0].target_columns, ["id", "day"]);
    let events = &catalog.tables[&name("public.events_2024")];
    assert!(events.points_to("customer_id", &name("public.customers"), "id"));
    let parent = &catalog.tables[&name("public.parent")];
    assert!(
        parent.uniques.is_empty() && parent.foreign_keys.is_empty(),
        "children are not bound by them"
    );
}

fn relations(catalog: &Catalog) {
    let get = |text: &str| &catalog.tables[&name(text)];
    assert_eq!(get("public.rich").depends_on, [name("public.customers")]);
    assert_eq!(get("sales.richest").depends_on, [name("public.orders"), name("public.rich")]);
    assert_eq!(get("public.kept").kind, Kind::MaterializedView);
    assert_eq!(get("public.kept").depends_on, [name("public.customers")]);
    assert_eq!(get("public.events").kind, Kind::Partitioned);
    assert_eq!(get("public.events_2024").parents, [name("public.events")]);
    assert_eq!(get("public.child").parents, [name("public.parent")]);
    assert_eq!(get("public.customers").parents, []);
}
