//! The key of one level: the columns it reads, and the expression over them if there is one.

use super::column::{Absent, ColumnType, KeyColumn};
use super::convert::convert;
use super::expression::{Expression, Growth, Number};
use super::function::Buckets;
use super::operand::{Circumstances, Intent, Operand};
use super::value::{Tuple, Value};
use crate::Unsure;
use serde::{Deserialize, Serialize};

/// A level's key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Key {
    /// The columns, in the order of the key.
    pub(crate) columns: Vec<KeyColumn>,
    /// What is computed from them; `None` when the columns themselves are the key.
    pub(crate) expression: Option<Expression>,
}

impl Key {
    /// The partition of a row; `operand` gives what the statement says of a column.
    ///
    /// # Errors
    /// [`Unsure`] when it cannot be computed with certainty, or there is none.
    pub(crate) fn find<'a>(
        &self,
        buckets: &Buckets,
        circumstances: Circumstances,
        operand: &impl Fn(&KeyColumn) -> Result<Operand<'a>, Unsure>,
    ) -> Result<usize, Unsure> {
        let found = |columns: &[Value<'_>]| match &self.expression {
            None => Ok(buckets.find_values(columns)),
            Some(expression) => {
                let key = self.apply(expression, columns)?;
                Ok(buckets.find_values(std::slice::from_ref(&key)))
            }
        };
        // The usual key takes no room for sixteen.
        let found = if let [column] = self.columns.as_slice() {
            let key = value(column, circumstances, operand)?;
            found(std::slice::from_ref(&key))
        } else {
            let mut tuple = Tuple::new();
            for column in &self.columns {
                tuple.push(value(column, circumstances, operand)?);
            }
            found(tuple.values())
        };
        found?.ok_or(Unsure::NoPartition)
    }

    /// The key of the columns' values; `None` when it cannot be computed.
    pub(crate) fn evaluate<'a>(&self, columns: Tuple<'a>) -> Option<Tuple<'a>> {
        match &self.expression {
            None => Some(columns),
            Some(expression) => {
                let mut tuple = Tuple::new();
                tuple.push(self.apply(expression, columns.values()).ok()?);
                Some(tuple)
            }
        }
    }

    fn apply(
        &self,
        expression: &Expression,
        columns: &[Value<'_>],
    ) -> Result<Value<'static>, Unsure> {
        expression.evaluate(|at: usize| {
            let column = self.columns.get(at).ok_or(Unsure::Metadata)?;
            let value = columns.get(at).ok_or(Unsure::Metadata)?;
            Number::of_column(value, column.column_type).ok_or(Unsure::Expression)
        })
    }

    /// Whether the key grows with its only column, so that the server follows a range through it.
    pub(crate) fn is_monotonic(&self) -> bool {
        let expression = self.expression.as_ref();
        let growth = expression.and_then(Expression::growth);
        match (growth, self.columns.as_slice()) {
            (Some(Growth::OfDates), [column]) => matches!(
                column.column_type,
                ColumnType::Date(_) | ColumnType::Datetime { .. }
            ),
            (Some(Growth::OfInstants), [column]) => {
                matches!(column.column_type, ColumnType::Timestamp { .. })
            }
            _ => false,
        }
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
///
/// # Errors
/// [`Unsure`] when it is not certain.
pub(crate) fn value<'a>(
    column: &KeyColumn,
    circumstances: Circumstances,
    operand: &impl Fn(&KeyColumn) -> Result<Operand<'a>, Unsure>,
) -> Result<Value<'a>, Unsure> {
    match (operand(column), &column.absent) {
        (Ok(Operand::Default) | Err(Unsure::NoKey), Absent::Generated(generated)) => {
            let source = operand(&generated.source)?;
            let comparable =
                circumstances.intent == Intent::Store || generated.keeps_equality(column);
            if !comparable {
                return Err(Unsure::NoKey);
            }
            generated.value(&source, column, circumstances)
        }
        (given, absent) => {
            let converted = convert(&given?, column, circumstances)?;
            let is_counted = *absent == Absent::Counted && circumstances.intent == Intent::Store;
            if is_counted && converted.value.asks_for_next() {
                return Err(Unsure::NoKey);
            }
            // A literal between two values equals no row: the server then takes any partition.
            converted
                .order
                .is_eq()
                .then_some(converted.value)
                .ok_or(Unsure::Conversion)
        }
    }
}
