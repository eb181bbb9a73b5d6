//! The hot functions take as many instructions as they did when the figures were committed.
//!
//! Valgrind's callgrind counts them, so the figures do not depend on how busy the machine is. They
//! belong to the release profile; `ODP_UPDATE=1 cargo test -p odp-benches --test instructions` writes
//! new ones.

use odp_benches::hot;
use odp_tests::process::{run_to_any_end, run_to_end};
use odp_tests::{Failure, parts, workspace};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How far a count may lie from the committed one.
const TOLERANCE: f64 = 0.05;
/// A run and a longer run; the difference is free of what starting and preparing cost.
const RUNS: [u32; 2] = [20, 220];

#[test]
fn hot_functions_take_the_instructions_that_they_took() -> Result<(), Failure> {
    // Fails where valgrind is missing and cannot be installed, and says so.
    let valgrind = parts::program("valgrind", "valgrind")?;
    let binary = build()?;
    let mut counted = BTreeMap::new();
    for name in hot::NAMES {
        let [few, many] = RUNS;
        let before = instructions(valgrind.command(), &binary, name, few)?;
        let after = instructions(valgrind.command(), &binary, name, many)?;
        counted.insert(name.to_owned(), (after - before) / u64::from(many - few));
    }
    let file = workspace::root().join("benches/instructions.toml");
    if std::env::var_os("ODP_UPDATE").is_some_and(|value| value == "1") {
        return write(&file, &counted);
    }
    let text = std::fs::read_to_string(&file).map_err(Failure::io("read the committed figures"))?;
    let committed: BTreeMap<String, u64> =
        toml::from_str(&text).map_err(|error| Failure::answer("the figures", error.to_string()))?;
    let wrong: Vec<_> = counted
        .iter()
        .filter_map(|(name, &count)| deviation(name, count, committed.get(name).copied()))
        .collect();
    let gone: Vec<_> = committed
        .keys()
        .filter(|name| !counted.contains_key(*name))
        .collect();
    assert!(
        wrong.is_empty() && gone.is_empty(),
        "{wrong:#?}\nno such function any more: {gone:?}\n\
         If this is meant: ODP_UPDATE=1 cargo test -p odp-benches --test instructions"
    );
    Ok(())
}

fn deviation(name: &str, count: u64, committed: Option<u64>) -> Option<String> {
    let Some(committed) = committed else {
        return Some(format!("{name}: {count} instructions, none committed"));
    };
    let ratio = number(count) / number(committed.max(1));
    let differs = (ratio - 1.0).abs() > TOLERANCE;
    differs.then(|| format!("{name}: {count} instructions, {committed} committed (× {ratio:.3})"))
}

fn number(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// The runner of the hot functions in the release profile.
fn build() -> Result<PathBuf, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(workspace::root());
    command.args([
        "build",
        "--quiet",
        "--release",
        "-p",
        "odp-benches",
        "--bin",
        "hot",
    ]);
    run_to_end(&mut command, Duration::from_mins(15))?;
    let profile = workspace::profile_dir()?;
    let target = profile.parent().unwrap_or(&profile);
    Ok(target.join("release").join("hot"))
}

fn instructions(
    mut valgrind: Command,
    binary: &Path,
    name: &str,
    times: u32,
) -> Result<u64, Failure> {
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(binary)
        .args([name, &times.to_string()]);
    let (status, output) = run_to_any_end(&mut valgrind, Duration::from_mins(2))?;
    let collected = output.stderr.lines().find_map(|line| {
        let (_, count) = line.split_once("Collected : ")?;
        count.trim().parse().ok()
    });
    collected
        .filter(|_| status.success())
        .ok_or_else(|| Failure::answer("callgrind", output.stderr))
}

fn write(file: &Path, counted: &BTreeMap<String, u64>) -> Result<(), Failure> {
    let mut text = String::from(
        "# Instructions of one call in the release profile, counted by callgrind.\n\
         # `ODP_UPDATE=1 cargo test -p odp-benches --test instructions` writes this file.\n",
    );
    for (name, count) in counted {
        // Writing to a string cannot fail.
        writeln!(text, "{name} = {count}").ok();
    }
    std::fs::write(file, text).map_err(Failure::io("write the figures"))
}
