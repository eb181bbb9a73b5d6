//! Accounts and their privileges, in the rows that an OBServer shows of them.

use crate::catalogue::{Catalogue, tables};
use crate::engine::like;
use crate::error::SimulatorError;
use odp_protocol::auth;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// What can be granted here; `ALL` is all of them.
pub(crate) const PRIVILEGES: [&str; 12] = [
    "ALTER",
    "CREATE",
    "CREATE USER",
    "CREATE VIEW",
    "DELETE",
    "DROP",
    "INDEX",
    "INSERT",
    "PROCESS",
    "SELECT",
    "SHOW VIEW",
    "UPDATE",
];

/// The first id of an account; `root` has it everywhere.
const FIRST_ID: i64 = 200_001;

/// The name of an account: user and host pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AccountName {
    pub(crate) user: String,
    pub(crate) host: String,
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'@'{}'", self.user, self.host)
    }
}

/// An account as a login meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) name: AccountName,
    /// `None` for an account without password.
    pub(crate) stage2: Option<[u8; auth::SALT_LEN]>,
    pub(crate) is_locked: bool,
}

/// Where a privilege holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Level {
    /// `*.*`
    Everywhere,
    /// `database.*`
    Database(String),
}

/// Names of [`PRIVILEGES`].
pub(crate) type Privileges = BTreeSet<String>;

/// What an account may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) everywhere: Privileges,
    pub(crate) databases: BTreeMap<String, Privileges>,
}

impl Rights {
    /// Whether the privilege holds in a database, in lower case.
    pub(crate) fn allow(&self, privilege: &str, database: &str) -> bool {
        let there = self.databases.get(database);
        self.everywhere.contains(privilege) || there.is_some_and(|it| it.contains(privilege))
    }

    /// Whether any privilege holds in a database, in lower case.
    pub(crate) fn enter(&self, database: &str) -> bool {
        !self.everywhere.is_empty() || self.databases.contains_key(database)
    }
}

/// All of [`PRIVILEGES`].
pub(crate) fn all_privileges() -> Privileges {
    PRIVILEGES.iter().map(|&name| name.to_owned()).collect()
}

impl Catalogue {
    /// The accounts of a user name that let this host in, in the order in which they are tried.
    pub(crate) fn accounts(
        &self,
        tenant: i64,
        user: &str,
        host: &str,
    ) -> Result<Vec<Account>, SimulatorError> {
        let store = self.store.lock();
        let mut statement = store.prepare_cached(
            "SELECT user_id, user_name, host, passwd, is_locked FROM __all_virtual_user WHERE \
             tenant_id = ?1 AND user_name = ?2 ORDER BY user_id",
        )?;
        let rows = statement.query_map(params![tenant, user], read_account)?;
        let accounts = rows.collect::<Result<Vec<_>, _>>()?;
        let admits = |account: &Account| like(&account.name.host, host, '\\');
        Ok(accounts.into_iter().filter(admits).collect())
    }

    /// What an account may do; `None` when it is gone.
    pub(crate) fn rights(
        &self,
        tenant: i64,
        id: i64,
    ) -> Result<Option<Arc<Rights>>, SimulatorError> {
        if let Some(known) = self.with_cache(|cache| cache.rights.get(&(tenant, id)).cloned()) {
            return Ok(known);
        }
        let generation = self.generation();
        let rights = read_rights(&self.store.lock(), tenant, id)?.map(Arc::new);
        let kept = rights.clone();
        self.with_cache(|cache| {
            if cache.generation == generation {
                cache.rights.insert((tenant, id), kept);
            }
        });
        Ok(rights)
    }

    /// Creates an account without any privilege; false when it exists.
    pub(crate) fn create_account(
        &self,
        tenant: i64,
        name: &AccountName,
        password: &str,
    ) -> Result<bool, SimulatorError> {
        let created = {
            let store = self.store.lock();
            find(&store, tenant, name)?.is_none() && {
                enter(&store, tenant, name, password, &Privileges::new())?;
                true
            }
        };
        self.changed()?;
        Ok(created)
    }

