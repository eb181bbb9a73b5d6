//! The variables of a session: what they were at login, and what has changed since.
//!
//! A session holds the difference to its login's set. Each change has a version, so that a server session
//! is brought up to date with what it lacks and nothing else.

use crate::known::Known;
use crate::login_variables::LoginVariables;
use crate::user_variable::{Spelling, UserVariable, put_name};
use bytes::{BufMut, Bytes, BytesMut};
use odp_protocol::SessionChange;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The variables by which the text of a statement is read.
const READING: [&str; 4] = [
    "character_set_client",
    "collation_connection",
    "collation_database",
    "sql_mode",
];

/// The variables that SET NAMES sets, but for the one of results.
const CHARSETS: [&str; 3] = [
    "character_set_client",
    "character_set_connection",
    COLLATION,
];

/// The collation of text in statements.
const COLLATION: &str = "collation_connection";

/// A value that differs from the login's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Changed {
    value: Bytes,
    version: u64,
}

/// The plain-data part of [`Variables`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Difference {
    system: BTreeMap<SmolStr, Changed>,
    user: BTreeMap<SmolStr, UserVariable>,
    /// Variables that servers report but do not let anybody set.
    left_out: BTreeSet<SmolStr>,
    version: u64,
    /// Bytes of all values.
    bytes: usize,
}

impl Difference {
    /// Whether everything is as at login.
    pub(crate) fn is_empty(&self) -> bool {
        self.system.is_empty() && self.user.is_empty()
    }

    /// The system variables whose values are not the same in both.
    pub(crate) fn system_unlike(&self, other: &Self) -> Vec<SmolStr> {
        let differs = |(name, changed): &(&SmolStr, &Changed)| {
            other
                .system
                .get(*name)
                .is_none_or(|it| it.value != changed.value)
        };
        let missing = |(name, _): &(&SmolStr, &Changed)| !self.system.contains_key(*name);
        let ours = self.system.iter().filter(differs);
        let theirs = other.system.iter().filter(missing);
        ours.chain(theirs).map(|(name, _)| name.clone()).collect()
    }

    /// The user variables that `other` does not have.
    pub(crate) fn user_beyond(&self, other: &Self) -> Vec<SmolStr> {
        let is_beyond = |name: &&SmolStr| !other.user.contains_key(*name);
        self.user.keys().filter(is_beyond).cloned().collect()
    }

    /// Whether every user variable of `other` has the same value here.
    pub(crate) fn has_user_of(&self, other: &Self) -> bool {
        let mut of_other = other.user.iter();
        of_other.all(|(name, changed)| {
            self.user
                .get(name)
                .is_some_and(|it| it.value == changed.value)
        })
    }
}

/// The variables of one session.
#[derive(Debug, Clone)]
pub(crate) struct Variables {
    login: Arc<LoginVariables>,
    difference: Difference,
    known: Known,
}

impl Variables {
    /// The variables right after a login.
    pub(crate) fn new(login: Arc<LoginVariables>) -> Self {
        Self::restore(login, Difference::default())
    }

    /// The variables of a session that comes from its record.
    pub(crate) fn restore(login: Arc<LoginVariables>, difference: Difference) -> Self {
        let mut known = Known::default();
        for (name, value) in login.iter() {
            known.note(name, value);
        }
        known.end_of_login();
        for (name, changed) in &difference.system {
            known.note(name.as_bytes(), &changed.value);
        }
        Self {
            login,
            difference,
            known,
        }
    }

    /// What the session shares with others.
    pub(crate) fn login(&self) -> &Arc<LoginVariables> {
        &self.login
    }

    /// What is its own.
    pub(crate) fn difference(&self) -> &Difference {
        &self.difference
    }

