//! What becomes of a private statement: what the shadow is told instead, or which error is raised.

use bytes::Bytes;

use super::frame::Frame;
use super::message::to_client;
use crate::error::{Code, Error, Fault, Refusal};
use crate::metrics;
use crate::query::explained::Format;
use crate::query::tokens::{Kind as StatementKind, Shown, Statement};
use crate::query::wrapped::Verb;
use crate::road::{self, Answer, Asked, Gate};
use crate::shadow::settings::Settings;

/// What the shadow is told to do for the client.
#[derive(Debug)]
pub(super) enum Outcome {
    /// What the client said.
    Forward(Vec<Frame>),
    /// Something else in its place.
    Spliced { text: String, types: Vec<u32>, arrays: Vec<Bytes>, notices: Vec<Frame> },
    /// To raise an error.
    Raise(Raised),
}

/// An error to be raised on the shadow.
#[derive(Debug)]
pub(super) struct Raised {
    pub(super) sqlstate: String,
    pub(super) message: String,
    pub(super) detail: String,
    pub(super) hint: String,
    pub(super) position: Option<usize>,
}

/// Finds out what to do about what was asked.
pub(super) async fn outcome(
    gate: &Gate,
    statement: &Statement,
    asked: &Asked<'_>,
) -> Result<Outcome, Error> {
    match &statement.kind {
        StatementKind::Query => {
            let answer = Box::pin(road::answer(gate, asked)).await?;
            Ok(answered(gate, answer, asked.settings, str::to_owned))
        }
        StatementKind::Wrapped(wrapped) => {
            if wrapped.verb == Verb::Insert && !asked.parameters.is_empty() {
                return Err(statement_refused(
                    "An INSERT of a query about people takes no parameters.",
                    "Write the values into the statement.",
                )
                .into());
            }
            let mut answer = Box::pin(road::answer(gate, asked)).await?;
            if wrapped.verb == Verb::Copy {
                answer = road::inlined(gate, answer).await?;
            }
            Ok(answered(gate, answer, asked.settings, |query| wrapped.around(query)))
        }
        StatementKind::Explain { analyze: true, .. } => Err(statement_refused(
            "EXPLAIN ANALYZE would run a query on people's rows.",
            "Use EXPLAIN without ANALYZE: it shows the plan and the price at no cost.",
        )
        .into()),
        StatementKind::Explain { format: Format::Other, .. } => Err(statement_refused(
            "The plan of a query about people is shown as text or JSON.",
            "Use EXPLAIN, or EXPLAIN (FORMAT JSON).",
        )
        .into()),
        StatementKind::Explain { analyze: false, format, .. } => {
            let plan = road::explain(gate, asked).await?;
            Ok(match plan {
                Some(plan) if *format == Format::Json => {
                    plan_rows(plan.parameters(), &[plan.json()], "json")
                }
                Some(plan) => plan_rows(plan.parameters(), &plan.text(), "text"),
                None => Outcome::Forward(Vec::new()),
            })
        }
        StatementKind::Show(what) => {
            let line = match what {
                Shown::Budget => road::budget_line(gate, asked).await?,
                Shown::QueriesLeft => road::queries_left_line(gate, asked).await?,
            };
            Ok(shown(*what, line))
        }
        StatementKind::Setting(name, value) => road::check_setting(gate, asked, name, value)
            .map(|()| Outcome::Forward(Vec::new()))
            .map_err(Error::from),
        // What EXECUTE stands for was looked up before.
        StatementKind::Untouched | StatementKind::Prepare | StatementKind::Execute { .. } => {
            Ok(Outcome::Forward(Vec::new()))
        }
        StatementKind::Unread => Err(statement_refused(
            "This text is too long or too unusual to be read, and may ask about people.",
            "Send it in parts, or keep long lists of values in a table.",
        )
        .into()),
        StatementKind::Login => Err(statement_refused(
            "The login on the shadow is shared and is not changed through noisegate.",
            "Ask the budget's administrator for another password.",
        )
        .into()),
        StatementKind::Other(word) => Err(other_refused(word).into()),
    }
}

