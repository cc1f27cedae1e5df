//! The first packet of a connection: it has no tag, and may be one of four things.

use bytes::Buf;

use super::error::WireError;
use super::frame::LIMIT_BEFORE_LOGIN;

const CANCEL: u32 = 80_877_102;
const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;

/// The newest minor version of protocol 3 that is spoken here.
const NEWEST_MINOR: u16 = 2;

/// PostgreSQL's own limit for the names of users and databases.
const LONGEST_NAME: usize = 63;

/// A first packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet {
    Tls,
    Gss,
    Cancel { pid: i32, secret: Vec<u8> },
    Startup(Startup),
}

/// Who wants to log in, and how the session is to begin.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Startup {
    /// The minor version that is spoken from now on.
    pub(super) minor: u16,
    /// Whether the client must be told that this is not all it asked for.
    pub(super) negotiate: bool,
    /// Options of the protocol that are not known here.
    pub(super) unknown: Vec<String>,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) settings: Vec<(String, String)>,
}

/// Checks the length of a first packet; gives that of what follows.
pub(super) fn body_length(length: i32) -> Result<usize, WireError> {
    let length = usize::try_from(length).unwrap_or_default();
    if length > LIMIT_BEFORE_LOGIN {
        return Err(WireError::TooLong { length, limit: LIMIT_BEFORE_LOGIN });
    }
    if length < 8 {
        return Err(WireError::protocol("invalid length of startup packet"));
    }
    Ok(length - 4)
}

/// Reads what follows the length of a first packet.
pub(super) fn decode(body: &[u8]) -> Result<Packet, WireError> {
    let mut body = body;
    let code = body.try_get_u32().map_err(|_| malformed())?;
    match code {
        SSL if body.is_empty() => Ok(Packet::Tls),
        GSS if body.is_empty() => Ok(Packet::Gss),
        SSL | GSS => Err(malformed()),
        CANCEL => {
            let pid = body.try_get_i32().map_err(|_| malformed())?;
            if !(4..=256).contains(&body.len()) {
                return Err(malformed());
            }
            Ok(Packet::Cancel { pid, secret: body.to_vec() })
        }
        _ if code >> 16 == 3 => startup(code, body).map(Packet::Startup),
        _ => Err(WireError::Malformed {
            sqlstate: "0A000",
            detail: "unsupported frontend protocol: this server supports 3.0 to 3.2",
        }),
    }
}

fn startup(code: u32, body: &[u8]) -> Result<Startup, WireError> {
    let asked = u16::try_from(code & 0xffff).unwrap_or_default();
    let mut startup = Startup { minor: asked.min(NEWEST_MINOR), ..Startup::default() };
    for (name, value) in pairs(body)? {
        match name.as_str() {
            "user" => startup.user = value,
            "database" => startup.database = value,
            "options" => startup.settings = settings(&value)?,
            "replication" => replication(&value)?,
            _ if name.starts_with("_pq_.") => startup.unknown.push(name),
            _ => startup.parameters.push((name, value)),
        }
    }
    startup.negotiate = asked > NEWEST_MINOR || !startup.unknown.is_empty();
    if startup.user.is_empty() {
        let detail = "no PostgreSQL user name specified in startup packet";
        return Err(WireError::Malformed { sqlstate: "28000", detail });
    }
    if startup.database.is_empty() {
        startup.database.clone_from(&startup.user);
    }
    // PostgreSQL cuts longer names off, which would let two names be one user.
    if startup.user.len() > LONGEST_NAME || startup.database.len() > LONGEST_NAME {
        let detail = "names of users and databases are at most 63 bytes long";
        return Err(WireError::Malformed { sqlstate: "42622", detail });
    }
    Ok(startup)
}

/// Names and values up to an empty name, which must be the end.
fn pairs(body: &[u8]) -> Result<Vec<(String, String)>, WireError> {
    let text = std::str::from_utf8(body).map_err(|_| WireError::encoding())?;
    let text = text.strip_suffix('\0').ok_or_else(malformed)?;
    let mut pairs = Vec::new();
    let mut parts = text.split_terminator('\0');
    while let Some(name) = parts.next() {
        let value = parts.next().ok_or_else(malformed)?;
        if name.is_empty() {
            return Err(malformed());
        }
        pairs.push((name.to_owned(), value.to_owned()));
    }
    // Each value ends with a zero byte of its own, and the one above ends them all.
    if text.is_empty() || text.ends_with('\0') { Ok(pairs) } else { Err(malformed()) }
}

/// A replication connection would bypass SQL altogether.
fn replication(value: &str) -> Result<(), WireError> {
    if ["false", "off", "no", "0"].contains(&value) {
        return Ok(());
    }
    let detail = "replication connections are not supported";
    Err(WireError::Malformed { sqlstate: "0A000", detail })
}