    /// What the proxy heeds.
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// The text that a user variable holds, as servers write it: a literal in quotes. `None` for one
    /// with escapes, which no name of an IDC or a policy has.
    pub(crate) fn user_text(&self, name: &str) -> Option<&str> {
        let literal = &self.difference.user.get(name)?.value;
        let text = literal.strip_prefix(b"'")?.strip_suffix(b"'")?;
        let plain = !text.iter().any(|byte| matches!(byte, b'\'' | b'\\'));
        std::str::from_utf8(text).ok().filter(|_| plain)
    }

    /// The variables by which a statement's text is read, where they are not the login's.
    pub(crate) fn reading(&self) -> Vec<(SmolStr, Bytes)> {
        let system = &self.difference.system;
        READING
            .iter()
            .filter_map(|name| Some((SmolStr::new_static(name), system.get(*name)?.value.clone())))
            .collect()
    }

    /// The version of the newest change.
    pub(crate) fn version(&self) -> u64 {
        self.difference.version
    }

    /// Takes in a change that a server reported.
    pub(crate) fn note(&mut self, change: SessionChange<'_>) {
        let (map, name, value) = match change {
            SessionChange::System { name, value } => {
                self.known.note(name, value);
                let left_out = |name| self.difference.left_out.contains(name);
                if !travels(name) || std::str::from_utf8(name).is_ok_and(left_out) {
                    return;
                }
                (&mut self.difference.system, name, value)
            }
            SessionChange::User { name, value } => return self.note_user(name, value),
            SessionChange::Schema(_) => return,
        };
        let Ok(name) = std::str::from_utf8(name) else {
            return;
        };
        self.difference.version += 1;
        let version = self.difference.version;
        let changed = Changed {
            value: Bytes::copy_from_slice(value),
            version,
        };
        let before = map.insert(SmolStr::new(name), changed);
        let before = before.map_or(0, |before| before.value.len());
        self.difference.bytes = self.difference.bytes + value.len() - before;
    }

    fn note_user(&mut self, name: &[u8], value: &[u8]) {
        let Ok(name) = std::str::from_utf8(name) else {
            return;
        };
        self.difference.version += 1;
        let changed = UserVariable {
            value: Bytes::copy_from_slice(value),
            collation: self.collation(),
            version: self.difference.version,
        };
        let before = self.difference.user.insert(SmolStr::new(name), changed);
        let before = before.map_or(0, |before| before.value.len());
        self.difference.bytes = self.difference.bytes + value.len() - before;
    }

    /// The collation of the connection, where it is not the login's.
    fn collation(&self) -> Option<SmolStr> {
        let changed = self.difference.system.get(COLLATION)?;
        std::str::from_utf8(&changed.value).ok().map(SmolStr::new)
    }

