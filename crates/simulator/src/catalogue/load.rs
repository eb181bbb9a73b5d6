//! Takes a table over from metadata rows of a real engine.

use crate::catalogue::Catalogue;
use crate::catalogue::tables::{Entry, insert};
use crate::ddl::definition::TableDef;
use crate::ddl::metadata::Numbers;
use crate::error::SimulatorError;
use rusqlite::types::Value;
use serde::Deserialize;
use serde_json::Map;

/// A table with its rows: `__all_virtual_proxy_schema` and the three partition tables.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TableRows {
    /// The table's name.
    pub(crate) table: String,
    /// The statement that created it.
    pub(crate) ddl: String,
    /// Rows by the name of their virtual table; bytes as `{"hex": ".."}`.
    pub(crate) meta: Map<String, serde_json::Value>,
}

/// The virtual tables that hold a table's partitions.
pub(crate) const PARTITION_TABLES: [&str; 3] = [
    "__all_virtual_proxy_partition_info",
    "__all_virtual_proxy_partition",
    "__all_virtual_proxy_sub_partition",
];

/// A table as a real engine describes it.
#[derive(Debug, Clone)]
pub(crate) struct RealTable {
    pub(crate) name: String,
    pub(crate) table_id: i64,
    pub(crate) schema_version: i64,
    /// Rows of [`PARTITION_TABLES`], each with the name of its table.
    pub(crate) rows: Vec<(&'static str, RealRow)>,
    /// The tablet of a table without partitions; the others stand in their rows.
    pub(crate) tablet: Option<i64>,
}

/// A row by the names of its columns.
pub(crate) type RealRow = Vec<(String, Value)>;

type JsonRow = Map<String, serde_json::Value>;

impl TableRows {
    fn rows(&self, table: &str) -> Result<Vec<JsonRow>, SimulatorError> {
        let rows = self
            .meta
            .get(table)
            .cloned()
            .unwrap_or_else(|| serde_json::Value::Array(Vec::new()));
        Ok(serde_json::from_value(rows)?)
    }

    /// The same in the catalogue's values.
    pub(crate) fn typed(&self) -> Result<RealTable, SimulatorError> {
        let schema = self.rows("__all_virtual_proxy_schema")?;
        let number = |name: &str| {
            let first = schema.first();
            first.and_then(|row| row.get(name)?.as_i64())
        };
        let mut rows = Vec::new();
        for table in PARTITION_TABLES {
            for row in self.rows(table)? {
                let row = row.iter().map(|(name, json)| (name.clone(), value(json)));
                rows.push((table, row.collect()));
            }
        }
        Ok(RealTable {
            name: self.table.clone(),
            table_id: number("table_id").unwrap_or_default(),
            schema_version: number("schema_version").unwrap_or_default(),
            rows,
            tablet: None,
        })
    }
}

impl Catalogue {
    /// Enters a table with these rows as they are, but for the tenant; its tablets get replicas.
    pub(crate) fn load_table(
        &self,
        tenant: &str,
        database: &str,
        table: RealTable,
        definition: &TableDef,
    ) -> Result<(), SimulatorError> {
        let mut store = self.store.lock();
        let transaction =
            store.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut tablets: Vec<i64> = table.tablet.into_iter().collect();
        for (name, row) in table.rows {
            let (mut names, mut values) = (Vec::new(), Vec::new());
            for (column, value) in &row {
                names.push(column.as_str());
                values.push(match column.as_str() {
                    "tenant_name" => Value::Text(tenant.to_owned()),
                    _ => value.clone(),
                });
                if let ("tablet_id", Value::Integer(tablet)) = (column.as_str(), value) {
                    tablets.push(*tablet);
                }
            }
            let values: Vec<&Value> = values.iter().collect();
            insert(&transaction, name, &names, &values)?;
        }
        tablets.retain(|tablet| *tablet > 0);
        let numbers = Numbers {
            table_id: table.table_id,
            first_part_id: 0,
            first_tablet_id: 0,
            schema_version: table.schema_version,
        };
        let entry = Entry {
            tenant,
            database,
            name: &table.name,
            definition,
        };
        entry.put(&transaction, numbers, &tablets)?;
        transaction.commit()?;
        drop(store);
        self.changed()
    }

    /// The tables of a tenant: database, name, id and schema version of each.
    pub(crate) fn table_versions(
        &self,
        tenant: &str,
    ) -> Result<Vec<(String, String, i64, i64)>, SimulatorError> {
        let store = self.store.lock();
        let mut statement = store.prepare(
            "SELECT database_name, table_name, table_id, schema_version FROM sim_table WHERE \
             tenant_name = ?1",
        )?;
        let rows = statement.query_map([tenant], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Number(number) => number.as_i64().map_or_else(
            || Value::Real(number.as_f64().unwrap_or_default()),
            Value::Integer,
        ),
        serde_json::Value::Object(object) => Value::Blob(hex(object
            .get("hex")
            .and_then(|hex| hex.as_str())
            .unwrap_or_default())),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        other => Value::Text(other.to_string()),
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.as_bytes().chunks(2).filter_map(pair).collect()
}
