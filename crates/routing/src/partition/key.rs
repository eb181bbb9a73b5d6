//! The key of one level: the columns it reads, and the expression over them if there is one.

use super::column::{Absent, ColumnType, KeyColumn};
use super::convert::convert;
use super::expression::{Expression, Number};
use super::operand::{Circumstances, Operand};
use super::value::{Tuple, Value};
use crate::Unsure;

/// A level's key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    /// The columns, in the order of the key.
    pub(crate) columns: Vec<KeyColumn>,
    /// What is computed from them; `None` when the columns themselves are the key.
    pub(crate) expression: Option<Expression>,
}

impl Key {
    /// The key of a row; `operand` gives what the statement says of a column.
    ///
    /// # Errors
    /// [`Unsure`] when it cannot be computed with certainty.
    pub(crate) fn of_row<'a>(
        &self,
        circumstances: Circumstances,
        operand: &impl Fn(&KeyColumn) -> Result<Operand<'a>, Unsure>,
    ) -> Result<Tuple<'a>, Unsure> {
        let mut tuple = Tuple::new();
        let value = |column: &KeyColumn| value(column, circumstances, operand);
        let Some(expression) = &self.expression else {
            for column in &self.columns {
                tuple.push(value(column)?);
            }
            return Ok(tuple);
        };
        let argument = |column: usize| {
            let column = self.columns.get(column).ok_or(Unsure::Metadata)?;
            Number::of_column(&value(column)?, column.column_type).ok_or(Unsure::Expression)
        };
        tuple.push(expression.evaluate(argument)?);
        Ok(tuple)
    }

    /// The types of the key's elements, in which bounds are written.
    pub(crate) fn element_types(&self) -> Vec<ColumnType> {
        if self.expression.is_some() {
            return vec![ColumnType::BIGINT];
        }
        let types = self.columns.iter().map(|column| column.column_type);
        types.collect()
    }

    /// Whether HASH computes the key: an integer, a year or a bit field.
    pub(crate) fn is_integer(&self) -> bool {
        match self.element_types().as_slice() {
            [only] => matches!(
                only,
                ColumnType::Signed { .. }
                    | ColumnType::Unsigned { .. }
                    | ColumnType::Year
                    | ColumnType::Bit { .. }
            ),
            _ => false,
        }
    }
}

/// The value of a column, or what it is generated from.
fn value<'a>(
    column: &KeyColumn,
    circumstances: Circumstances,
    operand: &impl Fn(&KeyColumn) -> Result<Operand<'a>, Unsure>,
) -> Result<Value<'a>, Unsure> {
    match (operand(column), &column.absent) {
        (Ok(Operand::Default) | Err(Unsure::NoKey), Absent::Generated(generated)) => {
            let source = operand(&generated.source)?;
            generated.value(&source, column, circumstances)
        }
        (given, _) => {
            let converted = convert(&given?, column, circumstances)?;
            // A literal between two values equals no row: the server then takes any partition.
            converted
                .order
                .is_eq()
                .then_some(converted.value)
                .ok_or(Unsure::Conversion)
        }
    }
}
