//! The server section: addresses, databases and their passwords.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::error::{PolicyError, Source};
use super::meant::{LedgerStore, Server, Tls};
use super::written;

/// What the program itself says in place of the server section, as the demo does for databases
/// that it started a moment ago.
#[derive(Clone, Debug, Default)]
pub struct ServerOverrides {
    /// See [`Server::source`].
    pub source: Option<String>,
    /// See [`Server::shadow`].
    pub shadow: Option<String>,
    /// See [`Server::ledger`].
    pub ledger: Option<LedgerStore>,
    /// See [`Server::listen`].
    pub listen: Option<SocketAddr>,
    /// See [`Server::admin`].
    pub admin: Option<SocketAddr>,
}

pub(super) fn read(
    source: &Source<'_>,
    written: Option<&Spanned<written::Server>>,
    overrides: ServerOverrides,
) -> Result<Server, PolicyError> {
    let absent = Spanned::new(0..0, written::Server::default());
    let section = written.unwrap_or(&absent);
    let server = section.get_ref();
    let missing = |key: &str, example: &str| {
        source.wrong(
            &section.span(),
            format!("{key} is missing from [server]"),
            format!("add {key} = \"{example}\""),
        )
    };
    let listen = match (overrides.listen, &server.listen) {
        (Some(listen), _) => listen,
        (None, Some(listen)) => address(source, listen)?,
        (None, None) => return Err(missing("listen", "0.0.0.0:6432")),
    };
    let admin = match (overrides.admin, &server.admin) {
        (Some(admin), _) => admin,
        (None, Some(admin)) => address(source, admin)?,
        (None, None) => return Err(missing("admin", "127.0.0.1:6433")),
    };
    admin_is_safe(source, section, admin)?;
    let from = match (overrides.source, &server.source) {
        (Some(url), _) => url,
        (None, Some(url)) => database(source, url, "NOISEGATE_SOURCE_PASSWORD")?,
        (None, None) => return Err(missing("source", "postgres://noisegate_reader@host/database")),
    };
    let shadow = match (overrides.shadow, &server.shadow) {
        (Some(url), _) => url,
        (None, Some(url)) => database(source, url, "NOISEGATE_SHADOW_PASSWORD")?,
        (None, None) => return Err(missing("shadow", "postgres://noisegate@host/database")),
    };
    let ledger = match (overrides.ledger, &server.ledger) {
        (Some(ledger), _) => ledger,
        (None, Some(url)) => ledger(source, url)?,
        (None, None) => return Err(missing("ledger", "sqlite:/var/lib/noisegate/ledger.db")),
    };
    let path = |written: &Option<Spanned<String>>| {
        written.as_ref().map(|path| PathBuf::from(path.get_ref()))
    };
    Ok(Server {
        listen,
        admin,
        source: from,
        source_password_file: path(&server.source_password_file),
        shadow,
        shadow_password_file: path(&server.shadow_password_file),
        shadow_analyst: analyst_role(source, server.shadow_analyst.as_ref())?,
        shadow_analyst_password_file: path(&server.shadow_analyst_password_file),
        ledger,
        ledger_password_file: path(&server.ledger_password_file),
        state: path(&server.state).unwrap_or_default(),
        tls: server.tls.as_ref().map(|tls| Tls {
            cert: PathBuf::from(tls.cert.get_ref()),
            key: PathBuf::from(tls.key.get_ref()),
            required: tls.required.unwrap_or(true),
        }),
        admin_tls: server.admin_tls.as_ref().map(|tls| Tls {
            cert: PathBuf::from(tls.cert.get_ref()),
            key: PathBuf::from(tls.key.get_ref()),
            required: true,
        }),
    })
}

/// Administrators' passwords and tokens leave the machine only if the policy says so, and only
/// encrypted.
fn admin_is_safe(
    source: &Source<'_>,
    section: &Spanned<written::Server>,
    admin: SocketAddr,
) -> Result<(), PolicyError> {
    let server = section.get_ref();
    let remote = server.admin_remote.as_ref().filter(|remote| *remote.get_ref());
    let at = server.admin.as_ref().map_or(section.span(), Spanned::span);
    let for_tls = "add admin_tls = { cert = \"…\", key = \"…\" }";
    match (remote, &server.admin_tls) {
        (Some(remote), None) => Err(source.wrong(
            &remote.span(),
            "administrators from elsewhere would send their passwords in clear",
            format!("{for_tls}, or remove admin_remote"),
        )),
        (None, tls) if !admin.ip().is_loopback() => Err(source.wrong(
            &at,
            format!("{admin} can be reached from other machines"),
            match tls {
                Some(_) => "add admin_remote = true, or write a loopback address as in \"127.0.0.1:6433\"".to_owned(),
                None => format!("write a loopback address as in \"127.0.0.1:6433\", or {for_tls} and admin_remote = true"),
            },
        )),
        _ => Ok(()),
    }
}

