//! Frames that no driver sends, or not in this order.

use bytes::{BufMut, Bytes, BytesMut};
use noisegate::wire::message::from_client::{Bind, Kind, Parse};
use noisegate::wire::message::{from_shadow, to_shadow};
use noisegate::wire::{Backend, Credentials, Frame, HostKind, Target, backend};

use crate::{SHOP, run};

/// A connection by frames.
struct Raw(Backend);

const COUNT: &str = "select count(*) from orders";

impl Raw {
    async fn connect(user: &str) -> Self {
        let host = HostKind::Tcp("127.0.0.1".into());
        let target = Target { host, port: SHOP.address.port(), tls: None };
        let login =
            Credentials { user: user.into(), password: Some(user.into()), database: "shop".into() };
        Self(backend::connect(&target, &login, &[]).await.expect("a connection"))
    }

    fn parse(&mut self, name: &str, query: &str) -> &mut Self {
        let parse = Parse { name: name.into(), query: query.into(), type_oids: Vec::new() };
        self.send(&to_shadow::parse(&parse).expect("a frame"))
    }

    fn bind(&mut self, portal: &str, statement: &str) -> &mut Self {
        self.bind_formats(portal, statement, &[])
    }

    fn bind_formats(&mut self, portal: &str, statement: &str, formats: &[i16]) -> &mut Self {
        let bind = Bind {
            portal: portal.into(),
            statement: statement.into(),
            parameter_formats: Vec::new(),
            parameters: Vec::new(),
            result_formats: formats.to_vec(),
        };
        self.send(&to_shadow::bind(&bind).expect("a frame"))
    }

    fn execute(&mut self, portal: &str, rows: i32) -> &mut Self {
        self.send(&to_shadow::execute(portal, rows).expect("a frame"))
    }

    fn describe(&mut self, kind: Kind, name: &str) -> &mut Self {
        self.send(&to_shadow::describe(kind, name).expect("a frame"))
    }

    fn close(&mut self, kind: Kind, name: &str) -> &mut Self {
        self.send(&to_shadow::close(kind, name).expect("a frame"))
    }

    fn query(&mut self, text: &str) -> &mut Self {
        self.send(&to_shadow::query(text).expect("a frame"))
    }

    fn send(&mut self, frame: &Frame) -> &mut Self {
        self.0.writer.push(frame);
        self
    }

    /// Sends Sync and hears all up to ReadyForQuery.
    async fn sync(&mut self) -> Heard {
        self.send(&to_shadow::sync());
        self.hear().await
    }

    /// Hears all up to ReadyForQuery.
    async fn hear(&mut self) -> Heard {
        self.hear_until(b'Z').await
    }

    async fn hear_until(&mut self, tag: u8) -> Heard {
        let mut heard = Heard(Vec::new());
        self.0.writer.flush().await.expect("sent");
        loop {
            let next =
                tokio::time::timeout(std::time::Duration::from_secs(30), self.0.reader.next());
            let frame = next.await.expect("in time").expect("a frame");
            let frame = frame.unwrap_or_else(|| panic!("closed after {}", heard.tags()));
            let last = frame.tag == tag;
            if !matches!(frame.tag, b'N' | b'S') {
                heard.0.push(frame);
            }
            if last {
                return heard;
            }
        }
    }

    /// The answer to [`COUNT`], which all of these tests share.
    async fn count(&mut self) -> Vec<u8> {
        self.query(COUNT).hear().await.cell(0)
    }

    async fn charges(&mut self) -> Vec<u8> {
        self.query("select count(*) from noisegate.my_queries").hear().await.cell(0)
    }
}

/// What came back.
struct Heard(Vec<Frame>);

impl Heard {
    fn tags(&self) -> String {
        self.0.iter().map(|frame| char::from(frame.tag)).collect()
    }

