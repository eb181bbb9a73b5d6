//! Column definitions of result sets.

use crate::{ProtocolError, Reader, put_lenenc_bytes, put_lenenc_int};
use bytes::{BufMut, BytesMut};
pub use mysql_common::constants::{ColumnFlags, ColumnType};

/// Collation `binary`: the column holds bytes or numbers.
pub const BINARY_COLLATION: u16 = 63;

/// Collation `utf8mb4_general_ci`, the default of `OceanBase`.
pub const UTF8MB4_COLLATION: u16 = 45;

/// A column definition (MySQL manual, "`Protocol::ColumnDefinition41`").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The database of the table.
    pub schema: Vec<u8>,
    /// The table's alias.
    pub table: Vec<u8>,
    /// The table's own name.
    pub org_table: Vec<u8>,
    /// The column's alias.
    pub name: Vec<u8>,
    /// The column's own name.
    pub org_name: Vec<u8>,
    /// The collation's id.
    pub collation: u16,
    /// The display length in bytes.
    pub length: u32,
    /// The type byte.
    pub column_type: u8,
    /// Flags.
    pub flags: ColumnFlags,
    /// Digits behind the decimal point; 31 for "as many as there are".
    pub decimals: u8,
}

impl Column {
    /// A column of a computed result: no table, no flags but those that the type needs.
    #[must_use]
    pub fn new(
        name: impl Into<Vec<u8>>,
        column_type: ColumnType,
        collation: u16,
        length: u32,
    ) -> Self {
        let mut flags = ColumnFlags::empty();
        flags.set(ColumnFlags::BINARY_FLAG, collation == BINARY_COLLATION);
        Self {
            schema: Vec::new(),
            table: Vec::new(),
            org_table: Vec::new(),
            name: name.into(),
            org_name: Vec::new(),
            collation,
            length,
            column_type: column_type as u8,
            flags,
            decimals: 0,
        }
    }

    /// Writes the payload.
    pub fn put(&self, out: &mut BytesMut) {
        put_lenenc_bytes(out, b"def");
        for text in [
            &self.schema,
            &self.table,
            &self.org_table,
            &self.name,
            &self.org_name,
        ] {
            put_lenenc_bytes(out, text);
        }
        put_lenenc_int(out, 12);
        out.put_u16_le(self.collation);
        out.put_u32_le(self.length);
        out.put_u8(self.column_type);
        out.put_u16_le(self.flags.bits());
        out.put_slice(&[self.decimals, 0, 0]);
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// [`ProtocolError::Truncated`] for a packet that ends early.
    pub fn parse(payload: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(payload);
        reader.lenenc_bytes()?;
        let mut text = || reader.lenenc_bytes().map(<[u8]>::to_vec);
        let (schema, table, org_table) = (text()?, text()?, text()?);
        let (name, org_name) = (text()?, text()?);
        reader.lenenc_int()?;
        Ok(Self {
            schema,
            table,
            org_table,
            name,
            org_name,
            collation: reader.u16()?,
            length: reader.u32()?,
            column_type: reader.u8()?,
            flags: ColumnFlags::from_bits_retain(reader.u16()?),
            decimals: reader.u8()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_comes_back() {
        let mut column = Column::new("k", ColumnType::MYSQL_TYPE_LONG, BINARY_COLLATION, 11);
        column.table = b"t".to_vec();
        let mut out = BytesMut::new();
        column.put(&mut out);
        assert_eq!(Column::parse(&out), Ok(column));
        assert!(Column::parse(&out[..out.len() - 4]).is_err());
    }
}
