//! Values of the binary protocol: parameters of prepared statements and their rows.

use crate::{ProtocolError, Reader, put_lenenc_bytes};
use bytes::{BufMut, BytesMut};
use mysql_common::constants::ColumnType;

/// A value as the binary protocol carries it (MySQL manual, "Binary Protocol Value").
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width.
    UInt(u64),
    /// A 4-byte float.
    Float(f32),
    /// An 8-byte float.
    Double(f64),
    /// Text, bytes, decimals, bits.
    Bytes(&'a [u8]),
    /// A date or date and time.
    DateTime {
        /// 0 to 9999.
        year: u16,
        /// 0 to 12.
        month: u8,
        /// 0 to 31.
        day: u8,
        /// 0 to 23.
        hour: u8,
        /// 0 to 59.
        minute: u8,
        /// 0 to 59.
        second: u8,
        /// 0 to 999,999.
        micros: u32,
    },
    /// A duration.
    Time {
        /// Whether it is below zero.
        negative: bool,
        /// Whole days.
        days: u32,
        /// 0 to 23.
        hours: u8,
        /// 0 to 59.
        minutes: u8,
        /// 0 to 59.
        seconds: u8,
        /// 0 to 999,999.
        micros: u32,
    },
}

impl<'a> Value<'a> {
    /// Reads a value of the type with byte `column_type` from `reader`.
    ///
    /// # Errors
    /// [`ProtocolError`] for a type that this protocol has no encoding for, or too few bytes.
    pub fn read(
        reader: &mut Reader<'a>,
        column_type: u8,
        unsigned: bool,
    ) -> Result<Self, ProtocolError> {
        use ColumnType as T;
        let unexpected = ProtocolError::Unexpected {
            first: column_type,
            place: "a parameter type",
        };
        let kind = ColumnType::try_from(column_type).map_err(|_| unexpected)?;
        let signed = |wide: u64, narrow: i64| {
            if unsigned {
                Self::UInt(wide)
            } else {
                Self::Int(narrow)
            }
        };
        Ok(match kind {
            T::MYSQL_TYPE_NULL => Self::Null,
            T::MYSQL_TYPE_TINY => {
                let raw = reader.u8()?;
                signed(raw.into(), raw.cast_signed().into())
            }
            T::MYSQL_TYPE_SHORT | T::MYSQL_TYPE_YEAR => {
                let raw = reader.u16()?;
                signed(raw.into(), raw.cast_signed().into())
            }
            T::MYSQL_TYPE_LONG | T::MYSQL_TYPE_INT24 => {
                let raw = reader.u32()?;
                signed(raw.into(), raw.cast_signed().into())
            }
            T::MYSQL_TYPE_LONGLONG => {
                let raw = reader.u64()?;
                signed(raw, raw.cast_signed())
            }
            T::MYSQL_TYPE_FLOAT => Self::Float(f32::from_bits(reader.u32()?)),
            T::MYSQL_TYPE_DOUBLE => Self::Double(f64::from_bits(reader.u64()?)),
            T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_TIMESTAMP => {
                Self::read_datetime(reader)?
            }
            T::MYSQL_TYPE_TIME => Self::read_time(reader)?,
            _ => Self::Bytes(reader.lenenc_bytes()?),
        })
    }

    fn read_datetime(reader: &mut Reader<'a>) -> Result<Self, ProtocolError> {
        let length = reader.u8()?;
        let (mut year, mut month, mut day) = (0, 0, 0);
        let (mut hour, mut minute, mut second, mut micros) = (0, 0, 0, 0);
        if length >= 4 {
            (year, month, day) = (reader.u16()?, reader.u8()?, reader.u8()?);
        }
        if length >= 7 {
            (hour, minute, second) = (reader.u8()?, reader.u8()?, reader.u8()?);
        }
        if length >= 11 {
            micros = reader.u32()?;
        }
        Ok(Self::DateTime {
            year,
            month,
            day,
            hour,
            minute,
            second,
            micros,
        })
    }

