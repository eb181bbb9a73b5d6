//! Reads the PARTITION BY clause.

use crate::cursor::Cursor;
use crate::ddl::constant;
use crate::ddl::definition::{Bound, Level, Method, PartitionDef, Partitioning, TableDef};
use crate::error::SqlError;
use crate::lexer::Kind;
use std::cmp::Reverse;

/// The most partitions of a table (`OB_MAX_PARTITION_NUM_MYSQL`).
const MAX_PARTITIONS: usize = 8192;

/// Reads the clause behind `PARTITION BY`.
pub(crate) fn parse(
    cursor: &mut Cursor<'_>,
    definition: &TableDef,
) -> Result<Partitioning, SqlError> {
    let start = *cursor;
    let first = parse_level(cursor, definition)?;
    let mut count = None;
    if cursor.accept("partitions") {
        count = Some(cursor.number()?);
    }
    let (mut second, mut sub_count, mut template) = (None, None, None);
    if cursor.accept_all(&["subpartition", "by"]) {
        second = Some(parse_level(cursor, definition)?);
        if cursor.accept("subpartitions") {
            sub_count = Some(cursor.number()?);
        }
        if cursor.accept_all(&["subpartition", "template"]) {
            template = Some(parse_partitions(cursor, "subpartition")?);
        }
    }
    if cursor.accept("partitions") {
        count = Some(cursor.number()?);
    }
    let mut partitions = if cursor.sees_symbol("(") {
        parse_partitions(cursor, "partition")?
    } else {
        counted("p", count.unwrap_or(1))?
    };
    if let Some(level) = &second {
        let template = match template {
            Some(template) => template,
            None => counted("sp", sub_count.unwrap_or(1))?,
        };
        fill_subpartitions(&mut partitions, &template);
        for partition in &mut partitions {
            sort_lists(level, &mut partition.subpartitions);
        }
    }
    sort_lists(&first, &mut partitions);
    let consumed = start.rest().len() - cursor.rest().len();
    let clause = start.rest().get(..consumed).unwrap_or_default();
    let text = start.text_of(clause);
    Ok(Partitioning {
        first,
        second,
        partitions,
        text,
    })
}

fn parse_level(cursor: &mut Cursor<'_>, definition: &TableDef) -> Result<Level, SqlError> {
    cursor.accept("linear");
    let columns_follow = |cursor: &mut Cursor<'_>| cursor.accept("columns");
    let method = if cursor.accept("hash") {
        Method::Hash
    } else if cursor.accept("key") {
        Method::Key
    } else if cursor.accept("range") {
        if columns_follow(cursor) {
            Method::RangeColumns
        } else {
            Method::Range
        }
    } else if cursor.accept("list") {
        if columns_follow(cursor) {
            Method::ListColumns
        } else {
            Method::List
        }
    } else {
        return Err(cursor.error());
    };
    let inside = cursor.brackets()?;
    let columns = columns_of(&inside, definition);
    if inside.at_end() && method == Method::Key {
        return Ok(implicit_key(definition));
    }
    if columns.is_empty() {
        return Err(SqlError::new(
            1564,
            "This partition function is not allowed",
        ));
    }
    Ok(Level {
        method,
        expression: expression_text(&inside),
        columns,
    })
}

/// The primary key's columns in the table's order, which is the order that is hashed.
fn implicit_key(definition: &TableDef) -> Level {
    let is_primary = |name: &str| {
        definition
            .primary
            .iter()
            .any(|key| key.eq_ignore_ascii_case(name))
    };
    let names = definition.columns.iter().map(|column| column.name.clone());
    let columns = names.filter(|name| is_primary(name)).collect();
    Level {
        method: Method::KeyImplicit,
        expression: String::new(),
        columns,
    }
}

fn columns_of(inside: &Cursor<'_>, definition: &TableDef) -> Vec<String> {
    let names = inside.rest().iter().filter_map(|token| token.name());
    let mut columns: Vec<String> = Vec::new();
    for column in names.filter_map(|name| definition.column(name)) {
        if !columns.contains(&column.name) {
            columns.push(column.name.clone());
        }
    }
    columns
}