    /// Creates an account of this name for every host with every privilege, or changes its password.
    pub(crate) fn put_account(
        &self,
        tenant: &str,
        user: &str,
        password: &str,
    ) -> Result<(), SimulatorError> {
        let Some((_, tenant)) = self.tenant(tenant)? else {
            return Ok(());
        };
        put_account(&self.store.lock(), tenant, user, password)?;
        self.changed()
    }

    /// Gives an account another password; false when there is none.
    pub(crate) fn set_password(
        &self,
        tenant: i64,
        name: &AccountName,
        password: &str,
    ) -> Result<bool, SimulatorError> {
        self.change_account(tenant, name, "passwd", &hash(password))
    }

    /// Locks or unlocks an account; false when there is none.
    pub(crate) fn set_locked(
        &self,
        tenant: i64,
        name: &AccountName,
        is_locked: bool,
    ) -> Result<bool, SimulatorError> {
        self.change_account(tenant, name, "is_locked", &i64::from(is_locked))
    }

    fn change_account(
        &self,
        tenant: i64,
        name: &AccountName,
        column: &str,
        value: &dyn rusqlite::ToSql,
    ) -> Result<bool, SimulatorError> {
        let count = {
            let store = self.store.lock();
            let now = now(&store)?;
            let query = format!(
                "UPDATE __all_virtual_user SET {column} = ?4, gmt_modified = ?5 WHERE tenant_id = ?1 \
                 AND user_name = ?2 AND host = ?3"
            );
            store.execute(&query, params![tenant, name.user, name.host, value, now])?
        };
        self.changed()?;
        Ok(count > 0)
    }

    /// Removes an account; false when there was none.
    pub(crate) fn drop_account(
        &self,
        tenant: i64,
        name: &AccountName,
    ) -> Result<bool, SimulatorError> {
        let dropped = {
            let store = self.store.lock();
            let id = find(&store, tenant, name)?;
            for table in ["__all_virtual_user", "__all_virtual_database_privilege"] {
                let query = format!("DELETE FROM {table} WHERE tenant_id = ?1 AND user_id = ?2");
                store.execute(&query, params![tenant, id])?;
            }
            id.is_some()
        };
        self.changed()?;
        Ok(dropped)
    }

    /// Gives an account privileges or takes them; false when there is no such account.
    pub(crate) fn change_rights(
        &self,
        tenant: i64,
        name: &AccountName,
        level: &Level,
        change: impl FnOnce(&mut Privileges),
    ) -> Result<bool, SimulatorError> {
        let is_there = {
            let store = self.store.lock();
            match find(&store, tenant, name)? {
                Some(id) => {
                    let mut rights = read_rights(&store, tenant, id)?.unwrap_or_default();
                    let privileges = match level {
                        Level::Everywhere => &mut rights.everywhere,
                        Level::Database(database) => {
                            rights.databases.entry(database.clone()).or_default()
                        }
                    };
                    change(privileges);
                    put_rights(&store, tenant, id, level, privileges)?;
                    true
                }
                None => false,
            }
        };
        self.changed()?;
        Ok(is_there)
    }
}

/// Enters an account of a tenant that is being founded.
pub(super) fn put_account(
    store: &Connection,
    tenant: i64,
    user: &str,
    password: &str,
) -> Result<(), rusqlite::Error> {
    let name = AccountName {
        user: user.to_owned(),
        host: "%".to_owned(),
    };
    if find(store, tenant, &name)?.is_none() {
        return enter(store, tenant, &name, password, &all_privileges());
    }
    let query = "UPDATE __all_virtual_user SET passwd = ?3, gmt_modified = ?4 WHERE tenant_id = ?1 AND \
                 user_name = ?2 AND host = '%'";
    let values = params![tenant, user, hash(password), now(store)?];
    store.execute(query, values).map(drop)
}

fn enter(
    store: &Connection,
    tenant: i64,
    name: &AccountName,
    password: &str,
    everywhere: &Privileges,
) -> Result<(), rusqlite::Error> {
    let id = match name.user.as_str() {
        "root" => FIRST_ID,
        _ => tables::next(store, "user", 1)?,
    };
    store
        .execute(
            "INSERT INTO __all_virtual_user (tenant_id, user_id, gmt_create, gmt_modified, user_name, \
             host, passwd, is_locked, ssl_type, max_connections, max_user_connections, type, \
             profile_id, sim_privileges) VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, 0, 0, 0, 0, 0, -1, ?7)",
            params![
                tenant,
                id,
                now(store)?,
                name.user,
                name.host,
                hash(password),
                joined(everywhere)
            ],
        )
        .map(drop)
}

