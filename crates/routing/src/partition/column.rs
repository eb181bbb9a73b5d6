//! Partition key columns and their types.

use super::calendar::Encoding;
use super::convert::Labels;
use super::generated::Generated;
use super::text::Collation;
use super::value::Value;
use super::wide::Wide;
use serde::{Deserialize, Serialize};

/// A column that a partition function reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeyColumn {
    /// Its name.
    pub(crate) name: String,
    /// Its position among the table's visible columns, from 0: where an INSERT without column list
    /// has its value.
    pub(crate) position: usize,
    /// Its type.
    pub(crate) column_type: ColumnType,
    /// Where its value comes from when a statement gives none.
    pub(crate) absent: Absent,
    /// The labels of an ENUM or SET, where they are known.
    pub(crate) labels: Option<Labels>,
    /// Whether it may hold NULL; a column of the primary key may not.
    pub(crate) nullable: bool,
}

/// What a key column holds when an INSERT does not name it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Absent {
    /// The default value (NULL when none is declared).
    Default(Value<'static>),
    /// A part of another column's value.
    Generated(Generated),
    /// Something that is not computed.
    Unknown,
    /// The next number (`AUTO_INCREMENT`), also where a statement gives NULL or 0.
    Counted,
}

/// The type of a key column (`part_key_type`, an `ObObjType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ColumnType {
    /// TINYINT to BIGINT.
    Signed {
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
    },
    /// TINYINT UNSIGNED to BIGINT UNSIGNED.
    Unsigned {
        /// The largest value.
        max: u64,
    },
    /// CHAR, VARCHAR, BINARY and VARBINARY.
    Text {
        /// Its collation.
        collation: Collation,
        /// Its length, in characters or, for the binary types, in bytes.
        length: usize,
        /// Whether a shorter value is filled up (CHAR, BINARY).
        fill: Fill,
    },
    /// DATE.
    Date(Encoding),
    /// DATETIME with this many digits behind the second's point.
    Datetime {
        /// 0 to 6.
        scale: u32,
        /// How the column stores it.
        encoding: Encoding,
    },
    /// TIME.
    Time {
        /// 0 to 6.
        scale: u32,
    },
    /// TIMESTAMP, stored in UTC.
    Timestamp {
        /// 0 to 6.
        scale: u32,
    },
    /// DECIMAL, stored as an integer (type 50 since 4.2; 39 in seekdb).
    Decimal {
        /// All digits, 1 to 76.
        precision: u32,
        /// The digits behind the point.
        scale: u32,
    },
    /// DECIMAL UNSIGNED, and DECIMAL before 4.2: stored in groups of nine digits.
    Number {
        /// All digits, 1 to 76.
        precision: u32,
        /// The digits behind the point.
        scale: u32,
        /// Whether it has a sign.
        signed: bool,
    },
    /// ENUM.
    Enum,
    /// SET.
    Set,
    /// FLOAT, without a number of digits.
    Float,
    /// DOUBLE, without a number of digits.
    Double,
    /// YEAR.
    Year,
    /// BIT.
    Bit {
        /// The largest value.
        max: u64,
    },
    /// A type whose partitions are not computed.
    Unknown(u8),
}

/// Whether a value shorter than a string column is filled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fill {
    /// VARCHAR, VARBINARY.
    Varying,
    /// CHAR, BINARY.
    Fixed,
}

impl ColumnType {
    /// The type of an expression's result.
    pub(crate) const BIGINT: Self = Self::Signed {
        min: i64::MIN,
        max: i64::MAX,
    };

    /// Reads the number of the type (`ob_obj_type.h`: 1 to 5 the signed, 6 to 10 the unsigned
    /// integers of 1, 2, 3, 4 and 8 bytes).
    pub(crate) fn from_number(number: u8) -> Self {
        match number {
            1..=5 => {
                let max = i64::MAX >> (64 - Self::bits(number));
                Self::Signed { min: -max - 1, max }
            }
            6..=10 => Self::Unsigned {
                max: u64::MAX >> (64 - Self::bits(number - 5)),
            },
            19 => Self::Date(Encoding::Linear),
            41 | 52 => Self::Date(Encoding::Packed),
            21 => Self::Year,
            32 => Self::Enum,
            33 => Self::Set,
            other => Self::Unknown(other),
        }
    }

    /// Reads a type with a fraction of a second (17 and 53 DATETIME, 18 TIMESTAMP, 20 TIME); in
    /// seekdb, 53 is 42.
    pub(crate) fn with_scale(number: u8, scale: u32) -> Self {
        let datetime = |encoding| Self::Datetime { scale, encoding };
        match number {
            _ if scale > 6 => Self::Unknown(number),
            17 => datetime(Encoding::Linear),
            18 => Self::Timestamp { scale },
            42 | 53 => datetime(Encoding::Packed),
            20 => Self::Time { scale },
            _ => Self::Unknown(number),
        }
    }

