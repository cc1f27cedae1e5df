//! Names and text inside generated SQL. All generated SQL quotes with these two functions.
//!
//! A NUL cannot be quoted in PostgreSQL; the protocol refuses statements that hold one.

/// A name, always in quotes, so that folding and keywords do not matter.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A qualified name.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", ident(schema), ident(name))
}

/// A string constant that means the same whatever `standard_conforming_strings` is.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    use super::*;
    use crate::demo::{Cluster, Options};

    #[test]
    fn quotes_as_postgresql_does() {
        let cluster = Cluster::temporary(Options::default()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let config = cluster.config("postgres", "postgres");
        let (client, connection) = runtime.block_on(config.connect(tokio_postgres::NoTls)).unwrap();
        runtime.spawn(connection);
        // Quotes, backslashes and comment signs far more often than chance would.
        let text = proptest::collection::vec(
            prop_oneof![Just('\''), Just('"'), Just('\\'), Just('-'), Just('$'), any::<char>()],
            0..40,
        );
        let text = text.prop_map(|chars| chars.into_iter().filter(|c| *c != '\0').collect());
        let mut runner = TestRunner::new(Config::with_cases(300));
        let outcome = runner.run(&text, |text: String| {
            let sql = format!(
                "SELECT quote_literal($1), {literal}, parse_ident({name})",
                literal = literal(&text),
                name = literal(&ident(&text)),
            );
            if text.is_empty() {
                return Ok(());
            }
            for setting in ["on", "off"] {
                let set = format!("SET standard_conforming_strings = {setting}");
                runtime.block_on(client.batch_execute(&set)).unwrap();
                let row = runtime.block_on(client.query_one(&sql, &[&text])).unwrap();
                prop_assert_eq!(row.get::<_, String>(0), literal(&text));
                prop_assert_eq!(row.get::<_, String>(1), text.clone());
                prop_assert_eq!(row.get::<_, Vec<String>>(2), vec![text.clone()]);
            }
            // As a name in a statement, up to the length where PostgreSQL cuts names.
            if text.len() < 64 {
                let sql = format!("SELECT 1 AS {}", ident(&text));
                let statement = runtime.block_on(client.prepare(&sql)).unwrap();
                prop_assert_eq!(statement.columns().first().unwrap().name(), &text);
            }
            Ok(())
        });
        outcome.unwrap();
    }
}