/// The settings in `options`: `-c name=value` and `--name=value`, and nothing else.
fn settings(options: &str) -> Result<Vec<(String, String)>, WireError> {
    let refuse = || WireError::Malformed {
        sqlstate: "42601",
        detail: "options may only hold -c name=value and --name=value",
    };
    let mut settings = Vec::new();
    let mut words = words(options).into_iter();
    while let Some(word) = words.next() {
        let setting = if word == "-c" {
            words.next().ok_or_else(refuse)?
        } else {
            let setting = word.strip_prefix("--").or_else(|| word.strip_prefix("-c"));
            setting.ok_or_else(refuse)?.to_owned()
        };
        let (name, value) = setting.split_once('=').ok_or_else(refuse)?;
        if name.is_empty() {
            return Err(refuse());
        }
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

/// Words between blanks; a backslash takes the next character as it is.
fn words(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            _ if character.is_ascii_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

fn malformed() -> WireError {
    WireError::protocol("invalid startup packet layout")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(code: u32, rest: &[u8]) -> Result<Packet, WireError> {
        decode(&[&code.to_be_bytes(), rest].concat())
    }

    fn read_startup(rest: &[u8]) -> Result<Startup, WireError> {
        read(3 << 16, rest).map(|packet| match packet {
            Packet::Startup(startup) => startup,
            other => unreachable!("{other:?}"),
        })
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn settings_and_parameters_are_kept_apart() {
        let startup = read_startup(
            b"user\0ann\0options\0-c a.b=1 --work-mem=2\\ MB  -cx=\\\\\0application_name\0\0\0",
        );
        let startup = startup.unwrap();
        assert_eq!((startup.user.as_str(), startup.database.as_str()), ("ann", "ann"));
        assert_eq!(startup.parameters, [pair("application_name", "")]);
        assert_eq!(startup.settings, [pair("a.b", "1"), pair("work_mem", "2 MB"), pair("x", "\\")]);
        assert!(!startup.negotiate);
    }

    #[test]
    fn what_is_refused_is_named() {
        let sqlstate = |rest: &[u8]| read_startup(rest).unwrap_err().sqlstate().to_owned();
        assert_eq!(sqlstate(b"\0"), "28000");
        assert_eq!(sqlstate(b"user\0ann\0"), "08P01");
        assert_eq!(sqlstate(b"user\0ann\0\0x\0\0"), "08P01");
        assert_eq!(sqlstate(b"user\0ann"), "08P01");
        assert_eq!(sqlstate(b"user\0\xff\0\0"), "22021");
        assert_eq!(sqlstate(b"user\0ann\0replication\0database\0\0"), "0A000");
        assert_eq!(sqlstate(b"user\0ann\0options\0-P\0\0"), "42601");
        assert_eq!(sqlstate(format!("user\0{}\0\0", "a".repeat(64)).as_bytes()), "42622");
        assert!(read_startup(format!("user\0{}\0\0", "a".repeat(63)).as_bytes()).is_ok());
        assert!(read_startup(b"user\0ann\0replication\0false\0\0").is_ok());
        assert_eq!(read(2 << 16, b"").unwrap_err().sqlstate(), "0A000");
        assert!(body_length(7).is_err() && body_length(-1).is_err());
        assert!(body_length(10_000).is_ok() && body_length(10_001).is_err());
    }

    #[test]
    fn versions_are_negotiated_down() {
        for (asked, minor, negotiate) in
            [(0, 0, false), (2, 2, false), (3, 2, true), (9999, 2, true)]
        {
            let packet = read((3 << 16) | asked, b"user\0ann\0\0").unwrap();
            let Packet::Startup(startup) = packet else { unreachable!("{packet:?}") };
            assert_eq!((startup.minor, startup.negotiate), (minor, negotiate), "asked {asked}");
        }
        let startup = read_startup(b"user\0ann\0_pq_.new\x001\0\0").unwrap();
        assert!(startup.negotiate && startup.unknown == ["_pq_.new"] && startup.minor == 0);
    }

    #[test]
    fn the_other_packets_are_told_apart() {
        assert_eq!(read(SSL, b"").unwrap(), Packet::Tls);
        assert_eq!(read(GSS, b"").unwrap(), Packet::Gss);
        assert!(read(SSL, b"x").is_err());
        let cancel = Packet::Cancel { pid: 7, secret: vec![1, 2, 3, 4] };
        assert_eq!(read(CANCEL, b"\0\0\0\x07\x01\x02\x03\x04").unwrap(), cancel);
        assert!(read(CANCEL, b"\0\0\0\x07\x01\x02\x03").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(code in prop::sample::select(vec![3 << 16, CANCEL, SSL, 0]), rest: Vec<u8>) {
            let _ = read(code, &rest);
            let _ = read(code, &[b"user\0ann\0options\0", rest.as_slice(), b"\0\0"].concat());
        }
    }
}
