//! Partition expressions: `year(d) * 100 + month(d)`, `to_days(d)`, `k % 10` and their like.
//!
//! An expression is kept as a program for a small stack machine, so that evaluating needs neither
//! recursion nor memory. Whatever it does not know is an error when the metadata is read.

mod parse;

use super::calendar::{Encoding, Moment};
use super::column::ColumnType;
use super::value::Value;
use crate::Unsure;
use serde::{Deserialize, Serialize};

/// The deepest stack of a program.
const MAX_STACK: usize = 16;

/// A partition expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expression {
    program: Vec<Step>,
}

/// One step of the stack machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    /// Pushes the value of the key's n-th column.
    Column(usize),
    /// Pushes a number.
    Constant(i128),
    /// Replaces two values by one.
    Binary(Operator),
    /// Replaces a value by another.
    Unary(Function),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Function {
    Negate,
    Abs,
    /// FLOOR, CEIL and CEILING, which leave an integer as it is.
    Round,
    Year,
    Quarter,
    Month,
    Day,
    DayOfYear,
    /// From 0 for Monday.
    Weekday,
    /// From 1 for Sunday.
    DayOfWeek,
    ToDays,
    ToSeconds,
    Hour,
    Minute,
    Second,
    TimeToSec,
    UnixTimestamp,
}

/// A value while an expression is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    Null,
    Integer(i128),
    /// A DATE or DATETIME.
    Moment(Moment),
    /// 0000-00-00.
    ZeroDate,
    /// A TIME, in microseconds.
    Duration(i64),
    /// A TIMESTAMP, in microseconds since 1970-01-01 UTC.
    Instant(i64),
}

impl Number {
    /// The value of a column; `None` for a type that expressions are not computed over.
    pub(crate) fn of_column(value: &Value<'_>, column_type: ColumnType) -> Option<Self> {
        let number = match (value, column_type) {
            (Value::Null | Value::Decimal { unscaled: None, .. }, _) => return Some(Self::Null),
            (Value::Int(value), _) => *value,
            (Value::Uint(value), _) => return Some(Self::Integer((*value).into())),
            // FLOOR and CEIL leave a number without digits behind the point as it is.
            (
                Value::Decimal {
                    unscaled: Some(number),
                    ..
                },
                ColumnType::Decimal { scale: 0, .. },
            ) => return number.to_i128().map(Self::Integer),
            _ => return None,
        };
        Some(match column_type {
            ColumnType::Signed { .. } => Self::Integer(number.into()),
            // A year counts as the number that one reads.
            ColumnType::Year if number == 0 => Self::Integer(0),
            ColumnType::Year => Self::Integer((number + 1900).into()),
            ColumnType::Date(Encoding::Packed)
            | ColumnType::Datetime {
                encoding: Encoding::Packed,
                ..
            } if number == 0 => Self::ZeroDate,
            ColumnType::Date(encoding) => Self::Moment(Moment::decode_date(number, encoding)?),
            ColumnType::Datetime { encoding, .. } => {
                Self::Moment(Moment::decode_datetime(number, encoding)?)
            }
            ColumnType::Time { .. } => Self::Duration(number),
            ColumnType::Timestamp { scale: 0 } => Self::Instant(number),
            _ => return None,
        })
    }
}

impl Number {
    /// The value of a partition key; `None` for what is no 64-bit integer.
    fn into_value<'a>(self) -> Option<Value<'a>> {
        match self {
            Self::Null => Some(Value::Null),
            Self::Integer(number) => i64::try_from(number)
                .map(Value::Int)
                .or_else(|_| u64::try_from(number).map(Value::Uint))
                .ok(),
            _ => None,
        }
    }
}

/// The expressions that grow with their only column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Growth {
    /// YEAR, `TO_DAYS`, `TO_SECONDS`.
    OfDates,
    /// `UNIX_TIMESTAMP`.
    OfInstants,
}

