//! Rows of result sets: reading the text form, writing the text and the binary form.

use crate::{Column, ProtocolError, Reader, Value, put_lenenc_bytes};
use bytes::{BufMut, BytesMut};

/// The NULL mark of the text protocol.
const NULL: u8 = 0xFB;

/// A row of the text protocol, read value by value.
#[derive(Debug, Clone)]
pub struct TextRow<'a> {
    reader: Reader<'a>,
}

impl<'a> TextRow<'a> {
    /// The row in this payload.
    #[must_use]
    pub fn new(payload: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(payload),
        }
    }
}

impl<'a> Iterator for TextRow<'a> {
    type Item = Result<Option<&'a [u8]>, ProtocolError>;

    fn next(&mut self) -> Option<Self::Item> {
        let &first = self.reader.rest().first()?;
        if first == NULL {
            return Some(self.reader.u8().map(|_| None).map_err(Into::into));
        }
        Some(self.reader.lenenc_bytes().map(Some).map_err(Into::into))
    }
}

/// Writes the payload of a text row.
pub fn put_text_row<'a>(out: &mut BytesMut, values: impl IntoIterator<Item = Option<&'a [u8]>>) {
    for value in values {
        match value {
            Some(bytes) => put_lenenc_bytes(out, bytes),
            None => out.put_u8(NULL),
        }
    }
}

/// Writes the payload of a binary row; a value that is missing is NULL.
pub fn put_binary_row(out: &mut BytesMut, columns: &[Column], values: &[Value<'_>]) {
    /// The first two bits of a row's bitmap are reserved (MySQL manual, "Binary Protocol Resultset Row").
    const RESERVED: usize = 2;
    let mut bitmap = vec![0_u8; (columns.len() + RESERVED).div_ceil(8)];
    for index in 0..columns.len() {
        let bit = index + RESERVED;
        if matches!(values.get(index), None | Some(Value::Null))
            && let Some(byte) = bitmap.get_mut(bit / 8)
        {
            *byte |= 1 << (bit % 8);
        }
    }
    out.put_u8(0);
    out.put_slice(&bitmap);
    for (column, value) in columns.iter().zip(values) {
        value.put(out, column.column_type);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_row_comes_back_with_its_nulls() {
        let mut out = BytesMut::new();
        put_text_row(&mut out, [Some(&b"a"[..]), None, Some(b"")]);
        let values: Vec<_> = TextRow::new(&out).map(Result::unwrap).collect();
        assert_eq!(values, [Some(&b"a"[..]), None, Some(b"")]);
        assert!(TextRow::new(&[5, b'a']).any(|value| value.is_err()));
    }
}
