//! A table as the proxy knows it, read from the engine as discovery reads it.

use odp_cluster::{DatabaseName, TableId, TenantName};
use odp_routing::metadata::{MetadataRow, Schema, read_partitioning};
use odp_routing::{CollationId, LookupPhase, Request, Table, TimeZone, Unsure};
use odp_sql::{Dialect, outline};
use odp_tests::Failure;
use odp_tests::mysql::Connection;
use std::collections::HashMap;

/// A row of a metadata view.
pub(crate) struct Row(HashMap<&'static str, Vec<u8>>);

impl MetadataRow for Row {
    fn get(&self, column: &str) -> Option<&[u8]> {
        self.0.get(column).map(Vec::as_slice)
    }
}

/// A table with what the engine calls its leaves.
pub(crate) struct Known {
    pub(crate) table: Table,
    tenant: TenantName,
    database: DatabaseName,
    /// First-level position, second-level position, name and tablet of each leaf.
    leaves: Vec<(u64, Option<u64>, String, u64)>,
}

const INFO: &[&str] = &[
    "part_level",
    "part_num",
    "part_type",
    "sub_part_type",
    "part_expr",
    "sub_part_expr",
    "part_key_name",
    "part_key_idx",
    "part_key_level",
    "part_key_type",
    "part_key_extra",
    "part_key_collation_type",
    "part_key_rowkey_idx",
    "part_key_length",
    "part_key_precision",
    "part_key_scale",
    "part_key_default_value",
];
const PARTS: &[&str] = &[
    "tablet_id",
    "part_id",
    "part_name",
    "high_bound_val_bin",
    "sub_part_num",
];
const SUBPARTS: &[&str] = &[
    "tablet_id",
    "part_id",
    "sub_part_id",
    "part_name",
    "high_bound_val_bin",
];
const COLUMNS: &[&str] = &[
    "column_name",
    "data_type",
    "data_length",
    "collation_type",
    "extended_type_info",
    "nullable",
    "autoincrement",
    "column_flags",
    "has_default",
    "data_precision",
    "data_scale",
];

impl Known {
    pub(crate) fn read(connection: &mut Connection, name: &str) -> Result<Self, Failure> {
        let ids = connection.query(&format!(
            "select table_id from oceanbase.__all_virtual_proxy_schema where tenant_name = 'sys' and \
             database_name = 'test' and table_name = '{name}' and tablet_id = 0 limit 1"
        ))?;
        let id = ids.into_iter().flatten().flatten().next();
        let id = id.ok_or_else(|| Failure::answer("the table's id", name.to_owned()))?;
        let of = format!("table_id = {id} and tenant_name = 'sys'");
        let mut view = |columns: &'static [&str], view: &str, which: &str| {
            // In hexadecimal digits, because the harness reads texts.
            let list: Vec<String> = columns
                .iter()
                .map(|name| match *name {
                    "has_default" => "hex(cur_default_value_v2 is not null)".to_owned(),
                    name => format!("hex({name})"),
                })
                .collect();
            let rows = connection.query(&format!(
                "select {} from oceanbase.{view} where {which}",
                list.join(", ")
            ))?;
            let row = |row: Vec<Option<String>>| {
                let fields = columns.iter().zip(row);
                Row(fields
                    .filter_map(|(name, value)| Some((*name, bytes(name, &value?))))
                    .collect())
            };
            Ok::<Vec<Row>, Failure>(rows.into_iter().map(row).collect())
        };
        let info = view(
            INFO,
            "__all_virtual_proxy_partition_info",
            &format!("{of} order by part_key_idx"),
        )?;
        let first = view(PARTS, "__all_virtual_proxy_partition", &of)?;
        let second = view(SUBPARTS, "__all_virtual_proxy_sub_partition", &of)?;
        let columns = view(
            COLUMNS,
            "__all_virtual_column",
            &format!("table_id = {id} and tenant_id = 1 and is_hidden = 0 order by column_id"),
        )?;
        let partitioning = read_partitioning(&info, &first, &second, &columns)
            .ok_or_else(|| Failure::answer("partitions", name.to_owned()))?;
        let schema = Schema {
            table_id: TableId(1),
            is_partitioned: true,
            schema_version: 1,
            replicas: Vec::new(),
        };
        Ok(Self {
            table: schema.into_partitioned::<Row>(partitioning, []),
            tenant: TenantName::new("sys"),
            database: DatabaseName::new("test"),
            leaves: leaves(&first, &second),
        })
    }

    /// The tablets that a statement touches.
    pub(crate) fn tablets(&self, sql: &str, dialect: Dialect) -> Result<Vec<u64>, Unsure> {
        let outline = outline(sql.as_bytes(), dialect);
        let request = Request {
            outline: Some(&outline),
            lookup: LookupPhase::Done,
            time_zone: TimeZone::parse("+08:00"),
            backslash: dialect.backslash,
            client: CollationId(45),
            collation: CollationId(45),
            ..Request::new(&self.tenant, &self.database)
        };
        let mut tablets: Vec<u64> = self
            .table
            .tablets_of(&request)?
            .iter()
            .map(|tablet| tablet.0)
            .collect();
        tablets.sort_unstable();
        tablets.dedup();
        Ok(tablets)
    }

    /// Names and tablets of the leaves.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = (&str, u64)> {
        self.leaves
            .iter()
            .map(|(_, _, name, tablet)| (name.as_str(), *tablet))
    }

    pub(crate) fn first_tablet(&self) -> Vec<u64> {
        self.leaves.first().map(|leaf| leaf.3).into_iter().collect()
    }

    /// The tablets of partitions as EXPLAIN prints them, by position: `p3`, `p[1-2]`, `p1sp[0-4]`.
    pub(crate) fn tablets_of(&self, partitions: &str) -> Vec<u64> {
        let mut tablets = Vec::new();
        for token in partitions.split(',') {
            let token = token.trim().trim_start_matches('p');
            let (first, second) = match token.split_once("sp") {
                Some((first, second)) => (range(first), Some(range(second))),
                None => (range(token), None),
            };
            let within = |sub: Option<u64>| {
                second
                    .as_ref()
                    .zip(sub)
                    .is_none_or(|(range, sub)| range.contains(&sub))
            };
            let found = self
                .leaves
                .iter()
                .filter(|leaf| first.contains(&leaf.0) && within(leaf.1));
            tablets.extend(found.map(|leaf| leaf.3));
        }
        tablets.sort_unstable();
        tablets.dedup();
        tablets
    }
}

