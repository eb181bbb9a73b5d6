//! Which byte sequences are one character, so that a trail byte is never taken for a quote or a backslash.

/// How the bytes of a statement group into characters, as far as a lexer must know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8 and every other character set whose multi-byte characters hold no ASCII punctuation.
    #[default]
    Utf8,
    /// GBK: trail bytes 0x40..=0x7E and 0x80..=0xFE.
    Gbk,
    /// GB18030: as GBK, and four-byte characters.
    Gb18030,
    /// Big5: trail bytes 0x40..=0x7E and 0xA1..=0xFE.
    Big5,
    /// Shift JIS and cp932: trail bytes 0x40..=0x7E and 0x80..=0xFC; 0xA1..=0xDF stand alone.
    Sjis,
}

impl Charset {
    /// The rules for `collation_connection` (or `character_set_client`'s default collation) by its id.
    ///
    /// Ids are MySQL's `information_schema.COLLATIONS` and, for 216..=222 and 251, `OceanBase`'s
    /// `ObCollationType`. Ids that are not known are ASCII-safe.
    #[must_use]
    pub const fn from_collation(id: u16) -> Self {
        match id {
            1 | 84 => Self::Big5,
            13 | 88 | 95 | 96 => Self::Sjis,
            28 | 87 => Self::Gbk,
            216..=222 | 248..=251 => Self::Gb18030,
            _ => Self::Utf8,
        }
    }

    /// Length in bytes, 1 to 4, of the character at the front of `bytes` (1 for an empty slice).
    /// A byte that starts no well-formed character counts alone, as the server's lexer does.
    pub(crate) fn width(self, bytes: &[u8]) -> usize {
        let [lead, trail, rest @ ..] = bytes else {
            return 1;
        };
        let (lead, trail) = (*lead, *trail);
        match self {
            Self::Utf8 => 1,
            Self::Gbk => {
                1 + usize::from(
                    matches!(lead, 0x81..=0xFE) && matches!(trail, 0x40..=0x7E | 0x80..=0xFE),
                )
            }
            Self::Gb18030 => match (lead, trail, rest) {
                (0x81..=0xFE, 0x40..=0x7E | 0x80..=0xFE, _) => 2,
                (0x81..=0xFE, b'0'..=b'9', [0x81..=0xFE, b'0'..=b'9', ..]) => 4,
                _ => 1,
            },
            Self::Big5 => {
                1 + usize::from(
                    matches!(lead, 0xA1..=0xF9) && matches!(trail, 0x40..=0x7E | 0xA1..=0xFE),
                )
            }
            Self::Sjis => {
                1 + usize::from(
                    matches!(lead, 0x81..=0x9F | 0xE0..=0xFC)
                        && matches!(trail, 0x40..=0x7E | 0x80..=0xFC),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Charset;

    #[test]
    fn collations_lead_to_their_character_set() {
        let cases = [
            (45, Charset::Utf8),
            (28, Charset::Gbk),
            (87, Charset::Gbk),
            (248, Charset::Gb18030),
            (216, Charset::Gb18030),
            (1, Charset::Big5),
            (95, Charset::Sjis),
            (65535, Charset::Utf8),
        ];
        for (id, expected) in cases {
            assert_eq!(Charset::from_collation(id), expected, "{id}");
        }
    }

    #[test]
    fn only_well_formed_characters_are_wide() {
        let cases: [(Charset, &[u8], usize); 9] = [
            (Charset::Utf8, "é".as_bytes(), 1),
            (Charset::Gbk, b"\x81\x5C", 2),
            (Charset::Gbk, b"\x81'", 1),
            (Charset::Gbk, b"\x81", 1),
            (Charset::Gb18030, b"\x81\x30\x81\x30", 4),
            (Charset::Gb18030, b"\x81\x30\x20\x30", 1),
            (Charset::Big5, b"\xA1\x5C", 2),
            (Charset::Sjis, b"\xB1\x5C", 1),
            (Charset::Sjis, b"\x83\x5C", 2),
        ];
        for (charset, bytes, expected) in cases {
            assert_eq!(charset.width(bytes), expected, "{charset:?} {bytes:?}");
        }
    }
}