    /// How the user variables are written in a statement that sets these variables of the login, too.
    fn spelling(&self, corrections: &[SmolStr]) -> Spelling<'_> {
        let is_set = |name: &&str| {
            self.difference.system.contains_key(*name) || corrections.iter().any(|it| it == name)
        };
        let login = self.login.get(COLLATION).unwrap_or_default();
        Spelling {
            is_plain: !READING.iter().any(is_set),
            login: std::str::from_utf8(login).unwrap_or_default(),
            current: self.collation(),
        }
    }

    /// The statement with the user variables that a server session at `version` lacks, where they
    /// cannot be set together with the system variables; see [`Spelling::fits`].
    pub(crate) fn user_statement(
        &self,
        version: u64,
        corrections: &[SmolStr],
        strangers: &[SmolStr],
    ) -> Option<Bytes> {
        let spelling = self.spelling(corrections);
        if self.is_together(version, &spelling) {
            return None;
        }
        let mut sql = BytesMut::from(&b"SET"[..]);
        for (name, value) in CHARSETS
            .iter()
            .zip(["utf8mb4", "utf8mb4", "utf8mb4_general_ci"])
        {
            put_system(&mut sql, name, value.as_bytes());
        }
        self.put_users(&mut sql, version, &spelling, strangers);
        sql.truncate(sql.len() - 1);
        Some(sql.freeze())
    }

    fn is_together(&self, version: u64, spelling: &Spelling<'_>) -> bool {
        let mut lacking = self
            .difference
            .user
            .values()
            .filter(|it| it.version > version);
        lacking.all(|variable| spelling.fits(variable))
    }

    fn put_users(
        &self,
        sql: &mut BytesMut,
        version: u64,
        spelling: &Spelling<'_>,
        strangers: &[SmolStr],
    ) {
        for (name, variable) in &self.difference.user {
            if variable.version > version {
                spelling.put(sql, name, variable);
            }
        }
        for name in strangers {
            if !self.difference.user.contains_key(name) {
                put_name(sql, name);
                sql.put_slice(b"NULL,");
            }
        }
    }

    /// What the values that differ from the login's hold, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.difference.bytes
    }

    /// Stops replaying a system variable; says whether it was replayed at all.
    pub(crate) fn leave_out(&mut self, name: &str) -> bool {
        let known = self.login.iter().any(|(key, _)| key == name.as_bytes());
        let changed = self.difference.system.remove(name);
        if let Some(changed) = &changed {
            self.difference.bytes -= changed.value.len();
        }
        self.difference.left_out.insert(SmolStr::new(name)) && (known || changed.is_some())
    }

    /// Back to the values of the login (`COM_RESET_CONNECTION`).
    pub(crate) fn reset(&mut self) {
        *self = Self::new(Arc::clone(&self.login));
    }

    /// The statement that brings a server session from `version` up to date; `None` when it is. The
    /// statement of [`Self::user_statement`], if there is one, goes before it.
    /// `corrections` are variables whose values at that session's login were not this session's, and
    /// `strangers` user variables that somebody else has left there.
    pub(crate) fn sync_statement(
        &self,
        version: u64,
        corrections: &[SmolStr],
        strangers: &[SmolStr],
    ) -> Option<Bytes> {
        let is_clean = corrections.is_empty() && strangers.is_empty();
        if version >= self.difference.version && is_clean {
            return None;
        }
        let spelling = self.spelling(corrections);
        let is_together = self.is_together(version, &spelling);
        let mut sql = BytesMut::from(&b"SET"[..]);
        let empty = sql.len();
        for name in corrections {
            if !self.difference.system.contains_key(name)
                && let Some(value) = self.login.get(name)
            {
                put_system(&mut sql, name, value);
            }
        }
        for (name, changed) in &self.difference.system {
            // What the user variables' own statement has changed goes back.
            let is_changed = changed.version > version || !corrections.is_empty();
            if is_changed || (!is_together && CHARSETS.contains(&name.as_str())) {
                put_system(&mut sql, name, &changed.value);
            }
        }
        if is_together {
            self.put_users(&mut sql, version, &spelling, strangers);
        }
        if sql.len() == empty {
            return None;
        }
        sql.truncate(sql.len() - 1);
        Some(sql.freeze())
    }

    /// The variables whose values in `other`, the login answer of a further session, are not those of
    /// this session's own login: global values changed in between.
    pub(crate) fn corrections(&self, other: &LoginVariables) -> Vec<SmolStr> {
        if *self.login == *other {
            return Vec::new();
        }
        let theirs: HashMap<&[u8], &[u8]> = other.iter().collect();
        self.login
            .iter()
            .filter(|(name, value)| travels(name) && theirs.get(name).is_some_and(|v| v != value))
            .filter_map(|(name, _)| std::str::from_utf8(name).ok().map(SmolStr::new))
            .collect()
    }
}

/// Whether a system variable is replayed on other server sessions. Not so: what a server tells the
/// proxy only, what belongs to one statement, and what follows from the database.
fn travels(name: &[u8]) -> bool {
    const STAYS: [&[u8]; 11] = [
        b"identity",
        b"ob_capability_flag",
        b"ob_statement_trace_id",
        b"ob_last_schema_version",
        b"ob_enable_transmission_checksum",
        b"ob_safe_weak_read_snapshot",
        b"_current_default_catalog",
        b"_nlj_batching_enabled",
        b"character_set_database",
        b"collation_database",
        b"warning_count",
    ];
    let well_formed = name
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let of_proxy = name.starts_with(b"ob_proxy_") || name.starts_with(b"_ob_proxy_");
    well_formed && !of_proxy && !STAYS.contains(&name)
}

