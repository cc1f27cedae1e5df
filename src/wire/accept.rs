//! A client arrives: encryption, the startup packet, the password.
//!
//! The packets before the login are read byte by byte as they are due, never ahead. What a
//! man in the middle sends in clear after the request for TLS is therefore never taken for
//! something that came encrypted.

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt;
use pgwire::messages::startup::Authentication;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error::WireError;
use super::frame::{Frame, LIMIT_BEFORE_LOGIN, LIMIT_FROM_CLIENT};
use super::message::from_client;
use super::message::to_client::{self, Report};
use super::scram::{self, Login};
use super::startup::{self, Packet, Startup};
use super::stream::{Reader, Stream, Writer};
use super::tls::TlsAcceptor;

/// How long a login may take, handshake and password included.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where the verifiers of passwords are kept.
pub trait Verifiers: Sync {
    /// The verifier of a user's password, or `None` when there is no such user.
    fn verifier(
        &self,
        user: &str,
    ) -> impl Future<Output = Result<Option<String>, WireError>> + Send;

    /// The secret from which users who do not exist get their salt.
    ///
    /// One that outlives the process is better: otherwise a restart changes these salts and
    /// no others.
    fn decoy_secret(&self) -> Result<[u8; 32], WireError> {
        scram::process_secret()
    }
}

/// What a connection turned out to be.
#[derive(Debug)]
pub enum Accepted {
    /// A client that has logged in.
    Session(Box<Client>),
    /// A request to cancel what another connection runs; it gets no answer.
    Cancel {
        /// The session's number.
        pid: i32,
        /// The secret that proves the right to it.
        secret: Vec<u8>,
    },
    /// The client left before it had logged in, as psql does to ask for a password.
    Closed,
}

/// A client that has logged in and now waits for settings, cancel key and ReadyForQuery.
#[derive(Debug)]
pub struct Client {
    /// What it says.
    pub reader: Reader,
    /// What it is told.
    pub writer: Writer,
    /// Who it is, proven.
    pub user: String,
    /// The database it asked for.
    pub database: String,
    /// The other parameters of its startup packet.
    pub parameters: Vec<(String, String)>,
    /// The settings from `options` in its startup packet.
    pub settings: Vec<(String, String)>,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// How long its cancel key may be: 4 bytes in protocol 3.0, 32 from 3.2 on.
    pub key_length: usize,
}

/// Takes a connection as far as a proven user.
///
/// A client that is refused has been told why when this returns.
pub async fn accept(
    stream: TcpStream,
    tls: Option<&TlsAcceptor>,
    tls_required: bool,
    users: &impl Verifiers,
) -> Result<Accepted, WireError> {
    stream.set_nodelay(true)?;
    let login = log_in(Stream::Tcp(stream), tls, tls_required, users);
    match tokio::time::timeout(DEADLINE, login).await {
        Ok(Err(WireError::Closed)) => Ok(Accepted::Closed),
        Ok(result) => result,
        Err(_) => Err(WireError::Deadline(DEADLINE.as_secs())),
    }
}

async fn log_in(
    mut stream: Stream,
    tls: Option<&TlsAcceptor>,
    tls_required: bool,
    users: &impl Verifiers,
) -> Result<Accepted, WireError> {
    // Encryption of either kind may be asked for once, then comes one of the other packets.
    for _ in 0..3 {
        match read_packet(&mut stream).await {
            Ok(Packet::Gss) => stream.write_all(b"N").await?,
            Ok(Packet::Tls) => stream = encrypt(stream, tls).await?,
            Ok(Packet::Cancel { pid, secret }) => return Ok(Accepted::Cancel { pid, secret }),
            Ok(Packet::Startup(startup)) => {
                let (mut client, greeting) = client(stream, startup);
                let certificate = tls.map(|tls| tls.certificate.as_ref());
                let result = if tls_required && !client.secure {
                    Err(refused("28000", "this server takes encrypted connections only"))
                } else {
                    authenticate(&mut client, greeting, users, certificate).await
                };
                return match result {
                    Ok(()) => Ok(Accepted::Session(Box::new(client))),
                    Err(error) => Err(tell(&mut client.writer, error).await),
                };
            }
            Err(error) => return Err(tell(&mut stream.into_frames(0).1, error).await),
        }
    }
    let error = WireError::protocol("encryption was asked for more than once");
    Err(tell(&mut stream.into_frames(0).1, error).await)
}

/// Reads one packet without a tag, and not a byte more.
async fn read_packet(stream: &mut Stream) -> Result<Packet, WireError> {
    let length = stream.read_i32().await.map_err(end_is_closed)?;
    let mut body = vec![0; startup::body_length(length)?];
    stream.read_exact(&mut body).await.map_err(end_is_closed)?;
    startup::decode(&body)
}

