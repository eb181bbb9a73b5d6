//! The metadata rows that a full OBServer shows for a table, in the columns of its virtual tables.
//!
//! The values are those that a real engine reports for the same DDL; ids and times are the
//! catalogue's own.

use crate::ddl::bound_bytes::{Role, bound_bytes, bound_text, bound_type, integer};
use crate::ddl::definition::{Level, Method, PartitionDef, Partitioning, TableDef};
use crate::lexer::{Token, lex};
use rusqlite::types::Value;

/// The numbers that one table takes from the catalogue's sequences.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) table_id: i64,
    /// The first part id; more follow without a gap.
    pub(crate) first_part_id: i64,
    /// The first tablet id; more follow without a gap.
    pub(crate) first_tablet_id: i64,
    pub(crate) schema_version: i64,
}

/// A row: column names and values.
pub(crate) type Row = Vec<(&'static str, Value)>;

/// The rows of a table in the three partition tables, and its tablets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(crate) info: Vec<Row>,
    pub(crate) partitions: Vec<Row>,
    pub(crate) subpartitions: Vec<Row>,
    pub(crate) tablets: Vec<i64>,
    pub(crate) part_ids_used: i64,
}

fn number(value: i64) -> Value {
    Value::Integer(value)
}

fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// The rows of a table in `tenant`.
pub(crate) fn rows(tenant: &str, definition: &TableDef, numbers: Numbers) -> Rows {
    let Some(partitioning) = &definition.partitioning else {
        return Rows {
            tablets: vec![numbers.first_tablet_id],
            ..Rows::default()
        };
    };
    let mut rows = Rows {
        info: info(tenant, definition, partitioning, numbers),
        ..Rows::default()
    };
    let mut builder = Builder {
        tenant,
        definition,
        partitioning,
        numbers,
        rows: &mut rows,
    };
    builder.partitions();
    rows
}

fn info(
    tenant: &str,
    definition: &TableDef,
    partitioning: &Partitioning,
    numbers: Numbers,
) -> Vec<Row> {
    let levels = [
        (1, Some(&partitioning.first)),
        (2, partitioning.second.as_ref()),
    ];
    let keys: Vec<(i64, &String)> = levels
        .into_iter()
        .filter_map(|(number, level)| Some((number, level?)))
        .flat_map(|(number, level)| level.columns.iter().map(move |name| (number, name)))
        .collect();
    let key_count = count(keys.len());
    let mut rows = Vec::new();
    for (level, name) in keys {
        let mut row = table_columns(tenant, definition, partitioning, numbers);
        row.push(("part_key_num", number(key_count)));
        row.extend(key_columns(definition, level, name));
        row.push(("spare1", number(numbers.schema_version)));
        row.extend([("spare2", number(0)), ("spare3", number(0))]);
        row.extend([
            ("spare4", text("")),
            ("spare5", text("")),
            ("spare6", text("")),
        ]);
        row.push(("part_key_default_value", default_object(definition, name)));
        rows.push(row);
    }
    rows
}

