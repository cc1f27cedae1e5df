//! One client's session: what passes, what is private, and what the client is told.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::accept::Client;
use super::backend;
use super::cancel::Canceler;
use super::error::WireError;
use super::executed::{self, Executed};
use super::frame::{Frame, LIMIT_FROM_CLIENT};
use super::message::from_client::Request as Message;
use super::message::to_client::{self, Report};
use super::message::{from_client, to_shadow};
use super::names::{Names, Undo};
use super::private::{self, Private, Shape};
use super::relay::{self, Came, ErrorChange, Expected, Relay, Reply, Request};
use super::serve::Shared;
use crate::ids::Analyst;
use crate::metrics::Upstream;
use crate::query::tokens::{self, Kind as StatementKind, Shown, Statement};
use crate::query::wrapped::Verb;
use crate::road::Gate;

/// Startup parameters that could change who the session is, or how its bytes are to be read.
const NOT_PASSED: &[&str] = &["role", "session_authorization", "replication", "client_encoding"];

/// How old a look at the user may be when a private statement begins.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// One client's session.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    pub(super) analyst: Analyst,
    pub(super) relay: Relay,
    pub(super) canceler: Canceler,
    _key: ShadowKey<'a>,
    names: Names,
    /// When it was last seen that there still is such a user.
    looked: Instant,
    /// The client has written the setting's name: from then on it is asked for before a statement is
    /// prepared, since it changes how the statement is described.
    intervals_named: bool,
}

/// The shadow's cancel key of a session, forgotten however the session ends.
#[derive(Debug)]
struct ShadowKey<'a> {
    shared: &'a Shared,
    pid: i32,
}

impl Drop for ShadowKey<'_> {
    fn drop(&mut self) {
        self.shared.shadow_keys.remove(&self.pid);
    }
}

/// Runs a client's session to its end.
pub(super) async fn run(client: Client, shared: &Shared) -> Result<(), WireError> {
    let Some(mut session) = start(client, shared).await? else { return Ok(()) };
    let result = session.talk().await;
    if let Err(error) = &result {
        session.farewell(error).await;
    }
    result
}

/// Connects the client to a shadow session of its own.
async fn start(mut client: Client, shared: &Shared) -> Result<Option<Session<'_>>, WireError> {
    let server = &shared.server;
    if client.database != server.login.database {
        let message = format!("database \"{}\" does not exist", client.database);
        refuse(&mut client, "3D000", message).await?;
        return Ok(None);
    }
    let mut parameters = vec![("client_encoding".to_owned(), "UTF8".to_owned())];
    // So that SHOW knows the names; what they show is put in its place when it is asked for.
    // They come first: the client may choose others.
    parameters.extend(Shown::ALL.map(|what| (format!("noisegate.{}", what.name()), String::new())));
    for (name, value) in server.policies.gate().session_settings(&client.user) {
        parameters.push((format!("noisegate.{name}"), value));
    }
    let mut intervals_named = false;
    let given = client.parameters.iter().chain(&client.settings);
    for (name, value) in given {
        intervals_named |= names_intervals(name.as_bytes());
        let lower = name.to_ascii_lowercase();
        if lower == "client_encoding" && !is_utf8(value) {
            let message = format!("client_encoding \"{value}\" is not supported, only UTF8");
            refuse(&mut client, "22023", message).await?;
            return Ok(None);
        }
        if !NOT_PASSED.contains(&lower.as_str()) {
            parameters.push((name.clone(), value.clone()));
        }
    }
    let shadow = match backend::connect(&server.shadow, &server.login, &parameters).await {
        Ok(shadow) => shadow,
        Err(WireError::Server { sqlstate, message }) if sqlstate.starts_with("22") => {
            refuse(&mut client, &sqlstate, message).await?;
            return Ok(None);
        }
        Err(error) => {
            tracing::error!(%error, "the shadow cannot be reached");
            server.policies.gate().shared.metrics.upstream_failed(Upstream::Shadow);
            let message = "the database is not available at the moment".to_owned();
            refuse(&mut client, "08006", message).await?;
            return Ok(None);
        }
    };
    let canceler = shared.cancels.register(client.key_length)?;
    shared.shadow_keys.insert(canceler.pid(), (shadow.pid, shadow.secret.clone()));
    let key = ShadowKey { shared, pid: canceler.pid() };
    for (name, value) in &shadow.parameters {
        client.writer.push(&to_client::parameter_status(name, value));
    }
    client.writer.push(&to_client::backend_key_data(canceler.pid(), canceler.secret()));
    client.writer.push(&to_client::ready_for_query(b'I'));
    client.writer.flush().await?;
    client.reader.set_limit(LIMIT_FROM_CLIENT);
    Ok(Some(Session {
        shared,
        analyst: Analyst(client.user),
        relay: Relay::new(client.reader, client.writer, shadow),
        canceler,
        _key: key,
        names: Names::default(),
        looked: Instant::now(),
        intervals_named,
    }))
}

