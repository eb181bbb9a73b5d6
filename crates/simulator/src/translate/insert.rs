//! INSERT and REPLACE.

use crate::cursor::Cursor;
use crate::ddl::definition::{DefaultValue, TableDef};
use crate::error::SqlError;
use crate::lexer::{Kind, Token};
use crate::translate::rewriter::Rewriter;
use crate::translate::{Schema, Statement, Verb, expression, quote_name, quote_text};
use std::sync::Arc;

/// Rewrites the statement.
pub(super) fn insert(
    rewriter: &mut Rewriter<'_>,
    mut cursor: Cursor<'_>,
    schema: &dyn Schema,
    statement: &mut Statement,
) -> Result<(), SqlError> {
    let replaces = cursor.accept("replace");
    statement.verb = if replaces {
        Verb::Replace
    } else {
        Verb::Insert
    };
    if !replaces {
        cursor.take();
    }
    while ["low_priority", "high_priority", "delayed"]
        .iter()
        .any(|word| cursor.accept(word))
    {}
    let ignores = cursor.accept("ignore");
    cursor.accept("into");
    rewriter.push(match (replaces, ignores) {
        (true, _) => "REPLACE INTO",
        (false, true) => "INSERT OR IGNORE INTO",
        (false, false) => "INSERT INTO",
    });
    rewriter.table(&mut cursor)?;
    let target = rewriter.tables.last().cloned();
    let definition = target.and_then(|name| schema.table(&name.database?, &name.table));
    if cursor.accept("partition") {
        cursor.brackets()?;
    }
    let mut insert = Insert {
        rewriter,
        definition,
        columns: None,
    };
    insert.body(&mut cursor, statement)?;
    insert.duplicates(&mut cursor)?;
    if cursor.at_end() {
        Ok(())
    } else {
        Err(cursor.error())
    }
}

struct Insert<'r, 'a> {
    rewriter: &'r mut Rewriter<'a>,
    definition: Option<Arc<TableDef>>,
    columns: Option<Vec<String>>,
}

impl Insert<'_, '_> {
    fn body(&mut self, cursor: &mut Cursor<'_>, statement: &mut Statement) -> Result<(), SqlError> {
        if cursor.accept("set") {
            return self.assignments(cursor, statement);
        }
        let selects = cursor
            .peek_at(1)
            .is_some_and(|token| token.is_word("select"));
        if cursor.sees_symbol("(") && !selects {
            let inside = cursor.brackets()?;
            let names = inside.split_commas();
            let columns: Result<Vec<String>, SqlError> = names
                .into_iter()
                .filter(|part| !part.at_end())
                .map(last_name)
                .collect();
            self.name_columns(columns?, statement)?;
        }
        if cursor.accept("values") || cursor.accept("value") {
            statement.generates = self.generates();
            self.rewriter.push("VALUES");
            return self.rows(cursor, statement);
        }
        statement.generates = self.generates();
        self.query(cursor)
    }

    fn name_columns(
        &mut self,
        columns: Vec<String>,
        statement: &mut Statement,
    ) -> Result<(), SqlError> {
        if columns.is_empty() {
            return Ok(());
        }
        if let Some(definition) = &self.definition {
            let unknown = columns
                .iter()
                .find(|name| definition.column(name).is_none());
            if let Some(name) = unknown {
                let text = format!("Unknown column '{name}' in 'field list'");
                return Err(SqlError::new(1054, text));
            }
        }
        let quoted: Vec<String> = columns.iter().map(|name| quote_name(name)).collect();
        self.rewriter.push(&format!("({})", quoted.join(", ")));
        statement.named.clone_from(&columns);
        self.columns = Some(columns);
        Ok(())
    }

