//! `INFORMATION_SCHEMA`: tables in memory, filled when a statement reads them.

use crate::answer::show_table::{all_keys, collation, default_text, extra, key_mark};
use crate::ddl::definition::TableDef;
use crate::engine::sql_error;
use crate::error::SqlError;
use crate::session::Session;
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS information_schema.SCHEMATA (
  CATALOG_NAME VARCHAR(64), SCHEMA_NAME VARCHAR(128) COLLATE NOCASE, DEFAULT_CHARACTER_SET_NAME VARCHAR(64),
  DEFAULT_COLLATION_NAME VARCHAR(64), SQL_PATH VARCHAR(64));
CREATE TABLE IF NOT EXISTS information_schema.TABLES (
  TABLE_CATALOG VARCHAR(64), TABLE_SCHEMA VARCHAR(128) COLLATE NOCASE, TABLE_NAME VARCHAR(128) COLLATE NOCASE,
  TABLE_TYPE VARCHAR(64), ENGINE VARCHAR(64), VERSION BIGINT, ROW_FORMAT VARCHAR(16), TABLE_ROWS BIGINT,
  AVG_ROW_LENGTH BIGINT, DATA_LENGTH BIGINT, MAX_DATA_LENGTH BIGINT, INDEX_LENGTH BIGINT, DATA_FREE BIGINT,
  AUTO_INCREMENT BIGINT, CREATE_TIME DATETIME, UPDATE_TIME DATETIME, CHECK_TIME DATETIME,
  TABLE_COLLATION VARCHAR(64), CHECKSUM BIGINT, CREATE_OPTIONS VARCHAR(255), TABLE_COMMENT VARCHAR(4096));
CREATE TABLE IF NOT EXISTS information_schema.COLUMNS (
  TABLE_CATALOG VARCHAR(64), TABLE_SCHEMA VARCHAR(128) COLLATE NOCASE, TABLE_NAME VARCHAR(128) COLLATE NOCASE,
  COLUMN_NAME VARCHAR(128) COLLATE NOCASE, ORDINAL_POSITION BIGINT, COLUMN_DEFAULT VARCHAR(4096),
  IS_NULLABLE VARCHAR(4), DATA_TYPE VARCHAR(64), CHARACTER_MAXIMUM_LENGTH BIGINT, NUMERIC_PRECISION BIGINT,
  NUMERIC_SCALE BIGINT, CHARACTER_SET_NAME VARCHAR(64), COLLATION_NAME VARCHAR(64), COLUMN_TYPE VARCHAR(4096),
  COLUMN_KEY VARCHAR(3), EXTRA VARCHAR(64), PRIVILEGES VARCHAR(200), COLUMN_COMMENT VARCHAR(4096));
CREATE TABLE IF NOT EXISTS information_schema.STATISTICS (
  TABLE_CATALOG VARCHAR(64), TABLE_SCHEMA VARCHAR(128) COLLATE NOCASE, TABLE_NAME VARCHAR(128) COLLATE NOCASE,
  NON_UNIQUE BIGINT, INDEX_SCHEMA VARCHAR(128), INDEX_NAME VARCHAR(128) COLLATE NOCASE, SEQ_IN_INDEX BIGINT,
  COLUMN_NAME VARCHAR(128), COLLATION VARCHAR(1), CARDINALITY BIGINT, INDEX_TYPE VARCHAR(16));
DELETE FROM information_schema.SCHEMATA;
DELETE FROM information_schema.TABLES;
DELETE FROM information_schema.COLUMNS;
DELETE FROM information_schema.STATISTICS;
";

impl Session {
    /// Brings the tables up to date with the catalogue.
    pub(crate) fn fill_information_schema(&mut self) -> Result<(), SqlError> {
        let tenant = self.tenant();
        let catalogue = std::sync::Arc::clone(&self.node.shared.catalogue);
        let databases = Self::catalogue_failure(catalogue.databases(&tenant))?;
        let mut tables = Vec::new();
        for database in &databases {
            for name in Self::catalogue_failure(catalogue.tables(&tenant, database))? {
                let found = Self::catalogue_failure(catalogue.table(&tenant, database, &name))?;
                tables.extend(found.map(|found| (database.clone(), name, found)));
            }
        }
        let engine = self.engine()?;
        engine.attach(["information_schema"])?;
        let connection = &engine.connection;
        let fill = || -> Result<(), rusqlite::Error> {
            connection.execute_batch(SCHEMA)?;
            let system = ["information_schema".to_owned(), "oceanbase".to_owned()];
            for database in databases.iter().chain(&system) {
                connection.execute(
                    "INSERT INTO information_schema.SCHEMATA VALUES ('def', ?1, 'utf8mb4', \
                     'utf8mb4_general_ci', NULL)",
                    [database],
                )?;
            }
            for (database, name, found) in &tables {
                put_table(connection, database, name, &found.definition)?;
            }
            Ok(())
        };
        fill().map_err(|error| sql_error(&error))
    }
}

fn put_table(
    connection: &Connection,
    database: &str,
    name: &str,
    definition: &TableDef,
) -> Result<(), rusqlite::Error> {
    let kind = if definition.view.is_some() {
        "VIEW"
    } else {
        "BASE TABLE"
    };
    connection.execute(
        "INSERT INTO information_schema.TABLES VALUES ('def', ?1, ?2, ?3, 'OCEANBASE', NULL, 'DYNAMIC', 0, 0, \
         0, NULL, 0, NULL, NULL, NULL, NULL, NULL, 'utf8mb4_general_ci', NULL, '', ?4)",
        params![database, name, kind, definition.comment],
    )?;
    for (position, column) in (1_i64..).zip(&definition.columns) {
        let (length, precision, scale) = column.column_type.accuracy();
        let known = |number: i64| {
            if number < 0 {
                Value::Null
            } else {
                Value::Integer(number)
            }
        };
        let text = |text: &str| Value::Text(text.to_owned());
        let charset = if column.column_type.is_text() {
            text("utf8mb4")
        } else {
            Value::Null
        };
        let row = [
            text("def"),
            text(database),
            text(name),
            text(&column.name),
            Value::Integer(position),
            default_text(column),
            text(if column.not_null { "NO" } else { "YES" }),
            text(column.column_type.name()),
            known(length),
            known(precision),
            known(scale),
            charset,
            collation(column),
            text(&column.column_type.display()),
            text(key_mark(definition, column)),
            text(&extra(column)),
            text("SELECT,INSERT,UPDATE,REFERENCES"),
            text(&column.comment),
        ];
        let marks = vec!["?"; row.len()].join(", ");
        let sql = format!("INSERT INTO information_schema.COLUMNS VALUES ({marks})");
        connection
            .prepare_cached(&sql)?
            .execute(params_from_iter(row))?;
    }
    for (key, unique, columns) in all_keys(definition) {
        for (position, column) in (1_i64..).zip(columns) {
            connection.execute(
                "INSERT INTO information_schema.STATISTICS VALUES ('def', ?1, ?2, ?3, ?1, ?4, ?5, ?6, 'A', \
                 NULL, 'BTREE')",
                params![database, name, !unique, key, position, column],
            )?;
        }
    }
    Ok(())
}
