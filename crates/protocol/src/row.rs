//! Rows of result sets: reading the text form, writing the text and the binary form.

use crate::{
    Column, FrameHeader, HEADER_LEN, MAX_FRAME_PAYLOAD, ProtocolError, Reader, Value,
    put_lenenc_bytes,
};
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

/// The first field in the front of a row ([`crate::Control::RowHead`]).
#[must_use]
pub fn row_head_value(head: &[u8]) -> &[u8] {
    head.get(HEADER_LEN + 1..).unwrap_or_default()
}

/// Writes the front of a row with `value` for its first field, which is at most 250 bytes long; one that
/// would make the row longer than a frame is left out, and the row stays as it was.
pub fn put_row_head(out: &mut BytesMut, head: &[u8], value: &[u8]) {
    let longer = FrameHeader::read(head).map(|header| FrameHeader {
        payload: (header.payload + value.len()).saturating_sub(row_head_value(head).len()),
        ..header
    });
    match (longer, u8::try_from(value.len())) {
        (Some(header), Ok(length @ ..=250)) if header.payload < MAX_FRAME_PAYLOAD => {
            header.put(out);
            out.put_u8(length);
            out.put_slice(value);
        }
        _ => out.put_slice(head),
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
    fn the_front_of_a_row_is_written_anew() {
        let mut out = BytesMut::new();
        let head = b"\x09\0\0\x05\x0277";
        assert_eq!(row_head_value(head), b"77");
        put_row_head(&mut out, head, b"100200");
        assert_eq!(&out[..], b"\x0d\0\0\x05\x06100200");
        let longest = b"\xfe\xff\xff\x05\x0277";
        out.clear();
        put_row_head(&mut out, longest, b"100200");
        assert_eq!(&out[..], longest, "no frame holds it");
    }

    #[test]
    fn a_text_row_comes_back_with_its_nulls() {
        let mut out = BytesMut::new();
        put_text_row(&mut out, [Some(&b"a"[..]), None, Some(b"")]);
        let values: Vec<_> = TextRow::new(&out).map(Result::unwrap).collect();
        assert_eq!(values, [Some(&b"a"[..]), None, Some(b"")]);
        assert!(TextRow::new(&[5, b'a']).any(|value| value.is_err()));
    }
}
