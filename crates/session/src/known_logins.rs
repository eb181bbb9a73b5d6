//! What servers answered to logins: where sessions are shared by transaction, a client whose password the
//! proxy has checked gets in by that alone, and no server session waits for its first statement.

use crate::login_variables::LoginVariables;
use odp_cluster::DatabaseName;
use odp_pool::{PoolKey, Sighting};
use odp_protocol::StatusFlags;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// The most identities at servers that a worker remembers.
const KEYS_MAX: usize = 10_000;

/// The most databases that are remembered of each; the one that was seen first goes first.
const DATABASES_MAX: usize = 16;

/// What a login at a server brings.
#[derive(Debug, Clone)]
pub(crate) struct LoginResult {
    /// Its variables.
    pub(crate) variables: Arc<LoginVariables>,
    /// Its status flags.
    pub(crate) status: StatusFlags,
}

#[derive(Debug)]
struct KnownLogin {
    result: LoginResult,
    /// When a server session of this identity was at hand.
    seen: Sighting,
    /// The databases that it may choose.
    databases: Vec<(DatabaseName, Sighting)>,
}

/// What one worker knows of the logins of its clients.
#[derive(Debug)]
pub struct KnownLogins<K = PoolKey> {
    logins: HashMap<K, KnownLogin>,
}

impl<K> Default for KnownLogins<K> {
    fn default() -> Self {
        Self {
            logins: HashMap::new(),
        }
    }
}

impl<K: Clone + Eq + Hash> KnownLogins<K> {
    /// What a login of this identity to this database, if it names one, would bring; `None` when the
    /// server must be asked. What was seen counts as long as `believes` says so.
    pub(crate) fn find(
        &self,
        key: &K,
        database: Option<&[u8]>,
        believes: impl Fn(Sighting) -> bool,
    ) -> Option<LoginResult> {
        let known = self.logins.get(key).filter(|known| believes(known.seen))?;
        let is_known = |name: &[u8]| {
            let mut databases = known.databases.iter();
            databases.any(|(known, at)| known.as_str().as_bytes() == name && believes(*at))
        };
        database.is_none_or(is_known).then(|| known.result.clone())
    }

    /// Takes in that a server session of this identity is at hand at `seen`, and the database that it was
    /// seen to choose.
    pub(crate) fn note(
        &mut self,
        key: &K,
        result: LoginResult,
        seen: Sighting,
        chosen: Option<&(DatabaseName, Sighting)>,
    ) {
        if self.logins.len() >= KEYS_MAX && !self.logins.contains_key(key) {
            return;
        }
        let known = self
            .logins
            .entry(key.clone())
            .or_insert_with(|| KnownLogin {
                result: result.clone(),
                seen,
                databases: Vec::new(),
            });
        known.result = result;
        known.seen = seen;
        if let Some((name, at)) = chosen {
            known.databases.retain(|(other, _)| other != name);
            if known.databases.len() >= DATABASES_MAX {
                known.databases.remove(0);
            }
            known.databases.push((name.clone(), *at));
        }
    }

    /// Forgets what is no longer believed.
    pub(crate) fn tidy(&mut self, believes: impl Fn(Sighting) -> bool) {
        self.logins.retain(|_, known| believes(known.seen));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odp_pool::Credentials;
    use std::time::{Duration, Instant};

    fn result(values: &[(&str, &str)]) -> LoginResult {
        LoginResult {
            variables: Arc::new(LoginVariables::of(values)),
            status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
        }
    }

    #[test]
    fn a_login_is_known_for_as_long_as_what_was_seen_is_believed() {
        let interval = Duration::from_secs(15);
        let credentials = Credentials::new(interval);
        let (start, later) = (Instant::now(), Instant::now() + interval / 2);
        let mut known = KnownLogins::default();
        let old = credentials.sighting(start);
        let chosen = (DatabaseName::new("test"), old);
        known.note(&1, result(&[("a", "1")]), old, Some(&chosen));
        let find = |known: &KnownLogins<_>, key, database: Option<&str>, now| {
            let believes = |sighting| credentials.believes(sighting, now);
            let found = known.find(&key, database.map(str::as_bytes), believes);
            found.and_then(|found| found.variables.get("a").map(<[u8]>::to_vec))
        };
        let is = |value: &str| Some(value.as_bytes().to_vec());
        assert_eq!(find(&known, 1, None, later), is("1"));
        assert_eq!(find(&known, 1, Some("test"), later), is("1"));
        assert_eq!(find(&known, 1, Some("other"), later), None, "never seen");
        assert_eq!(find(&known, 2, None, later), None, "somebody else");
        let end = start + interval;
        assert_eq!(find(&known, 1, None, end), None);
        // A session that is lent again says nothing about a database that it chose long ago.
        known.note(
            &1,
            result(&[("a", "2")]),
            credentials.sighting(later),
            Some(&chosen),
        );
        assert_eq!(find(&known, 1, None, end), is("2"));
        assert_eq!(find(&known, 1, Some("test"), end), None);
        known.tidy(|sighting| credentials.believes(sighting, end));
        assert_eq!(known.logins.len(), 1);
        credentials.tenant_changed(&odp_cluster::TenantName::new("t"));
        assert_eq!(find(&known, 1, None, end), None, "something has changed");
        known.tidy(|sighting| credentials.believes(sighting, end));
        assert!(known.logins.is_empty());
    }

    #[test]
    fn databases_beyond_the_bound_make_room() {
        let credentials = Credentials::new(Duration::from_secs(15));
        let now = Instant::now();
        let at = credentials.sighting(now);
        let mut known = KnownLogins::default();
        for number in 0..=DATABASES_MAX {
            let chosen = (DatabaseName::new(format!("d{number}")), at);
            known.note(&1, result(&[]), at, Some(&chosen));
        }
        let find = |name: &str| {
            let believes = |sighting| credentials.believes(sighting, now);
            known.find(&1, Some(name.as_bytes()), believes).is_some()
        };
        assert!(!find("d0"));
        assert!(find("d1") && find(&format!("d{DATABASES_MAX}")));
    }
}
