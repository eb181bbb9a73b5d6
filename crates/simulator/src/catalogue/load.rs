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
}

impl Catalogue {
    /// Enters a table with these rows as they are, but for the tenant; its tablets get replicas.
    pub(crate) fn load_table(
        &self,
        tenant: &str,
        database: &str,
        rows: &TableRows,
        definition: &TableDef,
    ) -> Result<(), SimulatorError> {
        let mut store = self.store.lock();
        let transaction = store.transaction()?;
        let mut tablets = Vec::new();
        for name in [
            "__all_virtual_proxy_partition_info",
            "__all_virtual_proxy_partition",
            "__all_virtual_proxy_sub_partition",
        ] {
            for mut row in rows.rows(name)? {
                row.insert("tenant_name".to_owned(), tenant.into());
                tablets.extend(row.get("tablet_id").and_then(serde_json::Value::as_i64));
                let values: Vec<Value> = row.values().map(value).collect();
                let names: Vec<&str> = row.keys().map(String::as_str).collect();
                insert(
                    &transaction,
                    name,
                    &names,
                    &values.iter().collect::<Vec<_>>(),
                )?;
            }
        }
        tablets.retain(|tablet| *tablet > 0);
        let schema = rows.rows("__all_virtual_proxy_schema")?;
        let number = |name: &str| {
            schema
                .first()
                .and_then(|row| row.get(name)?.as_i64())
                .unwrap_or_default()
        };
        let numbers = Numbers {
            table_id: number("table_id"),
            first_part_id: 0,
            first_tablet_id: 0,
            schema_version: number("schema_version"),
        };
        let entry = Entry {
            tenant,
            database,
            name: &rows.table,
            definition,
        };
        entry.put(&transaction, numbers, &tablets)?;
        transaction.commit()?;
        drop(store);
        self.changed()
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