    /// The first cell of the nth row.
    fn cell(&self, row: usize) -> Vec<u8> {
        let mut rows = self.0.iter().filter(|frame| frame.tag == b'D');
        let frame = rows.nth(row).unwrap_or_else(|| panic!("no row in {}", self.tags()));
        let cells = from_shadow::data_row(&frame.body).expect("a row");
        cells[0].clone().expect("not NULL").to_vec()
    }

    /// The SQLSTATE of the error.
    fn error(&self) -> String {
        let frame = self.0.iter().find(|frame| frame.tag == b'E');
        let frame = frame.unwrap_or_else(|| panic!("no error in {}", self.tags()));
        let fields = from_shadow::error_fields(&frame.body).expect("fields");
        from_shadow::error_field(&fields, b'C').expect("a code").to_owned()
    }

    fn status(&self) -> u8 {
        self.0.last().expect("a frame").body[0]
    }
}

#[test]
fn one_execute_one_draw() {
    run(async {
        let mut raw = Raw::connect("draw").await;
        let count = raw.count().await;
        let charged = raw.charges().await;
        let sql = "select o_orderstatus, count(*) from orders where o_totalprice > 17 \
            group by 1 order by 1";
        let heard = raw.parse("", sql).bind("", "").describe(Kind::Portal, "").sync().await;
        assert_eq!(heard.tags(), "12TZ");
        let columns = from_shadow::row_description(&heard.0[2].body).expect("columns");
        let columns: Vec<(&str, u32)> =
            columns.iter().map(|c| (c.name.as_str(), c.type_oid)).collect();
        assert_eq!(columns, [("o_orderstatus", 1042), ("count", 20)]);
        let heard = raw.parse("d", sql).describe(Kind::Statement, "d").sync().await;
        assert_eq!(heard.tags(), "1tTZ");
        assert_eq!(raw.charges().await, charged, "a description costs nothing");

        // Three groups, one at a time; then the portal is at its end.
        raw.bind("p", "d").execute("p", 1).execute("p", 1).execute("p", 0).execute("p", 0);
        let heard = raw.sync().await;
        assert_eq!(heard.tags(), "2DsDsDCCZ");
        assert_eq!(heard.cell(0), b"F");
        assert_eq!(heard.cell(2), b"P");
        let paid: i64 =
            String::from_utf8(raw.charges().await).expect("text").parse().expect("a number");
        let before: i64 = String::from_utf8(charged).expect("text").parse().expect("a number");
        assert_eq!(paid, before + 1);

        for (rows, tags) in
            [(-1, "2DDDCZ"), (i32::MIN, "2DDDCZ"), (i32::MAX, "2DDDCZ"), (2, "2DDsZ")]
        {
            assert_eq!(raw.bind("", "d").execute("", rows).sync().await.tags(), tags, "{rows}");
        }
        // A portal ends with its transaction, and so nothing is asked for it.
        let heard = raw.bind("q", "d").sync().await;
        assert_eq!(heard.tags(), "2Z");
        assert_eq!(raw.execute("q", 0).sync().await.error(), "34000");
        raw.query("begin").hear().await;
        assert_eq!(raw.bind("q", "d").sync().await.status(), b'T');
        assert_eq!(raw.execute("q", 1).sync().await.tags(), "DsZ");
        assert_eq!(raw.execute("q", 1).sync().await.tags(), "DsZ");
        assert_eq!(raw.close(Kind::Portal, "q").sync().await.tags(), "3Z");
        assert_eq!(raw.execute("q", 1).sync().await.error(), "34000");
        assert_eq!(raw.query("rollback").hear().await.tags(), "CZ");
        assert_eq!(raw.count().await, count);
    });
}

