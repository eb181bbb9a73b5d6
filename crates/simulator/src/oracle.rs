//! Holds metadata rows and placement against what a real engine reported (`tests/data/oracle` of the
//! workspace).

mod renumber;

use crate::catalogue::Catalogue;
use crate::cursor::Cursor;
use crate::ddl::create::{self, Source};
use crate::ddl::definition::TableDef;
use crate::ddl::metadata::{self, Numbers};
use crate::lexer::lex;
use crate::placement::{tablets, touches};
use crate::{Cluster, ClusterConfig};
use rusqlite::types::Value;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use std::process::Command;

type JsonRow = Map<String, Json>;

const INFO: &str = "__all_virtual_proxy_partition_info";
const FIRST: &str = "__all_virtual_proxy_partition";
const SECOND: &str = "__all_virtual_proxy_sub_partition";

/// Columns that hold numbers of a catalogue's own.
const OWN: [&str; 7] = [
    "table_id",
    "part_id",
    "sub_part_id",
    "tablet_id",
    "spare1",
    "gmt_create",
    "gmt_modified",
];

fn lines(name: &str) -> Vec<Json> {
    let path = format!(
        "{}/../../tests/data/oracle/{name}.jsonl.gz",
        env!("CARGO_MANIFEST_DIR")
    );
    let output = Command::new("gzip").args(["-dc", &path]).output().unwrap();
    assert!(output.status.success(), "gzip -dc {path}");
    serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .map(Result::unwrap)
        .collect()
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

/// Where the rows of `view` differ from the engine's.
fn differences(view: &str, ours: &[metadata::Row], real: &[JsonRow]) -> Vec<String> {
    if ours.len() != real.len() {
        return vec![format!("{view}: {} rows for {}", ours.len(), real.len())];
    }
    let mut found = Vec::new();
    for (at, (ours, real)) in ours.iter().zip(real).enumerate() {
        let ours: HashMap<&str, Json> = ours
            .iter()
            .map(|(name, value)| (*name, json_value(value)))
            .collect();
        for (column, real) in real
            .iter()
            .filter(|(name, _)| !OWN.contains(&name.as_str()))
        {
            let ours = ours.get(column.as_str());
            if ours != Some(real) {
                found.push(format!("{view}[{at}].{column}: {ours:?} for {real}"));
            }
        }
    }
    found
}

#[test]
fn metadata_of_a_ddl_equals_that_of_a_real_engine() {
    let tables = lines("tables");
    let mut different = BTreeMap::new();
    for table in &tables {
        let numbers = Numbers {
            table_id: 1,
            first_part_id: 2,
            first_tablet_id: 3,
            schema_version: 4,
        };
        let mut rows = metadata::rows("sys", &definition(table["ddl"].as_str().unwrap()), numbers);
        rows.info.sort_by_key(|row| {
            let index = row.iter().find(|(name, _)| *name == "part_key_idx");
            index.map(|(_, value)| match value {
                Value::Integer(number) => *number,
                _ => 0,
            })
        });
        let views = [
            (INFO, &rows.info),
            (FIRST, &rows.partitions),
            (SECOND, &rows.subpartitions),
        ];
        let found = views.into_iter().flat_map(|(view, ours)| {
            let real: Vec<JsonRow> = serde_json::from_value(table["meta"][view].clone()).unwrap();
            let real: Vec<JsonRow> = real.into_iter().map(renumber::row).collect();
            differences(view, ours, &real)
        });
        let found: Vec<String> = found.collect();
        if !found.is_empty() {
            different.insert(table["table"].to_string(), found);
        }
    }
    let accepted = tables.len() - different.len();
    println!(
        "the metadata of {accepted} of {} tables is the engine's",
        tables.len()
    );
    assert!(different.is_empty(), "{different:#?}");
}

/// An empty catalogue in a folder of its own.
fn catalogue(name: &str) -> (Catalogue, std::path::PathBuf) {
    let dir = std::env::temp_dir().join(format!("odp-{name}-{}", std::process::id()));
    let addr = ([127, 0, 0, 1], 1).into();
    let catalogue = Catalogue::create(&dir, &ClusterConfig::default(), &[addr]);
    (catalogue.unwrap(), dir)
}

#[test]
fn rows_are_placed_where_a_real_engine_placed_them() {
    let (catalogue, dir) = catalogue("oracle");
    let mut tables = HashMap::new();
    for table in lines("tables") {
        let name = table["table"].as_str().unwrap().to_owned();
        let definition = definition(table["ddl"].as_str().unwrap());
        let create = catalogue.create_table("demo", "test", &name, &definition);
        create.unwrap();
        let found = catalogue.table("demo", "test", &name).unwrap().unwrap();
        tables.insert(name, found);
    }
    let (mut placed, mut unknown) = (0, 0);
    for row in lines("rows").iter().filter(|row| !row["part"].is_null()) {
        let name = row["table"].as_str().unwrap();
        let literals = row["lit"].as_object().unwrap();
        let names: Vec<&str> = literals.keys().map(String::as_str).collect();
        let values: Vec<&str> = literals
            .values()
            .map(|text| text.as_str().unwrap())
            .collect();
        let (names, values) = (names.join(", "), values.join(", "));
        let sql = format!("insert into {name} (id, {names}) values (1, {values})");
        let lexed = lex(sql.as_bytes()).unwrap();
        let target = crate::cursor::TableName {
            database: Some("test".to_owned()),
            table: name.to_owned(),
        };
        let table = &tables[name];
        let touch = &touches(sql.as_bytes(), &lexed.tokens, &[target])[0];
        let index = |key: &str| usize::try_from(row[key].as_u64().unwrap()).unwrap();
        let part = &table.parts[index("idx")];
        let expected = match &row["sub_idx"] {
            Json::Null => part.tablet,
            _ => part.subs[index("sub_idx")].tablet,
        };
        match tablets(table, touch, &[]) {
            Some(touched) => {
                assert_eq!(touched, vec![expected], "{sql}");
                placed += 1;
            }
            None => unknown += 1,
        }
    }
    println!("{placed} rows are placed as by the engine, {unknown} are left to execution");
    assert!(placed > 8_000, "only {placed} rows could be placed");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn every_table_of_a_real_engine_can_be_loaded() {
    let cluster = Cluster::start(&ClusterConfig::default()).unwrap();
    for table in lines("tables") {
        let name = table["table"].as_str().unwrap();
        let loaded = cluster.load_table("demo", "test", &table.to_string());
        loaded.unwrap_or_else(|error| panic!("{name}: {error}"));
        let ours = cluster.tablets("demo", "test", name).unwrap();
        let ours: Vec<i64> = ours.iter().map(|tablet| tablet.tablet_id).collect();
        let real = table["partitions"].as_array().unwrap().iter();
        let mut real: Vec<i64> = real
            .map(|leaf| leaf["tablet_id"].as_i64().unwrap())
            .collect();
        let mut sorted = ours.clone();
        sorted.sort_unstable();
        real.sort_unstable();
        assert_eq!(sorted, real, "{name}");
    }
}
