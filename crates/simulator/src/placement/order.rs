//! How key values compare with the bounds of partitions.

use super::compute::KeyValue;
use crate::catalogue::{Part, Table};
use crate::ddl::definition::{Bound, Level};
use std::cmp::Ordering;

/// Whether texts compare here as in their collation: all in one by code point, ASCII alone in the others
/// that are known.
pub(super) fn order_is_known(
    table: &Table,
    level: &Level,
    parts: &[Part],
    key: &[KeyValue],
) -> bool {
    let known = |at: usize, text: &str| {
        let column = level.columns.get(at);
        let column = column.and_then(|name| table.definition.column(name));
        let collation = column.map_or(0, |column| column.column_type.collation_number());
        let is_ascii = matches!(collation, 8 | 11 | 28 | 45 | 47 | 65 | 87) && text.is_ascii();
        // What is below a blank sorts before the end of a text.
        (collation == 46 || is_ascii) && !text.contains(|c: char| c < ' ' || c == '~')
    };
    let bounds = parts.iter().flat_map(|part| &part.bounds);
    let mut bounds = bounds.flat_map(|tuple| tuple.iter().enumerate());
    let mut keys = key.iter().enumerate();
    keys.all(|(at, value)| !matches!(value, KeyValue::Text(text, _) if !known(at, text)))
        && bounds.all(|(at, bound)| {
            // The values of a list over one column stand side by side.
            let at = at.min(key.len() - 1);
            let is_text = matches!(key.get(at), Some(KeyValue::Text(..)));
            !matches!(bound, Bound::Text(text) if is_text && !known(at, text))
        })
}

pub(super) fn is_below(key: &[KeyValue], bound: &[Bound]) -> bool {
    for (value, bound) in key.iter().zip(bound) {
        match compare(value, bound) {
            Ordering::Less => return true,
            Ordering::Greater => return false,
            Ordering::Equal => {}
        }
    }
    false
}

fn compare(value: &KeyValue, bound: &Bound) -> Ordering {
    match (value, bound) {
        (KeyValue::Null, Bound::Null) => Ordering::Equal,
        (_, Bound::Max) | (KeyValue::Null, _) => Ordering::Less,
        (KeyValue::Number(value), Bound::Number(bound)) => value.cmp(bound),
        (KeyValue::Text(value, ignores_case), Bound::Text(bound)) => {
            let fold = |text: &str| {
                let text = text.trim_end_matches(' ');
                if *ignores_case {
                    text.to_uppercase()
                } else {
                    text.to_owned()
                }
            };
            fold(value).cmp(&fold(bound))
        }
        _ => Ordering::Greater,
    }
}

pub(super) fn list_index(parts: &[Part], key: &[KeyValue]) -> Option<usize> {
    let equal = |tuple: &[Bound]| {
        tuple.len() == key.len()
            && key
                .iter()
                .zip(tuple)
                .all(|(value, bound)| compare(value, bound) == Ordering::Equal)
    };
    let holds = |part: &Part| {
        part.bounds.iter().any(|tuple| {
            let single = key.len() == 1;
            if single {
                tuple.chunks(1).any(equal)
            } else {
                equal(tuple)
            }
        })
    };
    let is_default = |part: &Part| part.bounds.iter().any(|tuple| tuple.contains(&Bound::Max));
    parts
        .iter()
        .position(holds)
        .or_else(|| parts.iter().position(is_default))
}
