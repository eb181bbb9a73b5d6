//! What a session asks the router: one statement and the session's circumstances.

use odp_cluster::{DatabaseName, ServerAddr, TenantName};
use odp_sql::{Consistency, Outline};

/// The session's `collation_connection`, as its MySQL collation id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CollationId(pub u16);

impl Default for CollationId {
    /// `utf8mb4_general_ci`.
    fn default() -> Self {
        Self(45)
    }
}

impl CollationId {
    /// Whether the character set is UTF-8 (`information_schema.COLLATIONS` of MySQL 8.0).
    pub(crate) fn is_utf8(self) -> bool {
        matches!(self.0, 33 | 45 | 46 | 76 | 83 | 192..=215 | 223..=247 | 255..=323)
    }
}

/// A bound parameter of a prepared statement, decoded from the binary protocol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Parameter<'a> {
    /// SQL NULL.
    Null,
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width.
    Uint(u64),
    /// A floating-point number.
    Double(f64),
    /// A string, decimal or blob: the bytes as the client sent them.
    Bytes(&'a [u8]),
    /// Something this proxy does not place (long data, temporal values).
    Other,
}

/// A statement to place.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The session's tenant.
    pub tenant: &'a TenantName,
    /// The session's database; may be empty.
    pub database: &'a DatabaseName,
    /// The statement; `None` for a command without one (a login, `COM_PING`).
    pub outline: Option<&'a Outline<'a>>,
    /// The bound parameters of a prepared statement, in order; empty for a text statement.
    pub parameters: &'a [Parameter<'a>],
    /// The collation of the session's literals.
    pub collation: CollationId,
    /// The session's consistency; a hint in the statement beats it.
    pub consistency: Consistency,
    /// The server that ran the session's last statement.
    pub last_server: Option<ServerAddr>,
    /// The servers already tried for this statement.
    pub excluded: &'a [ServerAddr],
    /// How far the session has come with this statement's location.
    pub lookup: LookupPhase,
}

/// Whether the router may ask for a lookup first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LookupPhase {
    /// The router may answer [`crate::Decision::Lookup`].
    #[default]
    Allowed,
    /// A lookup has been made for this statement, with or without success: route now.
    Done,
}

impl<'a> Request<'a> {
    /// A request without statement: a login, or a command that any server of the tenant can run.
    #[must_use]
    pub fn new(tenant: &'a TenantName, database: &'a DatabaseName) -> Self {
        Self {
            tenant,
            database,
            outline: None,
            parameters: &[],
            collation: CollationId::default(),
            consistency: Consistency::Strong,
            last_server: None,
            excluded: &[],
            lookup: LookupPhase::Allowed,
        }
    }
}
