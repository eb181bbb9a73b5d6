//! The rows that a real engine placed into partitions (`tests/data/oracle/README.md`).

use crate::{Failure, workspace};
use serde_json::Value;
use std::process::Command;

/// All objects of one file: `tables`, `rows` or `explain`.
///
/// # Errors
/// When the file cannot be unpacked (by `gzip`, which every Debian has) or a line is no JSON.
pub fn lines(name: &str) -> Result<Vec<Value>, Failure> {
    let path = workspace::root()
        .join("tests/data/oracle")
        .join(format!("{name}.jsonl.gz"));
    let output = Command::new("gzip")
        .arg("-dc")
        .arg(&path)
        .output()
        .map_err(Failure::io("run gzip"))?;
    if !output.status.success() {
        let got = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure::answer(format!("gzip -dc {}", path.display()), got));
    }
    let bad_line = |error| Failure::answer(format!("a line of {name}"), format!("{error}"));
    serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .map(|line| line.map_err(bad_line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placed_row_belongs_to_a_described_table() {
        let tables = lines("tables").unwrap();
        let known: std::collections::HashSet<_> = tables
            .iter()
            .map(|table| table["table"].as_str().unwrap())
            .collect();
        let rows = lines("rows").unwrap();
        assert_eq!(tables.len(), 173);
        assert!(rows.len() > 27_000);
        assert!(
            rows.iter()
                .all(|row| known.contains(row["table"].as_str().unwrap()))
        );
    }
}
