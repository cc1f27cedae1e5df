#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Stdio;

use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::*;
use crate::wire::message::from_shadow;
use crate::wire::testing::Certificate;

struct Users(HashMap<String, String>);

impl Users {
    fn new() -> Self {
        Self(HashMap::from([("ann".into(), scram::verifier("right").unwrap())]))
    }
}

impl Verifiers for Users {
    async fn verifier(&self, user: &str) -> Result<Option<String>, WireError> {
        Ok(self.0.get(user).cloned())
    }
}

/// Accepts one connection, and answers a session's first query with the name of its user.
async fn serve_once(
    tls: Option<TlsAcceptor>,
    tls_required: bool,
) -> (SocketAddr, JoinHandle<Result<Accepted, WireError>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut accepted = accept(stream, tls.as_ref(), tls_required, &Users::new()).await?;
        if let Accepted::Session(client) = &mut accepted {
            client.writer.push(&to_client::parameter_status("server_version", "15.0"));
            client.writer.push(&to_client::backend_key_data(7, &[1, 2, 3, 4]));
            client.writer.push(&to_client::ready_for_query(b'I'));
            client.writer.flush().await?;
            answer(client).await?;
        }
        Ok(accepted)
    });
    (address, task)
}

async fn answer(client: &mut Client) -> Result<(), WireError> {
    let field = crate::wire::message::Field {
        name: "user".into(),
        table_oid: 0,
        column: 0,
        type_oid: 25,
        type_size: -1,
        typmod: -1,
        format: 0,
    };
    while let Some(frame) = client.reader.next().await? {
        if frame.tag == b'Q' {
            let value = Some(client.user.clone().into());
            client.writer.push(&to_client::row_description(std::slice::from_ref(&field))?);
            client.writer.push(&to_client::data_row(&[value])?);
            client.writer.push(&to_client::command_complete("SELECT 1"));
            client.writer.push(&to_client::ready_for_query(b'I'));
            client.writer.flush().await?;
        }
    }
    Ok(())
}

/// What a driver is told when it logs in.
async fn driver(
    user: &str,
    password: &str,
    tls_required: bool,
) -> Result<String, (String, String)> {
    let (address, _task) = serve_once(None, tls_required).await;
    let config = format!("host=127.0.0.1 port={} user={user} password={password}", address.port());
    let connected = tokio_postgres::connect(&config, tokio_postgres::NoTls).await;
    let (client, connection) = connected.map_err(|error| {
        let error = error.as_db_error().unwrap();
        (error.code().code().to_owned(), error.message().to_owned())
    })?;
    tokio::spawn(connection);
    let rows = client.simple_query("select current_user").await.unwrap();
    let row = rows.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    Ok(row.unwrap().get(0).unwrap().to_owned())
}

#[tokio::test]
async fn a_driver_logs_in_with_the_right_password_only() {
    let wrong = |user: &str| {
        let message = format!("password authentication failed for user \"{user}\"");
        Err(("28P01".to_owned(), message))
    };
    assert_eq!(driver("ann", "right", false).await, Ok("ann".to_owned()));
    assert_eq!(driver("ann", "wrong", false).await, wrong("ann"));
    // A user who does not exist hears the same words.
    assert_eq!(driver("bob", "right", false).await, wrong("bob"));
    assert_eq!(driver("Ann", "right", false).await, wrong("Ann"));
    let refused = driver("ann", "right", true).await.unwrap_err();
    assert_eq!(refused.0, "28000");
}

async fn psql(port: u16, options: &str) -> (bool, String) {
    let output = Command::new("psql")
        .args(["-XAtc", "select current_user"])
        .arg(format!("host=localhost port={port} user=ann password=right {options}"))
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap().trim().to_owned())
}

#[tokio::test]
async fn psql_logs_in_over_tls_with_channel_binding() {
    let folder = tempfile::tempdir().unwrap();
    let files = Certificate::make(folder.path());
    let tls = TlsAcceptor::from_files(&files.certificate, &files.key).unwrap();
    let verify = format!("sslmode=verify-full sslrootcert={}", files.certificate.display());
    for options in [
        "sslmode=require channel_binding=require",
        "sslmode=require channel_binding=disable",
        &verify,
    ] {
        let (address, task) = serve_once(Some(tls.clone()), true).await;
        assert_eq!(psql(address.port(), options).await, (true, "ann".to_owned()), "{options}");
        let Accepted::Session(client) = task.await.unwrap().unwrap() else { unreachable!() };
        assert!(client.secure);
    }
    // Without encryption no channel is offered to bind to, and psql gets in all the same.
    let (address, _) = serve_once(Some(tls.clone()), false).await;
    assert_eq!(psql(address.port(), "sslmode=disable").await, (true, "ann".to_owned()));
    let (address, _) = serve_once(Some(tls), true).await;
    let (success, text) = psql(address.port(), "sslmode=disable").await;
    assert!(!success && text.contains("encrypted connections only"), "{text}");
}

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

