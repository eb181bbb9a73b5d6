//! Decodes the body of a string literal.

use crate::charset::Charset;

/// Whether a backslash escapes (`sql_mode` without or with `NO_BACKSLASH_ESCAPES`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backslash {
    /// A backslash escapes the character behind it.
    Escapes,
    /// A backslash is a character like any other.
    IsPlain,
}

/// Iterator over the decoded bytes of a string body.
#[derive(Clone, Debug)]
pub struct Unescape<'a> {
    rest: &'a [u8],
    quote: u8,
    charset: Charset,
    backslash: Backslash,
    /// Bytes of the current character still to hand out unread.
    plain: usize,
}

impl<'a> Unescape<'a> {
    /// Decodes `body`, the bytes between two `quote`s.
    #[must_use]
    pub const fn new(body: &'a [u8], quote: u8, charset: Charset, backslash: Backslash) -> Self {
        Self {
            rest: body,
            quote,
            charset,
            backslash,
            plain: 0,
        }
    }
}

impl Iterator for Unescape<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        if self.plain > 0 {
            self.plain -= 1;
            self.rest = rest;
            return Some(byte);
        }
        if byte >= 0x80 {
            self.plain = self.charset.width(self.rest) - 1;
            self.rest = rest;
            return Some(byte);
        }
        let next = rest.first().copied();
        if byte == self.quote && next == Some(self.quote) {
            self.rest = rest.get(1..).unwrap_or_default();
            return Some(byte);
        }
        if byte == b'\\' && self.backslash == Backslash::Escapes {
            let Some(escaped) = next else {
                self.rest = rest;
                return Some(byte);
            };
            if escaped == b'%' || escaped == b'_' {
                // Only LIKE reads these two; elsewhere the backslash stays (MySQL manual, String Literals).
                self.plain = 1;
                self.rest = rest;
                return Some(byte);
            }
            self.plain = self.charset.width(rest) - 1;
            self.rest = rest.get(1..).unwrap_or_default();
            return Some(match escaped {
                b'0' => 0,
                b'b' => 8,
                b't' => b'\t',
                b'n' => b'\n',
                b'r' => b'\r',
                b'Z' => 26,
                other => other,
            });
        }
        self.rest = rest;
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::{Backslash, Unescape};
    use crate::Charset;

    fn decode(body: &[u8], charset: Charset, backslash: Backslash) -> Vec<u8> {
        Unescape::new(body, b'\'', charset, backslash).collect()
    }

    #[test]
    fn escapes_are_decoded_as_the_manual_lists_them() {
        let cases: [(&[u8], &[u8]); 8] = [
            (b"plain", b"plain"),
            (b"it''s", b"it's"),
            (b"it\\'s", b"it's"),
            (b"\\0\\b\\t\\n\\r\\Z", b"\0\x08\t\n\r\x1A"),
            (b"\\\\n", b"\\n"),
            (b"\\%\\_", b"\\%\\_"),
            (b"\\q\"\"", b"q\"\""),
            (b"end\\", b"end\\"),
        ];
        for (body, expected) in cases {
            assert_eq!(decode(body, Charset::Utf8, Backslash::Escapes), expected);
        }
    }

    #[test]
    fn a_plain_backslash_stays() {
        assert_eq!(
            decode(b"a\\nb''", Charset::Utf8, Backslash::IsPlain),
            b"a\\nb'"
        );
    }

    #[test]
    fn a_trail_byte_escapes_nothing() {
        let body = b"\x95\x5Cn\\n";
        assert_eq!(
            decode(body, Charset::Gbk, Backslash::Escapes),
            b"\x95\x5Cn\n"
        );
        assert_eq!(decode(body, Charset::Utf8, Backslash::Escapes), b"\x95\n\n");
    }
}
