//! Holds metadata rows and placement against an excerpt of what a real engine reported.
//!
//! `tests/data/partitions.json` keeps the rows of tables with partition keys of whole numbers and
//! simple strings; values that are usual for their column stand once under `defaults`, ids and times
//! are left out.

use crate::catalogue::{Catalogue, Table};
use crate::cursor::Cursor;
use crate::ddl::create::{self, Source};
use crate::ddl::definition::TableDef;
use crate::ddl::metadata::{self, Numbers, Row};
use crate::lexer::lex;
use crate::placement::{tablets, touches};
use crate::{Cluster, ClusterConfig};
use rusqlite::types::Value;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

type JsonRow = Map<String, Json>;

#[derive(Deserialize)]
struct Excerpt {
    defaults: BTreeMap<String, JsonRow>,
    tables: Vec<ExcerptTable>,
}

#[derive(Deserialize)]
struct ExcerptTable {
    table: String,
    ddl: String,
    meta: BTreeMap<String, Vec<JsonRow>>,
    /// Literals by column, partition, subpartition.
    rows: Vec<(BTreeMap<String, String>, usize, Option<usize>)>,
}

fn excerpt() -> Excerpt {
    serde_json::from_str(include_str!("../tests/data/partitions.json")).unwrap()
}

fn definition(ddl: &str) -> TableDef {
    let lexed = lex(ddl.as_bytes()).unwrap();
    let mut cursor = Cursor::new(ddl.as_bytes(), &lexed.tokens);
    cursor.expect("create").unwrap();
    cursor.expect("table").unwrap();
    match create::parse(&mut cursor).unwrap().source {
        Source::Columns(definition) => definition,
        other => panic!("{other:?}"),
    }
}

fn json_value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => json!(number),
        Value::Real(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => {
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let hex = hex.concat();
            json!({ "hex": hex })
        }
    }
}

fn check_rows(table: &str, kind: &str, ours: &[Row], real: &[JsonRow], defaults: &JsonRow) {
    assert_eq!(ours.len(), real.len(), "{table}: rows of {kind}");
    for (row, real) in ours.iter().zip(real) {
        let row: BTreeMap<&str, Json> = row
            .iter()
            .map(|(name, value)| (*name, json_value(value)))
            .collect();
        for (column, default) in defaults {
            let expected = real.get(column).unwrap_or(default);
            assert_eq!(
                row.get(column.as_str()),
                Some(expected),
                "{table}: {kind}.{column}"
            );
        }
    }
}

#[test]
fn metadata_of_a_ddl_equals_that_of_a_real_engine() {
    let excerpt = excerpt();
    for table in &excerpt.tables {
        let numbers = Numbers {
            table_id: 1,
            first_part_id: 2,
            first_tablet_id: 3,
            schema_version: 4,
        };
        let mut rows = metadata::rows("sys", &definition(&table.ddl), numbers);
        rows.info.sort_by_key(|row| {
            row.iter()
                .find(|(name, _)| *name == "part_key_idx")
                .map(|(_, value)| match value {
                    Value::Integer(number) => *number,
                    _ => 0,
                })
        });
        for (kind, ours) in [
            ("__all_virtual_proxy_partition_info", &rows.info),
            ("__all_virtual_proxy_partition", &rows.partitions),
            ("__all_virtual_proxy_sub_partition", &rows.subpartitions),
        ] {
            check_rows(
                &table.table,
                kind,
                ours,
                &table.meta[kind],
                &excerpt.defaults[kind],
            );
        }
    }
}

fn cluster_table(catalogue: &Catalogue, table: &ExcerptTable) -> Arc<Table> {
    catalogue
        .create_table("demo", "test", &table.table, &definition(&table.ddl))
        .unwrap();
    catalogue
        .table("demo", "test", &table.table)
        .unwrap()
        .unwrap()
}

#[test]
fn rows_are_placed_where_a_real_engine_placed_them() {
    let dir = std::env::temp_dir().join(format!("odp-oracle-{}", std::process::id()));
    Cluster::prepare(
        &dir,
        &ClusterConfig::default(),
        &[([127, 0, 0, 1], 1).into()],
    )
    .unwrap();
    let catalogue = Catalogue::open(&dir).unwrap();
    let mut placed = 0;
    for table in &excerpt().tables {
        let found = cluster_table(&catalogue, table);
        for (literals, part, sub) in &table.rows {
            let names: Vec<&str> = literals.keys().map(String::as_str).collect();
            let values: Vec<&str> = literals.values().map(String::as_str).collect();
            let sql = format!(
                "insert into {} (id, {}) values (1, {})",
                table.table,
                names.join(", "),
                values.join(", ")
            );
            let tokens = lex(sql.as_bytes()).unwrap().tokens;
            let name = crate::cursor::TableName {
                database: Some("test".to_owned()),
                table: table.table.clone(),
            };
            let touch = &touches(sql.as_bytes(), &tokens, &[name])[0];
            let part = &found.parts[*part];
            let expected = sub.map_or(part.tablet, |sub| part.subs[sub].tablet);
            if let Some(touched) = tablets(&found, touch, &[]) {
                assert_eq!(touched, vec![expected], "{sql}");
                placed += 1;
            }
        }
    }
    assert!(placed > 900, "only {placed} rows could be placed");
    std::fs::remove_dir_all(&dir).unwrap();
}