/// Appends ` @@name = value,`.
fn put_system(sql: &mut BytesMut, name: &str, value: &[u8]) {
    put_assignment(sql, name, value);
    sql.put_u8(b',');
}

/// Appends ` @@name = value`. Values come as plain text (`ompk_ok.cpp`), so numbers stay bare, the
/// rest is quoted; an empty character set of results means NULL (an empty string is error 1115).
pub(crate) fn put_assignment(sql: &mut BytesMut, name: &str, value: &[u8]) {
    sql.put_slice(b" @@");
    sql.put_slice(name.as_bytes());
    sql.put_slice(b" = ");
    if value.is_empty() && name == "character_set_results" {
        sql.put_slice(b"NULL");
    } else if is_number(value) {
        sql.put_slice(value);
    } else {
        sql.put_u8(b'\'');
        for &byte in value {
            if byte == b'\'' || byte == b'\\' {
                sql.put_u8(byte);
            }
            sql.put_u8(byte);
        }
        sql.put_u8(b'\'');
    }
}

fn is_number(value: &[u8]) -> bool {
    let unsigned = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = unsigned.splitn(2, |byte| *byte == b'.');
    parts.all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn login(values: &[(&str, &str)]) -> Arc<LoginVariables> {
        Arc::new(LoginVariables::of(values))
    }

    fn system<'a>(name: &'a str, value: &'a str) -> SessionChange<'a> {
        SessionChange::System {
            name: name.as_bytes(),
            value: value.as_bytes(),
        }
    }

    fn text(sql: Option<Bytes>) -> String {
        sql.map(|sql| String::from_utf8(sql.to_vec()).unwrap())
            .unwrap_or_default()
    }

    #[test]
    fn a_server_session_gets_what_it_lacks_and_nothing_else() {
        let mut variables = Variables::new(login(&[("autocommit", "ON")]));
        variables.note(system("autocommit", "OFF"));
        let seen = variables.version();
        variables.note(system("sql_mode", "it's"));
        variables.note(SessionChange::User {
            name: b"a",
            value: b"'x'",
        });
        variables.note(system("ob_proxy_partition_hit", "OFF"));
        assert_eq!(
            text(variables.sync_statement(0, &[], &[])),
            "SET @@autocommit = 'OFF', @@sql_mode = 'it''s', @`a` = 'x'"
        );
        assert_eq!(
            text(variables.sync_statement(seen, &[], &[])),
            "SET @@sql_mode = 'it''s', @`a` = 'x'"
        );
        assert_eq!(
            variables.sync_statement(variables.version(), &[], &[]),
            None
        );
    }

    #[test]
    fn values_keep_their_type_in_the_statement() {
        let mut variables = Variables::new(login(&[]));
        variables.note(system("ob_query_timeout", "5000000"));
        variables.note(system("character_set_results", ""));
        variables.note(system("time_zone", "+08:00"));
        assert_eq!(
            text(variables.sync_statement(0, &[], &[])),
            "SET @@character_set_results = NULL, @@ob_query_timeout = 5000000, @@time_zone = '+08:00'"
        );
        assert_eq!(variables.known().query_timeout, Duration::from_secs(5));
    }

    #[test]
    fn global_values_that_changed_since_the_login_are_corrected() {
        let variables = Variables::new(login(&[("sql_mode", "A"), ("version", "1")]));
        let other = login(&[("sql_mode", "B"), ("version", "1")]);
        let corrections = variables.corrections(&other);
        assert_eq!(corrections, ["sql_mode"]);
        assert_eq!(
            text(variables.sync_statement(0, &corrections, &[])),
            "SET @@sql_mode = 'A'"
        );
        assert!(variables.corrections(variables.login()).is_empty());
    }
}
