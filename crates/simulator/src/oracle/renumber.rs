//! The oracle's engine lacks the eleven object types 36 to 46 of a full OBServer, which the cluster here
//! stands for: its types behind them have lower numbers.

use serde_json::{Map, Value as Json, json};

const LOWEST: u8 = 36;
const MISSING: u8 = 11;

/// A metadata row of the engine with the type numbers of a full OBServer.
pub(super) fn row(mut row: Map<String, Json>) -> Map<String, Json> {
    for (column, value) in &mut row {
        *value = match (column.as_str(), &*value) {
            ("part_key_type", Json::Number(number)) => json!(kind(number.as_u64().unwrap())),
            ("part_range_type" | "sub_part_range_type", Json::String(list)) if !list.is_empty() => {
                let kinds = list.split(',').map(|number| kind(number.parse().unwrap()));
                json!(
                    kinds
                        .map(|kind| kind.to_string())
                        .collect::<Vec<_>>()
                        .join(",")
                )
            }
            ("high_bound_val_bin", Json::Object(object)) => hex(object, bound),
            ("part_key_default_value", Json::Object(object)) => hex(object, |rest, out| {
                object_of(rest, out);
            }),
            _ => continue,
        };
    }
    row
}

fn kind(number: u64) -> u64 {
    if number < LOWEST.into() {
        number
    } else {
        number + u64::from(MISSING)
    }
}

fn hex(object: &Map<String, Json>, translate: impl Fn(&mut &[u8], &mut Vec<u8>)) -> Json {
    let digits = object["hex"].as_str().unwrap().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
    let (mut rest, mut out) = (bytes.as_slice(), Vec::new());
    translate(&mut rest, &mut out);
    assert!(rest.is_empty(), "{digits:?}");
    let hex: Vec<String> = out.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "hex": hex.concat() })
}

/// A tuple, or several with an empty projector behind each.
fn bound(rest: &mut &[u8], out: &mut Vec<u8>) {
    while !rest.is_empty() {
        for _ in 0..varint(rest, out) {
            object_of(rest, out);
        }
        if !rest.is_empty() {
            varint(rest, out);
        }
    }
}

fn object_of(rest: &mut &[u8], out: &mut Vec<u8>) {
    let number = rest[0];
    out.push(u8::try_from(kind(number.into())).unwrap());
    *rest = &rest[1..];
    copy(rest, out, 3);
    match number {
        0 => {}
        // A year, and a tiny integer.
        1 | 6 | 21 => copy(rest, out, 1),
        22 | 23 => {
            let length = usize::try_from(varint(rest, out)).unwrap();
            copy(rest, out, length + 1);
        }
        39 => {
            let width = rest[0].into();
            copy(rest, out, 2);
            copy(rest, out, width);
        }
        _ => {
            varint(rest, out);
        }
    }
}

fn copy(rest: &mut &[u8], out: &mut Vec<u8>, length: usize) {
    let (front, behind) = rest.split_at(length);
    out.extend(front);
    *rest = behind;
}

fn varint(rest: &mut &[u8], out: &mut Vec<u8>) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = rest[0];
        copy(rest, out, 1);
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}
