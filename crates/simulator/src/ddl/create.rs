//! Reads CREATE TABLE.

use crate::cursor::{Cursor, TableName};
use crate::ddl::column_type::{ColumnType, literal_text};
use crate::ddl::definition::{ColumnDef, DefaultValue, KeyDef, TableDef};
use crate::ddl::partition;
use crate::error::SqlError;
use crate::lexer::{Kind, Token};

/// What a CREATE TABLE asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateTable {
    pub(crate) name: TableName,
    pub(crate) if_not_exists: bool,
    pub(crate) source: Source,
}

/// Where the definition comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// Columns are written out.
    Columns(TableDef),
    /// `LIKE other`.
    Like(TableName),
    /// `AS SELECT`: the text of the query, and the definition in front of it.
    Query(TableDef, String),
}

/// Reads a statement whose first words, `CREATE TABLE`, have been taken.
pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<CreateTable, SqlError> {
    let if_not_exists = cursor.accept_all(&["if", "not", "exists"]);
    let name = cursor.table_name()?;
    if let Some(other) = parse_like(cursor)? {
        return Ok(CreateTable {
            name,
            if_not_exists,
            source: Source::Like(other),
        });
    }
    let mut definition = TableDef::default();
    let selects = |token: Option<&Token>| token.is_some_and(|token| token.is_word("select"));
    if cursor.sees_symbol("(") && !selects(cursor.peek_at(1)) {
        for item in cursor.brackets()?.split_commas() {
            parse_item(item, &mut definition)?;
        }
    }
    parse_options(cursor, &mut definition)?;
    if cursor.accept_all(&["partition", "by"]) {
        definition.partitioning = Some(partition::parse(cursor, &definition)?);
    }
    cursor.accept("ignore");
    cursor.accept("as");
    if cursor.at_end() {
        if definition.columns.is_empty() {
            return Err(SqlError::new(1113, "A table must have at least 1 column"));
        }
        check_keys(&definition)?;
        return Ok(CreateTable {
            name,
            if_not_exists,
            source: Source::Columns(definition),
        });
    }
    if cursor.sees("select") || cursor.sees("with") || cursor.sees_symbol("(") {
        let source = Source::Query(definition, cursor.text());
        return Ok(CreateTable {
            name,
            if_not_exists,
            source,
        });
    }
    Err(cursor.error())
}

fn parse_like(cursor: &mut Cursor<'_>) -> Result<Option<TableName>, SqlError> {
    if cursor.accept("like") {
        return cursor.table_name().map(Some);
    }
    let bracketed = cursor.peek_at(1).is_some_and(|token| token.is_word("like"));
    if cursor.sees_symbol("(") && bracketed {
        let mut inside = cursor.brackets()?;
        inside.take();
        return inside.table_name().map(Some);
    }
    Ok(None)
}

fn check_keys(definition: &TableDef) -> Result<(), SqlError> {
    let keys = definition.keys.iter().flat_map(|key| &key.columns);
    let missing = keys
        .chain(&definition.primary)
        .find(|name| definition.column(name).is_none());
    match missing {
        Some(name) => Err(SqlError::new(
            1072,
            format!("Key column '{name}' doesn't exist in table"),
        )),
        None => Ok(()),
    }
}

fn parse_item(mut item: Cursor<'_>, definition: &mut TableDef) -> Result<(), SqlError> {
    if item.accept("constraint") && !is_key_word(&item) {
        item.name()?;
    }
    if parse_key(&mut item, definition)? {
        return Ok(());
    }
    let column = parse_column(&mut item, definition)?;
    if definition.column(&column.name).is_some() {
        return Err(SqlError::new(
            1060,
            format!("Duplicate column name '{}'", column.name),
        ));
    }
    definition.columns.push(column);
    Ok(())
}

fn is_key_word(item: &Cursor<'_>) -> bool {
    [
        "primary", "unique", "key", "index", "foreign", "check", "fulltext",
    ]
    .iter()
    .any(|word| item.sees(word))
}

