//! `noisegate policy`: what a draft would change.

use hyper::Method;
use serde_json::{Value, json};

use super::args;
use super::desk::Desk;
use super::error::CliError;
use super::output::say;
use super::remote::Remote;
use super::table::harmless;
use crate::admin::shown::{Change, ChangeKind};
use crate::policy::Policy;

pub(super) async fn run(args: &args::Policy) -> Result<(), CliError> {
    match args {
        args::Policy::Diff(args) => diff(args).await,
        args::Policy::Reload(args) => reload(args).await,
    }
}

async fn diff(args: &args::Diff) -> Result<(), CliError> {
    let desk = Desk::open(&args.access).await?;
    let draft = Policy::load(&args.draft)?;
    let found = desk.office.diff_to(&draft).await.map_err(|error| desk.said(error))?;
    desk.print(&found, |found| {
        if found.changes.is_empty() {
            say("nothing would change");
        }
        for Change { kind, sentence } in &found.changes {
            let kind = match kind {
                ChangeKind::See => "see",
                ChangeKind::Spend => "spend",
                ChangeKind::Other => "other",
            };
            say(format_args!("{kind}: {sentence}"));
        }
    })
}

async fn reload(args: &args::Reload) -> Result<(), CliError> {
    let why = json!({ "why": args.why.why });
    let now = Remote::new(&args.server)?.ask(Method::POST, "/policy/reload", Some(&why)).await?;
    if args.server.json {
        say(now);
    } else {
        let version = now.get("version").and_then(Value::as_str).unwrap_or_default();
        say(format_args!("the policy {} is in force", harmless(version)));
    }
    Ok(())
}
