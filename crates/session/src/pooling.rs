//! Whether a client may be lent server sessions that others used before: only when the proxy itself has
//! checked its password.

use crate::context::Context;
use crate::login_variables::LoginVariables;
use odp_cluster::{ServerAddr, TenantName};
use odp_pool::{AccountName, ClientLogin, Identity, PoolKey, PoolMode, Secret, Unproven};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Instant;

/// How a client's server sessions are pooled; plain data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pooling {
    /// Who the client is to a server.
    pub(crate) identity: Arc<Identity>,
    /// What it proved; `None` for an account without password.
    pub(crate) secret: Option<Secret>,
    /// How long server sessions stay with it.
    pub(crate) mode: PoolMode,
}

/// [`Pooling`] in a session's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PoolingRecord {
    identity: Identity,
    secret: Option<Secret>,
    mode: PoolMode,
}

/// What the proxy knows of a client at its login.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is who it says.
    Proven(Pooling),
    /// The server decides, for this reason.
    Unproven(Unproven),
    /// The server decides: nothing is known yet, or this client is not pooled.
    Unknown,
}

impl Pooling {
    /// The pool of the client's sessions at this server.
    pub(crate) fn key(&self, server: ServerAddr) -> PoolKey {
        PoolKey {
            server,
            identity: Arc::clone(&self.identity),
        }
    }

    /// The same, where sessions are shared by transaction.
    pub(crate) fn shared_key(&self, server: ServerAddr) -> Option<PoolKey> {
        (self.mode == PoolMode::Transaction).then(|| self.key(server))
    }

    /// Writes it down.
    pub(crate) fn to_record(&self) -> PoolingRecord {
        PoolingRecord {
            identity: (*self.identity).clone(),
            secret: self.secret.clone(),
            mode: self.mode,
        }
    }
}

impl From<PoolingRecord> for Pooling {
    fn from(record: PoolingRecord) -> Self {
        Self {
            identity: Arc::new(record.identity),
            secret: record.secret,
            mode: record.mode,
        }
    }
}

/// Checks a client's login against what is known of its account.
pub(crate) fn identify(login: &ClientLogin, name: &AccountName, context: &Context) -> Verdict {
    let mode = context.settings.pool_mode_of(&name.tenant, &name.user);
    if mode == PoolMode::Off {
        return Verdict::Unknown;
    }
    let Some(known) = context.credentials.find(name, Instant::now()) else {
        return Verdict::Unknown;
    };
    match Identity::prove(name, &known, login, &context.settings.identity) {
        Ok((identity, proof)) => Verdict::Proven(Pooling {
            identity: Arc::new(identity),
            secret: proof.secret,
            mode,
        }),
        Err(unproven) => Verdict::Unproven(unproven),
    }
}

/// The account that a user name means.
pub(crate) fn account_name(tenant: &TenantName, user: &str) -> AccountName {
    AccountName {
        tenant: tenant.clone(),
        user: SmolStr::new(user),
    }
}

/// Whether sessions with these variables may outlive their client. Not so: where a login runs
/// `init_connect`, ages passwords or counts failures; and in Oracle mode, where a session holds more than
/// is known here.
pub(crate) fn may_be_pooled(login: &LoginVariables) -> bool {
    const OFF: [&[u8]; 3] = [b"", b"0", b"OFF"];
    login.iter().all(|(name, value)| match name {
        b"init_connect"
        | b"default_password_lifetime"
        | b"connection_control_failed_connections_threshold" => OFF.contains(&value),
        b"ob_compatibility_mode" => value.eq_ignore_ascii_case(b"MYSQL") || OFF.contains(&value),
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_does_more_than_compare_is_not_saved() {
        let pooled = |values: &[(&str, &str)]| may_be_pooled(&LoginVariables::of(values));
        assert!(pooled(&[
            ("init_connect", ""),
            ("default_password_lifetime", "0")
        ]));
        assert!(pooled(&[
            ("ob_compatibility_mode", "MYSQL"),
            ("autocommit", "ON")
        ]));
        assert!(!pooled(&[("ob_compatibility_mode", "ORACLE")]));
        assert!(!pooled(&[("init_connect", "SET @a = 1")]));
        assert!(!pooled(&[("default_password_lifetime", "90")]));
        assert!(!pooled(&[(
            "connection_control_failed_connections_threshold",
            "3"
        )]));
    }
}
