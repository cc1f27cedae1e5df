//! `docs/functions.md`, written from the table.

use noisegate_privacy::functions::{Arg, PARTS, Signature};

const HEAD: &str = "# Functions and operators over private rows

<!-- Written from the table in `src/privacy/functions.rs` by `UPDATE_EXPECT=1 cargo test --test functions`. -->

These stand below a leaf, see [SQL for analysts](sql.md#expressions), beside comparisons, `AND`, `OR`,
`NOT`, `IS …`, `IN`, `LIKE`, `CASE`, `coalesce`, `nullif`, `least`, `greatest`, `+ - * / %`, and dates plus
or minus a constant.
Each has a value for every row.
A guard gives NULL where PostgreSQL's own function would be an error; elsewhere the value is PostgreSQL's.
An argument that is called constant has to be one, within the limit that is said.
Where the value is NULL because an argument is, nothing is said.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (title, rows) in PARTS {
        page.push_str(&format!(
            "\n## {title}\n\n| function | gives | why it cannot fail |\n| --- | --- | --- |\n"
        ));
        for row in *rows {
            page.push_str(&line(row));
        }
    }
    let count: usize = PARTS.iter().map(|(_, rows)| rows.len()).sum();
    page.push_str(&format!("\n{count} in all.\n"));
    page
}

fn line(row: &Signature) -> String {
    let mut why = row.why.to_owned();
    for (at, arg) in row.args.iter().enumerate() {
        if let Arg::Constant(_, limit) = arg {
            why.push_str(&format!(" Argument {}: {}.", at + 1, limit.shown()));
        }
    }
    let escaped = |text: &str| text.replace('|', "\\|");
    format!("| `{}` | {} | {} |\n", escaped(&row.shown()), row.result.shown(), escaped(&why))
}

#[test]
fn the_documentation_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/functions.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, page(), "run UPDATE_EXPECT=1 cargo test --test functions");
}
