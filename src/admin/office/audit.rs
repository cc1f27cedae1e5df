//! The audit: to look through, to take away, and to hold against its chain.

use futures_util::Stream;
use futures_util::stream;

use super::page::list;
use super::request::{Span, filter};
use super::{Office, OfficeError, Page};
use crate::admin::shown::{self, List, Record, Verified};
use crate::clock::Millis;
use crate::ledger::{AuditCursor, AuditFilter, AuditRecord};

/// How many records an export reads at once, as many as the ledger gives.
const EXPORT_RECORDS: u32 = 1000;

/// Which records to show. What is not said is not asked for.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Those of a time.
    pub span: Span,
    /// By this person.
    pub who: Option<String>,
    /// Of a kind, or of all kinds that begin so.
    pub kind: Option<String>,
    /// About this.
    pub object: Option<String>,
    /// With this in object, detail or reason.
    pub text: Option<String>,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// A JSON object in each line.
    Jsonl,
    /// Comma-separated, with a head.
    Csv,
}

impl Office {
    /// Records, newest first.
    pub async fn audit(&self, query: AuditQuery, page: &Page) -> Result<List<Record>, OfficeError> {
        let (from, to) = query.span.read()?;
        let wanted = AuditFilter {
            from,
            to,
            who: filter("who", query.who)?,
            kind: filter("kind", query.kind)?,
            object: filter("object", query.object)?,
            text: filter("q", query.text)?,
        };
        let (count, before) = (page.count()?, page.after(read_cursor)?);
        let found = self.ledger.audit(wanted, before, count.saturating_add(1)).await?;
        Ok(list(found, count, |record| write_cursor(record.cursor), record))
    }

    /// Holds everything against the chain of generations.
    pub async fn verify(&self) -> Result<Verified, OfficeError> {
        let found = self.ledger.verify().await?;
        Ok(Verified {
            sound: found.broken.is_none(),
            generations: found.generations,
            records: found.records,
            broken: found.broken,
        })
    }

    /// All records of a time in parts, oldest first.
    pub fn export(
        &self,
        span: &Span,
        format: ExportFormat,
    ) -> Result<impl Stream<Item = Result<String, OfficeError>> + use<>, OfficeError> {
        let (from, to) = span.read()?;
        let to = to.unwrap_or(Millis(self.now().0.saturating_add(1)));
        let ranges = vec![(from.unwrap_or(Millis(0)), to)];
        let head = match format {
            ExportFormat::Csv => Some("number,at,who,via,kind,object,detail,why\r\n".to_owned()),
            ExportFormat::Jsonl => None,
        };
        let state = Export { office: self.clone(), ranges, format };
        let records = stream::try_unfold(state, Export::next);
        Ok(futures_util::StreamExt::chain(stream::iter(head.map(Ok)), records))
    }
}

/// An export that goes on. The ledger gives the newest first, so a time that holds too many records
/// to turn around is read in halves.
struct Export {
    office: Office,
    /// Times that are still to be read, the next one last.
    ranges: Vec<(Millis, Millis)>,
    format: ExportFormat,
}

impl Export {
    async fn next(mut self) -> Result<Option<(String, Self)>, OfficeError> {
        while let Some((from, to)) = self.ranges.pop() {
            let Some(found) = self.all_of(from, to).await? else {
                let middle = Millis(from.0.midpoint(to.0));
                self.ranges.extend([(middle, to), (from, middle)]);
                continue;
            };
            if found.is_empty() {
                continue;
            }
            let lines = found.into_iter().rev().map(|found| self.line(record(found)));
            let part = lines.collect::<Result<String, OfficeError>>()?;
            return Ok(Some((part, self)));
        }
        Ok(None)
    }

    /// All records of a time, newest first; nothing if they are many and the time can be halved.
    async fn all_of(
        &self,
        from: Millis,
        to: Millis,
    ) -> Result<Option<Vec<AuditRecord>>, OfficeError> {
        let wanted = AuditFilter { from: Some(from), to: Some(to), ..AuditFilter::default() };
        let ledger = &self.office.ledger;
        let mut all = ledger.audit(wanted.clone(), None, EXPORT_RECORDS).await?;
        while let Some(last) = all.last().map(|record| record.cursor) {
            let more = ledger.audit(wanted.clone(), Some(last), EXPORT_RECORDS).await?;
            if more.is_empty() {
                break;
            }
            // A millisecond cannot be halved; it holds what it holds.
            if to.0.saturating_sub(from.0) > 1 {
                return Ok(None);
            }
            all.extend(more);
        }
        Ok(Some(all))
    }