fn address(source: &Source<'_>, written: &Spanned<String>) -> Result<SocketAddr, PolicyError> {
    written.get_ref().parse().map_err(|_| {
        source.wrong(
            &written.span(),
            format!("`{}` is not an address to listen at", written.get_ref()),
            "write address and port, as in \"127.0.0.1:6432\" or \"[::1]:6432\"",
        )
    })
}

/// The text of the URL never enters a message, since a password may be what is wrong with it.
fn database(
    source: &Source<'_>,
    written: &Spanned<String>,
    variable: &str,
) -> Result<String, PolicyError> {
    let url = written.get_ref();
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
        return Err(source.wrong(
            &written.span(),
            "this is not the URL of a PostgreSQL",
            "write \"postgres://user@host:port/database\"",
        ));
    };
    let before_query = rest.split_once('?').map_or(rest, |(before, _)| before);
    let user = before_query.rsplit_once('@').map_or("", |(user, _)| user);
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    if user.contains(':') || query.to_ascii_lowercase().contains("password") {
        return Err(source.wrong(
            &written.span(),
            "the URL holds a password",
            format!("take it out, and set {variable} or name a file with the key that ends in _password_file"),
        ));
    }
    Ok(url.clone())
}

fn ledger(source: &Source<'_>, written: &Spanned<String>) -> Result<LedgerStore, PolicyError> {
    let url = written.get_ref();
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => return Ok(LedgerStore::Sqlite(PathBuf::from(path))),
        _ => {}
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return database(source, written, "NOISEGATE_LEDGER_PASSWORD").map(LedgerStore::Postgres);
    }
    Err(source.wrong(
        &written.span(),
        "this is not a place for a ledger",
        "write \"sqlite:/var/lib/noisegate/ledger.db\" or \"postgres://user@host/database\"",
    ))
}

fn analyst_role(
    source: &Source<'_>,
    written: Option<&Spanned<String>>,
) -> Result<String, PolicyError> {
    let Some(written) = written else { return Ok("noisegate_analyst".to_owned()) };
    let name = written.get_ref();
    if name.is_empty() || name.len() > 63 || name.contains('\0') {
        return Err(source.wrong(
            &written.span(),
            "shadow_analyst is not the name of a role",
            "write the name of a role of the shadow, as in \"noisegate_analyst\"",
        ));
    }
    Ok(name.clone())
}

/// A password. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The password itself, for the connection that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redacted")
    }
}

impl Server {
    /// The password of the source: `NOISEGATE_SOURCE_PASSWORD`, or the file; nothing if neither is set.
    pub fn source_password(&self) -> Result<Option<Password>, PolicyError> {
        password("NOISEGATE_SOURCE_PASSWORD", self.source_password_file.as_deref())
    }

    /// The password of the shadow's owner: `NOISEGATE_SHADOW_PASSWORD`, or the file.
    pub fn shadow_password(&self) -> Result<Option<Password>, PolicyError> {
        password("NOISEGATE_SHADOW_PASSWORD", self.shadow_password_file.as_deref())
    }

    /// The password of the analysts' role: `NOISEGATE_SHADOW_ANALYST_PASSWORD`, or the file.
    pub fn shadow_analyst_password(&self) -> Result<Option<Password>, PolicyError> {
        password("NOISEGATE_SHADOW_ANALYST_PASSWORD", self.shadow_analyst_password_file.as_deref())
    }

    /// The password of a ledger in PostgreSQL: `NOISEGATE_LEDGER_PASSWORD`, or the file.
    pub fn ledger_password(&self) -> Result<Option<Password>, PolicyError> {
        password("NOISEGATE_LEDGER_PASSWORD", self.ledger_password_file.as_deref())
    }

    /// Lets every relative path start at the folder that the policy file is in.
    pub(super) fn start_at(&mut self, folder: &Path) {
        let mut paths: Vec<&mut PathBuf> = Vec::new();
        paths.extend(&mut self.source_password_file);
        paths.extend(&mut self.shadow_password_file);
        paths.extend(&mut self.shadow_analyst_password_file);
        for tls in self.tls.iter_mut().chain(&mut self.admin_tls) {
            paths.extend([&mut tls.cert, &mut tls.key]);
        }
        paths.extend(&mut self.ledger_password_file);
        paths.push(&mut self.state);
        if let LedgerStore::Sqlite(ledger) = &mut self.ledger {
            paths.push(ledger);
        }
        for path in paths {
            *path = folder.join(&*path);
        }
    }
}

fn password(variable: &str, file: Option<&Path>) -> Result<Option<Password>, PolicyError> {
    if let Ok(password) = std::env::var(variable) {
        return Ok(Some(Password(password)));
    }
    let Some(path) = file else { return Ok(None) };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(Password(text.trim_end_matches(['\r', '\n']).to_owned()))),
        Err(reason) => Err(PolicyError::Read { path: path.to_owned(), reason }),
    }
}
