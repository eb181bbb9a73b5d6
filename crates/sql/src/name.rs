//! Names as the statement spells them, and references made of names.

use core::fmt;

/// An identifier in the statement's own bytes.
#[derive(Clone, Copy, Default)]
pub struct Name<'a> {
    raw: &'a [u8],
    /// The quote character, 0 for a bare word.
    quote: u8,
    doubled: bool,
}

impl<'a> Name<'a> {
    /// A bare word.
    pub(crate) const fn bare(raw: &'a [u8]) -> Self {
        Self {
            raw,
            quote: 0,
            doubled: false,
        }
    }

    /// The bytes between two quotes, in which the quote may be doubled.
    pub(crate) fn quoted(raw: &'a [u8], quote: u8) -> Self {
        Self {
            raw,
            quote,
            doubled: memchr::memchr(quote, raw).is_some(),
        }
    }

    /// Whether the name stood in quotes (a quoted name is never a keyword).
    #[must_use]
    pub const fn is_quoted(&self) -> bool {
        self.quote != 0
    }

    /// The name's bytes, or `None` when a doubled quote inside must be decoded first.
    #[must_use]
    pub const fn as_bytes(&self) -> Option<&'a [u8]> {
        if self.doubled { None } else { Some(self.raw) }
    }

    /// The name's bytes, each doubled quote read as one.
    #[must_use]
    pub const fn decoded(&self) -> Decoded<'a> {
        Decoded {
            rest: self.raw,
            quote: self.quote,
            doubled: self.doubled,
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
        write!(f, "\"{}\"", self.raw.escape_ascii())
    }
}

/// The decoded bytes of a [`Name`].
#[derive(Clone, Debug)]
pub struct Decoded<'a> {
    rest: &'a [u8],
    quote: u8,
    doubled: bool,
}

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&byte, mut rest) = self.rest.split_first()?;
        if self.doubled && byte == self.quote {
            // A trail byte that looks like the quote stands alone or before a pair; either way the count of
            // quote bytes comes out right, so the character set need not be known here.
            if let Some((&again, after)) = rest.split_first()
                && again == self.quote
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
