//! Literals into ENUM and SET columns.

use super::Converted;
use super::number::Cut;
use crate::partition::column::{ColumnType, KeyColumn};
use crate::partition::operand::{Intent, Operand};
use crate::partition::text::{Collation, Text};
use crate::partition::value::Value;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cmp::Ordering;

/// The number that the column stores: a label's place from 1 on, or a bit for every member of a set.
/// `None` when that is not certain: for a string where the labels are not known.
pub(super) fn convert<'a>(
    operand: &Operand<'_>,
    column: &KeyColumn,
    intent: Intent,
) -> Option<Converted<'a>> {
    let exact = |number| Converted::exact(Value::Uint(number));
    let compares = intent == Intent::Compare;
    if let Operand::Text { bytes, encoding } = operand {
        let labels = column.labels.as_ref()?;
        let from = encoding.or_else(|| bytes.is_ascii().then_some(labels.collation.encoding()))?;
        let text = from.transcode(bytes.clone(), labels.collation.encoding())?;
        if column.column_type == ColumnType::Enum {
            // A comparison does not fill up with spaces.
            let padded = compares && text.ends_with(b" ");
            if let Some(place) = labels.place(&text).filter(|_| !padded) {
                return Some(exact(place));
            }
        } else if let Some(members) = labels.members(&text) {
            // A comparison is one of texts: the column's text has the members in their own order.
            let order = match intent {
                Intent::Compare if !members.in_order => Ordering::Greater,
                _ => Ordering::Equal,
            };
            return Some(Converted {
                value: Value::Uint(members.set),
                order,
            });
        }
    }
    if compares && matches!(operand, Operand::Text { .. }) {
        return Some(Converted {
            value: Value::Uint(0),
            order: Ordering::Less,
        });
    }
    let most = match (column.column_type, &column.labels) {
        (ColumnType::Set, Some(labels)) => u64::MAX >> 64_usize.checked_sub(labels.texts.len())?,
        (ColumnType::Enum, Some(labels)) => labels.texts.len() as u64,
        _ => u64::MAX,
    };
    if let Operand::Digits { .. } = operand {
        return None;
    }
    let number = Cut::new(operand, 0)?;
    let number = match intent {
        Intent::Store => number.truncated(),
        Intent::Compare => number.rounded(),
    };
    let number = number.to_i128()?;
    let number = u64::try_from(number).ok()?;
    let least = u64::from(column.column_type == ColumnType::Enum);
    (least..=most).contains(&number).then(|| exact(number))
}

/// The labels of an ENUM or SET column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

    fn members(&self, text: &[u8]) -> Option<Members> {
        let mut members = Members {
            set: 0,
            in_order: true,
        };
        if text.is_empty() {
            return Some(members);
        }
        for member in text.split(|&byte| byte == b',') {
            let bit = 1_u64.checked_shl(u32::try_from(self.place(member)? - 1).ok()?)?;
            members.in_order &= bit > members.set;
            members.set |= bit;
        }
        Some(members)
    }
}

/// The members that a string names.
struct Members {
    /// A bit for each.
    set: u64,
    /// Whether they are in the order of the definition, each once.
    in_order: bool,
}
