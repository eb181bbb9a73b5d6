//! Column types: as MySQL writes them, as SQLite stores them, as OceanBase numbers them.

#![expect(
    clippy::format_push_string,
    reason = "writing into a String cannot fail, so there is no result to swallow"
)]

use crate::cursor::Cursor;
use crate::error::SqlError;
use crate::lexer::Kind;
use serde::{Deserialize, Serialize};

/// The kind of a column type, without length and attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Base {
    TinyInt,
    SmallInt,
    MediumInt,
    Int,
    BigInt,
    Float,
    Double,
    Decimal,
    Bit,
    Year,
    Date,
    Time,
    DateTime,
    Timestamp,
    Char,
    VarChar,
    Binary,
    VarBinary,
    TinyText,
    Text,
    MediumText,
    LongText,
    TinyBlob,
    Blob,
    MediumBlob,
    LongBlob,
    Enum,
    Set,
    Json,
}

/// Every base with its MySQL name; the name that comes first is the canonical one.
const NAMES: [(&str, Base); 37] = [
    ("tinyint", Base::TinyInt),
    ("smallint", Base::SmallInt),
    ("mediumint", Base::MediumInt),
    ("int", Base::Int),
    ("bigint", Base::BigInt),
    ("float", Base::Float),
    ("double", Base::Double),
    ("decimal", Base::Decimal),
    ("bit", Base::Bit),
    ("year", Base::Year),
    ("date", Base::Date),
    ("time", Base::Time),
    ("datetime", Base::DateTime),
    ("timestamp", Base::Timestamp),
    ("char", Base::Char),
    ("varchar", Base::VarChar),
    ("binary", Base::Binary),
    ("varbinary", Base::VarBinary),
    ("tinytext", Base::TinyText),
    ("text", Base::Text),
    ("mediumtext", Base::MediumText),
    ("longtext", Base::LongText),
    ("tinyblob", Base::TinyBlob),
    ("blob", Base::Blob),
    ("mediumblob", Base::MediumBlob),
    ("longblob", Base::LongBlob),
    ("enum", Base::Enum),
    ("set", Base::Set),
    ("json", Base::Json),
    ("integer", Base::Int),
    ("bool", Base::TinyInt),
    ("boolean", Base::TinyInt),
    ("numeric", Base::Decimal),
    ("dec", Base::Decimal),
    ("real", Base::Double),
    ("character", Base::Char),
    ("nvarchar", Base::VarChar),
];

/// A column type with its length and attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnType {
    pub(crate) base: Base,
    /// Length or precision.
    pub(crate) length: Option<u32>,
    /// Digits behind the point, or of fractional seconds.
    pub(crate) scale: Option<u32>,
    pub(crate) unsigned: bool,
    pub(crate) charset: Option<String>,
    pub(crate) collation: Option<String>,
    /// The members of an ENUM or SET.
    pub(crate) members: Vec<String>,
}

impl ColumnType {
    /// A type without length or attributes.
    pub(crate) fn plain(base: Base) -> Self {
        Self {
            base,
            length: None,
            scale: None,
            unsigned: false,
            charset: None,
            collation: None,
            members: Vec::new(),
        }
    }

    /// Reads a type with its attributes (`bigint(20) unsigned`, `varchar(64) character set utf8`).
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, SqlError> {
        let at = *cursor;
        let word = cursor.name()?.to_ascii_lowercase();
        let found = NAMES.iter().find(|(name, _)| *name == word);
        let mut parsed = Self::plain(found.map(|(_, base)| *base).ok_or_else(|| at.error())?);
        if word == "double" {
            cursor.accept("precision");
        }
        if word.starts_with("bool") {
            parsed.length = Some(1);
        }
        if cursor.sees_symbol("(") {
            parsed.parse_length(&mut cursor.brackets()?)?;
        }
        parsed.parse_attributes(cursor)?;
        Ok(parsed)
    }

