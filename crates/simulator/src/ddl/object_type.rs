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
            Base::DateTime => 17,
            Base::Timestamp => 18,
            Base::Date => 19,
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
        match self.base {
            _ if self.is_text() || self.is_bytes() => (length, -1, -1),
            Base::Date => (-1, 10, 0),
            Base::DateTime | Base::Timestamp => (-1, 19 + scale + i64::from(scale > 0), scale),
            Base::Time => (-1, 10 + scale, scale),
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
        match (self.collation.as_deref(), self.charset.as_deref()) {
            (Some("utf8mb4_bin" | "utf8_bin"), _) => 46,
            (Some("utf8mb4_unicode_ci"), _) => 224,
            (Some("utf8mb4_0900_ai_ci"), _) => 255,
            (Some("latin1_bin"), _) => 47,
            (Some("latin1_swedish_ci"), _) | (None, Some("latin1")) => 8,
            (Some("gbk_bin"), _) => 87,
            (Some("gbk_chinese_ci"), _) | (None, Some("gbk")) => 28,
            (Some("binary"), _) | (None, Some("binary")) => 63,
            _ => 45,
        }
    }
}