fn find(
    store: &Connection,
    tenant: i64,
    name: &AccountName,
) -> Result<Option<i64>, rusqlite::Error> {
    let query = "SELECT user_id FROM __all_virtual_user WHERE tenant_id = ?1 AND user_name = ?2 AND \
                 host = ?3";
    let values = params![tenant, name.user, name.host];
    store.query_row(query, values, |row| row.get(0)).optional()
}

fn read_account(row: &Row<'_>) -> Result<Account, rusqlite::Error> {
    let passwd: String = row.get(3)?;
    Ok(Account {
        id: row.get(0)?,
        name: AccountName {
            user: row.get(1)?,
            host: row.get(2)?,
        },
        stage2: passwd.strip_prefix('*').map(bytes_of),
        is_locked: row.get::<_, i64>(4)? != 0,
    })
}

fn read_rights(
    store: &Connection,
    tenant: i64,
    id: i64,
) -> Result<Option<Rights>, rusqlite::Error> {
    let query =
        "SELECT sim_privileges FROM __all_virtual_user WHERE tenant_id = ?1 AND user_id = ?2";
    let everywhere: Option<String> = store
        .prepare_cached(query)?
        .query_row(params![tenant, id], |row| row.get(0))
        .optional()?;
    let Some(everywhere) = everywhere else {
        return Ok(None);
    };
    let query = "SELECT database_name, sim_privileges FROM __all_virtual_database_privilege WHERE \
                 tenant_id = ?1 AND user_id = ?2";
    let mut statement = store.prepare_cached(query)?;
    let rows = statement.query_map(params![tenant, id], |row| {
        Ok((row.get(0)?, split(&row.get::<_, String>(1)?)))
    })?;
    Ok(Some(Rights {
        everywhere: split(&everywhere),
        databases: rows.collect::<Result<_, _>>()?,
    }))
}

fn put_rights(
    store: &Connection,
    tenant: i64,
    id: i64,
    level: &Level,
    privileges: &Privileges,
) -> Result<(), rusqlite::Error> {
    let (text, now) = (joined(privileges), now(store)?);
    let Level::Database(database) = level else {
        let query = "UPDATE __all_virtual_user SET sim_privileges = ?3, gmt_modified = ?4 WHERE \
                     tenant_id = ?1 AND user_id = ?2";
        return store
            .execute(query, params![tenant, id, text, now])
            .map(drop);
    };
    // As with a real engine, the row of the account itself does not change.
    store.execute(
        "DELETE FROM __all_virtual_database_privilege WHERE tenant_id = ?1 AND user_id = ?2 AND \
         database_name = ?3",
        params![tenant, id, database],
    )?;
    if privileges.is_empty() {
        return Ok(());
    }
    store
        .execute(
            "INSERT INTO __all_virtual_database_privilege VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
            params![tenant, id, database, now, text],
        )
        .map(drop)
}

/// The time, never the same twice: a proxy sees by it that something has changed.
pub(super) fn now(store: &Connection) -> Result<String, rusqlite::Error> {
    let count = tables::next(store, "change", 1)?;
    let query = "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now') || printf('%03d', ?1 % 1000)";
    store.query_row(query, [count], |row| row.get(0))
}

/// A password as a server keeps it: `*` and the digits of the stage-2 hash; nothing for none.
fn hash(password: &str) -> String {
    if password.is_empty() {
        return String::new();
    }
    let stage2 = auth::stage2(&auth::stage1(password.as_bytes()));
    let digits = stage2.iter().map(|byte| format!("{byte:02x}"));
    std::iter::once("*".to_owned()).chain(digits).collect()
}

fn bytes_of(digits: &str) -> [u8; auth::SALT_LEN] {
    let mut bytes = [0; auth::SALT_LEN];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).unwrap_or_default();
        *byte = u8::from_str_radix(pair, 16).unwrap_or_default();
    }
    bytes
}

fn joined(privileges: &Privileges) -> String {
    privileges.iter().cloned().collect::<Vec<_>>().join(",")
}

fn split(text: &str) -> Privileges {
    let names = text.split(',').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}
