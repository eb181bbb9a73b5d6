//! A definition as `SHOW CREATE TABLE` prints it.

#![expect(
    clippy::format_push_string,
    reason = "writing into a String cannot fail, so there is no result to swallow"
)]

use crate::ddl::definition::{ColumnDef, DefaultValue, TableDef};

fn name(text: &str) -> String {
    format!("`{}`", text.replace('`', "``"))
}

fn names(list: &[String]) -> String {
    list.iter()
        .map(|text| name(text))
        .collect::<Vec<_>>()
        .join(", ")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The statement that would create `table` again.
pub(crate) fn show_create(table: &str, definition: &TableDef) -> String {
    if let Some(query) = &definition.view {
        return format!("CREATE VIEW {} AS {query}", name(table));
    }
    let mut items: Vec<String> = definition.columns.iter().map(column).collect();
    if !definition.primary.is_empty() {
        items.push(format!("PRIMARY KEY ({})", names(&definition.primary)));
    }
    for key in &definition.keys {
        let unique = if key.unique { "UNIQUE " } else { "" };
        items.push(format!(
            "{unique}KEY {} ({})",
            name(&key.name),
            names(&key.columns)
        ));
    }
    let mut text = format!(
        "CREATE TABLE {} (\n  {}\n) DEFAULT CHARSET = utf8mb4",
        name(table),
        items.join(",\n  ")
    );
    if !definition.comment.is_empty() {
        text.push_str(&format!(" COMMENT = {}", quoted(&definition.comment)));
    }
    if let Some(partitioning) = &definition.partitioning {
        text.push_str(&format!("\n partition by {}", partitioning.text));
    }
    text
}

fn column(column: &ColumnDef) -> String {
    let mut text = format!("{} {}", name(&column.name), column.column_type.display());
    if let Some(charset) = &column.column_type.charset {
        text.push_str(&format!(" CHARACTER SET {charset}"));
    }
    if let Some(collation) = &column.column_type.collation {
        text.push_str(&format!(" COLLATE {collation}"));
    }
    if let Some((expression, stored)) = &column.generated {
        let kind = if *stored { "STORED" } else { "VIRTUAL" };
        return format!("{text} GENERATED ALWAYS AS ({expression}) {kind}");
    }
    if column.not_null {
        text.push_str(" NOT NULL");
    }
    match &column.default {
        Some(DefaultValue::Literal(value)) => text.push_str(&format!(" DEFAULT {}", quoted(value))),
        Some(DefaultValue::Expression(value)) => {
            let value = value.strip_suffix("()").unwrap_or(value);
            text.push_str(&format!(" DEFAULT {value}"));
        }
        Some(DefaultValue::Null) => text.push_str(" DEFAULT NULL"),
        None if !column.not_null => text.push_str(" DEFAULT NULL"),
        None => {}
    }
    if column.on_update_now {
        text.push_str(" ON UPDATE CURRENT_TIMESTAMP");
    }
    if column.auto_increment {
        text.push_str(" AUTO_INCREMENT");
    }
    if !column.comment.is_empty() {
        text.push_str(&format!(" COMMENT {}", quoted(&column.comment)));
    }
    text
}