/// Reads a key clause; false when the item is none.
pub(crate) fn parse_key(
    item: &mut Cursor<'_>,
    definition: &mut TableDef,
) -> Result<bool, SqlError> {
    if item.accept("foreign") || item.accept("check") {
        return Ok(true);
    }
    if item.accept_all(&["primary", "key"]) {
        while !item.sees_symbol("(") && !item.at_end() {
            item.take();
        }
        definition.primary = key_columns(item)?;
        let primary = definition.primary.clone();
        for column in &mut definition.columns {
            column.not_null |= primary
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&column.name));
        }
        return Ok(true);
    }
    let unique = item.accept("unique");
    let keyword = item.accept("fulltext") | item.accept("spatial");
    if !(item.accept("key") || item.accept("index") || unique || keyword) {
        return Ok(false);
    }
    let name = if item.sees_symbol("(") || item.sees("using") {
        None
    } else {
        Some(item.name()?)
    };
    while !item.sees_symbol("(") && !item.at_end() {
        item.take();
    }
    let columns = key_columns(item)?;
    let name = name.unwrap_or_else(|| free_key_name(definition, &columns));
    definition.keys.push(KeyDef {
        name,
        columns,
        unique,
    });
    Ok(true)
}

fn free_key_name(definition: &TableDef, columns: &[String]) -> String {
    let base = columns.first().cloned().unwrap_or_default();
    let taken = |name: &str| {
        definition
            .keys
            .iter()
            .any(|key| key.name.eq_ignore_ascii_case(name))
    };
    let mut name = base.clone();
    let mut number = 2;
    while taken(&name) {
        name = format!("{base}_{number}");
        number += 1;
    }
    name
}

/// The columns in the brackets of a key; lengths and directions are skipped.
pub(crate) fn key_columns(item: &mut Cursor<'_>) -> Result<Vec<String>, SqlError> {
    item.brackets()?
        .split_commas()
        .iter_mut()
        .map(Cursor::name)
        .collect()
}

/// Reads a column with its type and attributes.
pub(crate) fn parse_column(
    item: &mut Cursor<'_>,
    definition: &mut TableDef,
) -> Result<ColumnDef, SqlError> {
    let name = item.name()?;
    let mut column = ColumnDef {
        name: name.clone(),
        column_type: ColumnType::parse(item)?,
        not_null: false,
        default: None,
        auto_increment: false,
        on_update_now: false,
        comment: String::new(),
        generated: None,
    };
    while !item.at_end() {
        if item.accept_all(&["not", "null"]) {
            column.not_null = true;
        } else if item.accept("auto_increment") {
            column.auto_increment = true;
            column.not_null = true;
        } else if item.accept("default") {
            column.default = Some(parse_default(item)?);
        } else if item.accept("comment") {
            column.comment = item.scalar()?;
        } else if item.accept_all(&["on", "update"]) {
            parse_default(item)?;
            column.on_update_now = true;
        } else if item.accept_all(&["primary", "key"]) || item.accept("key") {
            definition.primary = vec![name.clone()];
            column.not_null = true;
        } else if item.accept("unique") {
            item.accept("key");
            let columns = vec![name.clone()];
            definition.keys.push(KeyDef {
                name: name.clone(),
                columns,
                unique: true,
            });
        } else if item.accept_all(&["generated", "always"]) || item.sees("as") {
            item.expect("as")?;
            let expression = item.brackets()?.text();
            let stored = item.accept("stored");
            item.accept("virtual");
            column.generated = Some((expression, stored));
        } else if !skip_attribute(item)? {
            return Err(item.error());
        }
    }
    Ok(column)
}

/// Skips what changes nothing here; false when it is unknown.
fn skip_attribute(item: &mut Cursor<'_>) -> Result<bool, SqlError> {
    if item.accept("null") || item.accept("visible") || item.accept("stored") {
        return Ok(true);
    }
    if item.accept("collate") || item.accept("charset") || item.accept_all(&["character", "set"]) {
        item.scalar()?;
        return Ok(true);
    }
    if item.accept("check") {
        item.brackets()?;
        return Ok(true);
    }
    if item.accept("references") {
        while item.take().is_some() {}
        return Ok(true);
    }
    Ok(false)
}

