//! The name of a table in the location cache, and how to look it up without copying it.

use odp_cluster::{DatabaseName, TableName, TenantName};
use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Tenant, database and table, spelled as the client spells them: a server that ignores case gives
/// each spelling the same location, one that minds it does not.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TableKey {
    /// The tenant.
    pub tenant: TenantName,
    /// The database.
    pub database: DatabaseName,
    /// The table.
    pub table: TableName,
}

impl TableKey {
    const SYSTEM_DATABASE: &str = "oceanbase";
    const DUMMY_TABLE: &str = "__all_dummy";

    /// The key under which the servers of a tenant are kept: `oceanbase.__all_dummy`, as `OBProxy`
    /// asks for them.
    #[must_use]
    pub fn servers_of(tenant: &TenantName) -> Self {
        Self {
            tenant: tenant.clone(),
            database: DatabaseName::new(Self::SYSTEM_DATABASE),
            table: TableName::new(Self::DUMMY_TABLE),
        }
    }

    /// The key under which a routine is kept: its name with the brackets of a call, which no table has
    /// unless somebody insists.
    #[must_use]
    pub fn routine(tenant: &TenantName, database: &DatabaseName, name: &str) -> Self {
        Self {
            tenant: tenant.clone(),
            database: database.clone(),
            table: TableName::new(format!("{name}()")),
        }
    }

    /// The name of the routine that this is the key of.
    #[must_use]
    pub fn routine_name(&self) -> Option<&str> {
        self.table.as_str().strip_suffix("()")
    }

    /// Whether this is the key of a tenant's servers.
    #[must_use]
    pub fn is_servers(&self) -> bool {
        self.database.as_str() == Self::SYSTEM_DATABASE && self.table.as_str() == Self::DUMMY_TABLE
    }
}

impl TableKey {
    /// The key's parts, for a look-up.
    pub(crate) fn borrowed(&self) -> BorrowedKey<'_> {
        BorrowedKey {
            tenant: self.tenant.as_str(),
            database: self.database.as_str().as_bytes(),
            table: self.table.as_str().as_bytes(),
        }
    }
}

impl fmt::Display for TableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}.{}", self.tenant, self.database, self.table)
    }
}

/// The parts of a key, owned or borrowed: what the cache hashes and compares.
pub(crate) trait KeyParts {
    fn parts(&self) -> (&[u8], &[u8], &[u8]);
}

/// A key that borrows its parts from a statement, whose bytes may be no UTF-8: then nothing is cached
/// under it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BorrowedKey<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) database: &'a [u8],
    pub(crate) table: &'a [u8],
}

impl<'a> BorrowedKey<'a> {
    pub(crate) fn servers_of(tenant: &'a TenantName) -> Self {
        Self {
            tenant: tenant.as_str(),
            database: TableKey::SYSTEM_DATABASE.as_bytes(),
            table: TableKey::DUMMY_TABLE.as_bytes(),
        }
    }

    /// The key with parts of its own; `None` when it is no UTF-8.
    pub(crate) fn into_key(self) -> Option<TableKey> {
        Some(TableKey {
            tenant: TenantName::new(self.tenant),
            database: DatabaseName::new(str::from_utf8(self.database).ok()?),
            table: TableName::new(str::from_utf8(self.table).ok()?),
        })
    }
}

impl KeyParts for BorrowedKey<'_> {
    fn parts(&self) -> (&[u8], &[u8], &[u8]) {
        (self.tenant.as_bytes(), self.database, self.table)
    }
}

impl KeyParts for TableKey {
    fn parts(&self) -> (&[u8], &[u8], &[u8]) {
        (
            self.tenant.as_str().as_bytes(),
            self.database.as_str().as_bytes(),
            self.table.as_str().as_bytes(),
        )
    }
}

impl Hash for TableKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl<'a> Borrow<dyn KeyParts + 'a> for TableKey {
    fn borrow(&self) -> &(dyn KeyParts + 'a) {
        self
    }
}

impl Hash for dyn KeyParts + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl PartialEq for dyn KeyParts + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for dyn KeyParts + '_ {}
