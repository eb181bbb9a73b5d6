//! What the cluster knows of itself: servers, tenants, accounts, tables, partitions and replicas.
//!
//! It lives in an SQLite file whose tables are named like an OBServer's virtual tables, so that a
//! proxy's metadata queries run on it nearly as they are. Nodes of one process share an instance;
//! nodes in processes of their own share the file, and see each other's changes by its generation.

mod accounts;
mod found;
mod load;
mod steer;
mod table;
mod tables;

pub(crate) use accounts::{Account, AccountName, Level, PRIVILEGES, Rights, all_privileges};
pub(crate) use load::{PARTITION_TABLES, RealRow, RealTable, TableRows};
pub(crate) use steer::{ServerView, ZoneView};
pub(crate) use table::{Part, Table};

use crate::config::ClusterConfig;
use crate::error::SimulatorError;
use crate::variables::{self, Globals};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file of the catalogue inside the data directory.
const FILE: &str = "catalogue.db";

/// A file that grows by one byte with each change.
const GENERATION: &str = "generation";

/// A server as the catalogue lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerRow {
    /// 1 and up.
    pub(crate) id: i64,
    pub(crate) addr: SocketAddr,
    pub(crate) zone: String,
}

type Key = (String, String, String);

#[derive(Debug, Default)]
struct Cache {
    generation: u64,
    tables: HashMap<Key, Option<Arc<Table>>>,
    files: HashMap<(String, String), Option<PathBuf>>,
    globals: HashMap<String, Arc<Globals>>,
    rights: HashMap<(i64, i64), Option<Arc<Rights>>>,
}

/// The catalogue.
#[derive(Debug)]
pub(crate) struct Catalogue {
    dir: PathBuf,
    store: Mutex<Connection>,
    cache: Mutex<Cache>,
}

impl Catalogue {
    /// Lays out the data directory of a new cluster whose servers listen at `addrs`.
    pub(crate) fn create(
        dir: &Path,
        config: &ClusterConfig,
        addrs: &[SocketAddr],
    ) -> Result<Self, SimulatorError> {
        std::fs::create_dir_all(dir)?;
        File::create(dir.join(GENERATION))?;
        let catalogue = Self::open(dir)?;
        found::found(&mut catalogue.store.lock(), config, addrs)?;
        for tenant in &config.tenants {
            std::fs::create_dir_all(dir.join(tenant.name.to_ascii_lowercase()))?;
            catalogue.create_database(&tenant.name, "test")?;
        }
        Ok(catalogue)
    }

    /// Opens the data directory of a cluster that exists.
    pub(crate) fn open(dir: &Path) -> Result<Self, SimulatorError> {
        let store = Connection::open(dir.join(FILE))?;
        store.pragma_update(None, "journal_mode", "WAL")?;
        store.pragma_update(None, "synchronous", "OFF")?;
        store.busy_timeout(std::time::Duration::from_secs(10))?;
        Ok(Self {
            dir: dir.to_owned(),
            store: Mutex::new(store),
            cache: Mutex::default(),
        })
    }

