//! Parts of lists. Where one ends is told in a text that only this file reads.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::OfficeError;
use crate::admin::shown::List;

const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 500;
/// More than the longest name.
const CURSOR_BYTES_MAX: usize = 1024;

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// How many; a hundred if nothing is said.
    pub limit: Option<u32>,
    /// Where the part before ended.
    pub cursor: Option<String>,
}

impl Page {
    /// How many.
    pub(super) fn count(&self) -> Result<u32, OfficeError> {
        let limit = self.limit.unwrap_or(LIMIT);
        if (1..=LIMIT_MAX).contains(&limit) {
            return Ok(limit);
        }
        Err(OfficeError::invalid("limit", format!("is from 1 to {LIMIT_MAX}")))
    }

    /// What the part before ended with, as `read` understands it.
    pub(super) fn after<T>(
        &self,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, OfficeError> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let wrong = || OfficeError::invalid("cursor", "is not one that this list gave");
        if cursor.len() > CURSOR_BYTES_MAX {
            return Err(wrong());
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        read(&text).map(Some).ok_or_else(wrong)
    }

    /// The part of an ordered list of names' owners that comes after the cursor.
    pub(super) fn of_named<T>(
        &self,
        all: Vec<T>,
        name: impl Fn(&T) -> String,
    ) -> Result<List<T>, OfficeError> {
        let count = usize::try_from(self.count()?).unwrap_or(1);
        let after = self.after(|text| Some(text.to_owned()))?;
        let start = match &after {
            None => 0,
            // The list may have changed; whoever is not in it any more ends nothing.
            Some(last) => match all.iter().position(|item| name(item) == *last) {
                Some(at) => at.saturating_add(1),
                None => {
                    return Err(OfficeError::invalid("cursor", "is of a list that has changed"));
                }
            },
        };
        let more = all.len() > start.saturating_add(count);
        let items: Vec<T> = all.into_iter().skip(start).take(count).collect();
        let next = items.last().filter(|_| more).map(|last| cursor(&name(last)));
        Ok(List { items, next })
    }
}

/// The cursor that says where a part ended.
pub(super) fn cursor(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A list from one entry more than was asked for, which tells whether there is more.
pub(super) fn list<T, S>(
    mut found: Vec<T>,
    count: u32,
    place: impl Fn(&T) -> String,
    show: impl FnMut(T) -> S,
) -> List<S> {
    let count = usize::try_from(count).unwrap_or(1);
    let more = found.len() > count;
    found.truncate(count);
    let next = found.last().filter(|_| more).map(|last| cursor(&place(last)));
    List { items: found.into_iter().map(show).collect(), next }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn parts_put_together_are_the_list() {
        let all: Vec<String> = (0..7).map(|n| format!("name/{n}")).collect();
        let (mut seen, mut next) = (Vec::new(), None);
        for _ in 0..3 {
            let page = Page { limit: Some(3), cursor: next.take() };
            let part = page.of_named(all.clone(), Clone::clone).unwrap();
            assert!(part.items.len() <= 3);
            seen.extend(part.items);
            next = part.next;
        }
        assert_eq!((seen, next), (all, None));
    }

    #[test]
    fn limits_and_cursors_are_checked() {
        for limit in [0, 501, u32::MAX] {
            assert!(Page { limit: Some(limit), cursor: None }.count().is_err(), "{limit}");
        }
        for wrong in ["!", "AA", &"A".repeat(1025), &cursor("gone")] {
            let page = Page { limit: None, cursor: Some(wrong.to_owned()) };
            assert!(page.of_named(vec!["a".to_owned()], Clone::clone).is_err(), "{wrong}");
        }
    }
}