    fn parse_length(&mut self, inside: &mut Cursor<'_>) -> Result<(), SqlError> {
        if matches!(self.base, Base::Enum | Base::Set) {
            while !inside.at_end() {
                self.members.push(inside.scalar()?);
                inside.accept_symbol(",");
            }
            return Ok(());
        }
        self.length = Some(inside.number()?);
        if inside.accept_symbol(",") {
            self.scale = Some(inside.number()?);
        }
        Ok(())
    }

    fn parse_attributes(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        loop {
            if cursor.accept("unsigned") || cursor.accept("zerofill") {
                self.unsigned = true;
            } else if cursor.accept("charset") || cursor.accept_all(&["character", "set"]) {
                self.charset = Some(cursor.scalar()?.to_ascii_lowercase());
            } else if cursor.accept("collate") {
                self.collation = Some(cursor.scalar()?.to_ascii_lowercase());
            } else if !(cursor.accept("signed") || cursor.accept("binary")) {
                return Ok(());
            }
        }
    }

    /// Whether values are whole numbers.
    pub(crate) fn is_integer(&self) -> bool {
        use Base::{BigInt, Int, MediumInt, SmallInt, TinyInt, Year};
        matches!(
            self.base,
            TinyInt | SmallInt | MediumInt | Int | BigInt | Year
        )
    }

    /// Whether values are text in a character set.
    pub(crate) fn is_text(&self) -> bool {
        use Base::{Char, Enum, LongText, MediumText, Set, Text, TinyText, VarChar};
        matches!(
            self.base,
            Char | VarChar | TinyText | Text | MediumText | LongText | Enum | Set
        )
    }

    /// Whether values are bytes.
    pub(crate) fn is_bytes(&self) -> bool {
        use Base::{Binary, Blob, LongBlob, MediumBlob, TinyBlob, VarBinary};
        matches!(
            self.base,
            Binary | VarBinary | TinyBlob | Blob | MediumBlob | LongBlob
        )
    }

