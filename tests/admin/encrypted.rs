//! The administrators' address with a certificate.

use std::process::Command;
use std::time::Duration;

use noisegate::wire::tls::{TlsAcceptor, connector};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::raw;
use crate::common::run;
use crate::place::Place;

#[test]
fn with_a_certificate_nothing_is_answered_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-out"])
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let place = Place::encrypted(TlsAcceptor::from_files(&certificate, &key).unwrap());
    let clear = raw(place.address, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(!clear.contains("HTTP/1.1"), "{clear}");

    let trusts = connector(&certificate).unwrap();
    let login = json!({"user": "carol", "password": "carol"}).to_string();
    let answer = run(async {
        let stream = TcpStream::connect(place.address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut stream = trusts.connect(name, stream).await.unwrap();
        let request = format!(
            "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nOrigin: https://localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{login}",
            login.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let _closed = tokio::time::timeout(Duration::from_secs(20), read).await;
        String::from_utf8(answer).unwrap()
    });
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let cookie = answer.lines().find(|line| line.starts_with("set-cookie")).unwrap();
    assert!(cookie.contains("; Secure"), "{cookie}");
    assert!(answer.contains("strict-transport-security"), "{answer}");
}