fn table_columns(
    tenant: &str,
    definition: &TableDef,
    partitioning: &Partitioning,
    numbers: Numbers,
) -> Row {
    let blob = || Value::Blob(Vec::new());
    let leaves = partitioning
        .partitions
        .iter()
        .map(|part| part.subpartitions.len().max(1))
        .sum();
    let second = partitioning.second.as_ref();
    vec![
        ("tenant_name", text(tenant)),
        ("table_id", number(numbers.table_id)),
        ("part_level", number(if second.is_some() { 2 } else { 1 })),
        ("all_part_num", number(count(leaves))),
        ("template_num", number(0)),
        ("part_id_rule_ver", number(0)),
        ("part_type", number(partitioning.first.method as i64)),
        ("part_num", number(count(partitioning.partitions.len()))),
        ("is_column_type", number(0)),
        ("part_space", number(0)),
        ("part_expr", text(&*partitioning.first.expression)),
        ("part_expr_bin", blob()),
        (
            "part_range_type",
            text(range_types(definition, &partitioning.first)),
        ),
        ("part_interval", text("")),
        ("part_interval_bin", blob()),
        ("interval_start", text("")),
        ("interval_start_bin", blob()),
        (
            "sub_part_type",
            number(second.map_or(0, |level| level.method as i64)),
        ),
        ("sub_part_num", number(0)),
        ("is_sub_column_type", number(0)),
        ("sub_part_space", number(0)),
        (
            "sub_part_expr",
            text(second.map_or("", |level| &level.expression)),
        ),
        ("sub_part_expr_bin", blob()),
        (
            "sub_part_range_type",
            text(second.map_or_else(String::new, |level| range_types(definition, level))),
        ),
        ("def_sub_part_interval", text("")),
        ("def_sub_part_interval_bin", blob()),
        ("def_sub_interval_start", text("")),
        ("def_sub_interval_start_bin", blob()),
    ]
}

fn key_columns(definition: &TableDef, level: i64, name: &str) -> Row {
    let position = definition.position(name).map_or(-1, count);
    let rowkey = definition
        .primary
        .iter()
        .position(|key| key.eq_ignore_ascii_case(name));
    let column = definition.column(name);
    let (length, precision, scale) =
        column.map_or((-1, -1, -1), |column| column.column_type.accuracy());
    let generated = column.and_then(|column| column.generated.clone());
    vec![
        ("part_key_name", text(name)),
        (
            "part_key_type",
            number(column.map_or(0, |column| column.column_type.object_type())),
        ),
        ("part_key_idx", number(position)),
        ("part_key_level", number(level)),
        (
            "part_key_extra",
            text(generated.map_or_else(String::new, |(expression, _)| {
                expression_text(definition, &expression)
            })),
        ),
        (
            "part_key_collation_type",
            number(column.map_or(0, |column| column.column_type.collation_number())),
        ),
        ("part_key_rowkey_idx", number(rowkey.map_or(-1, count))),
        ("part_key_expr", text("")),
        ("part_key_length", number(length)),
        ("part_key_precision", number(precision)),
        ("part_key_scale", number(scale)),
    ]
}

/// A generated column's expression as the server prints it: columns in backticks, no blanks.
fn expression_text(definition: &TableDef, expression: &str) -> String {
    let Ok(lexed) = lex(expression.as_bytes()) else {
        return expression.to_owned();
    };
    let part = |token: &Token| match token.name().and_then(|name| definition.column(name)) {
        Some(column) => format!("`{}`", column.name),
        None => expression
            .get(token.start..token.end)
            .unwrap_or_default()
            .to_owned(),
    };
    lexed.tokens.iter().map(part).collect()
}

fn range_types(definition: &TableDef, level: &Level) -> String {
    if !matches!(level.method, Method::Range | Method::RangeColumns) {
        return String::new();
    }
    if !level.is_plain() {
        return "5".to_owned();
    }
    let of_column = |name: &String| {
        let column = definition.column(name);
        bound_type(column.map(|column| &column.column_type)).to_string()
    };
    let types: Vec<String> = level.columns.iter().map(of_column).collect();
    types.join(",")
}

fn default_object(definition: &TableDef, name: &str) -> Value {
    use crate::ddl::definition::DefaultValue;
    let Some(column) = definition.column(name) else {
        return Value::Null;
    };
    let Some(DefaultValue::Literal(literal)) = &column.default else {
        return Value::Null;
    };
    if column.column_type.is_integer() {
        let kind = column.column_type.object_type();
        let value = literal.parse().ok();
        return value.map_or(Value::Null, |value| Value::Blob(integer(kind, value)));
    }
    let stored = column.column_type.stored(literal, Role::Default);
    stored.map_or(Value::Null, |stored| Value::Blob(stored.bytes))
}

