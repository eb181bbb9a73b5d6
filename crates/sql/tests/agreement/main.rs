//! Whatever the recogniser claims about a statement, sqlparser's full parse says too.
#![allow(clippy::indexing_slicing, reason = "a test may index")]

mod generate;
mod oracle;
mod tree;
#[path = "../written/mod.rs"]
mod written;

use generate::{Statement, statement};
use odp_sql::{Charset, Verb, outline};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use tree::Tree;

fn agree(statement: &Statement) -> Result<bool, TestCaseError> {
    let text = &statement.text;
    let parsed = match Parser::parse_sql(&MySqlDialect {}, text) {
        Ok(parsed) if parsed.len() == 1 => parsed,
        other => {
            return Err(TestCaseError::fail(format!(
                "not a statement: {text}\n{other:?}"
            )));
        }
    };
    let expected = oracle::read(&parsed[0]);
    let found = outline(text.as_bytes(), Charset::Utf8);
    prop_assert_eq!(found.verb(), expected.verb, "{}", text);
    prop_assert!(!found.is_multi_statement(), "{}", text);
    prop_assert_eq!(tree::table(&found), expected.table, "{}", text);
    prop_assert_eq!(tree::rows(&found), expected.rows, "{}", text);
    let condition = Tree::of(found.filter());
    let Some(wanted) = expected.condition else {
        prop_assert!(condition.is_none(), "{}: {:?}", text, condition);
        return Ok(matches!(found.verb(), Verb::Insert | Verb::Replace));
    };
    let condition = condition.unwrap_or(Tree::Unsure);
    prop_assert!(
        condition.claims_no_more_than(&wanted),
        "{}\nread {:?}\nis   {:?}",
        text,
        condition,
        wanted
    );
    // Where everything is simple, being unsure would be a miss.
    prop_assert!(
        wanted.is_unsure_somewhere() || condition == wanted,
        "{}\nread {:?}",
        text,
        condition
    );
    Ok(!wanted.is_unsure_somewhere())
}

#[test]
fn generated_statements_are_read_as_sqlparser_reads_them() {
    let config = Config {
        cases: 12_000,
        failure_persistence: None,
        ..Config::default()
    };
    let understood = std::cell::Cell::new(0);
    let outcome = TestRunner::new(config).run(&statement(), |statement| {
        understood.set(understood.get() + u32::from(agree(&statement)?));
        Ok(())
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    // Otherwise the generator has drifted to statements about which nothing is said.
    assert!(
        understood.get() > 4_000,
        "only {} statements were simple",
        understood.get()
    );
}
