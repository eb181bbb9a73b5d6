//! From a literal to a value of the column's type, as the server converts it.

mod floating;
mod label;
mod number;
mod string;
mod temporal;

use super::calendar::Moment;
use super::column::{Absent, ColumnType, KeyColumn};
use super::operand::{Circumstances, Intent, Operand};
use super::text::{Collation, Encoding, Text};
use super::value::Value;
use crate::Unsure;
pub(crate) use label::Labels;
use number::Cut;
use std::borrow::Cow;
use std::cmp::Ordering;

/// A literal in the column's type.
#[derive(Debug, Clone)]
pub(crate) struct Converted<'a> {
    /// The value.
    pub(crate) value: Value<'a>,
    /// How the literal compares with `value`: not equal where a comparison's literal lies between two
    /// values of the column.
    pub(crate) order: Ordering,
}

impl<'a> Converted<'a> {
    fn exact(value: Value<'a>) -> Self {
        Self {
            value,
            order: Ordering::Equal,
        }
    }
}

/// Converts `operand` to the type of `column`.
///
/// # Errors
/// [`Unsure`] when the server may see another value, or none.
pub(crate) fn convert<'a>(
    operand: &Operand<'a>,
    column: &KeyColumn,
    circumstances: Circumstances,
) -> Result<Converted<'a>, Unsure> {
    let compares = circumstances.intent == Intent::Compare;
    if compares && *operand != Operand::Null && !is_comparable(operand, column.column_type) {
        return Err(Unsure::Conversion);
    }
    convert_any(operand, column, circumstances)
}

/// As [`convert`], also for a comparison that does not take place in the column's type.
///
/// # Errors
/// As [`convert`].
pub(crate) fn convert_any<'a>(
    operand: &Operand<'a>,
    column: &KeyColumn,
    circumstances: Circumstances,
) -> Result<Converted<'a>, Unsure> {
    match operand {
        Operand::Default => match (&column.absent, circumstances.intent) {
            (Absent::Default(value), Intent::Store) => return Ok(Converted::exact(value.clone())),
            _ => return Err(Unsure::NoKey),
        },
        Operand::Null => {
            let null = column.column_type.decimal_value(None);
            return Ok(Converted::exact(null.unwrap_or(Value::Null)));
        }
        Operand::Unknown => return Err(Unsure::Conversion),
        _ => {}
    }
    if let Some(value) = as_it_is(operand, column.column_type) {
        return Ok(Converted::exact(value));
    }
    let converted = match column.column_type {
        ColumnType::Unknown(_) => return Err(Unsure::ColumnType),
        ColumnType::Signed { .. }
        | ColumnType::Unsigned { .. }
        | ColumnType::Bit { .. }
        | ColumnType::Decimal { .. }
        | ColumnType::Number { .. } => numeric(operand, column.column_type, circumstances.intent),
        ColumnType::Enum | ColumnType::Set => label::convert(operand, column, circumstances.intent),
        ColumnType::Date(_)
        | ColumnType::Datetime { .. }
        | ColumnType::Timestamp { .. }
        | ColumnType::Time { .. }
        | ColumnType::Year => temporal::convert(operand, column.column_type, circumstances),
        ColumnType::Double => {
            floating::double(operand).map(|value| Converted::exact(Value::Double(value)))
        }
        ColumnType::Float => floating::float(operand, circumstances.intent),
        ColumnType::Text { .. } => text(operand, column.column_type, circumstances.intent),
    };
    converted.ok_or(Unsure::Conversion)
}