fn parse_default(item: &mut Cursor<'_>) -> Result<DefaultValue, SqlError> {
    if item.accept("null") {
        return Ok(DefaultValue::Null);
    }
    if item.sees_symbol("(") {
        return Ok(DefaultValue::Expression(item.brackets()?.text()));
    }
    let negative = item.accept_symbol("-");
    let token = item.take().ok_or_else(|| item.error())?;
    if let Some(text) = literal_text(&token.kind) {
        return Ok(DefaultValue::Literal(if negative {
            format!("-{text}")
        } else {
            text
        }));
    }
    match &token.kind {
        Kind::Word(word) if word.eq_ignore_ascii_case("true") => {
            Ok(DefaultValue::Literal("1".to_owned()))
        }
        Kind::Word(word) if word.eq_ignore_ascii_case("false") => {
            Ok(DefaultValue::Literal("0".to_owned()))
        }
        Kind::Word(_) => {
            let scale = if item.sees_symbol("(") {
                item.brackets()?.text()
            } else {
                String::new()
            };
            Ok(DefaultValue::Expression(format!(
                "CURRENT_TIMESTAMP({scale})"
            )))
        }
        _ => Err(item.error()),
    }
}

fn parse_options(cursor: &mut Cursor<'_>, definition: &mut TableDef) -> Result<(), SqlError> {
    while let Some(Kind::Word(word)) = cursor.peek().map(|token| &token.kind) {
        let word = word.to_ascii_lowercase();
        if matches!(
            word.as_str(),
            "partition" | "select" | "as" | "ignore" | "with"
        ) {
            return Ok(());
        }
        cursor.take();
        match word.as_str() {
            "default" => {}
            "auto_increment" => {
                cursor.accept_symbol("=");
                definition.auto_increment = Some(cursor.number()?);
            }
            "comment" => {
                cursor.accept_symbol("=");
                definition.comment = cursor.scalar()?;
            }
            _ => skip_option_value(cursor)?,
        }
        cursor.accept_symbol(",");
    }
    Ok(())
}

fn skip_option_value(cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
    cursor.accept("set");
    cursor.accept("by");
    cursor.accept_symbol("=");
    if cursor.sees_symbol("(") {
        cursor.brackets()?;
    } else if !cursor.at_end() && !cursor.sees("partition") {
        cursor.scalar()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::lex;

    fn definition(sql: &str) -> TableDef {
        let lexed = lex(sql.as_bytes()).unwrap();
        match parse(&mut Cursor::new(sql.as_bytes(), &lexed.tokens))
            .unwrap()
            .source
        {
            Source::Columns(definition) => definition,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_table_of_sysbench_is_read() {
        let table = definition(
            "sbtest1(id INTEGER NOT NULL AUTO_INCREMENT, k INTEGER DEFAULT '0' NOT NULL, \
             c CHAR(120) DEFAULT '' NOT NULL, PRIMARY KEY (id), KEY k_1 (k)) /*! ENGINE = innodb */",
        );
        assert_eq!(table.primary, vec!["id"]);
        assert_eq!(table.keys.len(), 1);
        assert_eq!(
            table.column("K").unwrap().default,
            Some(DefaultValue::Literal("0".to_owned()))
        );
        assert!(table.auto_column().is_some());
    }

    #[test]
    fn options_and_attributes_are_skipped_or_kept() {
        let table = definition(
            "`a b` (`id` bigint(20) unsigned NOT NULL COMMENT 'x,y', ts timestamp NOT NULL DEFAULT \
             CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, UNIQUE KEY (id) USING BTREE, CONSTRAINT \
             fk FOREIGN KEY (id) REFERENCES o(id)) DEFAULT CHARSET=utf8mb4 COLLATE utf8mb4_bin \
             AUTO_INCREMENT = 7 COMMENT='t'",
        );
        assert_eq!(table.auto_increment, Some(7));
        assert!(table.column("ts").unwrap().on_update_now);
        assert!(table.keys[0].unique);
    }
}
