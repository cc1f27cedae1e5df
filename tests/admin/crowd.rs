//! Clients that take what they can get, and those beside them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use crate::common::run;
use crate::place::Place;

/// What `/healthz` says to somebody at an address of this machine; nothing if it is silent.
fn health(place: &Place, from: [u8; 4]) -> Option<String> {
    let asks = async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((from, 0))).unwrap();
        let stream = socket.connect(place.address).await.ok()?;
        let mut stream = stream.into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let head = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", place.address);
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer).ok().filter(|read| *read > 0)?;
        Some(String::from_utf8_lossy(&answer[..read]).into_owned())
    };
    run(asks)
}

/// Asks for as much as the server takes, and reads nothing of it.
fn greedy(place: &Place) -> TcpStream {
    let mut stream = TcpStream::connect(place.address).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let head = format!("GET /api/v1/openapi.json HTTP/1.1\r\nHost: {}\r\n\r\n", place.address);
    let heads = head.repeat(200);
    for _ in 0..10 {
        if stream.write_all(heads.as_bytes()).is_err() {
            break;
        }
    }
    stream
}

/// Whether the other end has closed a connection, with whatever was unread in it.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut part = vec![0; 1 << 20];
    loop {
        match stream.read(&mut part) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

#[test]
fn who_never_reads_keeps_nobody_out() {
    let place = Place::new();
    let mut crowd: Vec<TcpStream> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..130).map(|_| scope.spawn(|| greedy(&place))).collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let answer = health(&place, [127, 0, 0, 2]).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(health(&place, [127, 0, 0, 1]), None, "this one has had its share");

    // Nobody waits for ever for those that do not read.
    let began = Instant::now();
    while health(&place, [127, 0, 0, 1]).is_none() {
        assert!(began.elapsed() < Duration::from_secs(50), "their places are not free");
        std::thread::sleep(Duration::from_millis(500));
    }
    // The first of them is gone; the others began a little later. Looking reads, so it comes last.
    std::thread::sleep(Duration::from_secs(10));
    assert!(crowd.iter_mut().all(is_closed));
}
