//! Rules about the source itself that no compiler checks (STYLE of the project).

use odp_tests::{Failure, workspace};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_source_file_says_in_its_first_line_what_it_is_for() -> Result<(), Failure> {
    let silent = |source: &Source| !source.text.starts_with("//! ");
    let silent: Vec<_> = sources()?
        .into_iter()
        .filter(silent)
        .map(|s| s.path)
        .collect();
    assert!(
        silent.is_empty(),
        "no `//!` in the first line of {silent:#?}"
    );
    Ok(())
}

#[test]
fn no_placeholder_no_debug_print_and_no_ignored_test_is_left() -> Result<(), Failure> {
    // Spelled in two parts, so that this file does not find itself.
    let forbidden = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
        concat!("#[", "ignore"),
        concat!("fn ", "test_"),
    ];
    let mut found = Vec::new();
    for source in sources()? {
        for (number, line) in source.text.lines().enumerate() {
            if forbidden.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    Ok(())
}

#[test]
fn there_is_no_global_state_outside_of_tests() -> Result<(), Failure> {
    let words = ["static ", "thread_local!", "lazy_static!"];
    let mut found = Vec::new();
    for source in sources()?
        .into_iter()
        .filter(|source| source.path.starts_with("crates/"))
    {
        for (number, line) in source.product_lines() {
            let code = line.trim_start();
            let code = match code.strip_prefix("pub") {
                Some(rest) => rest.trim_start_matches(|c| c != ' ').trim_start(),
                None => code,
            };
            if words.iter().any(|word| code.starts_with(word)) {
                found.push(format!("{}:{}: {code}", source.path, number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    Ok(())
}

#[test]
fn the_crates_depend_on_each_other_as_the_readme_says() -> Result<(), Failure> {
    let table = crate_table()?;
    let actual = crate_edges()?;
    let all: BTreeSet<_> = table.keys().cloned().collect();
    assert_eq!(
        all,
        actual.keys().cloned().collect(),
        "crates of the table and of the workspace"
    );
    for (name, depends_on) in &actual {
        let mut allowed = table.get(name).cloned().unwrap_or_default();
        if allowed.remove("all") {
            allowed.clone_from(&all);
            allowed.remove(name);
        }
        assert_eq!(
            &allowed, depends_on,
            "dependencies of `{name}`: table, then Cargo.toml"
        );
    }
    Ok(())
}

#[test]
fn every_path_that_the_readme_names_exists() -> Result<(), Failure> {
    let readme = readme()?;
    let quoted = readme.split('`').skip(1).step_by(2);
    let linked = readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let ours = ["crates/", "tests/", "benches/", "fuzz/", "config/", ".ci/"];
    let is_ours = |word: &&str| ours.iter().any(|folder| word.starts_with(folder));
    let named: BTreeSet<&str> = quoted.chain(linked).filter(is_ours).collect();
    assert!(!named.is_empty(), "README.md names no path at all");
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !workspace::root().join(name).exists())
        .collect();
    assert!(
        missing.is_empty(),
        "README.md names what is not there: {missing:?}"
    );
    Ok(())
}

#[test]
fn every_commented_parameter_of_the_sample_configuration_has_its_comment() -> Result<(), Failure> {
    let text = read(&workspace::root().join("config/odp.toml"))?;
    let mut bare = Vec::new();
    let mut explained = false;
    for line in text.lines() {
        let is_parameter = line
            .trim_start_matches(['#', ' '])
            .split_once(" = ")
            .is_some_and(|(key, _)| {
                key.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            });
        if is_parameter && !explained {
            bare.push(line.to_owned());
        }
        explained = line.starts_with('#') && !is_parameter;
    }
    assert!(
        bare.is_empty(),
        "parameters without a comment above them: {bare:#?}"
    );
    Ok(())
}

#[test]
fn long_files_are_reported() -> Result<(), Failure> {
    for source in sources()? {
        let lines = source.product_lines().count();
        if lines > 400 {
            writeln!(
                std::io::stderr(),
                "{} has {lines} lines without its tests",
                source.path
            )
            .ok();
        }
    }
    Ok(())
}

/// A file of Rust with its path from the workspace root.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Its lines without its tests, which stand at the end of a file or in a `tests.rs`.
    fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.path.ends_with("/tests.rs") || self.path.contains("/tests/");
        let limit = if is_test { 0 } else { usize::MAX };
        let lines = self.text.lines().enumerate().take(limit);
        lines.take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
    }
}

fn sources() -> Result<Vec<Source>, Failure> {
    let root = workspace::root();
    let mut files = Vec::new();
    for folder in ["crates", "tests", "benches", "fuzz"] {
        collect(&root.join(folder), &mut files)?;
    }
    assert!(files.len() > 20, "only {} source files found", files.len());
    let source = |file: PathBuf| {
        let path = file
            .strip_prefix(&root)
            .unwrap_or(&file)
            .display()
            .to_string();
        Ok(Source {
            path,
            text: read(&file)?,
        })
    };
    files.into_iter().map(source).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let what = || format!("list {}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(Failure::io(what()))?;
    for entry in entries {
        let path = entry.map_err(Failure::io(what()))?.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(Failure::io(format!("read {}", path.display())))
}

fn readme() -> Result<String, Failure> {
    read(&workspace::root().join("README.md"))
}

/// The first and the last cell of each row of README.md's crate table.
fn crate_table() -> Result<BTreeMap<String, BTreeSet<String>>, Failure> {
    let readme = readme()?;
    let mut table = BTreeMap::new();
    let rows = readme
        .lines()
        .skip_while(|line| !line.starts_with("| crate |"))
        .skip(2);
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let (Some(name), Some(edges)) = (cells.first(), cells.last()) else {
            continue;
        };
        let edges = edges
            .split(',')
            .map(str::trim)
            .filter(|edge| !matches!(*edge, "" | "–"));
        table.insert(
            name.trim_matches('`').to_owned(),
            edges.map(str::to_owned).collect(),
        );
    }
    Ok(table)
}

/// What each crate depends on among the others; test dependencies do not count.
fn crate_edges() -> Result<BTreeMap<String, BTreeSet<String>>, Failure> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(workspace::root())
        .args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = command
        .output()
        .map_err(Failure::io("run cargo metadata"))?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::answer("cargo metadata", error.to_string()))?;
    let list = |value: &serde_json::Value, key: &str| {
        value
            .get(key)
            .and_then(serde_json::Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let text = |value: &serde_json::Value, key: &str| {
        value
            .get(key)
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut edges = BTreeMap::new();
    for package in list(&metadata, "packages") {
        let manifest = text(&package, "manifest_path");
        let Some(name) = manifest
            .strip_suffix("/Cargo.toml")
            .and_then(|path| path.strip_prefix(workspace::root().join("crates/").to_str()?))
        else {
            continue;
        };
        let dependencies = list(&package, "dependencies");
        let ours = dependencies
            .iter()
            .filter(|edge| edge.get("kind").is_none_or(serde_json::Value::is_null));
        let ours =
            ours.filter_map(|edge| Some(text(edge, "name").strip_prefix("odp-")?.to_owned()));
        edges.insert(name.to_owned(), ours.collect());
    }
    Ok(edges)
}
