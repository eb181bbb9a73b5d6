//! The embedded engine: one SQLite connection a session, with MySQL's functions.

mod failure;
mod functions;
mod md5;
pub(crate) mod moment;
mod numbers;
mod sessions;
mod strings;
mod times;
pub(crate) mod write_queue;

use crate::catalogue::Catalogue;
use crate::conditions::Clock;
use crate::error::{SimulatorError, SqlError};
use crate::session::facts::Facts;
use crate::translate::quote_name;
pub(crate) use failure::{is_busy, sql_error};
pub(crate) use numbers::rounded;
use parking_lot::Mutex;
use rusqlite::{Connection, InterruptHandle};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
pub(crate) use strings::like;

/// Databases that SQLite attaches to one connection at most.
const MAX_ATTACHED: usize = 9;

/// A session's connection to the data.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) connection: Connection,
    catalogue: Arc<Catalogue>,
    tenant: String,
    /// Names with the files behind them, the longest attached first.
    attached: Vec<(String, PathBuf)>,
}

impl Engine {
    /// Opens a connection for a session of `tenant`.
    pub(crate) fn open(
        catalogue: Arc<Catalogue>,
        tenant: &str,
        facts: &Arc<Mutex<Facts>>,
    ) -> Result<Self, SimulatorError> {
        let connection = Connection::open_in_memory()?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.busy_timeout(Duration::from_millis(10))?;
        // A renamed table must not make SQLite check every view, as MySQL does not either.
        connection.pragma_update(None, "legacy_alter_table", true)?;
        functions::register(&connection, &facts.lock().clock)?;
        sessions::register(&connection, facts)?;
        Ok(Self {
            connection,
            catalogue,
            tenant: tenant.to_owned(),
            attached: Vec::new(),
        })
    }

    /// What interrupts a running statement.
    pub(crate) fn interrupt_handle(&self) -> InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// Makes the databases (in lower case) known to the connection.
    ///
    /// # Errors
    /// 1049 for a database that the tenant does not have.
    pub(crate) fn attach<'a>(
        &mut self,
        databases: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), SqlError> {
        for database in databases {
            let file = match database {
                "oceanbase" => self.catalogue.file(),
                "information_schema" => PathBuf::from(":memory:"),
                _ => {
                    let file = self
                        .catalogue
                        .database_file(&self.tenant, database)
                        .ok()
                        .flatten();
                    file.ok_or_else(|| SqlError::no_database(database))?
                }
            };
            let known = self.attached.iter().find(|(name, _)| name == database);
            if known.is_some_and(|(_, known)| *known == file) {
                continue;
            }
            self.forget(database)?;
            self.attach_one(database, file)?;
        }
        Ok(())
    }

    fn attach_one(&mut self, database: &str, file: PathBuf) -> Result<(), SqlError> {
        if self.attached.len() >= MAX_ATTACHED {
            let (oldest, _) = self.attached.remove(0);
            self.detach(&oldest)?;
        }
        let path = file.display();
        let uri = if database == "oceanbase" {
            format!("file:{path}?mode=ro")
        } else {
            path.to_string()
        };
        let run = |sql: &str| {
            self.connection
                .execute_batch(sql)
                .map_err(|error| sql_error(&error))
        };
        let name = quote_name(database);
        run(&format!(
            "ATTACH {} AS {name}",
            crate::translate::quote_text(&uri)
        ))?;
        self.attached.push((database.to_owned(), file));
        // Inside a transaction SQLite refuses, and the database is only slower for it.
        if self.connection.is_autocommit() {
            run(&format!("PRAGMA {name}.synchronous = OFF"))?;
        }
        Ok(())
    }

    fn detach(&self, database: &str) -> Result<(), SqlError> {
        self.connection.flush_prepared_statement_cache();
        self.connection
            .execute_batch(&format!("DETACH {}", quote_name(database)))
            .map_err(|error| sql_error(&error))
    }

    /// Lets go of databases that have been dropped since, also where there are new ones of their names:
    /// inside a transaction that cannot be done.
    pub(crate) fn forget_dropped(&mut self) -> Result<(), SqlError> {
        let is_gone = |(name, known): &&(String, PathBuf)| {
            let file = self.catalogue.database_file(&self.tenant, name);
            let is_own = !["oceanbase", "information_schema"].contains(&name.as_str());
            is_own && file.ok().flatten().as_ref() != Some(known)
        };
        let gone: Vec<_> = self.attached.iter().filter(is_gone).cloned().collect();
        gone.iter().try_for_each(|(name, _)| self.forget(name))
    }

    /// Lets go of a database that is to be dropped.
    pub(crate) fn forget(&mut self, database: &str) -> Result<(), SqlError> {
        if let Some(index) = self
            .attached
            .iter()
            .position(|(known, _)| known == database)
        {
            self.attached.remove(index);
            self.detach(database)?;
        }
        Ok(())
    }
}

/// A connection to one database's file, for statements that need no session.
pub(crate) fn open_file(file: &std::path::Path) -> Result<Connection, SimulatorError> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    functions::register(&connection, &Clock::default())?;
    Ok(connection)
}
