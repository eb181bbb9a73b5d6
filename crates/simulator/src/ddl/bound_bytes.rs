//! Bounds and defaults as OceanBase shows and serialises them.

use crate::ddl::column_type::{Base, ColumnType};
use crate::ddl::constant::{self, packed_date, packed_moment};
use crate::ddl::definition::{Bound, Level, Method, TableDef};
use crate::engine::moment::Moment;

/// A value as the server keeps it: its text in `high_bound_val` and its bytes in `high_bound_val_bin`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    text: String,
    pub(super) bytes: Vec<u8>,
}

/// The text of a bound, `high_bound_val`.
pub(super) fn bound_text(definition: &TableDef, level: &Level, bounds: &[Vec<Bound>]) -> String {
    let is_list = matches!(level.method, Method::List | Method::ListColumns);
    let component = |(index, bound): (usize, &Bound)| match bound {
        Bound::Max if is_list => "DEFAULT".to_owned(),
        Bound::Max => "MAXVALUE".to_owned(),
        _ => component(definition, level, index, bound).text,
    };
    let tuple = |tuple: &Vec<Bound>| {
        let parts: Vec<String> = tuple.iter().enumerate().map(component).collect();
        let text = parts.join(",");
        if is_list && tuple.len() > 1 {
            format!("({text})")
        } else {
            text
        }
    };
    bounds.iter().map(tuple).collect::<Vec<_>>().join(",")
}

/// The bytes of a bound, `high_bound_val_bin`.
pub(super) fn bound_bytes(definition: &TableDef, level: &Level, bounds: &[Vec<Bound>]) -> Vec<u8> {
    let is_list = matches!(level.method, Method::List | Method::ListColumns);
    let mut bytes = Vec::new();
    for tuple in bounds {
        put_varint(&mut bytes, tuple.len() as u64);
        for (index, bound) in tuple.iter().enumerate() {
            bytes.extend(component(definition, level, index, bound).bytes);
        }
        if is_list {
            put_varint(&mut bytes, 0);
        }
    }
    bytes
}

fn component(definition: &TableDef, level: &Level, index: usize, bound: &Bound) -> Stored {
    let column = level
        .columns
        .get(index)
        .filter(|_| level.is_plain())
        .and_then(|name| definition.column(name));
    let column_type = column.map(|column| &column.column_type);
    match bound {
        Bound::Max => Stored {
            text: "MAXVALUE".to_owned(),
            bytes: vec![25, 7, 0, 0, 254, 255, 255, 255, 255, 255, 255, 255, 255, 1],
        },
        Bound::Null => Stored {
            text: "NULL".to_owned(),
            bytes: vec![0, 6, 63, 255],
        },
        Bound::Number(number) => {
            let text = number.to_string();
            let typed = column_type.and_then(|of| of.stored(&text, Role::Bound));
            typed.unwrap_or_else(|| Stored {
                bytes: integer(bound_type(column_type), *number),
                text,
            })
        }
        Bound::Text(text) => {
            let typed = column_type.and_then(|of| of.stored(text, Role::Bound));
            typed.unwrap_or_else(|| Stored {
                text: format!("'{text}'"),
                bytes: text_object(22, 4, 45, text.as_bytes()),
            })
        }
    }
}

/// What a value is stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A partition's bound.
    Bound,
    /// A column's default.
    Default,
}

