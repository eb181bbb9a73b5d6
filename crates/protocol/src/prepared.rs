//! Prepared statements: the answer to PREPARE and the parameters of EXECUTE.

use crate::{ProtocolError, Reader, Value};
use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

/// The first packet of a successful PREPARE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrepareOk {
    /// The statement's id on its server session.
    pub statement: u32,
    /// Columns of its result.
    pub columns: u16,
    /// Number of `?`.
    pub parameters: u16,
    /// Number of warnings.
    pub warnings: u16,
}

impl PrepareOk {
    /// Where the statement id stands in the payload.
    pub const STATEMENT_AT: usize = 1;

    /// Reads the payload.
    ///
    /// # Errors
    /// [`ProtocolError`] for another first byte or a packet that ends early.
    pub fn parse(payload: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(payload);
        let first = reader.u8()?;
        if first != 0 {
            return Err(ProtocolError::Unexpected {
                first,
                place: "the answer to PREPARE",
            });
        }
        let (statement, columns, parameters) = (reader.u32()?, reader.u16()?, reader.u16()?);
        // Servers before 5.0 ended here; the filler and the warnings came later.
        let warnings = reader.u8().and_then(|_| reader.u16()).unwrap_or(0);
        Ok(Self {
            statement,
            columns,
            parameters,
            warnings,
        })
    }

    /// Writes the payload.
    pub fn put(&self, out: &mut BytesMut) {
        out.put_u8(0);
        out.put_u32_le(self.statement);
        out.put_u16_le(self.columns);
        out.put_u16_le(self.parameters);
        out.put_u8(0);
        out.put_u16_le(self.warnings);
    }
}

/// The type of a parameter as a client declared it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterType {
    /// The type byte.
    pub column_type: u8,
    /// Whether an integer is unsigned.
    pub unsigned: bool,
}

/// A parameter's value in an EXECUTE, or the note that it was sent as long data before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound<'a> {
    /// A value.
    Value(Value<'a>),
    /// Sent by `COM_STMT_SEND_LONG_DATA`; the packet holds nothing.
    LongData,
}

/// A `COM_STMT_EXECUTE` packet, read as far as the parameters.
#[derive(Debug, Clone, Copy)]
pub struct ExecuteRequest<'a> {
    /// The statement.
    pub statement: u32,
    /// Cursor flags; 0 for none.
    pub cursor: u8,
    parameters: u16,
    nulls: &'a [u8],
    types: Option<&'a [u8]>,
    values: &'a [u8],
}

/// Bytes from the command byte to the NULL bitmap: command, id, flags, iteration count.
const FIXED: usize = 1 + 4 + 1 + 4;

impl<'a> ExecuteRequest<'a> {
    /// Reads an EXECUTE of a statement with `parameters` parameters.
    ///
    /// # Errors
    /// [`ProtocolError::Truncated`] for a packet that ends early.
    pub fn parse(payload: &'a [u8], parameters: u16) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(payload);
        reader.u8()?;
        let statement = reader.u32()?;
        let cursor = reader.u8()?;
        reader.u32()?;
        if parameters == 0 {
            let empty: &[u8] = &[];
            return Ok(Self {
                statement,
                cursor,
                parameters,
                nulls: empty,
                types: None,
                values: empty,
            });
        }
        let nulls = reader.bytes(usize::from(parameters).div_ceil(8))?;
        let types = match reader.u8()? {
            0 => None,
            _ => Some(reader.bytes(usize::from(parameters) * 2)?),
        };
        Ok(Self {
            statement,
            cursor,
            parameters,
            nulls,
            types,
            values: reader.rest(),
        })
    }

