//! Random small schemas: people `u`, their rows `c1`, `c2` and below them `g`; public `p1`, `p2`.

use std::fmt::Write as _;

use noisegate::demo::Shop;

use crate::Rng;
use crate::common::connect;

/// The database that holds the same rows but for those of nobody.
pub(crate) const TRUTH: &str = "truth";

/// The types of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ty {
    Int2,
    Int4,
    Int8,
    /// `numeric(10,2)`
    Fixed,
    /// `numeric`
    Numeric,
    Real,
    Double,
    /// `double precision` with NaN, which is compared and not computed with
    Nan,
    Text,
    Varchar,
    Char,
    Date,
    Timestamp,
    Timestamptz,
    Bool,
    Uuid,
}

const TYPES: [Ty; 16] = [
    Ty::Int2,
    Ty::Int4,
    Ty::Int8,
    Ty::Fixed,
    Ty::Numeric,
    Ty::Real,
    Ty::Double,
    Ty::Nan,
    Ty::Text,
    Ty::Varchar,
    Ty::Char,
    Ty::Date,
    Ty::Timestamp,
    Ty::Timestamptz,
    Ty::Bool,
    Ty::Uuid,
];

pub(crate) const TEXTS: [&str; 9] = ["a", "B", "ab", "", "Zürich", "%", "x_y", "O''Brien", "a b"];

impl Ty {
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Fixed => "numeric(10,2)",
            Self::Numeric => "numeric",
            Self::Real => "real",
            Self::Double | Self::Nan => "double precision",
            Self::Text => "text",
            Self::Varchar => "varchar(8)",
            Self::Char => "char(3)",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Timestamptz => "timestamptz",
            Self::Bool => "boolean",
            Self::Uuid => "uuid",
        }
    }

    pub(crate) fn is_int(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8)
    }

    pub(crate) fn is_number(self) -> bool {
        self.is_int() || matches!(self, Self::Fixed | Self::Numeric | Self::Real | Self::Double)
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Varchar)
    }

    pub(crate) fn is_time(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp | Self::Timestamptz)
    }

    /// A value, as a literal that needs no cast to be compared.
    pub(crate) fn literal(self, rng: &mut Rng) -> String {
        let cents = |rng: &mut Rng, most: usize| {
            let whole = i64::try_from(rng.roll(2 * most)).expect("small")
                - i64::try_from(most).expect("small");
            format!(
                "{}{}.{:02}",
                if whole < 0 { "-" } else { "" },
                whole.abs() / 100,
                whole.abs() % 100
            )
        };
        let signed = |rng: &mut Rng, most: usize| {
            (i64::try_from(rng.roll(2 * most)).expect("small")
                - i64::try_from(most).expect("small"))
            .to_string()
        };
        match self {
            Self::Int2 => signed(rng, 12),
            Self::Int4 => {
                let most = [5, 900][rng.roll(2)];
                signed(rng, most)
            }
            Self::Int8 => signed(rng, 900),
            Self::Fixed => cents(rng, 50_000),
            Self::Numeric => {
                let text = cents(rng, 900);
                // The same number in several spellings.
                if rng.one_in(3) { format!("{text}0") } else { text }
            }
            Self::Real | Self::Double => {
                let quarters = i64::try_from(rng.roll(800)).expect("small") - 400;
                format!(
                    "{}{}.{:02}",
                    if quarters < 0 { "-" } else { "" },
                    quarters.abs() / 4,
                    quarters.abs() % 4 * 25
                )
            }
            Self::Nan => ["'NaN'", "1.5", "-0.25", "0", "'Infinity'"][rng.roll(5)].to_owned(),
            Self::Text | Self::Varchar => format!("'{}'", rng.pick(&TEXTS)),
            Self::Char => format!("'{}'", rng.pick(&["a", "ab", "abc", "Z"])),
            Self::Date => {
                format!("'20{:02}-{:02}-{:02}'", rng.roll(25), 1 + rng.roll(12), 1 + rng.roll(28))
            }
            Self::Timestamp | Self::Timestamptz => format!(
                "'2024-{:02}-{:02} {:02}:{:02}:00{}'",
                1 + rng.roll(12),
                1 + rng.roll(28),
                rng.roll(24),
                rng.roll(60),
                if self == Self::Timestamptz { "+00" } else { "" }
            ),
            Self::Bool => ["true", "false"][rng.roll(2)].to_owned(),
            Self::Uuid => format!("'00000000-0000-0000-0000-00000000000{}'", rng.roll(6)),
        }
    }
}

/// A column that may be used in expressions.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: Ty,
    nullable: bool,
    /// Values that the policy declares.
    declared: bool,
    /// Few values, so that groups are large.
    few: Vec<String>,
}