fn is_utf8(encoding: &str) -> bool {
    let plain: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect();
    matches!(plain.to_ascii_lowercase().as_str(), "utf8" | "unicode" | "auto" | "sqlascii")
}

async fn refuse(client: &mut Client, sqlstate: &str, message: String) -> Result<(), WireError> {
    client.writer.push(&Report::new("FATAL", sqlstate, message).into_error());
    client.writer.close().await
}

impl Session<'_> {
    async fn talk(&mut self) -> Result<(), WireError> {
        let stop = self.shared.stop.clone();
        loop {
            let came = tokio::select! {
                () = stop.cancelled() => return Err(WireError::ShuttingDown),
                came = self.relay.next() => came?,
            };
            match came {
                Came::Shadow => {}
                Came::Client(None) => return Ok(()),
                Came::Client(Some(frame)) => {
                    if frame.tag == b'X' {
                        return Ok(());
                    }
                    self.client_frame(frame).await?;
                }
            }
        }
    }

    /// Tells the client why the session ends, as far as it may know.
    async fn farewell(&mut self, error: &WireError) {
        let (sqlstate, message) = match error {
            WireError::ShuttingDown => {
                ("57P01", "terminating connection due to administrator command".to_owned())
            }
            WireError::Malformed { .. } | WireError::TooLong { .. } => {
                (error.sqlstate(), error.to_string())
            }
            WireError::Refused { sqlstate, message } => (*sqlstate, message.clone()),
            _ => ("08006", "the connection to the database was lost".to_owned()),
        };
        let report = Report::new("FATAL", sqlstate, message);
        self.relay.to_client.push(&report.into_error());
        let _best_effort =
            tokio::time::timeout(std::time::Duration::from_secs(2), self.relay.to_client.close())
                .await;
    }

    /// Ends the session of somebody who was removed since the last look.
    async fn still_known(&mut self, gate: &Gate) -> Result<(), WireError> {
        if self.looked.elapsed() < LOOK_AGAIN {
            return Ok(());
        }
        match gate.ledger.verifier(&self.analyst.0).await {
            Ok(None) => Err(WireError::Refused {
                sqlstate: "28000",
                message: format!("\"{}\" can no longer log in", self.analyst),
            }),
            Ok(Some(_)) => {
                self.looked = Instant::now();
                Ok(())
            }
            // Whoever charges next is told that the ledger is away.
            Err(_) => Ok(()),
        }
    }

    async fn client_frame(&mut self, frame: Frame) -> Result<(), WireError> {
        let message = match Message::decode(&frame) {
            Ok(message) => message,
            Err(WireError::Malformed { .. }) => return self.malformed(&frame),
            Err(error) => return Err(error),
        };
        self.names.undo(&mut self.relay.undone);
        // After an error PostgreSQL skips everything up to Sync, and so do we.
        if self.relay.failed && !matches!(message, Message::Sync | Message::Query(_)) {
            return Ok(());
        }
        if matches!(frame.tag, b'Q' | b'P' | b'B') {
            self.intervals_named = self.intervals_named || names_intervals(&frame.body);
        }
        match message {
            Message::Query(text) => self.simple(&text, &frame).await,
            Message::Parse(parse) => self.parse(parse, frame).await,
            Message::Bind(bind) => {
                let undo = self.names.bind(bind)?;
                self.pass_undoable(&frame, Request::Bind, undo);
                Ok(())
            }
            Message::Execute(execute) => match self.names.unanswered(&execute.portal) {
                Some((private, bind)) => self.execute_private(private, bind, execute).await,
                None => {
                    self.pass(&frame, Request::Execute);
                    Ok(())
                }
            },
            Message::Close(named) => {
                let undo = self.names.close(named);
                self.pass_undoable(&frame, Request::Close, undo);
                Ok(())
            }
            Message::FunctionCall => {
                let report = Report::new("ERROR", "0A000", "function calls are not supported")
                    .hint("Use SELECT function(…).");
                self.relay.to_client.push(&report.into_error());
                self.relay.to_client.push(&to_client::ready_for_query(self.relay.status));
                self.relay.to_client.flush().await
            }
            Message::Password => Err(WireError::protocol("a password after the login")),
            other => {
                match relay::request(&other) {
                    Some(request) => self.pass(&frame, request),
                    None if matches!(frame.tag, b'c' | b'f') => self.relay.send_copy_end(&frame),
                    None => self.relay.send_silent(&frame),
                }
                Ok(())
            }
        }
    }

    /// PostgreSQL knows what to say of a message that cannot be read.
    fn malformed(&mut self, frame: &Frame) -> Result<(), WireError> {
        let request = relay::tagged(frame.tag)
            .ok_or_else(|| WireError::protocol("invalid frontend message type"))?;
        if !self.relay.failed || matches!(request, Request::Query | Request::Sync) {
            self.pass(frame, request);
        }
        Ok(())
    }

    /// Forwards a frame as it came.
    fn pass(&mut self, frame: &Frame, request: Request) {
        self.relay.send(frame, Expected::new(request, Reply::Forward));
    }

    /// The same, for a request that changed a name.
    fn pass_undoable(&mut self, frame: &Frame, request: Request, undo: Undo) {
        let mut expected = Expected::new(request, Reply::Forward);
        expected.undo = Some(undo);
        self.relay.send(frame, expected);
    }

    /// The statement that is being prepared, if it is private.
    fn private(&self, parse: &from_client::Parse) -> Option<Private> {
        let gate = self.shared.server.policies.gate();
        let mut statements = tokens::split(&parse.query, &gate.private_names);
        // Several statements are an error that PostgreSQL finds itself.
        let only = if statements.len() == 1 { statements.pop() } else { None };
        only.filter(|statement| !passes(&statement.kind)).map(|statement| {
            let types = parse.type_oids.clone();
            // What was described has to be what comes.
            let shape = match statement.kind {
                StatementKind::Query | StatementKind::Execute { .. } => Shape::Plain,
                _ => Shape::Open,
            };
            Private { statement, types, located: true, shape }
        })
    }

    /// Prepares a statement; for one whose answer will have more columns, another that has them.
    async fn parse(&mut self, parse: from_client::Parse, frame: Frame) -> Result<(), WireError> {
        let (mut private, mut frame) = (self.private(&parse), frame);
        if let Some(private) = &mut private
            && private.statement.kind == StatementKind::Query
            && self.intervals_named
        {
            let running = self.canceler.begin_statement();
            let Some(settings) = private::settings_so_far(&mut self.relay).await? else {
                return Ok(());
            };
            if settings.intervals {
                let gate = self.shared.server.policies.gate();
                let (analyst, token) = (&self.analyst, running.token());
                let wide = private::described(&gate, analyst, private, &settings, token);
                let wide = private::while_there(&mut self.relay.client, Box::pin(wide)).await?;
                if let Some(mut wide) = wide {
                    private.shape = Shape::Wide(wide.query.as_str().into());
                    wide.name.clone_from(&parse.name);
                    frame = to_shadow::parse(&wide)?;
                }
            }
        }
        let undo = self.names.parse(parse.name, private)?;
        self.pass_undoable(&frame, Request::Parse, undo);
        Ok(())
    }

    async fn execute_private(
        &mut self,
        private: Private,
        bind: from_client::Bind,
        execute: from_client::Execute,
    ) -> Result<(), WireError> {
        let running = self.canceler.begin_statement();
        // From here to its end the statement is under this policy.
        let gate = self.shared.server.policies.gate();
        let names = &gate.private_names;
        let meant = self.names.meant(executed::name(&private));
        let look_up = executed::look_up(&mut self.relay, &private, names, false, meant);
        let private = match look_up.await? {
            Executed::Failed => return Ok(()),
            Executed::Private(private) => private,
            Executed::Untouched => {
                let frame = to_shadow::execute(&execute.portal, execute.max_rows)?;
                self.pass(&frame, Request::Execute);
                return Ok(());
            }
        };
        let portal = Some(execute.portal.as_str());
        let Some(settings) = private::settings(&mut self.relay, portal).await? else {
            return Ok(());
        };
        self.still_known(&gate).await?;
        let (analyst, token) = (&self.analyst, running.token());
        let answer = private::answer(&gate, analyst, &private, &bind, &settings, token);
        let answer = private::while_there(&mut self.relay.client, Box::pin(answer)).await?;
        private::execute(&mut self.relay, &private, &bind, &execute, answer)
    }

    /// A simple query: untouched ones go as they came; where one statement is private, each goes
    /// by itself and the replies are put together again.
    async fn simple(&mut self, text: &str, frame: &Frame) -> Result<(), WireError> {
        let gate = self.shared.server.policies.gate();
        let statements = tokens::split(text, &gate.private_names);
        // Each statement takes the gate of its own beginning.
        drop(gate);
        if statements.iter().all(|statement| statement.kind == StatementKind::Untouched) {
            self.pass(frame, Request::Query);
            return Ok(());
        }
        self.relay.drain().await?;
        self.names.close_unnamed();
        self.relay.error_seen = false;
        for statement in statements {
            if passes(&statement.kind) {
                self.simple_untouched(&statement).await?;
            } else {
                self.simple_private(statement).await?;
            }
            if self.relay.error_seen {
                break;
            }
        }
        self.relay.to_client.push(&to_client::ready_for_query(self.relay.status));
        self.relay.to_client.flush().await
    }

    async fn simple_untouched(&mut self, statement: &Statement) -> Result<(), WireError> {
        let mut expected = Expected::new(Request::Query, Reply::Forward);
        expected.error = ErrorChange::Shift(statement.offset_chars);
        self.relay.send_inner_query(&to_shadow::query(&statement.text)?, expected);
        self.relay.drain().await
    }

    async fn simple_private(&mut self, statement: Statement) -> Result<(), WireError> {
        let running = self.canceler.begin_statement();
        let shape = Shape::Open;
        let private = Private { statement, types: Vec::new(), located: true, shape };
        // From here to its end the statement is under this policy.
        let gate = self.shared.server.policies.gate();
        let names = &gate.private_names;
        let meant = self.names.meant(executed::name(&private));
        let look_up = executed::look_up(&mut self.relay, &private, names, true, meant);
        let private = match look_up.await? {
            Executed::Failed => return Ok(()),
            Executed::Untouched => return self.simple_untouched(&private.statement).await,
            Executed::Private(private) => private,
        };
        // Outside of a transaction PostgreSQL refuses this cursor; not after the charge.
        if let StatementKind::Wrapped(wrapped) = &private.statement.kind
            && wrapped.verb == (Verb::Cursor { hold: false })
            && self.relay.status == b'I'
        {
            return self.simple_untouched(&private.statement).await;
        }
        let Some(settings) = private::check_text(&mut self.relay, &private).await? else {
            return Ok(());
        };
        let bind = from_client::Bind {
            portal: String::new(),
            statement: private::TEXT_NAME.to_owned(),
            parameter_formats: Vec::new(),
            parameters: Vec::new(),
            result_formats: Vec::new(),
        };
        self.still_known(&gate).await?;
        let (analyst, token) = (&self.analyst, running.token());
        let answer = private::answer(&gate, analyst, &private, &bind, &settings, token);
        let answer = private::while_there(&mut self.relay.client, Box::pin(answer)).await?;
        private::execute_simple(&mut self.relay, &private, &bind, answer)?;
        self.relay.drain().await
    }
}

/// Whether bytes of the client name the setting `noisegate.intervals`.
fn names_intervals(bytes: &[u8]) -> bool {
    let name = b"intervals";
    bytes.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name))
}

/// Whether the shadow is sent the statement as it is.
fn passes(kind: &StatementKind) -> bool {
    matches!(kind, StatementKind::Untouched | StatementKind::Prepare)
}

/// A parameter's format from a Bind message: none means text, one counts for all.
pub(super) fn format_of(formats: &[i16], at: usize) -> i16 {
    match formats {
        [] => 0,
        [all] => *all,
        each => each.get(at).copied().unwrap_or(0),
    }
}

/// Formats for the client's parameters, followed by binary ones for the arrays.
pub(super) fn formats_with_arrays(
    bind: &from_client::Bind,
    arrays: usize,
) -> (Vec<i16>, Vec<Option<Bytes>>) {
    let given = bind.parameters.len();
    let mut formats: Vec<i16> =
        (0..given).map(|at| format_of(&bind.parameter_formats, at)).collect();
    formats.resize(given.saturating_add(arrays), 1);
    (formats, bind.parameters.clone())
}