struct Builder<'a> {
    tenant: &'a str,
    definition: &'a TableDef,
    partitioning: &'a Partitioning,
    numbers: Numbers,
    rows: &'a mut Rows,
}

impl Builder<'_> {
    fn part_id(&mut self) -> i64 {
        let id = self.numbers.first_part_id + self.rows.part_ids_used;
        self.rows.part_ids_used += 1;
        id
    }

    fn tablet_id(&mut self) -> i64 {
        let id = self.numbers.first_tablet_id + count(self.rows.tablets.len());
        self.rows.tablets.push(id);
        id
    }

    /// All first-level ids come before the second level's, as the server hands them out.
    fn partitions(&mut self) {
        let partitioning = self.partitioning;
        let ids: Vec<i64> = partitioning
            .partitions
            .iter()
            .map(|_| self.part_id())
            .collect();
        for (index, (partition, id)) in partitioning.partitions.iter().zip(ids).enumerate() {
            let has_subs = !partition.subpartitions.is_empty();
            let tablet = if has_subs { 0 } else { self.tablet_id() };
            let mut row = self.start(id);
            row.extend(self.named(&partitioning.first, partition));
            row.push((
                "part_position",
                number(position(&partitioning.first, index)),
            ));
            row.push(("tablet_id", number(tablet)));
            row.push(("sub_part_num", number(count(partition.subpartitions.len()))));
            row.push(("sub_part_space", number(0)));
            let interval = || Value::Blob(vec![0, 7, 0, 255]);
            row.extend([
                ("sub_part_interval", text("NULL")),
                ("sub_part_interval_bin", interval()),
            ]);
            row.extend([
                ("sub_interval_start", text("NULL")),
                ("sub_interval_start_bin", interval()),
            ]);
            row.extend(self.spares());
            self.rows.partitions.push(row);
            self.subpartitions(id, partition);
        }
    }

    fn subpartitions(&mut self, parent: i64, partition: &PartitionDef) {
        let Some(level) = &self.partitioning.second else {
            return;
        };
        for (index, sub) in partition.subpartitions.iter().enumerate() {
            let mut row = self.start(parent);
            row.push(("sub_part_id", number(self.part_id())));
            row.extend(self.named(level, sub));
            let place = if level.method.is_counted() {
                number(count(index))
            } else {
                Value::Null
            };
            row.push(("sub_part_position", place));
            row.push(("tablet_id", number(self.tablet_id())));
            row.extend(self.spares());
            self.rows.subpartitions.push(row);
        }
    }

    fn start(&self, part_id: i64) -> Row {
        vec![
            ("tenant_name", text(self.tenant)),
            ("table_id", number(self.numbers.table_id)),
            ("part_id", number(part_id)),
        ]
    }

    fn named(&self, level: &Level, partition: &PartitionDef) -> Row {
        let (shown, binary) = if partition.bounds.is_empty() {
            (Value::Null, Value::Null)
        } else {
            let bytes = bound_bytes(self.definition, level, &partition.bounds);
            (
                text(bound_text(self.definition, level, &partition.bounds)),
                Value::Blob(bytes),
            )
        };
        vec![
            ("part_name", text(&*partition.name)),
            ("status", number(0)),
            ("low_bound_val", text("")),
            ("low_bound_val_bin", Value::Blob(Vec::new())),
            ("high_bound_val", shown),
            ("high_bound_val_bin", binary),
        ]
    }

    fn spares(&self) -> Row {
        vec![
            ("spare1", number(self.numbers.schema_version)),
            ("spare2", number(0)),
            ("spare3", number(0)),
            ("spare4", text("")),
            ("spare5", text("")),
            ("spare6", text("")),
        ]
    }
}

/// Only hash and key partitions have a position.
fn position(level: &Level, index: usize) -> i64 {
    if level.method.is_counted() {
        count(index)
    } else {
        0
    }
}
