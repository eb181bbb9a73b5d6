//! The columns of a result: names and types, from what SQLite declares and from the first row.

use crate::ddl::column_type::ColumnType;
use crate::results::OutColumn;
use rusqlite::Statement;
use rusqlite::types::{Value, ValueRef};

/// Binds the parameters.
pub(super) fn bind(statement: &mut Statement<'_>, values: &[Value]) -> Result<(), rusqlite::Error> {
    for (index, value) in (1..).zip(values) {
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(())
}

/// Names of a result's columns, with the declared types of those that have one.
pub(super) type Shape = Vec<(String, Option<ColumnType>)>;

/// The columns of a statement.
pub(super) fn shape(statement: &Statement<'_>) -> Shape {
    statement
        .columns()
        .map(|column| {
            let declared = column.decl_type().and_then(ColumnType::from_declared);
            (column.name().to_owned(), declared)
        })
        .collect()
}

/// The columns as they go on the wire; what has no declared type is judged by the first row.
pub(super) fn resolve(shape: &Shape, first: Option<&[ValueRef<'_>]>) -> Vec<OutColumn> {
    let value = |index: usize| first.and_then(|cells| cells.get(index).copied());
    let column = |(index, (name, declared)): (usize, &(String, Option<ColumnType>))| {
        let lower = name.to_ascii_lowercase();
        match (declared, value(index)) {
            (Some(declared), _) => OutColumn::declared(name, declared),
            (None, Some(ValueRef::Integer(_))) if lower.starts_with("sum(") => {
                OutColumn::decimal(name, 0)
            }
            (None, Some(ValueRef::Real(_) | ValueRef::Integer(_))) if lower.starts_with("avg(") => {
                OutColumn::decimal(name, 4)
            }
            (None, Some(value)) => OutColumn::of_value(name, value),
            (None, None) if lower.starts_with("count(") => OutColumn::integer(name),
            (None, None) => OutColumn::text(name),
        }
    };
    shape.iter().enumerate().map(column).collect()
}