fn range(text: &str) -> std::ops::RangeInclusive<u64> {
    let bounds = text.trim_matches(['[', ']']);
    let (low, high) = bounds.split_once('-').unwrap_or((bounds, bounds));
    low.parse().unwrap_or(u64::MAX)..=high.parse().unwrap_or(u64::MAX)
}

fn leaves(first: &[Row], second: &[Row]) -> Vec<(u64, Option<u64>, String, u64)> {
    let text = |row: &Row, column: &str| {
        String::from_utf8_lossy(row.get(column).unwrap_or_default()).into_owned()
    };
    let tablet = |row: &Row| text(row, "tablet_id").parse().unwrap_or_default();
    let mut leaves = Vec::new();
    for (at, part) in (0..).zip(first) {
        if second.is_empty() {
            leaves.push((at, None, text(part, "part_name"), tablet(part)));
        }
        let own = second
            .iter()
            .filter(|sub| sub.get("part_id") == part.get("part_id"));
        for (sub_at, sub) in (0..).zip(own) {
            leaves.push((at, Some(sub_at), text(sub, "part_name"), tablet(sub)));
        }
    }
    leaves
}

/// HEX of a number is the number to the base of 16, of a text that of its bytes.
fn bytes(column: &str, hex: &str) -> Vec<u8> {
    let is_text = column.ends_with("_bin")
        || column.ends_with("_expr")
        || column.ends_with("_name")
        || matches!(
            column,
            "part_key_extra" | "part_key_default_value" | "extended_type_info"
        );
    if !is_text {
        let number = u64::from_str_radix(hex, 16).unwrap_or_default();
        return number.cast_signed().to_string().into_bytes();
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default();
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    pairs
        .iter()
        .map(|&[high, low]| u8::try_from(digit(high) * 16 + digit(low)).unwrap_or_default())
        .collect()
}