#[test]
fn names_mean_what_postgresql_lets_them_mean() {
    run(async {
        let mut raw = Raw::connect("raw").await;
        let count = raw.count().await;
        // A name that is taken stays what it was: no empty answer, and no private one.
        assert_eq!(raw.parse("s", COUNT).sync().await.tags(), "1Z");
        assert_eq!(raw.parse("s", "select 42").sync().await.error(), "42P05");
        assert_eq!(raw.bind("", "s").execute("", 0).sync().await.cell(0), count);
        assert_eq!(raw.parse("t", "select 42").sync().await.tags(), "1Z");
        assert_eq!(raw.parse("t", COUNT).sync().await.error(), "42P05");
        assert_eq!(raw.bind("", "t").execute("", 0).sync().await.cell(0), b"42");
        // What was skipped was not done.
        assert_eq!(
            raw.parse("", "nonsense").close(Kind::Statement, "s").sync().await.error(),
            "42601"
        );
        assert_eq!(raw.bind("", "s").execute("", 0).sync().await.cell(0), count);
        // An old portal keeps its statement when the unnamed one is replaced.
        raw.parse("", COUNT).bind("old", "").parse("", "select 7").bind("new", "");
        let heard = raw.execute("new", 0).execute("old", 0).sync().await;
        assert_eq!((heard.cell(0), heard.cell(1)), (b"7".to_vec(), count.clone()));
        raw.parse("", "select 8").bind("old", "").parse("", COUNT).bind("new", "");
        let heard = raw.execute("new", 0).execute("old", 0).sync().await;
        assert_eq!((heard.cell(0), heard.cell(1)), (count.clone(), b"8".to_vec()));
        // A simple query ends the unnamed statement.
        raw.parse("", COUNT).sync().await;
        assert_eq!(raw.bind("", "").execute("", 0).sync().await.cell(0), count);
        raw.query("select 1").hear().await;
        assert_eq!(raw.bind("", "").execute("", 0).sync().await.error(), "26000");
        raw.close(Kind::Statement, "s");
        assert_eq!(
            raw.parse("s", "select 42").bind("", "s").execute("", 0).sync().await.cell(0),
            b"42"
        );
    });
}

#[test]
fn errors_skip_to_sync() {
    run(async {
        let mut raw = Raw::connect("skip").await;
        let count = raw.count().await;
        let charged = raw.charges().await;
        raw.parse("", "select 1").bind("", "").execute("", 0);
        raw.parse("", "select * from orders").bind("", "").execute("", 0);
        raw.parse("", "select count(*) from orders where o_totalprice > 123")
            .bind("", "")
            .execute("", 0);
        let heard = raw.sync().await;
        assert_eq!((heard.tags().as_str(), heard.error().as_str()), ("12DC12EZ", "42501"));
        assert_eq!(raw.charges().await, charged, "what was skipped was not asked");
        let heard = raw.query("select 1; select * from orders; select 2").hear().await;
        assert_eq!(heard.tags(), "TDCEZ");
        // Flush without Sync.
        raw.parse("", COUNT).bind("", "").execute("", 0).send(&to_shadow::flush());
        let heard = raw.hear_until(b'C').await;
        assert_eq!((heard.tags().as_str(), heard.cell(0)), ("12DC", count.clone()));
        assert_eq!(raw.sync().await.tags(), "Z");

        let heard = raw.send(&Frame::new(b'F', vec![0, 0, 4, 210, 0, 0, 0, 0, 0, 0])).hear().await;
        assert_eq!((heard.error().as_str(), heard.tags().as_str()), ("0A000", "EZ"));
        assert_eq!(raw.query("").hear().await.tags(), "IZ");
        assert_eq!(raw.query(";; -- orders\n;").hear().await.tags(), "IZ");
        assert_eq!(raw.parse("", "").bind("", "").execute("", 0).sync().await.tags(), "12IZ");
        // More formats than columns.
        raw.parse("", COUNT);
        assert_eq!(
            raw.bind_formats("", "", &[0, 1, 0]).execute("", 0).sync().await.error(),
            "08P01"
        );
        let mut bind = BytesMut::new();
        bind.put_slice(b"\0\0\0\x02\0\0\0\x01\0\0");
        let heard = raw.send(&Frame::new(b'B', bind.freeze())).sync().await;
        assert_eq!(heard.error(), "08P01");
        for (tag, body) in
            [(b'Q', b"select '\xff' from orders\0".as_slice()), (b'P', b"\0select '\xff'\0\0\0")]
        {
            raw.send(&Frame::new(tag, Bytes::copy_from_slice(body)));
            let heard = if tag == b'Q' { raw.hear().await } else { raw.sync().await };
            assert_eq!(heard.error(), "22021");
        }
        let heard =
            raw.query("copy (select r_regionkey from region order by 1) to stdout").hear().await;
        assert_eq!(heard.tags(), "HdddddcCZ");
        assert_eq!(raw.count().await, count, "the session is as good as new");
    });
}

