//! `noisegate audit`: to look through, to take away, and to hold against its chain.

use std::io::{ErrorKind, Write};
use std::path::Path;

use futures_util::TryStreamExt;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::args::{Access, Audit, Export, Form, Search, Tail};
use super::desk::Desk;
use super::error::CliError;
use super::output::{complain, say};
use super::table::{Column, Sheet, counted, minute, second};
use crate::admin::office::{AuditQuery, ExportFormat, Office, Span};
use crate::admin::shown::{List, Record};

pub(super) async fn run(args: &Audit) -> Result<(), CliError> {
    match args {
        Audit::Tail(args) => tail(args).await,
        Audit::Search(args) => search(args).await,
        Audit::Export(args) => export(args).await,
        Audit::Verify(access) => verify(access).await,
    }
}

async fn tail(args: &Tail) -> Result<(), CliError> {
    let desk = Desk::open(&args.access).await?;
    let found = find(&desk, &AuditQuery::default(), args.number).await?;
    desk.print(&found, |found| table(&found.items))
}

async fn search(args: &Search) -> Result<(), CliError> {
    let desk = Desk::open(&args.access).await?;
    let query = AuditQuery {
        span: Span { from: args.from.clone(), to: args.to.clone() },
        who: args.who.clone(),
        kind: args.kind.clone(),
        object: args.object.clone(),
        text: args.text.clone(),
    };
    let found = find(&desk, &query, args.number).await?;
    desk.print(&found, |found| {
        if found.next.is_some() {
            let number = args.number;
            complain(format_args!("noisegate: these are the last {number}; -n takes more"));
        }
        table(&found.items);
    })
}

async fn find(desk: &Desk, query: &AuditQuery, count: u32) -> Result<List<Record>, CliError> {
    desk.parts(count, async |office: &Office, page| office.audit(query.clone(), &page).await).await
}

/// The newest at the end, as a log has it.
fn table(records: &[Record]) {
    if records.is_empty() {
        return say("there are no such records");
    }
    let mut sheet = Sheet::new(&[
        Column::Word("AT (UTC)"),
        Column::Text("WHO"),
        Column::Word("KIND"),
        Column::Text("OBJECT"),
        Column::Text("DETAIL"),
        Column::Text("WHY"),
    ]);
    for record in records.iter().rev() {
        sheet.row([
            second(&record.at),
            record.who.clone(),
            record.kind.clone(),
            record.object.clone(),
            detail(record),
            record.why.clone(),
        ]);
    }
    sheet.print();
}

/// What people look for in a record; programs have all of it.
fn detail(record: &Record) -> String {
    // The exact price of a charge is digits that nobody compares by eye, and what all decisions
    // about an account came to is told by `budget show`.
    let shown = record.detail.iter().filter(|(name, value)| {
        let exact = matches!(name.as_str(), "rho" | "epsilon" | "delta" | "charge");
        !(value.is_object() || exact && record.kind == "query")
    });
    let words = shown.map(|(name, value)| match value {
        Value::String(at) if name.ends_with("_at") => format!("{name} {}", minute(at)),
        Value::String(text) => format!("{name} {text}"),
        Value::Null => format!("{name} none"),
        Value::Array(all) => {
            let all: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
            format!("{name} {}", all.join(" "))
        }
        other => format!("{name} {other}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

async fn export(args: &Export) -> Result<(), CliError> {
    let day = args.day.to_string();
    let next = args.day.succ_opt().map(|next| next.to_string());
    let desk = Desk::open(&args.access).await?;
    let span = Span { from: Some(day.clone()), to: next };
    let format = match args.format {
        Form::Jsonl => ExportFormat::Jsonl,
        Form::Csv => ExportFormat::Csv,
    };
    let parts = desk.office.export(&span, format).map_err(|error| desk.said(error))?;
    let mut parts = std::pin::pin!(parts);
    let mut file = args.out.as_deref().map(beside).transpose()?;
    let mut stdout = std::io::stdout();
    let to: &mut dyn Write = match &mut file {
        Some(file) => file,
        None => &mut stdout,
    };
    while let Some(part) = parts.try_next().await.map_err(|error| desk.said(error))? {
        match to.write_all(part.as_bytes()).and_then(|()| to.flush()) {
            Ok(()) => {}
            // Who reads has enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe && args.out.is_none() => break,
            Err(error) => return Err(written(args.out.as_deref(), error)),
        }
    }
    if let Some((path, file)) = args.out.as_deref().zip(file) {
        file.persist(path).map_err(|error| written(Some(path), error.error))?;
        desk.tell(format_args!("the audit of {day} (UTC) is in {}", path.display()));
    }
    Ok(())
}

/// A new file, readable by its owner only since it names people, that takes the place of `path` when
/// it is whole. So neither the mode of a file that was there nor a link decides who reads it.
fn beside(path: &Path) -> Result<NamedTempFile, CliError> {
    let wrong = |error| written(Some(path), error);
    match std::fs::symlink_metadata(path) {
        // A device or a pipe is not replaced, and where a link leads is not what was named.
        Ok(found) if !found.is_file() => {
            return Err(wrong(std::io::Error::other("it is there, and is not a plain file")));
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(wrong(error)),
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(wrong)
}

fn written(path: Option<&Path>, error: std::io::Error) -> CliError {
    match path {
        Some(path) => CliError::File { path: path.to_path_buf(), error },
        None => CliError::Io(error),
    }
}

async fn verify(access: &Access) -> Result<(), CliError> {
    let desk = Desk::open(access).await?;
    let found = desk.office.verify().await.map_err(|error| desk.said(error))?;
    desk.print(&found, |found| {
        if found.sound {
            let records = usize::try_from(found.records).unwrap_or_default();
            let generations = usize::try_from(found.generations).unwrap_or_default();
            say(format_args!(
                "the audit is as it was written: {} in {}",
                counted(records, "record", "records"),
                counted(generations, "generation", "generations")
            ));
        }
    })?;
    match found.broken {
        None => Ok(()),
        Some(broken) => {
            Err(CliError::Said(format!("the audit is not as it was written: {broken}")))
        }
    }
}