    /// The types that this packet declares, or `None` when the client relies on an earlier one.
    #[must_use]
    pub fn types(&self) -> Option<impl Iterator<Item = ParameterType> + use<'a>> {
        self.types.map(|types| {
            types.chunks_exact(2).filter_map(|pair| match *pair {
                [column_type, flags] => Some(ParameterType {
                    column_type,
                    unsigned: flags & 0x80 != 0,
                }),
                _ => None,
            })
        })
    }

    /// Calls `each` with every parameter in order; `types` are the declared or remembered ones and
    /// `is_long(index)` says which were sent as long data.
    ///
    /// # Errors
    /// [`ProtocolError`] when a value does not fit its type or the packet.
    pub fn each_parameter(
        &self,
        types: &[ParameterType],
        is_long: impl Fn(u16) -> bool,
        mut each: impl FnMut(Bound<'a>),
    ) -> Result<(), ProtocolError> {
        let mut values = Reader::new(self.values);
        for index in 0..self.parameters {
            let at = usize::from(index);
            let null = self
                .nulls
                .get(at / 8)
                .is_some_and(|byte| byte >> (at % 8) & 1 == 1);
            let declared = types.get(at).ok_or(ProtocolError::Truncated)?;
            each(if null {
                Bound::Value(Value::Null)
            } else if is_long(index) {
                Bound::LongData
            } else {
                Bound::Value(Value::read(
                    &mut values,
                    declared.column_type,
                    declared.unsigned,
                )?)
            });
        }
        Ok(())
    }
}

/// The payload with the types put in, for a server session that has not seen them; a packet that
/// declares types already, or needs none, comes back as it is.
///
/// # Errors
/// [`ProtocolError::Truncated`] for a packet that ends before its bitmap.
pub fn execute_types(
    payload: &Bytes,
    parameters: u16,
    types: &[ParameterType],
) -> Result<Bytes, ProtocolError> {
    let bitmap_end = FIXED + usize::from(parameters).div_ceil(8);
    let bound = payload.get(bitmap_end);
    if parameters == 0 || bound.is_some_and(|&flag| flag != 0) {
        return Ok(payload.clone());
    }
    bound.ok_or(ProtocolError::Truncated)?;
    let (head, tail) = payload.split_at(bitmap_end);
    let mut out = BytesMut::with_capacity(payload.len() + types.len() * 2);
    out.put_slice(head);
    out.put_u8(1);
    for ParameterType {
        column_type,
        unsigned,
    } in types
    {
        out.put_slice(&[*column_type, if *unsigned { 0x80 } else { 0 }]);
    }
    out.put_slice(tail.get(1..).unwrap_or_default());
    Ok(out.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mysql_common::constants::ColumnType;
    use proptest::prelude::*;

    const LONG: ParameterType = ParameterType {
        column_type: ColumnType::MYSQL_TYPE_LONG as u8,
        unsigned: false,
    };

    fn execute(types: bool) -> Vec<u8> {
        let mut packet = vec![0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0b10, u8::from(types)];
        if types {
            packet.extend([3, 0, 3, 0]);
        }
        packet.extend((-5_i32).to_le_bytes());
        packet
    }

    #[test]
    fn parameters_are_read_with_declared_and_remembered_types() {
        for declared in [true, false] {
            let packet = execute(declared);
            let request = ExecuteRequest::parse(&packet, 2).unwrap();
            assert_eq!(request.types().is_some(), declared);
            let mut seen = Vec::new();
            request
                .each_parameter(&[LONG, LONG], |_| false, |bound| seen.push(bound))
                .unwrap();
            assert_eq!(
                seen,
                [Bound::Value(Value::Int(-5)), Bound::Value(Value::Null)]
            );
        }
    }

    #[test]
    fn remembered_types_are_put_into_a_packet_that_lacks_them() {
        let packet = Bytes::from(execute(false));
        assert_eq!(
            execute_types(&packet, 2, &[LONG, LONG]).unwrap(),
            execute(true)
        );
        let packet = Bytes::from(execute(true));
        assert_eq!(execute_types(&packet, 2, &[LONG, LONG]).unwrap(), packet);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, parameters in 0_u16..70) {
            if let Ok(request) = ExecuteRequest::parse(&bytes, parameters) {
                let types: Vec<_> = request.types().into_iter().flatten().collect();
                request.each_parameter(&types, |_| false, |_| {}).ok();
            }
            execute_types(&Bytes::from(bytes), parameters, &[]).ok();
        }
    }
}
