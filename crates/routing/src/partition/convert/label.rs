//! Literals into ENUM and SET columns.

use super::number::Cut;
use crate::partition::column::{ColumnType, KeyColumn};
use crate::partition::operand::{Intent, Operand};
use crate::partition::text::{Collation, Text};
use std::borrow::Cow;

/// The number that the column stores: a label's place from 1 on, or a bit for every member of a set.
/// `None` when that is not certain: for a string where the labels are not known.
pub(super) fn number(operand: &Operand<'_>, column: &KeyColumn, intent: Intent) -> Option<u64> {
    if let Operand::Text { bytes, encoding } = operand {
        let labels = column.labels.as_ref()?;
        let from = encoding.or_else(|| bytes.is_ascii().then_some(labels.collation.encoding()))?;
        let text = from.transcode(bytes.clone(), labels.collation.encoding())?;
        let found = if column.column_type == ColumnType::Set {
            members(&text, labels, intent)
        } else {
            labels.place(&text)
        };
        if found.is_some() {
            return found;
        }
    }
    let most = match (column.column_type, &column.labels) {
        (ColumnType::Set, Some(labels)) => u64::MAX >> 64_usize.checked_sub(labels.texts.len())?,
        (ColumnType::Enum, Some(labels)) => labels.texts.len() as u64,
        _ => u64::MAX,
    };
    if let (Operand::Digits { .. }, _) | (Operand::Text { .. }, None) = (operand, &column.labels) {
        return None;
    }
    let number = Cut::new(operand, 0)?.rounded().to_i128()?;
    let number = u64::try_from(number).ok()?;
    let least = u64::from(column.column_type == ColumnType::Enum);
    (least..=most).contains(&number).then_some(number)
}

/// The labels of an ENUM or SET column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Labels {
    /// Their collation.
    pub(crate) collation: Collation,
    /// The labels in their order.
    pub(crate) texts: Vec<Text<'static>>,
}

impl Labels {
    /// The place of a label, from 1.
    fn place(&self, text: &[u8]) -> Option<u64> {
        let text = Text::new(Cow::Borrowed(text), self.collation)?;
        let at = self.texts.iter().position(|label| *label == text)?;
        u64::try_from(at + 1).ok()
    }
}

/// A comparison is one of texts: it finds the members in the order of the definition alone.
fn members(text: &[u8], labels: &Labels, intent: Intent) -> Option<u64> {
    if text.is_empty() {
        return Some(0);
    }
    let mut set = 0;
    for member in text.split(|&byte| byte == b',') {
        let place = labels.place(member)?;
        let member = 1_u64.checked_shl(u32::try_from(place - 1).ok()?)?;
        if intent == Intent::Compare && member <= set {
            return None;
        }
        set |= member;
    }
    Some(set)
}
