//! `noisegate rehearse`: what would become of statements, before anybody spends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::args;
use super::databases::{ANALYST, Databases, connect};
use super::error::{CliError, describe};
use super::output::say;
use super::statements::{Logged, read};
use crate::clock::{Clock, Millis};
use crate::ledger::Ledger;
use crate::policy::Policy;
use crate::road::{AccountLeft, Gate, Rehearsal, Rehearsed, Verdict, accounts_left};

/// The characters of a statement that a table shows.
const SHOWN_CHARACTERS: usize = 100;
const DAY_MS: f64 = 86_400_000.0;

/// One statement of the file.
struct Line {
    analyst: String,
    found: Rehearsed,
}

pub(super) async fn run(args: &args::Rehearse) -> Result<(), CliError> {
    let policy = Policy::load(&args.of.policy)?;
    let databases = Databases::of(&policy)?;
    let logged = read(&args.statements)?;
    let times = times(&databases, &logged).await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("rehearsal.db");
    let now = Clock::System.now();
    let start = times.iter().flatten().copied().next().unwrap_or(now);
    let (clock, handle) = Clock::fixed(start);
    let ledger = Ledger::open(&path, clock.clone())
        .map_err(|error| CliError::Ledger { place: "of the rehearsal".to_owned(), error })?;
    let gate =
        Gate::open(policy, databases.source.clone(), databases.shadow.clone(), ledger, clock);
    let gate = gate.await?;
    if gate.policy.terms(&args.analyst).is_none() {
        return Err(CliError::NoAnalyst(args.analyst.clone()));
    }
    let mut rehearsal = Rehearsal::default();
    let mut lines = Vec::new();
    let mut analysts = BTreeSet::from([args.analyst.clone()]);
    for (logged, at) in logged.iter().zip(&times) {
        if let Some(at) = at {
            handle.fetch_max(at.0, Ordering::SeqCst);
        }
        let known = |user: &&String| gate.policy.terms(user).is_some();
        let analyst = logged.user.as_ref().filter(known).unwrap_or(&args.analyst);
        analysts.insert(analyst.clone());
        let found = rehearsal.text(&gate, analyst, &logged.text, &logged.parameters).await;
        let found = found.map_err(|fault| CliError::Rehearsal(fault.to_string()))?;
        let line = |found| Line { analyst: analyst.clone(), found };
        lines.extend(found.into_iter().map(line));
    }
    let mut accounts = BTreeMap::new();
    for analyst in &analysts {
        let left = accounts_left(&gate, analyst).await;
        for left in left.map_err(|error| CliError::Rehearsal(error.to_string()))? {
            accounts.insert(left.balance.account.id.clone(), left);
        }
    }
    let span = times.iter().flatten().max().map_or(0, |last| last.0.saturating_sub(start.0));
    let accounts: Vec<AccountLeft> = accounts.into_values().collect();
    let epoch = gate.policy.answers.remember_ms;
    if args.json {
        say(document(&lines, &accounts, span, epoch));
    } else {
        table(&lines, &accounts, span, epoch);
    }
    Ok(())
}

/// The times of a log, read by the PostgreSQL that knows its own form.
async fn times(databases: &Databases, logged: &[Logged]) -> Result<Vec<Option<Millis>>, CliError> {
    if logged.iter().all(|one| one.time.is_none()) {
        return Ok(vec![None; logged.len()]);
    }
    let texts: Vec<Option<&str>> = logged.iter().map(|one| one.time.as_deref()).collect();
    let client = connect(ANALYST, &databases.shadow).await?;
    let rows = client
        .query(
            "SELECT (extract(epoch FROM t::timestamptz) * 1000)::bigint \
             FROM unnest($1::text[]) WITH ORDINALITY AS u(t, n) ORDER BY n",
            &[&texts],
        )
        .await
        .map_err(|error| CliError::Times(describe(&error)))?;
    Ok(rows.iter().map(|row| row.try_get(0).ok().flatten().map(Millis)).collect())
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Answered => "answered",
        Verdict::Remembered => "remembered",
        Verdict::Passes => "passes",
        Verdict::Empty => "empty preview",
        Verdict::Refused => "refused",
        Verdict::Wrong => "wrong",
        Verdict::Unknown => "not looked at",
    }
}

/// How long an account lasts if it goes on like this, in words.
fn lasts(left: &AccountLeft, span_ms: i64, epoch_ms: i64) -> String {
    if left.share <= 0.0 {
        return "nothing is spent".to_owned();
    }
    let (each, every) = if span_ms > 0 {
        (span_ms, "at this rate")
    } else {
        (epoch_ms.max(1), "asked once in each epoch of remembered answers")
    };
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let lasts_ms = each as f64 / left.share;
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let refills = left.balance.account.window.ms_max().is_some_and(|ms| lasts_ms >= ms as f64);
    if refills {
        format!("{every} it refills before it is spent")
    } else {
        format!("{every} it lasts {:.1} days", lasts_ms / DAY_MS)
    }
}

fn table(lines: &[Line], accounts: &[AccountLeft], span_ms: i64, epoch_ms: i64) {
    for (number, line) in (1_u64..).zip(lines) {
        let Line { analyst, found } = line;
        let price = match found.paid.as_slice() {
            [] => String::new(),
            paid => format!(", epsilon {}", paid.join(" + ")),
        };
        let text: Vec<&str> = found.text.split_whitespace().collect();
        let text = text.join(" ");
        let short: String = text.chars().take(SHOWN_CHARACTERS).collect();
        let dots = if short.len() < text.len() { " …" } else { "" };
        say(format_args!("{number:>4}  {}{price}  ({analyst})", word(found.verdict)));
        say(format_args!("      {short}{dots}"));
        for said in &found.said {
            say(format_args!("      {said}"));
        }
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines {
        let count = counts.entry(word(line.found.verdict)).or_default();
        *count = count.saturating_add(1);
    }
    let counts: Vec<String> =
        counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    say(format_args!("\n{} statements: {}", lines.len(), counts.join(", ")));
    for left in accounts {
        say(format_args!(
            "{}: {:.1} % of epsilon {:.2} spent; {}",
            left.balance.account.id,
            100.0 * left.share,
            left.limit,
            lasts(left, span_ms, epoch_ms)
        ));
    }
}

fn document(lines: &[Line], accounts: &[AccountLeft], span_ms: i64, epoch_ms: i64) -> Value {
    let statements: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({
                "statement": line.found.text,
                "analyst": line.analyst,
                "verdict": word(line.found.verdict),
                "epsilon": line.found.paid,
                "said": line.found.said,
            })
        })
        .collect();
    let accounts: Vec<Value> = accounts
        .iter()
        .map(|left| {
            json!({
                "account": left.balance.account.id,
                "epsilon": left.limit,
                "epsilon_spent": left.spent,
                "share_spent": left.share,
                "lasts": lasts(left, span_ms, epoch_ms),
            })
        })
        .collect();
    json!({ "statements": statements, "accounts": accounts })
}