/// The expression as the server stores it: names without backticks, lists without blanks.
fn expression_text(inside: &Cursor<'_>) -> String {
    let parts = inside.split_commas();
    let text = |part: &Cursor<'_>| part.text().replace('`', "");
    parts.iter().map(text).collect::<Vec<_>>().join(",")
}

fn counted(prefix: &str, count: usize) -> Result<Vec<PartitionDef>, SqlError> {
    if count == 0 || count > MAX_PARTITIONS {
        return Err(SqlError::new(
            1499,
            "Too many partitions (including subpartitions) were defined",
        ));
    }
    let partition = |index| PartitionDef {
        name: format!("{prefix}{index}"),
        bounds: Vec::new(),
        subpartitions: Vec::new(),
    };
    Ok((0..count).map(partition).collect())
}

fn fill_subpartitions(partitions: &mut [PartitionDef], template: &[PartitionDef]) {
    for partition in partitions {
        if partition.subpartitions.is_empty() {
            let name = partition.name.clone();
            let named = |sub: &PartitionDef| PartitionDef {
                name: format!("{name}s{}", sub.name),
                ..sub.clone()
            };
            let default = |sub: &PartitionDef| PartitionDef {
                name: format!("{name}{}", sub.name),
                ..sub.clone()
            };
            let counted = template.iter().all(|sub| sub.bounds.is_empty());
            partition.subpartitions = if counted {
                template.iter().map(default).collect()
            } else {
                template.iter().map(named).collect()
            };
        }
    }
}

fn parse_partitions(cursor: &mut Cursor<'_>, word: &str) -> Result<Vec<PartitionDef>, SqlError> {
    let items = cursor.brackets()?.split_commas();
    items
        .into_iter()
        .map(|item| parse_partition(item, word))
        .collect()
}

fn parse_partition(mut item: Cursor<'_>, word: &str) -> Result<PartitionDef, SqlError> {
    item.expect(word)?;
    let name = item.name()?;
    let mut bounds = Vec::new();
    if item.accept_all(&["values", "less", "than"]) {
        bounds.push(if item.accept("maxvalue") {
            vec![Bound::Max]
        } else {
            parse_tuple(item.brackets()?)?
        });
    } else if item.accept_all(&["values", "in"]) {
        for mut member in item.brackets()?.split_commas() {
            bounds.push(if member.sees_symbol("(") {
                parse_tuple(member.brackets()?)?
            } else {
                parse_tuple(member)?
            });
        }
    }
    let mut subpartitions = Vec::new();
    while !item.at_end() {
        if item.sees_symbol("(") {
            subpartitions = parse_partitions(&mut item, "subpartition")?;
        } else {
            item.take();
        }
    }
    Ok(PartitionDef {
        name,
        bounds,
        subpartitions,
    })
}

fn parse_tuple(inside: Cursor<'_>) -> Result<Vec<Bound>, SqlError> {
    inside.split_commas().into_iter().map(parse_bound).collect()
}

fn parse_bound(mut item: Cursor<'_>) -> Result<Bound, SqlError> {
    if item.accept("maxvalue") || item.accept("default") {
        return Ok(Bound::Max);
    }
    if item.accept("null") {
        return Ok(Bound::Null);
    }
    if let Some(Kind::Text(text) | Kind::Blob(text)) = item.peek().map(|token| &token.kind) {
        let text = String::from_utf8(text.clone());
        return text.map(Bound::Text).map_err(|_| SqlError::unsupported());
    }
    if let Some(value) = constant::call(&item) {
        return Ok(Bound::Number(value));
    }
    let text = item.scalar()?;
    Ok(text.parse().map_or(Bound::Text(text), Bound::Number))
}

/// Lists are reported longest first, then by their smallest value, NULL before all; DEFAULT is last.
fn sort_lists(level: &Level, partitions: &mut [PartitionDef]) {
    if !matches!(level.method, Method::List | Method::ListColumns) {
        return;
    }
    for partition in partitions.iter_mut() {
        partition
            .bounds
            .sort_by_key(|tuple| tuple.iter().map(rank).collect::<Vec<_>>());
    }
    partitions.sort_by_key(|partition| {
        let first = partition.bounds.first();
        let is_default = first.is_some_and(|tuple| tuple.contains(&Bound::Max));
        let smallest = first.map(|tuple| tuple.iter().map(rank).collect::<Vec<_>>());
        (is_default, Reverse(partition.bounds.len()), smallest)
    });
}

fn rank(bound: &Bound) -> (u8, i128, String) {
    match bound {
        Bound::Null => (0, 0, String::new()),
        Bound::Number(number) => (1, *number, String::new()),
        Bound::Text(text) => (2, 0, text.clone()),
        Bound::Max => (3, 0, String::new()),
    }
}