    /// The name as MySQL's `SHOW` prints it.
    pub(crate) fn name(&self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, base)| *base == self.base)
            .map_or("text", |(name, _)| name)
    }

    /// The full type as `SHOW COLUMNS` prints it.
    pub(crate) fn display(&self) -> String {
        let mut text = self.name().to_owned();
        if !self.members.is_empty() {
            let members: Vec<String> = self
                .members
                .iter()
                .map(|member| format!("'{}'", member.replace('\'', "''")))
                .collect();
            text.push_str(&format!("({})", members.join(",")));
        } else if let Some(length) = self.shown_length() {
            match self.shown_scale() {
                Some(scale) => text.push_str(&format!("({length},{scale})")),
                None => text.push_str(&format!("({length})")),
            }
        }
        if self.unsigned {
            text.push_str(" unsigned");
        }
        text
    }

    pub(super) fn shown_length(&self) -> Option<u32> {
        let implied = match self.base {
            Base::TinyInt => Some(if self.unsigned { 3 } else { 4 }),
            Base::SmallInt => Some(if self.unsigned { 5 } else { 6 }),
            Base::MediumInt => Some(if self.unsigned { 8 } else { 9 }),
            Base::Int => Some(if self.unsigned { 10 } else { 11 }),
            Base::BigInt => Some(20),
            Base::Decimal => Some(10),
            Base::Char | Base::Binary | Base::Bit => Some(1),
            Base::Year => Some(4),
            _ => None,
        };
        self.length.or(implied)
    }

    fn shown_scale(&self) -> Option<u32> {
        if self.base == Base::Decimal {
            Some(self.scale.unwrap_or(0))
        } else {
            self.scale
        }
    }

    /// The declared type in SQLite: chosen for its affinity, and readable by [`Self::from_declared`].
    pub(crate) fn declared(&self) -> String {
        let name = match self.base {
            Base::Binary | Base::VarBinary | Base::TinyBlob | Base::MediumBlob | Base::LongBlob => {
                format!("BLOB {}", self.name())
            }
            Base::Enum | Base::Json => format!("TEXT {}", self.name()),
            // SET alone is a keyword of SQLite.
            Base::Set => "TEXT set_of".to_owned(),
            _ => self.name().to_owned(),
        };
        let unsigned = if self.unsigned { " unsigned" } else { "" };
        match (self.is_integer(), self.length, self.scale) {
            (false, Some(length), Some(scale)) => format!("{name}{unsigned}({length},{scale})"),
            (false, Some(length), None) => format!("{name}{unsigned}({length})"),
            _ => format!("{name}{unsigned}"),
        }
        .to_ascii_uppercase()
    }

    /// Reads a declared type of SQLite back; `INTEGER` marks a column with `AUTO_INCREMENT`.
    pub(crate) fn from_declared(declared: &str) -> Option<Self> {
        if declared == "INTEGER" {
            return Some(Self::plain(Base::BigInt));
        }
        let lower = declared.to_ascii_lowercase();
        let typed = lower
            .strip_prefix("blob ")
            .or_else(|| lower.strip_prefix("text "))
            .unwrap_or(&lower)
            .to_owned();
        let (words, lengths) = match typed.split_once('(') {
            Some((words, lengths)) => (words, lengths.trim_end_matches(')')),
            None => (typed.as_str(), ""),
        };
        let mut parts = words.split_whitespace();
        let name = parts.next()?.trim_end_matches("_of");
        let base = NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, base)| *base)?;
        let mut numbers = lengths.split(',').map(|number| number.trim().parse().ok());
        let mut parsed = Self::plain(base);
        parsed.unsigned = parts.next() == Some("unsigned");
        parsed.length = numbers.next().flatten();
        parsed.scale = numbers.next().flatten();
        Some(parsed)
    }

    /// Whether equality of text ignores case.
    pub(crate) fn ignores_case(&self) -> bool {
        self.is_text() && !matches!(self.collation_number(), 46 | 47 | 63 | 87)
    }

    /// The least and greatest whole number, for a type of whole numbers up to 63 bits.
    pub(crate) fn integer_range(&self) -> Option<(i64, i64)> {
        let bits = match self.base {
            Base::TinyInt => 8,
            Base::SmallInt => 16,
            Base::MediumInt => 24,
            Base::Int => 32,
            _ => return None,
        };
        let (half, full) = (1_i64 << (bits - 1), 1_i64 << bits);
        Some(if self.unsigned {
            (0, full - 1)
        } else {
            (-half, half - 1)
        })
    }
}

/// The text of a literal token as a MySQL default value would hold it.
pub(crate) fn literal_text(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Text(text) | Kind::Blob(text) => Some(String::from_utf8_lossy(text).into_owned()),
        Kind::Number(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::lex;

    fn parse(text: &str) -> ColumnType {
        let lexed = lex(text.as_bytes()).unwrap();
        ColumnType::parse(&mut Cursor::new(text.as_bytes(), &lexed.tokens)).unwrap()
    }

    #[test]
    fn a_type_survives_its_declaration_in_sqlite() {
        for (mysql, declared) in [
            ("bigint(20) unsigned", "BIGINT UNSIGNED"),
            ("decimal(10,2)", "DECIMAL(10,2)"),
            ("varchar(64) character set utf8mb4", "VARCHAR(64)"),
            ("varbinary(16)", "BLOB VARBINARY(16)"),
            ("enum('a','b')", "TEXT ENUM"),
            ("datetime(6)", "DATETIME(6)"),
        ] {
            let parsed = parse(mysql);
            assert_eq!(parsed.declared(), declared);
            let back = ColumnType::from_declared(declared).unwrap();
            assert_eq!(
                (back.base, back.unsigned),
                (parsed.base, parsed.unsigned),
                "{mysql}"
            );
        }
    }

    #[test]
    fn types_are_shown_as_mysql_shows_them() {
        for (written, shown) in [
            ("int", "int(11)"),
            ("bigint unsigned", "bigint(20) unsigned"),
            ("decimal(5)", "decimal(5,0)"),
            ("bool", "tinyint(1)"),
            ("enum('a','b')", "enum('a','b')"),
        ] {
            assert_eq!(parse(written).display(), shown);
        }
    }
}
