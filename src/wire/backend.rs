//! A raw connection to a PostgreSQL server: login, then frames.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::error::WireError;
use super::frame::{Frame, LIMIT_FROM_SHADOW};
use super::message::{from_shadow, to_shadow};
use super::stream::{Reader, Writer};
use super::target::{Credentials, Target};

/// How long a connection to the server may take, login included.
const DEADLINE: Duration = Duration::from_secs(20);

/// A connection that is logged in, idle, and waits for a statement.
#[derive(Debug)]
pub struct Backend {
    /// What the server says.
    pub reader: Reader,
    /// What it is told.
    pub writer: Writer,
    /// The settings it reported, in order.
    pub parameters: Vec<(String, String)>,
    /// The number for [`cancel`].
    pub pid: i32,
    /// The secret for [`cancel`].
    pub secret: Vec<u8>,
}

/// Connects and logs in; `parameters` go into the startup packet.
pub async fn connect(
    target: &Target,
    login: &Credentials,
    parameters: &[(String, String)],
) -> Result<Backend, WireError> {
    let login = async {
        let stream = target.open().await?;
        let secure = stream.is_tls();
        let (reader, writer) = stream.into_frames(LIMIT_FROM_SHADOW);
        let mut backend =
            Backend { reader, writer, parameters: Vec::new(), pid: 0, secret: Vec::new() };
        backend.start(login, parameters).await?;
        backend.authenticate(login, secure).await?;
        backend.settle().await?;
        Ok(backend)
    };
    tokio::time::timeout(DEADLINE, login)
        .await
        .unwrap_or_else(|_| Err(WireError::Deadline(DEADLINE.as_secs())))
}

/// Asks the server to stop what a connection runs.
pub async fn cancel(target: &Target, pid: i32, secret: &[u8]) -> Result<(), WireError> {
    let mut packet = Vec::with_capacity(12 + secret.len());
    let length = i32::try_from(12 + secret.len());
    let length = length.map_err(|_| WireError::Unsendable("a cancel key of 2 GiB"))?;
    packet.extend_from_slice(&length.to_be_bytes());
    packet.extend_from_slice(&80_877_102_i32.to_be_bytes());
    packet.extend_from_slice(&pid.to_be_bytes());
    packet.extend_from_slice(secret);
    let send = async {
        let mut stream = target.open().await?;
        stream.write_all(&packet).await?;
        stream.flush().await?;
        // The server answers by closing, and only then has it passed the request on.
        let _ = stream.read(&mut [0]).await;
        Ok(())
    };
    tokio::time::timeout(DEADLINE, send)
        .await
        .unwrap_or_else(|_| Err(WireError::Deadline(DEADLINE.as_secs())))
}

impl Backend {
    async fn start(
        &mut self,
        login: &Credentials,
        parameters: &[(String, String)],
    ) -> Result<(), WireError> {
        let names = [("user", login.user.as_str()), ("database", login.database.as_str())];
        let others = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut packet = BytesMut::new();
        frontend::startup_message(names.into_iter().chain(others), &mut packet)
            .map_err(|_| WireError::Unsendable("a startup parameter with a zero byte"))?;
        self.writer.push_raw(&packet);
        self.writer.flush().await
    }

    /// Answers what the server asks until it says that this is enough.
    async fn authenticate(&mut self, login: &Credentials, secure: bool) -> Result<(), WireError> {
        let password = login.password.as_deref();
        let password = || {
            password.ok_or(WireError::Authentication("a password is asked for, and none is set"))
        };
        let mut body = self.challenge().await?;
        match code(&mut body)? {
            0 => return Ok(()),
            3 if secure => self.answer(to_shadow::password(password()?.as_bytes())?).await?,
            3 => return Err(WireError::Authentication("a password is asked for in clear text")),
            5 => {
                let salt = body.as_ref().try_into();
                let salt = salt.map_err(|_| WireError::protocol("invalid salt"))?;
                let digest = md5_hash(login.user.as_bytes(), password()?.as_bytes(), salt);
                self.answer(to_shadow::password(digest.as_bytes())?).await?;
            }
            10 => self.scram(&body, password()?).await?,
            _ => return Err(WireError::Authentication("the method asked for is not supported")),
        }
        match code(&mut self.challenge().await?)? {
            0 => Ok(()),
            _ => Err(WireError::protocol("unexpected step of the login")),
        }
    }

    async fn scram(&mut self, mechanisms: &Bytes, password: &str) -> Result<(), WireError> {
        if !mechanisms.split(|byte| *byte == 0).any(|name| name == SCRAM_SHA_256.as_bytes()) {
            return Err(WireError::Authentication("SCRAM-SHA-256 is not offered"));
        }
        // The channel is not bound: the certificate has been checked, or there is no channel.
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        self.answer(to_shadow::sasl_initial(SCRAM_SHA_256, scram.message())?).await?;
        let message = self.step(11).await?;
        scram.update(&message)?;
        self.answer(to_shadow::sasl_response(scram.message())?).await?;
        // The server proves that it knows the password too, and is not believed without it.
        let message = self.step(12).await?;
        scram.finish(&message)?;
        Ok(())
    }

    /// A step of the login that must have this code.
    async fn step(&mut self, expected: i32) -> Result<Bytes, WireError> {
        let mut body = self.challenge().await?;
        if code(&mut body)? == expected {
            Ok(body)
        } else {
            Err(WireError::protocol("unexpected step of the login"))
        }
    }

    async fn challenge(&mut self) -> Result<Bytes, WireError> {
        loop {
            let frame = self.expect().await?;
            match frame.tag {
                b'R' => return Ok(frame.body),
                b'N' => {}
                _ => return Err(WireError::protocol("unexpected message during the login")),
            }
        }
    }

    async fn answer(&mut self, frame: Frame) -> Result<(), WireError> {
        self.writer.push(&frame);
        self.writer.flush().await
    }

    /// Reads settings and cancel key up to the first ReadyForQuery.
    async fn settle(&mut self) -> Result<(), WireError> {
        loop {
            let frame = self.expect().await?;
            match frame.tag {
                b'S' => self.parameters.push(from_shadow::parameter_status(&frame.body)?),
                b'K' => (self.pid, self.secret) = from_shadow::backend_key_data(&frame.body)?,
                b'N' => {}
                b'Z' => return Ok(()),
                _ => return Err(WireError::protocol("unexpected message after the login")),
            }
        }
    }

    /// The next frame, which must come and must not be an error.
    async fn expect(&mut self) -> Result<Frame, WireError> {
        let frame = self.reader.next().await?.ok_or(WireError::Closed)?;
        if frame.tag != b'E' {
            return Ok(frame);
        }
        let fields = from_shadow::error_fields(&frame.body)?;
        let field = |letter| from_shadow::error_field(&fields, letter).unwrap_or_default();
        Err(WireError::Server { sqlstate: field(b'C').to_owned(), message: field(b'M').to_owned() })
    }
}

fn code(body: &mut Bytes) -> Result<i32, WireError> {
    body.try_get_i32().map_err(|_| WireError::protocol("empty step of the login"))
}

#[cfg(test)]
mod tests;
