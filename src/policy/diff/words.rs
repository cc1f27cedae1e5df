//! Words that all sentences use.

/// Two values, if they are not the same.
pub(super) fn now<'a, T: PartialEq>(old: &'a T, new: &'a T) -> Option<(&'a T, &'a T)> {
    (old != new).then_some((old, new))
}

/// A length of time in the largest unit that divides it.
pub(super) fn duration(ms: i64) -> String {
    const UNITS: [(i64, &str); 4] =
        [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second")];
    let unit = UNITS.into_iter().find(|(each, _)| ms >= *each && ms % each == 0);
    let (each, name) = unit.unwrap_or((1, "millisecond"));
    let count = ms / each;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

/// Names in a row, of which the first few are told.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let names: Vec<&str> = names.into_iter().collect();
    let shown: Vec<&str> = names.iter().take(SHOWN).copied().collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