#[test]
fn long_and_deep_texts_end_in_answers() {
    run(async {
        let mut raw = Raw::connect("deep").await;
        let count = raw.count().await;
        let charged = raw.charges().await;
        let list = format!("{COUNT} where o_shippriority in (0{})", ", 1".repeat(100_000));
        assert_eq!(raw.query(&list).hear().await.error(), "0A000", "not zero");
        assert_eq!(raw.parse("", &list).bind("", "").execute("", 0).sync().await.error(), "0A000");
        let long = format!("{COUNT} where o_clerk <> '{}'", "x".repeat(300_000));
        assert_eq!(raw.query(&long).hear().await.error(), "0A000");
        let public = format!("select length('{}')", "x".repeat(300_000));
        assert_eq!(raw.query(&public).hear().await.cell(0), b"300000");
        let deep = |open: &str, inner: &str, close: &str, n: usize| {
            format!("select sum({}{inner}{}) from orders", open.repeat(n), close.repeat(n))
        };
        let texts = [
            deep("(", "o_shippriority", ")", 100_000),
            deep("(", "o_shippriority", ")", 4_000),
            deep("", "o_shippriority", "+1", 100_000),
            deep("", "o_shippriority", "+1", 9_000),
            deep("", "o_shippriority", "+1", 3_000),
            deep("-", " o_shippriority", "", 5_000),
            deep("", "o_shippriority", "::int8::int4", 3_000),
            deep("case when true then ", "o_shippriority", " end", 1_500),
            format!("{COUNT} where {}true", "o_shippriority = 1 or ".repeat(4_000)),
            format!("{COUNT}{}", format!(" union all {COUNT}").repeat(2_000)),
            format!("{}{COUNT}{}", "select * from (".repeat(1_000), ") t".repeat(1_000)),
        ];
        for text in texts {
            let heard = raw.query(&text).hear().await;
            assert!(heard.tags().ends_with("CZ") || heard.tags() == "EZ", "{}", heard.tags());
        }
        assert_eq!(raw.count().await, count);
        let grown = raw.charges().await;
        assert!(grown.len() <= charged.len() + 1);
    });
}

#[test]
fn a_hundred_thousand_frames() {
    run(async {
        let mut raw = Raw::connect("raw").await;
        raw.parse("n", "select 1").sync().await;
        raw.parse("c", COUNT).sync().await;
        let count = raw.count().await;
        for _ in 0..25_000 {
            raw.bind("", "n").describe(Kind::Portal, "").execute("", 0).close(Kind::Portal, "");
        }
        raw.bind("", "c").execute("", 0);
        let heard = raw.sync().await;
        assert_eq!(heard.0.len(), 25_000 * 5 + 4);
        assert_eq!(heard.cell(25_000), count);
        // A statement for each name has an end.
        for n in 0..10_001 {
            raw.parse(&format!("p{n}"), COUNT);
        }
        raw.send(&to_shadow::sync());
        let heard = raw.hear_until(b'E').await;
        assert_eq!(heard.error(), "08P01");
    });
}
