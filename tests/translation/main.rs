//! The SQL that goes to the source means what the core analyzed: the interpreter and PostgreSQL
//! give the same exact vectors, and no expression raises for any value.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod cases;
mod totality;
#[path = "../../src/privacy/tests/world/mod.rs"]
mod world;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use noisegate::demo::{Cluster, Options};
use noisegate::source::shown;
use noisegate_privacy::analyze::{Analyzed, Terms, analyze};
use noisegate_privacy::budget::{Accountant, Delta, Epsilon};
use noisegate_privacy::expr::Type;
use noisegate_privacy::interpret::{Database, Groups, Value, contributions, interpret, surplus};
use noisegate_privacy::plan::{Plan, Statistic};
use noisegate_privacy::{IBig, layout};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use world::Dice;

/// Compiling each of thousands of small queries would take longer than all of them.
static CLUSTER: LazyLock<Cluster> =
    LazyLock::new(|| Cluster::temporary(Options::default().with("jit", "off")).unwrap());

/// Runs a test on a database of its own.
fn on_database<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Client) -> F) {
    let cluster = &*CLUSTER;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let admin = connect(cluster, "postgres").await;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        test(connect(cluster, name).await).await;
    });
}

async fn connect(cluster: &Cluster, database: &str) -> Client {
    let mut config = tokio_postgres::Config::new();
    config.host_path(cluster.socket_dir()).port(cluster.port()).user("postgres").dbname(database);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Terms that are the same for every plan but for the bound on groups.
fn terms(groups_max: u32) -> Terms {
    Terms {
        epsilon: Epsilon::parse("1").unwrap(),
        accountant: Accountant::Zcdp,
        delta: Delta::parse("1e-6").unwrap(),
        group_min: 1,
        groups_max,
    }
}

/// Pseudo-random bytes: the same on every run, so that a failure can be looked at.
fn bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u8::try_from(state >> 40 & 0xFF).unwrap()
    };
    (0..count).map(|_| next()).collect()
}

/// The type as `CREATE TABLE` takes it.
fn declared(ty: &Type) -> String {
    match ty {
        Type::Numeric(Some((precision, scale))) => format!("numeric({precision},{scale})"),
        other => other.name(),
    }
}

fn create_tables() -> String {
    let tables = world::TABLES.iter().map(|table| {
        let columns = world::columns(table).into_iter();
        let columns: Vec<String> =
            columns.map(|(name, ty, ..)| format!("{name} {}", declared(&ty))).collect();
        format!("CREATE TABLE public.{table} ({});", columns.join(", "))
    });
    tables.collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => {
            format!("{}::numeric / {}", number.numerator(), number.denominator())
        }
        Value::NaN => "'NaN'::numeric".to_owned(),
        Value::Text(text) => format!("'{text}'"),
        Value::Date(days) => format!("'2000-01-01'::date + ({days})"),
    }
}

fn fill(database: &Database) -> String {
    let mut sql = "TRUNCATE people, visits, items, places, rates;".to_owned();
    for ((_, table), rows) in &database.tables {
        for row in &rows.rows {
            let cells: Vec<String> = row.iter().map(cell).collect();
            sql.push_str(&format!("INSERT INTO {table} VALUES ({});", cells.join(", ")));
        }
    }
    sql
}

/// What the source answers.
async fn answer(client: &Client, plan: &Plan<Analyzed>) -> Groups {
    let sql = shown(plan);
    let messages = client.simple_query(&sql).await.unwrap_or_else(|error| {
        panic!("{error:?}\n{sql}");
    });
    let keys = &plan.leaf().keys;
    let mut groups = Groups::new();
    for message in messages {
        let SimpleQueryMessage::Row(row) = message else { continue };
        let key = keys.iter().enumerate();
        let key = key.map(|(at, key)| Value::read(row.get(at), &key.expr.ty).unwrap()).collect();
        let statistics = plan.leaf().statistics.iter().enumerate();
        let values = statistics.map(|(at, statistic)| {
            let text = row.get(keys.len() + at).unwrap();
            match statistic.bins() {
                Some(bins) => counts(text, bins.count()),
                None => vec![text.parse().unwrap()],
            }
        });
        let before = groups.insert(key, layout::row(values.collect()));
        assert!(before.is_none(), "a group comes twice\n{sql}");
    }
    groups
}

/// The counts of all bins, of `bin:count,…`.
fn counts(text: &str, bins: usize) -> Vec<IBig> {
    let mut counts = vec![IBig::ZERO; bins];
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (bin, count) = pair.split_once(':').unwrap();
        let place = &mut counts[bin.parse::<usize>().unwrap()];
        assert_eq!(*place, IBig::ZERO, "a bin comes twice: {text}");
        *place = count.parse().unwrap();
    }
    counts
}

/// Groups without any contribution are there or not; it makes no difference.
fn compact(groups: Groups) -> Groups {
    groups.into_iter().filter(|(_, values)| values.iter().any(|v| *v != IBig::ZERO)).collect()
}

