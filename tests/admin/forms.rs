//! Forms of requests and answers: what is not a request is a problem, and never a fault.

use noisegate::admin::shown::Role;
use serde_json::json;

use crate::client::raw;
use crate::place::Place;

#[test]
fn everything_that_is_wrong_is_a_problem() {
    let place = Place::new();
    let client = place.token(Role::Admin);
    let freeze = "/api/v1/accounts/shop/freeze";
    let long = format!("{{\"why\":\"{}\"}}", "x".repeat(70_000));
    for (method, path, kind, body, status, problem) in [
        ("GET", "/api/v1/nothing", "", None, 404, "not_found"),
        ("GET", "/api", "", None, 404, "not_found"),
        ("POST", "/api/v2/accounts", "", Some("{}"), 404, "not_found"),
        ("GET", "/nothing", "", None, 404, "not_found"),
        ("GET", "/../../etc/passwd", "", None, 404, "not_found"),
        ("GET", "/api/v1/accounts/%ff", "", None, 404, "not_found"),
        ("GET", "/api/v1/accounts/a%00b", "", None, 404, "not_found"),
        ("PATCH", "/api/v1/accounts/shop", "", Some("{}"), 405, "method_not_allowed"),
        ("POST", "/", "", Some("{}"), 405, "method_not_allowed"),
        ("DELETE", "/healthz", "", Some(""), 405, "method_not_allowed"),
        ("POST", freeze, "text/plain", Some("{\"why\":\"w\"}"), 415, "unsupported_media"),
        (
            "POST",
            freeze,
            "application/x-www-form-urlencoded",
            Some("why=w"),
            415,
            "unsupported_media",
        ),
        ("POST", freeze, "", Some("{"), 400, "malformed"),
        ("POST", freeze, "", Some("{\"why\":\"w\"} {}"), 400, "malformed"),
        ("POST", freeze, "", Some("{\"why\":\"\\ud800\"}"), 400, "malformed"),
        ("POST", freeze, "", Some(&long), 413, "too_large"),
        ("GET", "/api/v1/accounts?per=x", "", None, 422, "invalid"),
        ("GET", "/api/v1/audit?q=%00", "", None, 422, "invalid"),
    ] {
        let client =
            if kind.is_empty() { client.clone() } else { client.with("Content-Type", kind) };
        let answer = client.at(method, path, body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.problem(), problem, "{method} {path}");
        if status == 405 {
            assert!(!answer.header("allow").is_empty(), "{method} {path}");
        }
    }
    assert_eq!(client.get("/accounts/shop").json()["version"], 0);
}

#[test]
fn a_name_of_another_machine_is_not_answered() {
    let place = Place::new();
    let port = place.address.port();
    let ask = |host: &str| {
        raw(
            place.address,
            format!("GET /healthz HTTP/1.1\r\n{host}Connection: close\r\n\r\n").as_bytes(),
        )
    };
    for host in ["localhost", "127.0.0.1", "[::1]", &format!("localhost:{port}"), "LocalHost"] {
        assert!(ask(&format!("Host: {host}\r\n")).starts_with("HTTP/1.1 200"), "{host}");
    }
    for host in
        ["evil.example", "127.0.0.1.evil.example", &format!("evil.example:{port}"), "10.0.0.1"]
    {
        let answer = ask(&format!("Host: {host}\r\n"));
        assert!(
            answer.starts_with("HTTP/1.1 403") && answer.contains("problem:forbidden"),
            "{answer}"
        );
    }
    for wrong in
        ["", "Host: a b\r\n", "Host: localhost\r\nHost: evil.example\r\n", "Host: u@localhost\r\n"]
    {
        let answer = ask(wrong);
        assert!(answer.starts_with("HTTP/1.1 400"), "{wrong}: {answer}");
    }
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let place = Place::new();
    let carol = place.browser("carol");
    let why = json!({"why": "w"});
    for origin in ["http://evil.example", "null", "https://127.0.0.1"] {
        let answer = carol.with("Origin", origin).post("/accounts/shop/freeze", &why).expect(403);
        assert_eq!(answer.problem(), "forbidden");
        let login = json!({"user": "carol", "password": "carol"});
        place.nobody().with("Origin", origin).post("/session", &login).expect(403);
    }
    assert_eq!(carol.get("/accounts/shop").json()["version"], 0);
    let own = format!("http://{}", place.address);
    carol.with("Origin", &own).post("/accounts/shop/freeze", &why).expect(200);
}

#[test]
fn health_and_the_page_need_no_login_and_everything_has_its_headers() {
    let place = Place::new();
    let nobody = place.nobody();
    assert_eq!(nobody.at("GET", "/healthz", None).expect(200).text, "ok");
    // The databases of this place are nowhere.
    assert_eq!(nobody.at("GET", "/readyz", None).expect(503).json()["ledger"], "ok");
    let index = nobody.at("GET", "/", None).expect(200);
    assert_eq!(index.header("content-type"), "text/html; charset=utf-8");
    let policy = index.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"));
    for name in ["x-content-type-options", "referrer-policy", "x-frame-options"] {
        assert!(!index.header(name).is_empty(), "{name}");
    }
    let script = nobody.at("GET", "/app.js", None).expect(200);
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    let tag = script.header("etag");
    let same = nobody.with("If-None-Match", tag).at("GET", "/app.js", None).expect(304);
    assert!(same.text.is_empty());
    nobody.with("If-None-Match", "\"x\"").at("GET", "/app.js", None).expect(200);
    assert_eq!(nobody.at("HEAD", "/", None).expect(200).text, "");
}

#[test]
fn what_is_no_http_is_answered_or_closed_and_others_are_served() {
    let place = Place::new();
    let huge = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "a".repeat(100_000));
    for bytes in
        [b"\x16\x03\x01\x02\x00".as_slice(), b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n", huge.as_bytes()]
    {
        let answer = raw(place.address, bytes);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    place.nobody().at("GET", "/healthz", None).expect(200);
}