fn startup(code: u32, pairs: &str) -> Vec<u8> {
    let mut packet = u32::try_from(pairs.len() + 9).unwrap().to_be_bytes().to_vec();
    packet.extend_from_slice(&code.to_be_bytes());
    packet.extend_from_slice(pairs.as_bytes());
    packet.push(0);
    packet
}

/// Sends bytes, and gives everything that comes back until the server closes.
async fn raw(tls: Option<TlsAcceptor>, bytes: &[u8]) -> (Vec<u8>, Result<Accepted, WireError>) {
    let (address, task) = serve_once(tls, false).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // A server that closes with input unread resets the connection; the answer came before.
    let _ = stream.read_to_end(&mut answer).await;
    (answer, task.await.unwrap())
}

fn sqlstate(answer: &[u8]) -> String {
    assert_eq!(answer.first(), Some(&b'E'), "{answer:?}");
    let body = bytes::Bytes::copy_from_slice(answer).split_off(5);
    let fields = from_shadow::error_fields(&body).unwrap();
    assert_eq!(from_shadow::error_field(&fields, b'V'), Some("FATAL"));
    from_shadow::error_field(&fields, b'C').unwrap().to_owned()
}

#[tokio::test]
async fn clear_bytes_after_the_request_for_tls_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let files = Certificate::make(folder.path());
    let tls = TlsAcceptor::from_files(&files.certificate, &files.key).unwrap();
    let injected = [&SSL_REQUEST[..], &startup(3 << 16, "user\0ann\0")].concat();
    let (answer, result) = raw(Some(tls.clone()), &injected).await;
    // It is seen before the answer, or else fails as a handshake; it is never a startup packet.
    match answer.first() {
        Some(b'S') => assert!(matches!(result, Err(WireError::Io(_)))),
        _ => assert_eq!(sqlstate(&answer), "08P01"),
    }

    // The same, but surely late: once the server has agreed to TLS.
    let (address, task) = serve_once(Some(tls), false).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&SSL_REQUEST).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'S');
    stream.write_all(&startup(3 << 16, "user\0ann\0")).await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_ne!(rest.first(), Some(&b'R'));
    assert!(matches!(task.await.unwrap(), Err(WireError::Io(_))));
}

#[tokio::test]
async fn what_is_no_login_is_turned_away() {
    let (answer, _) = raw(None, &startup(3 << 16, "user\0ann\0replication\0true\0")).await;
    assert_eq!(sqlstate(&answer), "0A000");
    let (answer, _) = raw(None, &startup(2 << 16, "user\0ann\0")).await;
    assert_eq!(sqlstate(&answer), "0A000");
    // The lengths that a client of HTTP or TLS happens to send.
    let (answer, _) = raw(None, b"GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(sqlstate(&answer), "54000");
    let (answer, _) = raw(None, &SSL_REQUEST.repeat(4)).await;
    assert!(answer.starts_with(b"NNNE"), "{answer:?}");

    let (_, result) = raw(None, b"").await;
    assert!(matches!(result, Ok(Accepted::Closed)));
    let (_, result) = raw(None, &startup(3 << 16, "user\0ann\0")).await;
    assert!(matches!(result, Ok(Accepted::Closed)), "as psql does to ask for a password");
    let cancel = [&[0, 0, 0, 16, 4, 210, 22, 46][..], &[0, 0, 0, 7, 1, 2, 3, 4]].concat();
    let (answer, result) = raw(None, &cancel).await;
    assert!(answer.is_empty());
    assert!(matches!(result, Ok(Accepted::Cancel { pid: 7, secret }) if secret == [1, 2, 3, 4]));
}

#[tokio::test]
async fn before_the_login_only_a_short_password_message_is_read() {
    let start = startup(3 << 16, "user\0ann\0");
    let after_challenge = |answer: &[u8]| {
        let length = usize::from(*answer.get(4).unwrap()) + 1;
        sqlstate(answer.get(length..).unwrap())
    };
    let query = [start.as_slice(), b"Q\0\0\0\x0dselect 1\0"].concat();
    assert_eq!(after_challenge(&raw(None, &query).await.0), "08P01");
    let long = [start.as_slice(), b"p\x40\0\0\0"].concat();
    assert_eq!(after_challenge(&raw(None, &long).await.0), "54000");
}

#[tokio::test]
async fn newer_protocols_are_negotiated_down() {
    let (answer, _) = raw(None, &startup((3 << 16) | 0x270f, "user\0ann\0_pq_.x\x001\0")).await;
    let expected = b"v\0\0\0\x13\0\x03\0\x02\0\0\0\x01_pq_.x\0R";
    assert!(answer.starts_with(expected), "{answer:?}");
    let (answer, _) = raw(None, &startup((3 << 16) | 2, "user\0ann\0")).await;
    assert!(answer.starts_with(b"R"), "{answer:?}");
}
