//! From the MySQL dialect to SQLite's: token by token, so that whatever both understand passes.

mod call;
mod clauses;
mod insert;
mod modify;
mod rewriter;
mod select_list;

use crate::cursor::{Cursor, TableName};
use crate::ddl::definition::TableDef;
use crate::error::SqlError;
use crate::lexer::{Token, lex};
use rewriter::Rewriter;
use std::fmt::Write as _;
use std::sync::Arc;

/// What a data statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Select,
    Insert,
    Replace,
    Update,
    Delete,
}

/// A data statement in SQLite's dialect.
#[derive(Debug, Clone)]
pub(crate) struct Translated {
    pub(crate) sql: String,
    pub(crate) verb: Verb,
    /// Every table, with its database filled in.
    pub(crate) tables: Vec<TableName>,
    /// `FOR UPDATE` or `LOCK IN SHARE MODE`.
    pub(crate) locks: bool,
    /// An `AUTO_INCREMENT` value is generated.
    pub(crate) generates: bool,
    /// `SELECT .. INTO @a, @b`.
    pub(crate) into: Vec<String>,
    /// Columns that an INSERT names, to tell 1048 from 1364.
    pub(crate) named: Vec<String>,
}

/// What a translation asks of the catalogue.
pub(crate) trait Schema {
    /// The definition of a table, if there is one.
    fn table(&self, database: &str, table: &str) -> Option<Arc<TableDef>>;
}

/// Translates a data statement in the context of `database` (empty: none chosen).
pub(crate) fn translate(
    sql: &[u8],
    tokens: &[Token],
    database: &str,
    schema: &dyn Schema,
) -> Result<Translated, SqlError> {
    let mut rewriter = Rewriter::new(sql, database);
    let cursor = Cursor::new(sql, tokens);
    let first = cursor
        .peek()
        .and_then(Token::name)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut statement = Statement {
        verb: Verb::Select,
        generates: false,
        named: Vec::new(),
    };
    match first.as_str() {
        "insert" | "replace" => insert::insert(&mut rewriter, cursor, schema, &mut statement)?,
        "update" => {
            statement.verb = Verb::Update;
            modify::update(&mut rewriter, cursor)?;
        }
        "delete" => {
            statement.verb = Verb::Delete;
            modify::delete(&mut rewriter, cursor)?;
        }
        _ => select_list::select(&mut rewriter, tokens)?,
    }
    Ok(Translated {
        sql: rewriter.out,
        verb: statement.verb,
        tables: rewriter.tables,
        locks: rewriter.locks,
        generates: statement.generates,
        into: rewriter.into,
        named: statement.named,
    })
}

/// What the statement parsers find out besides the text.
#[derive(Debug)]
struct Statement {
    verb: Verb,
    generates: bool,
    named: Vec<String>,
}

/// Translates a bare expression, such as a default value.
pub(crate) fn expression(text: &str) -> Result<String, SqlError> {
    let lexed = lex(text.as_bytes())?;
    let mut rewriter = Rewriter::new(text.as_bytes(), "");
    rewriter.tokens(&lexed.tokens)?;
    Ok(rewriter.out)
}

/// A name in SQLite's backticks, which never fall back to a string as double quotes do.
pub(crate) fn quote_name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A string literal.
pub(crate) fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A literal for bytes: a string where they are text, else a blob.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.contains(&0) => quote_text(text),
        Ok(_) => format!("CAST({} AS TEXT)", blob_literal(bytes)),
        Err(_) => blob_literal(bytes),
    }
}

/// A blob literal.
pub(crate) fn blob_literal(bytes: &[u8]) -> String {
    let mut literal = String::with_capacity(bytes.len() * 2 + 3);
    literal.push_str("X'");
    for byte in bytes {
        write!(literal, "{byte:02X}").unwrap_or_default();
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests;
