//! `noisegate query`: what proxies answer now.

use hyper::Method;
use serde_json::{Value, json};

use super::args::{Cancel, Query, Server};
use super::error::CliError;
use super::output::say;
use super::remote::Remote;
use super::table::{Column, Sheet, second};

pub(super) async fn run(args: &Query) -> Result<(), CliError> {
    match args {
        Query::List(server) => list(server).await,
        Query::Cancel(args) => cancel(args).await,
    }
}

async fn list(server: &Server) -> Result<(), CliError> {
    let remote = Remote::new(server)?;
    let (mut items, mut next) = (Vec::new(), None::<String>);
    loop {
        let cursor = next.map_or_else(String::new, |next| format!("&cursor={next}"));
        let path = format!("/queries?limit=500{cursor}");
        let found = remote.ask(Method::GET, &path, None).await?;
        let part = found.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        next = found.get("next").and_then(Value::as_str).map(str::to_owned);
        let ends = part.is_empty();
        items.extend(part);
        if ends || next.is_none() {
            break;
        }
    }
    if server.json {
        say(json!({ "items": items, "next": null }));
        return Ok(());
    }
    let mut sheet = Sheet::new(&[
        Column::Word("QUERY"),
        Column::Text("ANALYST"),
        Column::Word("SINCE (UTC)"),
        Column::Word("PROXY"),
        Column::Word("STAGE"),
        Column::Number("EPSILON"),
        Column::Word("QUESTION"),
    ]);
    for query in &items {
        let text = |key| query.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
        let epsilon = query.get("epsilon").and_then(Value::as_f64);
        sheet.row([
            text("query"),
            text("analyst"),
            second(&text("started_at")),
            if query.get("here") == Some(&Value::Bool(false)) { "another" } else { "this" }
                .to_owned(),
            text("stage"),
            epsilon.map_or_else(|| "-".to_owned(), |epsilon| epsilon.to_string()),
            text("fingerprint"),
        ]);
    }
    sheet.print();
    Ok(())
}

async fn cancel(args: &Cancel) -> Result<(), CliError> {
    if !args.query.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(CliError::Said(
            "a query has an id as `noisegate query list` prints it".to_owned(),
        ));
    }
    let (path, why) = (format!("/queries/{}", args.query), json!({ "why": args.why.why }));
    Remote::new(&args.server)?.ask(Method::DELETE, &path, Some(&why)).await?;
    if !args.server.json {
        say(format_args!("{} is being stopped", args.query));
    }
    Ok(())
}
