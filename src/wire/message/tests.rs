#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use proptest::prelude::*;

use super::from_client::{Bind, Execute, Kind, Named, Parse, Request};
use super::{Field, from_client, from_shadow, to_client, to_shadow};
use crate::wire::frame::Frame;

fn sqlstate(tag: u8, body: &'static [u8]) -> String {
    Request::decode(&Frame::new(tag, body)).unwrap_err().sqlstate().to_owned()
}

#[test]
fn requests_survive_being_sent() {
    let parse = Parse {
        name: "s".into(),
        query: "select $1, 'ä'".into(),
        type_oids: vec![0, 4_000_000_000],
    };
    let frame = to_shadow::parse(&parse).unwrap();
    assert_eq!(Request::decode(&frame).unwrap(), Request::Parse(parse));

    let bind = Bind {
        portal: "p".into(),
        statement: "s".into(),
        parameter_formats: vec![1, 0, 1],
        parameters: vec![Some(Bytes::from_static(b"\0\x01")), None, Some(Bytes::new())],
        result_formats: vec![1],
    };
    let frame = to_shadow::bind(&bind).unwrap();
    assert_eq!(Request::decode(&frame).unwrap(), Request::Bind(bind));

    let named = Named { kind: Kind::Portal, name: "p".into() };
    let frame = to_shadow::describe(named.kind, &named.name).unwrap();
    assert_eq!(Request::decode(&frame).unwrap(), Request::Describe(named.clone()));
    let frame = to_shadow::close(named.kind, &named.name).unwrap();
    assert_eq!(Request::decode(&frame).unwrap(), Request::Close(named));

    let frame = to_shadow::execute("p", i32::MAX).unwrap();
    let execute = Execute { portal: "p".into(), max_rows: i32::MAX };
    assert_eq!(Request::decode(&frame).unwrap(), Request::Execute(execute));

    let frame = to_shadow::query("select 1").unwrap();
    assert_eq!(Request::decode(&frame).unwrap(), Request::Query("select 1".into()));
    assert_eq!(Request::decode(&to_shadow::sync()).unwrap(), Request::Sync);
    assert_eq!(Request::decode(&to_shadow::flush()).unwrap(), Request::Flush);
    assert_eq!(Request::decode(&to_shadow::terminate()).unwrap(), Request::Terminate);
}