impl Column {
    fn new(rng: &mut Rng, table: &str, at: usize) -> Self {
        let ty = *rng.pick(&TYPES);
        let declared = ty.is_text() && rng.one_in(2);
        let few = (0..=rng.roll(4)).map(|_| ty.literal(rng)).collect();
        Self { name: format!("{table}_{at}"), ty, nullable: rng.one_in(2), declared, few }
    }

    fn value(&self, rng: &mut Rng) -> String {
        match rng.roll(8) {
            0 if self.nullable => "NULL".to_owned(),
            0..5 => rng.pick(&self.few).clone(),
            _ => self.ty.literal(rng),
        }
    }

    fn rule(&self) -> String {
        if self.declared {
            let values: Vec<String> =
                TEXTS.iter().map(|text| format!("\"{}\"", text.replace("''", "'"))).collect();
            return format!("{{ class = \"quasi\", values = [{}] }}", values.join(", "));
        }
        let bounds = if self.ty.is_number() { ", bounds = [-1000, 1000]" } else { "" };
        format!("{{ class = \"quasi\"{bounds} }}")
    }
}

/// The key of people.
#[derive(Clone, Copy, Debug)]
enum Key {
    Int,
    Text,
    Uuid,
}

impl Key {
    fn sql(self) -> &'static str {
        match self {
            Self::Int => "integer",
            Self::Text => "text",
            Self::Uuid => "uuid",
        }
    }

    fn value(self, at: usize) -> String {
        match self {
            Self::Int => format!("{}", 7 * at + 1),
            Self::Text => format!("'person {at}'"),
            Self::Uuid => format!("'10000000-0000-0000-0000-{at:012}'"),
        }
    }
}

/// A schema with its rows.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) name: String,
    key: Key,
    /// Whether some rows belong to nobody.
    orphans: bool,
    tables: Vec<(&'static str, Vec<Column>)>,
    rows: Vec<String>,
}

/// The most rows of one person that a policy lets count, above what any join makes of them.
const ROWS_MAX: u32 = 1_000;

