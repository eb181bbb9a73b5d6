//! The SQLite statements that create a table of a definition.

#![expect(
    clippy::format_push_string,
    reason = "writing into a String cannot fail, so there is no result to swallow"
)]

use crate::ddl::column_type::{Base, ColumnType};
use crate::ddl::definition::{ColumnDef, DefaultValue, KeyDef, TableDef};
use crate::error::SqlError;
use crate::translate::{expression, quote_name, quote_text};

/// The statements that create `name` with its indexes in the attached `database`.
pub(crate) fn create_statements(
    database: &str,
    name: &str,
    definition: &TableDef,
) -> Result<Vec<String>, SqlError> {
    let auto = definition.auto_column().map(|column| column.name.clone());
    let mut items = Vec::new();
    for column in &definition.columns {
        items.push(column_clause(column)?);
    }
    let key_is_rowid = definition.primary.len() == 1
        && auto
            .as_ref()
            .is_some_and(|auto| definition.primary.iter().all(|key| key == auto));
    if !definition.primary.is_empty() && !key_is_rowid {
        items.push(format!(
            "CONSTRAINT \"PRIMARY\" {}",
            primary_clause(definition, auto.is_some())
        ));
    }
    let table = quote_name(name);
    let mut statements = vec![format!(
        "CREATE TABLE {}.{table} ({})",
        quote_name(database),
        items.join(", ")
    )];
    for key in &definition.keys {
        statements.push(index_statement(database, name, key));
    }
    statements.extend(trigger_statement(database, name, definition));
    if let (Some(next), Some(_)) = (definition.auto_increment, &auto) {
        statements.push(format!(
            "INSERT INTO {}.sqlite_sequence(name, seq) VALUES ({}, {})",
            quote_name(database),
            quote_text(name),
            next.saturating_sub(1)
        ));
    }
    Ok(statements)
}

fn primary_clause(definition: &TableDef, rowid_taken: bool) -> String {
    let columns: Vec<String> = definition
        .primary
        .iter()
        .map(|name| quote_name(name))
        .collect();
    let kind = if rowid_taken { "UNIQUE" } else { "PRIMARY KEY" };
    format!("{kind} ({})", columns.join(", "))
}

/// The statement that creates a key; SQLite's index names are per database, so the table's is in it.
pub(crate) fn index_statement(database: &str, table: &str, key: &KeyDef) -> String {
    let columns: Vec<String> = key.columns.iter().map(|name| quote_name(name)).collect();
    format!(
        "CREATE {}INDEX {}.{} ON {} ({})",
        if key.unique { "UNIQUE " } else { "" },
        quote_name(database),
        quote_name(&index_name(table, &key.name)),
        quote_name(table),
        columns.join(", ")
    )
}

/// The name of a key's index in SQLite.
pub(crate) fn index_name(table: &str, key: &str) -> String {
    format!("{table}/{key}")
}

fn trigger_statement(database: &str, table: &str, definition: &TableDef) -> Option<String> {
    let touched: Vec<&ColumnDef> = definition
        .columns
        .iter()
        .filter(|column| column.on_update_now)
        .collect();
    if touched.is_empty() {
        return None;
    }
    let name = quote_name(table);
    let equal = |column: &&ColumnDef| {
        let column = quote_name(&column.name);
        format!("NEW.{column} IS OLD.{column}")
    };
    let set = |column: &&ColumnDef| format!("{} = now()", quote_name(&column.name));
    Some(format!(
        "CREATE TRIGGER {}.{} AFTER UPDATE ON {name} WHEN {} BEGIN UPDATE {name} SET {} WHERE rowid \
         = NEW.rowid; END",
        quote_name(database),
        quote_name(&index_name(table, "on update")),
        touched.iter().map(equal).collect::<Vec<_>>().join(" AND "),
        touched.iter().map(set).collect::<Vec<_>>().join(", "),
    ))
}

/// The clause of one column.
pub(crate) fn column_clause(column: &ColumnDef) -> Result<String, SqlError> {
    let name = quote_name(&column.name);
    if column.auto_increment {
        return Ok(format!("{name} INTEGER PRIMARY KEY AUTOINCREMENT"));
    }
    let mut clause = format!("{name} {}", column.column_type.declared());
    if let Some((text, stored)) = &column.generated {
        let kind = if *stored { "STORED" } else { "VIRTUAL" };
        clause.push_str(&format!(" AS ({}) {kind}", expression(text)?));
        return Ok(clause);
    }
    if column.not_null {
        clause.push_str(" NOT NULL");
    }
    if let Some(default) = default_clause(column)? {
        clause.push_str(&format!(" DEFAULT {default}"));
    }
    if column.column_type.ignores_case() {
        clause.push_str(" COLLATE NOCASE");
    }
    if let Some(check) = check(&column.name, &column.column_type) {
        clause.push_str(&check);
    }
    Ok(clause)
}

fn default_clause(column: &ColumnDef) -> Result<Option<String>, SqlError> {
    Ok(match &column.default {
        None => None,
        Some(DefaultValue::Null) => Some("NULL".to_owned()),
        Some(DefaultValue::Literal(text)) => Some(literal(&column.column_type, text)),
        Some(DefaultValue::Expression(text)) => Some(format!("({})", expression(text)?)),
    })
}

fn literal(column_type: &ColumnType, text: &str) -> String {
    let numeric = text.parse::<f64>().is_ok()
        && !(column_type.is_text() || column_type.is_bytes() || column_type.base == Base::Json);
    if numeric {
        text.to_owned()
    } else {
        quote_text(text)
    }
}

/// A check named after the MySQL error that its failure stands for.
fn check(name: &str, column_type: &ColumnType) -> Option<String> {
    let column = quote_name(name);
    let constraint = |code: u16, condition: String| {
        let constraint = quote_name(&format!("{code}:{name}"));
        format!(" CONSTRAINT {constraint} CHECK ({condition})")
    };
    if let Some((least, greatest)) = column_type.integer_range() {
        let text = constraint(1366, format!("typeof({column}) <> 'text'"));
        return Some(text + &constraint(1264, format!("{column} BETWEEN {least} AND {greatest}")));
    }
    if column_type.is_integer() {
        return Some(constraint(1366, format!("typeof({column}) <> 'text'")));
    }
    let limited = matches!(
        column_type.base,
        Base::Char | Base::VarChar | Base::Binary | Base::VarBinary
    );
    let length = column_type.length.unwrap_or(1);
    limited.then(|| constraint(1406, format!("length({column}) <= {length}")))
}
