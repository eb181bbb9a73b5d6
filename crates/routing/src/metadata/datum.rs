//! Decodes the server's serialised objects: partition bounds and default values.
//!
//! Facts: `ob_object.cpp` and the partition metadata of a live engine. An object is four bytes of
//! meta data (type, collation level, collation, scale) and a value. Types from 36 on have a number 11
//! lower in seekdb, which removed the Oracle types; both numbers are read.

use super::cursor::Cursor;
use crate::partition::wide::Wide;

/// A serialised object.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Datum {
    /// NULL.
    Null,
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A date, time or year in the number that the column stores.
    Temporal(i64),
    /// A double.
    Double(f64),
    /// A decimal of up to 32 bytes.
    Decimal {
        /// The number times ten to the power of `scale`.
        unscaled: Wide,
        /// The digits behind the point.
        scale: u8,
    },
    /// A string.
    Text(Vec<u8>),
    /// MAXVALUE of a range; DEFAULT of a list.
    Max,
    /// MINVALUE.
    Min,
    /// A value of a type that is not computed.
    Other,
}

impl Datum {
    /// Reads one object; `None` when the bytes end early or the type is not known.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let kind = cursor.byte()?;
        cursor.bytes(3)?;
        Some(match kind {
            0 => Self::Null,
            1 => Self::Int(cursor.byte()?.cast_signed().into()),
            // Negative defaults of the short ones have 32 bits; bounds are all of type 5.
            2..=4 => match cursor.varint()? {
                short if let Ok(short) = u32::try_from(short) => {
                    Self::Int(short.cast_signed().into())
                }
                long => Self::Int(long.cast_signed()),
            },
            5 => Self::Int(cursor.varint()?.cast_signed()),
            6..=10 | 31..=33 => Self::Uint(cursor.varint()?),
            17 | 18 | 20 | 42 | 53 => Self::Temporal(cursor.varint()?.cast_signed()),
            19 | 41 | 52 => {
                let value = u32::try_from(cursor.varint()? & u64::from(u32::MAX)).ok()?;
                Self::Temporal(value.cast_signed().into())
            }
            12 | 14 => Self::Double(f64::from_bits(cursor.varint()?)),
            11 | 13 => {
                let bits = u32::try_from(cursor.varint()?).ok()?;
                Self::Double(f32::from_bits(bits).into())
            }
            39 | 50 => read_decimal(cursor)?,
            21 => Self::Temporal(cursor.byte()?.into()),
            22 | 23 => {
                let length = cursor.length()?;
                let bytes = cursor.bytes(length)?;
                (cursor.byte()? == 0).then_some(())?;
                Self::Text(bytes.to_vec())
            }
            25 => match cursor.varint()?.cast_signed() {
                -2 => Self::Max,
                -3 => Self::Min,
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// The number of bytes, the scale, and a little-endian two's complement.
fn read_decimal(cursor: &mut Cursor<'_>) -> Option<Datum> {
    let length = cursor.byte()?;
    let scale = cursor.byte()?;
    let bytes = cursor.bytes(length.into())?;
    Some(
        Wide::from_le_bytes(bytes)
            .map_or(Datum::Other, |unscaled| Datum::Decimal { unscaled, scale }),
    )
}

/// Reads the upper bound of a range partition: a count and as many objects.
pub(super) fn read_range(bytes: &[u8]) -> Option<Vec<Datum>> {
    let mut cursor = Cursor::new(bytes);
    let bound = read_row(&mut cursor)?;
    cursor.is_empty().then_some(bound)
}

/// Reads the rows of a list partition, each followed by an empty projector.
pub(super) fn read_list(bytes: &[u8]) -> Option<Vec<Vec<Datum>>> {
    let mut cursor = Cursor::new(bytes);
    let mut rows = Vec::new();
    while !cursor.is_empty() {
        rows.push(read_row(&mut cursor)?);
        (cursor.varint()? == 0).then_some(())?;
    }
    Some(rows)
}

/// Reads a single object that fills `bytes`.
pub(super) fn read_single(bytes: &[u8]) -> Option<Datum> {
    let mut cursor = Cursor::new(bytes);
    let datum = Datum::read(&mut cursor)?;
    cursor.is_empty().then_some(datum)
}

fn read_row(cursor: &mut Cursor<'_>) -> Option<Vec<Datum>> {
    // An object takes at least four bytes, so a count beyond the bytes fails before it allocates.
    (0..cursor.varint()?).map(|_| Datum::read(cursor)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(text: &str) -> Vec<u8> {
        let digit = |&digit: &u8| char::from(digit).to_digit(16).unwrap();
        let (pairs, _) = text.as_bytes().as_chunks::<2>();
        pairs
            .iter()
            .map(|pair| u8::try_from(digit(&pair[0]) * 16 + digit(&pair[1])).unwrap())
            .collect()
    }

    #[test]
    fn real_bounds_are_decoded() {
        use Datum::{Int, Max, Null, Text, Uint};
        let range = |text| read_range(&hex(text)).unwrap();
        assert_eq!(range("0105053f0064"), [Int(100)]);
        assert_eq!(range("0119070000feffffffffffffffff01"), [Max]);
        assert_eq!(range("010a053f00ffffffffffffffffff01"), [Uint(u64::MAX)]);
        assert_eq!(range("0116042dff013100"), [Text(b"1".to_vec())]);
        let mixed = "0205053f006405053f00fbffffffffffffffff01";
        assert_eq!(range(mixed), [Int(100), Int(-5)]);
        let list = "0100063fff000105053f00feffffffffffffffff01000105053f00ffffffffffffffffff0100";
        let rows = [vec![Null], vec![Int(-2)], vec![Int(-1)]];
        assert_eq!(read_list(&hex(list)).unwrap(), rows);
        for (default, expected) in [
            ("04053f0005", Int(5)),
            ("04053f00ffffffff0f", Int(-1)),
            ("05053f00d8b9ffffffffffffff01", Int(-9000)),
            ("20053fff02", Uint(2)),
            ("1f053f0805", Uint(5)),
        ] {
            assert_eq!(read_single(&hex(default)), Some(expected), "{default}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_or_allocate_without_bound(
            bytes in prop::collection::vec(any::<u8>(), 0..64)
        ) {
            read_range(&bytes);
            read_list(&bytes);
            read_single(&bytes);
        }
    }
}
