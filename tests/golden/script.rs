//! The form of a golden script, and its comparison.
//!
//! Lines that start with `#` and empty lines are prose. All else is blocks: input up to a line
//! `----`, then output up to an empty line.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A piece of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A comment or an empty line.
    Prose(String),
    /// Something to do, and what came of it when the file was written.
    Block { input: String, output: String },
}

/// Takes a script apart.
pub(crate) fn parse(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            pieces.push(Piece::Prose(line.to_owned()));
            continue;
        }
        let mut input = vec![line];
        input.extend(lines.by_ref().take_while(|line| *line != "----"));
        let output: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        pieces.push(Piece::Block { input: input.join("\n"), output: output.join("\n") });
    }
    pieces
}

/// Puts a script together again.
pub(crate) fn print(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Prose(line) => text.push_str(line),
            Piece::Block { input, output } if output.is_empty() => {
                write!(text, "{input}\n----\n").expect("a string takes all");
            }
            Piece::Block { input, output } => {
                write!(text, "{input}\n----\n{output}\n").expect("a string takes all");
            }
        }
        text.push('\n');
    }
    let end = text.trim_end().len();
    text.truncate(end);
    text.push('\n');
    text
}

/// The blocks' inputs.
pub(crate) fn inputs(pieces: &[Piece]) -> Vec<String> {
    let input = |piece: &Piece| match piece {
        Piece::Prose(_) => None,
        Piece::Block { input, .. } => Some(input.clone()),
    };
    pieces.iter().filter_map(input).collect()
}

/// The script with other outputs, of which none may hold an empty line.
pub(crate) fn with_outputs(pieces: &[Piece], outputs: Vec<String>) -> Vec<Piece> {
    let mut outputs = outputs.into_iter();
    let one = |piece: &Piece| match piece {
        Piece::Prose(line) => Piece::Prose(line.clone()),
        Piece::Block { input, .. } => {
            let output = outputs.next().expect("an output for each block");
            let lines: Vec<&str> =
                output.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
            Piece::Block { input: input.clone(), output: lines.join("\n") }
        }
    };
    pieces.iter().map(one).collect()
}

/// The scripts of a folder of `sql-tests`, in order.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql-tests").join(folder);
    let entries = std::fs::read_dir(&folder).expect("a folder of scripts");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "test"));
    files.sort();
    assert!(!files.is_empty(), "{} has no scripts", folder.display());
    files
}

/// Runs each script of a folder and compares; `run` gets a file's text and returns it as it
/// should be.
pub(crate) fn check(folder: &str, mut run: impl FnMut(&str) -> String) {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = String::new();
    for file in files(folder) {
        let written = std::fs::read_to_string(&file).expect("a script");
        let found = run(&written);
        if found == written {
            continue;
        }
        if update {
            std::fs::write(&file, found).expect("a script can be written");
        } else {
            let name = file.file_name().unwrap_or_default().display();
            write!(wrong, "{folder}/{name}:\n{}", difference(&written, &found)).expect("a string");
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong}\nIf this is what it should be: UPDATE_EXPECT=1 cargo test --test golden"
    );
}

/// The lines from the first to the last that differ, at most thirty of each side.
fn difference(written: &str, found: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (written.lines().collect(), found.lines().collect());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = old.iter().zip(&new).take_while(same).count();
    let tail =
        old.iter().skip(head).rev().zip(new.iter().skip(head).rev()).take_while(same).count();
    let part = |lines: &[&str], mark: &str| {
        let kept = lines.len().saturating_sub(tail).saturating_sub(head);
        let mut text = String::new();
        for line in lines.iter().skip(head).take(kept.min(30)) {
            writeln!(text, "  {mark} {line}").expect("a string takes all");
        }
        text
    };
    let before = head.checked_sub(1).and_then(|at| old.get(at)).copied().unwrap_or_default();
    format!("  line {}\n    {before}\n{}{}", head + 1, part(&old, "-"), part(&new, "+"))
}

#[test]
fn a_script_is_printed_as_it_is_read() {
    let text = "# About.\n\nselect 1\n  + 1;\n----\nout\nmore\n\n# Nothing comes of it.\nx;\n----\n\ny;\n----\nz\n";
    let pieces = parse(text);
    assert_eq!(print(&pieces), text);
    assert_eq!(inputs(&pieces), ["select 1\n  + 1;", "x;", "y;"]);
    let changed = with_outputs(&pieces, vec!["a\n\n b ".into(), String::new(), "z".into()]);
    assert_eq!(parse(&print(&changed)), changed);
    assert!(difference(text, &print(&changed)).contains("line 6"));
}