    fn line(&self, record: Record) -> Result<String, OfficeError> {
        let failed = |_| OfficeError::Conflict("A record cannot be written.".to_owned());
        match self.format {
            ExportFormat::Jsonl => {
                let mut line = serde_json::to_string(&record).map_err(failed)?;
                line.push('\n');
                Ok(line)
            }
            ExportFormat::Csv => csv_line(&record),
        }
    }
}

fn csv_line(record: &Record) -> Result<String, OfficeError> {
    let failed = || OfficeError::Conflict("A record cannot be written.".to_owned());
    let detail = serde_json::Value::Object(record.detail.clone()).to_string();
    let number = record.number.to_string();
    let fields = [
        &number,
        &record.at,
        &record.who,
        &record.via,
        &record.kind,
        &record.object,
        &detail,
        &record.why,
    ];
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(fields.map(|field| inert(field))).map_err(|_| failed())?;
    let bytes = writer.into_inner().map_err(|_| failed())?;
    String::from_utf8(bytes).map_err(|_| failed())
}

/// A spreadsheet computes what begins like a formula; behind an apostrophe it is text. Where commas
/// are of numbers, it begins a cell after a semicolon, and some do after a tab.
fn inert(field: &str) -> String {
    let parts = field.split_inclusive([';', '\t', '\r', '\n']);
    let inert =
        parts.map(|part| if is_formula(part) { format!("'{part}") } else { part.to_owned() });
    inert.collect()
}

/// Whether a spreadsheet could compute this, which may trim it and take its quotes away. Full width
/// is what some turn into the plain characters.
fn is_formula(part: &str) -> bool {
    let plain = part.trim_start_matches(|c: char| c == '"' || (c.is_whitespace() && c != '\t'));
    part.starts_with(['\t', '\r', '\n'])
        || plain.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

fn record(found: AuditRecord) -> Record {
    Record {
        number: found.cursor.id,
        at: shown::time(found.at),
        who: found.who,
        via: found.via,
        kind: found.kind,
        object: found.object,
        detail: serde_json::from_str(&found.detail).unwrap_or_default(),
        why: found.why,
    }
}

fn write_cursor(cursor: AuditCursor) -> String {
    format!("{} {} {}", cursor.at.0, u8::from(cursor.is_event), cursor.id)
}

fn read_cursor(text: &str) -> Option<AuditCursor> {
    let mut parts = text.split(' ');
    let at = Millis(parts.next()?.parse().ok()?);
    let is_event = match parts.next()? {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    let id = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some(AuditCursor { at, is_event, id })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back() {
        let cursor = AuditCursor { at: Millis(1_764_489_600_000), is_event: true, id: 12 };
        assert_eq!(read_cursor(&write_cursor(cursor)), Some(cursor));
        for wrong in ["", "1", "1 2 3", "1 1 3 4", "x 1 3", "1 1 "] {
            assert_eq!(read_cursor(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_field_of_an_export_is_a_formula() {
        let record = Record {
            number: 1,
            at: "2026-11-29T09:30:00.000Z".to_owned(),
            who: "carol".to_owned(),
            via: "http".to_owned(),
            kind: "account.grant".to_owned(),
            object: "=1+1".to_owned(),
            detail: serde_json::Map::new(),
            why: "a \"quoted\", long\u{2028}reason".to_owned(),
        };
        let line = csv_line(&record).unwrap();
        assert!(line.contains(",'=1+1,{},\"a \"\"quoted\"\", long"), "{line}");
        assert!(line.ends_with("\r\n"));
    }

    #[test]
    fn no_cell_of_a_field_is_a_formula() {
        for (field, written) in [
            ("plain; text - of 1+1 = 2", "plain; text - of 1+1 = 2"),
            ("+1", "'+1"),
            (" =1", "' =1"),
            ("\u{ff1d}1+1", "'\u{ff1d}1+1"),
            ("\u{ff0b}1", "'\u{ff0b}1"),
            ("\u{ff0d}1", "'\u{ff0d}1"),
            ("\u{ff20}SUM(1)", "'\u{ff20}SUM(1)"),
            ("a;=1+1", "a;'=1+1"),
            ("a; =1;@b", "a;' =1;'@b"),
            ("a;\"=1+1\"", "a;'\"=1+1\""),
            ("a\t-1", "a\t'-1"),
            ("\ta", "'\ta"),
        ] {
            assert_eq!(inert(field), written, "{field:?}");
        }
    }
}
