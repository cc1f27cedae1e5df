//! Where a PostgreSQL server listens, and how to open a connection to it.

use std::path::PathBuf;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::config::{Config, Host, SslMode};
use tokio_rustls::TlsConnector;

use super::error::WireError;
use super::stream::Stream;

/// A server's address.
#[derive(Clone)]
pub struct Target {
    /// The machine, or the directory of a socket.
    pub host: HostKind,
    /// The port; it is part of a Unix socket's name too.
    pub port: u16,
    /// With it the connection is encrypted, and the server's certificate checked.
    pub tls: Option<TlsConnector>,
}

/// The two kinds of host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostKind {
    /// The directory of a Unix socket.
    Unix(PathBuf),
    /// A name or address.
    Tcp(String),
}

/// Who logs in at a server.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The role.
    pub user: String,
    /// Its password, where the server asks for one.
    pub password: Option<String>,
    /// The database.
    pub database: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}@{})", self.user, self.database)
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tls = if self.tls.is_some() { " with TLS" } else { "" };
        write!(f, "Target({:?} port {}{tls})", self.host, self.port)
    }
}

impl Target {
    /// The address and the login in a connection string.
    ///
    /// TLS is used if the string does not disable it and `tls` is there, never on a Unix socket.
    pub fn from_config(
        config: &Config,
        tls: Option<&TlsConnector>,
    ) -> Result<(Self, Credentials), WireError> {
        let host = match (config.get_hosts(), config.get_hostaddrs()) {
            ([Host::Tcp(host)], _) => HostKind::Tcp(host.clone()),
            ([Host::Unix(path)], _) => HostKind::Unix(path.clone()),
            ([], [address]) => HostKind::Tcp(address.to_string()),
            _ => return Err(setup("a connection string must name exactly one host")),
        };
        let port = match config.get_ports() {
            [] => 5432,
            [port] => *port,
            _ => return Err(setup("a connection string must name one port")),
        };
        let tls = match (config.get_ssl_mode(), &host) {
            (_, HostKind::Unix(_)) | (SslMode::Disable, _) => None,
            (SslMode::Prefer, _) => tls.cloned(),
            _ => Some(tls.cloned().ok_or_else(|| {
                setup("sslmode=require needs a file of the certificates that are trusted")
            })?),
        };
        let user =
            config.get_user().ok_or_else(|| setup("a connection string must name a user"))?;
        let password = config.get_password().map(|bytes| String::from_utf8(bytes.to_vec()));
        let password = password.transpose().map_err(|_| setup("the password is not UTF-8"))?;
        let database = config.get_dbname().unwrap_or(user).to_owned();
        Ok((Self { host, port, tls }, Credentials { user: user.to_owned(), password, database }))
    }

    /// Opens a connection, up to where the startup packet is due.
    pub(super) async fn open(&self) -> Result<Stream, WireError> {
        let host = match &self.host {
            HostKind::Unix(directory) => {
                let path = directory.join(format!(".s.PGSQL.{}", self.port));
                return Ok(Stream::Unix(UnixStream::connect(path).await?));
            }
            HostKind::Tcp(host) => host,
        };
        let mut stream = TcpStream::connect((host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Stream::Tcp(stream)) };

        let name = ServerName::try_from(host.clone());
        let name = name.map_err(|_| setup("the host's name cannot stand in a certificate"))?;
        stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await?;
        // One byte and no more: what follows must come out of the handshake.
        if stream.read_u8().await? != b'S' {
            return Err(setup("the server does not speak TLS"));
        }
        let stream = tls.connect(name, stream).await?;
        Ok(Stream::Tls(Box::new(stream.into())))
    }
}

fn setup(sentence: &str) -> WireError {
    WireError::Setup(sentence.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Target, Credentials), WireError> {
        Target::from_config(&text.parse().unwrap(), None)
    }

    #[test]
    fn connection_strings_are_read() {
        let (target, login) = read("postgres://ann:s%40crt@db.example:6543/sales").unwrap();
        assert_eq!((target.host, target.port), (HostKind::Tcp("db.example".into()), 6543));
        assert_eq!((login.user.as_str(), login.password.as_deref()), ("ann", Some("s@crt")));
        assert_eq!(login.database, "sales");

        let (target, login) = read("host=/run/pg user=ann sslmode=require").unwrap();
        assert_eq!((target.host, target.port), (HostKind::Unix("/run/pg".into()), 5432));
        assert_eq!((login.database.as_str(), login.password), ("ann", None));

        for refused in ["host=a,b user=x", "user=x", "host=a", "host=a user=x sslmode=require"] {
            assert!(read(refused).is_err(), "{refused}");
        }
    }
}
