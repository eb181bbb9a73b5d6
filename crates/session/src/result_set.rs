//! A text result set that the proxy makes itself.

use bytes::BytesMut;
use odp_protocol::{
    BINARY_COLLATION, Column, ColumnType, StatusFlags, UTF8MB4_COLLATION, finish_frame, put_eof,
    put_lenenc_int, put_text_row, start_frame,
};

/// A column of text of up to 1,024 bytes.
pub(crate) fn text(name: &str) -> Column {
    const LENGTH: u32 = 1024;
    Column::new(
        name,
        ColumnType::MYSQL_TYPE_VAR_STRING,
        UTF8MB4_COLLATION,
        LENGTH,
    )
}

/// A column of whole numbers.
pub(crate) fn number(name: &str) -> Column {
    let kind = ColumnType::MYSQL_TYPE_LONGLONG;
    Column::new(name, kind, BINARY_COLLATION, 20)
}

/// Writes a result set; `None` in a row is NULL.
pub(crate) fn put<const N: usize>(
    out: &mut BytesMut,
    sequence: u8,
    status: StatusFlags,
    columns: &[Column; N],
    rows: impl IntoIterator<Item = [Option<String>; N]>,
) {
    let mut sequence = packet(out, sequence, |out| put_lenenc_int(out, N as u64));
    for column in columns {
        sequence = packet(out, sequence, |out| column.put(out));
    }
    sequence = packet(out, sequence, |out| put_eof(out, status, 0));
    for row in rows {
        let values = row
            .each_ref()
            .map(|value| value.as_deref().map(str::as_bytes));
        sequence = packet(out, sequence, |out| put_text_row(out, values));
    }
    packet(out, sequence, |out| put_eof(out, status, 0));
}

/// Writes one packet and answers the next one's sequence number.
fn packet(out: &mut BytesMut, sequence: u8, write: impl FnOnce(&mut BytesMut)) -> u8 {
    let start = start_frame(out);
    write(out);
    finish_frame(out, start, sequence)
}
