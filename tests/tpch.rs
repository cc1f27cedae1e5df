//! All 22 queries of TPC-H: those about people in aggregate are answered in their own text, the
//! others are refused with the rule that they break, and answered in a form that keeps to it.

mod common;

use std::sync::LazyLock;

use common::{TRUTH, connect, error, open, run, texts};
use noisegate::demo::{Shop, ShopOptions};

static SHOP: LazyLock<Shop> = LazyLock::new(|| open(ShopOptions::new(0.01, TRUTH, "tpch.toml")));

enum Expected {
    /// PostgreSQL's answer to the same text.
    Equal,
    /// PostgreSQL's answer to the section `truth` that follows.
    EqualTo,
    /// The message of the refusal starts so.
    Refused(String),
    /// No query for the proxy.
    Truth,
}

struct Section {
    number: u32,
    expected: Expected,
    text: String,
}

/// The sections of `tests/tpch.sql`, as its head describes them.
fn sections() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in include_str!("tpch.sql").lines() {
        if let Some((number, kind)) = line.strip_prefix("-- Q").and_then(|one| one.split_once(' '))
        {
            let expected = match kind.split_once(": ") {
                None if kind == "truth" => Expected::Truth,
                None if kind == "answered, with the truth below" => Expected::EqualTo,
                None => {
                    assert!(["answered", "instead"].contains(&kind), "{line}");
                    Expected::Equal
                }
                Some((kind, message)) => {
                    assert_eq!(kind, "refused", "{line}");
                    Expected::Refused(message.to_owned())
                }
            };
            let number = number.parse().expect("the number of a query");
            sections.push(Section { number, expected, text: String::new() });
        } else if let (false, Some(section)) = (line.starts_with("--"), sections.last_mut()) {
            section.text.push_str(line);
            section.text.push('\n');
        }
    }
    sections
}

#[test]
fn all_22_queries() {
    let shop = &*SHOP;
    run(async {
        let (proxy, _) = connect(&shop.client_config("alice")).await;
        let (postgres, _) = connect(&shop.source_config()).await;
        let sections = sections();
        let mut wrong = Vec::new();
        let mut answered = Vec::new();
        for (at, Section { number, expected, text }) in sections.iter().enumerate() {
            let text = text.trim().trim_end_matches(';');
            let truth = match expected {
                Expected::Truth => continue,
                Expected::Refused(start) => {
                    match texts(&proxy, text).await {
                        Ok(rows) => wrong.push(format!("Q{number} is answered: {rows:?}")),
                        Err(_) => {
                            let (_, message) = error(&proxy, text).await;
                            if !message.starts_with(start) {
                                wrong.push(format!("Q{number}: {message}"));
                            }
                        }
                    }
                    continue;
                }
                Expected::Equal => text,
                Expected::EqualTo => {
                    let truth = sections.get(at + 1).expect("a truth follows");
                    assert!(matches!(truth.expected, Expected::Truth), "Q{number}");
                    truth.text.trim().trim_end_matches(';')
                }
            };
            let truth = texts(&postgres, truth).await.expect("PostgreSQL answers");
            match texts(&proxy, text).await {
                Ok(ours) if ours == truth && !truth.is_empty() => answered.push(*number),
                Ok(ours) => {
                    wrong.push(format!("Q{number}\n  ours  {ours:?}\n  truth {truth:?}"));
                }
                Err(error) => {
                    let db = error.as_db_error().map_or("", |db| db.message());
                    wrong.push(format!("Q{number}: {db}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
        // Each has an answer, in its own text or another.
        answered.dedup();
        assert_eq!(answered, (1..=22).collect::<Vec<u32>>());
    });
}