    /// The catalogue's file, to be attached as database `oceanbase`.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.join(FILE)
    }

    /// The file of a database; none when the tenant has no such database. A database that is dropped
    /// and created again gets another file, so that no session goes on with the old one.
    pub(crate) fn database_file(
        &self,
        tenant: &str,
        database: &str,
    ) -> Result<Option<PathBuf>, SimulatorError> {
        let key = (tenant.to_ascii_lowercase(), database.to_ascii_lowercase());
        if let Some(known) = self.with_cache(|cache| cache.files.get(&key).cloned()) {
            return Ok(known);
        }
        let generation = self.generation();
        let query = "SELECT file FROM sim_database WHERE tenant = ?1 AND name = ?2";
        let found: Option<String> = {
            let store = self.store.lock();
            store
                .query_row(query, [tenant, database], |row| row.get(0))
                .optional()?
        };
        let file = found.map(|name| self.dir.join(&key.0).join(name));
        let kept = file.clone();
        self.with_cache(|cache| {
            if cache.generation == generation {
                cache.files.insert(key, kept);
            }
        });
        Ok(file)
    }

    fn generation(&self) -> u64 {
        std::fs::metadata(self.dir.join(GENERATION)).map_or(0, |data| data.len())
    }

    /// Tells every node that something has changed.
    fn changed(&self) -> Result<(), SimulatorError> {
        let mut file = OpenOptions::new()
            .append(true)
            .open(self.dir.join(GENERATION))?;
        file.write_all(b".")?;
        Ok(())
    }

    fn with_cache<T>(&self, use_cache: impl FnOnce(&mut Cache) -> T) -> T {
        let generation = self.generation();
        let mut cache = self.cache.lock();
        if cache.generation != generation {
            *cache = Cache {
                generation,
                ..Cache::default()
            };
        }
        use_cache(&mut cache)
    }

    /// Keeps the other processes of the cluster from what the file is there for, until it is closed.
    pub(crate) fn lock(&self, file: &str) -> Result<File, SimulatorError> {
        let file = File::create(self.dir.join(file))?;
        file.lock()?;
        Ok(file)
    }

    /// A setting (`cluster`, `cluster_id`, `lock_wait_timeout_ms`, `seekdb`, `seekdb_tenant`).
    pub(crate) fn setting(&self, name: &str) -> Result<String, SimulatorError> {
        let store = self.store.lock();
        let query = "SELECT value FROM sim_setting WHERE name = ?1";
        Ok(store
            .query_row(query, [name], |row| row.get(0))
            .optional()?
            .unwrap_or_default())
    }

    /// The servers by id.
    pub(crate) fn servers(&self) -> Result<Vec<ServerRow>, SimulatorError> {
        let store = self.store.lock();
        let mut statement =
            store.prepare("SELECT ID, SVR_IP, SQL_PORT, ZONE FROM DBA_OB_SERVERS ORDER BY ID")?;
        let rows = statement.query_map([], |row| {
            let (ip, port): (String, u16) = (row.get(1)?, row.get(2)?);
            let addr = format!("{ip}:{port}")
                .parse()
                .unwrap_or(([127, 0, 0, 1], port).into());
            Ok(ServerRow {
                id: row.get(0)?,
                addr,
                zone: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The tenant's name as the catalogue spells it, and its id.
    pub(crate) fn tenant(&self, name: &str) -> Result<Option<(String, i64)>, SimulatorError> {
        let store = self.store.lock();
        let query = "SELECT TENANT_NAME, TENANT_ID FROM DBA_OB_TENANTS WHERE TENANT_NAME = ?1";
        Ok(store
            .query_row(query, [name], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    }

    /// The databases of a tenant, by name.
    pub(crate) fn databases(&self, tenant: &str) -> Result<Vec<String>, SimulatorError> {
        let store = self.store.lock();
        let mut statement =
            store.prepare("SELECT name FROM sim_database WHERE tenant = ?1 ORDER BY name")?;
        let rows = statement.query_map([tenant], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether the tenant has this database.
    pub(crate) fn has_database(&self, tenant: &str, name: &str) -> Result<bool, SimulatorError> {
        Ok(self.database_file(tenant, name)?.is_some())
    }

    /// Creates a database; false when it exists.
    pub(crate) fn create_database(&self, tenant: &str, name: &str) -> Result<bool, SimulatorError> {
        if self.has_database(tenant, name)? {
            return Ok(false);
        }
        let store = self.store.lock();
        let number = tables::next(&store, "database", 1)?;
        let file = format!("{}.{number}.db", name.to_ascii_lowercase());
        let data = Connection::open(self.dir.join(tenant.to_ascii_lowercase()).join(&file))?;
        data.pragma_update(None, "journal_mode", "WAL")?;
        let query = "INSERT OR IGNORE INTO sim_database VALUES (?1, ?2, ?3)";
        store.execute(query, [tenant, name, &file])?;
        drop(store);
        self.changed()?;
        Ok(true)
    }

    /// Drops a database with its tables; false when there was none.
    pub(crate) fn drop_database(&self, tenant: &str, name: &str) -> Result<bool, SimulatorError> {
        let Some(file) = self.database_file(tenant, name)? else {
            return Ok(false);
        };
        for table in self.tables(tenant, name)? {
            self.drop_table(tenant, name, &table)?;
        }
        let query = "DELETE FROM sim_database WHERE tenant = ?1 AND name = ?2";
        self.store.lock().execute(query, [tenant, name])?;
        for suffix in ["", "-wal", "-shm"] {
            let mut path = file.clone().into_os_string();
            path.push(suffix);
            // The log files exist only while somebody has the database open.
            std::fs::remove_file(path).ok();
        }
        self.changed()?;
        Ok(true)
    }

    /// The tenant's global variables.
    pub(crate) fn globals(&self, tenant: &str) -> Result<Arc<Globals>, SimulatorError> {
        if let Some(known) = self.with_cache(|cache| cache.globals.get(tenant).cloned()) {
            return Ok(known);
        }
        let store = self.store.lock();
        let mut statement =
            store.prepare("SELECT name, value FROM sim_global WHERE tenant = ?1")?;
        let rows = statement.query_map([tenant], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let set: Vec<(String, String)> = rows.collect::<Result<_, _>>()?;
        let globals = Arc::new(variables::globals(set));
        let kept = Arc::clone(&globals);
        self.with_cache(|cache| cache.globals.insert(tenant.to_owned(), kept));
        Ok(globals)
    }

    /// Sets a global variable of a tenant.
    pub(crate) fn set_global(
        &self,
        tenant: &str,
        name: &str,
        value: &str,
    ) -> Result<(), SimulatorError> {
        let query = "INSERT OR REPLACE INTO sim_global VALUES (?1, ?2, ?3, ?4)";
        let store = self.store.lock();
        let now = accounts::now(&store)?;
        store.execute(query, params![tenant, name, value, now])?;
        drop(store);
        self.changed()
    }
}