impl ColumnType {
    /// A literal as this type stores it; `None` for whole numbers and for what does not fit the type.
    pub(super) fn stored(&self, literal: &str, role: Role) -> Option<Stored> {
        let kind = u8::try_from(self.object_type()).ok()?;
        let object = |scale: u8, text: String, value: &[u8]| Stored {
            text,
            bytes: [&[kind, 5, 63, scale], value].concat(),
        };
        let scale = u8::try_from(self.accuracy().2).unwrap_or(255);
        // The accuracy of a default is that of its column.
        let accuracy = if role == Role::Default { scale } else { 255 };
        let digits = usize::from(scale);
        Some(match self.base {
            _ if self.is_text() || self.is_bytes() => {
                let level = if role == Role::Default { 2 } else { 4 };
                let bytes = constant::encoded(self, literal);
                // The text is cut at a NUL, the bytes are not.
                let shown = literal.split('\0').next().unwrap_or_default();
                Stored {
                    text: format!("'{shown}'"),
                    bytes: text_object(kind, level, self.collation_number(), &bytes),
                }
            }
            Base::Decimal if !self.unsigned => {
                let value = constant::scaled(literal, digits)?;
                let width = match self.length.unwrap_or(10) {
                    0..=9 => 4,
                    10..=18 => 8,
                    19..=38 => 16,
                    39..=76 => 32,
                    _ => 64,
                };
                let fill = if value < 0 { 255 } else { 0 };
                let mut bytes = vec![u8::try_from(width).ok()?, scale];
                let low = value.to_le_bytes().into_iter();
                bytes.extend(low.chain(std::iter::repeat(fill)).take(width));
                object(scale, constant::decimal(value, digits), &bytes)
            }
            Base::Double => {
                let value: f64 = literal.parse().ok()?;
                object(255, value.to_string(), &varint(value.to_bits()))
            }
            Base::Float => {
                let value: f32 = literal.parse().ok()?;
                object(255, value.to_string(), &varint(value.to_bits().into()))
            }
            Base::Date => {
                let moment = Moment::parse(literal)?;
                let text = format!("'{}'", moment.date());
                object(accuracy, text, &varint(packed_date(&moment)))
            }
            Base::DateTime => {
                let moment = Moment::parse(literal)?;
                let text = format!("'{}'", moment.text(digits));
                object(accuracy, text, &varint(packed_moment(&moment)))
            }
            Base::Timestamp => {
                let moment = Moment::parse(literal)?;
                let text = format!("'{}'", moment.text(digits));
                let value = constant::utc_micros(&moment);
                object(accuracy, text, &varint(value.cast_unsigned()))
            }
            Base::Time => {
                let value = constant::duration_micros(literal)?;
                object(
                    accuracy,
                    format!("'{literal}'"),
                    &varint(value.cast_unsigned()),
                )
            }
            _ => return None,
        })
    }
}

/// A whole number as OceanBase serialises it: type, collation level, collation, scale, value.
pub(super) fn integer(kind: i64, value: i128) -> Vec<u8> {
    let kind = u8::try_from(kind).unwrap_or(5);
    let unsigned = matches!(kind, 6..=10 | 21);
    let scale = if unsigned && value <= i128::from(i64::MAX) {
        255
    } else {
        0
    };
    let mut bytes = vec![kind, 5, 63, scale];
    if kind == 21 {
        bytes.push(u8::try_from(value - 1900).unwrap_or(0));
    } else if kind == 1 || kind == 6 {
        bytes.push(value.to_le_bytes()[0]);
    } else {
        put_varint(
            &mut bytes,
            u64::try_from(value & i128::from(u64::MAX)).unwrap_or(0),
        );
    }
    bytes
}

/// A string as OceanBase serialises it.
fn text_object(kind: u8, level: u8, collation: i64, value: &[u8]) -> Vec<u8> {
    // A collation beyond one byte is kept without its high bits.
    let mut bytes = vec![kind, level, collation.to_le_bytes()[0], 255];
    put_varint(&mut bytes, value.len() as u64);
    bytes.extend(value);
    bytes.push(0);
    bytes
}

fn varint(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_varint(&mut bytes, value);
    bytes
}

fn put_varint(bytes: &mut Vec<u8>, mut rest: u64) {
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] & 0x7f | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
}

/// The type that bounds of a column are stored in: every whole number as 64 bits, and so is the value of an
/// expression, which has no column.
pub(super) fn bound_type(column_type: Option<&ColumnType>) -> i64 {
    match column_type.map_or(5, ColumnType::object_type) {
        1..=5 => 5,
        6..=10 => 10,
        other => other,
    }
}