    /// Whether the rows leave the `AUTO_INCREMENT` column to the server.
    fn generates(&self) -> bool {
        let Some(auto) = self
            .definition
            .as_ref()
            .and_then(|definition| definition.auto_column())
        else {
            return false;
        };
        match &self.columns {
            Some(columns) => !columns
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&auto.name)),
            None => false,
        }
    }

    /// The definition's name of the column at `index` of a row.
    fn column_at(&self, index: usize) -> Option<String> {
        match &self.columns {
            Some(columns) => columns.get(index).cloned(),
            None => Some(self.definition.as_ref()?.columns.get(index)?.name.clone()),
        }
    }

    fn rows(&mut self, cursor: &mut Cursor<'_>, statement: &mut Statement) -> Result<(), SqlError> {
        let mut first = true;
        loop {
            let inside = cursor.brackets()?;
            self.rewriter.push(if first { "(" } else { ", (" });
            first = false;
            self.row(inside, statement)?;
            self.rewriter.push(")");
            if !cursor.accept_symbol(",") {
                return Ok(());
            }
        }
    }

    fn row(&mut self, inside: Cursor<'_>, statement: &mut Statement) -> Result<(), SqlError> {
        let expected = match (&self.columns, &self.definition) {
            (Some(columns), _) => Some(columns.len()),
            (None, Some(definition)) => Some(definition.columns.len()),
            (None, None) => None,
        };
        let values = inside.split_commas();
        let empty = inside.at_end();
        if empty && self.columns.is_none() {
            return self.default_row();
        }
        if !empty && expected.is_some_and(|expected| expected != values.len()) {
            return Err(SqlError::new(
                1136,
                "Column count doesn't match value count at row 1",
            ));
        }
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.rewriter.push(",");
            }
            self.value(index, value.rest(), statement)?;
        }
        Ok(())
    }

    /// `VALUES ()`: every column's default.
    fn default_row(&mut self) -> Result<(), SqlError> {
        let count = self
            .definition
            .as_ref()
            .map_or(0, |definition| definition.columns.len());
        for index in 0..count {
            if index > 0 {
                self.rewriter.push(",");
            }
            let default = self.default_of(index)?;
            self.rewriter.push(&default);
        }
        Ok(())
    }

    fn value(
        &mut self,
        index: usize,
        tokens: &[Token],
        statement: &mut Statement,
    ) -> Result<(), SqlError> {
        if let [only] = tokens
            && only.is_word("default")
        {
            let default = self.default_of(index)?;
            statement.generates |= self.is_auto(index);
            self.rewriter.push(&default);
            return Ok(());
        }
        if !self.is_auto(index) {
            return self.rewriter.tokens(tokens);
        }
        let generates = match tokens {
            [
                Token {
                    kind: Kind::Number(number),
                    ..
                },
            ] => number == "0",
            [token] => token.is_word("null"),
            _ => false,
        };
        statement.generates |= generates;
        let value = self.rewriter.apart(tokens)?;
        self.rewriter.push(&format!("nullif({value}, 0)"));
        Ok(())
    }

    fn is_auto(&self, index: usize) -> bool {
        let name = self.column_at(index);
        let definition = self.definition.as_ref();
        name.zip(definition)
            .and_then(|(name, definition)| Some(definition.column(&name)?.auto_increment))
            .unwrap_or(false)
    }

    fn default_of(&self, index: usize) -> Result<String, SqlError> {
        let name = self.column_at(index).unwrap_or_default();
        let column = self
            .definition
            .as_ref()
            .and_then(|definition| definition.column(&name));
        match column.and_then(|column| column.default.clone()) {
            Some(DefaultValue::Literal(text)) => Ok(quote_text(&text)),
            Some(DefaultValue::Expression(text)) => expression(&text),
            Some(DefaultValue::Null) | None => Ok("NULL".to_owned()),
        }
    }

    fn query(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        let tokens = cursor.rest();
        let end = duplicate_position(tokens).unwrap_or(tokens.len());
        let query = self
            .rewriter
            .apart_with_tables(tokens.get(..end).unwrap_or_default())?;
        // Without a WHERE, SQLite would read ON CONFLICT as a join condition.
        self.rewriter
            .push(&format!("SELECT * FROM ({query}) WHERE true"));
        for _ in 0..end {
            cursor.take();
        }
        Ok(())
    }

    fn assignments(
        &mut self,
        cursor: &mut Cursor<'_>,
        statement: &mut Statement,
    ) -> Result<(), SqlError> {
        let tokens = cursor.rest();
        let end = duplicate_position(tokens).unwrap_or(tokens.len());
        let inside = Cursor::new(self.rewriter.sql, tokens.get(..end).unwrap_or_default());
        let mut columns = Vec::new();
        let mut values = Vec::new();
        for mut part in inside.split_commas() {
            columns.push(column_name(&mut part)?);
            part.expect_symbol("=")?;
            values.push(part);
        }
        self.name_columns(columns, statement)?;
        statement.generates = self.generates();
        self.rewriter.push("VALUES (");
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.rewriter.push(",");
            }
            self.value(index, value.rest(), statement)?;
        }
        self.rewriter.push(")");
        for _ in 0..end {
            cursor.take();
        }
        Ok(())
    }

    fn duplicates(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        if !cursor.accept_all(&["on", "duplicate", "key", "update"]) {
            return Ok(());
        }
        self.rewriter.in_duplicate = true;
        self.rewriter.push("ON CONFLICT DO UPDATE SET");
        for (index, mut part) in cursor.split_commas().into_iter().enumerate() {
            let column = column_name(&mut part)?;
            part.expect_symbol("=")?;
            let value = self.rewriter.apart(part.rest())?;
            let comma = if index > 0 { ", " } else { "" };
            // The function counts the rows that were updated: MySQL counts each of them twice.
            let value = if index == 0 {
                format!("mysql_updated({value})")
            } else {
                value
            };
            self.rewriter
                .push(&format!("{comma}{} = {value}", quote_name(&column)));
        }
        self.rewriter.in_duplicate = false;
        while cursor.take().is_some() {}
        Ok(())
    }
}

fn last_name(part: Cursor<'_>) -> Result<String, SqlError> {
    let name = part.rest().last().and_then(Token::name);
    name.map(str::to_owned).ok_or_else(|| part.error())
}

/// Reads `column`, `table.column` or `database.table.column`; the last name counts.
pub(super) fn column_name(cursor: &mut Cursor<'_>) -> Result<String, SqlError> {
    let mut name = cursor.name()?;
    while cursor.accept_symbol(".") {
        name = cursor.name()?;
    }
    Ok(name)
}

fn duplicate_position(tokens: &[Token]) -> Option<usize> {
    tokens.windows(2).position(|pair| {
        matches!(pair, [on, duplicate] if on.is_word("on") && duplicate.is_word("duplicate"))
    })
}
