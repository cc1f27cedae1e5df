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
use noisegate_privacy::analyze::{Analyzed, Contribution, Terms, analyze};
use noisegate_privacy::budget::{Accountant, Delta, Epsilon};
use noisegate_privacy::derived::Derived;
use noisegate_privacy::expr::Type;
use noisegate_privacy::interpret::{Database, Groups, Value, contributions, interpret, surplus};
use noisegate_privacy::plan::{Plan, Scan, Statistic};
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
        contribution: Contribution::Declared,
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
    // The key of a bin is two numbers.
    let keys: Vec<Type> = match plan.analysis().grids() {
        Some(_) => vec![Type::Int(8), Type::Int(8)],
        None => plan.leaf().keys.iter().map(|key| key.expr.ty.clone()).collect(),
    };
    let mut groups = Groups::new();
    for message in messages {
        let SimpleQueryMessage::Row(row) = message else { continue };
        let key = keys.iter().enumerate();
        let key = key.map(|(at, ty)| Value::read(row.get(at), ty).unwrap()).collect();
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
        for seed in 0..80 {
            let data = bytes(seed, 400);
            let dice = &mut Dice(&data);
            let by_code = world::by_code(dice);
            let database = world::database(dice, by_code);
            client.batch_execute(&fill(&database)).await.unwrap();
            let mut asked = Vec::new();
            for question in 0..80 {
                let data = bytes(1_000 + seed * 1_000 + question, 600);
                let dice = &mut Dice(&data);
                let leaf = world::leaf(dice, by_code);
                let terms = Terms {
                    contribution: world::contribution(dice),
                    accountant: if dice.roll(3) == 0 { Accountant::Pure } else { Accountant::Zcdp },
                    ..terms(u32::try_from(1 + dice.roll(3)).unwrap())
                };
                let Ok(plan) = analyze(leaf, &terms) else { continue };
                assert!(!world::is_forged(plan.leaf()));
                let plan = plan.estimate().cloned().unwrap_or(plan);
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
                    assert_eq!(compact(sums(&plan, found.clone())), compact(sums(&plan, meant)));
                    with_surplus += 1;
                } else {
                    assert_eq!(
                        compact(found.clone()),
                        compact(meant),
                        "{}\n{:#?}\n{database:#?}",
                        shown(&plan),
                        plan.leaf()
                    );
                    compared += 1;
                }
                beside += u32::from(!plan.leaf().statistics.iter().all(Statistic::is_additive));
                for kind in kinds_of(&plan) {
                    *kinds.entry(kind).or_default() += 1;
                }
                asked.push((plan, found));
            }
            // PostgreSQL's answers without one person, whose bound on groups is its own.
            let rest = world::without(&database, 0);
            client.batch_execute(&fill(&rest)).await.unwrap();
            for (plan, all) in asked {
                let moved = world::violation(&plan, &all, &answer(&client, &plan).await);
                assert_eq!(moved, None, "{}\n{database:#?}", shown(&plan));
            }
        }
        // Where bounds are norms hardly any group is dropped.
        assert!(compared >= 900 && capped >= 8, "{compared} compared, {capped} capped");
        let tried = |kind: &str| kinds.get(kind).copied().unwrap_or_default();
        for kind in ["grouped", "windowed", "union", "exists", "exists below", "exists of derived"]
        {
            assert!(tried(kind) >= 10, "{kinds:?}");
        }
        let often = |what: &str| -> u32 {
            kinds.iter().filter(|(kind, _)| kind.contains(what)).map(|(_, count)| count).sum()
        };
        assert!(kinds.len() >= 12, "{kinds:#?}");
        for kind in [
            "an estimate",
            "by norm",
            "as declared",
            "by norm, one row false, capped false, single false",
        ] {
            assert!(often(kind) >= 50, "{kinds:#?}");
        }
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

/// What of the language a plan uses.
fn kinds_of(plan: &Plan<Analyzed>) -> Vec<String> {
    let leaf = plan.leaf();
    let mut kinds = vec![kind(plan)];
    for derived in world::all_scans(leaf).into_iter().filter_map(Scan::derived) {
        let name = match derived {
            Derived::Grouped { .. } => "grouped",
            Derived::Windowed { .. } => "windowed",
            Derived::Union { .. } => "union",
        };
        kinds.push(name.to_owned());
    }
    for (scans, exists) in world::all_exists(leaf) {
        let place = if *scans == *leaf.scans { "exists" } else { "exists below" };
        kinds.push(place.to_owned());
        if exists.joins.scans().iter().any(|at| scans[*at].derived().is_some()) {
            kinds.push("exists of derived".to_owned());
        }
    }
    kinds.sort();
    kinds.dedup();
    kinds
}

fn kind(plan: &Plan<Analyzed>) -> String {
    let analyzed = plan.analysis();
    let selection = format!("{:?}", analyzed.selection);
    let selection = selection.split([' ', '{']).next().unwrap_or_default().to_owned();
    let mode = match (analyzed.grids(), analyzed.statistics.iter().any(|one| one.bound.is_some())) {
        (Some(_), _) => "an estimate",
        (None, true) => "by norm",
        (None, false) => "as declared",
    };
    let (one_row, capped) = (analyzed.one_row, analyzed.groups_enforced);
    format!("{selection}, {mode}, one row {one_row}, capped {capped}, single {}", analyzed.single())
}

/// Whether some unit is in more groups than may count.
fn binds(plan: &Plan<Analyzed>, database: &Database) -> bool {
    let most = plan.analysis().groups.map_or(usize::MAX, |groups| usize::try_from(groups).unwrap());
    plan.analysis().groups_enforced
        && contributions(plan, database).unwrap().values().any(|groups| groups.len() > most)
}

/// Which groups a unit keeps is the SQL's own choice; how many it keeps is not.
fn assert_capped(plan: &Plan<Analyzed>, database: &Database, found: &Groups) {
    let most = usize::try_from(plan.analysis().groups.unwrap()).unwrap();
    if plan.analysis().grids().is_some() {
        // Each unit is in one bin, whichever groups it keeps.
        let people = contributions(plan, database).unwrap().len();
        for at in 0..plan.leaf().statistics.len() {
            let counted: IBig = found.values().map(|values| values[at].clone()).sum();
            assert_eq!(counted, IBig::from(people), "{}", shown(plan));
        }
        return;
    }
    let units = contributions(plan, database).unwrap();
    for (at, statistic) in plan.leaf().statistics.iter().enumerate() {
        let scaled = plan.analysis().statistics[at].bound.is_some();
        if *statistic != (Statistic::Units { filter: None }) || scaled {
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