impl Expression {
    /// Whether it grows with its only column.
    pub(crate) fn growth(&self) -> Option<Growth> {
        match self.program.as_slice() {
            [
                Step::Column(0),
                Step::Unary(Function::Year | Function::ToDays | Function::ToSeconds),
            ] => Some(Growth::OfDates),
            [Step::Column(0), Step::Unary(Function::UnixTimestamp)] => Some(Growth::OfInstants),
            _ => None,
        }
    }

    /// Reads an expression; `column` gives the position of a column in the key.
    ///
    /// # Errors
    /// [`Unsure::Expression`] for what is not computed here.
    pub(crate) fn parse(
        text: &str,
        column: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, Unsure> {
        let program = parse::program(text, &column).ok_or(Unsure::Expression)?;
        Ok(Self { program })
    }

    /// The value for one row; `column` gives the value of the key's n-th column.
    ///
    /// # Errors
    /// That of `column`, and [`Unsure::Conversion`] where the server may answer with an error.
    pub(crate) fn evaluate<'a>(
        &self,
        column: impl Fn(usize) -> Result<Number, Unsure>,
    ) -> Result<Value<'a>, Unsure> {
        let mut stack = [Number::Null; MAX_STACK];
        let mut depth = 0_usize;
        for step in &self.program {
            let top = depth.checked_sub(1).and_then(|at| stack.get(at)).copied();
            let below = depth.checked_sub(2).and_then(|at| stack.get(at)).copied();
            let (taken, result) = match *step {
                Step::Column(number) => (0, Some(column(number)?)),
                Step::Constant(number) => (0, Some(Number::Integer(number))),
                Step::Unary(function) => (1, top.and_then(|top| function.apply(top))),
                Step::Binary(operator) => {
                    let both = below.zip(top);
                    (
                        2,
                        both.and_then(|(left, right)| operator.apply(left, right)),
                    )
                }
            };
            depth = depth.saturating_sub(taken);
            let slot = stack.get_mut(depth).ok_or(Unsure::Expression)?;
            *slot = result.ok_or(Unsure::Conversion)?;
            depth += 1;
        }
        let [result, ..] = stack;
        result.into_value().ok_or(Unsure::Conversion)
    }
}

impl Operator {
    /// `None` for operands that are no integers and for an overflow.
    fn apply(self, left: Number, right: Number) -> Option<Number> {
        let (Number::Integer(left), Number::Integer(right)) = (left, right) else {
            let null = left == Number::Null || right == Number::Null;
            return null.then_some(Number::Null);
        };
        let result = match self {
            Self::Add => left.checked_add(right),
            Self::Subtract => left.checked_sub(right),
            Self::Multiply => left.checked_mul(right),
            Self::Divide | Self::Modulo if right == 0 => return Some(Number::Null),
            Self::Divide => left.checked_div(right),
            Self::Modulo => left.checked_rem(right),
        };
        // The server computes with 64 bits.
        let fits = |result: &i128| i64::try_from(*result).is_ok();
        result.filter(fits).map(Number::Integer)
    }
}

impl Function {
    /// `None` for an argument of a type that is not computed.
    fn apply(self, argument: Number) -> Option<Number> {
        match argument {
            Number::Null => Some(Number::Null),
            Number::Integer(number) => match self {
                Self::Negate => Some(Number::Integer(-number)),
                Self::Abs => Some(Number::Integer(number.abs())),
                Self::Round => Some(argument),
                _ => None,
            },
            Number::Moment(moment) => self.of_moment(moment).map(integer),
            Number::ZeroDate => match self {
                Self::Negate | Self::Abs | Self::Round | Self::UnixTimestamp => None,
                Self::DayOfYear
                | Self::Weekday
                | Self::DayOfWeek
                | Self::ToDays
                | Self::ToSeconds => Some(Number::Null),
                _ => Some(Number::Integer(0)),
            },
            Number::Duration(micros) => self.of_duration(micros).map(integer),
            Number::Instant(micros) => {
                (self == Self::UnixTimestamp).then(|| integer(micros.div_euclid(1_000_000).max(0)))
            }
        }
    }

