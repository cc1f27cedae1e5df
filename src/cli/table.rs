//! Tables for people.

use std::io::IsTerminal;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};

use super::output::say;

/// What fits into most terminals. Where it is no terminal that reads, nothing is wrapped.
const WIDTH: u16 = 100;

/// A column with its head.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// Text, which begins at the left and may go on in the next line.
    Text(&'static str),
    /// A word, which stays in one line.
    Word(&'static str),
    /// Numbers, which end at the right.
    Number(&'static str),
}

/// Rows below heads.
pub(super) struct Sheet(Table);

impl Sheet {
    /// A table without rows.
    pub(super) fn new(columns: &[Column]) -> Self {
        let mut sheet = Self::empty();
        sheet.0.set_header(columns.iter().map(|column| match column {
            Column::Text(head) | Column::Word(head) | Column::Number(head) => *head,
        }));
        for (at, column) in columns.iter().enumerate() {
            let Some(made) = sheet.0.column_mut(at) else { continue };
            made.set_padding((0, 2));
            if matches!(column, Column::Number(_)) {
                made.set_cell_alignment(CellAlignment::Right);
            }
            if !matches!(column, Column::Text(_)) {
                made.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        sheet
    }

    /// What is known of one thing: names with what they say.
    pub(super) fn facts(facts: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut sheet = Self::empty();
        for (name, says) in facts {
            sheet.row([name.to_owned(), says]);
        }
        for column in sheet.0.column_iter_mut() {
            column.set_padding((0, 2));
        }
        sheet
    }

    fn empty() -> Self {
        let mut table = Table::new();
        table.load_style(NOTHING);
        Self(table)
    }

    /// Adds a row.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.add_row(cells.iter().map(|cell| harmless(cell)));
    }

    /// Prints it, wrapped where a terminal reads.
    pub(super) fn print(self) {
        say(self.text(std::io::stdout().is_terminal().then_some(WIDTH)));
    }

    fn text(mut self, width: Option<u16>) -> String {
        if let Some(width) = width {
            self.0.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        self.0.trim_fmt()
    }
}

/// What somebody wrote may move a terminal's cursor, or turn the direction of a line around.
pub(super) fn harmless(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if turns(c) || breaks(c) { '\u{fffd}' } else { c }).collect()
}

/// An ε, or anything else that is told to the thousandth.
pub(super) fn number(number: f64) -> String {
    format!("{number:.3}")
}

/// A share of one.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A time of the API to the minute: its zone is UTC, and the head of the column says so.
pub(super) fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

/// A time of the API to the second.
pub(super) fn second(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

/// Names in a cell.
pub(super) fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

/// `one` thing, or `3 many`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(name: &str) -> Sheet {
        let mut sheet =
            Sheet::new(&[Column::Text("NAME"), Column::Number("SPENT"), Column::Word("WHY")]);
        sheet.row([name.to_owned(), number(0.5), "one".to_owned()]);
        sheet.row(["b".to_owned(), number(12.25), "another".to_owned()]);
        sheet
    }

    #[test]
    fn texts_begin_and_numbers_end_below_each_other() {
        let text = sheet("shop").text(None);
        assert_eq!(text, "NAME   SPENT  WHY\nshop   0.500  one\nb     12.250  another");
    }

    #[test]
    fn a_terminal_gets_no_line_that_is_wider() {
        let long = "word ".repeat(60);
        let text = sheet(&long).text(Some(WIDTH));
        assert!(text.lines().count() > 4, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(WIDTH)), "{text}");
        assert!(text.contains("  12.250  another"), "{text}");
        assert_eq!(sheet(&long).text(None).lines().count(), 3);
    }

    #[test]
    fn what_others_wrote_moves_no_cursor() {
        let text = sheet("a\u{1b}[2J\r\nb\u{202e}c").text(None);
        assert!(text.contains("a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}c"), "{text}");
    }

    #[test]
    fn facts_have_no_head() {
        let facts = Sheet::facts([("account", "shop".to_owned()), ("left", "1".to_owned())]);
        assert_eq!(facts.text(None), "account  shop\nleft     1");
    }
}
