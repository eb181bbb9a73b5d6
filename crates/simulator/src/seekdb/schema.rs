//! Keeps the catalogue's tables like the engine's: its rows, its tablets, with leaders of our own.

use super::SeekDb;
use super::client::{Client, Table};
use crate::catalogue::{Catalogue, PARTITION_TABLES, RealRow, RealTable};
use crate::cursor::Cursor;
use crate::ddl::create::{self, Source};
use crate::ddl::definition::TableDef;
use crate::error::{SimulatorError, SqlError};
use crate::lexer::lex;
use odp_protocol::{Column, ColumnType};
use rusqlite::types::Value;
use std::collections::HashMap;

/// A table of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    database: String,
    name: String,
    table_id: i64,
    schema_version: i64,
    /// 0 for a table with partitions.
    tablet: i64,
}

/// The tables of users: those of the engine's own databases have ids below 500,000.
const TABLES: &str = "SELECT d.database_name, t.table_name, t.table_id, t.schema_version, t.tablet_id FROM \
                      oceanbase.__all_virtual_table t JOIN oceanbase.__all_database d ON d.database_id = \
                      t.database_id WHERE t.table_type = 3 AND t.database_id > 500000";

/// The lock of whoever is at it.
const LOCK: &str = "seekdb.lock";

impl SeekDb {
    /// Takes over what has changed in the engine since the last call. Views are left out: statements on
    /// them run anywhere.
    pub(crate) fn follow(&self, catalogue: &Catalogue) -> Result<(), SimulatorError> {
        let _alone = catalogue.lock(LOCK)?;
        let known = catalogue.table_versions(&self.tenant)?;
        let found = self.ask(found_tables)?;
        let is_known = |table: &Found| {
            known.iter().any(|(database, name, id, version)| {
                (database, name, *id, *version)
                    == (
                        &table.database,
                        &table.name,
                        table.table_id,
                        table.schema_version,
                    )
            })
        };
        let leaders: HashMap<i64, i64> = catalogue.leaders()?.into_iter().collect();
        for (database, name, id, version) in &known {
            let same = |table: &Found| (table.table_id, table.schema_version) == (*id, *version);
            if !found.iter().any(|table| same(table) && is_known(table)) {
                catalogue.drop_table(&self.tenant, database, name)?;
            }
        }
        for table in found.iter().filter(|table| !is_known(table)) {
            if let Err(error) = self.take_over(catalogue, table, &leaders) {
                let Found { database, name, .. } = table;
                tracing::warn!(%error, database, name, "a table of the engine has no known partitions");
            }
        }
        Ok(())
    }

    fn take_over(
        &self,
        catalogue: &Catalogue,
        table: &Found,
        leaders: &HashMap<i64, i64>,
    ) -> Result<(), SimulatorError> {
        let (real, ddl) = self.ask(|client| read(client, table))?;
        let definition = definition(&ddl)?;
        let tablets: Vec<i64> = real.tablet.into_iter().chain(tablets(&real.rows)).collect();
        catalogue.load_table(&self.tenant, &table.database, real, &definition)?;
        for tablet in tablets {
            if let Some(server) = leaders.get(&tablet) {
                catalogue.move_leader(tablet, *server)?;
            }
        }
        Ok(())
    }
}

