//! System and user variables: defaults, a session's own values, and what must be told to a proxy.

use crate::error::SqlError;
use rusqlite::types::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The system variables and their values on a fresh tenant.
pub(crate) fn defaults() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("variables.txt")
        .lines()
        .filter_map(|line| line.split_once('='))
}

/// Pairs that are one variable under two names.
const TWINS: [(&str, &str); 4] = [
    ("tx_isolation", "transaction_isolation"),
    ("tx_read_only", "transaction_read_only"),
    ("storage_engine", "default_storage_engine"),
    ("last_insert_id", "identity"),
];

/// Variables whose values are the words ON and OFF.
const SWITCHES: [&str; 26] = [
    "autocommit",
    "foreign_key_checks",
    "unique_checks",
    "sql_log_bin",
    "sql_notes",
    "sql_warnings",
    "sql_safe_updates",
    "sql_auto_is_null",
    "sql_big_selects",
    "sql_quote_show_create",
    "tx_read_only",
    "transaction_read_only",
    "ob_enable_transmission_checksum",
    "ob_enable_plan_cache",
    "ob_enable_trace_log",
    "ob_enable_show_trace",
    "ob_enable_index_direct_select",
    "ob_enable_jit",
    "recyclebin",
    "read_only",
    "big_tables",
    "local_infile",
    "profiling",
    "old_passwords",
    "query_cache_wlock_invalidate",
    "explicit_defaults_for_timestamp",
];

/// Every system variable's global value in a tenant.
pub(crate) type Globals = BTreeMap<String, String>;

/// The global values of a tenant that has set these.
pub(crate) fn globals(set: impl IntoIterator<Item = (String, String)>) -> Globals {
    let defaults = defaults().map(|(name, value)| (name.to_owned(), value.to_owned()));
    defaults.chain(set).collect()
}

/// A session's variables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables {
    globals: Arc<Globals>,
    session: BTreeMap<String, String>,
    users: BTreeMap<String, Value>,
    changed: BTreeSet<String>,
    changed_users: BTreeSet<String>,
}

impl Variables {
    /// A fresh session's variables over the tenant's global values.
    pub(crate) fn new(globals: Arc<Globals>) -> Self {
        Self {
            globals,
            ..Self::default()
        }
    }

    /// The global value.
    pub(crate) fn global(&self, name: &str) -> Option<String> {
        self.globals.get(name).cloned()
    }

