//! The audit: what happened, who did it and why. Charges are records of their own.

use serde_json::Value;

use super::control::Control;
use super::types::LedgerError;
use crate::clock::Millis;

const NAME_BYTES_MAX: usize = 512;
const DETAIL_BYTES_MAX: usize = 4096;
const WHY_BYTES_MAX: usize = 2048;

/// The kind of event that says that a charge was voided. It is kept for ever, since without it the
/// charge would look as if somebody else had given it back.
pub(super) const VOID: &str = "charge.void";
/// The kind of event that says that an administrator canceled a query: its proxy may be another one,
/// which finds it here.
pub const QUERY_CANCEL: &str = "query.cancel";
/// The kind of event that says which events were forgotten.
pub(super) const FORGET: &str = "audit.forget";

/// Whether an event of this kind decides about an account. Those are kept for ever as well, since
/// what an account promised follows from them; and so are those about teams.
pub(super) fn decides(kind: &str) -> bool {
    kind.starts_with("account.")
}

/// Whether an event of this kind is kept for ever.
pub(super) fn is_kept(kind: &str) -> bool {
    kind == VOID || decides(kind) || kind.starts_with("team.")
}

/// Something to put on record. It holds no values of the data and no literals of queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Who did it: a name as it logs in, or one with a colon, which no name has: `token:` and the name
    /// of a token, `os:` and a user of the machine, or `proxy:` and a word of the program's own.
    pub who: String,
    /// By which way.
    pub via: Via,
    /// What was done, as in `account.grant`.
    pub kind: &'static str,
    /// To what.
    pub object: String,
    /// More about it: the text of a JSON object.
    pub detail: String,
    /// The reason that was given.
    pub why: String,
}

/// By which way something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The administrators' API or page.
    Http,
    /// A command on the proxy's machine.
    Cli,
    /// The proxy itself.
    Proxy,
}

impl Via {
    /// As it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Cli => "cli",
            Self::Proxy => "proxy",
        }
    }
}

/// What makes a request known when it comes again, and what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestKey {
    /// A digest of who asks and of the key that was given.
    pub key: [u8; 32],
    /// A digest of what is asked.
    pub request: [u8; 32],
}

/// A record as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Where it stands; also the cursor to go on from.
    pub cursor: AuditCursor,
    /// When it was written.
    pub at: Millis,
    /// Who did it.
    pub who: String,
    /// By which way; `proxy` for a charge.
    pub via: String,
    /// What was done; `query` for a charge.
    pub kind: String,
    /// To what; the query's fingerprint for a charge.
    pub object: String,
    /// More about it: the text of a JSON object.
    pub detail: String,
    /// The reason that was given.
    pub why: String,
}

/// The place of a record among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditCursor {
    /// When it was written.
    pub at: Millis,
    /// Whether it is an event; charges of the same time come before.
    pub is_event: bool,
    /// Its number among those.
    pub id: i64,
}

/// Which records to show. What is not said is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// From this time on.
    pub from: Option<Millis>,
    /// Before this time.
    pub to: Option<Millis>,
    /// By this person.
    pub who: Option<String>,
    /// Of a kind, or of all kinds that begin so: `account` finds `account.grant`.
    pub kind: Option<String>,
    /// About this.
    pub object: Option<String>,
    /// With this in object, detail or reason.
    pub text: Option<String>,
}

/// What a look through the whole ledger found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The generations that were held against their digests.
    pub generations: i64,
    /// The records in them.
    pub records: i64,
    /// The first one that is not as it was written, in words.
    pub broken: Option<String>,
}

impl Event {
    /// The same about an account, with what holds of it afterwards beside what was said: so that the
    /// account's row can be held against the record.
    pub(super) fn of_control(&self, account: &str, control: &Control) -> Result<Self, LedgerError> {
        let Ok(Value::Object(mut detail)) = serde_json::from_str(&self.detail) else {
            return Err(LedgerError::Malformed("the detail of an event is not an object"));
        };
        detail.insert("control".to_owned(), control.as_json());
        let detail = Value::Object(detail).to_string();
        let event = Self { object: account.to_owned(), detail, ..self.clone() };
        validate(&event)?;
        Ok(event)
    }
}

/// Refuses what cannot be stored.
pub(super) fn validate(event: &Event) -> Result<(), LedgerError> {
    let texts = [
        (&event.who, NAME_BYTES_MAX),
        (&event.object, NAME_BYTES_MAX),
        (&event.detail, DETAIL_BYTES_MAX),
        (&event.why, WHY_BYTES_MAX),
    ];
    if texts.iter().any(|(text, max)| text.len() > *max || text.contains('\0')) {
        return Err(LedgerError::Malformed("a record that is too long, or holds zero bytes"));
    }
    Ok(())
}

/// What an operator did by a command.
pub(super) fn of_operator(kind: &'static str) -> Event {
    Event {
        who: "os:operator".to_owned(),
        via: Via::Cli,
        kind,
        object: String::new(),
        detail: "{}".to_owned(),
        why: String::new(),
    }
}
