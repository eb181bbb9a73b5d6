//! Names as the statement spells them, and references made of names.

use core::fmt;

/// An identifier in the statement's own bytes.
#[derive(Clone, Copy, Default)]
pub struct Name<'a> {
    /// With the quotes, if it has some.
    written: &'a [u8],
}

impl<'a> Name<'a> {
    /// A bare word, or a name with the quotes around it.
    pub(crate) const fn new(written: &'a [u8]) -> Self {
        Self { written }
    }

    /// The quote and the bytes between two of them; none for a bare word, which starts with no quote.
    const fn quoted(&self) -> Option<(u8, &'a [u8])> {
        match self.written {
            [quote @ (b'`' | b'"' | b'\''), body @ .., _] => Some((*quote, body)),
            _ => None,
        }
    }

    /// Whether the name stood in quotes (a quoted name is never a keyword).
    #[must_use]
    pub const fn is_quoted(&self) -> bool {
        self.quoted().is_some()
    }

    /// The name's bytes, or `None` when a doubled quote inside must be decoded first.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self.quoted() {
            None => Some(self.written),
            Some((quote, body)) => (!body.contains(&quote)).then_some(body),
        }
    }

    /// The name's bytes, each doubled quote read as one.
    #[must_use]
    pub const fn decoded(&self) -> Decoded<'a> {
        match self.quoted() {
            None => Decoded {
                rest: self.written,
                quote: None,
            },
            Some((quote, body)) => Decoded {
                rest: body,
                quote: Some(quote),
            },
        }
    }

    /// Whether the decoded name equals `other` without regard to ASCII case.
    #[must_use]
    pub fn eq_ignore_case(&self, other: &str) -> bool {
        self.eq_bytes_ignore_case(other.as_bytes())
    }

    /// As [`Self::eq_ignore_case`], for bytes in the statement's character set.
    #[must_use]
    pub fn eq_bytes_ignore_case(&self, other: &[u8]) -> bool {
        match self.as_bytes() {
            Some(bytes) => bytes.eq_ignore_ascii_case(other),
            None => self
                .decoded()
                .map(|b| b.to_ascii_lowercase())
                .eq(other.iter().map(u8::to_ascii_lowercase)),
        }
    }

    /// Whether two names are the same without regard to ASCII case and quoting.
    #[must_use]
    pub fn same(&self, other: &Name<'_>) -> bool {
        match other.as_bytes() {
            Some(bytes) => self.eq_bytes_ignore_case(bytes),
            None => self
                .decoded()
                .map(|b| b.to_ascii_lowercase())
                .eq(other.decoded().map(|b| b.to_ascii_lowercase())),
        }
    }

    /// Writes the decoded name to the front of `out` and returns its length in bytes, or `None` when
    /// `out` is too short (64 characters is the server's limit for a name).
    #[must_use]
    pub fn write_to(&self, out: &mut [u8]) -> Option<usize> {
        let mut length = 0;
        for byte in self.decoded() {
            *out.get_mut(length)? = byte;
            length += 1;
        }
        Some(length)
    }
}

impl PartialEq for Name<'_> {
    /// Byte equality of the decoded names, case included.
    fn eq(&self, other: &Self) -> bool {
        self.decoded().eq(other.decoded())
    }
}

impl Eq for Name<'_> {}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.quoted().map_or(self.written, |(_, body)| body);
        write!(f, "\"{}\"", bytes.escape_ascii())
    }
}

/// The decoded bytes of a [`Name`].
#[derive(Clone, Debug)]
pub struct Decoded<'a> {
    rest: &'a [u8],
    /// The quote around the name, which is doubled inside.
    quote: Option<u8>,
}

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&byte, mut rest) = self.rest.split_first()?;
        if self.quote == Some(byte) {
            // A trail byte that looks like the quote stands alone or before a pair; either way the count of
            // quote bytes comes out right, so the character set need not be known here.
            if let Some((&again, after)) = rest.split_first()
                && again == byte
            {
                rest = after;
            }
        }
        self.rest = rest;
        Some(byte)
    }
}

/// A table as named in a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableRef<'a> {
    /// The database before the dot.
    pub database: Option<Name<'a>>,
    /// The table's own name.
    pub name: Name<'a>,
    /// The alias that conditions may use instead of the name.
    pub alias: Option<Name<'a>>,
}

/// A column as named in a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnRef<'a> {
    /// The table or alias before the dot (the database of `db.t.c` is accepted and dropped).
    pub table: Option<Name<'a>>,
    /// The column's own name.
    pub column: Name<'a>,
}