    fn of_moment(self, moment: Moment) -> Option<i64> {
        /// `TO_DAYS('1970-01-01')`.
        const TO_DAYS_1970: i64 = 719_528;
        let (year, month, day) = moment.date();
        let to_days = moment.days + TO_DAYS_1970;
        Some(match self {
            Self::Year => year,
            Self::Quarter => (month + 2) / 3,
            Self::Month => month,
            Self::Day => day,
            Self::DayOfYear => moment.days - Moment::new(year, 1, 1, 0)?.days + 1,
            // 1970-01-01 was a Thursday.
            Self::Weekday => (moment.days + 3).rem_euclid(7),
            Self::DayOfWeek => (moment.days + 4).rem_euclid(7) + 1,
            Self::ToDays => to_days,
            Self::ToSeconds => to_days * 86_400 + moment.micros / 1_000_000,
            Self::Hour | Self::Minute | Self::Second | Self::TimeToSec => {
                return self.of_duration(moment.micros);
            }
            Self::Negate | Self::Abs | Self::Round | Self::UnixTimestamp => return None,
        })
    }

    fn of_duration(self, micros: i64) -> Option<i64> {
        let seconds = micros / 1_000_000;
        Some(match self {
            Self::Hour => seconds.abs() / 3600,
            Self::Minute => seconds.abs() / 60 % 60,
            Self::Second => seconds.abs() % 60,
            Self::TimeToSec => seconds,
            _ => return None,
        })
    }
}

fn integer(number: i64) -> Number {
    Number::Integer(number.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn evaluate(text: &str, k: Number) -> Option<Result<Value<'static>, Unsure>> {
        let column = |name: &str| (name == "k").then_some(0);
        let expression = Expression::parse(text, column).ok()?;
        Some(expression.evaluate(|_| Ok(k)))
    }

    #[test]
    fn integer_expressions_follow_the_usual_precedence() {
        for (text, result) in [
            ("k+1*2", Some(9)),
            ("(k + 1) * 2", Some(16)),
            ("-k", Some(-7)),
            ("- k + 10", Some(3)),
            ("k % 4 - -1", Some(4)),
            ("mod(`k`, 4)", Some(3)),
            ("k div 2 * 10", Some(30)),
            ("ABS(0-k)", Some(7)),
            ("ceiling(k)", Some(7)),
            ("k div 0", None),
        ] {
            let expected = result.map_or(Value::Null, Value::Int);
            assert_eq!(
                evaluate(text, Number::Integer(7)),
                Some(Ok(expected)),
                "{text}"
            );
        }
        let largest = Number::Integer(i64::MAX.into());
        assert_eq!(evaluate("k+1", largest), Some(Err(Unsure::Conversion)));
    }

    #[test]
    fn what_is_not_known_is_refused_when_it_is_read() {
        for text in [
            "",
            "j",
            "k k",
            "k +",
            "(k",
            "k)",
            "sin(k)",
            "k / 2",
            "mod(k)",
            "year(k, 1)",
            "'1'",
            "1.5",
            "k, k",
        ] {
            assert_eq!(evaluate(text, Number::Integer(7)), None, "{text}");
        }
    }

    #[test]
    fn parts_of_a_date_are_those_of_the_calendar() {
        let micros = (10 * 3600 + 11 * 60 + 12) * 1_000_000 + 900_000;
        let moment = Number::Moment(Moment::new(2024, 6, 7, micros).unwrap());
        for (text, result) in [
            ("year(k)*100+month(k)", 202_406),
            ("quarter(k)", 2),
            ("dayofmonth(k)", 7),
            ("dayofyear(k)", 159),
            ("weekday(k)", 4),
            ("dayofweek(k)", 6),
            ("to_days(k)", 739_409),
            ("hour(k)", 10),
            ("minute(k)", 11),
            ("second(k)", 12),
        ] {
            assert_eq!(
                evaluate(text, moment),
                Some(Ok(Value::Int(result))),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-+*%(), k0-9a-z`]{0,40}", k in any::<i64>()) {
            evaluate(&text, Number::Integer(k.into()));
        }
    }
}