/// The usual literal: an integer that the column holds.
fn as_it_is(operand: &Operand<'_>, column_type: ColumnType) -> Option<Value<'static>> {
    match (operand, column_type) {
        (Operand::Integer(number), ColumnType::Signed { .. } | ColumnType::Unsigned { .. }) => {
            column_type.integer(*number)
        }
        _ => None,
    }
}

fn numeric<'a>(
    operand: &Operand<'a>,
    column_type: ColumnType,
    intent: Intent,
) -> Option<Converted<'a>> {
    let number = match (column_type, operand, intent) {
        // A string is the field's bytes.
        (ColumnType::Bit { .. }, Operand::Text { bytes, .. }, Intent::Store) => {
            let fold = |number: i128, byte: &u8| number * 256 + i128::from(*byte);
            let number = (bytes.len() <= 8).then(|| bytes.iter().fold(0, fold))?;
            Cut::new(&Operand::Integer(number), 0)?
        }
        // A comparison reads as much of a string as is a number.
        (_, Operand::Text { bytes, .. }, Intent::Compare) => {
            Cut::of_prefix(bytes, column_type.scale())?
        }
        // A server in strict mode refuses a row with a text that is no number, wherever it is sent.
        (
            ColumnType::Signed { .. } | ColumnType::Unsigned { .. },
            Operand::Text { bytes, .. },
            Intent::Store,
        ) => Cut::new(operand, 0).or_else(|| Cut::of_prefix(bytes, 0))?,
        _ => Cut::new(operand, column_type.scale())?,
    };
    let rounded = number.rounded();
    let value = match (column_type, intent) {
        // A comparison takes place among all integers.
        (ColumnType::Signed { .. }, Intent::Compare) => {
            ColumnType::BIGINT.integer(rounded.to_i128()?)
        }
        (ColumnType::Unsigned { .. }, Intent::Compare) => {
            ColumnType::Unsigned { max: u64::MAX }.integer(rounded.to_i128()?)
        }
        // As above: what is out of range becomes the nearest value, or the row is refused.
        (ColumnType::Signed { min, max }, Intent::Store) => {
            column_type.integer(rounded.to_i128()?.clamp(min.into(), max.into()))
        }
        // A negative double wraps around.
        (ColumnType::Unsigned { .. }, Intent::Store)
            if rounded.is_negative() && matches!(operand, Operand::Float { .. }) =>
        {
            None
        }
        (ColumnType::Unsigned { max }, Intent::Store) => {
            column_type.integer(rounded.to_i128()?.clamp(0, max.into()))
        }
        (ColumnType::Decimal { .. }, _) => column_type.decimal_value(Some(rounded)),
        (ColumnType::Number { .. }, _) => column_type.number_value(rounded),
        _ => column_type.integer(rounded.to_i128()?),
    };
    let order = match intent {
        Intent::Store => Ordering::Equal,
        Intent::Compare => number.against_rounded(),
    };
    value.map(|value| Converted { value, order })
}

fn text<'a>(
    operand: &Operand<'a>,
    column_type: ColumnType,
    intent: Intent,
) -> Option<Converted<'a>> {
    let ColumnType::Text {
        collation,
        length,
        fill,
    } = column_type
    else {
        return None;
    };
    string::bytes(operand, intent, collation.encoding())
        .and_then(|bytes| string::fit(bytes, collation, length, fill, intent))
        .and_then(|bytes| Text::new(bytes, collation))
        .map(|text| Converted::exact(Value::Text(text)))
}

/// Whether the server compares a literal of this kind in the column's own type, so that it can find
/// the rows by their key (`ObPreRangeGraph::can_be_extract_range`).
pub(crate) fn is_comparable(operand: &Operand<'_>, column_type: ColumnType) -> bool {
    match (column_type, operand) {
        (_, Operand::Null) => true,
        (
            ColumnType::Signed { .. } | ColumnType::Unsigned { .. },
            Operand::Decimal { text, .. },
        ) => {
            let mut fraction = text.iter().skip_while(|&&byte| byte != b'.').skip(1);
            fraction.all(|&digit| digit == b'0')
        }
        (ColumnType::Bit { .. }, Operand::Decimal { .. } | Operand::Float { .. })
        | (ColumnType::Number { .. }, _) => false,
        (ColumnType::Text { collation, .. }, Operand::Text { encoding, .. }) => {
            // With a binary string, bytes are compared.
            *encoding != Some(Encoding::Binary) || collation == Collation::Binary
        }
        (ColumnType::Text { .. }, operand) => {
            matches!(operand, Operand::Text { .. } | Operand::Digits { .. })
        }
        _ => true,
    }
}

/// Whether a constant is a whole number that the column has no value for, so that the server knows that
/// none equals it. It does not know that of a negative number with a point for an unsigned column.
pub(crate) fn is_beyond(operand: &Operand<'_>, column_type: ColumnType) -> bool {
    match (operand, column_type) {
        // The usual literal.
        (Operand::Integer(number), ColumnType::Signed { min, max })
            if (i128::from(min)..=i128::from(max)).contains(number) =>
        {
            return false;
        }
        (_, ColumnType::Signed { .. } | ColumnType::Unsigned { .. } | ColumnType::Year) => {}
        _ => return false,
    }
    if !is_comparable(operand, column_type) {
        return false;
    }
    let cut = match operand {
        Operand::Text { bytes, .. } if column_type != ColumnType::Year => Cut::of_prefix(bytes, 0),
        _ => Cut::new(operand, 0),
    };
    let Some(cut) = cut.filter(|cut| cut.against_rounded().is_eq()) else {
        return false;
    };
    let number = cut.rounded().to_i128();
    let outside = |min: i128, max: i128| number.is_none_or(|it| it < min || it > max);
    match column_type {
        ColumnType::Signed { min, max } => {
            // One that a decimal of as many digits holds is compared as such.
            let is_near = min == i64::MIN && number.is_some_and(|it| it < min.into());
            outside(min.into(), max.into()) && !is_near
        }
        ColumnType::Unsigned { max } => {
            let is_decimal = matches!(operand, Operand::Decimal { negative: true, .. });
            let is_far = number.is_some_and(|it| it < i64::MIN.into());
            outside(0, max.into()) && !is_decimal && !is_far
        }
        ColumnType::Year => outside(0, 2155) || number.is_some_and(|it| (100..1901).contains(&it)),
        _ => false,
    }
}

