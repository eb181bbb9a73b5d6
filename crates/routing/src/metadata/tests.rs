//! Whatever a server sends, reading it and placing by it does not panic.

use super::*;
use crate::TimeZone;
use crate::partition::key::value;
use crate::partition::operand::{Circumstances, Intent, Operand};
use crate::partition::value::Value;
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

/// What an INSERT stores in the key column `k` that it leaves out, or why that is not known.
fn left_out(kind: &str, default: &[u8], details: [&str; 4]) -> Result<String, crate::Unsure> {
    let [nullable, autoincrement, flags, generated] = details;
    let bytes = |fields: &[(&'static str, &str)]| -> Row {
        let field = |&(name, text): &(_, &str)| (name, text.as_bytes().to_vec());
        Row(fields.iter().map(field).collect())
    };
    let mut info = bytes(&[
        ("part_level", "1"),
        ("part_type", "1"),
        ("part_expr", "k"),
        ("part_key_name", "k"),
        ("part_key_idx", "1"),
        ("part_key_level", "1"),
        ("part_key_type", kind),
        ("part_key_collation_type", "45"),
        ("part_key_length", "9"),
        ("part_key_scale", "0"),
        ("part_key_extra", generated),
    ]);
    if !default.is_empty() {
        info.0.insert("part_key_default_value", default.to_vec());
    }
    let part = bytes(&[("part_id", "1"), ("tablet_id", "7")]);
    let detail = |name, nullable, autoincrement, has_default| {
        bytes(&[
            ("column_name", name),
            ("data_type", kind),
            ("data_length", "9"),
            ("data_scale", "0"),
            ("collation_type", "45"),
            ("nullable", nullable),
            ("autoincrement", autoincrement),
            ("column_flags", flags),
            ("has_default", has_default),
        ])
    };
    let columns = [
        detail("v", "1", "0", "0"),
        detail("k", nullable, autoincrement, "1"),
    ];
    let partitioning = read_partitioning(&[info], &[part.clone(), part], &[], &columns).unwrap();
    let rules = partitioning.rules?;
    let column = rules.first.key.columns.first().unwrap();
    let value = value(column, STORED, &|_| Ok(Operand::Default))?;
    Ok(match value {
        Value::Text(text) => String::from_utf8_lossy(text.bytes()).into_owned(),
        other => format!("{other:?}"),
    })
}

#[test]
fn a_key_column_that_an_insert_leaves_out_holds_what_a_live_engine_stores() {
    const BIGINT: &str = "5";
    const VARCHAR: &str = "22";
    const TIMESTAMP: &str = "18";
    // NULL allowed, AUTO_INCREMENT, flags, expression of a generated column.
    let nullable = ["1", "0", "0", ""];
    let plain = ["0", "0", "0", ""];
    let five = [5, 5, 0x3f, 0, 5];
    let now = [25, 7, 0, 0, 0x14];
    let sum = b"\x16\x02\x2e\xff\x07(3 + 4)\0";
    let call = b"\x16\x02\x2e\xff\x0fconcat('a','b')\0";
    let unknown = b"\x16\x02\x2e\xff\x06uuid()\0";
    for (kind, default, details, expected) in [
        (BIGINT, &b""[..], nullable, "Null"),
        (BIGINT, &[], plain, "Int(0)"),
        (BIGINT, &[], ["0", "1", "0", ""], "unsure"),
        (BIGINT, &five, plain, "Int(5)"),
        (BIGINT, sum, ["1", "0", "8", ""], "Int(7)"),
        (BIGINT, &[], ["1", "0", "2", "(`v` + 1)"], "Null"),
        (BIGINT, &[], ["1", "0", "2", "(`v` + `k`)"], "unsure"),
        (VARCHAR, &[], plain, ""),
        (VARCHAR, call, ["1", "0", "8", ""], "ab"),
        (VARCHAR, call, nullable, "concat('a','b')"),
        (VARCHAR, unknown, ["1", "0", "8", ""], "unsure"),
        (VARCHAR, &[], ["1", "0", "1", "substr(`v`,1,4)"], "Null"),
        (TIMESTAMP, &now, plain, "unsure"),
    ] {
        let found = left_out(kind, default, details).unwrap_or_else(|_| "unsure".to_owned());
        let example = String::from_utf8_lossy(default);
        assert_eq!(found, expected, "{kind} {example:?} {details:?}");
    }
}
