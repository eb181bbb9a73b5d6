//! SHOW and DESCRIBE of tables: names, columns, keys, status.

use crate::answer::show::{Filter, table, text};
use crate::catalogue::Table;
use crate::cursor::Cursor;
use crate::ddl::definition::{ColumnDef, DefaultValue, TableDef};
use crate::error::{SimulatorError, SqlError};
use crate::results::OutColumn;
use crate::session::{Answer, Session, internal};
use rusqlite::types::Value;
use std::sync::Arc;

/// PRI, UNI, MUL or nothing.
pub(super) fn key_mark(definition: &TableDef, column: &ColumnDef) -> &'static str {
    let is = |name: &String| name.eq_ignore_ascii_case(&column.name);
    if definition.primary.iter().any(is) {
        return "PRI";
    }
    let first = |unique: bool| {
        definition
            .keys
            .iter()
            .any(|key| key.unique == unique && key.columns.first().is_some_and(is))
    };
    if first(true) {
        "UNI"
    } else if first(false) {
        "MUL"
    } else {
        ""
    }
}

/// The default as SHOW prints it.
pub(super) fn default_text(column: &ColumnDef) -> Value {
    match &column.default {
        Some(DefaultValue::Literal(value)) => text(value.clone()),
        Some(DefaultValue::Expression(value)) => {
            text(value.strip_suffix("()").unwrap_or(value).to_owned())
        }
        Some(DefaultValue::Null) | None => Value::Null,
    }
}

/// `auto_increment` and its kin.
pub(super) fn extra(column: &ColumnDef) -> String {
    match &column.generated {
        Some((_, true)) => "STORED GENERATED".to_owned(),
        Some((_, false)) => "VIRTUAL GENERATED".to_owned(),
        None if column.auto_increment => "auto_increment".to_owned(),
        None if column.on_update_now => "ON UPDATE CURRENT_TIMESTAMP".to_owned(),
        None => String::new(),
    }
}

/// The collation of a text column.
pub(super) fn collation(column: &ColumnDef) -> Value {
    if !column.column_type.is_text() {
        return Value::Null;
    }
    let named = column.column_type.collation.clone();
    text(named.unwrap_or_else(|| "utf8mb4_general_ci".to_owned()))
}

impl Session {
    /// A result of the catalogue, its failure as the client sees it.
    pub(super) fn catalogue_failure<T>(result: Result<T, SimulatorError>) -> Result<T, SqlError> {
        result.map_err(|error| internal(&error))
    }

    /// Reads `[db.]table`, filling in the current database.
    pub(super) fn named_table(
        &self,
        cursor: &mut Cursor<'_>,
    ) -> Result<(String, String), SqlError> {
        let name = cursor.table_name()?;
        let database = name
            .database
            .unwrap_or_else(|| self.database())
            .to_ascii_lowercase();
        if database.is_empty() {
            Err(SqlError::none_selected())
        } else {
            Ok((database, name.table))
        }
    }

    /// A table, or 1146.
    pub(super) fn catalogue_table(
        &self,
        database: &str,
        name: &str,
    ) -> Result<Arc<Table>, SqlError> {
        let found = self
            .node
            .shared
            .catalogue
            .table(&self.tenant(), database, name);
        Self::catalogue_failure(found)?.ok_or_else(|| SqlError::no_table(database, name))
    }

    /// `FROM db` or `IN db` of a SHOW.
    fn database_after(&self, cursor: &mut Cursor<'_>) -> Result<String, SqlError> {
        let database = if cursor.accept("from") || cursor.accept("in") {
            cursor.name()?.to_ascii_lowercase()
        } else {
            self.database()
        };
        if database.is_empty() {
            return Err(SqlError::none_selected());
        }
        let known = ["oceanbase", "information_schema", "mysql"].contains(&database.as_str());
        let catalogue = &self.node.shared.catalogue;
        if !known && !Self::catalogue_failure(catalogue.has_database(&self.tenant(), &database))? {
            return Err(SqlError::no_database(&database));
        }
        Ok(database)
    }

    pub(super) fn show_tables(
        &mut self,
        cursor: &mut Cursor<'_>,
        full: bool,
    ) -> Result<Answer, SqlError> {
        let database = self.database_after(cursor)?;
        let filter = Filter::parse(cursor)?;
        let catalogue = &self.node.shared.catalogue;
        let names = Self::catalogue_failure(catalogue.tables(&self.tenant(), &database))?;
        let mut rows = Vec::new();
        for name in names.into_iter().filter(|name| filter.keeps(name)) {
            let mut row = vec![text(name.clone())];
            if full {
                let is_view = self
                    .catalogue_table(&database, &name)?
                    .definition
                    .view
                    .is_some();
                row.push(text(if is_view { "VIEW" } else { "BASE TABLE" }));
            }
            rows.push(row);
        }
        let first = match &filter {
            Filter::Like(pattern) => format!("Tables_in_{database} ({pattern})"),
            Filter::All | Filter::Where(_) => format!("Tables_in_{database}"),
        };
        let names: &[&str] = if full {
            &[&first, "Table_type"]
        } else {
            &[&first]
        };
        Ok(table(names, rows))
    }

