//! Small readers from what is written to what is meant; each knows its place and its fix.

use std::collections::BTreeMap;

use toml::Spanned;

use super::error::{PolicyError, Source};
use super::text::{Decimal, duration_ms, is_short_name};
use super::written::{Named, Scalar};

impl Source<'_> {
    /// The text of a value: a string's content, and of all else exactly what stands in the file
    /// (but for `_` and a leading `+`), since a float would not be what was written.
    pub(super) fn scalar(&self, value: &Scalar) -> Result<String, PolicyError> {
        let span = value.span();
        let text = match value.get_ref() {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(_) | toml::Value::Float(_) => {
                let raw = self.text.get(span.clone()).unwrap_or_default().replace('_', "");
                raw.strip_prefix('+').unwrap_or(&raw).to_owned()
            }
            toml::Value::Datetime(_) | toml::Value::Boolean(_) => {
                self.text.get(span.clone()).unwrap_or_default().to_owned()
            }
            toml::Value::Array(_) | toml::Value::Table(_) => {
                return Err(self.wrong(
                    &span,
                    "one value is expected here, not several",
                    "write one value",
                ));
            }
        };
        if text.len() > 1024 || text.contains('\0') {
            return Err(self.wrong(
                &span,
                "the value is too long or holds a zero byte",
                "shorten it",
            ));
        }
        Ok(text)
    }

    /// A positive decimal, exact.
    pub(super) fn positive(
        &self,
        value: &Scalar,
        what: &str,
    ) -> Result<(String, Decimal), PolicyError> {
        let text = self.scalar(value)?;
        match Decimal::parse(&text) {
            Some(decimal) if decimal.is_positive() => Ok((text, decimal)),
            _ => Err(self.wrong(
                &value.span(),
                format!("{what} must be a positive decimal number"),
                "write something like 0.5 or 1e-7",
            )),
        }
    }

    /// A whole number within limits.
    pub(super) fn whole<T: TryFrom<i64>>(
        &self,
        value: &Spanned<i64>,
        what: &str,
        least: i64,
        most: i64,
    ) -> Result<T, PolicyError> {
        let given = *value.get_ref();
        match T::try_from(given) {
            Ok(number) if (least..=most).contains(&given) => Ok(number),
            _ => Err(self.wrong(
                &value.span(),
                format!("{what} is {given}"),
                format!("write a whole number from {least} to {most}"),
            )),
        }
    }

    /// A duration.
    pub(super) fn duration(&self, value: &Spanned<String>, what: &str) -> Result<u64, PolicyError> {
        duration_ms(value.get_ref()).ok_or_else(|| {
            self.wrong(
                &value.span(),
                format!("`{}` is not a duration for {what}", value.get_ref()),
                "write a whole number with ms, s, m, h, d or w, as in \"30d\"",
            )
        })
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &self,
        value: &Spanned<String>,
        what: &str,
        words: &[(&str, T)],
    ) -> Result<T, PolicyError> {
        let given = value.get_ref();
        words.iter().find(|(word, _)| word == given).map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.wrong(
                &value.span(),
                format!("{what} cannot be `{given}`"),
                format!("write {}", known.join(" or ")),
            )
        })
    }

    /// Text that must say something.
    pub(super) fn sentence(
        &self,
        value: &Spanned<String>,
        what: &str,
    ) -> Result<String, PolicyError> {
        let text = value.get_ref().trim();
        if text.is_empty() || text.len() > 1024 {
            return Err(self.wrong(
                &value.span(),
                format!("{what} is empty or too long"),
                "write one sentence",
            ));
        }
        Ok(text.to_owned())
    }

    /// The name of a role, team or budget.
    pub(super) fn short_name(
        &self,
        name: &Spanned<String>,
        what: &str,
    ) -> Result<String, PolicyError> {
        if is_short_name(name.get_ref()) {
            return Ok(name.get_ref().clone());
        }
        Err(self.wrong(
            &name.span(),
            format!("`{}` cannot be the name of a {what}", name.get_ref()),
            "use up to 63 letters, digits, `_` and `-`",
        ))
    }

    /// Reads each of some named things.
    pub(super) fn each<T, U>(
        &self,
        named: &Named<T>,
        what: &str,
        read: impl Fn(&str, &T) -> Result<U, PolicyError>,
    ) -> Result<BTreeMap<String, U>, PolicyError> {
        named
            .iter()
            .map(|(key, value)| {
                let name = self.short_name(key, what)?;
                let meant = read(&name, value)?;
                Ok((name, meant))
            })
            .collect()
    }
}