/// Whether two constants are numbers of which the first is larger.
pub(crate) fn is_descending(low: &Operand<'_>, high: &Operand<'_>) -> bool {
    let is_number =
        |operand: &Operand<'_>| !matches!(operand, Operand::Text { .. } | Operand::Digits { .. });
    is_number(low) && is_number(high) && is_descending_as_numbers(low, high)
}

/// Whether the first of two constants is larger as a number.
pub(crate) fn is_descending_as_numbers(low: &Operand<'_>, high: &Operand<'_>) -> bool {
    let (low, high) = (floating::double(low), floating::double(high));
    matches!((low, high), (Some(low), Some(high)) if low > high)
}

/// What the server looks for when no value of the column equals a literal.
pub(crate) fn unequal<'a>(column_type: ColumnType) -> Unequal<'a> {
    match column_type {
        // The cast of a constant gives the number behind the largest one.
        ColumnType::Decimal { .. } => match column_type.beyond() {
            Some(value) => Unequal::Value(value),
            None => Unequal::Everything,
        },
        _ => Unequal::Nothing,
    }
}

/// See [`unequal`].
pub(crate) enum Unequal<'a> {
    Everything,
    Nothing,
    Value(Value<'a>),
}

/// How a string compares with a number: as doubles, of which the string's is what it begins with.
pub(crate) fn compare_as_doubles(text: &Text<'_>, operand: &Operand<'_>) -> Option<Ordering> {
    let number = floating::double(operand).filter(|_| !matches!(operand, Operand::Text { .. }))?;
    let text = Encoding::transcode(text.encoding(), text.bytes().into(), Encoding::Utf8)?;
    floating::of_prefix(&text)?.partial_cmp(&number)
}

/// How a value of a column, as text, compares with a literal; `None` where that is not certain.
pub(crate) fn compare_as_text(
    value: &Value<'_>,
    column_type: ColumnType,
    operand: &Operand<'_>,
) -> Option<Ordering> {
    let (text, collation) = match (value, column_type) {
        (Value::Text(text), ColumnType::Text { collation, .. }) => {
            (Cow::Borrowed(text.bytes()), collation)
        }
        (Value::Int(number), ColumnType::Signed { .. }) => (
            Cow::Owned(number.to_string().into_bytes()),
            Collation::DEFAULT,
        ),
        (Value::Int(number), ColumnType::Date(encoding)) => {
            let moment = Moment::decode_date(*number, encoding)?;
            (
                Cow::Owned(moment.date_text().into_bytes()),
                Collation::DEFAULT,
            )
        }
        (Value::Int(number), ColumnType::Datetime { scale: 0, encoding }) => {
            let moment = Moment::decode_datetime(*number, encoding)?;
            (Cow::Owned(moment.text().into_bytes()), Collation::DEFAULT)
        }
        (Value::Uint(number), ColumnType::Unsigned { .. }) => (
            Cow::Owned(number.to_string().into_bytes()),
            Collation::DEFAULT,
        ),
        _ => return None,
    };
    let text = Text::new(text, collation)?;
    if let Operand::Text { .. } | Operand::Digits { .. } = operand {
        let bytes = string::bytes(operand, Intent::Compare, collation.encoding())?;
        return Some(text.cmp(&Text::new(bytes, collation)?));
    }
    compare_as_doubles(&text, operand)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_that_no_value_equals_are_known_as_by_the_server() {
        let tiny = ColumnType::Signed {
            min: -128,
            max: 127,
        };
        let unsigned = ColumnType::Unsigned { max: 255 };
        let decimal = |negative, text: &'static str| Operand::Decimal {
            negative,
            text: Cow::Borrowed(text.as_bytes()),
        };
        let text = |text: &'static str| Operand::Text {
            bytes: Cow::Borrowed(text.as_bytes()),
            encoding: None,
        };
        for (operand, column_type, expected) in [
            (Operand::Integer(127), tiny, false),
            (Operand::Integer(200), tiny, true),
            (Operand::Integer(-200), tiny, true),
            (decimal(false, "200.0"), tiny, true),
            (decimal(false, "200.5"), tiny, false),
            (text("300abc"), tiny, true),
            (text("12abc"), tiny, false),
            (Operand::Integer(-1), unsigned, true),
            (text("-1"), unsigned, true),
            (decimal(true, "1.0"), unsigned, false),
            (
                Operand::Integer(i128::from(i64::MAX) + 1),
                ColumnType::BIGINT,
                true,
            ),
            (
                Operand::Integer(i128::from(i64::MIN) - 1),
                ColumnType::BIGINT,
                false,
            ),
            (Operand::Integer(2156), ColumnType::Year, true),
            (Operand::Integer(100), ColumnType::Year, true),
            (Operand::Integer(99), ColumnType::Year, false),
            (text("2024-01-01"), ColumnType::Year, false),
        ] {
            assert_eq!(
                is_beyond(&operand, column_type),
                expected,
                "{operand:?} {column_type:?}"
            );
        }
    }
}