    /// The value in this session.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.session
            .get(name)
            .cloned()
            .or_else(|| self.global(name))
    }

    /// A number in this session, 0 when it is none.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.get(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(0)
    }

    /// Whether the variable is ON or 1.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        let value = self.session.get(name).or_else(|| self.globals.get(name));
        matches!(value.map(String::as_str), Some("ON" | "1"))
    }

    /// Every variable with its value in this session.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        let mut all = Globals::clone(&self.globals);
        all.extend(self.session.clone());
        all.into_iter().collect()
    }

    /// Checks a new value and brings it into the variable's own words.
    ///
    /// # Errors
    /// 1193 for an unknown variable, 1231 for a value that it cannot have.
    pub(crate) fn normalise(&self, name: &str, value: &str) -> Result<String, SqlError> {
        if self.global(name).is_none() {
            return Err(SqlError::new(
                1193,
                format!("Unknown system variable '{name}'"),
            ));
        }
        if ["version", "version_comment", "hostname", "port", "datadir"].contains(&name) {
            let text = format!("Variable '{name}' is a read only variable");
            return Err(SqlError::new(1238, text));
        }
        if value.eq_ignore_ascii_case("default") {
            return Ok(self.global(name).unwrap_or_default());
        }
        let refused = || {
            SqlError::new(
                1231,
                format!("Variable '{name}' can't be set to the value of '{value}'"),
            )
        };
        if SWITCHES.contains(&name) {
            return match value.to_ascii_lowercase().as_str() {
                "1" | "on" | "true" => Ok("ON".to_owned()),
                "0" | "off" | "false" => Ok("OFF".to_owned()),
                _ => Err(refused()),
            };
        }
        if name == "ob_read_consistency" {
            return match value.to_ascii_lowercase().as_str() {
                "weak" | "2" => Ok("WEAK".to_owned()),
                "strong" | "3" => Ok("STRONG".to_owned()),
                "frozen" | "1" => Ok("FROZEN".to_owned()),
                _ => Err(refused()),
            };
        }
        let numeric = self
            .global(name)
            .is_some_and(|global| global.parse::<i64>().is_ok());
        if numeric && value.parse::<f64>().is_err() && !value.eq_ignore_ascii_case("on") {
            let text = format!("Incorrect argument type to variable '{name}'");
            return Err(SqlError::new(1232, text));
        }
        if name.starts_with("character_set_") && !is_charset(value) {
            return Err(SqlError::new(
                1115,
                format!("Unknown character set: '{value}'"),
            ));
        }
        Ok(value.to_owned())
    }

    /// Sets a checked value in this session.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let twin = TWINS.iter().find_map(|(a, b)| match name {
            _ if name == *a => Some(*b),
            _ if name == *b => Some(*a),
            _ => None,
        });
        for name in std::iter::once(name).chain(twin) {
            if self.get(name).as_deref() != Some(value) {
                self.changed.insert(name.to_owned());
            }
            self.session.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Says in the next OK what the variable is, whether it has changed or not.
    pub(crate) fn announce(&mut self, name: &str, value: &str) {
        self.session.insert(name.to_owned(), value.to_owned());
        self.changed.insert(name.to_owned());
    }

    /// A user variable.
    pub(crate) fn user(&self, name: &str) -> Value {
        self.users
            .get(&name.to_ascii_lowercase())
            .cloned()
            .unwrap_or(Value::Null)
    }

    /// Sets a user variable.
    pub(crate) fn set_user(&mut self, name: &str, value: Value) {
        let name = name.to_ascii_lowercase();
        self.changed_users.insert(name.clone());
        self.users.insert(name, value);
    }

    /// Takes what has changed since the last call: system variables as text, user variables as SQL
    /// literals.
    pub(crate) fn take_changes(&mut self) -> Changes {
        let system = std::mem::take(&mut self.changed)
            .into_iter()
            .map(|name| {
                let value = self.get(&name).unwrap_or_default();
                (name, value)
            })
            .collect();
        let user = std::mem::take(&mut self.changed_users)
            .into_iter()
            .map(|name| {
                let value = literal(&self.user(&name));
                (name, value)
            })
            .collect();
        Changes { system, user }
    }
}

/// Changed variables for an OK packet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) system: Vec<(String, String)>,
    pub(crate) user: Vec<(String, String)>,
}

fn is_charset(value: &str) -> bool {
    let known = [
        "utf8mb4", "utf8", "utf8mb3", "latin1", "binary", "gbk", "gb18030", "ascii", "utf16",
    ];
    value.is_empty() || known.iter().any(|name| value.eq_ignore_ascii_case(name))
}

/// A value as an SQL literal.
pub(crate) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => {
            format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
        }
        Value::Blob(bytes) => crate::translate::blob_literal(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_once_and_in_the_variables_own_words() {
        let mut variables = Variables::new(Arc::new(globals([])));
        let value = variables.normalise("autocommit", "0").unwrap();
        variables.set("autocommit", &value);
        variables.set_user("A", Value::Text("x'y".to_owned()));
        let changes = variables.take_changes();
        assert_eq!(
            changes.system,
            vec![("autocommit".to_owned(), "OFF".to_owned())]
        );
        assert_eq!(changes.user, vec![("a".to_owned(), "'x\\'y'".to_owned())]);
        assert_eq!(variables.take_changes(), Changes::default());
        assert_eq!(variables.normalise("nonsense", "1").unwrap_err().code, 1193);
    }
}