/// Answers a request for TLS.
async fn encrypt(stream: Stream, tls: Option<&TlsAcceptor>) -> Result<Stream, WireError> {
    match (stream, tls) {
        (Stream::Tcp(mut stream), Some(tls)) => {
            // The client must wait for the answer, so whatever is here already is not its.
            let early = stream.peek(&mut [0]).now_or_never();
            if matches!(early, Some(Ok(1..))) {
                let error = WireError::protocol("received unencrypted data after SSL request");
                return Err(tell(&mut Stream::Tcp(stream).into_frames(0).1, error).await);
            }
            stream.write_all(b"S").await?;
            let stream = tls.accept(stream).await?;
            Ok(Stream::Tls(Box::new(stream.into())))
        }
        (Stream::Tls(stream), _) => {
            let error = WireError::protocol("the connection is encrypted already");
            Err(tell(&mut Stream::Tls(stream).into_frames(0).1, error).await)
        }
        (mut stream, _) => {
            stream.write_all(b"N").await?;
            Ok(stream)
        }
    }
}

/// The client as it says it is, and what it must be told about the protocol first.
fn client(stream: Stream, startup: Startup) -> (Client, Option<Frame>) {
    let secure = stream.is_tls();
    let (reader, writer) = stream.into_frames(LIMIT_BEFORE_LOGIN);
    let greeting =
        startup.negotiate.then(|| to_client::negotiate_version(startup.minor, &startup.unknown));
    let client = Client {
        reader,
        writer,
        user: startup.user,
        database: startup.database,
        parameters: startup.parameters,
        settings: startup.settings,
        secure,
        key_length: if startup.minor >= 2 { 32 } else { 4 },
    };
    (client, greeting)
}

/// Asks for the password, by SCRAM.
async fn authenticate(
    client: &mut Client,
    greeting: Option<Frame>,
    users: &impl Verifiers,
    certificate: Option<&[u8]>,
) -> Result<(), WireError> {
    let stored = users.verifier(&client.user).await?;
    let certificate = certificate.filter(|_| client.secure);
    let login = Login::new(&client.user, stored.as_deref(), &users.decoy_secret()?, certificate)?;

    if let Some(greeting) = greeting {
        client.writer.push(&greeting);
    }
    let reply = ask(client, &Authentication::SASL(login.mechanisms())).await?;
    let (mechanism, message) = from_client::sasl_initial(&reply)?;
    let (answer, challenge) = login.begin(&mechanism, &message)?;
    let reply = ask(client, &Authentication::SASLContinue(answer.into())).await?;
    let Some(answer) = challenge.finish(&reply.body) else {
        // The same words whether the user, the verifier or the password is missing.
        let message = format!("password authentication failed for user \"{}\"", client.user);
        return Err(refused("28P01", message));
    };
    client.writer.push(&to_client::authentication(&Authentication::SASLFinal(answer.into())));
    client.writer.push(&to_client::authentication(&Authentication::Ok));
    client.writer.flush().await?;
    client.reader.set_limit(LIMIT_FROM_CLIENT);
    Ok(())
}

/// Sends a step of the login and waits for the reply to it.
async fn ask(client: &mut Client, step: &Authentication) -> Result<Frame, WireError> {
    client.writer.push(&to_client::authentication(step));
    client.writer.flush().await?;
    match client.reader.next().await? {
        Some(frame) if frame.tag == b'p' => Ok(frame),
        Some(frame) if frame.tag == b'X' => Err(WireError::Closed),
        Some(_) => Err(WireError::protocol("expected a password response")),
        None => Err(WireError::Closed),
    }
}

/// Tells the client why it is refused; gives the error back for the log.
async fn tell(writer: &mut Writer, error: WireError) -> WireError {
    let message = match &error {
        WireError::Io(_) | WireError::Closed => return error,
        WireError::Refused { message, .. } => message.clone(),
        WireError::Malformed { detail, .. } => (*detail).to_owned(),
        WireError::TooLong { .. } => "message too long before login".to_owned(),
        // What else can happen concerns the operator.
        _ => "login is not possible at the moment".to_owned(),
    };
    writer.push(&Report::new("FATAL", error.sqlstate(), message).into_error());
    // The login has failed whether the client hears of it or not.
    let _ = writer.close().await;
    error
}

fn refused(sqlstate: &'static str, message: impl Into<String>) -> WireError {
    WireError::Refused { sqlstate, message: message.into() }
}

fn end_is_closed(error: std::io::Error) -> WireError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => WireError::Closed,
        _ => WireError::Io(error),
    }
}

#[cfg(test)]
mod tests;
