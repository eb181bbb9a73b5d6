//! Result sets: what type a column has, and how a value of SQLite goes on the wire as that type.

use crate::ddl::column_type::{Base, ColumnType as Declared};
use crate::engine::moment::Moment;
use odp_protocol::{BINARY_COLLATION, Column, ColumnFlags, ColumnType, UTF8MB4_COLLATION, Value};
use rusqlite::types::ValueRef;

/// How values of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Integer,
    Float,
    Double,
    /// With this many digits behind the point.
    Decimal(usize),
    Text,
    Date,
    /// With this many digits of the second's fraction.
    DateTime(usize),
    Time,
    /// Bits in this many bytes.
    Bits(usize),
}

/// A column of a result.
#[derive(Debug, Clone)]
pub(crate) struct OutColumn {
    pub(crate) column: Column,
    pub(crate) format: Format,
}

/// The columns of a result, as they format values and as they go on the wire.
#[derive(Debug, Clone)]
pub(crate) struct OutColumns {
    pub(crate) formats: Vec<OutColumn>,
    pub(crate) wire: Vec<Column>,
}

impl OutColumns {
    pub(crate) fn new(formats: Vec<OutColumn>) -> Self {
        let wire = formats.iter().map(|column| column.column.clone()).collect();
        Self { formats, wire }
    }
}

impl OutColumn {
    /// A column of whole numbers.
    pub(crate) fn integer(name: &str) -> Self {
        Self::plain(
            name,
            ColumnType::MYSQL_TYPE_LONGLONG,
            BINARY_COLLATION,
            20,
            Format::Integer,
        )
    }

    /// A column of text.
    pub(crate) fn text(name: &str) -> Self {
        Self::plain(
            name,
            ColumnType::MYSQL_TYPE_VAR_STRING,
            UTF8MB4_COLLATION,
            16_384,
            Format::Text,
        )
    }

    fn plain(name: &str, kind: ColumnType, collation: u16, length: u32, format: Format) -> Self {
        let mut column = Column::new(name, kind, collation, length);
        if format == Format::Integer {
            column.flags |= ColumnFlags::NUM_FLAG;
        }
        Self { column, format }
    }

