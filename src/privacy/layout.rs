//! Where the numbers of statistics stand in a row.
//!
//! Most statistics have one number for a group, some have many. The first number of each stands at
//! the statistic's own index; the others follow after all of these, statistic by statistic.

/// The place of one number of the statistic `at`, if statistics have so many numbers.
pub fn place(widths: &[usize], at: usize, part: usize) -> usize {
    let Some(rest) = part.checked_sub(1) else { return at };
    let before = widths.iter().take(at).map(|width| width.saturating_sub(1));
    before.fold(widths.len(), usize::saturating_add).saturating_add(rest)
}

/// How many numbers a row has.
pub fn total(widths: &[usize]) -> usize {
    widths.iter().copied().fold(0, usize::saturating_add)
}

/// All numbers of the statistic `at`; nothing if the row is too short.
pub fn of<'a, T>(widths: &[usize], at: usize, row: &'a [T]) -> Option<Vec<&'a T>> {
    let first = row.get(at)?;
    let rest = widths.get(at)?.checked_sub(1)?;
    let start = place(widths, at, 1);
    let rest = row.get(start..start.checked_add(rest)?)?;
    Some(std::iter::once(first).chain(rest).collect())
}

/// The numbers of all statistics as a row; each has one at least.
pub fn row<T>(statistics: Vec<Vec<T>>) -> Vec<T> {
    let mut firsts = Vec::with_capacity(statistics.len());
    let mut rest = Vec::new();
    for numbers in statistics {
        let mut numbers = numbers.into_iter();
        firsts.extend(numbers.next());
        rest.extend(numbers);
    }
    firsts.extend(rest);
    firsts
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_found() {
        let widths = [1, 3, 1, 2];
        let made = row(vec![vec!["a"], vec!["b", "c", "d"], vec!["e"], vec!["f", "g"]]);
        assert_eq!(made, ["a", "b", "e", "f", "c", "d", "g"]);
        assert_eq!(total(&widths), 7);
        for (at, numbers) in
            [vec!["a"], vec!["b", "c", "d"], vec!["e"], vec!["f", "g"]].iter().enumerate()
        {
            let found: Vec<&str> = of(&widths, at, &made).unwrap().into_iter().copied().collect();
            assert_eq!(found, *numbers);
            for (part, number) in numbers.iter().enumerate() {
                assert_eq!(made[place(&widths, at, part)], *number);
            }
        }
        assert_eq!(of(&widths, 3, &made[..6]), None);
    }
}
