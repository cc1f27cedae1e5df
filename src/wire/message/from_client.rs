//! What a client asks: its messages, read strictly.

use bytes::Bytes;

use super::body::Body;
use crate::wire::error::WireError;
use crate::wire::frame::Frame;

/// A message from a client after login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `Q`: the simple protocol.
    Query(String),
    /// `P`: prepare a statement.
    Parse(Parse),
    /// `B`: make a portal.
    Bind(Bind),
    /// `D`: describe a statement or portal.
    Describe(Named),
    /// `E`: run a portal.
    Execute(Execute),
    /// `C`: forget a statement or portal.
    Close(Named),
    /// `H`: send what you have.
    Flush,
    /// `S`: the end of a pipeline.
    Sync,
    /// `X`: good-bye.
    Terminate,
    /// `d`, `c`, `f`: data of COPY FROM STDIN, its end, or its failure.
    Copy,
    /// `F`: a function call, which bypasses SQL; always refused.
    FunctionCall,
    /// `p`: a password where none is expected.
    Password,
}

/// A statement to prepare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parse {
    /// The statement's name; empty is the unnamed one.
    pub name: String,
    /// The text.
    pub query: String,
    /// The types of the first parameters; 0 leaves one open.
    pub type_oids: Vec<u32>,
}

/// Values for a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The portal to make; empty is the unnamed one.
    pub portal: String,
    /// The statement it runs.
    pub statement: String,
    /// None, one for all, or one per parameter: 0 is text, 1 is binary.
    pub parameter_formats: Vec<i16>,
    /// The values; `None` is NULL.
    pub parameters: Vec<Option<Bytes>>,
    /// None, one for all, or one per column.
    pub result_formats: Vec<i16>,
}

/// A statement or portal by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Which of the two.
    pub kind: Kind,
    /// The name.
    pub name: String,
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `S`
    Statement,
    /// `P`
    Portal,
}

impl Kind {
    /// The byte that stands for it.
    pub fn byte(self) -> u8 {
        match self {
            Self::Statement => b'S',
            Self::Portal => b'P',
        }
    }
}

/// A portal to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execute {
    /// The portal.
    pub portal: String,
    /// How many rows before it is suspended; zero or less is all.
    pub max_rows: i32,
}

impl Request {
    /// Reads a frame from a client.
    pub fn decode(frame: &Frame) -> Result<Self, WireError> {
        let mut body = Body::new(&frame.body);
        let request = match frame.tag {
            b'Q' => Self::Query(body.text()?),
            b'P' => Self::Parse(parse(&mut body)?),
            b'B' => Self::Bind(bind(&mut body)?),
            b'D' => Self::Describe(named(&mut body)?),
            b'C' => Self::Close(named(&mut body)?),
            b'E' => Self::Execute(Execute { portal: body.name()?, max_rows: body.i32()? }),
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'X' => return Ok(Self::Terminate),
            b'd' | b'c' | b'f' => return Ok(Self::Copy),
            b'F' => return Ok(Self::FunctionCall),
            b'p' => return Ok(Self::Password),
            _ => return Err(WireError::protocol("invalid frontend message type")),
        };
        body.end()?;
        Ok(request)
    }
}

fn parse(body: &mut Body) -> Result<Parse, WireError> {
    let name = body.name()?;
    let query = body.text()?;
    let count = body.count()?;
    Ok(Parse { name, query, type_oids: body.many(count, 4, Body::u32)? })
}

fn bind(body: &mut Body) -> Result<Bind, WireError> {
    let portal = body.name()?;
    let statement = body.name()?;
    let parameter_formats = formats(body)?;
    let count = body.count()?;
    let parameters = body.many(count, 4, Body::value)?;
    if parameter_formats.len() > 1 && parameter_formats.len() != parameters.len() {
        return Err(WireError::protocol(
            "bind message has another number of parameter formats than of parameters",
        ));
    }
    let result_formats = formats(body)?;
    Ok(Bind { portal, statement, parameter_formats, parameters, result_formats })
}

fn formats(body: &mut Body) -> Result<Vec<i16>, WireError> {
    let count = body.count()?;
    body.many(count, 2, |body| match body.i16()? {
        format @ (0 | 1) => Ok(format),
        _ => Err(WireError::Malformed { sqlstate: "22023", detail: "unsupported format code" }),
    })
}

fn named(body: &mut Body) -> Result<Named, WireError> {
    let kind = match body.u8()? {
        b'S' => Kind::Statement,
        b'P' => Kind::Portal,
        _ => return Err(WireError::protocol("invalid message subtype")),
    };
    Ok(Named { kind, name: body.name()? })
}

/// The mechanism and first message of a SCRAM login, from a frame `p`.
pub(crate) fn sasl_initial(frame: &Frame) -> Result<(String, Bytes), WireError> {
    let mut body = Body::new(&frame.body);
    let mechanism = body.text()?;
    // NULL would mean that there is no message yet; SCRAM always has one.
    let message = body.value()?.ok_or_else(|| WireError::protocol("malformed SASL message"))?;
    body.end()?;
    Ok((mechanism, message))
}
