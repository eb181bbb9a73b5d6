//! ALTER TABLE: what it asks for, and what that makes of a definition.

use crate::cursor::{Cursor, TableName};
use crate::ddl::column_type::{Base, ColumnType};
use crate::ddl::create::{parse_column, parse_key};
use crate::ddl::definition::{ColumnDef, KeyDef, TableDef};
use crate::error::SqlError;

/// Where a new column goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    Last,
    First,
    After(String),
}

/// One change of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    AddColumn(ColumnDef, Place),
    DropColumn(String),
    /// The old name and the new definition.
    ModifyColumn(String, ColumnDef),
    AddKey(KeyDef),
    AddPrimary(Vec<String>),
    DropKey(String),
    Rename(TableName),
    AutoIncrement(u64),
    /// An option that changes nothing here.
    Nothing,
}

/// Reads what follows `ALTER TABLE name`.
pub(crate) fn parse(cursor: &Cursor<'_>) -> Result<Vec<Change>, SqlError> {
    let mut changes = Vec::new();
    for part in cursor.split_commas() {
        changes.extend(parse_change(part)?);
    }
    Ok(changes)
}

fn parse_change(mut part: Cursor<'_>) -> Result<Vec<Change>, SqlError> {
    if part.accept("add") {
        return parse_add(part);
    }
    if part.accept("drop") {
        if part.accept("index") || part.accept("key") {
            return Ok(vec![Change::DropKey(part.name()?)]);
        }
        if part.accept("primary") || part.accept("foreign") || part.accept("partition") {
            return Err(SqlError::unsupported());
        }
        part.accept("column");
        return Ok(vec![Change::DropColumn(part.name()?)]);
    }
    if part.accept("modify") {
        part.accept("column");
        let (column, _) = parse_placed(part)?;
        return Ok(vec![Change::ModifyColumn(column.name.clone(), column)]);
    }
    if part.accept("change") {
        part.accept("column");
        let old = part.name()?;
        let (column, _) = parse_placed(part)?;
        return Ok(vec![Change::ModifyColumn(old, column)]);
    }
    if part.accept("rename") {
        if !part.accept("to") {
            part.accept("as");
        }
        return Ok(vec![Change::Rename(part.table_name()?)]);
    }
    if part.accept("auto_increment") {
        part.accept_symbol("=");
        return Ok(vec![Change::AutoIncrement(part.number()?)]);
    }
    Ok(vec![Change::Nothing])
}

fn parse_add(mut part: Cursor<'_>) -> Result<Vec<Change>, SqlError> {
    let mut scratch = TableDef::default();
    let mut key = part;
    if key.accept("constraint")
        && !key.sees("primary")
        && !key.sees("unique")
        && !key.sees("foreign")
    {
        key.name()?;
    }
    if parse_key(&mut key, &mut scratch)? {
        if !scratch.primary.is_empty() {
            return Ok(vec![Change::AddPrimary(scratch.primary)]);
        }
        return Ok(scratch.keys.into_iter().map(Change::AddKey).collect());
    }
    if part.accept("partition") {
        return Err(SqlError::unsupported());
    }
    part.accept("column");
    if part.sees_symbol("(") {
        let columns = part.brackets()?.split_commas();
        let add = |item: Cursor<'_>| {
            parse_placed(item).map(|(column, place)| Change::AddColumn(column, place))
        };
        return columns.into_iter().map(add).collect();
    }
    let (column, place) = parse_placed(part)?;
    Ok(vec![Change::AddColumn(column, place)])
}

/// A column with FIRST or AFTER behind it.
fn parse_placed(part: Cursor<'_>) -> Result<(ColumnDef, Place), SqlError> {
    let tokens = part.rest();
    let (front, place) = match tokens {
        [front @ .., last] if last.is_word("first") => (front, Place::First),
        [front @ .., after, name] if after.is_word("after") => (
            front,
            Place::After(name.name().unwrap_or_default().to_owned()),
        ),
        _ => (tokens, Place::Last),
    };
    let mut scratch = TableDef::default();
    let mut column = part.over(front);
    Ok((parse_column(&mut column, &mut scratch)?, place))
}