    /// A column without a declared type, judged by its first value.
    pub(crate) fn of_value(name: &str, value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Integer(_) => Self::integer(name),
            ValueRef::Real(_) => {
                let mut out = Self::plain(
                    name,
                    ColumnType::MYSQL_TYPE_DOUBLE,
                    BINARY_COLLATION,
                    23,
                    Format::Double,
                );
                out.column.decimals = 31;
                out
            }
            ValueRef::Blob(_) => Self::plain(
                name,
                ColumnType::MYSQL_TYPE_VAR_STRING,
                BINARY_COLLATION,
                65_535,
                Format::Text,
            ),
            ValueRef::Text(_) | ValueRef::Null => Self::text(name),
        }
    }

    /// A decimal number, as SUM and AVG give.
    pub(crate) fn decimal(name: &str, scale: u8) -> Self {
        let kind = ColumnType::MYSQL_TYPE_NEWDECIMAL;
        let format = Format::Decimal(usize::from(scale));
        let mut out = Self::plain(name, kind, BINARY_COLLATION, 66, format);
        out.column.decimals = scale;
        out
    }

    /// A column with its declared type.
    pub(crate) fn declared(name: &str, declared: &Declared) -> Self {
        use ColumnType as T;
        let length = declared.length.unwrap_or(0);
        let (kind, shown, format) = match declared.base {
            Base::TinyInt => (T::MYSQL_TYPE_TINY, 4, Format::Integer),
            Base::SmallInt => (T::MYSQL_TYPE_SHORT, 6, Format::Integer),
            Base::MediumInt => (T::MYSQL_TYPE_INT24, 9, Format::Integer),
            Base::Int => (T::MYSQL_TYPE_LONG, 11, Format::Integer),
            Base::BigInt => (T::MYSQL_TYPE_LONGLONG, 20, Format::Integer),
            Base::Year => (T::MYSQL_TYPE_YEAR, 4, Format::Integer),
            Base::Float => (T::MYSQL_TYPE_FLOAT, 12, Format::Float),
            Base::Double => (T::MYSQL_TYPE_DOUBLE, 23, Format::Double),
            Base::Decimal => {
                let scale = declared.scale.unwrap_or(0) as usize;
                (
                    T::MYSQL_TYPE_NEWDECIMAL,
                    length.max(10) + 2,
                    Format::Decimal(scale),
                )
            }
            Base::Bit => {
                let bytes = (length.max(1) as usize).div_ceil(8);
                (T::MYSQL_TYPE_BIT, length.max(1), Format::Bits(bytes))
            }
            Base::Date => (T::MYSQL_TYPE_DATE, 10, Format::Date),
            Base::Time => (T::MYSQL_TYPE_TIME, 10, Format::Time),
            Base::DateTime => (
                T::MYSQL_TYPE_DATETIME,
                19,
                Format::DateTime(length as usize),
            ),
            Base::Timestamp => (
                T::MYSQL_TYPE_TIMESTAMP,
                19,
                Format::DateTime(length as usize),
            ),
            Base::Char | Base::Binary | Base::Enum | Base::Set => {
                (T::MYSQL_TYPE_STRING, length.max(1) * 4, Format::Text)
            }
            Base::VarChar | Base::VarBinary => (
                T::MYSQL_TYPE_VAR_STRING,
                length.saturating_mul(4),
                Format::Text,
            ),
            Base::Json => (T::MYSQL_TYPE_JSON, u32::MAX, Format::Text),
            Base::TinyText | Base::TinyBlob => (T::MYSQL_TYPE_BLOB, 255, Format::Text),
            Base::Text | Base::Blob => (T::MYSQL_TYPE_BLOB, 65_535, Format::Text),
            Base::MediumText | Base::MediumBlob => (T::MYSQL_TYPE_BLOB, 16_777_215, Format::Text),
            Base::LongText | Base::LongBlob => (T::MYSQL_TYPE_BLOB, u32::MAX, Format::Text),
        };
        let text = declared.is_text() || declared.base == Base::Json;
        let collation = if text {
            UTF8MB4_COLLATION
        } else {
            BINARY_COLLATION
        };
        let mut out = Self::plain(name, kind, collation, shown, format);
        out.column
            .flags
            .set(ColumnFlags::UNSIGNED_FLAG, declared.unsigned);
        out.column
            .flags
            .set(ColumnFlags::BLOB_FLAG, kind == T::MYSQL_TYPE_BLOB);
        out.column.decimals = match format {
            Format::Decimal(scale) | Format::DateTime(scale) => u8::try_from(scale).unwrap_or(0),
            Format::Float | Format::Double => 31,
            _ => 0,
        };
        out
    }

    /// The value in the text protocol.
    pub(crate) fn text_value(&self, value: ValueRef<'_>) -> Option<Vec<u8>> {
        Some(match (value, self.format) {
            (ValueRef::Null, _) => return None,
            (ValueRef::Integer(number), Format::Bits(bytes)) => number
                .to_be_bytes()
                .into_iter()
                .skip(8 - bytes.min(8))
                .collect(),
            (ValueRef::Integer(number), Format::Decimal(scale)) if scale > 0 => {
                format!("{number}.{:0scale$}", 0).into_bytes()
            }
            (ValueRef::Integer(number), _) => number.to_string().into_bytes(),
            (ValueRef::Real(number), Format::Decimal(scale)) => {
                format!("{number:.scale$}").into_bytes()
            }
            (ValueRef::Real(number), Format::Integer) => format!("{number:.0}").into_bytes(),
            (ValueRef::Real(number), _) => real_text(number).into_bytes(),
            (ValueRef::Text(bytes), Format::DateTime(_) | Format::Date) => self.time_text(bytes),
            (ValueRef::Text(bytes) | ValueRef::Blob(bytes), _) => bytes.to_vec(),
        })
    }

    /// A date or time in the column's own form, however it was written.
    fn time_text(&self, bytes: &[u8]) -> Vec<u8> {
        let parsed = std::str::from_utf8(bytes).ok().and_then(Moment::parse);
        match (parsed, self.format) {
            (Some(moment), Format::DateTime(digits)) => moment.text(digits.min(6)).into_bytes(),
            (Some(moment), Format::Date) => moment.date().into_bytes(),
            _ => bytes.to_vec(),
        }
    }

    /// The value in the binary protocol; `text` is its form in the text protocol.
    pub(crate) fn binary_value<'t>(
        &self,
        value: ValueRef<'_>,
        text: Option<&'t [u8]>,
    ) -> Value<'t> {
        let Some(text) = text else { return Value::Null };
        let written = || std::str::from_utf8(text).unwrap_or_default();
        match (self.format, value) {
            (Format::Integer, ValueRef::Integer(number)) => Value::Int(number),
            (Format::Integer, _) => {
                Value::Int(crate::engine::rounded(written().parse().unwrap_or(0.0)))
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the column is a 4-byte float"
            )]
            (Format::Float, _) => Value::Float(written().parse().unwrap_or(0.0) as f32),
            (Format::Double, _) => Value::Double(written().parse().unwrap_or(0.0)),
            (Format::Date | Format::DateTime(_), _) => {
                Moment::parse(written()).map_or(Value::Null, binary_moment)
            }
            (Format::Time, _) => binary_time(written()),
            _ => Value::Bytes(text),
        }
    }
}

/// A double as MySQL prints it: without a point when it is whole.
fn real_text(number: f64) -> String {
    if number.abs() >= 1e15 || (number != 0.0 && number.abs() < 1e-15) {
        return format!("{number:e}");
    }
    number.to_string()
}

fn narrow<T: TryFrom<i64> + Default>(number: i64) -> T {
    T::try_from(number).unwrap_or_default()
}

fn binary_moment<'t>(moment: Moment) -> Value<'t> {
    Value::DateTime {
        year: narrow(moment.year),
        month: narrow(moment.month),
        day: narrow(moment.day),
        hour: narrow(moment.hour),
        minute: narrow(moment.minute),
        second: narrow(moment.second),
        micros: narrow(moment.micros),
    }
}

fn binary_time<'t>(text: &str) -> Value<'t> {
    let negative = text.starts_with('-');
    let (clock, fraction) = text
        .trim_start_matches('-')
        .split_once('.')
        .unwrap_or((text, ""));
    let mut parts = clock
        .trim_start_matches('-')
        .split(':')
        .map(|part| part.parse().unwrap_or(0_i64));
    let mut part = || parts.next().unwrap_or(0);
    let (hours, minutes, seconds) = (part(), part(), part());
    let micros: String = format!("{fraction:0<6}").chars().take(6).collect();
    Value::Time {
        negative,
        days: narrow(hours / 24),
        hours: narrow(hours % 24),
        minutes: narrow(minutes),
        seconds: narrow(seconds),
        micros: micros.parse().unwrap_or(0),
    }
}
