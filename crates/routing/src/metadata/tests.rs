//! Whatever a server sends, reading it and placing by it does not panic.

use super::*;
use crate::TimeZone;
use crate::partition::operand::{Circumstances, Intent, Operand};
use proptest::prelude::*;
use std::collections::HashMap;

#[derive(Debug, Clone)]
struct Row(HashMap<&'static str, Vec<u8>>);

impl MetadataRow for Row {
    fn get(&self, column: &str) -> Option<&[u8]> {
        self.0.get(column).map(Vec::as_slice)
    }
}

/// A serialised object of a random type, or random bytes.
fn bound() -> impl Strategy<Value = Vec<u8>> {
    let value = prop::collection::vec(any::<u8>(), 0..12);
    let object = (0_u8..54, value.clone()).prop_map(|(kind, value)| {
        let mut bytes = vec![1, kind, 2, 45, 0];
        bytes.extend(value);
        bytes
    });
    prop_oneof![object, value]
}

fn small() -> impl Strategy<Value = Vec<u8>> {
    (-2_i64..60).prop_map(|number| number.to_string().into_bytes())
}

fn row(columns: &'static [&'static str]) -> impl Strategy<Value = Row> {
    let numbers = prop::collection::vec(small(), columns.len());
    let names = prop::sample::select(vec![
        "a", "b", "a,b", "", "year(a)", "a+1", "`a`", "mod(a,0)",
    ]);
    (numbers, bound(), names.clone(), names).prop_map(move |(numbers, bound, first, second)| {
        let mut fields: HashMap<_, _> = columns.iter().copied().zip(numbers).collect();
        fields.insert("high_bound_val_bin", bound.clone());
        fields.insert(
            "part_key_default_value",
            bound.get(1..).unwrap_or_default().to_vec(),
        );
        fields.insert("part_expr", first.as_bytes().to_vec());
        fields.insert("sub_part_expr", second.as_bytes().to_vec());
        fields.insert("part_key_name", b"a".to_vec());
        Row(fields)
    })
}

const INFO: &[&str] = &[
    "part_level",
    "part_type",
    "sub_part_type",
    "part_key_type",
    "part_key_idx",
    "part_key_level",
    "part_key_collation_type",
    "part_key_length",
    "part_key_precision",
    "part_key_scale",
];
const PARTS: &[&str] = &["part_id", "tablet_id", "sub_part_num"];

const STORED: Circumstances = Circumstances {
    intent: Intent::Store,
    time_zone: TimeZone::Unknown,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn hostile_metadata_neither_panics_nor_leads_outside_the_leaves(
        info in prop::collection::vec(row(INFO), 0..4),
        first in prop::collection::vec(row(PARTS), 0..4),
        second in prop::collection::vec(row(PARTS), 0..6),
        number in any::<i64>(),
    ) {
        if let Some(partitioning) = read_partitioning(&info, &first, &second, &[]) {
            let operands = [
                Operand::Integer(number.into()),
                Operand::Text {
                    bytes: b"2024-01-01".into(),
                    encoding: None,
                },
                Operand::Default,
                Operand::Null,
            ];
            for operand in operands {
                if let Ok(leaf) = partitioning.leaf(STORED, |_| Ok(operand.clone())) {
                    prop_assert!(leaf < partitioning.tablets().len());
                }
            }
        }
    }
}
