use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// The names, types and labels of all series, as monitoring knows them.
fn shape(text: &str) -> Vec<String> {
    let mut shapes = BTreeSet::new();
    let mut kinds = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(kinds.insert(name.to_owned(), kind.to_owned()), None, "{name} twice");
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let labels =
                line.split_once('{').map_or("", |(_, rest)| rest.split('}').next().unwrap());
            let labels: Vec<&str> = labels
                .split(',')
                .filter(|one| !one.is_empty())
                .map(|one| one.split('=').next().unwrap())
                .collect();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end).filter(|base| kinds.contains_key(*base)))
                .unwrap_or(name);
            let labels: Vec<&str> = labels.into_iter().filter(|label| *label != "le").collect();
            shapes.insert(
                format!("{family} {} {}", kinds.get(family).unwrap(), labels.join(","))
                    .trim_end()
                    .to_owned(),
            );
        }
    }
    shapes.into_iter().collect()
}

fn filled() -> Metrics {
    let metrics = Metrics::new(&LedgerMeters::default());
    metrics.budgets(&[BudgetFigures {
        budget: "shop".to_owned(),
        per: "dataset",
        accounts: 1,
        exhausted: 0,
        spent: 0.25,
        remaining: 1.5,
        burn: Some(2.0),
    }]);
    metrics
}

#[test]
fn the_names_types_and_labels_are_these() {
    // Alert rules and the dashboard in `docker` are held against the same list.
    let expected: Vec<&str> = include_str!("../../sql-tests/metrics.txt").lines().collect();
    assert_eq!(shape(&filled().render(3)), expected);
}

#[test]
fn what_happened_is_counted() {
    let metrics = filled();
    metrics.statement(Outcome::Answered);
    metrics.refused(Code::Frozen);
    metrics.logged_in(false);
    metrics.reloaded(false);
    metrics.policy(Millis(1_700_000_000_999), 4);
    let text = metrics.render(3);
    for line in [
        "noisegate_statements_total{outcome=\"answered\"} 1",
        "noisegate_statements_total{outcome=\"refused\"} 1",
        "noisegate_statements_total{outcome=\"fault\"} 0",
        "noisegate_refusals_total{code=\"frozen\"} 1",
        "noisegate_logins_total{result=\"failed\"} 1",
        "noisegate_policy_last_reload_successful 0",
        "noisegate_policy_loaded_timestamp_seconds 1700000000",
        "noisegate_unclassified_columns 4",
        "noisegate_sessions 3",
        "noisegate_budget_spent_ratio{budget=\"shop\",per=\"dataset\"} 0.25",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    metrics.budgets(&[]);
    assert!(!metrics.render(0).contains("budget=\"shop\""));
}

/// Neither the buckets nor the sum tell more than the step.
#[test]
fn times_of_the_source_are_whole_steps() {
    let sum = |millis: u64| {
        let metrics = filled();
        metrics.took(Stage::Source, Duration::from_millis(millis));
        metrics
            .render(0)
            .lines()
            .filter(|line| line.contains("source"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(sum(1), sum(99));
    assert_ne!(sum(99), sum(101));
    assert_eq!(sum(101), sum(999));
    assert_eq!(sum(61_000), sum(300_000));
}