#[test]
fn what_breaks_the_protocol_is_named() {
    assert_eq!(sqlstate(b'Q', b"select '\xff'\0"), "22021");
    assert_eq!(sqlstate(b'Q', b"select 1"), "08P01");
    assert_eq!(sqlstate(b'Q', b"select 1\0x"), "08P01");
    assert_eq!(sqlstate(b'S', b"x"), "08P01");
    assert_eq!(sqlstate(b'D', b"Tname\0"), "08P01");
    assert_eq!(sqlstate(b'?', b""), "08P01");
    // A count of types that are not there.
    assert_eq!(sqlstate(b'P', b"\0select 1\0\xff\xff"), "08P01");
    // A value of -2 bytes; of more bytes than follow.
    assert_eq!(sqlstate(b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"), "08P01");
    assert_eq!(sqlstate(b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff\0\0"), "08P01");
    // Two formats for one parameter; format 2.
    assert_eq!(sqlstate(b'B', b"\0\0\0\x02\0\0\0\0\0\x01\xff\xff\xff\xff\0\0"), "08P01");
    assert_eq!(sqlstate(b'B', b"\0\0\0\0\0\0\0\x01\0\x02"), "22023");
}

#[test]
fn names_longer_than_postgresql_compares_are_refused() {
    let parse = |length: usize| {
        let name = "n".repeat(length);
        let parse = Parse { name, query: String::new(), type_oids: Vec::new() };
        Request::decode(&to_shadow::parse(&parse).unwrap())
    };
    assert!(parse(63).is_ok());
    assert_eq!(parse(64).unwrap_err().sqlstate(), "42622");
}

#[test]
fn text_with_a_zero_byte_cannot_be_sent() {
    assert!(to_shadow::query("select 1\0; drop").is_err());
    let frame = to_client::error_response(vec![(b'M', "a\0Cfake".into()), (0, "x".into())]);
    assert_eq!(from_shadow::error_fields(&frame.body).unwrap(), [(b'M', "a".to_owned())]);
}

#[test]
fn answers_survive_being_sent() {
    let field = Field {
        name: "n".into(),
        table_oid: u32::MAX,
        column: -1,
        type_oid: u32::MAX,
        type_size: -1,
        typmod: -1,
        format: 1,
    };
    let frame = to_client::row_description(std::slice::from_ref(&field)).unwrap();
    assert_eq!(
        (frame.tag, from_shadow::row_description(&frame.body).unwrap()),
        (b'T', vec![field])
    );

    let row = vec![None, Some(Bytes::new()), Some(Bytes::from_static(b"x"))];
    let frame = to_client::data_row(&row).unwrap();
    assert_eq!((frame.tag, from_shadow::data_row(&frame.body).unwrap()), (b'D', row));

    let frame = to_client::notice("NOTICE", "00000", "m", Some("d"), Some("h"));
    let fields = from_shadow::error_fields(&frame.body).unwrap();
    assert_eq!(frame.tag, b'N');
    for (letter, value) in [(b'V', "NOTICE"), (b'M', "m"), (b'D', "d"), (b'H', "h")] {
        assert_eq!(from_shadow::error_field(&fields, letter), Some(value));
    }

    let frame = to_client::parameter_status("TimeZone", "UTC");
    assert_eq!(
        from_shadow::parameter_status(&frame.body).unwrap(),
        ("TimeZone".to_owned(), "UTC".to_owned())
    );
    let frame = to_client::backend_key_data(-7, &[1, 2, 3, 4]);
    assert_eq!(from_shadow::backend_key_data(&frame.body).unwrap(), (-7, vec![1, 2, 3, 4]));
    assert_eq!(from_shadow::ready_for_query(&to_client::ready_for_query(b'T').body).unwrap(), b'T');
    assert!(from_shadow::ready_for_query(&Bytes::from_static(b"x")).is_err());
    let frame = to_client::parameter_description(&[25, 0]).unwrap();
    assert_eq!(from_shadow::parameter_description(&frame.body).unwrap(), [25, 0]);
    let frame = to_client::command_complete("SELECT 1");
    assert_eq!(from_shadow::command_complete(&frame.body).unwrap(), "SELECT 1");
}

/// Bodies that begin like real ones: purely random bytes rarely get past the first name.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(vec![0]),
        Just(vec![0, 1]),
        Just(vec![0xff, 0xff, 0xff, 0xff]),
        Just(b"S\0".to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(tag in prop::sample::select(b"QPBDCEHSXdcfFp?".to_vec()), body in body()) {
        let frame = Frame::new(tag, body);
        if let Ok(request) = Request::decode(&frame) {
            // What was accepted means one thing only: written again, it is the same bytes.
            let again = match &request {
                Request::Query(sql) => to_shadow::query(sql),
                Request::Parse(parse) => to_shadow::parse(parse),
                Request::Bind(bind) => to_shadow::bind(bind),
                Request::Describe(named) => to_shadow::describe(named.kind, &named.name),
                Request::Close(named) => to_shadow::close(named.kind, &named.name),
                Request::Execute(execute) => to_shadow::execute(&execute.portal, execute.max_rows),
                _ => Ok(frame.clone()),
            };
            prop_assert_eq!(again.unwrap(), frame.clone());
        }
        let _ = from_client::sasl_initial(&frame);
        let _ = from_shadow::error_fields(&frame.body);
        let _ = from_shadow::row_description(&frame.body);
        let _ = from_shadow::parameter_description(&frame.body);
        let _ = from_shadow::data_row(&frame.body);
        let _ = from_shadow::command_complete(&frame.body);
        let _ = from_shadow::parameter_status(&frame.body);
        let _ = from_shadow::backend_key_data(&frame.body);
        let _ = from_shadow::ready_for_query(&frame.body);
    }
}
