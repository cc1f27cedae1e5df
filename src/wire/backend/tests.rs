#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::wire::testing::{Cluster, login};

/// Everything up to ReadyForQuery.
async fn answers(backend: &mut Backend) -> Vec<Frame> {
    let mut frames = Vec::new();
    loop {
        let frame = backend.expect().await;
        match frame {
            Ok(frame) if frame.tag == b'Z' => return frames,
            Ok(frame) => frames.push(frame),
            Err(WireError::Server { sqlstate, .. }) => {
                frames.push(Frame::new(b'E', sqlstate.into_bytes()));
            }
            Err(error) => unreachable!("{error}"),
        }
    }
}

async fn ask(backend: &mut Backend, sql: &str) -> Vec<Frame> {
    backend.writer.push(&to_shadow::query(sql).unwrap());
    backend.writer.flush().await.unwrap();
    answers(backend).await
}

async fn first_value(backend: &mut Backend, sql: &str) -> Bytes {
    let frames = ask(backend, sql).await;
    let row = frames.iter().find(|frame| frame.tag == b'D').unwrap();
    from_shadow::data_row(&row.body).unwrap().remove(0).unwrap()
}

async fn sqlstate_of(target: &Target, user: &str, password: Option<&str>) -> String {
    connect(target, &login(user, password), &[]).await.unwrap_err().sqlstate().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_server_takes_each_login() {
    let cluster = Cluster::start();
    let (socket, clear, tls) = (cluster.socket(), cluster.tcp(false), cluster.tcp(true));

    let name = [("application_name".to_owned(), "gate".to_owned())];
    let mut backend = connect(&socket, &login("postgres", None), &name).await.unwrap();
    let expected = ("application_name".to_owned(), "gate".to_owned());
    assert!(backend.parameters.contains(&expected), "{:?}", backend.parameters);
    assert_eq!(first_value(&mut backend, "select current_user").await, "postgres");

    for target in [&socket, &clear, &tls] {
        for user in ["scrammy", "hashed"] {
            let mut backend = connect(target, &login(user, Some("right")), &[]).await.unwrap();
            assert_eq!(first_value(&mut backend, "select current_user").await, user);
            assert_eq!(sqlstate_of(target, user, Some("wrong")).await, "28P01");
            // Not asked at all: the server never saw a password.
            assert_eq!(sqlstate_of(target, user, None).await, "08001");
        }
    }
    let mut backend = connect(&tls, &login("clear", Some("right")), &[]).await.unwrap();
    let encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    assert_eq!(first_value(&mut backend, encrypted).await, "t");
    let refused = connect(&clear, &login("clear", Some("right")), &[]).await.unwrap_err();
    assert!(matches!(refused, WireError::Authentication(_)), "{refused}");

    let pipeline = extended(&mut backend).await;
    assert_eq!(pipeline, b"12tTDsDC");

    assert_eq!(two_long_names(&mut backend).await, "1E42P05");
    cancels(&cluster).await;
}

/// Prepares two statements whose names differ in the 64th byte only.
async fn two_long_names(backend: &mut Backend) -> String {
    use crate::wire::message::from_client::Parse;

    for last in ["a", "b"] {
        let name = "n".repeat(63) + last;
        let parse = Parse { name, query: "select 1".into(), type_oids: vec![] };
        backend.writer.push(&to_shadow::parse(&parse).unwrap());
    }
    backend.writer.push(&to_shadow::sync());
    backend.writer.flush().await.unwrap();
    let frames = answers(backend).await;
    let texts = frames
        .iter()
        .map(|frame| char::from(frame.tag).to_string() + std::str::from_utf8(&frame.body).unwrap());
    texts.collect()
}

/// A pipeline of the extended protocol, as the relay sends it; gives the tags of the answers.
async fn extended(backend: &mut Backend) -> Vec<u8> {
    use crate::wire::message::from_client::{Bind, Kind, Parse};

    let parse = Parse {
        name: "s".into(),
        query: "select n, $1 from unnest($2::bigint[]) n".into(),
        type_oids: vec![25],
    };
    let bind = Bind {
        portal: "p".into(),
        statement: "s".into(),
        parameter_formats: vec![],
        parameters: vec![None, Some(Bytes::from_static(b"{7,8}"))],
        result_formats: vec![0],
    };
    for frame in [
        to_shadow::parse(&parse).unwrap(),
        to_shadow::bind(&bind).unwrap(),
        to_shadow::describe(Kind::Statement, "s").unwrap(),
        to_shadow::execute("p", 1).unwrap(),
        to_shadow::execute("p", 0).unwrap(),
        to_shadow::sync(),
    ] {
        backend.writer.push(&frame);
    }
    backend.writer.flush().await.unwrap();
    let frames = answers(backend).await;

    let of = |tag| frames.iter().find(|frame| frame.tag == tag).unwrap().body.clone();
    assert_eq!(from_shadow::parameter_description(&of(b't')).unwrap(), [25, 1016]);
    let columns = from_shadow::row_description(&of(b'T')).unwrap();
    let columns: Vec<_> = columns.iter().map(|c| (c.name.as_str(), c.type_oid)).collect();
    assert_eq!(columns, [("n", 20), ("?column?", 25)]);
    let row = from_shadow::data_row(&of(b'D')).unwrap();
    assert_eq!(row, [Some(Bytes::from_static(b"7")), None]);
    assert_eq!(from_shadow::command_complete(&of(b'C')).unwrap(), "SELECT 1");
    frames.iter().map(|frame| frame.tag).collect()
}

async fn cancels(cluster: &Cluster) {
    for target in [cluster.socket(), cluster.tcp(true)] {
        let login = login("scrammy", Some("right"));
        let mut backend = connect(&target, &login, &[]).await.unwrap();
        let (pid, secret) = (backend.pid, backend.secret.clone());
        let sleeping = tokio::spawn(async move { ask(&mut backend, "select pg_sleep(60)").await });
        let query = format!(
            "select count(*) from pg_stat_activity where pid = {pid} and query like '%sleep%'"
        );
        while cluster.sql(&query) != "1" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cancel(&target, pid, &secret).await.unwrap();
        let frames = sleeping.await.unwrap();
        assert_eq!(frames.last(), Some(&Frame::new(b'E', "57014")));
    }
}