fn other_refused(word: &str) -> Refusal {
    let hint = match word {
        "copy" => "Copy aggregates out: COPY (SELECT count(*) …) TO STDOUT.",
        "create" | "select into" => {
            "Make a temporary table of aggregates: CREATE TEMP TABLE … AS SELECT …. A view would \
             read tables that are empty here."
        }
        "insert" => "Insert aggregates into a temporary table: INSERT INTO … SELECT ….",
        "declare" | "merge" => "Send the SELECT itself.",
        _ => "Tables of people can be asked for aggregates, and for nothing else.",
    };
    statement_refused(
        &format!("{} cannot be used with tables of people.", word.to_uppercase()),
        hint,
    )
}

fn statement_refused(sentence: &str, hint: &str) -> Refusal {
    Refusal::new(Code::Statement, sentence, hint)
}

fn warnings(warning: Option<String>, settings: &Settings) -> Vec<Frame> {
    let shown = warning.filter(|_| settings.notices);
    shown.into_iter().map(|text| to_client::notice("WARNING", "01000", &text, None, None)).collect()
}

fn told(notices: Vec<String>) -> Vec<Frame> {
    notices.iter().map(|text| to_client::notice("NOTICE", "00000", text, None, None)).collect()
}

/// What an answer means to the relay; `around` puts the spliced query into the statement that the
/// client sent.
fn answered(
    gate: &Gate,
    answer: Answer,
    settings: &Settings,
    around: impl Fn(&str) -> String,
) -> Outcome {
    gate.shared.metrics.statement(match &answer {
        Answer::Spliced { remembered: true, .. } => metrics::Outcome::Remembered,
        Answer::Spliced { .. } | Answer::Forward(_) => metrics::Outcome::Answered,
    });
    match answer {
        Answer::Forward(warning) => Outcome::Forward(warnings(warning, settings)),
        Answer::Spliced { text, types, arrays, notices, .. } => {
            Outcome::Spliced { text: around(&text), types, arrays, notices: told(notices) }
        }
    }
}

/// A plan as rows of a column "QUERY PLAN". The client's own parameters, of these types, are bound
/// and not used.
fn plan_rows(mut types: Vec<u32>, lines: &[String], ty: &str) -> Outcome {
    let array = crate::road::text_array(lines);
    types.push(0);
    let number = types.len();
    Outcome::Spliced {
        text: format!("SELECT p::{ty} AS \"QUERY PLAN\" FROM unnest(${number}::text[]) AS t(p)"),
        types,
        arrays: vec![array],
        notices: Vec::new(),
    }
}

fn shown(what: Shown, line: String) -> Outcome {
    let name = what.name();
    Outcome::Spliced {
        text: format!("SELECT p AS \"noisegate.{name}\" FROM unnest($1::text[]) AS t(p)"),
        types: vec![0],
        arrays: vec![crate::road::text_array(&[line])],
        notices: Vec::new(),
    }
}

/// What the client is told of an error. A fault is one fixed sentence whatever happened; the
/// operator finds the detail under the query's id.
pub(super) fn raised(error: Error, asked: &Asked<'_>, before: usize) -> Raised {
    match error {
        Error::Refusal(refusal) => {
            let refusal = asked.positioned(refusal);
            tracing::info!(query = %asked.id, analyst = %asked.analyst, code = refusal.code.name(), "refused");
            Raised {
                sqlstate: refusal.code.sqlstate().to_owned(),
                message: refusal.sentence,
                detail: format!("noisegate: {}", refusal.code.name()),
                hint: refusal.hint,
                position: refusal.position.map(|position| position.saturating_add(before)),
            }
        }
        Error::Database(error) => {
            let position = match error.position() {
                Some(tokio_postgres::error::ErrorPosition::Original(at)) => {
                    usize::try_from(*at).ok()
                }
                _ => None,
            };
            Raised {
                sqlstate: error.code().code().to_owned(),
                message: error.message().to_owned(),
                detail: error.detail().unwrap_or_default().to_owned(),
                hint: error.hint().unwrap_or_default().to_owned(),
                position: position.map(|position| position.saturating_add(before)),
            }
        }
        Error::Fault(fault) => {
            tracing::error!(query = %asked.id, analyst = %asked.analyst, %fault, "a query failed");
            let (sqlstate, message) = match fault {
                Fault::Canceled => ("57014", "canceling statement due to user request"),
                _ => ("58000", "The query could not be completed."),
            };
            Raised {
                sqlstate: sqlstate.to_owned(),
                message: message.to_owned(),
                detail: format!("The query's id is {}.", asked.id),
                hint: "What was charged for it stays charged. The operator's log has the reason."
                    .to_owned(),
                position: None,
            }
        }
    }
}