    fn read_time(reader: &mut Reader<'a>) -> Result<Self, ProtocolError> {
        let length = reader.u8()?;
        let (mut negative, mut days, mut micros) = (false, 0, 0);
        let (mut hours, mut minutes, mut seconds) = (0, 0, 0);
        if length >= 8 {
            (negative, days) = (reader.u8()? != 0, reader.u32()?);
            (hours, minutes, seconds) = (reader.u8()?, reader.u8()?, reader.u8()?);
        }
        if length >= 12 {
            micros = reader.u32()?;
        }
        Ok(Self::Time {
            negative,
            days,
            hours,
            minutes,
            seconds,
            micros,
        })
    }

    /// Writes the value as a column of type `column_type` wants it; integers are cut to its width.
    pub fn put(&self, out: &mut BytesMut, column_type: u8) {
        match *self {
            Self::Null => {}
            Self::Int(value) => put_integer(out, column_type, value.cast_unsigned()),
            Self::UInt(value) => put_integer(out, column_type, value),
            Self::Float(value) => out.put_f32_le(value),
            Self::Double(value) => out.put_f64_le(value),
            Self::Bytes(bytes) => put_lenenc_bytes(out, bytes),
            Self::DateTime {
                year,
                month,
                day,
                hour,
                minute,
                second,
                micros,
            } => {
                let clock = [hour, minute, second];
                let length = shortest(clock == [0; 3], micros, [4, 7, 11]);
                out.put_u8(length);
                out.put_u16_le(year);
                out.put_slice(&[month, day]);
                if length >= 7 {
                    out.put_slice(&clock);
                }
                if length >= 11 {
                    out.put_u32_le(micros);
                }
            }
            Self::Time {
                negative,
                days,
                hours,
                minutes,
                seconds,
                micros,
            } => {
                let clock = [hours, minutes, seconds];
                let length = shortest(days == 0 && clock == [0; 3], micros, [0, 8, 12]);
                out.put_u8(length);
                if length >= 8 {
                    out.put_u8(u8::from(negative));
                    out.put_u32_le(days);
                    out.put_slice(&clock);
                }
                if length >= 12 {
                    out.put_u32_le(micros);
                }
            }
        }
    }
}

/// The shortest of the three lengths that holds the value: clients tell a date by its length.
fn shortest(no_clock: bool, micros: u32, [bare, clock, full]: [u8; 3]) -> u8 {
    match (no_clock, micros) {
        (true, 0) => bare,
        (false, 0) => clock,
        _ => full,
    }
}

fn put_integer(out: &mut BytesMut, column_type: u8, value: u64) {
    use ColumnType as T;
    let width = match ColumnType::try_from(column_type) {
        Ok(T::MYSQL_TYPE_TINY) => 1,
        Ok(T::MYSQL_TYPE_SHORT | T::MYSQL_TYPE_YEAR) => 2,
        Ok(T::MYSQL_TYPE_LONG | T::MYSQL_TYPE_INT24) => 4,
        _ => 8,
    };
    out.put_uint_le(value, width);
}

#[cfg(test)]
mod tests {
    use super::*;
    use mysql_common::constants::ColumnType as T;

    fn moment(hour: u8, micros: u32) -> Value<'static> {
        Value::DateTime {
            year: 2024,
            month: 2,
            day: 29,
            hour,
            minute: 0,
            second: 0,
            micros,
        }
    }

    fn time(hours: u8, micros: u32) -> Value<'static> {
        Value::Time {
            negative: false,
            days: 0,
            hours,
            minutes: 0,
            seconds: 0,
            micros,
        }
    }

    #[test]
    fn times_come_back_from_their_shortest_form() {
        for (value, kind, length) in [
            (moment(0, 0), T::MYSQL_TYPE_DATE, 4),
            (moment(5, 0), T::MYSQL_TYPE_DATETIME, 7),
            (moment(0, 1), T::MYSQL_TYPE_DATETIME, 11),
            (time(0, 0), T::MYSQL_TYPE_TIME, 0),
            (time(1, 0), T::MYSQL_TYPE_TIME, 8),
            (time(1, 9), T::MYSQL_TYPE_TIME, 12),
        ] {
            let mut out = BytesMut::new();
            value.put(&mut out, kind as u8);
            assert_eq!(out.first(), Some(&length), "{value:?}");
            assert_eq!(
                Value::read(&mut Reader::new(&out), kind as u8, false),
                Ok(value)
            );
        }
    }
}
