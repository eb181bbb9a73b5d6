//! Bounds and defaults as OceanBase shows and serialises them.

use crate::ddl::definition::{Bound, Level, Method, TableDef};

/// The text of a bound, `high_bound_val`.
pub(super) fn bound_text(level: &Level, bounds: &[Vec<Bound>]) -> String {
    let is_list = matches!(level.method, Method::List | Method::ListColumns);
    let component = |bound: &Bound| match bound {
        Bound::Max if is_list => "DEFAULT".to_owned(),
        Bound::Max => "MAXVALUE".to_owned(),
        Bound::Null => "NULL".to_owned(),
        Bound::Number(number) => number.to_string(),
        Bound::Text(text) => format!("'{text}'"),
    };
    let tuple = |tuple: &Vec<Bound>| {
        let text = tuple.iter().map(component).collect::<Vec<_>>().join(",");
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
        put_varint(&mut bytes, length(tuple.len()));
        for (index, bound) in tuple.iter().enumerate() {
            let name = level.columns.get(index).map_or("", String::as_str);
            bytes.extend(component_bytes(definition, name, bound));
        }
        if is_list {
            put_varint(&mut bytes, 0);
        }
    }
    bytes
}

fn component_bytes(definition: &TableDef, column: &str, bound: &Bound) -> Vec<u8> {
    match bound {
        Bound::Max => vec![25, 7, 0, 0, 254, 255, 255, 255, 255, 255, 255, 255, 255, 1],
        Bound::Null => vec![0, 6, 63, 255],
        Bound::Number(number) => object(bound_type(definition, column), *number),
        Bound::Text(text) => {
            let collation = definition
                .column(column)
                .map_or(45, |column| column.column_type.collation_number());
            text_object(22, 4, collation, text)
        }
    }
}

/// A whole number as OceanBase serialises it: type, collation level, collation, scale, value.
pub(super) fn object(kind: i64, value: i128) -> Vec<u8> {
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
        let [low, ..] = [value];
        put_varint_bits(
            &mut bytes,
            u64::try_from(low & i128::from(u64::MAX)).unwrap_or(0),
        );
    }
    bytes
}

/// A string as OceanBase serialises it.
pub(super) fn text_object(kind: i64, level: u8, collation: i64, value: &str) -> Vec<u8> {
    let byte = |number: i64| u8::try_from(number).unwrap_or(45);
    let mut bytes = vec![byte(kind), level, byte(collation), 255];
    put_varint(&mut bytes, length(value.len()));
    bytes.extend(value.as_bytes());
    bytes.push(0);
    bytes
}

fn put_varint(bytes: &mut Vec<u8>, value: i64) {
    put_varint_bits(bytes, value.cast_unsigned());
}

fn put_varint_bits(bytes: &mut Vec<u8>, mut rest: u64) {
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] & 0x7f | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
}

/// The type that bounds of a column are stored in: every whole number as 64 bits.
pub(super) fn bound_type(definition: &TableDef, name: &str) -> i64 {
    let Some(column) = definition.column(name) else {
        return 5;
    };
    match column.column_type.object_type() {
        1..=5 => 5,
        6..=10 => 10,
        other => other,
    }
}

fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
