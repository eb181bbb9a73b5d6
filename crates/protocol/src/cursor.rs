//! A cursor over bytes that cannot overrun, and its writing twins.

use bytes::BufMut;

/// The bytes ended before the value did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a packet ends before its contents do")]
pub struct Truncated;

/// Reads little-endian and length-encoded values from the front of a slice.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor at the front of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Truncated> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Truncated> {
        self.array::<1>().map(u8::from_le_bytes)
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16, Truncated> {
        self.array().map(u16::from_le_bytes)
    }

    /// Three bytes.
    pub fn u24(&mut self) -> Result<u32, Truncated> {
        let [a, b, c] = self.array()?;
        Ok(u32::from_le_bytes([a, b, c, 0]))
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, Truncated> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, Truncated> {
        self.array().map(u64::from_le_bytes)
    }

    /// A length-encoded integer; NULL (`0xFB`) and the reserved `0xFF` count as truncated.
    pub fn lenenc_int(&mut self) -> Result<u64, Truncated> {
        match self.u8()? {
            short @ 0..=0xFA => Ok(u64::from(short)),
            0xFC => self.u16().map(u64::from),
            0xFD => self.u24().map(u64::from),
            0xFE => self.u64(),
            _ => Err(Truncated),
        }
    }

    /// A length-encoded string.
    pub fn lenenc_bytes(&mut self) -> Result<&'a [u8], Truncated> {
        let length = self.lenenc_int()?;
        self.bytes(usize::try_from(length).map_err(|_| Truncated)?)
    }

    /// A string that ends in a zero byte, without that byte.
    pub fn nul_terminated(&mut self) -> Result<&'a [u8], Truncated> {
        let end = memchr::memchr(0, self.rest).ok_or(Truncated)?;
        let text = self.bytes(end)?;
        self.u8()?;
        Ok(text)
    }
}

/// Writes a length-encoded integer.
pub fn put_lenenc_int(out: &mut impl BufMut, value: u64) {
    let bytes = value.to_le_bytes();
    match value {
        0..=0xFA => out.put_u8(bytes[0]),
        0xFB..=0xFFFF => {
            out.put_u8(0xFC);
            out.put_slice(&bytes[..2]);
        }
        0x1_0000..=0xFF_FFFF => {
            out.put_u8(0xFD);
            out.put_slice(&bytes[..3]);
        }
        _ => {
            out.put_u8(0xFE);
            out.put_slice(&bytes);
        }
    }
}

/// Writes a length-encoded string.
pub fn put_lenenc_bytes(out: &mut impl BufMut, bytes: &[u8]) {
    put_lenenc_int(out, bytes.len() as u64);
    out.put_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn length_encoded_values_come_back(value: u64, bytes: Vec<u8>) {
            let mut out = Vec::new();
            put_lenenc_int(&mut out, value);
            put_lenenc_bytes(&mut out, &bytes);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.lenenc_int(), Ok(value));
            prop_assert_eq!(reader.lenenc_bytes(), Ok(&bytes[..]));
            prop_assert!(reader.is_empty());
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_truncated() {
        assert_eq!(
            Reader::new(&[0xFE, 255, 255, 255, 255, 255, 255, 255, 255, 1]).lenenc_bytes(),
            Err(Truncated)
        );
        assert_eq!(Reader::new(b"abc").nul_terminated(), Err(Truncated));
    }
}
