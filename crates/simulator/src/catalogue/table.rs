//! A table as a node sees it: its definition, and its partitions as the metadata rows tell.

use crate::cursor::Cursor;
use crate::ddl::definition::{Bound, Level, Method, TableDef};
use crate::error::SimulatorError;
use crate::lexer::{Kind, lex};
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;
use std::sync::Arc;

/// A partition or subpartition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Tuples of the bound; empty for hash and key.
    pub(crate) bounds: Vec<Vec<Bound>>,
    /// 0 for a partition with subpartitions.
    pub(crate) tablet: i64,
    pub(crate) subs: Vec<Part>,
}

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) definition: Arc<TableDef>,
    /// None for a table of one tablet.
    pub(crate) first: Option<Level>,
    pub(crate) second: Option<Level>,
    pub(crate) parts: Vec<Part>,
    pub(crate) first_tablet: i64,
    /// The server that leads each tablet.
    pub(crate) leaders: HashMap<i64, i64>,
}

impl Table {
    /// Reads a table from the catalogue.
    pub(super) fn load(
        store: &Connection,
        tenant: &str,
        database: &str,
        name: &str,
    ) -> Result<Option<Self>, SimulatorError> {
        let row: Option<(i64, String, Option<i64>)> = store
            .query_row(
                "SELECT table_id, definition, first_tablet FROM sim_table WHERE \
                 tenant_name = ?1 AND database_name = ?2 AND table_name = ?3",
                [tenant, database, name],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((id, definition, first_tablet)) = row else {
            return Ok(None);
        };
        let definition: TableDef = serde_json::from_str(&definition)?;
        let (first, second) = levels(store, id)?;
        let parts = parts(store, id)?;
        let mut statement = store.prepare(
            "SELECT tablet_id, server_id FROM sim_replica WHERE table_id = ?1 AND role = 1",
        )?;
        let leaders = statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Some(Self {
            definition: Arc::new(definition),
            first,
            second,
            parts,
            first_tablet: first_tablet.unwrap_or(0),
            leaders: leaders.collect::<Result<_, _>>()?,
        }))
    }

    /// Every tablet, in the order of the partitions.
    pub(crate) fn tablets(&self) -> Vec<i64> {
        if self.parts.is_empty() {
            return vec![self.first_tablet];
        }
        let leaves = self.parts.iter().flat_map(|part| {
            if part.subs.is_empty() {
                vec![part.tablet]
            } else {
                part.subs.iter().map(|sub| sub.tablet).collect()
            }
        });
        leaves.collect()
    }
}

type Levels = (Option<Level>, Option<Level>);

fn levels(store: &Connection, id: i64) -> Result<Levels, SimulatorError> {
    let mut statement = store.prepare(
        "SELECT part_type, part_expr, sub_part_type, sub_part_expr, part_key_name, part_key_level FROM \
         __all_virtual_proxy_partition_info WHERE table_id = ?1 ORDER BY part_key_idx",
    )?;
    let mut rows = statement.query([id])?;
    let mut levels: [Option<Level>; 2] = [None, None];
    while let Some(row) = rows.next()? {
        let key_level: i64 = row.get(5)?;
        let at = usize::from(key_level == 2);
        let Some(method) = Method::from_number(row.get(at * 2)?) else {
            continue;
        };
        let expression: String = row.get(at * 2 + 1)?;
        if let Some(slot) = levels.get_mut(at) {
            let level = slot.get_or_insert_with(|| Level {
                method,
                expression,
                columns: Vec::new(),
            });
            level.columns.push(row.get(4)?);
        }
    }
    let [first, second] = levels.map(|level| level.map(in_expression_order));
    Ok((first, second))
}

/// The rows come in the table's order; a list of names is hashed and compared in its own.
fn in_expression_order(mut level: Level) -> Level {
    let names: Vec<&str> = level.expression.split(',').map(str::trim).collect();
    let place = |column: &String| {
        names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(column))
    };
    level
        .columns
        .sort_by_key(|column| place(column).unwrap_or(usize::MAX));
    level
}

fn parts(store: &Connection, id: i64) -> Result<Vec<Part>, SimulatorError> {
    let mut subs: HashMap<i64, Vec<Part>> = HashMap::new();
    let mut statement = store.prepare(
        "SELECT part_id, part_name, high_bound_val, tablet_id FROM __all_virtual_proxy_sub_partition \
         WHERE table_id = ?1 ORDER BY rowid",
    )?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        subs.entry(row.get(0)?)
            .or_default()
            .push(part(row, Vec::new())?);
    }
    let mut statement = store.prepare(
        "SELECT part_id, part_name, high_bound_val, tablet_id FROM __all_virtual_proxy_partition \
         WHERE table_id = ?1 ORDER BY rowid",
    )?;
    let mut rows = statement.query([id])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        parts.push(part(row, subs.remove(&id).unwrap_or_default())?);
    }
    Ok(parts)
}

fn part(row: &rusqlite::Row<'_>, subs: Vec<Part>) -> Result<Part, rusqlite::Error> {
    let bound: Option<String> = row.get(2)?;
    Ok(Part {
        name: row.get(1)?,
        bounds: bound.map(|text| parse_bounds(&text)).unwrap_or_default(),
        tablet: row.get(3)?,
        subs,
    })
}

/// Reads `high_bound_val`: one tuple for a range, several for a list.
fn parse_bounds(text: &str) -> Vec<Vec<Bound>> {
    let Ok(lexed) = lex(text.as_bytes()) else {
        return Vec::new();
    };
    let items = Cursor::new(text.as_bytes(), &lexed.tokens).split_commas();
    let bracketed = items.iter().any(|item| item.sees_symbol("("));
    if !bracketed {
        return vec![items.into_iter().map(parse_bound).collect()];
    }
    let tuple = |mut item: Cursor<'_>| match item.brackets() {
        Ok(inside) => inside.split_commas().into_iter().map(parse_bound).collect(),
        Err(_) => vec![parse_bound(item)],
    };
    items.into_iter().map(tuple).collect()
}

fn parse_bound(mut item: Cursor<'_>) -> Bound {
    if item.accept("maxvalue") || item.accept("default") {
        return Bound::Max;
    }
    if item.accept("null") {
        return Bound::Null;
    }
    let quoted = matches!(item.peek().map(|token| &token.kind), Some(Kind::Text(_)));
    let text = item.scalar().unwrap_or_default();
    match text.parse() {
        Ok(number) if !quoted => Bound::Number(number),
        _ => Bound::Text(text),
    }
}
