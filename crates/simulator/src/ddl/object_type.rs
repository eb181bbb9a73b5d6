//! Column types in OceanBase's own numbers: object types, accuracy, collations.

use crate::ddl::column_type::{Base, ColumnType};

impl ColumnType {
    /// OceanBase's object type number (`ob_obj_type.h`; the ids that an engine of 4.x reports).
    pub(crate) fn object_type(&self) -> i64 {
        let unsigned = if self.unsigned { 5 } else { 0 };
        match self.base {
            Base::TinyInt => 1 + unsigned,
            Base::SmallInt => 2 + unsigned,
            Base::MediumInt => 3 + unsigned,
            Base::Int => 4 + unsigned,
            Base::BigInt => 5 + unsigned,
            Base::Float => 11 + i64::from(self.unsigned) * 2,
            Base::Double => 12 + i64::from(self.unsigned) * 2,
            Base::Decimal if self.unsigned => 16,
            Base::Decimal => 50,
            Base::DateTime => 53,
            Base::Timestamp => 18,
            Base::Date => 52,
            Base::Time => 20,
            Base::Year => 21,
            Base::VarChar | Base::VarBinary => 22,
            Base::Char | Base::Binary => 23,
            Base::TinyText | Base::TinyBlob => 27,
            Base::Text | Base::Blob => 28,
            Base::MediumText | Base::MediumBlob => 29,
            Base::LongText | Base::LongBlob => 30,
            Base::Bit => 31,
            Base::Enum => 32,
            Base::Set => 33,
            Base::Json => 35,
        }
    }

    /// Length, precision and scale as `__all_virtual_proxy_partition_info` reports them.
    pub(crate) fn accuracy(&self) -> (i64, i64, i64) {
        let length = self.length.map_or(1, i64::from);
        let scale = self.scale.map_or(0, i64::from);
        let fraction = self.length.map_or(0, i64::from);
        let members = || self.members.iter().map(|member| count(member));
        match self.base {
            Base::Enum => (members().max().unwrap_or(0), -1, -1),
            // All of them, with commas between.
            Base::Set => (members().map(|member| member + 1).sum::<i64>() - 1, -1, -1),
            _ if self.is_text() || self.is_bytes() => (length, -1, -1),
            Base::Date => (-1, 10, 0),
            Base::DateTime | Base::Timestamp => (-1, 19 + fraction, fraction),
            Base::Time => (-1, 10 + fraction, fraction),
            Base::Float | Base::Double if self.scale.is_none() => {
                (-1, self.shown_length().map_or(-1, i64::from), -1)
            }
            _ if self.is_integer() => {
                let implied = Self {
                    length: None,
                    ..self.clone()
                };
                (-1, implied.shown_length().map_or(-1, i64::from), 0)
            }
            _ => (-1, self.shown_length().map_or(-1, i64::from), scale),
        }
    }

    /// The collation's number, with the database's default `utf8mb4_general_ci`.
    pub(crate) fn collation_number(&self) -> i64 {
        if !self.is_text() {
            return 63;
        }
        let named = self.collation.as_deref().or(self.charset.as_deref());
        let known = named.and_then(|name| COLLATIONS.iter().find(|(known, _)| *known == name));
        known.map_or(45, |(_, number)| *number)
    }
}

/// Collations, and character sets with the number of their default one
/// (`information_schema.COLLATIONS` of OceanBase and MySQL).
const COLLATIONS: [(&str, i64); 42] = [
    ("utf8mb4", 45),
    ("utf8mb4_general_ci", 45),
    ("utf8mb4_bin", 46),
    ("utf8mb4_unicode_ci", 224),
    ("utf8mb4_czech_ci", 234),
    ("utf8mb4_croatian_ci", 245),
    ("utf8mb4_unicode_520_ci", 246),
    ("utf8mb4_vietnamese_ci", 247),
    ("utf8mb4_0900_ai_ci", 255),
    ("utf8mb4_0900_as_cs", 278),
    ("utf8mb4_0900_as_ci", 305),
    ("utf8mb4_0900_bin", 309),
    ("utf8", 45),
    ("utf8_general_ci", 45),
    ("utf8_bin", 46),
    ("utf8_unicode_ci", 224),
    ("utf8mb3", 45),
    ("utf8mb3_general_ci", 45),
    ("utf8mb3_bin", 46),
    ("binary", 63),
    ("latin1", 8),
    ("latin1_swedish_ci", 8),
    ("latin1_bin", 47),
    ("ascii", 11),
    ("ascii_general_ci", 11),
    ("ascii_bin", 65),
    ("gbk", 28),
    ("gbk_chinese_ci", 28),
    ("gbk_bin", 87),
    ("gb18030", 248),
    ("gb18030_chinese_ci", 248),
    ("gb18030_bin", 249),
    ("utf16", 54),
    ("utf16_general_ci", 54),
    ("utf16_bin", 55),
    ("utf16_unicode_ci", 101),
    ("big5", 1),
    ("big5_chinese_ci", 1),
    ("big5_bin", 84),
    ("sjis", 13),
    ("sjis_japanese_ci", 13),
    ("sjis_bin", 88),
];

fn count(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}