    /// DESCRIBE.
    pub(crate) fn describe(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let (database, name) = self.named_table(cursor)?;
        let pattern = if cursor.at_end() {
            None
        } else {
            Some(cursor.scalar()?)
        };
        self.columns_answer(&database, &name, false, |column| {
            pattern
                .as_ref()
                .is_none_or(|pattern| pattern.eq_ignore_ascii_case(column))
        })
    }

    pub(super) fn show_columns(
        &mut self,
        cursor: &mut Cursor<'_>,
        full: bool,
    ) -> Result<Answer, SqlError> {
        if !cursor.accept("from") {
            cursor.expect("in")?;
        }
        let name = cursor.table_name()?;
        let mut database = name
            .database
            .unwrap_or_else(|| self.database())
            .to_ascii_lowercase();
        if cursor.sees("from") || cursor.sees("in") {
            database = self.database_after(cursor)?;
        }
        let filter = Filter::parse(cursor)?;
        self.columns_answer(&database, &name.table, full, |column| filter.keeps(column))
    }

    fn columns_answer(
        &self,
        database: &str,
        name: &str,
        full: bool,
        keeps: impl Fn(&str) -> bool,
    ) -> Result<Answer, SqlError> {
        let found = self.catalogue_table(database, name)?;
        let mut rows = Vec::new();
        for column in found
            .definition
            .columns
            .iter()
            .filter(|column| keeps(&column.name))
        {
            let mut row = vec![
                text(column.name.clone()),
                text(column.column_type.display()),
            ];
            if full {
                row.push(collation(column));
            }
            row.push(text(if column.not_null { "NO" } else { "YES" }));
            row.push(text(key_mark(&found.definition, column)));
            row.push(default_text(column));
            row.push(text(extra(column)));
            if full {
                row.push(text("SELECT,INSERT,UPDATE,REFERENCES"));
                row.push(text(column.comment.clone()));
            }
            rows.push(row);
        }
        let names: &[&str] = if full {
            &[
                "Field",
                "Type",
                "Collation",
                "Null",
                "Key",
                "Default",
                "Extra",
                "Privileges",
                "Comment",
            ]
        } else {
            &["Field", "Type", "Null", "Key", "Default", "Extra"]
        };
        Ok(table(names, rows))
    }

    pub(super) fn show_index(&mut self, cursor: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        if !cursor.accept("from") {
            cursor.expect("in")?;
        }
        let name = cursor.table_name()?;
        let mut database = name
            .database
            .unwrap_or_else(|| self.database())
            .to_ascii_lowercase();
        if cursor.sees("from") || cursor.sees("in") {
            database = self.database_after(cursor)?;
        }
        let found = self.catalogue_table(&database, &name.table)?;
        let mut rows = Vec::new();
        for (key, unique, columns) in all_keys(&found.definition) {
            for (position, column) in (1..).zip(columns) {
                let not_null = found
                    .definition
                    .column(column)
                    .is_some_and(|column| column.not_null);
                rows.push(vec![
                    text(name.table.clone()),
                    Value::Integer(i64::from(!unique)),
                    text(key),
                    Value::Integer(position),
                    text(column.clone()),
                    text("A"),
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    text(if not_null { "" } else { "YES" }),
                    text("BTREE"),
                    text("available"),
                    text(""),
                    text("YES"),
                ]);
            }
        }
        let mut columns: Vec<OutColumn> = [
            "Table",
            "Non_unique",
            "Key_name",
            "Seq_in_index",
            "Column_name",
            "Collation",
            "Cardinality",
            "Sub_part",
            "Packed",
            "Null",
            "Index_type",
            "Comment",
            "Index_comment",
            "Visible",
        ]
        .iter()
        .map(|name| OutColumn::text(name))
        .collect();
        for (index, name) in [(1, "Non_unique"), (3, "Seq_in_index")] {
            if let Some(column) = columns.get_mut(index) {
                *column = OutColumn::integer(name);
            }
        }
        Ok(Answer::Table(columns, rows))
    }

    pub(super) fn show_table_status(
        &mut self,
        cursor: &mut Cursor<'_>,
    ) -> Result<Answer, SqlError> {
        let database = self.database_after(cursor)?;
        let filter = Filter::parse(cursor)?;
        let catalogue = &self.node.shared.catalogue;
        let names = Self::catalogue_failure(catalogue.tables(&self.tenant(), &database))?;
        let row = |name: String| {
            vec![
                text(name),
                text("OCEANBASE"),
                Value::Null,
                text("DYNAMIC"),
                Value::Integer(0),
                text("utf8mb4_general_ci"),
                text(""),
            ]
        };
        let rows = names
            .into_iter()
            .filter(|name| filter.keeps(name))
            .map(row)
            .collect();
        let names = [
            "Name",
            "Engine",
            "Version",
            "Row_format",
            "Rows",
            "Collation",
            "Comment",
        ];
        Ok(table(&names, rows))
    }
}

/// Every key with its name, whether it is unique, and its columns.
pub(super) fn all_keys(definition: &TableDef) -> Vec<(&str, bool, &Vec<String>)> {
    let mut keys = Vec::new();
    if !definition.primary.is_empty() {
        keys.push(("PRIMARY", true, &definition.primary));
    }
    keys.extend(
        definition
            .keys
            .iter()
            .map(|key| (key.name.as_str(), key.unique, &key.columns)),
    );
    keys
}
