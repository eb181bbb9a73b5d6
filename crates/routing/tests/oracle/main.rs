//! The partitions that a real engine put rows into and that its EXPLAIN prints: never another one.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "broken test data shall fail the test"
)]

mod data;
mod setup;

use data::{TableData, explained, inserted, tables};
use setup::Setup;
use std::collections::BTreeMap;

/// Rows of a kind by what the router made of them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    right: usize,
    unsure: usize,
    refused: usize,
}

/// How many rows of each kind are placed and how many are not; the figures may only get better.
const EXPECTED: &[(&str, usize, usize)] = &[
    ("hash", 1745, 0),
    ("hash_expr", 2723, 0),
    ("key", 1373, 0),
    ("key_default", 164, 0),
    ("key_generated", 148, 0),
    ("key_implicit", 435, 0),
    ("key_multi", 800, 0),
    ("key_num", 1824, 0),
    ("key_str", 4975, 0),
    ("key_time", 1312, 0),
    ("list", 437, 0),
    ("list_columns", 2596, 0),
    ("list_expr", 372, 0),
    ("range", 816, 0),
    ("range_columns", 3764, 0),
    ("range_expr", 1285, 0),
    ("range_generated", 149, 0),
    ("two_level", 1839, 0),
    ("two_level_nontemplate", 749, 0),
];

#[test]
fn every_inserted_row_is_placed_where_the_engine_put_it_or_nowhere() {
    let tables = tables();
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    let mut unsure: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let setups: BTreeMap<&str, Setup> = tables
        .iter()
        .map(|table| (table.name.as_str(), Setup::new(table)))
        .collect();
    for row in inserted() {
        let setup = &setups[row.table.as_str()];
        let count = counts.entry(setup.kind()).or_default();
        match (setup.tablet(&row.sql), row.tablet) {
            (Ok(found), Some(expected)) => {
                assert_eq!(found, expected, "{}", row.sql);
                count.right += 1;
            }
            (Ok(found), None) => panic!("{}: refused, but placed in {found}", row.sql),
            (Err(_), None) => count.refused += 1,
            (Err(reason), Some(_)) => {
                count.unsure += 1;
                let entry = unsure.entry(format!("{} {reason:?}", row.table));
                entry.or_insert((0, row.sql)).0 += 1;
            }
        }
    }
    for (what, (count, example)) in &unsure {
        println!("{count:5} {what}: {example}");
    }
    println!("{counts:#?}");
    for &(kind, right, unsure) in EXPECTED {
        let count = &counts[kind];
        assert!(
            count.right >= right && count.unsure <= unsure,
            "{kind}: {count:?}"
        );
    }
}

/// EXPLAIN statements of a kind by how the computed set of partitions compares with the engine's.
#[derive(Debug, Default)]
struct Compared {
    equal: usize,
    /// The computed set holds the engine's and more.
    wider: usize,
    /// One of [`CONTRADICTIONS`].
    contradiction: usize,
    /// The engine's set holds partitions that were not computed.
    missing: usize,
    unsure: usize,
}

/// Conditions that no row fulfils, because `'İ'` weighs as much as `I`, which is less than `'α'`. The engine
/// finds that out about the column that the key is generated from, and prints the first partition.
const CONTRADICTIONS: [&str; 2] = [
    "select * from p_k_gen_substr where v between 'α' and 'İ'",
    "select * from p_k_gen_substr where v = 'İ' and v > 'α'",
];

#[test]
fn the_computed_partitions_are_those_that_explain_prints() {
    let tables: BTreeMap<String, TableData> = tables()
        .into_iter()
        .map(|table| (table.name.clone(), table))
        .collect();
    let mut counts: BTreeMap<String, Compared> = BTreeMap::new();
    let mut setup: Option<Setup> = None;
    for statement in explained() {
        let table = &tables[&statement.table];
        if setup
            .as_ref()
            .is_none_or(|setup| setup.name() != table.name)
        {
            setup = Some(Setup::new(table));
        }
        let Some(setup) = &setup else { continue };
        let mut expected = table.tablets_of(&statement.partitions);
        expected.sort_unstable();
        expected.dedup();
        let count = counts.entry(statement.kind.clone()).or_default();
        match setup.tablets(&statement.sql) {
            Ok(mut found) => {
                found.sort_unstable();
                let holds = |tablet| found.contains(tablet);
                if found == expected {
                    count.equal += 1;
                    continue;
                } else if CONTRADICTIONS.contains(&statement.sql.as_str()) {
                    assert_eq!(expected, [table.first_tablet()], "{}", statement.sql);
                    count.contradiction += 1;
                    continue;
                } else if expected.iter().all(holds) {
                    count.wider += 1;
                } else {
                    count.missing += 1;
                }
                println!(
                    "{} {} {found:?} {expected:?}",
                    statement.kind, statement.sql
                );
            }
            Err(unsure) => {
                println!("{} {} {unsure:?}", statement.kind, statement.sql);
                count.unsure += 1;
            }
        }
    }
    let sum = |field: fn(&Compared) -> usize| counts.values().map(field).sum::<usize>();
    let (equal, wider) = (sum(|count| count.equal), sum(|count| count.wider));
    let (missing, unsure) = (sum(|count| count.missing), sum(|count| count.unsure));
    println!("{counts:#?}");
    let contradictions = sum(|count| count.contradiction);
    let all = equal + wider + contradictions + missing + unsure;
    println!("of {all}: {equal} equal, {wider} wider, {missing} missing, {unsure} unsure");
    assert_eq!(contradictions, CONTRADICTIONS.len(), "{counts:#?}");
    assert_eq!((wider, missing, unsure), (0, 0, 0), "{counts:#?}");
}