/// Applies a change; true when SQLite must build the table anew for it.
pub(crate) fn apply(change: &Change, definition: &mut TableDef) -> Result<bool, SqlError> {
    match change {
        Change::AddColumn(column, place) => add_column(definition, column, place),
        Change::DropColumn(name) => {
            let index = definition.position(name).ok_or_else(|| missing(name))?;
            definition.columns.remove(index);
            for key in &mut definition.keys {
                key.columns.retain(|column| column != name);
            }
            definition.keys.retain(|key| !key.columns.is_empty());
            Ok(true)
        }
        Change::ModifyColumn(old, column) => modify_column(definition, old, column),
        Change::AddKey(key) => add_key(definition, key),
        Change::AddPrimary(columns) => {
            if !definition.primary.is_empty() {
                return Err(SqlError::new(1068, "Multiple primary key defined"));
            }
            definition.primary.clone_from(columns);
            Ok(true)
        }
        Change::DropKey(name) => {
            let before = definition.keys.len();
            definition
                .keys
                .retain(|key| !key.name.eq_ignore_ascii_case(name));
            if definition.keys.len() == before {
                Err(missing(name))
            } else {
                Ok(false)
            }
        }
        Change::Rename(_) => Err(SqlError::unsupported()),
        Change::AutoIncrement(next) => {
            definition.auto_increment = Some(*next);
            Ok(false)
        }
        Change::Nothing => Ok(false),
    }
}

fn add_column(
    definition: &mut TableDef,
    column: &ColumnDef,
    place: &Place,
) -> Result<bool, SqlError> {
    if definition.column(&column.name).is_some() {
        return Err(SqlError::new(
            1060,
            format!("Duplicate column name '{}'", column.name),
        ));
    }
    let index = match place {
        Place::Last => definition.columns.len(),
        Place::First => 0,
        Place::After(name) => definition.position(name).map_or(0, |index| index + 1),
    };
    definition
        .columns
        .insert(index.min(definition.columns.len()), column.clone());
    let simple = *place == Place::Last && !column.not_null && column.default.is_none();
    Ok(!simple || column.generated.is_some())
}

fn modify_column(
    definition: &mut TableDef,
    old: &str,
    column: &ColumnDef,
) -> Result<bool, SqlError> {
    let unknown = || SqlError::new(1054, format!("Unknown column '{old}' in table"));
    let index = definition.position(old).ok_or_else(unknown)?;
    if column.name != *old {
        return Err(SqlError::unsupported());
    }
    if let Some(slot) = definition.columns.get_mut(index) {
        slot.clone_from(column);
    }
    Ok(true)
}

fn add_key(definition: &mut TableDef, key: &KeyDef) -> Result<bool, SqlError> {
    if definition
        .keys
        .iter()
        .any(|known| known.name.eq_ignore_ascii_case(&key.name))
    {
        return Err(SqlError::new(
            1061,
            format!("Duplicate key name '{}'", key.name),
        ));
    }
    if let Some(name) = key
        .columns
        .iter()
        .find(|name| definition.column(name).is_none())
    {
        return Err(SqlError::new(
            1072,
            format!("Key column '{name}' doesn't exist in table"),
        ));
    }
    definition.keys.push(key.clone());
    Ok(false)
}

fn missing(name: &str) -> SqlError {
    SqlError::new(
        1091,
        format!("Can't DROP '{name}'; check that column/key exists"),
    )
}

/// A column of `CREATE TABLE .. AS SELECT` or of a view.
pub(crate) fn column_of_query(column: &rusqlite::Column<'_>) -> ColumnDef {
    let declared = column.decl_type().and_then(ColumnType::from_declared);
    ColumnDef {
        name: column.name().to_owned(),
        column_type: declared.unwrap_or_else(|| ColumnType::plain(Base::LongText)),
        not_null: false,
        default: None,
        auto_increment: false,
        on_update_now: false,
        comment: String::new(),
        generated: None,
    }
}
