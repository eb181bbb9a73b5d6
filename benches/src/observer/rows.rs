//! Whole answers as bytes, with their sequence numbers.

use super::login::Mode;
use bytes::BytesMut;
use odp_protocol::{
    Column, ColumnType, OkFormat, OkPacket, PrepareOk, StatusFlags, UTF8MB4_COLLATION,
    finish_frame, put_eof, put_text_row, start_frame,
};

/// An answer in the making.
pub(super) struct Writer {
    out: BytesMut,
    sequence: u8,
    mode: Mode,
    status: StatusFlags,
}

impl Writer {
    pub(super) fn new(mode: Mode, status: StatusFlags) -> Self {
        Self {
            out: BytesMut::new(),
            sequence: 1,
            mode,
            status,
        }
    }

    fn packet(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let start = start_frame(&mut self.out);
        write(&mut self.out);
        self.sequence = finish_frame(&mut self.out, start, self.sequence);
    }

    fn put_ok(&mut self) {
        let format = match self.mode {
            Mode::Direct => OkFormat::Plain,
            Mode::Proxy => OkFormat::Tracked,
        };
        let ok = OkPacket {
            affected_rows: 1,
            status: self.status | StatusFlags::SERVER_STATUS_NO_INDEX_USED,
            ..OkPacket::default()
        };
        self.packet(|out| ok.put(out, format));
    }

    fn put_extra_ok(&mut self) {
        if self.mode == Mode::Proxy {
            self.put_ok();
        }
    }

    fn put_columns(&mut self, names: &[&str]) {
        for name in names {
            let mut column = Column::new(
                *name,
                ColumnType::MYSQL_TYPE_VAR_STRING,
                UTF8MB4_COLLATION,
                480,
            );
            column.schema = b"test".to_vec();
            column.table = b"sbtest1".to_vec();
            column.org_table = b"sbtest1".to_vec();
            column.org_name = name.as_bytes().to_vec();
            self.packet(|out| column.put(out));
        }
        let status = self.status;
        self.packet(|out| put_eof(out, status, 0));
    }

    /// An OK.
    pub(super) fn ok(mut self) -> BytesMut {
        self.put_ok();
        self.out
    }

    /// A text result set.
    pub(super) fn rows<'a, R>(mut self, names: &[&str], rows: impl Iterator<Item = R>) -> BytesMut
    where
        R: IntoIterator<Item = Option<&'a [u8]>>,
    {
        let count = u8::try_from(names.len()).unwrap_or(u8::MAX);
        self.packet(|out| out.extend_from_slice(&[count]));
        self.put_columns(names);
        for row in rows {
            self.packet(|out| put_text_row(out, row));
        }
        let status = self.status;
        self.packet(|out| put_eof(out, status, 0));
        self.put_extra_ok();
        self.out
    }

    /// A binary result set of one row with one short string.
    pub(super) fn binary_row(mut self, name: &str, value: &[u8]) -> BytesMut {
        self.packet(|out| out.extend_from_slice(&[1]));
        self.put_columns(&[name]);
        let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
        self.packet(|out| {
            out.extend_from_slice(&[0, 0, length]);
            out.extend_from_slice(value);
        });
        let status = self.status;
        self.packet(|out| put_eof(out, status, 0));
        self.put_extra_ok();
        self.out
    }

    /// The answer to a PREPARE of a statement with one parameter and one column.
    pub(super) fn prepared(mut self, statement: u32) -> BytesMut {
        let answer = PrepareOk {
            statement,
            columns: 1,
            parameters: 1,
            warnings: 0,
        };
        self.packet(|out| answer.put(out));
        self.put_columns(&["?"]);
        self.put_columns(&["c"]);
        self.put_extra_ok();
        self.out
    }
}