impl Schema {
    pub(crate) fn new(seed: u64, at: u64) -> Self {
        let mut rng = Rng::new(seed.wrapping_mul(31).wrapping_add(at));
        let rng = &mut rng;
        let tables: Vec<(&'static str, Vec<Column>)> = ["u", "c1", "c2", "g"]
            .into_iter()
            .map(|table| (table, (0..5).map(|at| Column::new(rng, table, at)).collect()))
            .collect();
        let key = [Key::Int, Key::Text, Key::Uuid][rng.roll(3)];
        let mut schema =
            Self { name: format!("w{at}"), key, orphans: rng.one_in(3), tables, rows: Vec::new() };
        schema.fill(rng);
        schema
    }

    /// The columns of a private table.
    pub(crate) fn columns(&self, table: &str) -> &[Column] {
        self.tables.iter().find(|(name, _)| *name == table).map_or(&[], |(_, columns)| columns)
    }

    fn fill(&mut self, rng: &mut Rng) {
        let people = 20 + rng.roll(40);
        for at in 0..9 {
            let region = ["'north'", "'south'", "NULL"][rng.roll(3)];
            self.insert(
                "p1",
                &format!(
                    "{at}, 'place {}', {region}, {}",
                    at % 6,
                    ["NULL", "3", "-4", "10"][rng.roll(4)]
                ),
            );
        }
        for _ in 0..12 {
            let row = format!("{}, {}.{:02}", rng.roll(9), rng.roll(9), rng.roll(100));
            self.insert("p2", &row);
        }
        for at in 0..people {
            let row =
                format!("{}, {}, {}", self.key.value(at), Self::place(rng), self.values(rng, "u"));
            self.insert("u", &row);
        }
        let empty = rng.roll(6);
        let mut cid = 0;
        let mut below = Vec::new();
        for person in 0..people {
            // A few have most of the rows.
            let most = if person % 9 == 0 { 12 } else { 4 };
            for (at, table) in ["c1", "c2"].into_iter().enumerate() {
                for _ in 0..rng.roll(most) {
                    if at == empty {
                        continue;
                    }
                    let owner = if self.orphans && rng.one_in(12) {
                        "NULL".to_owned()
                    } else {
                        self.key.value(person)
                    };
                    let values = self.values(rng, table);
                    if table == "c1" {
                        cid += 1;
                        below.push(cid);
                        let row = format!("{cid}, {owner}, {}, {values}", Self::place(rng));
                        self.insert(table, &row);
                    } else {
                        self.insert(table, &format!("{owner}, {values}"));
                    }
                }
            }
        }
        let mut gid = 0;
        for cid in below {
            for _ in 0..rng.roll(4) {
                gid += 1;
                let row = format!("{gid}, {cid}, {}", self.values(rng, "g"));
                if empty != 2 {
                    self.insert("g", &row);
                }
            }
        }
    }

    fn place(rng: &mut Rng) -> String {
        if rng.one_in(7) { "NULL".to_owned() } else { rng.roll(9).to_string() }
    }

    fn values(&self, rng: &mut Rng, table: &str) -> String {
        let values: Vec<String> = self.columns(table).iter().map(|one| one.value(rng)).collect();
        values.join(", ")
    }

    fn insert(&mut self, table: &str, row: &str) {
        self.rows.push(format!("INSERT INTO {}.{table} VALUES ({row});\n", self.name));
    }

    /// What makes the schema.
    pub(crate) fn sql(&self) -> String {
        let (name, key) = (&self.name, self.key.sql());
        let columns = |table: &str| {
            self.columns(table).iter().fold(String::new(), |mut all, one| {
                let _ = write!(all, ", {} {}", one.name, one.ty.sql());
                all
            })
        };
        let owner = if self.orphans { "" } else { " NOT NULL" };
        format!(
            "CREATE SCHEMA {name};
            CREATE TABLE {name}.p1 (pid integer PRIMARY KEY, label text NOT NULL, region text, weight integer);
            CREATE TABLE {name}.p2 (pid integer NOT NULL, rate numeric(4,2) NOT NULL);
            CREATE TABLE {name}.u (uid {key} PRIMARY KEY, pid integer{});
            CREATE TABLE {name}.c1 (cid integer PRIMARY KEY, uid {key}{owner} REFERENCES {name}.u, pid integer{});
            CREATE TABLE {name}.c2 (uid {key}{owner} REFERENCES {name}.u{});
            CREATE TABLE {name}.g (gid bigint PRIMARY KEY, cid integer NOT NULL REFERENCES {name}.c1{});
            {}",
            columns("u"),
            columns("c1"),
            columns("c2"),
            columns("g"),
            self.rows.concat()
        )
    }

    fn rules(&self) -> String {
        let name = &self.name;
        let rules = |table: &str, unit: &str, direct: &[&str]| {
            let mut text = format!("[tables.\"{name}.{table}\"]\nunit = \"{unit}\"\n");
            if table != "u" {
                let _ = writeln!(text, "max_rows = {ROWS_MAX}");
            }
            for column in direct {
                let _ = writeln!(text, "columns.{column} = {{ class = \"direct\" }}");
            }
            if matches!(table, "u" | "c1") {
                text.push_str("columns.pid = { class = \"quasi\", bounds = [0, 100] }\n");
            }
            for column in self.columns(table) {
                let _ = writeln!(text, "columns.{} = {}", column.name, column.rule());
            }
            text
        };
        format!(
            "{}{}{}{}[tables.\"{name}.p1\"]\npublic = \"places\"\n[tables.\"{name}.p2\"]\npublic = \"rates\"\n",
            rules("u", "uid", &["uid"]),
            rules("c1", &format!("uid -> {name}.u.uid"), &["uid", "cid"]),
            rules("c2", &format!("uid -> {name}.u.uid"), &["uid"]),
            rules("g", &format!("cid -> {name}.c1.cid"), &["gid", "cid"]),
        )
    }
}

/// A policy over all schemas, under which the noise is nothing.
pub(crate) fn policy(schemas: &[Schema]) -> String {
    let tables: String = schemas.iter().map(Schema::rules).collect();
    format!(
        r#"
version = 1
[defaults]
min_group = 1
max_groups = 1000
{tables}
[teams.data]
members = ["alice", "bob"]
[roles.analyst]
members = ["team:data"]
answers = "noisy"
pays = ["shop"]
epsilon = {{ default = 1e18, max = 1e19 }}
[budgets.shop]
per = "dataset"
epsilon = 1e40
delta = 1e-2
window = "30d"
"#
    )
}

/// Makes the same schemas once more, without the rows that belong to nobody.
pub(crate) async fn truth(shop: &Shop, schemas: &[Schema]) {
    let (admin, _) = connect(&shop.source.config("postgres", "postgres")).await;
    admin.batch_execute(&format!("CREATE DATABASE {TRUTH}")).await.expect("a database");
    let (client, _) = connect(&shop.source.config(TRUTH, "postgres")).await;
    for schema in schemas {
        client.batch_execute(&schema.sql()).await.expect("a schema");
        let name = &schema.name;
        let theirs = format!(
            "DELETE FROM {name}.g WHERE cid IN (SELECT cid FROM {name}.c1 WHERE uid IS NULL);
             DELETE FROM {name}.c1 WHERE uid IS NULL; DELETE FROM {name}.c2 WHERE uid IS NULL;"
        );
        client.batch_execute(&theirs).await.expect("rows of nobody");
    }
}