fn found_tables(client: &mut Client) -> Result<Vec<Found>, SimulatorError> {
    let table = client.query(TABLES)?;
    let found = table.rows.iter().filter_map(|row| {
        let text = |at: usize| {
            let value = row.get(at)?.as_deref()?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        Some(Found {
            database: text(0)?,
            name: text(1)?,
            table_id: text(2)?.parse().ok()?,
            schema_version: text(3)?.parse().ok()?,
            tablet: text(4)?.parse().ok()?,
        })
    });
    Ok(found.collect())
}

/// The rows and the DDL of a table.
fn read(client: &mut Client, table: &Found) -> Result<(RealTable, String), SimulatorError> {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let place = format!("{}.{}", quoted(&table.database), quoted(&table.name));
    let shown = client.query(&format!("SHOW CREATE TABLE {place}"))?;
    let ddl = shown.rows.first().and_then(|row| row.get(1)?.as_deref());
    let ddl = String::from_utf8_lossy(ddl.unwrap_or_default()).into_owned();
    let mut rows = Vec::new();
    // The engine refuses to tell the partitions of a table that has none.
    let views = PARTITION_TABLES.iter().filter(|_| table.tablet == 0);
    for view in views {
        let sql = format!(
            "SELECT * FROM oceanbase.{view} WHERE tenant_name = 'sys' AND table_id = {}",
            table.table_id
        );
        rows.extend(typed(&client.query(&sql)?).map(|row| (*view, row)));
    }
    let real = RealTable {
        name: table.name.clone(),
        table_id: table.table_id,
        schema_version: table.schema_version,
        rows,
        tablet: Some(table.tablet).filter(|tablet| *tablet > 0),
    };
    Ok((real, ddl))
}

fn tablets(rows: &[(&'static str, RealRow)]) -> Vec<i64> {
    let columns = rows.iter().flat_map(|(_, row)| row);
    let tablet = |(name, value): &(String, Value)| match value {
        Value::Integer(tablet) if name == "tablet_id" && *tablet > 0 => Some(*tablet),
        _ => None,
    };
    columns.filter_map(tablet).collect()
}

/// The rows with the catalogue's types.
fn typed(table: &Table) -> impl Iterator<Item = RealRow> {
    table.rows.iter().map(|row| {
        let cells = table.columns.iter().zip(row);
        let cell = |(column, value): (&Column, &Option<Vec<u8>>)| {
            let name = String::from_utf8_lossy(&column.name).to_ascii_lowercase();
            let value = value
                .as_deref()
                .map_or(Value::Null, |bytes| typed_value(&name, column, bytes));
            (name, value)
        };
        cells.map(cell).collect()
    })
}

fn typed_value(name: &str, column: &Column, bytes: &[u8]) -> Value {
    let integers = [
        ColumnType::MYSQL_TYPE_TINY,
        ColumnType::MYSQL_TYPE_LONG,
        ColumnType::MYSQL_TYPE_LONGLONG,
    ];
    if name.ends_with("_bin") || name == "part_key_default_value" {
        return Value::Blob(bytes.to_vec());
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let is_integer = integers
        .iter()
        .any(|kind| *kind as u8 == column.column_type);
    match text.parse() {
        Ok(number) if is_integer => Value::Integer(number),
        _ => Value::Text(text),
    }
}

fn definition(ddl: &str) -> Result<TableDef, SimulatorError> {
    let lexed = lex(ddl.as_bytes())?;
    let mut cursor = Cursor::new(ddl.as_bytes(), &lexed.tokens);
    cursor.expect("create")?;
    while !cursor.at_end() && !cursor.accept("table") {
        cursor.take();
    }
    match create::parse(&mut cursor)?.source {
        Source::Columns(definition) => Ok(definition),
        _ => Err(SqlError::unsupported().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_engine_for_a_table_can_be_read() {
        let ddl = "CREATE TABLE `p` (\n  `k` int(11) NOT NULL,\n  `v` varchar(200) DEFAULT NULL,\n  PRIMARY \
                   KEY (`k`)\n) ORGANIZATION INDEX AUTO_INCREMENT = 1 DEFAULT CHARSET = utf8mb4 ROW_FORMAT = \
                   DYNAMIC COMPRESSION = 'zstd_1.3.8' REPLICA_NUM = 1 BLOCK_SIZE = 16384 USE_BLOOM_FILTER = \
                   FALSE ENABLE_MACRO_BLOCK_BLOOM_FILTER = FALSE TABLET_SIZE = 134217728 PCTFREE = 0\n \
                   partition by hash(k)\n(partition `p0`,\npartition `p1`,\npartition `p2`)";
        let definition = definition(ddl).unwrap();
        assert_eq!(definition.primary, ["k"]);
        assert_eq!(definition.columns.len(), 2);
        assert_eq!(definition.partitioning.unwrap().partitions.len(), 3);
    }
}