#[test]
fn the_emitted_sql_computes_what_the_plan_means() {
    on_database("translation", |client| async move {
        client.batch_execute(&create_tables()).await.unwrap();
        let mut compared = 0;
        let mut capped = 0;
        let mut with_surplus = 0;
        let mut beside = 0;
        let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
        for seed in 0..60 {
            let data = bytes(seed, 400);
            let dice = &mut Dice(&data);
            let by_code = world::by_code(dice);
            let database = world::database(dice, by_code);
            client.batch_execute(&fill(&database)).await.unwrap();
            for question in 0..60 {
                let data = bytes(1_000 + seed * 1_000 + question, 300);
                let dice = &mut Dice(&data);
                let leaf = world::leaf(dice, by_code);
                let terms = terms(u32::try_from(1 + dice.roll(3)).unwrap());
                let Ok(plan) = analyze(leaf, &terms) else { continue };
                let Ok(meant) = interpret(&plan, &database) else { continue };
                let found = answer(&client, &plan).await;
                if binds(&plan, &database) {
                    assert_capped(&plan, &database, &found);
                    capped += 1;
                } else if let left_out = surplus(&plan, &database).unwrap()
                    && (left_out.groups || left_out.within)
                {
                    if !left_out.groups {
                        let (ours, theirs) = (totals(&plan, &found), totals(&plan, &meant));
                        assert_eq!(ours, theirs, "{}", shown(&plan));
                    }
                    assert_eq!(compact(sums(&plan, found)), compact(sums(&plan, meant)));
                    with_surplus += 1;
                } else {
                    assert_eq!(
                        compact(found),
                        compact(meant),
                        "{}\n{:#?}\n{database:#?}",
                        shown(&plan),
                        plan.leaf()
                    );
                    compared += 1;
                }
                *kinds.entry(kind(&plan)).or_default() += 1;
                beside += u32::from(!plan.leaf().statistics.iter().all(Statistic::is_additive));
            }
        }
        assert!(compared >= 500 && capped >= 10, "{compared} compared, {capped} capped");
        assert!(kinds.len() >= 5, "{kinds:?}");
        assert!(
            beside >= 100 && with_surplus >= 10,
            "{beside} with branches, {with_surplus} with surplus"
        );
    });
}

/// The rows that each histogram counts in each group: whichever rows of a unit are left out, as
/// many are.
fn totals(plan: &Plan<Analyzed>, groups: &Groups) -> BTreeMap<Vec<Value>, Vec<IBig>> {
    let cells = plan.leaf().cells();
    let total = |values: &Vec<IBig>| {
        let histograms = plan.leaf().statistics.iter().enumerate();
        let histograms = histograms.filter(|(_, one)| one.bins().is_some());
        histograms
            .map(|(at, _)| layout::of(&cells, at, values).unwrap().into_iter().sum())
            .collect::<Vec<IBig>>()
    };
    let all = groups.iter().map(|(key, values)| (key.clone(), total(values)));
    all.filter(|(_, totals)| totals.iter().any(|total| *total != IBig::ZERO)).collect()
}

/// The groups without what is no sum over units.
fn sums(plan: &Plan<Analyzed>, groups: Groups) -> Groups {
    let additive: Vec<bool> = plan.leaf().statistics.iter().map(Statistic::is_additive).collect();
    let keep = |(key, values): (Vec<Value>, Vec<IBig>)| {
        let values = values.into_iter().zip(&additive).filter(|(_, keep)| **keep);
        (key, values.map(|(value, _)| value).collect())
    };
    let kept = groups.into_iter().map(keep);
    kept.collect()
}

fn kind(plan: &Plan<Analyzed>) -> String {
    let analyzed = plan.analysis();
    let selection = format!("{:?}", analyzed.selection);
    let selection = selection.split([' ', '{']).next().unwrap_or_default().to_owned();
    format!("{selection}, one row {}, capped {}", analyzed.one_row, analyzed.groups_enforced)
}

/// Whether some unit is in more groups than may count.
fn binds(plan: &Plan<Analyzed>, database: &Database) -> bool {
    let most = usize::try_from(plan.analysis().groups).unwrap();
    plan.analysis().groups_enforced
        && contributions(plan, database).unwrap().values().any(|groups| groups.len() > most)
}

/// Which groups a unit keeps is the SQL's own choice; how many it keeps is not.
fn assert_capped(plan: &Plan<Analyzed>, database: &Database, found: &Groups) {
    let most = usize::try_from(plan.analysis().groups).unwrap();
    let units = contributions(plan, database).unwrap();
    for (at, statistic) in plan.leaf().statistics.iter().enumerate() {
        if *statistic != (Statistic::Units { filter: None }) {
            continue;
        }
        let kept: IBig = found.values().map(|values| values[at].clone()).sum();
        let expected: usize = units.values().map(|groups| groups.len().min(most)).sum();
        // Keys that no public row has may have taken the place of others.
        assert!(kept <= IBig::from(expected), "{kept} > {expected}\n{}", shown(plan));
        if matches!(
            plan.analysis().selection,
            noisegate_privacy::analyze::Selection::Threshold { .. }
        ) {
            assert_eq!(kept, IBig::from(expected), "{}", shown(plan));
        }
    }
}
