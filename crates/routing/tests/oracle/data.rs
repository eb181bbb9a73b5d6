//! Reads the oracle (`tests/data/oracle/README.md` of the workspace).

use odp_routing::metadata::MetadataRow;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

/// A row of a metadata view.
pub(crate) struct Row(HashMap<String, Vec<u8>>);

impl MetadataRow for Row {
    fn get(&self, column: &str) -> Option<&[u8]> {
        self.0.get(column).map(Vec::as_slice)
    }
}

/// A table with its metadata.
pub(crate) struct TableData {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) info: Vec<Row>,
    pub(crate) first: Vec<Row>,
    pub(crate) second: Vec<Row>,
    /// What `__all_virtual_column` says of its columns, as far as the DDL shows it.
    pub(crate) columns: Vec<Row>,
    /// First-level and second-level position and the tablet of each leaf.
    leaves: Vec<(u64, Option<u64>, u64)>,
}

/// A row with the tablet that the engine put it into; `None` when it found no partition for it.
pub(crate) struct Inserted {
    pub(crate) table: String,
    pub(crate) sql: String,
    pub(crate) tablet: Option<u64>,
}

/// A statement with the partitions that EXPLAIN prints.
pub(crate) struct Explained {
    pub(crate) table: String,
    pub(crate) kind: String,
    pub(crate) sql: String,
    pub(crate) partitions: Vec<String>,
}

fn lines(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/oracle")
        .join(format!("{name}.jsonl.gz"));
    let output = Command::new("gzip").arg("-dc").arg(&path).output().unwrap();
    assert!(output.status.success(), "gzip -dc {}", path.display());
    serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

pub(crate) fn tables() -> Vec<TableData> {
    let table = |table: Value| {
        let view = |name: &str| rows(&table["meta"][name]);
        let leaf = |leaf: &Value| {
            let number = |key: &str| leaf[key].as_u64();
            (
                number("idx").unwrap(),
                number("sub_idx"),
                number("tablet_id").unwrap(),
            )
        };
        TableData {
            name: text(&table["table"]),
            kind: text(&table["kind"]).leak(),
            info: view("__all_virtual_proxy_partition_info"),
            first: view("__all_virtual_proxy_partition"),
            second: view("__all_virtual_proxy_sub_partition"),
            columns: columns(&table["cols"]),
            leaves: array(&table["partitions"]).iter().map(leaf).collect(),
        }
    };
    lines("tables").into_iter().map(table).collect()
}

pub(crate) fn inserted() -> Vec<Inserted> {
    let row = |row: Value| {
        let table = text(&row["table"]);
        let literals = row["lit"].as_object().unwrap();
        let columns: Vec<_> = literals.keys().map(String::as_str).collect();
        let values: Vec<_> = literals.values().map(text).collect();
        Inserted {
            sql: format!(
                "insert into {table}(id,{}) values ({},{})",
                columns.join(","),
                row["id"],
                values.join(",")
            ),
            tablet: row["tablet_id"].as_u64(),
            table,
        }
    };
    // Rows refused for another reason (a duplicate key, a value out of range) have a partition.
    let other_refusal = |row: &Value| row["part"].is_null() && row["err"][0] != 1526;
    let rows = lines("rows").into_iter();
    rows.filter(|row| !other_refusal(row)).map(row).collect()
}

pub(crate) fn explained() -> Vec<Explained> {
    lines("explain")
        .into_iter()
        .filter(|statement| statement["err"].is_null())
        .map(|statement| Explained {
            table: text(&statement["table"]),
            kind: text(&statement["stmt_kind"]),
            sql: text(&statement["sql"]),
            partitions: array(&statement["partitions"]).iter().map(text).collect(),
        })
        .collect()
}

impl TableData {
    /// The tablet of the first partition.
    pub(crate) fn first_tablet(&self) -> u64 {
        self.leaves[0].2
    }

    /// The tablets of partitions as EXPLAIN prints them, by position: `p3`, `p[1-2]`, `p1sp[0-4]`.
    pub(crate) fn tablets_of(&self, partitions: &[String]) -> Vec<u64> {
        let mut tablets = Vec::new();
        for token in partitions.iter().flat_map(|list| list.split(',')) {
            let token = token.trim().strip_prefix('p').unwrap();
            let (first, second) = match token.split_once("sp") {
                Some((first, second)) => (range(first), Some(range(second))),
                None => (range(token), None),
            };
            let within = |sub: Option<u64>| {
                let both = second.as_ref().zip(sub);
                both.is_none_or(|(range, sub)| range.contains(&sub))
            };
            let leaves = self.leaves.iter();
            let found = leaves.filter(|&&(idx, sub, _)| first.contains(&idx) && within(sub));
            tablets.extend(found.map(|&(_, _, tablet)| tablet));
        }
        tablets
    }
}

/// Rows of `__all_virtual_column` made of the column definitions; an id stands before them.
fn columns(definitions: &Value) -> Vec<Row> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let mut rows = vec![Row(HashMap::from([
        ("column_name".to_owned(), bytes("id")),
        ("data_type".to_owned(), bytes("5")),
    ]))];
    for (name, definition) in definitions.as_object().unwrap() {
        let definition = definition.as_str().unwrap();
        let (kind, rest) = definition.split_once('(').unwrap_or((definition, ""));
        let argument = rest.split_once(')').map_or("", |(argument, _)| argument);
        let number = match kind {
            "varchar" => "22",
            "enum" => "32",
            "set" => "33",
            _ => "0",
        };
        let collation = if definition.contains("utf8mb4_bin") {
            "46"
        } else {
            "45"
        };
        let mut row = HashMap::from([
            ("column_name".to_owned(), bytes(name)),
            ("data_type".to_owned(), bytes(number)),
            ("collation_type".to_owned(), bytes(collation)),
            ("data_length".to_owned(), bytes(argument)),
        ]);
        if matches!(kind, "enum" | "set") {
            let labels: Vec<&str> = argument
                .split(',')
                .map(|label| label.trim_matches('\''))
                .collect();
            let mut info = vec![u8::try_from(labels.len()).unwrap()];
            for label in labels {
                info.push(u8::try_from(label.len()).unwrap());
                info.extend(label.bytes().chain([0]));
            }
            row.insert("extended_type_info".to_owned(), info);
        }
        rows.push(Row(row));
    }
    rows
}

fn range(text: &str) -> std::ops::RangeInclusive<u64> {
    let bounds = text.trim_matches(['[', ']']);
    let (low, high) = bounds.split_once('-').unwrap_or((bounds, bounds));
    low.parse().unwrap()..=high.parse().unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn rows(json: &Value) -> Vec<Row> {
    let bytes = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Object(object) => Some(from_hex(object["hex"].as_str().unwrap())),
        other => Some(other.to_string().into_bytes()),
    };
    let row = |row: &Value| {
        let fields = row.as_object().unwrap().iter();
        let fields = fields.filter_map(|(name, value)| Some((name.clone(), bytes(value)?)));
        Row(fields.collect())
    };
    array(json).iter().map(row).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |&digit: &u8| char::from(digit).to_digit(16).unwrap();
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    pairs
        .iter()
        .map(|pair| u8::try_from(digit(&pair[0]) * 16 + digit(&pair[1])).unwrap())
        .collect()
}