    /// Reads DECIMAL (15 and 16 the number types, of which 16 is unsigned).
    pub(crate) fn decimal(number: u8, precision: u32, scale: u32) -> Self {
        if !(1..=76).contains(&precision) || scale > precision {
            return Self::Unknown(number);
        }
        match number {
            15 | 16 => Self::Number {
                precision,
                scale,
                signed: number == 15,
            },
            _ => Self::Decimal { precision, scale },
        }
    }

    /// The digits behind the point that a number of this type keeps.
    pub(crate) fn scale(self) -> u32 {
        match self {
            Self::Decimal { scale, .. } | Self::Number { scale, .. } => scale,
            _ => 0,
        }
    }

    /// The value of a decimal column, given times ten to the power of its scale; `None` (NULL) is one
    /// too. `None` is returned when it is out of range.
    pub(crate) fn decimal_value(self, unscaled: Option<Wide>) -> Option<Value<'static>> {
        let Self::Decimal { precision, .. } = self else {
            return None;
        };
        let limit = Wide::power_of_ten(precision)?;
        let fits = unscaled.is_none_or(|unscaled| unscaled.magnitude() < limit);
        let words = match precision {
            ..=9 => 1,
            10..=18 => 2,
            19..=38 => 4,
            _ => 8,
        };
        fits.then_some(Value::Decimal { unscaled, words })
    }

    /// The decimal behind the largest one of a decimal column.
    pub(crate) fn beyond(self) -> Option<Value<'static>> {
        let Self::Decimal { precision, .. } = self else {
            return None;
        };
        let Value::Decimal { words, .. } = self.decimal_value(None)? else {
            return None;
        };
        Some(Value::Decimal {
            unscaled: Some(Wide::power_of_ten(precision)?),
            words,
        })
    }

    /// The value of a number column, given times ten to the power of its scale.
    pub(crate) fn number_value(self, unscaled: Wide) -> Option<Value<'static>> {
        let Self::Number {
            precision,
            scale,
            signed,
        } = self
        else {
            return None;
        };
        let fits = unscaled.magnitude() < Wide::power_of_ten(precision)?;
        let fits = fits && (signed || !unscaled.is_negative());
        fits.then_some(Value::Number { unscaled, scale })
    }

    /// Reads FLOAT and DOUBLE (11 and 12, unsigned 13 and 14).
    pub(crate) fn floating(number: u8) -> Self {
        match number {
            11 | 13 => Self::Float,
            _ => Self::Double,
        }
    }

    /// Reads BIT with its width in bits.
    pub(crate) fn bit(width: u32) -> Self {
        Self::Bit {
            max: u64::MAX >> 64_u32.saturating_sub(width.max(1)),
        }
    }

    /// Reads a string type (22 varchar, 23 char) with its collation and length.
    pub(crate) fn text(number: u8, collation: u16, length: usize) -> Self {
        let fill = if number == 22 {
            Fill::Varying
        } else {
            Fill::Fixed
        };
        match Collation::from_id(collation) {
            Some(collation) => Self::Text {
                collation,
                length,
                fill,
            },
            None => Self::Unknown(number),
        }
    }

    fn bits(width: u8) -> u32 {
        match width {
            1 => 8,
            2 => 16,
            3 => 24,
            4 => 32,
            _ => 64,
        }
    }

    /// The value of `number` in a column of this type; `None` when it is out of range.
    pub(crate) fn integer(self, number: i128) -> Option<Value<'static>> {
        match self {
            Self::Signed { min, max } => i64::try_from(number)
                .ok()
                .filter(|number| (min..=max).contains(number))
                .map(Value::Int),
            Self::Unsigned { max } | Self::Bit { max } => u64::try_from(number)
                .ok()
                .filter(|&number| number <= max)
                .map(Value::Uint),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_types_have_the_ranges_of_their_widths() {
        let fits = |number, value: i128| ColumnType::from_number(number).integer(value).is_some();
        for (number, min, max) in [
            (1, i128::from(i8::MIN), i128::from(i8::MAX)),
            (3, -(1 << 23), (1 << 23) - 1),
            (5, i128::from(i64::MIN), i128::from(i64::MAX)),
            (6, 0, 255),
            (8, 0, (1 << 24) - 1),
            (10, 0, i128::from(u64::MAX)),
        ] {
            assert!(fits(number, min) && fits(number, max), "{number}");
            assert!(!fits(number, min - 1) && !fits(number, max + 1), "{number}");
        }
    }
}
