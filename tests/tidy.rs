//! What no compiler checks: who imports whom, that each file says what it is for, and that the
//! documents tell of commands, files, links, codes and tests that exist.
//!
//! The tables of imports are read from `docs/architecture.md`, so what is written there holds.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use noisegate::error::Code;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the repository below a folder, by their paths from its root.
fn files(below: &str) -> Vec<PathBuf> {
    let left_out = ["target", ".git", ".venv", "node_modules"];
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if left_out.iter().any(|name| path.file_name().unwrap() == *name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root()).unwrap().to_path_buf());
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(root().join(path)).unwrap()).into_owned()
}

fn ends_with(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        matches!(name.as_ref(), "tests" | "tests.rs" | "testing.rs")
    })
}

/// The sources, without their tests and comments.
fn sources() -> Vec<(PathBuf, String)> {
    let sources = files("src").into_iter().filter(|path| ends_with(path, "rs") && !is_test(path));
    sources
        .map(|path| {
            let text = read(&path);
            let code = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
            let code = code.filter(|line| !line.trim_start().starts_with("//"));
            (path, code.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

/// The module of the library that a source is in: `policy` of `src/policy/check/mod.rs`.
fn module(path: &Path) -> String {
    let first = path.components().nth(1).unwrap();
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The identifiers that follow a text, wherever it stands.
fn following<'a>(text: &'a str, before: &str) -> BTreeSet<&'a str> {
    let parts = text.split(before).skip(1);
    parts
        .map(|part| {
            let end = part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
            part.get(..end).unwrap()
        })
        .collect()
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// A table of `docs/architecture.md`, by its heading: what its first column names, and what the
/// second does.
fn table(heading: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = read(Path::new("docs/architecture.md"));
    let section = text.split(heading).nth(1).unwrap();
    let section = section.split("\n#").next().unwrap();
    let mut table = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = line.trim_matches('|').split('|');
        let (names, values) = (cells.next().unwrap(), cells.next().unwrap());
        let values: BTreeSet<String> = quoted(values).into_iter().map(str::to_owned).collect();
        for name in quoted(names) {
            table.insert(name.to_owned(), values.clone());
        }
    }
    assert!(table.len() > 4, "the table under {heading} is not found");
    table
}

#[test]
fn modules_import_what_they_may() {
    let allowed = table("### Who may import whom");
    let everything = ["lib", "main", "privacy"];
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        let from = module(&path);
        if everything.contains(&from.as_str()) {
            continue;
        }
        let Some(may) = allowed.get(&from) else {
            wrong.push(format!("{from} is not in the table"));
            continue;
        };
        for to in following(&code, "crate::") {
            if to.is_empty() {
                wrong.push(format!("{} imports in braces, which hides from whom", path.display()));
            }
            if to != from && allowed.contains_key(to) && !may.contains(to) {
                wrong.push(format!("{} imports {to}", path.display()));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn crates_are_used_where_they_may() {
    let allowed = table("### Crates with a place");
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        for (name, places) in &allowed {
            if code.contains(&format!("{name}::")) && !places.contains(&module(&path)) {
                wrong.push(format!("{} uses {name}", path.display()));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn each_source_says_what_it_is_for() {
    let silent: Vec<PathBuf> = files("src")
        .into_iter()
        .filter(|path| ends_with(path, "rs") && !is_test(path))
        .filter(|path| !read(path).starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn proofs_are_made_in_one_place() {
    let calls = |what: &str| -> Vec<PathBuf> {
        let calling = sources().into_iter().flat_map(|(path, code)| {
            let count = code.matches(what).count();
            std::iter::repeat_n(path, count)
        });
        calling.collect()
    };
    assert_eq!(calls("Receipt::assertion("), [PathBuf::from("src/ledger/charge.rs")]);
    let not_executed = calls("NotExecuted::assertion(");
    assert!(!not_executed.is_empty());
    assert!(not_executed.iter().all(|path| path.starts_with("src/source")), "{not_executed:?}");
}

/// Where the repository lies, and where its dependencies come from, is nobody's business here.
#[test]
fn no_file_names_a_machine() {
    // In halves, so that this file does not name them either.
    let names: Vec<String> = [
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("crates", ".io"),
        ("pypi", ".org"),
        ("npmjs", ".org"),
        ("npmjs", ".com"),
        ("proxy.golang", ".org"),
    ]
    .map(|(one, other)| format!("{one}{other}"))
    .to_vec();
    let mut wrong = Vec::new();
    let written = |path: &PathBuf| path != Path::new("Cargo.lock") && !ends_with(path, "log");
    for path in files("").into_iter().filter(written) {
        let text = read(&path);
        for name in names.iter().filter(|name| text.contains(*name)) {
            wrong.push(format!("{} names {name}", path.display()));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

fn documents() -> Vec<(PathBuf, String)> {
    let found: Vec<_> = files("")
        .into_iter()
        .filter(|path| ends_with(path, "md"))
        .map(|path| (path.clone(), read(&path)))
        .collect();
    assert!(found.len() > 10);
    found
}

/// What a heading is called in a link, as the usual renderers do it.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let kept = line.trim_start_matches('#').trim().chars();
            let kept = kept.filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.collect::<String>().to_lowercase().replace(' ', "-")
        })
        .collect()
}

#[test]
fn links_between_documents_resolve() {
    let mut wrong = Vec::new();
    for (path, text) in documents() {
        for part in text.split("](").skip(1) {
            let link = part.split(')').next().unwrap();
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            let there = root().join(&target).exists();
            if !there || (!anchor.is_empty() && !anchors(&read(&target)).contains(anchor)) {
                wrong.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn documents_name_files_that_exist() {
    let mut wrong = Vec::new();
    for (path, text) in documents() {
        let ours = ["src/", "tests/", "budgets/", "docs/", "docker/", ".ci/"];
        for name in quoted(&text.replace("```", "")) {
            let is_path = ours.iter().any(|start| name.starts_with(start));
            if is_path && !name.contains(['*', ' ', '<']) && !root().join(name).exists() {
                wrong.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// The command lines of `noisegate` in the code blocks of a document.
fn command_lines(text: &str) -> Vec<String> {
    let blocks = text.split("```").skip(1).step_by(2);
    let lines = blocks.flat_map(str::lines).map(|line| line.trim().trim_start_matches("$ "));
    lines
        .filter_map(|line| {
            let line = line.split(" #").next().unwrap();
            let rest = line
                .strip_prefix("cargo run --release -- ")
                .or_else(|| line.strip_prefix("noisegate "));
            rest.map(str::to_owned)
        })
        .collect()
}

#[test]
fn commands_of_the_documents_exist() {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (path, text) in documents() {
        for line in command_lines(&text) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let known = [
                "demo",
                "rehearse",
                "serve",
                "init",
                "check",
                "budget",
                "show",
                "grant",
                "cap",
                "freeze",
                "thaw",
                "reset",
                "history",
                "spenders",
                "audit",
                "tail",
                "search",
                "export",
                "verify",
                "token",
                "create",
                "revoke",
                "completion",
                "user",
                "add",
                "remove",
                "list",
                "ledger",
                "accept-clock",
                "accept-restored",
                "copy",
            ];
            let command: Vec<&str> =
                words.iter().copied().take_while(|word| known.contains(word)).collect();
            let help = Command::new(env!("CARGO_BIN_EXE_noisegate"))
                .args(&command)
                .arg("--help")
                .output()
                .unwrap();
            let text = String::from_utf8(help.stdout).unwrap();
            let flags = words.iter().filter(|word| word.starts_with("--"));
            let unknown: Vec<&&str> = flags.filter(|flag| !text.contains(**flag)).collect();
            if command.is_empty() || !help.status.success() || !unknown.is_empty() {
                wrong.push(format!("{}: noisegate {line}: {unknown:?}", path.display()));
            }
            seen.insert(command.join(" "));
        }
    }
    assert_eq!(wrong, [""; 0]);
    for command in ["demo", "init", "check", "user add", "serve"] {
        assert!(seen.contains(command), "no document shows noisegate {command}");
    }
    let readme = read(Path::new("README.md"));
    assert!(readme.contains("cargo run --release -- demo") && readme.contains("cargo test"));
}

#[test]
fn each_code_of_a_refusal_is_documented() {
    let text = read(Path::new("docs/sql.md"));
    let missing: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| {
            let row = format!("| `{}` | `{}` |", code.name(), code.sqlstate());
            !text.contains(&row)
        })
        .map(|code| code.name())
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_threat_model_cites_tests_that_exist() {
    let mut tests = BTreeSet::new();
    for path in files("src").into_iter().chain(files("tests")).filter(|path| ends_with(path, "rs"))
    {
        tests.extend(following(&read(&path), "fn ").into_iter().map(str::to_owned));
    }
    let text = read(Path::new("docs/threat-model.md"));
    let cited: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| "))
        .flat_map(|line| quoted(line.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap()))
        .filter(|name| name.matches('_').count() > 1)
        .collect();
    assert!(cited.len() > 20, "{cited:?}");
    let missing: Vec<&&str> = cited.iter().filter(|name| !tests.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
