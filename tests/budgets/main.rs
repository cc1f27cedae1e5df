//! Budgets as analysts meet them, through the wire, with a real ledger: windows, steps, stretch,
//! what administrators decided, and who pays for what another analyst bought.

#![expect(clippy::indexing_slicing, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod decisions;
mod planning;
mod rehearsed;
mod second;
mod stretch;
mod turns;
mod windows;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use common::{connect, texts};
use noisegate::clock::Clock;
use noisegate::demo::{Shop, ShopOptions};
use noisegate::wire::scram;
use tokio_postgres::Client;

/// Two hundred people with a city and an age, and what they bought.
const SEED: &str = "
CREATE TABLE people (id int PRIMARY KEY, city text, age int);
INSERT INTO people SELECT i, CASE i % 2 WHEN 0 THEN 'north' ELSE 'south' END, 20 + i % 60
  FROM generate_series(1, 200) i;
CREATE TABLE bought (person int NOT NULL REFERENCES people, pieces int);
INSERT INTO bought SELECT 1 + i % 200, i % 7 FROM generate_series(1, 600) i;
CREATE TABLE held (id int PRIMARY KEY);
INSERT INTO held SELECT i FROM generate_series(1, 200) i;
";

const TABLES: &str = r#"
version = 1

[tables."public.people"]
unit   = "id"
people = 100
bounds = "declared"
columns.id   = { class = "direct" }
columns.city = { class = "quasi", values = ["north", "south"] }
columns.age  = { class = "sensitive", bounds = [0, 100] }

[tables."public.bought"]
unit     = "person -> public.people.id"
max_rows = 10
columns.person = { class = "direct" }
columns.pieces = { class = "sensitive", bounds = [0, 10] }

[tables."public.held"]
unit = "id"
columns.id = { class = "direct" }

[budgets.all]
per     = "dataset"
epsilon = 1e6
delta   = 1e-4
window  = "lifetime"
"#;

/// A role whose members pay from a pure budget of their own, a tenth for each question, with these
/// lines in the budget.
fn pure_role(name: &str, members: &[&str], epsilon: &str, lines: &str) -> String {
    format!(
        "[roles.{name}]\nmembers = {members:?}\nanswers = \"noisy\"\npays = [\"{name}\"]\n\
         epsilon = {{ default = 0.1, max = 1 }}\n\
         [budgets.{name}]\nper = \"analyst\"\nepsilon = {epsilon}\naccountant = \"pure\"\n{lines}\n"
    )
}

/// Opens a shop whose people may ask as they are named, each with the name as password.
fn open(policy: &str, people: &[&str], clock: Clock) -> Shop {
    let mut options = ShopOptions::new(0.0, policy, "budgets.toml");
    options.seed = Some(SEED.to_owned());
    options.clock = clock;
    let shop = common::open(options);
    common::run(async {
        for user in people {
            let verifier = scram::verifier(user).expect("a verifier");
            shop.gate.ledger.put_user(user, &verifier).await.expect("a user");
        }
    });
    shop
}

const PEOPLE: [&str; 16] = [
    "cap", "frost", "grant", "guest", "held", "left", "lone", "long", "narrow", "one", "two",
    "three", "upright", "plan", "eager", "supple",
];

/// One shop for all that needs no time to pass.
static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let policy = [
        TABLES.to_owned(),
        pure_role("decided", &["frost", "cap", "grant", "eager"], "0.3", "window = \"30d\""),
        pure_role("held", &["held"], "1e3", "window = \"lifetime\"")
            .replace("max = 1 }", "max = 1 }\nconcurrent = 1"),
        stretch::POLICY.to_owned(),
        second::POLICY.to_owned(),
        planning::POLICY.to_owned(),
        "[answers]\nrelease = \"at once\"\n".to_owned(),
    ];
    open(&policy.join("\n"), &PEOPLE, Clock::System)
});

/// Runs a test. The shop opens before, since that blocks.
fn run<T>(test: impl Future<Output = T>) -> T {
    LazyLock::force(&SHOP);
    common::run(test)
}

/// An analyst's connection.
struct Asker {
    client: Client,
    notices: Arc<Mutex<Vec<String>>>,
}

impl Asker {
    async fn of(shop: &Shop, user: &str) -> Self {
        let (client, notices) = connect(&shop.client_config(user)).await;
        Self { client, notices }
    }

    /// The answer's one cell, and what was said of it.
    async fn ask(&self, sql: &str) -> (String, String) {
        self.notices.lock().expect("no poison").clear();
        let cell = common::cell(&self.client, sql).await;
        (cell, std::mem::take(&mut *self.notices.lock().expect("no poison")).join("\n"))
    }

    /// SQLSTATE, code, message and hint of a refusal.
    async fn refused(&self, sql: &str) -> Refused {
        let error = self.client.simple_query(sql).await.expect_err("a refusal");
        let db = error.as_db_error().expect("an error of the database");
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let code = text(db.detail()).trim_start_matches("noisegate: ").to_owned();
        assert_eq!(db.code().code(), "53400", "{db:?}");
        Refused { code, message: db.message().to_owned(), hint: text(db.hint()) }
    }

    /// A row of `noisegate.budget`, by the columns' names.
    async fn budget(&self, account: &str) -> BTreeMap<String, String> {
        let sql = format!(
            "select key, value from noisegate.budget b, jsonb_each_text(to_jsonb(b)) \
             where account = '{account}'"
        );
        let rows = texts(&self.client, &sql).await.expect("rows");
        let row =
            |row: Vec<Option<String>>| Some((row[0].clone()?, row[1].clone().unwrap_or_default()));
        rows.into_iter().filter_map(row).collect()
    }

    async fn share_spent(&self, account: &str) -> f64 {
        self.budget(account).await["share_spent"].parse().expect("a number")
    }

    async fn charges(&self) -> usize {
        let count = "select count(*) from noisegate.my_queries";
        common::cell(&self.client, count).await.parse().expect("a number")
    }
}

struct Refused {
    code: String,
    message: String,
    hint: String,
}

/// One of many questions, all of one price.
fn question(number: u32) -> String {
    format!("select count(*) from people where age <> {number}")
}
